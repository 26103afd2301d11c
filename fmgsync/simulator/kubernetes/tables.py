"""Lists of pods as rows, as `kubectl get -o wide` asks for them.

Public source: the Kubernetes API concepts, "Receiving resources as Tables", and the columns of
kube-apiserver's printer for pods (`pkg/printers/internalversion`). Other kinds are answered as they
are to whoever takes that as well, as by a server that has no columns for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from fmgsync.simulator.kubernetes.refusals import ApiRefusal, bad_request
from fmgsync.simulator.kubernetes.resources import PODS, Resource
from fmgsync.simulator.kubernetes.store import Stored

_COLUMNS: Final = (
    ("Name", "string", "name", 0),
    ("Ready", "string", "", 0),
    ("Status", "string", "", 0),
    ("Restarts", "string", "", 0),
    ("Age", "string", "", 0),
    ("IP", "string", "", 1),
    ("Node", "string", "", 1),
    ("Nominated Node", "string", "", 1),
    ("Readiness Gates", "string", "", 1),
)
_OBJECTS: Final = ("None", "Metadata", "Object")
_META: Final = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}


def is_asked(resource: Resource, accept: str, able: bool) -> bool:
    """Whether the request wants rows, and this kind has some; 406 if it takes nothing else."""
    served = able and resource == PODS
    wanted = [part.strip() for part in accept.split(",") if part.strip()]
    rows = [bool(re.search(r";\s*as=Table\b", part)) for part in wanted]
    if not wanted or not rows[0]:
        return False
    if not served and all(rows):
        raise ApiRefusal(
            406,
            "NotAcceptable",
            "only the following media types are accepted: application/json",
        )
    return served


def table(
    metadata: Mapping[str, Any], objects: Sequence[Stored], query: Mapping[str, str]
) -> bytes:
    """The list as a table; `includeObject` says how much of each pod goes with its row."""
    include = query.get("includeObject", "") or "Metadata"
    if include not in _OBJECTS:
        raise bad_request(f"unrecognized includeObject value: {include!r}")
    return msgspec.json.encode(
        {
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "columnDefinitions": [
                {"name": name, "type": kind, "format": form, "description": "", "priority": rank}
                for name, kind, form, rank in _COLUMNS
            ],
            "rows": [_row(each, include) for each in objects],
        }
    )


def _row(pod: Stored, include: str) -> dict[str, Any]:
    whole: dict[str, Any] = {"kind": "Pod", "apiVersion": "v1", **pod.content}
    partial = {**_META, "metadata": pod.content["metadata"]}
    shown = {"None": None, "Metadata": partial, "Object": whole}[include]
    return {"cells": _cells(pod), "object": shown}


def _cells(pod: Stored) -> list[Any]:
    metadata, spec, status = (
        pod.content.get(part) or {} for part in ("metadata", "spec", "status")
    )
    statuses = status.get("containerStatuses") or []
    ready = sum(bool(each.get("ready")) for each in statuses)
    shown = status.get("reason") or status.get("phase") or "Unknown"
    if metadata.get("deletionTimestamp"):
        shown = "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    ips = status.get("podIPs") or []
    return [
        pod.name,
        f"{ready}/{len(spec.get('containers') or ())}",
        shown,
        str(sum(each.get("restartCount", 0) for each in statuses)),
        _age(metadata.get("creationTimestamp")),
        (ips[0].get("ip") if ips else "") or "<none>",
        spec.get("nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>",
        "<none>",
    ]


def _age(created: str | None) -> str:
    if not created:
        return "<unknown>"
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{max(seconds, 0)}s"
