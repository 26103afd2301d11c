"""Who has an address, who had it, and where it is stale, as steps of an explanation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from fmgsync.assessing.explanation import SHOWN, Scene, Step, names, texts
from fmgsync.model.address import Address
from fmgsync.model.endpoint import ClusterSnapshot, NodeEndpoint, PodEndpoint
from fmgsync.model.target import DeviceVdom


def owners(scene: Scene, address: Address) -> Step:
    """Who has it by what the clusters say."""
    found = [
        f"{kind} {name} of cluster {cluster}"
        for cluster, snapshot in sorted(scene.snapshots.items())
        for kind, name, endpoint in _endpoints(snapshot)
        if address in endpoint.addresses or address in _further(endpoint)
    ] + [
        f"{found.place} of cluster {cluster}"
        for cluster, snapshot in sorted(scene.snapshots.items())
        for found in snapshot.destinations
        if any(address == each for _, each in found.addresses)
    ]
    gaps = [name for name, s in scene.snapshots.items() if not {"pods", "nodes"} <= set(s.synced)]
    if found:
        return Step("endpoint", "clusters", True, f"{'; '.join(found[:SHOWN])}", tuple(found))
    if gaps:
        return Step("endpoint", "clusters", None, f"{', '.join(gaps)} not read completely")
    if scene.partial:
        because = (
            "no node has it, and no pod that a rule may select: the controller follows no other"
        )
        return Step("endpoint", "clusters", None, because)
    return Step("endpoint", "clusters", False, "no pod and no node has it")


def _endpoints(
    snapshot: ClusterSnapshot,
) -> Iterator[tuple[str, str, PodEndpoint | NodeEndpoint]]:
    for pod in snapshot.pods:
        yield "pod", f"{pod.namespace}/{pod.name}", pod
    for node in snapshot.nodes:
        yield "node", node.name, node


def _further(endpoint: PodEndpoint | NodeEndpoint) -> frozenset[Address]:
    """Addresses of a node that count for rules that choose them."""
    others = endpoint.others if isinstance(endpoint, NodeEndpoint) else ()
    return frozenset(address for _, address in others)


def formerly(scene: Scene, address: Address) -> Iterator[Step]:
    """Who had it when it was last let through; told where a device still lets it through for it."""
    stale = any(
        grant.address == address
        for adom in scene.adoms
        for view in adom.views
        for grant in view.stale_grants
    )
    found = scene.formerly(address)
    if found is not None:
        names_then, at = found
        when = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
        because = f"let through for {' and '.join(names_then)}, written {when}"
        yield Step("before", "audit", True, because, names_then)
    elif stale:
        because = "who had it is not known here: no write that was seen names it"
        yield Step("before", "audit", None, because)


def stale_grants(scene: Scene, group: str, address: Address) -> Iterator[Step]:
    """Where a device still lets it through although nobody wants it, and since when."""
    found: dict[str, list[DeviceVdom]] = {}
    for adom in scene.adoms:
        for view in adom.views:
            for grant in view.stale_grants:
                if (grant.group, grant.address) == (group, address):
                    since = "a time that is not known"
                    if grant.since is not None:
                        since = f"{datetime.fromtimestamp(grant.since, UTC):%Y-%m-%d %H:%M:%S} UTC"
                    again = "; another workload has it now" if grant.reused else ""
                    found.setdefault(f"{since}{again}", []).append(view.target)
    for since, targets in sorted(found.items()):
        because = f"stale on {names(targets)} since {since}"
        yield Step("stale grant", f"group {group}", False, because, texts(targets))
