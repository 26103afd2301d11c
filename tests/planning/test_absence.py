"""Why a group never reaches a device, said of the policy that almost brings it."""

from __future__ import annotations

from dataclasses import replace

from fmgsync.model.address import Family
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


def test_another_package_counts_there() -> None:
    lost = replace(package(policy("web")), targets=frozenset(), passed_over={EAST: "west counts"})
    assert why(lost) == "policy 1 of package edge uses it, but west counts"
    elsewhere = replace(lost, policies=(policy("web", install_on=frozenset({WEST})),))
    assert "is not assigned to this device" in why(elsewhere)


def test_a_group_in_between_holds_it_elsewhere() -> None:
    assert why(package(policy("apps"))) == (
        "policy 1 of package edge uses it through a group that holds it on other devices only"
    )


def test_no_package_takes_the_block_in() -> None:
    block = replace(package(policy("web", block="common")), path="", targets=frozenset())
    assert why(block) == (
        "policy 1 of policy block common uses it, but no package takes the block in"
    )


def test_for_scripts_each_use_is_one_row_whatever_the_family() -> None:
    """Both families of a group are one name; a policy that names both is one use."""
    six = frozenset({(Family.IPV6, "web"), (V4, "web")})
    both = replace(policy("web", action=""), positive=six, enabled=False)
    last = policy(negated=("apps",))
    have = adom(group("web"), group("apps", "web", owned=False), group("db"))
    rows = absence.uses_json([package(policy("db"), both, last)], have, ["web", "db"])
    row = {"package": "edge", "policy": "policy 1 of package edge", "enabled": True}
    assert rows == {
        "db": [{**row, "action": "accept", "position": 1}],
        "web": [
            {**row, "action": "deny", "position": 2, "enabled": False},
            {**row, "action": "accept", "position": 3},
        ],
    }
    assert list(rows) == ["db", "web"]
