"""What FortiManager would install on a device: each group's members there, by value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fmgsync.model.address import NOWHERE, Address, Family
from fmgsync.model.state import DesiredAdom, ObservedAdom
from fmgsync.model.target import DeviceVdom

_NOTHING = frozenset(NOWHERE.values())

Members = Mapping[DeviceVdom, Mapping[str, frozenset[Address]]]
"""Per DeviceVdom and group name, both families together."""


def from_adom(
    observed: ObservedAdom, targets: Iterable[DeviceVdom], names: Iterable[str]
) -> Members:
    """Members as the ADOM holds them, nesting flattened; `none` counts as nothing.

    A group the ADOM does not have, or that is foreign, is left out.
    """
    wanted = tuple(names)
    return {
        target: {
            name: frozenset().union(*found)
            for name in wanted
            if (
                found := [
                    _flatten(observed, family, name, target, set())
                    for family in Family
                    if (group := observed.groups.get((family, name))) and group.owned
                ]
            )
        }
        for target in targets
    }


def _flatten(
    observed: ObservedAdom, family: Family, name: str, target: DeviceVdom, seen: set[str]
) -> frozenset[Address]:
    if name in seen:
        return frozenset()
    seen.add(name)
    group = observed.groups.get((family, name))
    if group is None:
        address = observed.addresses.get((family, name))
        value = address.value if address else None
        return frozenset({value}) - _NOTHING if value else frozenset()
    members = group.mappings.get(target, group.members)
    return frozenset().union(*(_flatten(observed, family, m, target, seen) for m in members))


def from_desired(
    desired: DesiredAdom,
) -> Mapping[DeviceVdom, Mapping[str, frozenset[Address] | None]]:
    """Members as the rules ask for them; None where a source is not read completely."""
    members: dict[DeviceVdom, dict[str, frozenset[Address] | None]] = {}
    for group in desired.groups:
        for place in (*group.mappings, *group.places):
            wanted = group.at(place)
            here = members.setdefault(place, {})
            before = here.get(group.name, frozenset())
            if before is None or wanted is None or wanted.retain:
                here[group.name] = None
            else:
                here[group.name] = before | wanted.addresses
    return members
