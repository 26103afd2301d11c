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
    silent = {kind for kind, _ in cluster.silent(now)}
    for kind, found in sorted(cluster.hearing.items()):
        if kind not in cluster.needed:
            continue
        at = found.heard_at
        yield {
            "kind": str(kind),
            "synced": kind in cluster.synced,
            "lastHeard": None if at is None else datetime.fromtimestamp(at, UTC).isoformat(),
            "secondsAgo": None if at is None else round(max(0.0, now - at), 1),
            "followed": at is not None and not found.lost and kind not in silent,
            **({"because": found.lost} if found.lost else {}),
        }
