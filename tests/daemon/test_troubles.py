"""What a person has to be told of rollouts: by proof, and by what goes on for too long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from fmgsync.assessing.assessment import UNASSESSED
from fmgsync.daemon import troubles
from fmgsync.model.health import RolloutHealth
from fmgsync.model.rollout import Outcome, TargetOutcome
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.passes.result import Pass
from fmgsync.passes.rollout_book import Report
from tests.end_to_end import fleet
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import open_fleet, seed, to, web
from tests.passes.worlds import OPENS, make_pass, world_of

ADOM = TargetRef("hq", "prod")


def target(name: str) -> DeviceVdom:
    return DeviceVdom(name, "root")


PROVEN = {
    "done and proven": (Outcome.DONE, True, Outcome.DONE),
    "nothing to do, and proven": (Outcome.NO_CHANGES, True, Outcome.NO_CHANGES),
    "done, says FortiManager alone": (Outcome.DONE, False, Outcome.NOT_PROVEN),
    "nothing to do, says FortiManager alone": (Outcome.NO_CHANGES, False, Outcome.NOT_PROVEN),
    "the task was lost, and the device has it": (Outcome.MISSING, True, Outcome.DONE),
    "the task was lost, and the device has it not": (Outcome.MISSING, False, Outcome.MISSING),
    "it failed": (Outcome.FAILED, False, Outcome.FAILED),
}


@pytest.mark.parametrize("case", PROVEN)
def test_what_the_device_proved_counts(case: str) -> None:
    said, proven, counts = PROVEN[case]
    report = Report(verified=[target("fgt-1")] if proven else [])
    outcome = TargetOutcome(target("fgt-1"), said, "")
    result = Pass(ADOM, rollout=report, outcomes=(outcome,))
    assert troubles.outcomes(result) == {counts: 1}


Since = dict[DeviceVdom, float]


def passed(estate: Estate, since: Since) -> tuple[Pass, RolloutHealth]:
    """One pass; `since` is kept as the controller's worker keeps it."""
    world = world_of(estate)
    result, _ = make_pass(world)
    found: Mapping[DeviceVdom, float] = troubles.pending_since(since, result, estate.clock.now())
    since.clear()
    since.update(found)
    return result, troubles.rollout_health(world, result, since)


def test_a_device_that_does_not_prove_its_install_is_a_failure_that_stays(tmp_path: Path) -> None:
    install = {"canary": ["fgt-1"], "waves": ["100%"]}
    with open_fleet(tmp_path, seed(2), rollout=install) as estate:
        estate.unit.fortigate("fgt-1").refuse("firewall addrgrp", fleet.GROUP)
        web(estate, "10.1.0.2")
        to(estate, OPENS)
        since: Since = {}
        result, found = passed(estate, since)
        assert troubles.outcomes(result) == {Outcome.NOT_PROVEN: 1}
        assert (found.held, found.failed, found.open) == ("canary failed", 1, 0)
        # A later pass does nothing more, and tells the same.
        result, found = passed(estate, since)
        assert troubles.outcomes(result) == {}
        assert (found.held, found.failed) == ("canary failed", 1)


def test_an_install_whose_end_nobody_saw_is_open(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(1, install_s=30)) as estate:
        web(estate, "10.1.0.2")
        to(estate, OPENS)
        started = estate.clock.now()
        world = world_of(estate, leaving=lambda: estate.clock.now() > started + 5)
        result, _ = make_pass(world)
        found = troubles.rollout_health(world, result, {})
        assert found.open == 1
        assert found.oldest_open_at is not None
        assert started <= found.oldest_open_at <= estate.clock.now()


def test_a_closed_canary_waits_for_its_window_and_for_no_person(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2), rollout={"canary": ["fgt-1"], "waves": ["100%"]}) as estate:
        web(estate, "10.1.0.2")
        result, found = passed(estate, {})
        assert result.view is not UNASSESSED
        assert found.held == ""


def test_windows_that_pass_over_a_waiting_device_are_counted_however_short(
    tmp_path: Path,
) -> None:
    short = {"kind": "allow", "schedule": "0 1 * * *", "duration": "20m"}
    rollout = {"canary": ["fgt-1"], "waves": ["100%"]}
    with open_fleet(tmp_path, seed(2), windows=[short], rollout=rollout) as estate:
        estate.unit.fortigate("fgt-1").go_offline()  # and everything waits for the canary
        web(estate, "10.1.0.2")
        since: Since = {}
        assert passed(estate, since)[1].missed_windows == 0
        seen: list[int] = []
        for day in range(3):
            for minutes in (5, 30):
                to(estate, OPENS + timedelta(days=day, minutes=minutes))
                seen.append(passed(estate, since)[1].missed_windows)
        assert seen == [0, 1, 1, 2, 2, 3]
        estate.unit.fortigate("fgt-1").come_back()
        to(estate, after := OPENS + timedelta(days=3, minutes=1))
        for minutes in range(0, 20, 4):
            to(estate, after + timedelta(minutes=minutes))
            _, found = passed(estate, since)
        assert (found.missed_windows, since) == (0, {})


def test_where_windows_are_always_open_none_is_missed(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(1), windows="always") as estate:
        estate.unit.fortigate("fgt-1").go_offline()
        web(estate, "10.1.0.2")
        since: Since = {}
        passed(estate, since)
        estate.clock.sleep(timedelta(days=3).total_seconds())
        assert passed(estate, since)[1].missed_windows == 0
        assert set(since) == {target("fgt-1")}


def test_what_cannot_be_looked_at_waits_since_it_was_last_seen_to() -> None:
    failed = Pass(ADOM)
    before = {target("fgt-1"): 1e9}
    assert troubles.pending_since(before, failed, 1e10) == before
