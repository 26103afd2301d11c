"""Which groups reach which device, through which package, and in which families."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from fmgsync.assessing import four
from fmgsync.assessing.observation import Observation
from fmgsync.model.address import Family
from fmgsync.model.target import DeviceVdom


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
