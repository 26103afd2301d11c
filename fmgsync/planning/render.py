"""Desired groups -> the group objects an ADOM should hold, members by object name.

Here `retain` becomes concrete: where a source is incomplete, what the ADOM holds stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fmgsync.model import naming
from fmgsync.model.address import NOWHERE, Address, Family
from fmgsync.model.rule import MappingMode
from fmgsync.model.state import DesiredGroup, DesiredMembers, ObjectKey, ObservedAdom, ObservedGroup
from fmgsync.model.target import DeviceVdom


@dataclass(frozen=True, slots=True)
class GroupObject:
    """One group object as it should be: own members and members per DeviceVdom, by name.

    `reasons` says, per DeviceVdom (None for the group's own value), why something is retained;
    `because` why the object exists at all.
    """

    members: tuple[str, ...]
    mappings: Mapping[DeviceVdom, tuple[str, ...]] = field(default_factory=dict)
    reasons: Mapping[DeviceVdom | None, str] = field(default_factory=dict)
    because: str = "new rule"


@dataclass(frozen=True, slots=True)
class Rendering:
    """All own groups as they should be, and the value of every own address name they use."""

    groups: Mapping[ObjectKey, GroupObject]
    values: Mapping[ObjectKey, Address]


def none_member(observed: ObservedAdom, family: Family, owner: str) -> str:
    """The name of the address that matches nothing: the predefined one if it is intact."""
    predefined = observed.addresses.get((family, naming.NONE))
    if predefined and predefined.value == NOWHERE[family] and not predefined.mapped:
        return naming.NONE
    return naming.none_name(owner)


def render(
    groups: tuple[DesiredGroup, ...], observed: ObservedAdom, *, owner: str, keep_all: bool
) -> Rendering:
    """Render every desired group. `keep_all` retains everywhere (policy mode upsert)."""
    rendered: dict[ObjectKey, GroupObject] = {}
    values: dict[ObjectKey, Address] = {}
    nothing = {family: none_member(observed, family, owner) for family in Family}
    for family, name in nothing.items():
        if name != naming.NONE:
            values[family, name] = NOWHERE[family]
    for group in groups:
        key = (group.family, group.name)
        before = observed.groups.get(key)
        # Places behind the same clusters share their members, and so the work of naming them.
        named: dict[int, tuple[str, ...]] = {}
        for members in group.distinct():
            by_name = {naming.address_name(owner, one): one for one in members.addresses}
            named[id(members)] = tuple(sorted(by_name))
            values.update(((group.family, name), one) for name, one in by_name.items())
        rendered[key] = _render_group(group, named, before, nothing[group.family], owner, keep_all)
    return Rendering(rendered, values)


def _render_group(
    group: DesiredGroup,
    named: Mapping[int, tuple[str, ...]],
    before: ObservedGroup | None,
    nothing: str,
    owner: str,
    keep_all: bool,
) -> GroupObject:
    """`named` are the names of the group's members, by the members' identity."""
    reasons: dict[DeviceVdom | None, str] = {}

    def names(place: DeviceVdom | None, wanted: DesiredMembers) -> tuple[str, ...]:
        members = named.get(id(wanted), ())
        if wanted.retain or keep_all:
            reasons[place] = wanted.because or "policy mode upsert never removes"
            standing = _standing(before, place, group.mode) if keep_all else set()
            kept = standing.union(_given(before, place, owner)) - {nothing}
            members = tuple(sorted(kept.union(members)))
        return members or (nothing,)

    if group.shared is not None:
        staying = before.mappings if before and (group.shared.retain or keep_all) else ()
        mappings = {place: names(place, group.shared) for place in staying}
        return GroupObject(names(None, group.shared), mappings, reasons)
    mappings = {place: names(place, wanted) for place, wanted in group.mappings.items()}
    own: tuple[str, ...] = (nothing,)
    if group.own is not None or keep_all:
        own = names(None, group.own or DesiredMembers(frozenset()))
    if (keep_all or group.keeps) and before is not None:
        mappings = {**before.mappings, **mappings}
    return GroupObject(own, mappings, reasons)


def _given(before: ObservedGroup | None, place: DeviceVdom | None, owner: str) -> set[str]:
    """Our addresses that a place gets now, by its mapping or by the group's own value.

    What somebody else put there no cluster has ever given.
    """
    if before is None:
        return set()
    names = before.members if place is None else before.mappings.get(place, before.members)
    return {name for name in names if naming.address_of(owner, name) is not None}


def _standing(
    before: ObservedGroup | None, place: DeviceVdom | None, mode: MappingMode
) -> set[str]:
    """All that stands at a place, whoever put it there; never the own value of a per-device group,
    which would reach every device without a mapping, unless that is how it was taken over."""
    if before is None:
        return set()
    if place is not None and place in before.mappings:
        return set(before.mappings[place])
    is_shared = mode is MappingMode.SHARED or naming.taken_over(before.comment) is not None
    return set(before.members) if is_shared else set()
