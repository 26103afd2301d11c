"""What FortiManager would install on a device: each group's members there, by value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache

from fmgsync.model.address import NOWHERE, Address, Family
from fmgsync.model.state import DesiredAdom, ObjectKey, ObservedAdom
from fmgsync.model.target import DeviceVdom

_NOTHING = frozenset(NOWHERE.values())

_Read = Callable[[Family, tuple[str, ...]], tuple[frozenset[Address], tuple[str, ...]]]
"""Names of one family -> the addresses among them, and the groups."""

Members = Mapping[DeviceVdom, Mapping[str, frozenset[Address]]]
"""Per DeviceVdom and group name, both families together."""


def from_adom(
    observed: ObservedAdom, targets: Iterable[DeviceVdom], names: Iterable[str]
) -> Members:
    """Members as the ADOM holds them, nesting flattened; `none` counts as nothing.

    A group the ADOM does not have, or that is foreign, is left out.
    """
    wanted = tuple(names)
    read = _reader(observed)
    return {
        target: {
            name: found[0] if len(found) == 1 else frozenset().union(*found)
            for name in wanted
            if (
                found := [
                    _flatten(observed, read, (family, name), target, set())
                    for family in Family
                    if (group := observed.groups.get((family, name))) and group.owned
                ]
            )
        }
        for target in targets
    }


def _reader(observed: ObservedAdom) -> _Read:
    """Looks up once what devices share, as most do."""

    @cache
    def read(family: Family, names: tuple[str, ...]) -> tuple[frozenset[Address], tuple[str, ...]]:
        inner = tuple(name for name in names if (family, name) in observed.groups)
        plain = {*names}.difference(inner)
        found = (observed.addresses.get((family, name)) for name in plain)
        values = frozenset(one.value for one in found if one is not None and one.value is not None)
        if observed.strange:
            values = values.union(*(observed.strange.get((family, name), ()) for name in plain))
        return values - _NOTHING, inner

    return read


def _flatten(
    observed: ObservedAdom, read: _Read, key: ObjectKey, target: DeviceVdom, seen: set[ObjectKey]
) -> frozenset[Address]:
    group = observed.groups[key]
    if key in seen:
        return frozenset()
    seen.add(key)
    values, inner = read(key[0], group.mappings.get(target, group.members))
    nested = (_flatten(observed, read, (key[0], name), target, seen) for name in inner)
    return values.union(*nested) if inner else values


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
            else:  # a set that a thousand devices share is kept once
                here[group.name] = before | wanted.addresses if before else wanted.addresses
    return members
