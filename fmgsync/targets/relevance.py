"""Which objects of a database concern us: ours, those in our way, and what holds either."""

from __future__ import annotations

from collections.abc import Collection

from fmgsync.model import naming
from fmgsync.model.state import ObservedAddress, ObservedGroup

PREDEFINED = (naming.NONE, "all")


def concerns_us(address: ObservedAddress, owner: str, rule_names: frozenset[str]) -> bool:
    """Checked here as well: `like` may know more wildcards than `%`."""
    return (
        address.name.startswith(naming.address_prefix(owner))
        or address.name in PREDEFINED
        or address.name in rule_names
        or naming.owner_of(address.comment) == owner
    )


def groups_that_matter(
    groups: Collection[ObservedGroup],
    own_addresses: set[str],
    rule_names: frozenset[str],
    owner: str,
) -> list[str]:
    """Groups with our mark or a rule's name, and whatever holds one of these or our addresses.

    Groups hold groups, so the last part is followed upwards until nothing more is found.
    """
    inside_of = {group.name: group.named() for group in groups}
    wanted = {
        group.name
        for group in groups
        if group.name in rule_names or naming.owner_of(group.comment) == owner
    }
    while True:
        inside = wanted | own_addresses
        found = {
            name
            for name, named in inside_of.items()
            if name not in wanted and not inside.isdisjoint(named)
        }
        if not found:
            return sorted(wanted)
        wanted |= found
