"""Rollouts step by step: who starts, who waits, what holds everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from fmgsync.scheduling import ledger, waves
from fmgsync.scheduling.budget import Percent
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rollout import (
    Candidate,
    Decision,
    HoldKind,
    NamedWave,
    Overrun,
    Readiness,
    RolloutPolicy,
    Wait,
)
from fmgsync.scheduling.timetable import Judgement, Opening
from fmgsync.scheduling.window import Window, WindowKind
from tests.scheduling.clockchanges import utc

MINUTE = timedelta(minutes=1)
NOW = utc("2026-01-01T02:00")
OPEN = Opening(utc("2026-01-01T01:00"), utc("2026-01-01T04:00"))
TOMORROW = utc("2026-01-02T01:00")
FAILED = "look at the failed devices, then `fmgsync rollout resume` or `fmgsync rollout abort`"
FAST = (10.0,)
"""A past in which installs took ten seconds, so that the forecast stays out of the way."""


def device(name: str, readiness: Readiness = Readiness.READY, detail: str = "") -> Candidate:
    return Candidate(name, readiness, OPEN, TOMORROW, detail)


def closed(name: str) -> Candidate:
    return Candidate(name, opens_at=TOMORROW)


def fleet(count: int) -> list[Candidate]:
    return [device(f"d{number:02}") for number in range(count)]


def names(count: int) -> tuple[str, ...]:
    return tuple(each.device for each in fleet(count))


def wide(*sizes: Percent | int | NamedWave, canary: tuple[str, ...] = ()) -> RolloutPolicy:
    """Waves of these sizes and a budget that is never short."""
    return RolloutPolicy(canary=canary, waves=sizes or (Percent(100),), max_failures=1000)


class Run:
    """A rollout whose installs end well at once, unless told otherwise."""

    def __init__(self, policy: RolloutPolicy, candidates: list[Candidate]) -> None:
        self.policy = policy
        self.candidates = {each.device: each for each in candidates}
        self.ledger = Ledger("digest", past_s=FAST)
        self.now = NOW

    def decide(self) -> Decision:
        return waves.decide(self.policy, self.ledger, self.candidates.values(), self.now)

    def start(self) -> Decision:
        decision = self.decide()
        self.ledger = ledger.started(self.ledger, decision.start, decision.wave, self.now)
        return decision

    def verify(self, *devices: str) -> None:
        for name in devices:
            self.ledger = ledger.verified(self.ledger, name, self.now)
            self.candidates[name] = replace(self.candidates[name], readiness=Readiness.UP_TO_DATE)

    def fail(self, name: str) -> None:
        self.ledger = ledger.failed(self.ledger, name, self.now, "no route to host")

    def step(self) -> tuple[str, ...]:
        """One wave, started and verified."""
        started = self.start().start
        self.verify(*started)
        return started


def waits(decision: Decision) -> dict[str, str]:
    return {wait.device: wait.reason for wait in decision.waits}


def test_without_canary_and_waves_everything_starts_at_once() -> None:
    run = Run(wide(), fleet(3))
    assert run.start() == Decision(1, names(3), needs=timedelta(seconds=10))
    assert run.decide().start == ()
    run.verify(*names(3))
    assert run.decide() == Decision(None)


def test_waves_are_shares_of_the_pending_devices_rounded_up_and_cumulative() -> None:
    run = Run(wide(Percent(5), Percent(25), Percent(100)), fleet(30))
    assert [len(run.step()) for _ in range(3)] == [2, 6, 22]
    assert run.decide().wave is None


def test_counts_include_the_waves_before_and_a_smaller_one_adds_nothing() -> None:
    run = Run(wide(2, 5, Percent(10), Percent(100)), fleet(10))
    assert [len(run.step()) for _ in range(3)] == [2, 3, 5]


def test_no_wave_starts_until_the_canary_is_verified() -> None:
    run = Run(wide(canary=("d07", "d03")), fleet(10))
    decision = run.start()
    assert decision.wave == 0
    assert decision.start == ("d07", "d03")
    assert waits(decision)["d00"] == "the canary is not verified yet"
    run.verify("d07")
    assert run.decide().start == ()
    run.verify("d03")
    assert len(run.decide().start) == 8


def test_canaries_count_in_the_shares() -> None:
    run = Run(wide(Percent(20), Percent(100), canary=("d00",)), fleet(10))
    assert [len(run.step()) for _ in range(3)] == [1, 1, 8]


@pytest.mark.parametrize(
    ("canary", "reason"),
    [
        (device("c", Readiness.OFFLINE), "canary c is offline"),
        (device("c", Readiness.UNSYNCED), "canary c is not in sync"),
        (device("c", Readiness.BLOCKED, "edits of alice"), "canary c is blocked: edits of alice"),
        (closed("c"), "canary c is closed"),
    ],
)
def test_a_canary_that_cannot_start_holds_the_rollout(canary: Candidate, reason: str) -> None:
    run = Run(wide(canary=("c",)), [canary, *fleet(2)])
    decision = run.decide()
    assert decision.start == ()
    assert decision.held is not None
    assert decision.held.kind is HoldKind.CANARY_UNAVAILABLE
    assert decision.held.reason == reason
    assert decision.held.until == (TOMORROW if canary.opening is None else None)
    assert waits(decision)["d00"] == reason


def test_of_two_canaries_that_cannot_start_both_are_named_and_the_later_window_counts() -> None:
    offline = device("d00", Readiness.OFFLINE)
    run = Run(wide(canary=("d00", "d01")), [offline, closed("d01"), device("d02")])
    held = run.decide().held
    assert held is not None
    assert held.kind is HoldKind.CANARY_UNAVAILABLE
    assert held.reason == "canary d00 is offline; canary d01 is closed"
    assert held.until == TOMORROW


def test_of_two_canaries_the_one_that_can_goes_first_and_the_other_still_holds() -> None:
    run = Run(wide(canary=("d00", "d01")), fleet(3))
    run.candidates["d00"] = device("d00", Readiness.OFFLINE)
    assert run.start().start == ("d01",)
    assert run.decide().held is None  # d01 is under way
    run.verify("d01")
    held = run.decide().held
    assert held is not None
    assert held.reason == "canary d00 is offline"


def test_a_canary_with_nothing_pending_has_nothing_to_prove() -> None:
    run = Run(wide(canary=("c", "elsewhere")), [device("c", Readiness.UP_TO_DATE), *fleet(2)])
    assert run.decide().start == names(2)


def test_a_canary_that_failed_holds_whatever_the_budget() -> None:
    run = Run(wide(canary=("d00",)), fleet(3))
    run.start()
    run.fail("d00")
    held = run.decide().held
    assert held is not None
    assert held.kind is HoldKind.CANARY_FAILED
    assert held.reason == "canary d00 failed: no route to host"
    assert held.next_step is not None
    run.ledger = ledger.resumed(run.ledger)
    assert run.decide().start == ("d00",)


def test_no_more_devices_are_at_risk_than_may_fail() -> None:
    run = Run(RolloutPolicy(max_failures=2), fleet(5))
    decision = run.start()
    assert decision.start == ("d00", "d01")
    assert decision.needs == timedelta(seconds=30)  # in three rounds
    assert "as many devices are at risk as may fail" in waits(decision)["d04"]
    run.verify("d00")
    decision = run.start()
    assert decision.start == ("d02",)
    assert waits(decision)["d04"] == "as many devices are at risk as may fail: d01"
    run.fail("d02")
    run.verify("d01")
    assert run.start().start == ("d03",)
    run.fail("d03")
    held = run.decide().held
    assert held is not None
    assert held.kind is HoldKind.BUDGET_SPENT
    assert held.reason == "the failure budget of the rollout is spent: 2 of 2 (d02, d03)"
    assert held.next_step == FAILED


def test_a_budget_of_nothing_goes_one_by_one_to_the_first_failure() -> None:
    run = Run(RolloutPolicy(max_failures=0), fleet(3))
    assert run.start().start == ("d00",)
    run.fail("d00")
    assert run.decide().held is not None


def test_failures_within_the_budget_do_not_stop_the_next_wave() -> None:
    run = Run(replace(wide(2, Percent(100)), max_failures=3), fleet(4))
    run.start()
    run.fail("d00")
    assert run.decide().start == ()  # d01 is still open
    run.verify("d01")
    assert run.decide().start == ("d02", "d03")


def test_what_failed_is_named_when_all_else_is_done() -> None:
    run = Run(replace(wide(), max_failures=5), fleet(2))
    run.start()
    run.fail("d00")
    assert run.decide().held is None  # d01 is still open
    run.verify("d01")
    decision = run.decide()
    assert decision.held is not None
    assert decision.held.kind is HoldKind.FAILURES_LEFT
    assert decision.held.reason == "all others are done; failed: d00"
    assert decision.held.next_step == FAILED
    assert waits(decision) == {"d00": "failed: no route to host"}


def test_all_that_failed_are_named() -> None:
    run = Run(replace(wide(), max_failures=5), fleet(3))
    run.start()
    run.fail("d00")
    run.fail("d02")
    run.verify("d01")
    held = run.decide().held
    assert held is not None
    assert held.reason == "all others are done; failed: d00, d02"


def test_resuming_gives_a_new_budget_and_tries_the_failed_again() -> None:
    run = Run(RolloutPolicy(), fleet(2))
    run.start()
    run.fail("d00")
    run.ledger = ledger.resumed(run.ledger)
    assert run.decide().start == ("d00",)


def test_a_halted_rollout_starts_nothing() -> None:
    run = Run(wide(), fleet(2))
    run.ledger = ledger.halted(run.ledger, "aborted by alice")
    held = run.decide().held
    assert held is not None
    assert (held.kind, held.reason) == (HoldKind.HALTED, "aborted by alice")


def test_a_lost_ledger_holds_the_rollout_with_its_budget_spent() -> None:
    candidates = [*fleet(2), device("x", Readiness.UP_TO_DATE)]
    decision = waves.decide(wide(), None, candidates, NOW)
    assert decision.start == ()
    assert decision.held is not None
    assert decision.held.kind is HoldKind.LEDGER_LOST
    told = "what this rollout has done is not known any more; its failure budget counts as spent"
    assert decision.held.reason == told
    assert decision.held.next_step == "check with `fmgsync verify`, then `fmgsync rollout resume`"
    assert waits(decision) == {"d00": told, "d01": told}
    why = waves.decide(wide(), None, candidates, NOW, lost="no answer").held
    assert why is not None
    assert why.reason == f"{told}: no answer"


@pytest.mark.parametrize("readiness", [Readiness.OFFLINE, Readiness.UNSYNCED, Readiness.BLOCKED])
def test_devices_that_are_not_ready_are_left_for_later_without_failing_the_wave(
    readiness: Readiness,
) -> None:
    run = Run(wide(2, Percent(100)), fleet(4))
    run.candidates["d00"] = device("d00", readiness, "since noon")
    decision = run.start()
    assert decision.start == ("d01", "d02")
    assert waits(decision)["d00"] == f"{readiness}: since noon"
    run.verify("d01", "d02")
    assert run.step() == ("d03",)
    assert run.decide().start == ()
    run.candidates["d00"] = device("d00")
    assert run.decide().start == ("d00",)


def test_devices_outside_their_window_wait_for_it() -> None:
    run = Run(wide(), [*fleet(1), closed("d01")])
    decision = run.decide()
    assert decision.start == ("d00",)
    (wait,) = decision.waits
    assert (wait.device, wait.reason, wait.until) == ("d01", "closed", TOMORROW)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        (OPEN.opens_at, True),
        (OPEN.opens_at - timedelta(microseconds=1), False),
        (utc("2026-01-01T04:00"), False),
    ],
)
def test_an_opening_is_half_open(at: datetime, is_open: bool) -> None:
    assert device("a").is_open(at) is is_open
    run = Run(wide(), fleet(1))
    run.now = at
    assert bool(run.decide().start) is is_open


def test_the_pause_begins_when_the_wave_before_is_verified() -> None:
    run = Run(replace(wide(2, Percent(100), canary=("d02",)), pause=2 * MINUTE), fleet(3))
    assert run.start().start == ("d02",)
    run.now += 10 * MINUTE
    run.verify("d02")
    decision = run.decide()
    assert decision.start == ()
    assert waits(decision) == {"d00": "pause before wave 1", "d01": "pause before wave 1"}
    assert decision.waits[0].until == run.now + 2 * MINUTE
    run.now += 2 * MINUTE
    assert run.step() == ("d00",)
    assert run.decide().start == ()
    run.now += 2 * MINUTE
    assert run.decide().start == ("d01",)


def test_a_named_wave_comes_before_the_next_even_while_its_window_is_closed() -> None:
    branches = NamedWave("Branches", frozenset({"d01", "d03", "gone"}))
    run = Run(wide(branches, Percent(100)), fleet(4))
    run.candidates["d03"] = closed("d03")
    assert run.step() == ("d01",)
    decision = run.decide()
    assert decision.start == ()
    assert waits(decision) == {
        "d00": "its wave comes after wave 1",
        "d02": "its wave comes after wave 1",
        "d03": "closed",
    }
    run.candidates["d03"] = device("d03", Readiness.OFFLINE)
    assert run.decide().start == ("d00", "d02")


def test_a_device_that_is_proven_and_pending_again_needs_no_wave() -> None:
    run = Run(wide(2, Percent(100), canary=("d00",)), fleet(4))
    run.step()
    run.candidates["d00"] = device("d00")  # new members
    decision = run.start()
    assert decision.start == ("d01", "d00")
    run.verify("d00")
    assert run.decide().start == ()  # d01 is open, so wave 2 waits
    run.verify("d01")
    assert run.decide().start == ("d02", "d03")


def test_a_structural_change_starts_over_at_the_canary_and_waits_for_what_is_under_way() -> None:
    run = Run(wide(2, Percent(100), canary=("d00",)), fleet(4))
    run.step()
    run.step()
    assert run.start().start == ("d02", "d03")
    run.ledger = ledger.for_digest(run.ledger, "new rules")
    run.candidates.update({each.device: each for each in fleet(4)})
    decision = run.start()
    assert (decision.wave, decision.start) == (0, ("d00",))
    run.verify("d00")
    assert run.start().start == ("d01",)
    run.ledger = ledger.for_digest(run.ledger, "newer rules")
    run.candidates["d00"] = device("d00")
    assert run.start().start == ("d00",)
    run.ledger = ledger.for_digest(run.ledger, "newest rules")
    assert run.decide().start == ()  # the canary is under way with older rules
    run.fail("d00")
    held = run.decide().held
    assert held is not None
    assert held.kind is HoldKind.CANARY_FAILED


def test_devices_that_no_wave_reaches_are_named() -> None:
    run = Run(wide(2), fleet(3))
    run.step()
    held = run.decide().held
    assert held is not None
    assert held.kind is HoldKind.NO_WAVE_LEFT
    assert held.reason == "the last wave is complete; 1 pending devices are in none"
    assert held.next_step == "let the last of install.rollout.waves be 100%"


def test_fewer_waves_in_the_configuration_do_not_strand_a_rollout() -> None:
    run = Run(replace(wide(1, 2, 3, Percent(100)), max_failures=5), fleet(6))
    for _ in range(3):
        run.step()
    run.policy = replace(run.policy, waves=(Percent(100),))
    assert run.start().start == ("d03", "d04", "d05")
    run.fail("d03")
    assert run.decide().held is None


def test_a_wave_that_does_not_fit_is_not_started_but_one_under_way_goes_on() -> None:
    run = Run(replace(wide(canary=("d00",)), max_failures=2), fleet(8))
    assert run.step() == ("d00",)
    run.ledger = replace(run.ledger, past_s=(600.0,) * 9)
    run.now = utc("2026-01-01T03:25")
    decision = run.decide()  # seven devices, two at a time: four times ten minutes
    assert decision.needs == 40 * MINUTE
    assert decision.start == ()
    reason = "wave 1 needs about 40m, more than the window has left"
    assert decision.waits[0] == Wait("d01", reason, TOMORROW)
    run.now = utc("2026-01-01T03:20")
    assert run.step() == ("d01", "d02")
    run.now = utc("2026-01-01T03:49")
    assert run.step() == ("d03", "d04")
    run.now = utc("2026-01-01T03:51")
    decision = run.decide()
    assert decision.start == ()
    reason = "an install needs about 10m, the window closes in 9m"
    assert decision.waits[0] == Wait("d05", reason, TOMORROW)


@pytest.mark.parametrize(("count", "started"), [(36, 0), (37, 2)])
def test_a_wave_waits_for_the_next_window_if_it_fits_a_whole_one(count: int, started: int) -> None:
    run = Run(replace(wide(), max_failures=2), fleet(count))
    run.ledger = replace(run.ledger, past_s=(600.0,) * 9)
    run.now = utc("2026-01-01T03:00")  # of three hours, 18 times ten minutes
    assert len(run.decide().start) == started


def test_new_members_get_the_room_that_the_wave_leaves() -> None:
    """What one decision starts is never more than may fail."""
    run = Run(RolloutPolicy(max_failures=2), fleet(5))
    assert run.step() == ("d00", "d01")
    run.candidates["d00"] = device("d00")
    decision = run.decide()
    assert decision.start == ("d02", "d03")
    assert waits(decision)["d00"] == "as many devices are at risk as may fail"
    run.step()
    assert run.decide().start == ("d04", "d00")


def test_a_full_wave_is_told_before_a_budget_that_is_used_up() -> None:
    run = Run(replace(wide(2, Percent(100)), max_failures=2), fleet(3))
    assert waits(run.decide()) == {"d02": "wave 1 is full"}


def test_all_others_are_not_done_while_one_is_under_way() -> None:
    run = Run(wide(), fleet(2))
    run.start()
    run.fail("d00")
    assert run.decide().held is None
    run.verify("d01")
    held = run.decide().held
    assert held is not None
    assert held.kind is HoldKind.FAILURES_LEFT
    run.candidates["d01"] = device("d01")
    assert run.start().start == ("d01",), "it has new members"
    assert run.decide().held is None


def test_why_a_window_is_closed_is_told() -> None:
    run = Run(wide(canary=("d00",)), [replace(closed("d00"), detail="its zone is unknown")])
    decision = run.decide()
    assert (decision.wave, waits(decision)) == (0, {"d00": "canary d00 is its zone is unknown"})


@pytest.mark.parametrize(("canary", "started"), [((), ()), (names(4), ("d00", "d01"))])
def test_what_does_not_fit_from_the_beginning_waits_unless_it_is_the_canary(
    canary: tuple[str, ...], started: tuple[str, ...]
) -> None:
    run = Run(replace(wide(canary=canary), max_failures=2), fleet(4))
    run.ledger = replace(run.ledger, past_s=(600.0,) * 9)
    run.now = utc("2026-01-01T03:45")  # two at a time: twice ten minutes
    assert run.decide().start == started


def test_a_wave_longer_than_any_window_starts_and_goes_on_in_the_next() -> None:
    run = Run(RolloutPolicy(), fleet(100))
    run.ledger = replace(run.ledger, past_s=(600.0,))
    assert run.decide().start == ("d00",)


def test_while_nothing_is_known_an_install_is_given_five_minutes() -> None:
    run = Run(wide(), fleet(1))
    run.ledger = Ledger("digest")
    run.now = utc("2026-01-01T03:56")
    assert run.decide().start == ()
    run.now = utc("2026-01-01T03:55")
    assert run.decide().start == ("d00",)


def test_without_an_end_in_sight_everything_fits() -> None:
    endless = Candidate("d00", opening=Opening(NOW, None))
    run = Run(wide(), [endless])
    run.ledger = replace(run.ledger, past_s=(1e6,))
    assert run.decide().start == ("d00",)


DENY = Window(WindowKind.DENY, "0 0 * * *", timedelta(hours=1))


@pytest.mark.parametrize(
    ("overrun", "is_open", "denying", "begun", "expected"),
    [
        (Overrun.FINISH, True, (), True, True),
        (Overrun.STOP, True, (), True, True),
        (Overrun.FINISH, False, (), True, True),
        (Overrun.STOP, False, (), True, False),
        (Overrun.FINISH, False, (DENY,), True, False),
        # It closed before the first call: nothing is under way that could be finished.
        (Overrun.FINISH, False, (), False, False),
        (Overrun.STOP, True, (), False, True),
    ],
)
def test_when_the_window_closes_between_two_calls_of_one_start(
    overrun: Overrun, is_open: bool, denying: tuple[Window, ...], begun: bool, expected: bool
) -> None:
    judgement = Judgement(is_open, (), denying, False, "")
    assert waves.may_call(RolloutPolicy(overrun=overrun), judgement, begun=begun) is expected


def test_a_rollout_without_waves_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one wave"):
        RolloutPolicy(waves=())


@pytest.mark.parametrize(
    ("policy", "kind", "reason", "next_step"),
    [
        (
            replace(wide(), stopped="alice: no"),
            HoldKind.STOPPED,
            "alice: no",
            "`fmgsync start` goes on",
        ),
        (replace(wide(), misnamed="no d9"), HoldKind.MISNAMED, "no d9", "correct the name"),
    ],
)
def test_a_stop_and_a_wrong_name_hold_everything(
    policy: RolloutPolicy, kind: HoldKind, reason: str, next_step: str
) -> None:
    run = Run(policy, [*reversed(fleet(3)), device("x", Readiness.UP_TO_DATE)])
    decision = run.decide()
    assert decision.start == ()
    assert decision.held is not None
    assert (decision.held.kind, decision.held.reason) == (kind, reason)
    assert decision.held.next_step == next_step
    assert [wait.device for wait in decision.waits] == list(names(3))
    assert set(waits(decision).values()) == {reason}


def test_what_has_new_members_goes_on_after_the_last_wave() -> None:
    """Although a failure is left, or devices that are in no wave."""
    run = Run(wide(2), fleet(3))
    run.step()
    run.candidates["d00"] = device("d00")
    decision = run.decide()
    assert (decision.start, decision.held) == (("d00",), None)
    assert waits(decision) == {"d02": "the last wave is complete"}


def test_until_when_canaries_wait_is_the_latest_of_what_is_known() -> None:
    soon = Candidate("d01", opens_at=TOMORROW - timedelta(hours=1))
    run = Run(wide(canary=("d00", "d01", "d02")), [closed("d00"), soon, device("d02")])
    run.candidates["d02"] = Candidate("d02", detail="no window")
    held = run.decide().held
    assert held is not None
    assert held.until == TOMORROW
    run.candidates["d00"] = device("d00")
    assert run.decide().held is None


def test_who_could_start_but_for_the_budget_is_ready() -> None:
    run = Run(RolloutPolicy(waves=(3, Percent(100)), max_failures=1), fleet(5))
    decision = run.decide()
    assert (decision.start, decision.ready) == (("d00",), names(3))
    assert decision.needs is not None
    run.verify(*run.start().start)
    run.candidates["d00"] = device("d00")
    assert run.decide().ready == ("d01", "d02", "d00")


def test_without_room_the_rest_takes_a_round_for_each() -> None:
    """A budget that is used up by what is under way lets one in at a time, later."""
    run = Run(RolloutPolicy(max_failures=1), fleet(4))
    run.ledger = replace(run.ledger, past_s=(600.0,) * 9)
    run.start()
    assert run.decide().needs == 30 * MINUTE


def test_shares_count_urgent_installs_as_no_member_until_they_are_in_a_wave() -> None:
    run = Run(wide(Percent(50), Percent(100)), fleet(4))
    run.ledger = ledger.started(run.ledger, ["d03"], None, run.now, urgent=True)
    decision = run.decide()
    assert (decision.wave, decision.start) == (1, ("d00", "d01"))


def test_what_runs_in_no_wave_ends_none() -> None:
    """Nothing is fresh, and only an urgent install is open: no wave is waited for."""
    run = Run(wide(), fleet(1))
    run.ledger = ledger.started(run.ledger, ["d00"], None, run.now, urgent=True)
    assert run.decide().wave is None


def test_a_wave_under_way_pauses_no_more() -> None:
    run = Run(replace(wide(1, Percent(100)), pause=MINUTE, max_failures=2), fleet(5))
    run.step()
    run.now += MINUTE
    assert run.step() == ("d01", "d02")
    assert run.step() == ("d03", "d04")


def test_the_pause_begins_when_the_last_one_failed_as_well() -> None:
    run = Run(replace(wide(2, Percent(100)), pause=10 * MINUTE, max_failures=3), fleet(4))
    run.start()
    run.verify("d00")
    run.now += 5 * MINUTE
    run.fail("d01")
    run.now += 5 * MINUTE
    decision = run.decide()
    assert (decision.start, decision.waits[-1].until) == ((), run.now + 5 * MINUTE)
    run.now += 5 * MINUTE
    assert run.decide().start == ("d02", "d03")


def test_a_wave_with_a_failure_is_not_gone_back_behind() -> None:
    run = Run(replace(wide(1, 2, Percent(100)), max_failures=9), fleet(5))
    run.step()
    run.start()
    run.fail("d01")
    assert run.start().wave == 3
    for name in ("d02", "d03", "d04"):
        run.fail(name)
    run.candidates["d05"] = device("d05")
    assert run.decide().wave == 3


def test_of_a_named_wave_one_that_is_ready_keeps_the_others_waiting() -> None:
    branches = NamedWave("Branches", frozenset({"d00", "d01"}))
    run = Run(wide(branches, Percent(100)), fleet(3))
    run.candidates["d00"] = device("d00", Readiness.OFFLINE)
    run.candidates["d01"] = closed("d01")
    decision = run.decide()
    assert (decision.wave, decision.start) == (1, ())


def test_a_wave_of_which_one_failed_is_under_way_for_the_others() -> None:
    """They do not pause again."""
    run = Run(replace(wide(1, Percent(100)), pause=MINUTE, max_failures=9), fleet(3))
    run.step()
    run.now += MINUTE
    run.candidates["d02"] = device("d02", Readiness.OFFLINE)
    assert run.start().start == ("d01",)
    run.fail("d01")
    run.candidates["d02"] = device("d02")
    assert run.decide().start == ("d02",)


def test_while_the_last_ones_are_under_way_their_wave_is_told() -> None:
    run = Run(wide(), fleet(2))
    run.start()
    assert run.decide().wave == 1


def test_a_budget_in_percent_is_of_all_that_take_part() -> None:
    run = Run(RolloutPolicy(max_failures=Percent(50)), fleet(4))
    assert run.step() == ("d00", "d01")
    assert run.step() == ("d02", "d03")
