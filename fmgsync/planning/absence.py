"""Why a group never reaches a device: in one sentence, with the policies that almost bring it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from fmgsync.model.address import Family
from fmgsync.model.adom import Package, PolicyUse
from fmgsync.model.state import ObjectKey, ObservedAdom
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import usage

UNUSED = "no policy uses it"


@dataclass(frozen=True, slots=True)
class Use:
    """A policy that uses a group, directly or through other groups."""

    package: Package
    policy: PolicyUse

    def __str__(self) -> str:
        return self.policy.within(self.package.path)


Uses = Mapping[ObjectKey, tuple[Use, ...]]


def find_uses(
    packages: Iterable[Package], observed: ObservedAdom, keys: Collection[ObjectKey]
) -> Uses:
    """The policies that use each of these groups, in the order of the packages."""
    inside = usage.nesting(observed)
    found: dict[ObjectKey, list[Use]] = {}
    for package in packages:
        for policy in package.policies:
            reached = usage.reachable(policy.positive | policy.negated, inside)
            for key in reached.intersection(keys):
                found.setdefault(key, []).append(Use(package, policy))
    return {key: tuple(uses) for key, uses in found.items()}


def why(target: DeviceVdom, keys: Iterable[ObjectKey], uses: Uses) -> str:
    """Why none of these objects is installed on `target`, which no policy brings them to."""
    known = [use for key in keys for use in uses.get(key, ())]
    if not known:
        return UNUSED
    lost = [
        use for use in known if target in use.package.passed_over and use.policy.goes_to(target)
    ]
    if lost:
        return f"{lost[0]} uses it, but {lost[0].package.passed_over[target]}"
    assigned = [use for use in known if target in use.package.targets]
    installed = [use for use in assigned if use.policy.goes_to(target)]
    if installed:
        return f"{installed[0]} uses it through a group that holds it on other devices only"
    if assigned:
        return f"{assigned[0]} uses it, but is installed on other devices only"
    if not known[0].package.path:
        return f"{known[0]} uses it, but no package takes the block in"
    return f"{known[0]} uses it, but the package is not assigned to this device"


def uses_json(
    packages: Iterable[Package], observed: ObservedAdom, names: Collection[str]
) -> dict[str, list[dict[str, object]]]:
    """The policies that use each of these groups, for scripts; by the group's name."""
    keys = [(family, name) for name in names for family in Family]
    found: dict[str, list[dict[str, object]]] = {}
    for (_, name), uses in sorted(find_uses(packages, observed, keys).items()):
        for use in uses:
            row: dict[str, object] = {
                "package": use.package.path,
                "policy": str(use),
                "action": use.policy.action or "deny",
                "position": use.package.policies.index(use.policy) + 1,
                "enabled": use.policy.enabled,
            }
            if row not in found.setdefault(name, []):
                found[name].append(row)
    return found
