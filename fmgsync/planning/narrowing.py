"""Before an urgent install: own mappings narrowed so that it adds nothing, and put back after it.

An install carries everything that is pending. Outside a window only what closes may reach a
device, so each own mapping there is first written as what the device holds *and* the ADOM wants.
In a group whose membership denies it is the other way round: what the device holds *or* the ADOM
wants.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fmgsync.model import naming
from fmgsync.model.address import Address, Family, sorted_addresses
from fmgsync.model.change import Action, AdomPlan, Change, ObjectKind
from fmgsync.model.rollout import NarrowedMapping
from fmgsync.model.state import ObjectKey, ObservedAdom, ObservedGroup
from fmgsync.model.target import DeviceVdom
from fmgsync.planning.render import none_member

Keep = Mapping[tuple[DeviceVdom, ObjectKey], frozenset[Address]]
"""The addresses each group may have on each DeviceVdom."""

_MAPPING = {Family.IPV4: ObjectKind.MAPPING, Family.IPV6: ObjectKind.MAPPING6}
_ADDRESS = {Family.IPV4: ObjectKind.ADDRESS, Family.IPV6: ObjectKind.ADDRESS6}
_FORTH = "nothing may be added outside a window"
_BACK = "as it was before the urgent install"


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What is written before the install, and what puts it back afterwards."""

    forth: AdomPlan
    back: AdomPlan


def narrow(observed: ObservedAdom, owner: str, keep: Keep) -> Narrowed:
    """Plans for every own mapping, shards included, that holds something else than it may.

    A group without a mapping on a device cannot be narrowed there.
    """
    forth: list[Change] = []
    back: list[Change] = []
    created: dict[tuple[Family, str], Address] = {}
    for (target, (family, name)), wanted in sorted(keep.items(), key=lambda item: item[0]):
        nothing = none_member(observed, family, owner)
        objects = list(_objects(observed, family, name, target))
        if not objects:
            continue
        lacking = wanted - {a for g in objects for a in _addresses(owner, g.mappings[target])}
        for number, group in enumerate(objects):
            extra = lacking if number == 0 else frozenset()
            before = group.mappings[target]
            after = _members(owner, before, wanted, extra, nothing)
            if after != before:
                forth.append(_change(owner, group, target, before, after, _FORTH))
                back.append(_change(owner, group, target, after, before, _BACK))
        created |= _missing(observed, owner, family, lacking)
    creates = tuple(_address(Action.CREATE, key, value) for key, value in sorted(created.items()))
    deletes = tuple(_address(Action.DELETE, key, value) for key, value in sorted(created.items()))
    return Narrowed(
        AdomPlan(observed.ref, (*creates, *forth)), AdomPlan(observed.ref, (*back, *deletes))
    )


def mappings(observed: ObservedAdom, forth: AdomPlan) -> tuple[NarrowedMapping, ...]:
    """What has to be put back once the plan `forth` is written."""
    families = {kind: family for family, kind in _MAPPING.items()}
    return tuple(
        NarrowedMapping(key, each.device, each.members, observed.groups[key].mappings[each.device])
        for each in forth.changes
        if each.device is not None and each.members is not None and each.kind in families
        if (key := (families[each.kind], each.name)) in observed.groups
    )


def widen(observed: ObservedAdom, owner: str, narrowed: Iterable[NarrowedMapping]) -> AdomPlan:
    """What is still as it was narrowed, as it was before, as far as its addresses are still there.

    What somebody has written since is left alone.
    """
    back: list[Change] = []
    for each in narrowed:
        group = observed.groups.get(each.group)
        now = group.mappings.get(each.target) if group is not None else None
        if group is None or now is None or sorted(now) != sorted(each.members):
            continue
        family = each.group[0]
        there = tuple(name for name in each.before if _exists(observed, family, name))
        after = there or (none_member(observed, family, owner),)
        if sorted(after) != sorted(now):
            back.append(_change(owner, group, each.target, now, after, _BACK))
    return AdomPlan(observed.ref, tuple(back))


def _exists(observed: ObservedAdom, family: Family, name: str) -> bool:
    return (family, name) in observed.addresses or (family, name) in observed.groups


def _objects(
    observed: ObservedAdom, family: Family, name: str, target: DeviceVdom
) -> Iterator[ObservedGroup]:
    """The group's own objects that hold addresses there: itself, or its shards."""
    found = [
        group
        for (kind, own), group in sorted(observed.groups.items())
        if kind is family
        and group.owned
        and naming.group_of(own) == name
        and target in group.mappings
    ]
    shards = [group for group in found if group.name != name]
    parents = [group for group in found if group.name == name]
    holds_shards = any(set(g.mappings[target]) & {s.name for s in shards} for g in parents)
    yield from shards if holds_shards else parents


def _addresses(owner: str, names: Iterable[str]) -> frozenset[Address]:
    values = (naming.address_of(owner, name) for name in names)
    return frozenset(value for value in values if value is not None)


def _members(
    owner: str,
    before: Iterable[str],
    wanted: frozenset[Address],
    extra: frozenset[Address],
    nothing: str,
) -> tuple[str, ...]:
    kept = [name for name in before if naming.address_of(owner, name) in wanted]
    added = [naming.address_name(owner, address) for address in sorted_addresses(extra)]
    return tuple(sorted((*kept, *added))) or (nothing,)


def _missing(
    observed: ObservedAdom, owner: str, family: Family, wanted: Iterable[Address]
) -> dict[tuple[Family, str], Address]:
    named = {(family, naming.address_name(owner, address)): address for address in wanted}
    return {key: value for key, value in named.items() if key not in observed.addresses}


def _change(
    owner: str,
    group: ObservedGroup,
    target: DeviceVdom,
    before: tuple[str, ...],
    after: tuple[str, ...],
    because: str,
) -> Change:
    old, new = _addresses(owner, before), _addresses(owner, after)
    return Change(
        Action.UPDATE,
        _MAPPING[group.family],
        group.name,
        because,
        device=target,
        members=after,
        added=tuple(sorted_addresses(new - old)),
        removed=tuple(sorted_addresses(old - new)),
    )


def _address(action: Action, key: tuple[Family, str], value: Address) -> Change:
    because = _FORTH if action is Action.CREATE else _BACK
    return Change(action, _ADDRESS[key[0]], key[1], because, value=value)
