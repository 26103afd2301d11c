"""An ADOM as it was last read, whole and since then part by part.

A part is what some rules concern: their groups with shards, the addresses that come to them, go
from them or are not as they should be, and whatever bears one of these names. A plan made for it
costs what the part costs, however large the rest is. It is right as long as nobody else has changed
the ADOM: `stamp` tells.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from fmgsync.model import naming
from fmgsync.model.address import Address, Family
from fmgsync.model.change import Action, Change, ObjectKind
from fmgsync.model.state import (
    DesiredAdom,
    DesiredGroup,
    ObjectKey,
    ObservedAddress,
    ObservedAdom,
    ObservedGroup,
)
from fmgsync.planning.addresses import is_sound
from fmgsync.planning.groups import names_at

_GROUPS = (ObjectKind.GROUP, ObjectKind.GROUP6)


@dataclass(frozen=True, slots=True)
class Touched:
    """The objects that some changes write to."""

    groups: frozenset[ObjectKey]
    addresses: frozenset[ObjectKey]


class Picture:
    """For one thread. `asked` are the names for which foreign objects were looked for, `owner` is
    whose objects are ours."""

    def __init__(self, observed: ObservedAdom, asked: Iterable[str], *, owner: str) -> None:
        self._whole = observed
        self.stamp = observed.stamp
        self._asked = frozenset(asked)
        self._groups: dict[ObjectKey, ObservedGroup] = {}
        self._addresses: dict[ObjectKey, ObservedAddress] = dict(observed.addresses)
        self._of_rule: defaultdict[str, set[ObjectKey]] = defaultdict(set)
        self._holders: defaultdict[ObjectKey, set[ObjectKey]] = defaultdict(set)
        self._owner = owner
        self._odd: set[ObjectKey] = set()
        self._note_odd(observed.addresses)
        for group in observed.groups.values():
            self._put(group)

    def _note_odd(self, fresh: Mapping[ObjectKey, ObservedAddress]) -> None:
        self._odd.update(k for k, there in fresh.items() if not is_sound(there, self._owner))

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
        """What concerns these groups; `names` are all that they may need for themselves.

        An address that stays and is as its name says is left out: it needs nothing.
        """
        rules = {group.name for group in desired.groups}
        groups = {key: self._groups[key] for name in rules for key in self._of_rule.get(name, ())}
        own = (*names, naming.NONE, naming.none_name(desired.owner))
        moving = {*_moving(desired, groups)}
        held, asked = _members(groups.values()), _desired(desired)
        odd = (k for k in self._odd if k[1] in held[k[0]] or asked(k))
        concerned = {*moving, *odd, *((f, name) for f in Family for name in own)}
        return ObservedAdom(
            self._whole.ref,
            {key: self._addresses[key] for key in concerned if key in self._addresses},
            groups,
            self._whole.used,
            elsewhere={
                # Also of what comes, which may have to wait.
                key: other
                for key in concerned
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
        self._odd -= touched.addresses
        self._note_odd(fresh.addresses)
        self.stamp = fresh.stamp

    def _put(self, group: ObservedGroup) -> None:
        key = (group.family, group.name)
        self._groups[key] = group
        self._of_rule[naming.group_of(group.name)].add(key)
        for member in _members([group])[group.family]:
            self._holders[group.family, member].add(key)

    def _drop(self, key: ObjectKey) -> None:
        group = self._groups.pop(key, None)
        if group is None:
            return
        self._of_rule[naming.group_of(group.name)].discard(key)
        for member in _members([group])[group.family]:
            holders = self._holders[group.family, member]
            holders.discard(key)
            if not holders:
                del self._holders[group.family, member]


def carried_out(changes: Iterable[Change], fresh: ObservedAdom) -> bool:
    """Whether what was read back is what these changes, one per object and place, were to make."""
    return all(_shows(change, fresh) for change in changes)


def _shows(change: Change, fresh: ObservedAdom) -> bool:
    key = (change.kind.family, change.name)
    if change.kind.table not in _GROUPS:
        address = fresh.addresses.get(key)
        if change.action is Action.DELETE or address is None:
            return change.action is Action.DELETE and address is None
        as_named = address.value == change.value and not address.mapped
        return address.owned and as_named and not address.altered and _marked(change, address)
    group = fresh.groups.get(key)
    if group is None or (change.device is None and change.action is Action.DELETE):
        return group is None and change.action is Action.DELETE
    members = group.members if change.device is None else group.mappings.get(change.device)
    if change.action is Action.DELETE:
        return members is None
    odd = change.device in group.excluded or bool(group.altered.get(change.device))
    as_planned = not odd and set(members or ()) == set(change.members)
    return group.owned and as_planned and _marked(change, group)


def _marked(change: Change, there: ObservedAddress | ObservedGroup) -> bool:
    return not change.comment or change.comment == there.comment


def touched(changes: Iterable[Change]) -> Touched:
    """The objects of these changes; a mapping is part of its group."""
    groups: set[ObjectKey] = set()
    addresses: set[ObjectKey] = set()
    for change in changes:
        into = groups if change.kind.table in _GROUPS else addresses
        into.add((change.kind.family, change.name))
    return Touched(frozenset(groups), frozenset(addresses))


def _moving(desired: DesiredAdom, groups: Mapping[ObjectKey, ObservedGroup]) -> Iterator[ObjectKey]:
    """What comes to some place of a group or goes from there, as far as it is not held back."""
    objects: defaultdict[ObjectKey, list[ObservedGroup]] = defaultdict(list)
    for group in groups.values():
        objects[group.family, naming.group_of(group.name)].append(group)
        for names in group.excluded.values():
            yield from ((group.family, name) for name in names)
    for wanted in desired.groups:
        for held, members in _by_place(objects.pop((wanted.family, wanted.name), []), wanted):
            asked = (naming.address_name(desired.owner, one) for one in members)
            for name in set(chain.from_iterable(held)).symmetric_difference(asked):
                yield wanted.family, name
    # Of a family that is not asked for any more.
    for gone in objects.values():
        yield from ((family, name) for family, found in _members(gone).items() for name in found)


def _by_place(
    objects: Iterable[ObservedGroup], wanted: DesiredGroup
) -> set[tuple[tuple[tuple[str, ...], ...], frozenset[Address]]]:
    """What a group with its shards holds at a place and what it should hold there, for each place;
    devices with the same of both count once."""
    everywhere = {*wanted.mappings, *wanted.places}.union(*(one.mappings for one in objects))
    found = set()
    for place in (None, *everywhere):
        held = tuple(names_at(one, place) for one in objects)
        asked = (wanted.shared or wanted.own) if place is None else wanted.at(place)
        found.add((held, asked.addresses if asked is not None else frozenset()))
    return found


def _members(groups: Iterable[ObservedGroup]) -> dict[Family, set[str]]:
    """All names that these groups hold or exclude somewhere."""
    found: dict[Family, set[str]] = {family: set() for family in Family}
    for group in groups:
        found[group.family] |= group.named()
    return found


def _desired(desired: DesiredAdom) -> Callable[[ObjectKey], bool]:
    """Whether a name is that of an address which these groups should hold somewhere."""
    values: dict[Family, set[Address]] = {family: set() for family in Family}
    for group in desired.groups:
        values[group.family].update(*(members.addresses for members in group.distinct()))

    def is_desired(key: ObjectKey) -> bool:
        return naming.address_of(desired.owner, key[1]) in values[key[0]]

    return is_desired
