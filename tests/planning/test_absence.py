"""Why a group never reaches a device, said of the policy that almost brings it."""

from __future__ import annotations

from fmgsync.model.adom import Package
from fmgsync.planning import absence
from tests.planning.usages import EAST, V4, WEST, adom, group, package, policy

WEB = [(V4, "web")]


def why(*packages: Package) -> str:
    uses = absence.find_uses(packages, adom(group("web"), group("apps", "web", owned=False)), WEB)
    return absence.why(EAST, WEB, uses)


def test_nothing_uses_it() -> None:
    assert why(package(policy("other"))) == "no policy uses it"


def test_it_is_installed_elsewhere() -> None:
    told = why(package(policy("web", install_on=frozenset({WEST}))))
    assert told == "policy 1 of package edge uses it, but is installed on other devices only"


def test_the_package_is_assigned_elsewhere() -> None:
    """A foreign group in between changes nothing."""
    told = why(Package("west", frozenset({WEST}), (policy("apps"),)))
    assert told == (
        "policy 1 of package west uses it, but the package is not assigned to this device"
    )
