"""Which groups reach which device, through which package, and in which families."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from itertools import chain

from fmgsync.assessing import four, rendered
from fmgsync.assessing.observation import Observation
from fmgsync.model import naming
from fmgsync.model.address import Address, Family
from fmgsync.model.state import ObjectKey
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import diff


def wanted(
    seen: Observation,
) -> Mapping[DeviceVdom, Mapping[str, frozenset[Address] | None]]:
    """Members as the rules ask for them; None where that is not known.

    A rule may be gone, or meant for fewer devices than before: in a group of ours that still comes
    to a device of the sites, which no rule asks for there, nothing is wanted. Not all rules may
    have been read: then nobody knows.
    """
    asked = {group.name for group in seen.desired.groups}
    nothing = None if seen.desired.unread else frozenset[Address]()
    found = {place: dict(here) for place, here in rendered.from_desired(seen.desired).items()}
    for name, keys in _ours(seen).items():
        for target in _brought(seen, keys):
            here = found.setdefault(target, {})
            here.setdefault(name, frozenset() if name in asked else nothing)
    return found


def names(seen: Observation) -> frozenset[str]:
    """The groups that devices are asked for: those of the rules, and those that still come to a
    device although their rule is gone."""
    asked = frozenset(group.name for group in seen.desired.groups)
    gone = ((name, keys) for name, keys in _ours(seen).items() if name not in asked)
    return asked.union(name for name, keys in gone if _brought(seen, keys))


def _ours(seen: Observation) -> Mapping[str, Sequence[ObjectKey]]:
    """Our groups, shards and families together, that may come to devices no rule means them for."""
    theirs = {finding.name for finding in seen.plan.foreign if finding.kind == diff.KEPT_FOREIGN}
    stay = {
        group.name
        for group in seen.desired.groups
        if group.shared is not None or group.own is not None or group.keeps
    }
    found: defaultdict[str, list[ObjectKey]] = defaultdict(list)
    for key, group in seen.observed.groups.items():
        name = naming.group_of(key[1])
        if group.owned and name not in theirs and name not in stay:
            found[name].append(key)
    return found


def _brought(seen: Observation, keys: Iterable[ObjectKey]) -> Set[DeviceVdom]:
    """The devices of the sites that a package brings these to, or may bring them to."""
    used = seen.usage
    carried = (
        used.devices.get(key, {}).keys() | used.disputed.get(key, frozenset()) for key in keys
    )
    return seen.desired.behind.intersection(chain.from_iterable(carried))


def packages(
    seen: Observation, targets: Iterable[DeviceVdom], names: Iterable[str]
) -> Mapping[four.Place, str]:
    """The package that carries a group to a device."""
    wanted = set(targets)
    return {
        (target, name): package
        for name in names
        for key in four.keys(name)
        for target, package in seen.usage.devices.get(key, {}).items()
        if target in wanted
    }


def disputed(
    seen: Observation, wanted: Collection[DeviceVdom], names: Iterable[str]
) -> frozenset[four.Place]:
    """Where it cannot be told which of several packages carries a group to a device."""
    return frozenset(
        (target, name)
        for name in names
        for key in four.keys(name)
        for target in seen.usage.disputed.get(key, ())
        if target in wanted and target not in seen.usage.devices.get(key, {})
    )


def families(
    seen: Observation, reach: Mapping[four.Place, str]
) -> Mapping[four.Place, frozenset[Family]]:
    """Where policies use one family only of a group that has both."""
    names: defaultdict[str, set[Family]] = defaultdict(set)
    for group in seen.desired.groups:
        names[group.name].add(group.family)
    for (family, name), standing in seen.observed.groups.items():
        if standing.owned:
            names[name].add(family)
    found: dict[four.Place, frozenset[Family]] = {}
    for target, name in reach:
        if len(names[name]) == len(Family):
            used = frozenset(f for f in Family if seen.usage.reaches([(f, name)], target))
            if len(used) < len(Family):
                found[target, name] = used
    return found
