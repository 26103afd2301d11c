"""One pass over one target: recall, look, assess, perform at most one step, remember.

`plan`, `status`, `apply` and `run` all make their passes here, with other orders.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from fmgsync import errors
from fmgsync.model.adom import Workspace
from fmgsync.model.change import AdomPlan, ApplyReport, Finding
from fmgsync.passes import guard_memory, installs, judgement, perform, reconcile, wrong_clock
from fmgsync.passes.result import Orders, Pass
from fmgsync.passes.run import Left, Run
from fmgsync.passes.world import AdomWork, Intent, Workloads, World
from fmgsync.scheduling.machine import Step
from fmgsync.scheduling.rollout_record import RolloutRecord
from fmgsync.targets.protocol import Question

LOOK = Orders(surveys=False)
PLAN = Orders()
STATUS = Orders(asks=True)


def make_passes(
    world: World, work: AdomWork, workloads: Workloads, orders: Orders, before: Pass
) -> Pass:
    """Passes in a session that is open, until others may have their turn or have to be waited for;
    `before` is what earlier passes of this run came to."""
    made = make_pass(world, work, workloads, orders, before)
    while made.at_once:
        made = make_pass(world, work, workloads, orders, made)
    return made


def make_pass(
    world: World, work: AdomWork, workloads: Workloads, orders: Orders, before: Pass
) -> Pass:
    """One pass. What went wrong at the target is in it, beside what was done until then."""
    record, ahead = recall(world, work, orders)
    made = replace(before, ahead=tuple(dict.fromkeys((*before.ahead, *ahead))))
    try:
        made = look(work, world.intent, workloads, orders, made)
        if orders.surveys:
            run = judgement.make_run(world, work, workloads, made, record, orders)
            made = replace(made, step=Step.REST, at_once=False)
            if orders.writes:
                made = act(run, made)
            else:
                judgement.survey(run)
                made = replace(made, seen=run.seen)
            if made.error is None and not made.at_once:
                made = judgement.tell(run, made)
    except errors.TargetError as error:
        made = replace(made, error=error, at_once=False)
    finally:
        remember(world, made)
    return _told(made)


def recall(
    world: World, work: AdomWork, orders: Orders
) -> tuple[RolloutRecord | None, tuple[Finding, ...]]:
    """What is remembered of the target's rollout, and what a clock that was wrong has left. What
    cannot be understood stops a pass that acts before anything is written."""
    installing, acts = world.installing, orders.writes
    record = installing.recall(work.ref) if acts else installing.rollouts.read(work.ref)
    ahead = wrong_clock.findings(work.guard, record, installing.stale)
    if acts:
        work.guard.settle()
    return record, ahead


def look(work: AdomWork, intent: Intent, workloads: Workloads, orders: Orders, made: Pass) -> Pass:
    """The only reads of the target before anything is decided. What the pass before has left, and
    has just read back, is not read again."""
    if made.at_once:
        return made
    if orders.saved is not None and orders.is_first:
        return replace(made, seen=orders.saved, planned=orders.saved.plan)
    seen = reconcile.look(work, intent, workloads, uses=orders.asks)
    if orders.saved is not None:
        seen = reconcile.as_saved(orders.saved, replace(seen, written=made.vouched))
    delivery, locks = work.delivery, made.locks
    if orders.asks and delivery and seen.topology.workspace is not Workspace.DISABLED:
        own = [key for key, group in seen.observed.groups.items() if group.owned]
        locks = work.target.look(Question(locks=own)).locks()
    is_new = made.planned is None or (seen.plan.changes and seen.written is None)
    return replace(made, seen=seen, locks=locks, planned=seen.plan if is_new else made.planned)


def act(run: Run, made: Pass) -> Pass:
    """Assess, and take the step that follows."""
    made, done = _begun(run, made), len(run.report.outcomes)
    run.report.goes_on_at = None
    try:
        view = judgement.assess(run)
        made = replace(made, step=view.step)
        made = replace(made, at_once=perform.perform(run, view))
    except Left:
        run.report.come_back(run.clock.now())
    except errors.TargetError as trouble:
        run.trouble = trouble
    made, written = _so_far(run, made), run.report.written is not None
    run.report.written = None
    if made.step is Step.WRITE:
        known = run.survey.known_but(()) if run.survey.is_made else run.known
        if run.looked_anew:
            # What there is to do now is decided anew, and has not been written.
            planned = made.planned if written else run.seen.plan
            return replace(made, seen=run.seen, planned=planned, known=known, step=Step.REST)
        return replace(made, seen=run.seen, known=known) if written else made
    if run.trouble is not None:
        return made
    return _left(run, made, has_changed=written or len(run.report.outcomes) > done, done=done)


def _begun(run: Run, made: Pass) -> Pass:
    """Where nothing is to be written that is said."""
    seen, made = made.looked, replace(made, stop=run.stop)
    if run.made.at_once:
        return made
    if run.stop is not None:
        run.tell(f"nothing is written or installed: {run.stop}")
        return made
    writes = run.intent.writes and bool(seen.plan.changes)
    if not run.work.writes_ahead(run.intent) or seen.written is not None:
        return made
    if writes and seen.submission is None:
        return made
    return made.wrote(ApplyReport(made.ref, submitted=seen.submission if writes else None))


def _so_far(run: Run, made: Pass) -> Pass:
    """What was done, whatever went wrong then."""
    report = run.report
    if run.installs:
        made = replace(made, rollout=report, outcomes=tuple(report.outcomes))
    if report.written is not None:
        made = made.wrote(report.written)
    is_carried_out = report.written is not None or made.looked.written is not None
    if run.trouble is None and (is_carried_out or not run.planned.changes):
        made = replace(made, vouched=run.written)
    return replace(made, error=run.trouble)


def _left(run: Run, made: Pass, *, has_changed: bool, done: int) -> Pass:
    """What the target is like now. Installs change device database and status: what they touched is
    looked at before anything of it is believed."""
    work, seen, report = run.work, run.seen, run.report
    if has_changed and not made.at_once:
        if report.failures:
            seen = reconcile.refresh_topology(work, seen)
        touched = {outcome.target for outcome in report.outcomes[done:]}
        known = seen.survey.known_but(touched, run.answered, run.copied)
        survey = installs.survey(work, seen, ask_devices=True, known=known)
        seen = replace(seen, survey=survey)
    return replace(made, seen=seen, known=seen.survey.known_but(()))


def remember(world: World, made: Pass) -> None:
    """Whatever is shown as held can be approved from now on; the audit's end is kept."""
    if made.seen is not None:
        note_shown(world, [made.seen.plan])
    world.installing.audit.keep_head()


def _told(made: Pass) -> Pass:
    """What a clock that was wrong has left is told with the plan."""
    if made.seen is None:
        return made
    plan = made.seen.plan
    told = replace(plan, findings=tuple(dict.fromkeys((*plan.findings, *made.ahead))))
    return replace(made, seen=replace(made.seen, plan=told))


def note_shown(world: World, plans: Sequence[AdomPlan]) -> None:
    """What these plans show as held can be approved by their digest together."""
    guard_memory.note_shown(world.memory, plans, now=world.clock.now(), tell=world.tell)


@contextmanager
def session(world: World, work: AdomWork) -> Iterator[None]:
    """What is remembered was made with a unit, and counts for no other: it is asked who it is.

    Whoever cannot be looked at holds nobody of its fleet up.
    """
    world.tell(f"reading {work.ref.title}")
    try:
        with world.installing.audit.to_its_end(), work.session():
            units, remember = world.installing.units, world.installing.audit.is_kept
            kind = "FortiGate" if work.ref.is_direct else "FortiManager"
            serial = work.target.read_serial()
            told = units.bind(work.ref.unit, serial, remember=remember, kind=kind)
            if told is not None:
                world.tell(told)
            yield
    except errors.TargetError as error:
        work.fleet.absent(work.ref, error.message)
        raise
