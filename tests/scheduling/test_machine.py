"""The machine behind a rollout: the next step, and what each event leaves in the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmgsync import errors
from fmgsync.model.address import Family
from fmgsync.model.rollout import InstallTask, NarrowedMapping
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.scheduling import ledger, machine
from fmgsync.scheduling.ledger import Ledger, Proof
from fmgsync.scheduling.machine import (
    Blocked,
    Event,
    Facts,
    LetGo,
    Narrowed,
    Pushing,
    Restored,
    Settled,
    Started,
    Step,
    TaskBegun,
    TasksEnded,
    Withdrawn,
)
from fmgsync.scheduling.rollout_record import Note, Phase, RolloutRecord

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
ONE, TWO = frozenset({"fgt-1"}), frozenset({"fgt-1", "fgt-2"})
MAPPING = NarrowedMapping((Family.IPV4, "k8s-web"), DeviceVdom("fgt-1", "root"), ("a",), ("a", "b"))
TASK = InstallTask(TargetRef("hq", "prod"), 7, "edge", (DeviceVdom("fgt-1", "root"),), 0.0)
FRESH = RolloutRecord(Ledger("rules"))


def after(*events: Event, record: RolloutRecord = FRESH) -> RolloutRecord:
    for number, event in enumerate(events):
        record = machine.transition(record, event, NOW + timedelta(seconds=number))
    return record


OPEN = after(Started(ONE, 0))
NARROWED = after(Narrowed((MAPPING,)))
PROVEN = replace(FRESH, ledger=after(Started(ONE, 0), Settled(ONE, {})).ledger)

STEPS = {
    "nothing to do is a rest": (Facts(FRESH), Step.REST),
    "a lost record does not keep the ADOM from being written": (
        Facts(None, unwritten=True),
        Step.WRITE,
    ),
    "who was put at risk and is not judged comes before everything": (
        Facts(OPEN, unwritten=True, urgent=("fgt-2",), batch=("fgt-2",)),
        Step.RESUME,
    ),
    "what another target of its fleet has put at risk is that one's to judge": (
        Facts(OPEN, batch=("fgt-2",), own=frozenset({"fgt-2"})),
        Step.INSTALL,
    ),
    "a task that may still copy what was narrowed is judged before that is put back": (
        Facts(after(Narrowed((MAPPING,)), Started(ONE, None, urgent=True), record=PROVEN)),
        Step.RESUME,
    ),
    "what is narrowed is put back before anything is installed": (
        Facts(NARROWED, urgent=("fgt-1",), batch=("fgt-2",)),
        Step.RESTORE,
    ),
    "and before anything is written": (Facts(NARROWED, unwritten=True), Step.RESTORE),
    "and even when it is time to stop": (Facts(NARROWED, stopping=True), Step.RESTORE),
    "who stops starts nothing": (
        Facts(FRESH, urgent=("fgt-1",), batch=("fgt-2",), stopping=True),
        Step.REST,
    ),
    "a rollout that starts nothing more does not keep the ADOM from being written": (
        Facts(FRESH, unwritten=True, urgent=("fgt-1",), batch=("fgt-2",), stopping=True),
        Step.WRITE,
    ),
    "what has to go soon goes before the next batch": (
        Facts(FRESH, urgent=("fgt-9",), batch=("fgt-1",)),
        Step.URGENT,
    ),
    "what no install brings along is written before what has to go": (
        Facts(FRESH, unwritten=True, urgent=("fgt-1",)),
        Step.WRITE,
    ),
    "and before the next batch": (Facts(FRESH, unwritten=True, batch=("fgt-1",)), Step.WRITE),
    "and where nothing is to be installed": (Facts(FRESH, unwritten=True), Step.WRITE),
    "who cannot judge what is at risk still writes": (
        Facts(OPEN, unwritten=True, judges=False),
        Step.WRITE,
    ),
    "and what is narrowed waits for who can put it back": (
        Facts(NARROWED, unwritten=True, judges=False),
        Step.WRITE,
    ),
    "but nothing that a task may still copy": (
        Facts(after(Narrowed((MAPPING,)), Started(ONE, 0)), unwritten=True, judges=False),
        Step.REST,
    ),
    "who judges nothing installs nothing": (
        Facts(FRESH, urgent=("fgt-1",), batch=("fgt-2",), judges=False),
        Step.REST,
    ),
}


@pytest.mark.parametrize("why", STEPS)
def test_the_next_step(why: str) -> None:
    facts, expected = STEPS[why]
    assert machine.next_step(facts) is expected


PHASES: dict[str, tuple[Sequence[Event], Phase]] = {
    "nothing happened": ((), Phase.IDLE),
    "at risk before anything is asked of the unit": ((Started(ONE, 0),), Phase.PREVIEWING),
    "from here on a task may exist": ((Started(ONE, 0), Pushing(6)), Phase.PUSHING),
    "and now it does": ((Started(ONE, 0), Pushing(6), TaskBegun(TASK)), Phase.PUSHING),
    "its end was seen, the devices were not asked": (
        (Started(ONE, 0), Pushing(6), TaskBegun(TASK), TasksEnded()),
        Phase.PROVING,
    ),
    "all are judged": ((Started(ONE, 0), Pushing(6), Settled(ONE, {})), Phase.IDLE),
    "one of two is judged": (
        (Started(TWO, 0), Pushing(6), TasksEnded(), Settled(ONE, {})),
        Phase.PROVING,
    ),
    "nothing reached it": ((Started(ONE, 0), Withdrawn(ONE)), Phase.IDLE),
    "held back by its preview": ((Started(ONE, 0), Blocked({"fgt-1": "edits"})), Phase.IDLE),
    "narrowed, and not put back": ((Narrowed((MAPPING,)),), Phase.RESTORING),
    "narrowed and under way": ((Narrowed((MAPPING,)), Started(ONE, 0)), Phase.PREVIEWING),
    "judged, yet still narrowed": (
        (Narrowed((MAPPING,)), Started(ONE, 0), Pushing(6), Settled(ONE, {})),
        Phase.RESTORING,
    ),
    "put back while a task is not judged": (
        (Narrowed((MAPPING,)), Started(ONE, 0), Pushing(6), TasksEnded(), Restored()),
        Phase.PROVING,
    ),
    "put back and judged": (
        (Narrowed((MAPPING,)), Started(ONE, 0), Restored(), Settled(ONE, {})),
        Phase.IDLE,
    ),
}


@pytest.mark.parametrize("why", PHASES)
def test_the_phase_after_these_events(why: str) -> None:
    events, expected = PHASES[why]
    assert after(*events).phase is expected


def test_the_first_task_number_counts() -> None:
    """Whoever comes next must find every task since the batch began."""
    assert after(Started(ONE, 0), Pushing(6), TaskBegun(TASK), Pushing(9)).after == 6


def test_tasks_are_known_until_every_device_is_judged() -> None:
    open_still = after(Started(TWO, 0), Pushing(6), TaskBegun(TASK), Settled(ONE, {}))
    assert (open_still.tasks, open_still.after) == ((TASK,), 6)
    done = after(Settled(frozenset(), {"fgt-2": "failed"}), record=open_still)
    assert (done.tasks, done.after) == ((), None)
    assert [(each.device, each.detail) for each in done.ledger.failed] == [("fgt-2", "failed")]


@pytest.mark.parametrize("others", [(), (Started(TWO - ONE, 0), Settled(TWO - ONE, {}))])
@pytest.mark.parametrize("digest", ["", "d1"])
def test_a_device_that_is_held_back_stays_so_for_the_rest_of_the_run(
    others: Sequence[Event], digest: str
) -> None:
    """Whatever else the run does meanwhile; a later run looks again, and so does who was told that
    what held it may go along."""
    held = after(Blocked({"fgt-1": "edited"}, digests={"fgt-1": digest}), *others)
    for began in (NOW - timedelta(hours=1), NOW):
        assert held.held_back(began, lambda: ()) == {"fgt-1": "edited"}
        assert bool(held.held_back(began, lambda: ["d1"])) is (digest != "d1")
    assert held.held_back(NOW + timedelta(seconds=1), lambda: ()) == {}


def test_a_device_is_held_back_by_what_was_found_and_then() -> None:
    held = after(Blocked({"fgt-1": "edited", "fgt-2": "is away"}, digests={"fgt-1": "d1"}))
    assert held.blocked == {"fgt-1": Note("edited", NOW, "d1"), "fgt-2": Note("is away", NOW)}


def test_a_proof_has_its_time_and_how_long_it_took() -> None:
    proven = after(Started(ONE, 1), Settled(ONE, {}, took_s=80.0)).ledger
    assert proven.proofs == (Proof("fgt-1", 1, NOW + timedelta(seconds=1)),)
    assert proven.past_s == (80.0,)


def test_who_starts_is_held_back_no_more() -> None:
    held = after(Blocked({"fgt-1": "x", "fgt-2": "y"}), Started(ONE, 0))
    assert held.why_held == {"fgt-2": "y"}


def test_a_device_that_was_touched_stays_at_risk_when_it_is_held_back() -> None:
    """Another of its VDOMs was pushed before."""
    held = after(Started(TWO, 0), Blocked({"fgt-1": "x", "fgt-2": "y"}, touched=ONE))
    assert held.ledger.at_risk == ONE
    assert set(held.blocked) == TWO


def test_who_was_let_go_is_known_until_it_is_judged() -> None:
    left = after(Started(ONE, 0), Pushing(6), LetGo(ONE))
    assert left.let_go == ONE
    assert after(Settled(ONE, {}), record=left).let_go == frozenset()


def test_who_was_let_go_and_is_not_judged_stays_known() -> None:
    left = after(Started(TWO, 0), Pushing(6), LetGo(TWO), Settled(ONE, {}))
    assert left.let_go == TWO - ONE


def test_an_urgent_install_is_known_as_one() -> None:
    begun = after(Started(ONE, None, urgent=True))
    assert begun.urgent_at == {"fgt-1": NOW}
    assert begun.ledger == ledger.started(FRESH.ledger, ONE, None, NOW, urgent=True)
    assert after(Started(ONE, 0), record=replace(FRESH, urgent_at={"x": NOW})).urgent_at == {
        "x": NOW
    }


def test_an_urgent_install_that_reached_nothing_lets_the_next_one_come_at_once() -> None:
    begun = after(Started(TWO, None, urgent=True))
    in_part = after(Withdrawn(TWO, TWO - ONE), record=begun)
    assert in_part.urgent_at == dict.fromkeys(TWO - ONE, NOW)
    for ended in (Settled(ONE, {}), Settled(frozenset(), dict.fromkeys(ONE, "failed"))):
        # What is over is not taken back, nor is an ordinary one the lane's.
        assert after(Withdrawn(TWO), record=after(ended, record=begun)).urgent_at == dict.fromkeys(
            ONE, NOW
        )
    ordinary = after(Started(ONE, 0), record=replace(FRESH, urgent_at=dict.fromkeys(ONE, NOW)))
    assert after(Withdrawn(ONE), record=ordinary).urgent_at == dict.fromkeys(ONE, NOW)


def test_which_devices_are_at_risk_with_an_open_end() -> None:
    begun = after(Started(TWO, 0))
    assert begun.running_on(None) == ["fgt-1", "fgt-2"]
    assert begun.running_on(ONE) == ["fgt-1"]
    assert begun.running_on(()) == []


def test_what_was_let_through_is_asked_for_only_where_something_could_be() -> None:
    def approved() -> list[str]:
        raise AssertionError("asked")

    held = after(Blocked({"fgt-1": "edited"}, digests={"fgt-1": ""}))
    assert held.held_back(NOW, approved) == held.why_held == {"fgt-1": "edited"}


def test_a_second_install_of_a_device_at_risk_is_refused() -> None:
    with pytest.raises(errors.UnitBusy, match="installs on fgt-1, fgt-2 already"):
        after(Started(TWO, 0), Started(TWO, 0))


def test_what_another_run_has_judged_meanwhile_is_not_pushed() -> None:
    """It would reach a device that nobody knows to be at risk."""
    begun = after(Started(TWO, 0))
    assert after(Pushing(6, TWO), record=begun).after == 6
    judged = after(Withdrawn(ONE), record=begun)
    with pytest.raises(errors.UnitBusy, match="another run of fmgsync has judged fgt-1 before"):
        after(Pushing(6, TWO), record=judged)
    with pytest.raises(errors.UnitBusy, match="has judged fgt-1, fgt-2 before"):
        after(Pushing(6, TWO))


def test_the_adom_is_not_written_while_an_urgent_task_may_still_copy() -> None:
    assert machine.may_write(None)
    assert machine.may_write(OPEN)
    assert machine.may_write(NARROWED)
    assert not machine.may_write(after(Narrowed((MAPPING,)), Started(ONE, 0)))


DEVICES = st.frozensets(st.sampled_from(["fgt-1", "fgt-2", "fgt-3"]), min_size=1)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    DEVICES.map(lambda devices: Started(devices, 1)),
    st.just(Narrowed((MAPPING,))),
    st.integers(1, 99).map(Pushing),
    st.just(TaskBegun(TASK)),
    st.just(TasksEnded()),
    DEVICES.map(LetGo),
    DEVICES.map(lambda devices: Blocked(dict.fromkeys(devices, "edits"))),
    st.builds(Withdrawn, DEVICES, DEVICES),
    DEVICES.map(lambda devices: Settled(devices, {})),
    DEVICES.map(lambda devices: Settled(frozenset(), dict.fromkeys(devices, "failed"))),
    st.just(Restored()),
)


def tried(record: RolloutRecord, event: Event) -> RolloutRecord:
    try:
        return machine.transition(record, event, NOW)
    except errors.UnitBusy:
        return record


@given(st.lists(EVENTS, max_size=20))
def test_whatever_happens_the_record_says_what_is_open(events: list[Event]) -> None:
    """However a process ends between two events, the next one finds what it must do first."""
    record = FRESH
    for event in events:
        record = tried(record, event)
        is_open = bool(record.ledger.running or record.narrowed)
        assert (record.phase is not Phase.IDLE) is is_open
        step = machine.next_step(Facts(record, urgent=("x",), batch=("y",)))
        assert step in ((Step.RESUME, Step.RESTORE) if is_open else (Step.URGENT,))


@given(st.lists(EVENTS, max_size=20), st.booleans(), st.booleans(), st.booleans())
def test_a_write_waits_for_what_is_open_and_for_nothing_else(
    events: list[Event], installs: bool, stopping: bool, judges: bool
) -> None:
    record = FRESH
    for event in events:
        record = tried(record, event)
    devices = ("x",) if installs else ()
    facts = Facts(record, True, devices, devices, stopping=stopping, judges=judges)
    is_open = bool(record.ledger.running or record.narrowed)
    if judges:
        assert (machine.next_step(facts) is Step.WRITE) is not is_open
    else:
        assert (machine.next_step(facts) is Step.WRITE) is machine.may_write(record)


@given(st.lists(EVENTS, max_size=20))
def test_restoring_is_always_reached(events: list[Event]) -> None:
    """From any record, judging and putting back lead to a rollout that goes on."""
    record = FRESH
    for event in events:
        record = tried(record, event)
    for _ in range(2):
        step = machine.next_step(Facts(record, batch=("y",)))
        if step is Step.RESUME:
            running = frozenset(attempt.device for attempt in record.ledger.running)
            record = machine.transition(record, Settled(running, {}), NOW)
        elif step is Step.RESTORE:
            record = machine.transition(record, Restored(), NOW)
    assert machine.next_step(Facts(record, batch=("y",))) is Step.INSTALL
    assert record.phase is Phase.IDLE
