"""A node becomes an endpoint with its InternalIP addresses of both families."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from sys import intern

from fmgsync.model import address
from fmgsync.model.address import Address
from fmgsync.model.endpoint import NodeEndpoint
from fmgsync.sources.convert import notes
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import (
    NO_FLAWS,
    Flaws,
    Malformed,
    Node,
    given_name,
    host_address,
    instant,
)


def endpoint(node: Node, pool: LabelPool, flaws: Flaws = NO_FLAWS) -> NodeEndpoint:
    """The node as an endpoint; one without an InternalIP has no addresses.

    Of several InternalIPs those that are addresses are taken: no API server checks them.
    Raises `Malformed` if the node cannot be named.
    """
    doubts = [flaws.doubt]
    found: set[Address] = set()
    for entry in node.status.addresses or ():
        if entry.type == "InternalIP":
            try:
                found.add(host_address(entry.address, "the InternalIP in status.addresses"))
            except Malformed as error:
                doubts.append(str(error))
    return NodeEndpoint(
        name=intern(given_name(node.metadata)),
        labels=pool.labels(node.metadata.labels or {}, flaws.labels),
        addresses=tuple(sorted(found, key=address.sort_key)),
        ranges=tuple(_ranges(node)),
        started=instant(node.metadata.creation_timestamp),
        doubt="; ".join(filter(None, doubts)),
        marks=notes.marks(node),
    )


def _ranges(node: Node) -> Iterator[Address]:
    """The prefixes of its pods; one that cannot be read bears nothing out."""
    spec = node.spec
    for text in spec.pod_cidrs or ([spec.pod_cidr] if spec.pod_cidr else []):
        with suppress(ValueError):
            yield address.parse(text)
