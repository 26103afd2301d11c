"""Of several packages assigned to a device the one that is installed there counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.model.adom import Package, PackageStatus
from fmgsync.model.change import Finding
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import absence, assignment, usage
from tests.planning.usages import EAST, V4, WEST, adom, group, policy

WEB = (V4, "web")
EDGE = Package("edge", frozenset({EAST, WEST}), (policy("web"),))
NORTH = DeviceVdom("fgt-north", "root")
SPARE = Package("spare", frozenset({EAST}), (policy("web"),))


def settled(*rows: tuple[str, str], packages: tuple[Package, ...] = (EDGE, SPARE)) -> usage.Usage:
    statuses = [PackageStatus(EAST, path, status) for path, status in rows]
    found = assignment.settle(packages, assignment.rivals(packages), statuses)
    return usage.find_usage(found, adom(group("web")))


@pytest.mark.parametrize("order", [(EDGE, SPARE), (SPARE, EDGE)], ids=["last", "first"])
@pytest.mark.parametrize(
    ("rows", "counts"),
    [
        ((("edge", "installed"),), "edge"),
        ((("edge", "modified"),), "edge"),
        ((("edge", "unknown"),), "edge"),  # The only one that was ever installed there.
        ((("spare", "installed"),), "spare"),
        ((("edge", "modified"), ("spare", "unknown")), "edge"),
        ((("edge", "modified"), ("spare", "installed")), None),
        ((("edge", "unknown"), ("spare", "unknown")), None),
        ((("third", "installed"),), None),
        ((), None),
    ],
)
def test_the_installed_package_counts_wherever_it_stands_in_the_tree(
    rows: tuple[tuple[str, str], ...], counts: str | None, order: tuple[Package, ...]
) -> None:
    found = settled(*rows, packages=order)
    assert found.devices[WEB].get(EAST) == counts
    assert (EAST in found.disputed.get(WEB, ())) is (counts is None)
    assert found.devices[WEB][WEST] == "edge", "where there is only one, it counts"


def test_a_package_that_is_passed_over_still_uses_what_it_names() -> None:
    """It cannot be deleted from under it, and a deny in it counts."""
    deny = replace(SPARE, policies=(policy("web", action="deny"),))
    found = settled(("edge", "installed"), packages=(replace(EDGE, policies=()), deny))
    assert WEB in found.used
    assert WEB in found.widening
    assert not found.reaches([WEB], EAST)


def test_why_it_does_not_get_there_names_the_package_that_counts() -> None:
    statuses = [PackageStatus(EAST, "edge", "installed")]
    packages = (replace(EDGE, policies=()), SPARE)
    found = assignment.settle(packages, assignment.rivals(packages), statuses)
    uses = absence.find_uses(found, adom(group("web")), [WEB])
    told = "policy 1 of package spare uses it, but package edge is the one installed there"
    assert absence.why(EAST, [WEB], uses) == told


def test_policy_install_on_decides_what_is_disputed() -> None:
    elsewhere = replace(SPARE, policies=(policy("web", install_on=frozenset({WEST})),))
    found = settled(packages=(replace(EDGE, policies=()), elsewhere))
    assert not found.disputed.get(WEB)


def test_what_is_disputed_is_told_of_the_devices_of_the_sites() -> None:
    """A row of another device says nothing about this one."""
    statuses = [PackageStatus(EAST, "edge", "installed")]
    packages = tuple(
        Package(path, frozenset(places), ())
        for path, places in [("spare", (WEST, EAST)), ("edge", (WEST, EAST)), ("third", (NORTH,))]
    )
    found = assignment.settle(packages, assignment.rivals(packages), statuses)
    told = (
        "nothing is installed: packages edge and spare are assigned to the device, and FortiManager"
        " does not tell which is installed: take the device out of the targets of all packages but"
        " one, or install the right one by hand"
    )
    assert list(assignment.findings(found, [EAST, WEST, NORTH])) == [
        Finding("disputed-package", "fgt-west/root", told, WEST)
    ]
    assert list(assignment.findings(found, [EAST, NORTH])) == []
    everywhere = assignment.settle(packages, assignment.rivals(packages), [])
    places = [one.device for one in assignment.findings(everywhere, [WEST, NORTH, EAST])]
    assert places == [EAST, WEST]
