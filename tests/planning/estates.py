"""An ADOM in memory for planning tests: builders, and what it holds after a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fmgsync.model import address, naming
from fmgsync.model.address import NOWHERE, Address, Family
from fmgsync.model.change import Action, AdomPlan, Change, ObjectKind
from fmgsync.model.rule import MappingMode
from fmgsync.model.state import (
    DesiredAdom,
    DesiredGroup,
    DesiredMembers,
    ObservedAddress,
    ObservedAdom,
    ObservedGroup,
)
from fmgsync.model.target import DeviceVdom, TargetRef

REF = TargetRef("hq", "prod")
OWNER = "prod"
EAST = DeviceVdom("fgt-east", "root")
WEST = DeviceVdom("fgt-west", "root")
V4, V6 = Family.IPV4, Family.IPV6


def wanted(
    name: str,
    mappings: Mapping[DeviceVdom, Iterable[str]],
    *,
    retain: bool = False,
    family: Family = V4,
    allow_empty: bool = False,
) -> DesiredGroup:
    """A per-device group as the rules ask for it."""
    members = {
        place: DesiredMembers(frozenset(map(address.parse, texts)), retain)
        for place, texts in mappings.items()
    }
    return DesiredGroup(name, family, MappingMode.PER_DEVICE, members, allow_empty=allow_empty)


def shared(
    name: str, texts: Iterable[str], *places: DeviceVdom, retain: bool = False
) -> DesiredGroup:
    """A group with the same members everywhere."""
    members = DesiredMembers(frozenset(map(address.parse, texts)), retain)
    return DesiredGroup(
        name, V4, MappingMode.SHARED, shared=members, places=frozenset(places or (EAST, WEST))
    )


def desired(*groups: DesiredGroup) -> DesiredAdom:
    """Everything the rules ask of the ADOM."""
    return DesiredAdom(REF, OWNER, groups)


def adom(*objects: ObservedAddress | ObservedGroup) -> ObservedAdom:
    """An ADOM with the predefined `none` of both families and the given objects."""
    nothing = [ObservedAddress("none", f, NOWHERE[f], "", owned=False) for f in Family]
    everything = [*nothing, *objects]
    return ObservedAdom(
        REF,
        {(o.family, o.name): o for o in everything if isinstance(o, ObservedAddress)},
        {(o.family, o.name): o for o in everything if isinstance(o, ObservedGroup)},
    )


def own(text: str, *, value: str | None = None, mapped: bool = False) -> ObservedAddress:
    """An own address object; `value` and `mapped` are what somebody did to it."""
    plain = address.parse(text)
    return ObservedAddress(
        naming.address_name(OWNER, plain),
        address.family(plain),
        address.parse(value) if value else plain,
        naming.mark(OWNER, naming.address_name(OWNER, plain)),
        owned=True,
        mapped=mapped,
    )


def group(
    name: str,
    mappings: Mapping[DeviceVdom, set[str]] | None = None,
    *,
    members: tuple[str, ...] = ("none",),
    owned: bool = True,
) -> ObservedGroup:
    """A group object; members that begin with a digit stand for own addresses."""
    named = {
        place: tuple(
            sorted(
                naming.address_name(OWNER, address.parse(t)) if t[0].isdigit() else t for t in texts
            )
        )
        for place, texts in (mappings or {}).items()
    }
    comment = naming.mark(OWNER, name) if owned else "by hand"
    return ObservedGroup(name, V4, members, named, comment, owned)


def lines(plan: AdomPlan) -> list[str]:
    """One line per change: what a person would write down."""
    return [
        " ".join(
            filter(
                None,
                [
                    change.action.value,
                    change.kind.value,
                    change.name,
                    f"@{change.device.device}" if change.device else "",
                    *(f"+{a}" for a in change.added),
                    *(f"-{a}" for a in change.removed),
                ],
            )
        )
        for change in plan.changes
    ]


def carry_out(have: ObservedAdom, changes: Iterable[Change]) -> ObservedAdom:
    """What an ADOM holds after the changes; refuses dangling references as FortiManager does."""
    held = dict(have.addresses)
    groups = dict(have.groups)
    for change in changes:
        key = (change.kind.family, change.name)
        gone = change.action is Action.DELETE
        if gone and change.device is None:
            users = [
                other.name
                for other in groups.values()
                for members in (other.members, *other.mappings.values())
                if change.name in members
            ]
            assert not users, f"{change.name} deleted while {users} hold it"
        if change.kind is ObjectKind.ADDRESS:
            if gone:
                del held[key]
            else:
                assert change.value is not None
                mark = naming.mark(OWNER, change.name)
                held[key] = ObservedAddress(change.name, V4, change.value, mark, owned=True)
            continue
        for member in change.members:
            assert (V4, member) in held or (V4, member) in groups, f"{change}: no {member}"
        if gone and change.device is None:
            del groups[key]
            continue
        mappings = dict(groups[key].mappings) if key in groups else {}
        members = change.members
        if change.device is not None:
            members = groups[key].members
            mappings.pop(change.device, None)
            if not gone:
                mappings[change.device] = change.members
        mark = naming.mark(OWNER, change.name)
        groups[key] = ObservedGroup(change.name, V4, members, mappings, mark, owned=True)
    return ObservedAdom(REF, held, groups)


def matched(have: ObservedAdom, name: str, place: DeviceVdom) -> set[Address]:
    """What a firewall at `place` would match for a group."""
    found = have.groups.get((V4, name))
    if found is None:
        value = have.addresses[V4, name].value
        return {value} - set(NOWHERE.values()) if value else set()
    members = found.mappings.get(place, found.members)
    return {value for member in members for value in matched(have, member, place)}
