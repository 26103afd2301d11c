"""`install.mode: objects`: groups reach the devices, policies and settings stay where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end import fleet
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import OPEN, holding, open_fleet, report, seed, to, verified, web


def policies(estate: Estate, device: str) -> int:
    """How many policies the FortiGate itself has."""
    return len(estate.unit.fortigate(device).names("firewall policy"))


def test_groups_arrive_and_other_peoples_edits_stay(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2), mode="objects") as estate:
        before = policies(estate, "fgt-1")
        estate.write_policy("legacy-db", name="half-done")
        web(estate, "10.1.0.2", "10.1.0.3")
        to(estate, OPEN)
        result = estate.apply("window")
        assert sorted(verified(result)) == fleet.names(2)
        assert holding(estate, "10.1.0.2", "10.1.0.3") == fleet.names(2)
        assert policies(estate, "fgt-1") == before
        # What is unused now stays there, and that is told.
        assert set(report(result).unused.values()) == {1}
        calls = [url for e in estate.unit.requests.installs() for url in e.urls]
        assert not [url for url in calls if "install/package" in url]


def test_groups_over_the_limit_arrive_with_their_parts(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(1), mode="objects") as estate:
        estate.write_config(memberLimit=3)
        many = [f"10.1.0.{number}" for number in range(1, 6)]
        web(estate, *many)
        to(estate, OPEN)
        assert verified(estate.apply("window")) == ["fgt-1"]
        assert holding(estate, *many) == ["fgt-1"]


@pytest.mark.parametrize(
    ("unit", "why"),
    [
        ({"version": "7.4.0"}, "objects alone need FortiManager 7.4.1, this one is 7.4.0"),
        ({"switches": {"partialInstall": False}}, "'partial-install' is disabled"),
    ],
)
def test_a_unit_that_cannot_is_told_and_nothing_else_is_tried(
    tmp_path: Path, unit: dict[str, Any], why: str
) -> None:
    with open_fleet(tmp_path, {**seed(1), **unit}, mode="objects") as estate:
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        mark = estate.unit.requests.mark()
        result = estate.apply("window")
        assert why in str(report(result).waiting)
        assert "install.mode: package" in str(report(result).waiting)
        assert estate.unit.requests.installs(since=mark) == []
