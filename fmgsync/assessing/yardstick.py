"""What a device may be given, and is held to: what the rules ask for, not what the ADOM holds.

An ADOM is shared. Between a write and the install that brings it to devices somebody may change a
group of ours, and FortiManager pushes what stands there by then. So before each push the ADOM is
held against what this run wrote, and against desired.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fmgsync.assessing import reach, rendered, stale
from fmgsync.assessing.observation import Observation
from fmgsync.model import naming
from fmgsync.model.address import Address
from fmgsync.model.state import ObjectKey, ObservedAddress, ObservedAdom
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import DeviceView, GroupView


def _strange(adom: ObservedAdom, group: GroupView, target: DeviceVdom) -> frozenset[str]:
    """Members of our group that are no plain addresses: nobody can say what they let through."""
    found: set[str] = set()
    for (family, name), standing in adom.groups.items():
        if family in group.families and standing.owned and naming.group_of(name) == group.name:
            for member in standing.mappings.get(target, standing.members):
                address = adom.addresses.get((family, member))
                inner = adom.groups.get((family, member))
                plain = address is not None and address.value is not None and not address.mapped
                if not plain and (inner is None or not inner.owned):
                    found.add(member)
    return frozenset(found)


def moved(
    written: ObservedAdom, now: ObservedAdom, targets: Iterable[DeviceVdom]
) -> dict[DeviceVdom, tuple[str, ...]]:
    """Our groups that are not any more, on a DeviceVdom, what they were when this run wrote."""
    keys = {key for adom in (written, now) for key, group in adom.groups.items() if group.owned}
    found = {
        target: [
            key[1] for key in keys if _content(written, key, target) != _content(now, key, target)
        ]
        for target in sorted(set(targets))
    }
    return {
        target: tuple(sorted({naming.group_of(name) for name in names}))
        for target, names in found.items()
        if names
    }


def _content(adom: ObservedAdom, key: ObjectKey, target: DeviceVdom) -> object:
    """All that decides what the group lets through there."""
    group = adom.groups.get(key)
    if group is None:
        return None
    excluded = group.excluded.get(target if target in group.mappings else None, ())
    members = group.mappings.get(target, group.members)
    fields = (group.altered.get(None), group.altered.get(target))
    values = frozenset(_value(adom, key, name) for name in members)
    return group.owned, frozenset(excluded), fields, values


def _addresses(adom: ObservedAdom, target: DeviceVdom, name: str) -> Iterator[ObservedAddress]:
    """The addresses in our group, shards and all, on a DeviceVdom."""
    for (family, one), group in adom.groups.items():
        if group.owned and naming.group_of(one) == name:
            for member in group.mappings.get(target, group.members):
                if (found := adom.addresses.get((family, member))) is not None:
                    yield found


def _theirs(adom: ObservedAdom, target: DeviceVdom, name: str) -> frozenset[Address]:
    """What others put into our group there, by value."""
    found = (one for one in _addresses(adom, target, name) if not one.owned)
    return frozenset(one.value for one in found if one.value is not None)


def _value(adom: ObservedAdom, key: ObjectKey, name: str) -> object:
    found = adom.addresses.get((key[0], name))
    if found is None:
        return name
    return name, found.value, found.mapped, found.owned, found.altered


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What the rules want in an ADOM as it was `seen`, less what is kept back.

    `removes` False keeps everything that is there.
    """

    seen: Observation
    removes: bool = True

    def is_met(self, now: ObservedAdom, target: DeviceVdom, name: str) -> bool:
        """Whether a group is there exactly what the rules ask for."""
        if any(naming.group_of(change.name) == name for change in self.seen.plan.changes):
            return False
        if any(one.altered or one.mapped for one in _addresses(now, target, name)):
            return False
        wanted = reach.wanted(self.seen).get(target, {}).get(name)
        held = rendered.from_adom(now, [target], [name])[target].get(name)
        return wanted is not None and held == wanted

    def excess(
        self, now: ObservedAdom, views: Iterable[DeviceView]
    ) -> dict[DeviceVdom, dict[str, frozenset[str]]]:
        """What an install would newly let through on a device although the rules do not.

        What the guard keeps back stays out of it, and so does what the device lets through already:
        that an install makes no worse.
        """
        kept = self._kept()
        listed = tuple(views)
        adom = rendered.from_adom(
            now, [view.target for view in listed], {g.name for v in listed for g in v.groups}
        )
        found: dict[DeviceVdom, dict[str, frozenset[str]]] = {}
        for view in listed:
            for group in view.groups:
                held = group.used(adom[view.target].get(group.name))
                if group.in_error or held is None:
                    continue
                wrong = self._wrong(group, held, _theirs(now, view.target, group.name))
                wrong -= kept.get((view.target, group.name), frozenset())
                wrong -= kept.get((None, group.name), frozenset())
                known = group.desired is not None
                strange = _strange(now, group, view.target) if known else frozenset[str]()
                if wrong or strange:
                    found.setdefault(view.target, {})[group.name] = strange.union(wrong)
        return found

    def lost(
        self, now: ObservedAdom, views: Iterable[DeviceView]
    ) -> Iterator[tuple[DeviceVdom, str]]:
        """Groups from which an install would take what the device has, and the rules ask for."""
        for view in views:
            names = [g.name for g in view.groups if not (g.in_error or self._denies(g.name))]
            adom = rendered.from_adom(now, [view.target], names)[view.target]
            for group in view.groups:
                held = group.used(adom.get(group.name))
                right = group.used(group.desired) or frozenset()
                if held is not None and (right & (group.device or frozenset())) - held:
                    yield view.target, group.name

    def _wrong(
        self, group: GroupView, adom: frozenset[Address], theirs: frozenset[Address]
    ) -> frozenset[Address]:
        desired = group.desired or frozenset()
        if self._denies(group.name):
            before = desired if group.device is None else group.device
            return (desired & before) - adom
        if group.desired is None or not self.removes:
            adom &= theirs  # what of ours is in it may have been wanted; theirs never was
        return adom - desired - (group.device or frozenset())

    def _denies(self, name: str) -> bool:
        return stale.denies(self.seen, name)

    def _kept(self) -> Mapping[tuple[DeviceVdom | None, str], frozenset[Address]]:
        return {
            (hold.device, hold.name): frozenset((*hold.added, *hold.removed))
            for hold in self.seen.plan.held
        }
