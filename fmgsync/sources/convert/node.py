"""A node becomes an endpoint with its InternalIP addresses of both families.

Its other addresses are kept for rules that ask for them: ExternalIPs, and what annotations tell.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from sys import intern
from typing import Final

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

_JSON: Final = ("{", "[")
_LONGEST: Final = 1_000


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
        others=tuple(sorted(set(_others(node)))),
    )


def _others(node: Node) -> Iterator[tuple[str, Address]]:
    """What further entries and annotations tell, as far as it is nothing but addresses."""
    for entry in node.status.addresses or ():
        if entry.type == "ExternalIP":
            with suppress(Malformed):
                yield "ExternalIP", host_address(entry.address, "the ExternalIP")
    for key, text in (node.metadata.annotations or {}).items():
        for each in of_text(text):
            yield f"annotation:{key}", each


def of_text(text: str) -> list[Address]:
    """The host addresses in the value of an annotation: alone, several, or in JSON; none if
    anything else is in it. A length behind an address is that of its network."""
    if len(text) > _LONGEST:
        return []
    try:
        words = [*_strings(json.loads(text))] if text[:1] in _JSON else re.split(r"[\s,]+", text)
        return [_host(word) for word in words if word]
    except (ValueError, RecursionError):
        return []


def _host(text: str) -> Address:
    if "%" in text:
        raise ValueError(text)
    return address.parse(str(ipaddress.ip_interface(text).ip))


def _strings(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict | list):
        for each in content.values() if isinstance(content, dict) else content:
            yield from _strings(each)
    elif content is not None:
        raise ValueError(content)


def _ranges(node: Node) -> Iterator[Address]:
    """The prefixes of its pods; one that cannot be read bears nothing out."""
    spec = node.spec
    for text in spec.pod_cidrs or ([spec.pod_cidr] if spec.pod_cidr else []):
        with suppress(ValueError):
            yield address.parse(text)
