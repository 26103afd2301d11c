"""Which package counts on a DeviceVdom that several packages are assigned to.

FortiManager lets a device be target of more than one package and installs what it is told to; the
package that is installed there is what decides now. Installing another one would replace its
policies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from fmgsync.model.adom import Package, PackageStatus
from fmgsync.model.change import Finding
from fmgsync.model.target import DeviceVdom

_INSTALLED = frozenset({"installed", "modified"})
_NEXT = (
    "take the device out of the targets of all packages but one, or install the right one by hand"
)

Rivals = Mapping[DeviceVdom, tuple[str, ...]]
"""The packages assigned to a DeviceVdom, where there are several."""


def rivals(packages: Iterable[Package]) -> Rivals:
    """The DeviceVdoms that are targets of several packages."""
    found: defaultdict[DeviceVdom, list[str]] = defaultdict(list)
    for package in packages:
        for target in package.targets:
            found[target].append(package.path)
    return {target: tuple(paths) for target, paths in found.items() if len(paths) > 1}


def settle(
    packages: Iterable[Package], contested: Rivals, statuses: Iterable[PackageStatus]
) -> tuple[Package, ...]:
    """The packages, each without the targets on which another one counts, or nobody knows which."""
    installed = {target: _installed(target, paths, statuses) for target, paths in contested.items()}
    return tuple(_settled(package, contested, installed) for package in packages)


def _installed(
    target: DeviceVdom, paths: Iterable[str], statuses: Iterable[PackageStatus]
) -> str | None:
    rows = [row for row in statuses if row.target == target and row.package in set(paths)]
    if len(rows) > 1:
        rows = [row for row in rows if row.status in _INSTALLED]
    return rows[0].package if len(rows) == 1 else None


def _settled(
    package: Package, contested: Rivals, installed: Mapping[DeviceVdom, str | None]
) -> Package:
    others = package.targets & contested.keys()
    lost = {target for target in others if installed[target] != package.path}
    return replace(
        package,
        targets=package.targets - lost,
        passed_over={
            target: _disputed(contested[target])
            if installed[target] is None
            else f"package {installed[target]} is the one installed there"
            for target in lost
        },
        disputed=frozenset(target for target in lost if installed[target] is None),
    )


def _disputed(paths: Iterable[str]) -> str:
    return (
        f"packages {' and '.join(sorted(paths))} are assigned to the device, and FortiManager does"
        f" not tell which is installed: {_NEXT}"
    )


def findings(packages: Iterable[Package], targets: Iterable[DeviceVdom]) -> Iterator[Finding]:
    """For people: devices of the sites on which nothing is installed for that reason."""
    wanted = set(targets)
    found = {
        target: package.passed_over[target]
        for package in packages
        for target in package.disputed & wanted
    }
    for target, why in sorted(found.items()):
        yield Finding("disputed-package", str(target), f"nothing is installed: {why}", target)
