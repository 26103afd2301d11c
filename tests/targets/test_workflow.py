"""Workflow mode: submitted for approval, waited for, never approved by ourselves."""

from __future__ import annotations

import itertools

import pytest

from fmgsync import errors
from fmgsync.model.change import ApplyReport, Submission
from fmgsync.model.rollout import InstallRequest
from fmgsync.targets.fortimanager import workflow
from tests.targets.conftest import REF, Start, Unit, seed
from tests.targets.hardship import Dying, Killed, Lossy
from tests.targets.wanted import ONE, plan_for, reconcile

WORKFLOW = "/dvmdb/adom/prod/workflow"
FIRST = {"web": {ONE: "10.1.0.5"}}
SECOND = {"web": {ONE: "10.1.0.9"}}


@pytest.fixture
def unit(start: Start) -> Unit:
    approver = {"user": "carol", "password": "yes", "adoms": ["prod"], "approver": True}
    whole = seed(workspaceMode="workflow")
    whole["admins"].append(approver)
    return start(whole)


def decide(unit: Unit, verb: str, number: int) -> None:
    """The approver's word."""
    with unit.session("carol", "yes") as carol:
        assert carol.call("exec", [{"url": f"{WORKFLOW}/{verb}/{number}"}])[0].ok


def number(report: ApplyReport) -> int:
    assert report.submitted is not None
    return report.submitted.session


def states(unit: Unit) -> list[int]:
    with unit.session("carol", "yes") as carol:
        return [row["state"] for row in carol.read({"url": WORKFLOW}) or []]


def test_a_plan_is_submitted_and_is_there_once_approved(unit: Unit) -> None:
    adom = unit.adom()
    report = reconcile(adom, FIRST)
    assert report.refused == ()
    assert report.submitted == Submission(1)
    assert plan_for(adom, FIRST).changes, "not in the ADOM yet"
    decide(unit, "approve", number(report))
    assert plan_for(adom, FIRST).changes == ()


def test_while_one_waits_nothing_is_written_or_locked(unit: Unit) -> None:
    adom = unit.adom()
    reconcile(adom, FIRST)
    before = unit.simulator.requests.mark()
    report = reconcile(adom, SECOND)
    assert (report.submitted, report.written) == (Submission(1), ())
    assert unit.simulator.requests.writing(before) == []
    decide(unit, "approve", 1)
    assert reconcile(adom, SECOND).submitted == Submission(2)


def test_a_rejected_plan_is_not_submitted_again_at_once(unit: Unit) -> None:
    adom = unit.adom()
    reconcile(adom, FIRST)
    decide(unit, "reject", 1)
    assert reconcile(adom, FIRST).submitted == Submission(1, turned_down=True)
    assert len(states(unit)) == 1
    unit.clock.sleep(3601)
    assert reconcile(adom, FIRST).submitted == Submission(2)


@pytest.mark.parametrize(
    ("told", "instant"),
    [
        ("1724672166", 1724672166),
        (1724672166, 1724672166),
        # 2024-08-26 11:36:06 UTC, where it is that late twelve hours later.
        ("2024-08-26 11:36:06", 1724672166 + 12 * 3600),
        ("", None),
        (None, None),
        ("yesterday", None),
    ],
)
def test_the_time_of_a_submission_is_never_taken_for_too_early(
    told: object, instant: float | None
) -> None:
    """Older releases tell local time without its zone."""
    assert workflow.latest_instant(told) == instant


def test_we_never_approve(unit: Unit) -> None:
    for groups in (FIRST, SECOND):
        reconcile(unit.adom(), groups)
    assert not any(
        "/approve/" in url for entry in unit.simulator.requests.since() for url in entry.urls
    )


def test_a_session_somebody_left_open_is_named_and_left_alone(unit: Unit) -> None:
    with unit.session() as human:
        lock = "/dvmdb/adom/prod/workspace"
        human.call("exec", [{"url": f"{lock}/lock"}])
        assert human.call("exec", [{"url": f"{WORKFLOW}/start"}])[0].ok
        human.call("exec", [{"url": f"{lock}/unlock"}])
    with pytest.raises(errors.LockHeld, match=r"workflow session 1 .*drop it"):
        reconcile(unit.adom(), FIRST)
    assert states(unit) == [1]


@pytest.mark.parametrize("after_sending", [False, True])
def test_losing_any_one_answer_still_submits_once(unit: Unit, after_sending: bool) -> None:
    for at in itertools.count():
        adapter = Lossy(at, after_sending=after_sending)
        report = reconcile(unit.adom(adapter=adapter), {"web": {ONE: f"10.1.1.{at + 1}"}})
        assert report.refused == ()
        assert states(unit).count(2) == 1
        decide(unit, "approve", number(report))
        if not adapter.hit:
            break
    assert at > 12


def test_a_killed_run_leaves_at_most_an_open_session_that_is_taken_up(unit: Unit) -> None:
    for survives in itertools.count():
        adapter = Dying(survives, after_sending=True)
        try:
            reconcile(unit.adom(adapter=adapter), {"web": {ONE: f"10.1.1.{survives + 1}"}})
        except Killed:
            pass
        else:
            break
        unit.clock.sleep(60 * 60 * 9)
        open_or_waiting = [state for state in states(unit) if state in (1, 2)]
        assert len(open_or_waiting) <= 1
        newest = len(states(unit))
        if 1 in open_or_waiting:
            reconcile(unit.adom(), {"web": {ONE: f"10.1.2.{survives + 1}"}})
            assert len(states(unit)) == newest
            decide(unit, "approve", newest)
        elif 2 in open_or_waiting:
            decide(unit, "approve", newest)
    assert survives > 12


def test_an_install_needs_the_lock_but_no_workflow_session(unit: Unit) -> None:
    adom = unit.adom()
    plan = plan_for(adom, FIRST)
    with adom.open_install_flow() as flow:
        flow.start(InstallRequest(REF, "edge/default", (ONE,)))
        with pytest.raises(errors.TargetError, match="waits for approval"):
            flow.write(plan)
    assert states(unit) == []
