"""Which groups reach which device, through which package, and in which families."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from fmgsync.assessing import four, rendered
from fmgsync.assessing.observation import Observation
from fmgsync.model import naming
from fmgsync.model.address import Address, Family
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
    found: dict[DeviceVdom, Mapping[str, frozenset[Address] | None]] = {}
    found.update(rendered.from_desired(seen.desired))
    asked = {group.name for group in seen.desired.groups}
    nothing = None if seen.desired.unread else frozenset[Address]()
    for name, targets in _left_over(seen).items():
        for target in targets:
            here = found.get(target, {})
            if name not in here:
                found[target] = {**here, name: frozenset() if name in asked else nothing}
    return found


def _left_over(seen: Observation) -> Mapping[str, frozenset[DeviceVdom]]:
    """Where groups come of which rules may not ask for anything there any more."""
    theirs = {finding.name for finding in seen.plan.foreign if finding.kind == diff.KEPT_FOREIGN}
    stay = {
        group.name
        for group in seen.desired.groups
        if group.shared is not None or group.own is not None or group.keeps
    }
    found: defaultdict[str, frozenset[DeviceVdom]] = defaultdict(frozenset)
    for key, group in seen.observed.groups.items():
        name = naming.group_of(key[1])
        if group.owned and name not in theirs and name not in stay:
            carried = {*seen.usage.devices.get(key, ()), *seen.usage.disputed.get(key, ())}
            found[name] |= carried & seen.desired.behind
    return found


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
