"""A group that was taken over stays what it was for devices that nobody has thought of yet.

Whoever made it gave it members of its own, which every device gets. With members by device, a
device that no site of the rule names would be left with none. So the group keeps members of its own
until each device that uses it is named, and until it is known who uses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from fmgsync.model import naming
from fmgsync.model.change import Finding
from fmgsync.model.rule import MappingMode
from fmgsync.model.state import DesiredAdom, DesiredGroup, DesiredMembers, ObjectKey, ObservedAdom
from fmgsync.planning.usage import Usage

STAYS = "stays-shared"


def settle(desired: DesiredAdom, observed: ObservedAdom, usage: Usage) -> DesiredAdom:
    """The same, with members of their own for groups that still need them."""
    found = {
        (group.family, group.name): why
        for group in desired.groups
        if (why := _why(group, observed, usage))
    }
    if not found:
        return desired
    return replace(
        desired,
        groups=tuple(
            replace(group, own=_joined(group)) if (group.family, group.name) in found else group
            for group in desired.groups
        ),
        findings=(*desired.findings, *_told(found)),
    )


def _why(group: DesiredGroup, observed: ObservedAdom, usage: Usage) -> str:
    key = (group.family, group.name)
    before = observed.groups.get(key)
    if group.mode is not MappingMode.PER_DEVICE or before is None or not before.owned:
        return ""
    nothing = naming.nothing(before.comment)
    if naming.taken_over(before.comment) is None or nothing.issuperset(before.members):
        return ""
    if key in usage.unknown:
        return "it is not known which devices use it"
    users = {*usage.devices.get(key, ()), *usage.disputed.get(key, ())}
    named = ", ".join(str(target) for target in sorted(users - group.mappings.keys()))
    return f"it is used on {named}, which no site of the rule names" if named else ""


def _joined(group: DesiredGroup) -> DesiredMembers:
    every = [*group.mappings.values()]
    return DesiredMembers(
        frozenset().union(*(members.addresses for members in every)),
        retain=group.keeps or any(members.retain for members in every),
        because="; ".join(dict.fromkeys(m.because for m in every if m.because)),
    )


def _told(found: Mapping[ObjectKey, str]) -> Iterator[Finding]:
    for (_, name), why in sorted(found.items(), key=str):
        message = f"it was taken over and keeps members of its own, as before: {why}"
        yield Finding(STAYS, name, message)
