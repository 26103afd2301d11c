"""A node becomes an endpoint with its InternalIP addresses of both families."""

from __future__ import annotations

from sys import intern

from fmgsync.model import address
from fmgsync.model.endpoint import NodeEndpoint
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import Node, checked_name, host_address


def endpoint(node: Node, pool: LabelPool) -> NodeEndpoint:
    """The node as an endpoint; one without an InternalIP has no addresses. Raises `Malformed`."""
    found = {
        host_address(entry.address, "the InternalIP in status.addresses")
        for entry in node.status.addresses or ()
        if entry.type == "InternalIP"
    }
    return NodeEndpoint(
        name=intern(checked_name(node.metadata.name)),
        labels=pool.labels(node.metadata.labels or {}),
        addresses=tuple(sorted(found, key=address.sort_key)),
    )
