"""Of a fleet each target decides for itself, and all together never more than the fleet may."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from fmgsync.model.target import TargetKind, TargetRef
from fmgsync.scheduling import fleets, ledger, waves
from fmgsync.scheduling.budget import Percent
from fmgsync.scheduling.fleets import FIRST_LOOK, Others
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rollout import Candidate, HoldKind, Readiness, RolloutPolicy, Wait
from fmgsync.scheduling.timetable import Opening
from tests.scheduling.clockchanges import utc

NOW = utc("2026-01-01T01:00")
OPEN = Opening(NOW - timedelta(hours=1), NOW + timedelta(hours=1))
NEW = Ledger("d")
PAUSED = RolloutPolicy(waves=(1, Percent(100)), pause=timedelta(minutes=10))


def ref(unit: str, vdom: str = "root") -> TargetRef:
    return TargetRef(unit, vdom, TargetKind.FORTIGATE)


def ready(device: str, **more: object) -> Candidate:
    return replace(Candidate(device, opening=OPEN), **more)  # type: ignore[arg-type]


def others(unit: str, *found: Candidate, unseen: int = 0) -> Others:
    return Others(unit, {ref(each.device): (each,) for each in found}, unseen)


def test_a_target_that_is_the_whole_fleet_decides_as_any_rollout_does() -> None:
    own = [ready("a"), ready("b")]
    policy = RolloutPolicy()
    assert fleets.decide(policy, NEW, own, None, NOW) == waves.decide(policy, NEW, own, NOW)
    lost = fleets.decide(policy, None, own, None, NOW, lost="damaged")
    assert lost == waves.decide(policy, None, own, NOW, lost="damaged")
    assert lost.held is not None
    assert lost.held.kind is HoldKind.LEDGER_LOST


def test_whose_turn_it_is_counts_all_and_each_starts_itself_only() -> None:
    policy = RolloutPolicy(max_failures=2)
    told = {
        unit: fleets.decide(
            policy,
            NEW,
            [ready(unit)],
            others(unit, *(ready(each) for each in "abc" if each != unit)),
            NOW,
        )
        for unit in "abc"
    }
    assert {unit: each.start for unit, each in told.items()} == {"a": ("a",), "b": ("b",), "c": ()}
    assert {each.turn for each in told.values()} == {("a", "b")}
    assert [wait.device for wait in told["c"].waits] == ["c"]
    assert told["a"].waits == ()


def test_a_lost_record_holds_each_of_a_fleet() -> None:
    found = fleets.decide(
        RolloutPolicy(), None, [ready("a")], others("a", ready("b")), NOW, lost="damaged"
    )
    assert found.start == ()
    assert found.held is not None
    assert found.held.kind is HoldKind.LEDGER_LOST
    assert found.held.reason.endswith("counts as spent: damaged")
    unknown = fleets.decide(RolloutPolicy(), None, [ready("a")], others("a"), NOW).held
    assert unknown is not None
    assert unknown.reason.endswith("counts as spent")


def test_nothing_starts_before_all_were_looked_at() -> None:
    found = fleets.decide(RolloutPolicy(), None, [ready("a")], others("a", unseen=2), NOW)
    reason = "2 of its fleet's FortiGates were not looked at yet"
    assert found.start == ()
    assert found.wave is None
    assert found.waits == (Wait("a", reason),)
    assert found.held is not None
    assert found.held.kind is HoldKind.UNSEEN
    assert (found.held.reason, found.held.until) == (reason, NOW + FIRST_LOOK)


def test_what_waits_is_told_of_the_unit_even_where_it_is_not_among_its_own() -> None:
    """One VDOM of a unit that has nothing to do hears why the unit waits."""
    policy = RolloutPolicy(max_failures=1)
    found = fleets.decide(policy, NEW, [], others("b", ready("a"), ready("b")), NOW)
    assert [wait.device for wait in found.waits] == ["b"]


def test_of_a_unit_with_several_vdoms_the_one_that_may_start_counts() -> None:
    blocked = ready("a", readiness=Readiness.BLOCKED)
    shut = ready("a", opening=None)
    for hindered in (blocked, shut):
        found = fleets.decide(
            RolloutPolicy(), NEW, [ready("a")],
            Others("a", {ref("a", "dmz"): (hindered,)}), NOW,
        )  # fmt: skip
        assert found.start == ("a",), hindered
        found = fleets.decide(
            RolloutPolicy(), NEW, [hindered],
            Others("a", {ref("a", "dmz"): (ready("a"),)}), NOW,
        )  # fmt: skip
        assert found.start == ("a",), hindered


def test_who_may_start() -> None:
    assert fleets.may_start(ready("a"))
    assert not fleets.may_start(ready("a", opening=None))
    assert not fleets.may_start(ready("a", readiness=Readiness.OFFLINE))


def paused() -> Ledger:
    """The first wave has just ended on `z`; ten minutes of pause follow."""
    begun = ledger.started(Ledger("d"), ["z"], 1, NOW)
    return ledger.verified(begun, "z", NOW)


def test_when_a_pause_ends_for_somebody_else_who_knows_it_comes_back() -> None:
    found = fleets.decide(PAUSED, paused(), [ready("b")], others("b", ready("a")), NOW)
    assert found.start == ()
    assert found.others_at == NOW + PAUSED.pause


def test_nobody_comes_back_for_a_window_that_is_shut_by_then_nor_for_oneself() -> None:
    closing = Opening(NOW - timedelta(hours=1), NOW + PAUSED.pause)
    late = ready("a", opening=closing)
    assert fleets.decide(PAUSED, paused(), [], others("b", late), NOW).others_at is None
    endless = ready("a", opening=Opening(NOW - timedelta(hours=1), None))
    found = fleets.decide(PAUSED, paused(), [], others("b", endless), NOW)
    assert found.others_at == NOW + PAUSED.pause
    alone = fleets.decide(PAUSED, paused(), [ready("a")], others("a"), NOW)
    assert alone.waits[0].until == NOW + PAUSED.pause
    assert alone.others_at is None
    held = ledger.halted(paused(), "stop")
    assert fleets.decide(PAUSED, held, [], others("b", ready("a")), NOW).others_at is None


def test_an_urgent_removal_counts_the_others_and_gives_them_no_turn() -> None:
    policy = RolloutPolicy(canary=("c",))
    found = others("a", ready("b"), ready("c"), ready("a")).bystanders(policy)
    assert found == (ready("b", readiness=Readiness.BLOCKED),)
