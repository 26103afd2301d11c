"""The group objects of a plan: create, re-map, delete, with the addresses people care about.

A change names addresses that come to or go from a group. One that only moves between a group and
its shards is in no list, and one that comes or goes is in exactly one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from fmgsync.model import naming
from fmgsync.model.address import Address, Family, sort_key
from fmgsync.model.change import Action, Change, ObjectKind
from fmgsync.model.state import ObjectKey, ObservedAdom, ObservedGroup
from fmgsync.model.target import DeviceVdom
from fmgsync.planning.name_conflicts import GROUP
from fmgsync.planning.render import GroupObject

_CHANGED = "what runs has changed"
_MAPPING = {Family.IPV4: ObjectKind.MAPPING, Family.IPV6: ObjectKind.MAPPING6}


@dataclass(frozen=True, slots=True)
class _Difference:
    """What becomes of a group at one place: its members, and which addresses come and go.

    `strangers` are members that go and are not ours; `alone`: nothing else changes.
    """

    members: tuple[str, ...]
    added: tuple[Address, ...]
    removed: tuple[Address, ...]
    strangers: list[str]
    alone: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is and what should be: as objects, and as groups with their shards joined."""

    owner: str
    observed: ObservedAdom
    objects: Mapping[ObjectKey, GroupObject]
    standing: ObservedAdom
    groups: Mapping[ObjectKey, GroupObject]
    _known: dict[object, _Difference] = field(default_factory=dict, compare=False)

    def difference(
        self, key: ObjectKey, before: frozenset[str], after: frozenset[str], staying: frozenset[str]
    ) -> _Difference:
        """What comes and goes, found once where a thousand devices share it."""
        asked = key, before, after, staying
        if asked not in self._known:
            self._known[asked] = self._differing(key, before, after, staying)
        return self._known[asked]

    def _differing(
        self, key: ObjectKey, before: frozenset[str], after: frozenset[str], staying: frozenset[str]
    ) -> _Difference:
        family, name = key
        standing = self.observed.groups.get(key)
        nothing = naming.nothing(standing.comment if standing else naming.mark(self.owner, name))
        removed = before - after - staying - nothing
        added = after - before - staying - nothing
        strangers = sorted(
            member
            for member in removed
            if naming.address_of(self.owner, member) is None and naming.group_of(member) != name
        )
        nameless = (Address(m) for m in strangers if self.value((family, m)) is None)
        return _Difference(
            tuple(sorted(after)),
            self._addresses(family, added),
            (*self._addresses(family, removed), *nameless),
            strangers,
            alone=removed <= {*strangers} and not added,
        )

    def _addresses(self, family: Family, names: Iterable[str]) -> tuple[Address, ...]:
        found = {value for m in names if (value := self.value((family, m))) is not None}
        return tuple(sorted(found, key=sort_key))

    def value(self, key: ObjectKey) -> Address | None:
        """The address that a member's name stands for, if it does for one: an own name for what it
        says, whatever somebody has made of the object."""
        named = naming.address_of(self.owner, key[1])
        if named is not None:
            return named
        there = self.observed.addresses.get(key)
        return there.value if there is not None else None

    def staying(self, key: ObjectKey, place: DeviceVdom | None) -> frozenset[str]:
        """What the group behind this object holds at a place before and after, as far as the
        object's own members do not tell."""
        key = key[0], naming.group_of(key[1])
        before, after = self.standing.groups.get(key), self.groups.get(key)
        # Of a group that has shards, or had, the object is another: it lists them, or did.
        is_plain = after is self.objects.get(key)
        if is_plain and before and after and _have_own(place, before, after):
            return frozenset()
        return frozenset(names_at(before, place)).intersection(names_at(after, place))


def _have_own(place: DeviceVdom | None, *groups: ObservedGroup | GroupObject) -> bool:
    """Whether a device's members are not those of the group's own value."""
    return place is None or all(place in group.mappings for group in groups)


def names_at(
    group: ObservedGroup | GroupObject | None, place: DeviceVdom | None
) -> tuple[str, ...]:
    """The members a device gets: those of its mapping, else the group's own."""
    if group is None:
        return ()
    return group.members if place is None else group.mappings.get(place, group.members)


def write_groups(scene: Comparison) -> Iterator[Change]:
    """Creates first, then own values and mappings, then mappings that go; shards before others. But
    out of a shard goes last who stays in its group: others list it elsewhere before."""
    creates: list[Change] = []
    writes: list[Change] = []
    deletes: list[Change] = []
    for key in sorted(scene.objects, key=_shards_first):
        group = scene.objects[key]
        before = scene.observed.groups.get(key)
        if before is None:
            creates.append(
                _change(scene, Action.CREATE, key, None, ((), group.members), group.because)
            )
        else:
            writes.extend(_reset(key, group, before))
            writes.extend(_write_own(scene, key, group, before))
        writes.extend(_write_mappings(scene, key, group, before))
        deletes.extend(_delete_mappings(scene, key, group, before))
    yield from creates
    yield from sorted(writes, key=lambda change: _moves_out(scene, change))
    yield from sorted(deletes, key=lambda change: naming.shard_of(change.name) is not None)


def _moves_out(scene: Comparison, change: Change) -> bool:
    """Whether a shard gives up members that its group goes on to hold there."""
    key = change.kind.family, change.name
    if naming.shard_of(change.name) is None:
        return False
    held = names_at(scene.observed.groups.get(key), change.device)
    staying = scene.staying(key, change.device)
    return any(name in staying and name not in change.members for name in held)


def _reset(key: ObjectKey, group: GroupObject, before: ObservedGroup) -> Iterator[Change]:
    """Set back what else somebody has set, in the group or in mappings that stay."""
    by = f" {before.changed_by}" if before.changed_by else ""
    for place in (None, *sorted(before.mappings.keys() & group.mappings.keys())):
        altered = before.altered.get(place)
        if not altered:
            continue
        told = ", ".join(f"{name} is {now}" for name, now in altered)
        members = group.members if place is None else group.mappings[place]
        yield Change(
            Action.UPDATE,
            (GROUP if place is None else _MAPPING)[key[0]],
            key[1],
            f"changed by hand{by}: {told}",
            device=place,
            members=tuple(sorted(members)),
            resets=tuple(name for name, _ in altered),
        )


def _write_own(
    scene: Comparison, key: ObjectKey, group: GroupObject, before: ObservedGroup
) -> Iterator[Change]:
    """The group's own value, and its mark where that is an older one."""
    altered = set(before.members) != set(group.members) or None in before.excluded
    older = naming.has_older_mark(before.comment, scene.owner)
    if not altered and not older:
        return
    why = group.reasons.get(None, "the group's own value differs")
    own = (before.members, group.members)
    change = _change(scene, Action.UPDATE, key, None, own, why if altered else naming.MARK_NAMES_IT)
    comment = naming.with_mark(before.comment, scene.owner, key[1]) if older else ""
    yield replace(change, comment=comment)


def _shards_first(key: ObjectKey) -> tuple[bool, ObjectKey]:
    return naming.shard_of(key[1]) is None, key


def _write_mappings(
    scene: Comparison, key: ObjectKey, group: GroupObject, before: ObservedGroup | None
) -> Iterator[Change]:
    for place, members in sorted(group.mappings.items()):
        held = before.mappings.get(place) if before else None
        excluding = before is not None and place in before.excluded
        if not excluding and held is not None and (held == members or set(held) == set(members)):
            continue
        action = Action.CREATE if held is None else Action.UPDATE
        why = group.reasons.get(place) or (
            "the device stands in front of the rule's clusters" if held is None else _CHANGED
        )
        yield _change(scene, action, key, place, (held or (), members), why)


def _delete_mappings(
    scene: Comparison, key: ObjectKey, group: GroupObject, before: ObservedGroup | None
) -> Iterator[Change]:
    why = (
        "no site of the rule names this device"
        if naming.shard_of(key[1]) is None
        else "nothing is left in this shard here"
    )
    for place, held in sorted(before.mappings.items() if before else ()):
        if place not in group.mappings:
            yield _change(scene, Action.DELETE, key, place, (held, ()), why)


def delete_group(scene: Comparison, key: ObjectKey) -> Change:
    """Delete a whole group; its addresses that stay in the group's other shards are not listed."""
    before = scene.observed.groups[key]
    held = {
        name
        for place in (None, *before.mappings)
        for name in set(names_at(before, place)) - scene.staying(key, place)
    }
    why = "no rule of this name any more"
    if naming.shard_of(key[1]) is not None:
        why = "its group does not need it any more"
    return _change(scene, Action.DELETE, key, None, (held, ()), why)


def _change(
    scene: Comparison,
    action: Action,
    key: ObjectKey,
    place: DeviceVdom | None,
    before_after: tuple[Iterable[str], Iterable[str]],
    because: str,
) -> Change:
    family, name = key
    before, after = (frozenset(names) for names in before_after)
    staying = scene.staying(key, place)
    standing = scene.observed.groups.get(key)
    excluding = standing is not None and place in standing.excluded

    found = scene.difference(key, before, after, staying)
    excluded = excluding and action is not Action.DELETE
    because = _told(because, standing, found.strangers, excluded=excluded, alone=found.alone)
    return Change(
        action,
        (GROUP if place is None else _MAPPING)[family],
        name,
        because,
        device=place,
        members=found.members,
        added=found.added,
        removed=found.removed,
        clears_exclusion=excluded,
    )


def _told(
    because: str,
    standing: ObservedGroup | None,
    strangers: list[str],
    *,
    excluded: bool,
    alone: bool,
) -> str:
    """The reason with what people have done to the group; `alone`: it is that alone."""
    by = f" {standing.changed_by}" if standing is not None and standing.changed_by else ""
    hand = []
    if strangers:
        hand.append(f"changed by hand{by}: foreign members go: {', '.join(strangers)}")
    if excluded:
        hand.append(f"changed by hand{by}: members were excluded")
    if hand:
        return "; ".join(hand if alone and because == _CHANGED else [because, *hand])
    return f"{because}; the group was last changed{by}" if by else because
