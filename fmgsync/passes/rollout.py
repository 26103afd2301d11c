"""ADOM -> devices: canary first, then waves, each device proven, stopped when something is wrong.

The story of one ADOM. What may start is decided in `scheduling`, what was done is in the ledger;
here is only the order of things. One call is one step: whoever makes the passes looks at the ADOM
anew, writes what is due there and asks for what must go before the next batch of devices starts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import structlog

from fmgsync import errors
from fmgsync.assessing.assessment import Assessment
from fmgsync.assessing.survey import NOTHING, Known
from fmgsync.passes import (
    batch_install,
    consent,
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
from fmgsync.passes.run import SHORTEST_S, Run
from fmgsync.scheduling.install_policy import Mode
from fmgsync.scheduling.machine import Step
from fmgsync.scheduling.rollout import Decision

_log = structlog.get_logger()

BUSY_S = 15.0
"""Between two looks at whether somebody else's lock or task is gone."""

BUSY_AT_MOST_S = 120.0
"""Between two looks at a FortiGate without a FortiManager, which are ever further apart."""

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
    view = _patiently(run, partial(_thought, run, before))
    if view is None:
        return run.report
    if run.due_alone and view.step not in (Step.URGENT, Step.INSTALL):
        write_alone(run)
        view = run.think()
    _patiently(run, partial(_act, run, view))
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


def _no_ledger(run: Run) -> str:
    return rollout_status.why_lost(run.work, run.survey, run.seen) if run.survey else ""


def _thought(run: Run, before: Decision | None) -> Assessment | None:
    """What may be done, once what a run before has left open is judged, and what it has narrowed is
    put back; between two waves every device is looked at anew.

    None while that has to be waited for, and after it was put back: what this run vouches for is
    what it finds when it looks the next time.
    """
    resume.forget(run)
    view = run.think()
    if view.step is Step.RESUME:
        if not resume.settle(run):
            return None
        # What ended meanwhile changed the device databases.
        _survey(run, again=True)
        view = run.think()
    if view.step is Step.RESTORE and run.stop is not None:
        run.report.waiting = str(run.stop)
        return None
    if view.step is Step.RESTORE:
        urgent_removal.restore(run)
        run.report.go_on(run.clock.now())
        return None
    wave = before.wave if before is not None else None
    has_begun = wave is not None and view.decision.wave not in (wave, None)
    if has_begun:
        _survey(run)
    return run.think() if resume.forgive(run) or has_begun else view


def _act(run: Run, view: Assessment) -> None:
    """Take the step, unless a command says no; then say when it is worth coming back."""
    step, decision, before = view.step, view.decision, run.report.steps
    if step is Step.URGENT and not consent.is_missing(run, view.rushed, urgent=True):
        _push_urgent(run, view)
        run.report.end_step(run.clock.now(), decision, before)
    elif step in (Step.URGENT, Step.INSTALL) and _may_start(run, decision):
        began = _push(run, decision)
        _follow(run, decision, before, began=began)
    elif not _rest(run, view) and step is Step.WRITE:
        _push(run, decision)


def _push(run: Run, decision: Decision) -> bool:
    """Bring what is pending to the devices that may start: by an install, or by writing it. False
    if others of the fleet were faster."""
    delivery = run.work.delivery
    if delivery is None:
        return direct_write.push(run, decision, lambda: run.think().decision)
    batch_install.push(run, delivery, decision)
    return True


def _push_urgent(run: Run, view: Assessment) -> None:
    delivery = run.work.delivery
    if delivery is None:
        direct_write.push_urgent(run, view, lambda: run.think().rushed)
    else:
        urgent_removal.push(run, delivery, view)


def write_alone(run: Run) -> None:
    """No install follows: what is due in the ADOM is written by itself."""
    run.writes_along = False
    run.tell(f"writing {len(run.seen.plan.changes)} changes to {run.work.ref.short}")
    run.seen, run.report.written = reconcile.write(run.work, run.intent, run.seen)
    run.written = run.seen.vouched
    if run.survey is not None:
        _survey(run, known=run.survey.known_but(()))


def _may_start(run: Run, decision: Decision) -> bool:
    return bool(decision.start) and not consent.is_missing(run, decision)


def _follow(run: Run, batch: Decision, before: int, *, began: bool) -> None:
    """What comes after a batch: the next one, but not before the ADOM was looked at."""
    following = run.think()
    if following.decision.start and not began:
        run.report.go_on(run.clock.now())  # the room is there again, and nobody calls twice
    elif following.decision.start:
        run.report.end_step(run.clock.now(), batch, before)
    else:
        _rest(run, following)


def _rest(run: Run, view: Assessment) -> bool:
    """Whether this run goes on after a pause, in which something else may become due."""
    found = view.pause()
    if found is None or run.stopping() or run.report.waiting is not None:
        return False
    until, reason = found
    rollout_log.pause(run, until, reason)
    now, due = run.clock.now(), run.report.again_at
    at = until.timestamp() if due is None else min(until.timestamp(), due)
    run.report.go_on(max(now + SHORTEST_S, at))
    return True


def _survey(run: Run, *, again: bool = False, known: Known = NOTHING) -> None:
    """Look at everything; what was verified in this run is found to be in sync. What is written
    along with an install counts as written."""
    if again:
        run.seen = run.look()
    seen = reconcile.as_written(run.seen) if run.writes_along else run.seen
    run.survey = installs.survey(run.work, seen, ask_devices=True, known=known)
    is_done = run.work.delivery is None and run.seen.written is not None
    run.pending = () if is_done else run.survey.pending  # no more than a saved plan held
    run.since = stale_grants.note(
        run.memory, run.work.ref, run.survey, run.seen, run.clock.now(), run.tell
    )


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
    pause = BUSY_S
    if run.work.ref.is_direct:  # each look costs the unit as much as any other
        pause = min(max(BUSY_S, run.report.waited_s), BUSY_AT_MOST_S)
    run.report.waited_s += pause
    run.report.waiting = str(trouble)
    run.report.come_back(run.clock.now() + pause)
    if run.report.waited_s <= PATIENCE_S:
        run.report.go_on(run.clock.now() + pause)
    elif run.work.ref.is_direct:
        run.report.waiting = f"nothing was written for {PATIENCE_S / 60:.0f} minutes: {trouble}"
        run.tell(f"{run.work.ref.short}: given up for now: {trouble}")
