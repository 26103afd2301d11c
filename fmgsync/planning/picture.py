"""An ADOM as it was last read, whole and since then part by part.

A part is what some rules concern: their groups with shards, the addresses these hold or shall
hold, and whatever bears one of these names. A plan made for it costs what the part costs, however
large the rest is. It is right as long as nobody else has changed the ADOM: `stamp` tells.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fmgsync.model import naming
from fmgsync.model.address import Family
from fmgsync.model.change import Action, Change, ObjectKind
from fmgsync.model.state import DesiredAdom, ObservedAddress, ObservedAdom, ObservedGroup
from fmgsync.planning.render import ObjectKey

_GROUPS = (ObjectKind.GROUP, ObjectKind.GROUP6)


@dataclass(frozen=True, slots=True)
class Touched:
    """The objects that some changes write to."""

    groups: frozenset[ObjectKey]
    addresses: frozenset[ObjectKey]


class Picture:
    """For one thread. `asked` are the names for which foreign objects were looked for."""

    def __init__(self, observed: ObservedAdom, asked: Iterable[str]) -> None:
        self._whole = observed
        self.stamp = observed.stamp
        self._asked = frozenset(asked)
        self._groups: dict[ObjectKey, ObservedGroup] = {}
        self._addresses: dict[ObjectKey, ObservedAddress] = dict(observed.addresses)
        self._of_rule: defaultdict[str, set[ObjectKey]] = defaultdict(set)
        self._holders: defaultdict[ObjectKey, set[ObjectKey]] = defaultdict(set)
        for group in observed.groups.values():
            self._put(group)

    def covers(self, names: Iterable[str]) -> bool:
        """Whether foreign objects with these names would be known."""
        return self._asked.issuperset(names)

    def observed(self) -> ObservedAdom:
        """The whole ADOM as it is known now; a copy, for other threads to keep."""
        return ObservedAdom(
            self._whole.ref,
            dict(self._addresses),
            dict(self._groups),
            self._whole.used,
            stamp=self.stamp,
        )

    def part(self, desired: DesiredAdom, names: Iterable[str]) -> ObservedAdom:
        """What concerns these groups; `names` are all that they may need for themselves."""
        rules = {group.name for group in desired.groups}
        groups = {key: self._groups[key] for name in rules for key in self._of_rule.get(name, ())}
        held, asked = {*_members(groups.values())}, {*_desired(desired)}
        wanted = held | asked | {*_named(desired.owner, names)}
        addresses = {key: self._addresses[key] for key in wanted if key in self._addresses}
        return ObservedAdom(
            self._whole.ref,
            addresses,
            groups,
            self._whole.used,
            elsewhere={
                key: other
                for key in held - asked  # what these groups may let go of
                if (other := self._held_elsewhere(key, groups)) is not None
            },
            stamp=self.stamp,
        )

    def _held_elsewhere(self, key: ObjectKey, inside: Iterable[ObjectKey]) -> str | None:
        others = self._holders.get(key, set()).difference(inside)
        return min(
            (name for other in others if self._groups[other].owned for name in (other[1],)),
            default=None,
        )

    def replace(self, touched: Touched, fresh: ObservedAdom) -> None:
        """Take what was read back of these objects; one that is not in it is gone."""
        for key in touched.groups:
            self._drop(key)
        for group in fresh.groups.values():
            self._put(group)
        for key in touched.addresses:
            self._addresses.pop(key, None)
        self._addresses.update(fresh.addresses)
        self.stamp = fresh.stamp

    def _put(self, group: ObservedGroup) -> None:
        key = (group.family, group.name)
        self._groups[key] = group
        self._of_rule[naming.group_of(group.name)].add(key)
        for member in _members([group]):
            self._holders[member].add(key)

    def _drop(self, key: ObjectKey) -> None:
        group = self._groups.pop(key, None)
        if group is None:
            return
        self._of_rule[naming.group_of(group.name)].discard(key)
        for member in _members([group]):
            self._holders[member].discard(key)


def carried_out(changes: Iterable[Change], fresh: ObservedAdom) -> bool:
    """Whether what was read back is what these changes, one per object and place, were to make."""
    return all(_shows(change, fresh) for change in changes)


def _shows(change: Change, fresh: ObservedAdom) -> bool:
    key = (change.kind.family, change.name)
    if change.kind.table not in _GROUPS:
        address = fresh.addresses.get(key)
        if change.action is Action.DELETE or address is None:
            return change.action is Action.DELETE and address is None
        return address.owned and address.value == change.value and not address.mapped
    group = fresh.groups.get(key)
    if group is None or (change.device is None and change.action is Action.DELETE):
        return group is None and change.action is Action.DELETE
    members = group.members if change.device is None else group.mappings.get(change.device)
    if change.action is Action.DELETE:
        return members is None
    excluding = change.device in group.excluding
    return group.owned and not excluding and set(members or ()) == set(change.members)


def touched(changes: Iterable[Change]) -> Touched:
    """The objects of these changes; a mapping is part of its group."""
    groups: set[ObjectKey] = set()
    addresses: set[ObjectKey] = set()
    for change in changes:
        into = groups if change.kind.table in _GROUPS else addresses
        into.add((change.kind.family, change.name))
    return Touched(frozenset(groups), frozenset(addresses))


def _members(groups: Iterable[ObservedGroup]) -> Iterator[ObjectKey]:
    for group in groups:
        for names in (group.members, group.excluded, *group.mappings.values()):
            for name in names:
                yield group.family, name


def _desired(desired: DesiredAdom) -> Iterator[ObjectKey]:
    for group in desired.groups:
        for members in group.distinct():
            for address in members.addresses:
                yield group.family, naming.address_name(desired.owner, address)


def _named(owner: str, names: Iterable[str]) -> Iterator[ObjectKey]:
    for name in (*names, naming.NONE, naming.none_name(owner)):
        for family in Family:
            yield family, name
