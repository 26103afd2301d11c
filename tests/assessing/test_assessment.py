"""Why a device is not installed, and what a pass is woken for: tables, a row for each reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fmgsync.assessing import assessment, new_ledger, reach
from fmgsync.assessing.assessment import Circumstances
from fmgsync.assessing.observation import Observation, Survey
from fmgsync.assessing.stale import Key
from fmgsync.model.address import Address, Family
from fmgsync.model.adom import (
    AdomTopology,
    Device,
    Limits,
    PackageStatus,
    Surroundings,
    Workspace,
)
from fmgsync.model.change import Action, AdomPlan, Change, Finding, ObjectKind, Submission
from fmgsync.model.rollout import NarrowedMapping, PendingInstall, PendingReason
from fmgsync.model.state import DesiredAdom, ObservedAdom
from fmgsync.model.stop import Stop
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.model.view import DeviceView, GroupState, GroupView, StaleGrant
from fmgsync.planning import misnamed
from fmgsync.planning.usage import Usage
from fmgsync.scheduling.admission import Admission, Clearance
from fmgsync.scheduling.calendar import ALWAYS, NEVER
from fmgsync.scheduling.fleets import Others
from fmgsync.scheduling.install_policy import HoldCommand, Mode, RolloutTerms, Terms
from fmgsync.scheduling.ledger import Attempt, Ledger, Proof
from fmgsync.scheduling.machine import Step
from fmgsync.scheduling.rollout import Decision, Hold, HoldKind, Overrun, Readiness, Wait
from fmgsync.scheduling.rollout_record import Note, RolloutRecord
from fmgsync.scheduling.timetable import Judgement, Opening
from fmgsync.scheduling.urgent import ExposureKind, RemovalPolicy, Urgent, UrgentDecision

REF = TargetRef("hq", "prod")
FGT = DeviceVdom("fgt", "root")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
A, B = Address("10.1.0.1"), Address("10.1.0.2")
DEVICE = Device("fgt", ("root",), online=True, in_sync=True, database_modified=False)
PENDING = PendingInstall(REF, FGT, "edge", ("web",), (PendingReason.DEVICE_DATABASE_BEHIND,))
OPEN = Circumstances(Terms(calendar=ALWAYS), NOW)
RECORD = RolloutRecord(Ledger("rules"), blocked={"fgt": Note("bob's edit", NOW)})


def look(device: Device = DEVICE, status: str | None = "installed") -> Observation:
    topology = AdomTopology(REF, (7, 4), Workspace.DISABLED, {"fgt": device}, {})
    return Observation(
        Surroundings(topology, (), Limits()),
        DesiredAdom(REF, "prod", ()),
        ObservedAdom(REF, {}, {}),
        Usage(),
        AdomPlan(REF, ()),
        AdomPlan(REF, ()),
        survey=survey(status),
    )


def lacking() -> Observation:
    """Something is to be taken away."""
    change = Change(Action.UPDATE, ObjectKind.GROUP, "web", "a pod went", removed=(B,))
    return replace(look(), plan=AdomPlan(REF, (change,)))


def view(**changes: Any) -> DeviceView:
    held = frozenset({A})
    group = GroupView("web", held, held, frozenset(), frozenset(), GroupState.INSTALL_PENDING)
    return DeviceView(FGT, REF, (replace(group, **changes),), (StaleGrant("web", B),))


def survey(status: str | None) -> Survey:
    statuses = () if status is None else (PackageStatus(FGT, "edge", status),)
    return Survey((view(),), (PENDING,), (), statuses=statuses)


WAITS: dict[str, tuple[Observation, Circumstances, bool, str]] = {
    "nothing is in the way": (look(), OPEN, False, ""),
    "no window": (
        look(),
        replace(OPEN, terms=Terms(calendar=NEVER)),
        False,
        "no window",
    ),
    "a person who says now needs no window": (
        look(),
        replace(OPEN, terms=Terms(calendar=NEVER), clearance=Clearance(now=True)),
        False,
        "",
    ),
    "stopped": (
        look(),
        replace(OPEN, stop=Stop("", "", "eve", "an audit", 0.0)),
        True,
        "eve",
    ),
    "somebody else installs": (
        look(),
        replace(OPEN, terms=Terms(calendar=ALWAYS, mode=Mode.NONE)),
        True,
        "somebody else installs",
    ),
    "never installed": (look(status=None), OPEN, True, "never installed there"),
    "out of sync": (
        look(replace(DEVICE, in_sync=False)),
        OPEN,
        True,
        "not in sync",
    ),
    "out of sync because we left in the middle": (
        look(replace(DEVICE, in_sync=False)),
        replace(OPEN, record=replace(RECORD, blocked={}, let_go=frozenset({"fgt"}))),
        False,
        "",
    ),
    "held back by the last run": (
        look(),
        replace(OPEN, record=RECORD),
        True,
        "bob's edit",
    ),
    "this run has found nothing any more": (
        look(),
        replace(OPEN, record=RECORD, blocked={}),
        False,
        "",
    ),
    "offline": (look(replace(DEVICE, online=False)), OPEN, False, "offline"),
}


@pytest.mark.parametrize("case", WAITS)
def test_each_pending_install_says_why_it_waits(case: str) -> None:
    """And what waits for a person is shown as held in the views."""
    seen, around, held, because = WAITS[case]
    found = assessment.assess(seen, around)
    (admission,) = found.admissions
    assert admission.held is held
    assert because in admission.because if because else admission.because == ""
    (shown,) = (group for each in found.views for group in each.groups)
    assert (shown.state is GroupState.HELD) is held


def test_a_stale_grant_is_dated_and_said_to_be_in_use_again() -> None:
    around = replace(OPEN, since={Key(FGT, "web", B): 5.0}, running=lambda target, a: a == B)
    (shown,) = assessment.assess(look(), around).views
    assert shown.stale_grants == (StaleGrant("web", B, 5.0, reused=True),)


AT_RISK = RolloutRecord(Ledger("rules", attempts=(Attempt("fgt", 1, NOW),)))
NARROWED = RolloutRecord(
    Ledger("rules"), narrowed=(NarrowedMapping((Family.IPV4, "web"), FGT, ("a",), ("a", "b")),)
)
AT_ONCE = Terms(calendar=NEVER, removals=RemovalPolicy(timedelta(0)))
STALE = {Key(FGT, "web", B): 5.0}
STEPS: dict[str, tuple[Circumstances, Step]] = {
    "its window is open: the next batch": (OPEN, Step.INSTALL),
    "no window": (replace(OPEN, terms=Terms(calendar=NEVER)), Step.REST),
    "somebody has stopped it": (replace(OPEN, stopping=True), Step.REST),
    "what was done is not known": (replace(OPEN, lost="a task runs"), Step.REST),
    "an install nobody has judged": (replace(OPEN, record=AT_RISK), Step.RESUME),
    "that even where it is stopped": (replace(OPEN, record=AT_RISK, stopping=True), Step.RESUME),
    "another target of the fleet answers for it": (
        replace(OPEN, record=AT_RISK, own=frozenset(), others=Others("other")),
        Step.REST,
    ),
    "what was narrowed is put back": (replace(OPEN, record=NARROWED), Step.RESTORE),
    "what must leave waits for no window": (
        replace(OPEN, terms=AT_ONCE, since=STALE),
        Step.URGENT,
    ),
    "not for what may last": (replace(OPEN, terms=Terms(calendar=NEVER), since=STALE), Step.REST),
    "others of the fleet were not looked at": (
        replace(OPEN, others=Others("fgt", unseen=1)),
        Step.REST,
    ),
}
WRITES = replace(OPEN, writes=True)
IN_WINDOW = replace(WRITES, ahead=False, pending=())
WRITTEN: dict[str, tuple[Circumstances, Step]] = {
    "what is due is written before the next batch": (WRITES, Step.WRITE),
    "which brings it along if it may": (replace(WRITES, along=True), Step.INSTALL),
    "as an urgent removal does": (
        replace(WRITES, along=True, terms=AT_ONCE, since=STALE),
        Step.URGENT,
    ),
    "by itself where none starts": (
        replace(WRITES, along=True, terms=Terms(calendar=NEVER)),
        Step.WRITE,
    ),
    "in no window as well": (replace(WRITES, terms=Terms(calendar=NEVER)), Step.WRITE),
    "by who installs nothing": (replace(WRITES, judges=False), Step.WRITE),
    "while a rollout is held": (replace(WRITES, lost="a task runs"), Step.WRITE),
    "while a rollout is stopped": (replace(WRITES, stopping=True), Step.WRITE),
    "not where a person has stopped everything": (
        replace(WRITES, stop=Stop("", "", "eve", "an audit", 0.0), stopping=True),
        Step.REST,
    ),
    "not by who may not": (replace(OPEN, writes=False), Step.INSTALL),
    "an install nobody has judged comes first": (replace(WRITES, record=AT_RISK), Step.RESUME),
    "and so does what was narrowed": (replace(WRITES, record=NARROWED), Step.RESTORE),
    "where writing waits for a window, it is open": (IN_WINDOW, Step.WRITE),
    "it is closed": (replace(IN_WINDOW, terms=Terms(calendar=NEVER)), Step.REST),
    "the install that is pending brings it": (replace(IN_WINDOW, pending=None), Step.INSTALL),
    "it is time to stop": (replace(IN_WINDOW, stopping=True), Step.REST),
}


@pytest.mark.parametrize("case", STEPS)
def test_the_step_that_follows_is_told_with_the_views(case: str) -> None:
    """Whoever only looks tells what a pass with the right to act would do."""
    around, step = STEPS[case]
    assert assessment.assess(look(), around).step is step


@pytest.mark.parametrize("case", WRITTEN)
def test_what_the_target_lacks_is_written_in_its_turn(case: str) -> None:
    around, step = WRITTEN[case]
    assert assessment.assess(lacking(), around).step is step


@pytest.mark.parametrize(
    "done",
    [{"written": ObservedAdom(REF, {}, {})}, {"submission": Submission(7)}],
    ids=["written", "submitted"],
)
def test_what_is_written_already_is_not_written_again(done: dict[str, Any]) -> None:
    seen = replace(lacking(), **done)
    assert not assessment.may_be_written(seen, WRITES)
    assert assessment.assess(seen, WRITES).step is Step.INSTALL


FOLLOWS: dict[str, tuple[Circumstances, bool]] = {
    "its window is open": (WRITES, True),
    "no window": (replace(WRITES, terms=Terms(calendar=NEVER)), False),
    "a person says now": (
        replace(WRITES, terms=Terms(calendar=NEVER), clearance=Clearance(now=True)),
        True,
    ),
    "something has to go soon": (replace(WRITES, terms=AT_ONCE), True),
    "objects alone": (replace(WRITES, terms=Terms(calendar=ALWAYS, mode=Mode.OBJECTS)), False),
    "a command may say no": (
        replace(WRITES, terms=Terms(calendar=ALWAYS, hold=(HoldCommand(("no",), 1.0),))),
        False,
    ),
    "it is time to stop": (replace(WRITES, stopping=True), False),
    "somebody has to judge first": (replace(WRITES, record=AT_RISK), False),
    "something has to be put back first": (replace(WRITES, record=NARROWED), False),
    "a person has aborted the rollout": (
        replace(WRITES, record=RolloutRecord(Ledger("rules", halted="eve"))),
        False,
    ),
    "nobody installs": (replace(WRITES, judges=False), False),
    "writing is no matter of its own": (replace(WRITES, ahead=False), False),
    "what was begun before has ended": (replace(WRITES, record=RECORD), True),
}


@pytest.mark.parametrize("case", FOLLOWS)
def test_whether_an_install_may_bring_a_write_along(case: str) -> None:
    around, expected = FOLLOWS[case]
    assert assessment.may_follow(lacking(), around, {FGT}) is expected
    assert not assessment.may_follow(look(), around, {FGT})


def test_what_goes_or_comes_soon_brings_only_what_goes_along() -> None:
    added = Change(Action.UPDATE, ObjectKind.GROUP, "web", "a pod came", added=(B,))
    grows = replace(look(), plan=AdomPlan(REF, (added,)))
    assert not assessment.may_follow(grows, replace(WRITES, terms=AT_ONCE), {FGT})


def in_mode(seen: Observation, mode: Workspace) -> Observation:
    topology = replace(seen.topology, workspace=mode)
    return replace(seen, around=replace(seen.around, topology=topology))


def test_where_people_approve_nothing_is_rushed_and_nothing_brought_along() -> None:
    """A write waits for them there, so that nothing can be narrowed."""
    around = replace(WRITES, terms=replace(AT_ONCE, calendar=ALWAYS), since=STALE)
    for mode, expected in ((Workspace.WORKFLOW, False), (Workspace.NORMAL, True)):
        assert assessment.may_follow(in_mode(lacking(), mode), around, {FGT}) is expected
        found = assessment.assess(in_mode(look(), mode), replace(OPEN, terms=AT_ONCE, since=STALE))
        assert bool(found.urgent.now) is expected


def test_without_a_bound_nothing_is_rushed() -> None:
    found = assessment.assess(look(), replace(OPEN, terms=Terms(calendar=NEVER), since=STALE))
    assert (found.urgent, found.rushed) == (UrgentDecision(), Decision(None))


def test_a_pause_between_waves_is_not_for_what_has_to_go() -> None:
    record = replace(
        RECORD, blocked={}, ledger=Ledger("rules", proofs=(Proof("other", 0, NOW, urgent=True),))
    )
    rollout = RolloutTerms(canary=("other",), pause=timedelta(hours=1))
    topology = replace(look().topology, devices={"fgt": DEVICE, "other": DEVICE})
    seen = replace(look(), around=replace(look().around, topology=topology))
    around = replace(OPEN, terms=replace(AT_ONCE, rollout=rollout), since=STALE, record=record)
    assert assessment.assess(seen, around).rushed.start == ("fgt",)


EVERYTHING = Stop("", "", "eve", "an audit", 0.0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"pause": timedelta(hours=1), "stopped": "", "overrun": Overrun.STOP}),
        ({"clearance": Clearance(now=True)}, {"pause": timedelta(0)}),
        ({"stop": EVERYTHING}, {"stopped": str(EVERYTHING)}),
    ],
)
def test_what_keeps_all_installs_is_part_of_the_policy(
    changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    finding = Finding(misnamed.KIND, "x", "install.rollout.canary names nothing")
    seen = replace(look(), plan=AdomPlan(REF, (), findings=(finding,)))
    terms = Terms(rollout=RolloutTerms(pause=timedelta(hours=1)), overrun=Overrun.STOP)
    policy = assessment.policy_of(seen, replace(OPEN, terms=terms, **changes))
    assert policy.misnamed == finding.message
    assert {name: getattr(policy, name) for name in expected} == expected


CANNOT_WAIT = UrgentDecision(
    (Urgent(FGT, ("web",), (ExposureKind.STALE,), None, Opening(NOW, None)),)
)


@pytest.mark.parametrize(
    ("urgent", "rushed", "expected"),
    [
        (CANNOT_WAIT, Decision(None), True),
        (CANNOT_WAIT, Decision(None, start=("fgt",)), False),
        (CANNOT_WAIT, Decision(None, held=Hold(HoldKind.HALTED, "")), False),
        (UrgentDecision(), Decision(None), False),
    ],
)
def test_it_is_short_of_room_where_nothing_else_holds_what_cannot_wait(
    urgent: UrgentDecision, rushed: Decision, expected: bool
) -> None:
    found = replace(assessment.UNASSESSED, urgent=urgent, rushed=rushed)
    assert found.is_short_of_room is expected


def test_what_an_assessment_was_made_of_goes_with_it() -> None:
    found = assessment.assess(look(), replace(OPEN, record=replace(RECORD, blocked={})))
    assert found.record == replace(RECORD, blocked={})
    assert [each.device for each in found.candidates] == ["fgt"]
    assert found.decision.start == ("fgt",)
    lost = assessment.assess(look(), replace(OPEN, lost="a task runs"))
    assert lost.decision.held is not None
    assert "a task runs" in lost.decision.held.reason
    assert replace(OPEN, record=RECORD).ledger == RECORD.ledger
    assert replace(OPEN, rules="new").ledger == Ledger("new")
    assert replace(OPEN, lost="a task runs").ledger is None


def test_an_opening_is_one_that_a_clock_knows_and_of_what_is_closed() -> None:
    (one,) = assessment.assess(look(), OPEN).outlooks.values()
    never, now_open = replace(one, opens_at=None), replace(one, opens_at=LATER)
    assert assessment.openings([never], (PENDING,), unwritten=True, partly=True) == []
    assert assessment.openings([now_open], (), unwritten=True, partly=True) == []


def test_an_address_in_use_again_is_why_it_cannot_wait() -> None:
    around = replace(OPEN, terms=AT_ONCE, since=STALE, running=lambda target, a: a == B)
    (urgent,) = assessment.assess(look(), around).urgent.now
    assert urgent.kinds == (ExposureKind.REUSED,)


@pytest.mark.parametrize(
    ("unwritten", "partly", "expected"),
    [
        (False, False, 0),  # a change, a pause or a resync announces everything else
        (False, True, 1),
        (True, False, 1),
    ],
)
def test_a_pass_is_woken_for_an_opening_only_where_nothing_else_announces_it(
    unwritten: bool, partly: bool, expected: int
) -> None:
    closed = assessment.assess(look(), replace(OPEN, terms=Terms(calendar=NEVER)))
    (one,) = closed.outlooks.values()
    later = replace(one, opens_at=NOW)
    found = assessment.openings([later], (PENDING,), unwritten=unwritten, partly=partly)
    assert len(found) == expected


ENDED, RUNNING = {7: True}, {7: True, 8: False}
LEDGERS = {
    "our tasks have ended and the device has answered": (ENDED, view(), True, ""),
    "a task runs": (RUNNING, view(), True, "install task 8 of ours has not ended"),
    "nobody ever installed": ({}, view(device=None), True, ""),
    "a device is silent": (ENDED, view(device=None), True, "fgt has not answered"),
    "a device was not asked, and is online": (ENDED, view(device=None), False, ""),
}


SOON, LATER = NOW + timedelta(minutes=5), NOW + timedelta(minutes=9)
REST = Wait("fgt", "the pause between two waves", SOON)
PAUSES: dict[str, tuple[datetime | None, Decision, tuple[datetime, str] | None]] = {
    "a pause that ends while the window is open": (
        LATER,
        Decision(1, waits=(REST,)),
        (SOON, REST.reason),
    ),
    "in a window without end": (None, Decision(1, waits=(REST,)), (SOON, REST.reason)),
    "the first of several": (
        LATER,
        Decision(1, waits=(replace(REST, until=LATER - timedelta(1)), REST)),
        (LATER - timedelta(1), REST.reason),
    ),
    "a pause that ends as the window does": (SOON, Decision(1, waits=(REST,)), None),
    "what no clock ends": (LATER, Decision(1, waits=(replace(REST, until=None),)), None),
    "what no clock ends, before a pause": (
        LATER,
        Decision(1, waits=(replace(REST, until=None), REST)),
        (SOON, REST.reason),
    ),
    "a device whose window is closed": (
        LATER,
        Decision(1, waits=(replace(REST, device="other"),)),
        None,
    ),
    "a device whose window is closed, before one whose window is open": (
        LATER,
        Decision(1, waits=(replace(REST, device="other"), REST)),
        (SOON, REST.reason),
    ),
    "others of the fleet": (
        LATER,
        Decision(1, others_at=LATER),
        (LATER, "others of the fleet wait"),
    ),
    "nothing": (LATER, Decision(1), None),
    "all of it is held": (
        LATER,
        Decision(1, waits=(REST,), held=Hold(HoldKind.HALTED, "aborted"), others_at=SOON),
        None,
    ),
}


@pytest.mark.parametrize("case", PAUSES)
def test_what_a_command_waits_for_in_an_open_window(case: str) -> None:
    closes_at, decision, expected = PAUSES[case]
    open_now = Judgement(True, (), (), always=True, because="")
    admitted = Admission(PENDING, Readiness.READY, open_now, Opening(NOW, closes_at), None)
    found = replace(assessment.UNASSESSED, admissions=(admitted,), decision=decision)
    assert found.pause() == expected


def test_a_device_that_is_not_ready_is_waited_for_in_no_window() -> None:
    open_now = Judgement(True, (), (), always=True, because="")
    admitted = Admission(PENDING, Readiness.BLOCKED, open_now, Opening(NOW, None), None)
    decision = Decision(1, waits=(REST,))
    found = replace(assessment.UNASSESSED, admissions=(admitted,), decision=decision)
    assert found.pause() is None


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (Decision(1), None),
        (Decision(1, waits=(REST, replace(REST, until=None))), SOON),
        (Decision(1, waits=(replace(REST, until=LATER),), others_at=SOON), SOON),
        (Decision(1, others_at=LATER, held=Hold(HoldKind.HALTED, "", until=SOON)), SOON),
        (Decision(1, held=Hold(HoldKind.HALTED, "")), None),
    ],
)
def test_what_waits_may_start_when_the_first_of_it_may(
    decision: Decision, expected: datetime | None
) -> None:
    found = replace(assessment.UNASSESSED, decision=decision).again_at
    assert found == (expected.timestamp() if expected is not None else None)


@pytest.mark.parametrize("case", LEDGERS)
def test_a_lost_record_begins_anew_once_nothing_can_be_under_way(case: str) -> None:
    installs, shown, asked, expected = LEDGERS[case]
    found = new_ledger.why_not(installs, (shown,), look().topology, asked=asked)
    assert found == expected


ONLINE, OFFLINE = look().topology, look(replace(DEVICE, online=False)).topology


@pytest.mark.parametrize(
    ("names", "topology", "asked", "expected"),
    [
        ("a", OFFLINE, False, "a has not answered"),
        ("b a", ONLINE, True, "a has not answered, nor have 1 more"),
        ("a b c", ONLINE, True, "a has not answered, nor have 2 more"),
        ("fgt", OFFLINE, False, "fgt has not answered"),
    ],
)
def test_devices_that_keep_a_record_from_beginning_are_counted(
    names: str, topology: AdomTopology, asked: bool, expected: str
) -> None:
    """Also one that FortiManager does not know, or has no connection to."""
    silent = view(device=None)
    views = [replace(silent, target=DeviceVdom(name, "root")) for name in names.split()]
    unused = view(device=None, state=GroupState.NOT_REFERENCED)
    views.append(replace(unused, target=DeviceVdom("0", "root")))
    assert new_ledger.why_not(ENDED, views, topology, asked=asked) == expected


def test_a_first_rollout_asks_nobody() -> None:
    """Only where some device has one of our groups may there have been one before."""
    assert not new_ledger.may_be_one([view(device_database=frozenset())])
    assert new_ledger.may_be_one([view(device_database=frozenset({A}))])


def test_a_group_reaches_the_devices_that_a_policy_brings_it_to() -> None:
    key, other = (Family.IPV4, "web"), DeviceVdom("other", "root")
    usage = Usage(devices={key: {FGT: "edge", other: "edge"}}, disputed={key: frozenset({FGT})})
    seen = replace(look(), usage=usage)
    assert reach.packages(seen, [FGT], ["web"]) == {(FGT, "web"): "edge"}
    assert reach.disputed(seen, [FGT], ["web"]) == frozenset(), "one package is known to carry it"
    unknown = replace(seen, usage=replace(usage, devices={}))
    assert reach.disputed(unknown, [FGT], ["web"]) == {(FGT, "web")}
