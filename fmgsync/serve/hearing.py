"""How long ago each kind of each cluster was last heard, as the status document tells it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from fmgsync.model.health import ClusterHealth, ServiceHealth


def rows(health: ServiceHealth, now: float) -> list[dict[str, Any]]:
    """A row for each cluster, with one for each kind that some rule needs."""
    return [{"cluster": each.cluster, "kinds": list(_kinds(each, now))} for each in health.clusters]


def _kinds(cluster: ClusterHealth, now: float) -> Iterator[dict[str, Any]]:
    silent = {kind for kind, _ in cluster.silent}
    for kind, found in sorted(cluster.hearing.items()):
        if kind not in cluster.needed:
            continue
        ago_s = found.ago_s
        yield {
            "kind": str(kind),
            "synced": kind in cluster.synced,
            "lastHeard": None if ago_s is None else _instant(now - ago_s),
            "secondsAgo": None if ago_s is None else round(ago_s, 1),
            "followed": ago_s is not None and not found.lost and kind not in silent,
            **({"because": found.lost} if found.lost else {}),
        }


def _instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
