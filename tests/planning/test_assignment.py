"""Of several packages assigned to a device the one that is installed there counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.model.adom import Package, PackageStatus
from fmgsync.planning import absence, assignment, usage
from tests.planning.usages import EAST, V4, WEST, adom, group, policy

WEB = (V4, "web")
EDGE = Package("edge", frozenset({EAST, WEST}), (policy("web"),))
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
