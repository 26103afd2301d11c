"""Who uses a group: which policies, directly or through foreign groups, and on which devices.

A group that no policy installed on a device uses never reaches that device: FortiManager installs
only what a package references (Fortinet community, 193259).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from fmgsync.model.address import Family
from fmgsync.model.adom import Package
from fmgsync.model.state import DesiredAdom, ObjectKey, ObservedAdom, ObservedGroup
from fmgsync.model.target import DeviceVdom


@dataclass(frozen=True, slots=True)
class Usage:
    """Per object: the packages that install it on a DeviceVdom, and where empty is not closed.

    `devices` maps an object to its DeviceVdoms, each with the package that carries it there.
    `used` are objects that a policy or a foreign group names itself: those inside an own group
    are ours to take out. `widening` names objects used in a deny policy, in a negated position or
    as exclude-member: emptying those opens traffic instead of closing it. `unknown` names own
    groups that somebody uses who is not known: what emptying those does is not known either.
    `disputed` is where one of several packages may bring an object.
    """

    devices: Mapping[ObjectKey, Mapping[DeviceVdom, str]] = field(default_factory=dict)
    used: frozenset[ObjectKey] = frozenset()
    widening: Mapping[ObjectKey, str] = field(default_factory=dict)
    unknown: Mapping[ObjectKey, str] = field(default_factory=dict)
    disputed: Mapping[ObjectKey, frozenset[DeviceVdom]] = field(default_factory=dict)

    def reaches(self, keys: Iterable[ObjectKey], target: DeviceVdom) -> bool:
        """Whether any of the objects is installed on `target` by a policy."""
        return any(target in self.devices.get(key, {}) for key in keys)


def find_usage(packages: Iterable[Package], observed: ObservedAdom) -> Usage:
    """Follow policies down through groups to the objects they use."""
    packages = tuple(packages)
    named_by_policies: set[ObjectKey] = set()
    disputed: defaultdict[ObjectKey, frozenset[DeviceVdom]] = defaultdict(frozenset)
    inside = contents(observed)
    foreign = {key: names for key, names in inside.items() if not observed.groups[key].owned}
    devices: defaultdict[ObjectKey, dict[DeviceVdom, str]] = defaultdict(dict)
    used: set[ObjectKey] = set(observed.used).union(*foreign.values())
    widening = _excluded(observed, inside)
    for package in packages:
        for policy in package.policies:
            scope = policy.within_reach(package.targets)
            named = policy.positive | policy.negated
            used |= reachable(named, foreign)
            for key, targets in _brought(named, scope, inside, observed):
                devices[key].update(dict.fromkeys(targets, package.path))
            if package.disputed:
                scope = policy.within_reach(package.disputed)
                for key, targets in _brought(named, scope, inside, observed):
                    disputed[key] |= targets
            place = policy.within(package.path)
            if not policy.grants:
                for key in reachable(policy.positive, inside):
                    widening[key] = f"used in {policy.action or 'deny'} {place}"
            for key in reachable(policy.negated, inside):
                widening[key] = f"negated in {place}"
            named_by_policies |= named
    unknown = _unknown(packages, observed, named_by_policies)
    return Usage(dict(devices), frozenset(used), widening, unknown, dict(disputed))


def delivered(found: Usage, desired: DesiredAdom, observed: ObservedAdom) -> Usage:
    """The same where writing is delivering: a group is on its device whether or not a policy there
    uses it or a rule asks for it, and no package carries it."""
    there = [((group.family, group.name), group.places) for group in desired.groups]
    there += ((key, desired.behind) for key, group in observed.groups.items() if group.owned)
    devices = {key: dict(places) for key, places in found.devices.items()}
    for key, places in there:
        devices.setdefault(key, {}).update(dict.fromkeys(places, ""))
    return replace(found, devices=devices)


def _unknown(
    packages: Iterable[Package], observed: ObservedAdom, named: Collection[ObjectKey]
) -> dict[ObjectKey, str]:
    """Own groups of which it is not known who uses them."""
    own = [key for key, group in observed.groups.items() if group.owned]
    told = "FortiManager says that something uses it which fmgsync does not read"
    found = {key: told for key in own if key in observed.used and key not in named}
    for package in packages:
        for what in package.unread:
            found |= dict.fromkeys(own, f"{what} is not shown, and may use it")
    return found


def _brought(
    named: Iterable[ObjectKey],
    scope: frozenset[DeviceVdom],
    inside: Mapping[ObjectKey, frozenset[ObjectKey]],
    observed: ObservedAdom,
) -> Iterator[tuple[ObjectKey, frozenset[DeviceVdom]]]:
    """What a policy brings to which devices of its scope.

    FortiManager copies the value that a group has on a device, so a foreign group may hold one of
    ours on some devices only.
    """
    reached = reachable(named, inside)
    varying = [
        group
        for key in reached
        if (group := observed.groups.get(key)) and group.mappings and not group.owned
    ]
    apart = scope.intersection(target for group in varying for target in group.mappings)
    elsewhere = {**inside, **{_key(group): _named_at(group, None) for group in varying}}
    for key in reachable(named, elsewhere):
        yield key, scope - apart
    for target in apart:
        here = {_key(group): _named_at(group, target) for group in varying}
        for key in reachable(named, {**elsewhere, **here}):
            yield key, frozenset({target})


def _key(group: ObservedGroup) -> ObjectKey:
    return group.family, group.name


def _named_at(group: ObservedGroup, place: DeviceVdom | None) -> frozenset[ObjectKey]:
    """What a device gets; None stands for those without a mapping."""
    return frozenset((group.family, name) for name in group.named_at(place))


def _excluded(
    observed: ObservedAdom, inside: Mapping[ObjectKey, frozenset[ObjectKey]]
) -> dict[ObjectKey, str]:
    """What foreign groups take away from themselves: emptied, it is in them again."""
    return {
        key: f"excluded from group {group.name}"
        for group in observed.groups.values()
        if not group.owned
        for names in group.excluded.values()
        for key in reachable(((group.family, name) for name in names), inside)
    }


def contents(observed: ObservedAdom) -> Mapping[ObjectKey, frozenset[ObjectKey]]:
    """Per group what it names itself, over default and all mappings."""
    return {key: _content(group) for key, group in observed.groups.items()}


def nesting(observed: ObservedAdom) -> Mapping[ObjectKey, frozenset[ObjectKey]]:
    """The same without addresses: per group the groups it names itself."""
    known: defaultdict[Family, set[str]] = defaultdict(set)
    for family, name in observed.groups:
        known[family].add(name)
    return {
        key: frozenset((key[0], name) for name in known[key[0]].intersection(group.named()))
        for key, group in observed.groups.items()
    }


def _content(group: ObservedGroup) -> frozenset[ObjectKey]:
    return frozenset((group.family, name) for name in group.named())


def reachable(
    roots: Iterable[ObjectKey], inside: Mapping[ObjectKey, frozenset[ObjectKey]]
) -> set[ObjectKey]:
    """The roots and all that lies in them; groups that contain each other end the walk."""
    seen: set[ObjectKey] = set()
    waiting = list(roots)
    while waiting:
        key = waiting.pop()
        if key not in seen:
            seen.add(key)
            waiting.extend(inside.get(key, ()))
    return seen
