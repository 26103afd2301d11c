"""Take the step that was decided on: the one place from which a pass writes, installs or puts back.

One call is one step of one ADOM, and at most one writing act. What may be done is decided in
`assessing` and `scheduling`, what was done is in the record. Whoever makes the passes looks at the
ADOM anew before the next step.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import structlog

from fmgsync import errors
from fmgsync.assessing.assessment import Assessment
from fmgsync.model.change import ApplyReport
from fmgsync.passes import (
    batch_install,
    direct_write,
    pre_wave_hooks,
    reconcile,
    resume,
    rollout_log,
    urgent_removal,
)
from fmgsync.passes.run import SHORTEST_S, Batch, Run
from fmgsync.scheduling.machine import Step
from fmgsync.scheduling.rollout import Decision

_log = structlog.get_logger()

BUSY_S = 15.0
"""Between two looks at whether somebody else's lock or task is gone."""

BUSY_AT_MOST_S = 120.0
"""Between two looks at a FortiGate without a FortiManager, which are ever further apart."""

PATIENCE_S = 600.0
"""How long in all somebody else is waited for in one run."""


def perform(run: Run, view: Assessment) -> bool:
    """Take the step; `report.goes_on_at` says when more may follow. True: the next one can be taken
    at once, from what this one has left."""
    try:
        return _take(run, view)
    except errors.TargetError as trouble:
        by_itself = view.step is Step.WRITE and run.work.writes_ahead(run.intent)
        if by_itself or not (trouble.retryable or isinstance(trouble, errors.LockLost)):
            raise
        if isinstance(trouble, errors.LockHeld) and run.writes_along and run.unwritten:
            return True  # what hinders an install does not hinder a write by itself
        _wait_for_others(run, trouble)
        return False


def _take(run: Run, view: Assessment) -> bool:
    report, decision, before = run.report, view.decision, run.report.steps
    delivery = run.work.delivery
    match view.step:
        case Step.RESUME:
            if resume.settle(run):
                report.go_on(run.clock.now())
        case Step.RESTORE if run.stop is not None:
            report.waiting = str(run.stop)
        case Step.RESTORE:
            urgent_removal.restore(run)
            report.go_on(run.clock.now())
        case Step.WRITE:
            _write(run)
            return run.trouble is None
        case Step.URGENT if not _is_refused(run, view.rushed, urgent=True):
            chosen = Batch.rushed(view)
            if delivery is None:
                direct_write.push(run, chosen)
            else:
                urgent_removal.push(run, delivery, chosen)
            report.end_step(run.clock.now(), decision, before)
        case Step.URGENT | Step.INSTALL if _may_start(run, decision):
            chosen, began = Batch.ordinary(view), True
            if delivery is None:
                began = direct_write.push(run, chosen)
            else:
                batch_install.push(run, delivery, chosen)
            _follow(run, decision, before, began=began)
        case _ if run.installs:
            _rest(run, view)
    return False


def _write(run: Run) -> None:
    """Write what the target lacks, and read back what is there now."""
    delivery, is_ahead = run.work.delivery, run.work.writes_ahead(run.intent)
    if delivery is not None and not is_ahead:
        # It refuses an ADOM where it could not be installed.
        with delivery.open_install_flow() as flow:
            batch_install.look_under_lock(run, flow)
        return
    if is_ahead:
        run.tell(f"writing {len(run.seen.plan.changes)} changes to {run.work.ref.short}")
    as_seen = partial(reconcile.check_as_seen, run.work, run.seen)
    write = partial(run.work.target.write, after_wait=as_seen)
    try:
        report = reconcile.carry_out(run.work, run.seen, write)
    except errors.ChangedMeanwhile as moved:
        if not is_ahead or (moved.written and run.orders.saved is not None):
            raise
        _look_anew(run, moved)
        return
    run.report.written = report  # also where it cannot be read back
    run.seen = reconcile.read_back(run.work, run.intent, run.seen, report)
    run.written = run.seen.vouched


def _look_anew(run: Run, moved: errors.ChangedMeanwhile) -> None:
    """The lock was given back: what follows is decided by what is there now, at once."""
    run.tell(f"{run.work.ref.short}: {moved.message}: looking anew")
    if moved.written:
        run.report.written = ApplyReport(run.work.ref, moved.written)
    run.seen, run.looked_anew = run.look(), True
    if run.orders.saved is not None:
        run.seen = reconcile.as_saved(run.orders.saved, run.seen)


def _may_start(run: Run, decision: Decision) -> bool:
    if run.report.unkept:
        run.report.waiting = run.report.unkept
        return False
    return bool(decision.start) and not _is_refused(run, decision)


def _is_refused(run: Run, decision: Decision, *, urgent: bool = False) -> bool:
    """Ask the configured commands whether a wave may start; one that says no keeps this run from
    starting anything. A fleet asks for all of it at once, not for each of its targets."""
    if not run.terms.hold:
        return False
    refusal = _refusal(run, decision, urgent=urgent)
    if refusal is None:
        return False
    run.report.waiting = f"held by install.hold: {refusal}"
    run.report.again_at = run.clock.now() + pre_wave_hooks.ANSWER_COUNTS_S
    run.tell(f"{run.work.ref.short}: {run.report.waiting}")
    run.installing.audit.record(
        "held",
        **run.work.ref.named,
        wave=decision.wave,
        devices=list(decision.start),
        why=run.report.waiting,
    )
    return True


def _refusal(run: Run, decision: Decision, *, urgent: bool) -> str | None:
    ask, fleet = partial(_asked, run, decision.wave), run.work.fleet
    if fleet.fleet.is_alone:
        return ask(decision.start)
    devices = sorted(fleet.fleet.devices) if urgent else decision.ready
    wave = decision.wave, urgent
    return fleet.answers.agreed(wave, decision.start, devices, run.clock, ask)


def _asked(run: Run, wave: int | None, devices: Iterable[str]) -> str | None:
    where = run.work.ref.row
    about = {
        "FORTIMANAGER": where["fortimanager"] or "",
        "ADOM": where["adom"] or "",
        "FLEET": run.work.fleet.fleet.name,
        "WAVE": "" if wave is None else str(wave),
        "DEVICES": " ".join(devices),
        "RUN": run.installing.reason.run,
        "REASON": run.installing.reason.reason,
    }
    return pre_wave_hooks.ask(run.terms.hold, about)


def _follow(run: Run, batch: Decision, before: int, *, began: bool) -> None:
    """What comes after a batch: the next one, but not before the ADOM was looked at."""
    following = run.think()
    if following.decision.start and not began:
        run.report.go_on(run.clock.now())  # the room is there again, and nobody calls twice
    elif following.decision.start:
        run.report.end_step(run.clock.now(), batch, before)
    else:
        _rest(run, following)


def _rest(run: Run, view: Assessment) -> None:
    """Go on after a pause, in which something else may become due; else not before another run."""
    found = view.pause()
    if found is None or run.installing.stopping() or run.report.waiting is not None:
        return
    until, reason = found
    rollout_log.pause(run, until, reason)
    now, due = run.clock.now(), run.report.again_at
    at = until.timestamp() if due is None else min(until.timestamp(), due)
    run.report.go_on(max(now + SHORTEST_S, at))


def _wait_for_others(run: Run, trouble: errors.TargetError) -> None:
    """Somebody else's lock or task, or a unit that is away, is worth some patience."""
    if run.report.waited_s == 0:
        run.tell(f"waiting: {trouble}")
        waits = "write waits" if run.work.ref.is_direct else "install waits"
        _log.info(waits, **run.work.ref.named, why=trouble.message)
    pause = BUSY_S
    if run.work.ref.is_direct:  # each look costs the unit as much as any other
        pause = min(max(BUSY_S, run.report.waited_s), BUSY_AT_MOST_S)
    run.report.waited_s += pause + trouble.silent_s
    run.report.waiting = str(trouble)
    run.report.come_back(run.clock.now() + pause)
    if run.report.waited_s <= PATIENCE_S:
        run.report.go_on(run.clock.now() + pause)
    elif run.work.ref.is_direct:
        run.report.waiting = f"nothing was written for {PATIENCE_S / 60:.0f} minutes: {trouble}"
        run.tell(f"{run.work.ref.short}: given up for now: {trouble}")
