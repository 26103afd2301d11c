"""`firstInstall: refuse`: what FortiManager has not installed there itself is left to a person.

It is shown in plan and status with its reason, and nothing is pushed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fmgsync.assessing import survey
from fmgsync.cli import documents
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import OPEN, holding, open_fleet, seed, to, verified, web


def never_installed(estate: Estate) -> str:
    adom = estate.unit.world.adoms["prod"]
    del adom.installed["fgt-1", "root"]
    return "package edge/default was never installed there by FortiManager"


def called(word: str) -> Callable[[Estate], str]:
    def call(estate: Estate) -> str:
        estate.unit.world.adoms["prod"].installed["fgt-1", "root"].status = word
        return f"FortiManager calls package edge/default '{word}' there"

    return call


def out_of_sync(estate: Estate) -> str:
    estate.unit.fortigate("fgt-1").drift("firewall address", "by-hand", type="ipmask")
    return "the device is not in sync with FortiManager"


CASES = {
    "never installed": never_installed,
    "imported": called("imported"),
    "unknown": called("unknown"),
    "conflict": called("conflict"),
    "out of sync": out_of_sync,
}


@pytest.mark.parametrize("case", CASES)
def test_plan_and_status_tell_why_a_person_has_to_begin(tmp_path: Path, case: str) -> None:
    with open_fleet(tmp_path, seed(2)) as estate:
        web(estate, "10.1.0.2")
        estate.apply("never")
        reason = CASES[case](estate)
        to(estate, OPEN)

        planned = documents.plan_document(estate.plan())["installs"]
        shown = documents.status_document(estate.status())["devices"]

        waiting = {each["device"]: each.get("held") or "" for each in planned}
        assert reason in waiting["fgt-1"]
        assert waiting["fgt-2"] == ""
        told = {each["device"]: each["groups"][0] for each in shown}
        assert told["fgt-1"]["state"] == "held"
        assert reason in told["fgt-1"]["because"]
        assert told["fgt-2"]["state"] == "install pending"

        assert verified(estate.apply("now")) == ["fgt-2"]
        assert holding(estate, "10.1.0.1") == ["fgt-1"]


@pytest.mark.parametrize("case", CASES)
def test_a_device_left_to_a_person_is_not_verified(tmp_path: Path, case: str) -> None:
    """It was asked and answered, but not with what the ADOM holds."""
    with open_fleet(tmp_path, seed(2)) as estate:
        web(estate, "10.1.0.2")
        estate.apply("never")
        CASES[case](estate)
        to(estate, OPEN)
        estate.apply("now")

        (adom,) = estate.status().adoms
        assert [str(t) for t in survey.verified(adom.views)] == ["fgt-2/root"]


@pytest.mark.parametrize("case", CASES)
def test_it_may_be_allowed(tmp_path: Path, case: str) -> None:
    with open_fleet(tmp_path, seed(2), firstInstall="allow") as estate:
        web(estate, "10.1.0.2")
        estate.apply("never")
        CASES[case](estate)
        to(estate, OPEN)

        assert sorted(verified(estate.apply("window"))) == ["fgt-1", "fgt-2"]
