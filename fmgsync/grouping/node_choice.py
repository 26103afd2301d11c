"""Which addresses of a node count where a rule says so itself: the InternalIP by default, else what
it names (`ExternalIP`, an annotation), and of that only what lies within its prefixes.

Whoever may edit a node, its kubelet among them, writes its annotations: an address that only one of
them tells is published where the node's status has it too, or where `allowedRanges` of the cluster
or `within` of the group hold it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from fmgsync.grouping import destinations
from fmgsync.grouping.holdings import Ranges
from fmgsync.grouping.nothing import Note
from fmgsync.model.address import Address
from fmgsync.model.endpoint import NodeEndpoint
from fmgsync.model.rule import GroupRule

_INTERNAL: Final = "InternalIP"
_EXTERNAL: Final = "ExternalIP"


def chosen(rule: GroupRule, node: NodeEndpoint) -> Iterator[Address]:
    """What of the node's addresses a rule asks for."""
    yield from dict.fromkeys(address for _, address in _wanted(rule, node))


def _wanted(rule: GroupRule, node: NodeEndpoint) -> Iterator[tuple[str, Address]]:
    roles = rule.addresses or (_INTERNAL,)
    told = [*((_INTERNAL, address) for address in node.addresses), *node.others]
    for role, address in told:
        if role in roles:
            for each in destinations.within(rule, (address,)):
                yield role, each


def held(
    rule: GroupRule, nodes: Iterable[NodeEndpoint], ranges: Ranges | None
) -> tuple[frozenset[Address], tuple[tuple[Address, str], ...]]:
    """What a rule publishes of these nodes, and what it must not publish, with why."""
    found: set[Address] = set()
    withheld: dict[Address, str] = {}
    for node in nodes:
        status = {*node.addresses, *(a for role, a in node.others if role == _EXTERNAL)}
        for role, address in _wanted(rule, node):
            if address in status or rule.within or ranges is not None:
                found.add(address)
            else:
                withheld[address] = (
                    f"is told only by {role} of node {node.name}: give the cluster allowedRanges,"
                    " or the group within"
                )
    return frozenset(found), tuple(sorted(withheld.items()))


def note_on(rule: GroupRule, nodes: Sequence[NodeEndpoint], where: str) -> Note | None:
    """The nodes that have no address of the kind that is asked for."""
    bare = sorted(node.name for node in nodes if not any(chosen(rule, node)))
    if not bare:
        return None
    what = " or ".join(rule.addresses or (_INTERNAL,))
    inside = f" within {', '.join(rule.within)}" if rule.within else ""
    more = f" and {len(bare) - 1} more" if len(bare) > 1 else ""
    told = f"{where}: node {bare[0]}{more} of {len(nodes)} has no {what}{inside}"
    return Note(told, partial=len(bare) < len(nodes))
