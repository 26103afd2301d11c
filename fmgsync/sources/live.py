"""Reads a running cluster through its API server, once.

Finished pods are left out by the server itself: they own no address, and there may be many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fmgsync.errors import SourceForbidden
from fmgsync.kube import listing
from fmgsync.kube.client import Access, ApiSession
from fmgsync.kube.listing import Scope
from fmgsync.kube.requests import NAMESPACES, NODES, PODS, Resource
from fmgsync.model.endpoint import ClusterSnapshot, Kind
from fmgsync.sources.convert.objects import Namespace, Node, Pod
from fmgsync.sources.gathering import Gathering


@dataclass(frozen=True, slots=True)
class Reading:
    """How one kind is read."""

    resource: Resource
    item_type: type[Pod] | type[Node] | type[Namespace]
    scope: Scope = listing.EVERYTHING


READINGS: Final[dict[Kind, Reading]] = {
    Kind.PODS: Reading(PODS, Pod, Scope(fields="status.phase!=Succeeded,status.phase!=Failed")),
    Kind.NODES: Reading(NODES, Node),
    Kind.NAMESPACES: Reading(NAMESPACES, Namespace),
}


def read_snapshot(cluster: str, access: Access) -> ClusterSnapshot:
    """What the cluster runs now.

    A kind that may not be listed is unsynced, and its problem names the missing RBAC rule.
    Everything else that keeps the cluster from being read raises a `SourceError`.
    """
    gathering = Gathering()
    session = ApiSession(cluster, access)
    try:
        for kind, reading in READINGS.items():
            _read_kind(gathering, session, kind, reading)
    finally:
        session.close()
    return gathering.snapshot(cluster)


def _read_kind(gathering: Gathering, session: ApiSession, kind: Kind, reading: Reading) -> None:
    pages = listing.pages(session, reading.resource, reading.item_type, reading.scope)
    try:
        for page in pages:
            if page.starts:
                gathering.restart(kind)
            for item in page.items:
                gathering.add(kind, item, session.where)
            for each in page.garbled:
                where = f"{kind} {each.namespace}/{each.name}"
                gathering.problem(kind, where, f"{each.reason} ({session.where})")
    except SourceForbidden as error:
        gathering.problem(kind, str(kind), f"{error.message}: {error.next_step}")
    else:
        gathering.complete(kind)
