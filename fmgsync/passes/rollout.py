"""ADOM -> devices: canary first, then waves, each device proven, stopped when something is wrong.

The story of one ADOM. What may start is decided in `scheduling`, what was done is in the ledger;
here is only the order of things. One call is one step: whoever makes the passes looks at the ADOM
anew, writes what is due there and asks for what must go before the next batch of devices starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

import structlog

from fmgsync import errors
from fmgsync.assessing.survey import NOTHING, Known
from fmgsync.passes import (
    batch_install,
    direct_write,
    installs,
    reconcile,
    resume,
    rollout_log,
    rollout_status,
    stale_grants,
    urgent_removal,
)
from fmgsync.passes.rollout_book import Report
from fmgsync.passes.run import Run
from fmgsync.passes.urgent_removal import Rush
from fmgsync.scheduling import admission
from fmgsync.scheduling.install_policy import Mode
from fmgsync.scheduling.machine import Facts, Step, next_step
from fmgsync.scheduling.rollout import Decision

_log = structlog.get_logger()

_SHORTEST_S = 1.0

BUSY_S = 15.0
"""Between two looks at whether somebody else's lock or task is gone."""

PATIENCE_S = 600.0
"""How long in all somebody else is waited for in one run."""


def roll_out(run: Run) -> Report:
    """The next step of the rollout: what a run before has left, else one batch of devices.

    Where more may follow, `report.goes_on_at` says when.
    """
    before, run.report.batch, run.report.goes_on_at = run.report.batch, None, None
    known = run.known.known_but(()) if run.known and before else NOTHING
    try:
        _survey(run, known=known)
        run.book.open(run.now, why_not=partial(_no_ledger, run))
    except errors.TargetError:
        if run.due_alone:
            write_alone(run)  # what hinders an install does not hinder this
        raise
    if run.book.lost:
        _log.warning("rollout held: its ledger is lost", **run.work.ref.logged, why=run.book.lost)
    delivery = run.work.delivery
    if delivery is not None and run.terms.mode is Mode.OBJECTS and run.pending:
        run.report.waiting = delivery.refuses_objects()
        if run.report.waiting is not None:
            return run.report
    choice = _patiently(run, partial(_thought, run, before))
    if choice is None:
        return run.report
    if run.due_alone and choice.step not in (Step.URGENT, Step.INSTALL):
        write_alone(run)
        choice = _choose(run, _decide(run))
    _patiently(run, partial(_act, run, choice))
    return run.report


Answer = TypeVar("Answer")


def _patiently(run: Run, act: Callable[[], Answer]) -> Answer | None:
    """What comes of it; None where somebody else has to be waited for."""
    try:
        return act()
    except errors.TargetError as trouble:
        if not (trouble.retryable or isinstance(trouble, errors.LockLost)):
            raise
        _wait_for_others(run, trouble)
        return None


def _thought(run: Run, before: Decision | None) -> _Choice | None:
    return _choose(run, _decided(run, before)) if _tidied(run) else None


def _no_ledger(run: Run) -> str:
    return rollout_status.why_lost(run.work, run.survey, run.seen) if run.survey else ""


def _tidied(run: Run) -> bool:
    """Judge what a run before has left open, then put back what it has narrowed.

    False while that has to be waited for, and after it was put back: what this run vouches for is
    what it finds when it looks the next time.
    """
    resume.forget(run)
    step = next_step(Facts(run.book.record, own=run.own))
    if step is Step.RESUME:
        if not resume.settle(run):
            return False
        # What ended meanwhile changed the device databases.
        _survey(run, again=True)
        step = next_step(Facts(run.book.record, own=run.own))
    if step is Step.RESTORE and run.stop is not None:
        run.report.waiting = str(run.stop)
        return False
    if step is Step.RESTORE:
        urgent_removal.restore(run)
        run.report.go_on(run.clock.now())
        return False
    resume.forgive(run)
    return True


def _decided(run: Run, before: Decision | None) -> Decision:
    """What may start now; between two waves every device is looked at anew."""
    decision = _decide(run)
    if before is not None and before.wave is not None and decision.wave not in (before.wave, None):
        _survey(run)
        decision = _decide(run)
    return decision


@dataclass(frozen=True, slots=True)
class _Choice:
    """What is done next, and which devices may start."""

    step: Step
    decision: Decision
    rush: Rush


def _choose(run: Run, decision: Decision) -> _Choice:
    """What has to go soon is first, then the wave's turn, then what needs no install."""
    rush = urgent_removal.decide(run, under_way=bool(decision.start))
    facts = Facts(
        run.book.record,
        run.unwritten and _may_write_alone(run),
        rush.decision.start,
        decision.start,
        stopping=run.is_stopped(),
        own=run.own,
    )
    return _Choice(next_step(facts), decision, rush)


def _act(run: Run, choice: _Choice) -> None:
    """Take the step, unless a command says no; then say when it is worth coming back."""
    step, decision, before = choice.step, choice.decision, run.report.steps
    if step is Step.URGENT and not run.held_by_command(choice.rush.decision):
        _push_urgent(run, choice.rush, under_way=bool(decision.start))
        run.report.end_step(run.clock.now(), decision, before)
    elif step in (Step.URGENT, Step.INSTALL) and _may_start(run, decision):
        began = _push(run, decision)
        _follow(run, decision, before, began=began)
    elif not _rest(run, decision) and step is Step.WRITE:
        _push(run, decision)


def _push(run: Run, decision: Decision) -> bool:
    """Bring what is pending to the devices that may start: by an install, or by writing it. False
    if others of the fleet were faster."""
    delivery = run.work.delivery
    if delivery is None:
        return direct_write.push(run, decision, partial(_decide, run))
    batch_install.push(run, delivery, decision)
    return True


def _push_urgent(run: Run, rush: urgent_removal.Rush, *, under_way: bool) -> None:
    delivery = run.work.delivery

    def again() -> Decision:
        return urgent_removal.decide(run, under_way=under_way).decision

    if delivery is None:
        direct_write.push_urgent(run, rush, again)
    else:
        urgent_removal.push(run, delivery, rush)


def write_alone(run: Run) -> None:
    """No install follows: what is due in the ADOM is written by itself."""
    run.writes_along = False
    run.tell(f"writing {len(run.seen.plan.changes)} changes to {run.work.ref.short}")
    run.seen, run.report.written = reconcile.write(run.work, run.intent, run.seen)
    run.written = run.seen.vouched
    if run.survey is not None:
        _survey(run, known=run.survey.known_but(()))


def _may_start(run: Run, decision: Decision) -> bool:
    return bool(decision.start) and not run.held_by_command(decision)


def _follow(run: Run, batch: Decision, before: int, *, began: bool) -> None:
    """What comes after a batch: the next one, but not before the ADOM was looked at."""
    following = _decide(run)
    if run.exposed_until is not None:
        run.report.come_back(max(run.exposed_until, run.clock.now() + _SHORTEST_S))
    if following.start and not began:
        run.report.go_on(run.clock.now())  # the room is there again, and nobody calls twice
    elif following.start:
        run.report.end_step(run.clock.now(), batch, before)
    else:
        _rest(run, following)


def _rest(run: Run, decision: Decision) -> bool:
    """Whether this run goes on after a pause, in which something else may become due."""
    pause = _pause(run, decision)
    if pause is not None:
        run.report.go_on(run.clock.now() + _until_due(run, pause))
    return pause is not None


def _survey(run: Run, *, again: bool = False, known: Known = NOTHING) -> None:
    """Look at everything; what was verified in this run is found to be in sync. What is written
    along with an install counts as written."""
    if again:
        run.seen = run.look()
    seen = reconcile.as_written(run.seen) if run.writes_along else run.seen
    run.survey = installs.survey(run.work, seen, ask_devices=True, known=known)
    is_done = run.work.delivery is None and run.seen.written is not None
    run.pending = () if is_done else run.survey.pending  # no more than a saved plan held
    run.stale = stale_grants.note(
        run.memory, run.work.ref, run.survey, run.seen, run.clock.now(), run.tell
    )


def _decide(run: Run) -> Decision:
    """What may start now. The reasons of the rest are kept for whoever asks."""
    policy, admissions = run.policy, run.admissions()
    views = run.survey.views if run.survey else ()
    candidates = admission.candidates(admissions, policy.canary, views, run.seen.topology)
    fleet = run.work.fleet
    with fleet.deciding():
        if not fleet.fleet.is_alone:
            run.book.refresh()  # others of the fleet may have come further since
        decision = fleet.decide(
            run.work.ref, policy, run.book.ledger, candidates, run.now, lost=run.book.lost
        )
    run.report.admissions, run.report.decision = admissions, decision
    run.report.steered_at = run.book.record.decided_at if run.book.record else None
    run.report.waiting = decision.held.reason if decision.held is not None else None
    run.report.again_at = _again_at(decision, run.clock.now())
    return decision


def _again_at(decision: Decision, now: float) -> float | None:
    """When something that waits may start, as far as a clock can tell; never at once."""
    times = [wait.until for wait in decision.waits if wait.until is not None]
    if decision.held is not None and decision.held.until is not None:
        times.append(decision.held.until)
    if decision.others_at is not None:
        times.append(decision.others_at)
    return max(min(times).timestamp(), now + _SHORTEST_S) if times else None


def _until_due(run: Run, pause: float) -> float:
    """The pause, cut short where something else is due earlier."""
    due = run.report.again_at
    return pause if due is None else max(_SHORTEST_S, min(pause, due - run.clock.now()))


def _may_write_alone(run: Run) -> bool:
    """Groups that no policy uses yet wait for no install, only for an open window."""
    if run.pending or run.stopping() or run.survey is None:
        return False
    targets = (view.target for view in run.survey.views)
    return any(run.timetable_of(target).is_open(run.now) for target in targets)


def _pause(run: Run, decision: Decision) -> float | None:
    """How long it is worth waiting for a device whose window is open now; None if it is not.

    A window that opens later is for a later run.
    """
    if run.stopping() or decision.held is not None or run.report.waiting is not None:
        return None
    open_now = {a.pending.target.device: a for a in run.report.admissions if a.may_start}
    rests: list[tuple[datetime, str]] = []
    for wait in decision.waits:
        opening = open_now[wait.device].opening if wait.device in open_now else None
        if opening is None or wait.until is None:
            continue
        if opening.closes_at is None or wait.until < opening.closes_at:
            rests.append((wait.until, wait.reason))
    if decision.others_at is not None:
        rests.append((decision.others_at, "others of the fleet wait"))
    if not rests:
        return None
    until, reason = min(rests)
    rollout_log.pause(run, until, reason)
    return max(_SHORTEST_S, (until - run.now).total_seconds())


def _wait_for_others(run: Run, trouble: errors.TargetError) -> None:
    """Somebody else's lock or task, or a unit that is away, is worth some patience."""
    if run.due_alone and isinstance(trouble, errors.LockHeld):
        write_alone(run)
        run.report.go_on(run.clock.now())
        return
    if run.report.waited_s == 0:
        run.tell(f"waiting: {trouble}")
        waits = "write waits" if run.work.ref.is_direct else "install waits"
        _log.info(waits, **run.work.ref.named, why=trouble.message)
    run.report.waited_s += BUSY_S
    run.report.waiting = str(trouble)
    run.report.come_back(run.clock.now() + BUSY_S)
    if run.report.waited_s <= PATIENCE_S:
        run.report.go_on(run.clock.now() + BUSY_S)
