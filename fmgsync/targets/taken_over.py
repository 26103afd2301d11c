"""Addresses that were taken over with the group they are in: they count as their value.

Everybody else knows an own address by the name that its value gives it. One that somebody else made
has another, and keeps it, since renaming would change every device. So it is shown under the name
that it would have, and written under the one that it has. When its value changes it is shown as
another address, which no rule asks for, and one that is named by its value takes its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from fmgsync.model import naming
from fmgsync.model.address import Family
from fmgsync.model.change import AdomPlan, ApplyReport, Change, ObjectKind
from fmgsync.model.preview import DevicePreview, PendingEdit
from fmgsync.model.state import ObjectKey, ObservedAdom, ObservedGroup

_TABLES = {
    "firewall address": Family.IPV4,
    "firewall addrgrp": Family.IPV4,
    "firewall address6": Family.IPV6,
    "firewall addrgrp6": Family.IPV6,
}
_ADDRESSES = ("firewall address", "firewall address6")
_ADDRESS_KINDS = (ObjectKind.ADDRESS, ObjectKind.ADDRESS6)
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"')


@dataclass(frozen=True, slots=True)
class Names:
    """What taken-over addresses are called: `shown` by the name they have, `real` the other way."""

    shown: Mapping[ObjectKey, str] = field(default_factory=dict)
    real: Mapping[ObjectKey, str] = field(default_factory=dict)


NONE = Names()


def names_in(observed: ObservedAdom, owner: str) -> Names:
    """Those of a whole database. Where an address of ours has the value already, that one counts,
    and the other is of no use any more."""
    shown: dict[ObjectKey, str] = {}
    real: dict[ObjectKey, str] = {}
    taken = [
        (key, one.value)
        for key, one in observed.addresses.items()
        if one.owned and not one.mapped and naming.taken_over(one.comment) is not None
    ]
    for (family, name), value in sorted(taken):
        wanted = naming.address_name(owner, value) if value is not None else name
        free = (family, wanted) not in observed.addresses and (family, wanted) not in real
        if name != wanted and free:
            shown[family, name] = wanted
            real[family, wanted] = name
    return Names(shown, real) if shown else NONE


def show(observed: ObservedAdom, names: Names) -> ObservedAdom:
    """The database with these addresses under the names of their values."""
    if not names.shown:
        return observed

    def key(old: ObjectKey) -> ObjectKey:
        return old[0], names.shown.get(old, old[1])

    return replace(
        observed,
        addresses={
            key(old): replace(one, name=key(old)[1]) for old, one in observed.addresses.items()
        },
        groups={old: _shown_group(one, names) for old, one in observed.groups.items()},
        used=frozenset(key(old) for old in observed.used),
    )


def _shown_group(group: ObservedGroup, names: Names) -> ObservedGroup:
    def each(members: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.shown.get((group.family, name), name) for name in members)

    return replace(
        group,
        members=each(group.members),
        mappings={place: each(members) for place, members in group.mappings.items()},
        excluded={place: each(members) for place, members in group.excluded.items()},
    )


def written(plan: AdomPlan, names: Names) -> AdomPlan:
    """The plan as it is to be written."""
    if not names.real:
        return plan
    return replace(plan, changes=tuple(_real(change, names) for change in plan.changes))


def _real(change: Change, names: Names) -> Change:
    family = change.kind.family
    members = tuple(names.real.get((family, name), name) for name in change.members)
    name = change.name
    if change.kind in _ADDRESS_KINDS:
        name = names.real.get((family, name), name)
    return replace(change, name=name, members=members)


def reported(report: ApplyReport, plan: AdomPlan, names: Names) -> ApplyReport:
    """What became of it, in the words of the plan."""
    if not names.real:
        return report
    meant = {_real(change, names): change for change in plan.changes}
    return replace(
        report,
        written=tuple(meant.get(change, change) for change in report.written),
        refused=tuple((meant.get(change, change), why) for change, why in report.refused),
    )


def keys(asked: Iterable[ObjectKey], names: Names) -> list[ObjectKey]:
    """The keys under which objects are asked for."""
    return [(family, names.real.get((family, name), name)) for family, name in asked]


def previewed(found: Iterable[DevicePreview], names: Names) -> tuple[DevicePreview, ...]:
    """What an install would push, under the names that are shown."""
    return tuple(
        replace(one, edits=tuple(_shown_edit(edit, names) for edit in one.edits)) for one in found
    )


def _shown_edit(edit: PendingEdit, names: Names) -> PendingEdit:
    family = _TABLES.get(edit.table)
    if family is None or not names.shown:
        return edit

    def member(found: re.Match[str]) -> str:
        return f'"{names.shown.get((family, found[1]), found[1])}"'

    lines = tuple(
        _QUOTED.sub(member, line) if line.startswith("set member ") else line for line in edit.lines
    )
    name = edit.name
    if edit.table in _ADDRESSES and name is not None:
        name = names.shown.get((family, name), name)
    return replace(edit, name=name, lines=lines)
