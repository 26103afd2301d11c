"""Whose turn it is in a fleet, as the passes over its targets tell it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fmgsync.model.fleet import Fleet
from fmgsync.model.target import TargetKind, TargetRef
from fmgsync.passes.fleet_roster import Roster
from fmgsync.scheduling import fleets
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rollout import Candidate, Decision, HoldKind, Readiness, RolloutPolicy
from fmgsync.scheduling.timetable import Opening

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
LEDGER = Ledger("rules")
ONE, TWO, THREE = (TargetRef(f"b-{n}", "root", TargetKind.FORTIGATE) for n in (1, 2, 3))
DMZ = TargetRef("b-1", "dmz", TargetKind.FORTIGATE)
BY_ONE = RolloutPolicy(max_failures=1)


def roster(*refs: TargetRef) -> Roster:
    return Roster(Fleet("branches", refs), ())


def ready(ref: TargetRef) -> tuple[Candidate, ...]:
    return (Candidate(ref.unit, opening=Opening(NOW - timedelta(hours=1), None)),)


def asked(
    who: Roster,
    ref: TargetRef,
    policy: RolloutPolicy = BY_ONE,
    own: tuple[Candidate, ...] | None = None,
) -> Decision:
    candidates = ready(ref) if own is None else own
    with who.deciding():
        found = fleets.decide(policy, LEDGER, candidates, who.others(ref), NOW)
        who.decided(ref, candidates, found)
    return found


def test_nothing_starts_before_all_were_looked_at() -> None:
    branches = roster(ONE, TWO, THREE)
    first = asked(branches, ONE)
    assert first.start == ()
    assert first.held is not None
    assert (first.held.kind, "2 of" in first.held.reason) == (HoldKind.UNSEEN, True)
    branches.absent(TWO, "it does not answer")
    assert asked(branches, THREE).start == ()  # it is the first one's turn
    assert branches.take_call(ONE)
    assert asked(branches, ONE).start == ("b-1",)


@pytest.mark.parametrize("last_is_absent", [False, True])
def test_once_all_were_looked_at_a_controller_looks_at_once_at_whom_that_held(
    last_is_absent: bool,
) -> None:
    """Also where it is nobody's turn: what was said of them does not stand until they come back."""
    branches, calls = roster(ONE, TWO, THREE), list[TargetRef]()
    branches.listen(calls.append)
    for ref in (ONE, TWO):
        held = asked(branches, ref, own=()).held
        assert held is not None
        assert held.kind is HoldKind.UNSEEN
    assert calls == []
    if last_is_absent:
        branches.absent(THREE, "it does not answer")
    else:
        asked(branches, THREE, own=())
    assert calls == [ONE, TWO]
    asked(branches, THREE, own=())
    assert calls == [ONE, TWO]


def test_a_run_by_turns_makes_no_pass_for_that() -> None:
    branches = roster(ONE, TWO)
    asked(branches, ONE, own=())
    asked(branches, TWO, own=())
    assert not branches.take_call(ONE)


def test_whoever_was_asked_is_called_again_only_when_something_has_changed() -> None:
    branches, calls = roster(ONE, TWO), list[TargetRef]()
    branches.listen(calls.append)
    asked(branches, ONE)
    asked(branches, TWO)
    assert calls == [ONE]
    asked(branches, ONE)
    asked(branches, TWO)
    assert calls == [ONE]
    branches.changed()
    asked(branches, TWO)
    assert calls == [ONE, ONE]


def test_a_call_that_comes_while_a_pass_ends_is_not_lost() -> None:
    """A pass tells in its end what would start, as things stood for it: who has called it meanwhile
    does not call again."""
    branches = roster(ONE, TWO)
    asked(branches, ONE)
    asked(branches, TWO)  # it is the first one's turn
    branches.note(ONE, ready(ONE))
    assert branches.take_call(ONE)


def test_a_canary_that_is_away_holds_the_others() -> None:
    branches = roster(ONE, TWO)
    branches.absent(ONE, "it does not answer")
    found = asked(branches, TWO, RolloutPolicy(canary=("b-1",)))
    assert found.start == ()
    assert found.held is not None
    assert found.held.reason == "canary b-1 is offline: it does not answer"


def test_two_vdoms_of_one_unit_are_one_device_and_take_turns() -> None:
    branches = roster(DMZ, ONE)
    asked(branches, DMZ, own=())
    assert asked(branches, ONE).start == ("b-1",)
    # who has nothing to write is not the one whose turn it is
    assert asked(branches, DMZ, own=()).start == ()
    with branches.writing(ONE):
        assert branches.own(DMZ) == frozenset()
        assert branches.own(ONE) == frozenset({"b-1"})
    assert branches.own(DMZ) == frozenset({"b-1"})


def test_an_urgent_removal_counts_the_others_and_takes_no_turn_of_theirs() -> None:
    branches = roster(ONE, TWO, THREE)
    for ref in (ONE, TWO, THREE):
        asked(branches, ref)
    others = branches.others(ONE)
    assert others is not None
    found = others.bystanders(RolloutPolicy(canary=("b-3",)))
    assert [(each.device, each.readiness) for each in found] == [("b-2", Readiness.BLOCKED)]


def test_a_target_that_nobody_has_joined_asks_nobody() -> None:
    alone = Roster(Fleet.alone(ONE), ())
    assert alone.own(ONE) is None
    assert asked(alone, ONE).start == ("b-1",)
