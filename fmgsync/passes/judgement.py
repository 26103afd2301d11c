"""What a pass makes of what it sees: the devices beside the ADOM, and the step that follows.

The devices are looked at once nothing is to be written before; where they cannot be, what is due in
the ADOM is written all the same.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import structlog

from fmgsync import errors
from fmgsync.assessing import assessment, new_ledger, stale
from fmgsync.assessing.assessment import Assessment
from fmgsync.assessing.observation import NOTHING, Known
from fmgsync.model.adom import Workspace
from fmgsync.passes import installs, reconcile, resume
from fmgsync.passes.batch_install import POLL_S
from fmgsync.passes.result import Orders, Pass
from fmgsync.passes.rollout_book import Book, Report
from fmgsync.passes.run import Run
from fmgsync.passes.world import AdomWork, Workloads, World
from fmgsync.planning import sites
from fmgsync.scheduling.install_policy import Mode
from fmgsync.scheduling.machine import Step
from fmgsync.scheduling.rollout_record import RolloutRecord

_log = structlog.get_logger()


def make_run(
    world: World,
    work: AdomWork,
    workloads: Workloads,
    made: Pass,
    record: RolloutRecord | None,
    orders: Orders,
) -> Run:
    """What a pass over one ADOM works with, once it was looked at; what earlier passes of this run
    did is in `made`."""
    kept, report, seen = world.installing, made.rollout or Report(), made.looked
    rules = work.fleet.rules_digest(world.intent.rules.rules)
    # Who acts leaves alone for a time what it has held back; who only looks tells of all of it.
    held_since = kept.held_since(world.clock.now()) if orders.writes else 0.0
    just_written = made.at_once and made.step is Step.WRITE
    resolved = sites.resolve(work.sites, seen.topology)
    return Run(
        work=work,
        workloads=workloads,
        orders=orders,
        made=made,
        intent=world.intent,
        terms=world.terms,
        installing=kept,
        clock=world.clock,
        tell=world.tell,
        book=Book(kept.rollouts, work.ref, rules, record, clock=world.clock, leaving=kept.leaving),
        seen=seen,
        report=report,
        # What was just written is not written again.
        writes=orders.writes and world.intent.writes and not just_written,
        known=made.known if made.at_once or report.batch else NOTHING,
        held_since=datetime.fromtimestamp(held_since, UTC),
        running=stale.running_behind(resolved, workloads.in_use),
        stop=kept.stops.covering(work.ref),
    )


def assess(run: Run) -> Assessment:
    """The step that follows. Raises what keeps it from being known."""
    if run.writes and (number := _may_copy(run)):
        run.writes = False
        run.report.come_back(run.clock.now() + POLL_S)
        run.tell(
            f"{run.work.ref.short}: nothing is written: what was begun here is not known any more,"
            f" and install task {number} of ours may bring along what is written before it ends"
        )
    run.writes_along = _may_follow(run)
    if not run.writes_along:
        view = run.think_alone()
        if view.step is Step.WRITE:
            return view
    try:
        survey(run, known=run.known)
    except errors.TargetError as trouble:
        run.trouble, run.writes_along = trouble, False
        view = run.think_alone()
        if view.step is not Step.WRITE:
            raise
        return view
    return _think(run) if run.installs else run.think_alone()


def _may_copy(run: Run) -> int | None:
    """An install of ours that nobody remembers, and that may copy what is written while it runs: it
    may be one that was to add nothing. A lock that is gone ends it, where there are locks."""
    delivery, seen = run.work.delivery, run.seen
    if delivery is None or run.book.record is not None or not seen.plan.changes:
        return None
    if seen.topology.workspace is not Workspace.DISABLED:
        return None
    if not any(group.owned for group in seen.observed.groups.values()):
        return None
    return min(
        (number for number, over in delivery.own_installs().items() if not over), default=None
    )


def _may_follow(run: Run) -> bool:
    if run.made.at_once or not run.seen.plan.changes:
        return False
    places = {t for s in sites.resolve(run.work.sites, run.seen.topology) for t in s.targets}
    around = replace(run.around(), stopping=run.installing.stopping())
    return assessment.may_follow(run.seen, around, places)


def _think(run: Run) -> Assessment:
    """Once what is known to be over is noted; where a wave begins devices are looked at anew."""
    resume.forget(run)
    resume.forgive(run)
    view, before = run.think(), run.report.batch
    if before is not None and view.decision.wave not in (before.wave, None):
        survey(run)
        resume.forgive(run)
        view = run.think()
    if view.step is not Step.WRITE:
        run.report.batch = None
    return view


def survey(run: Run, *, known: Known = NOTHING) -> None:
    """Look at the devices; what was verified in this run is found to be in sync. What is written
    along with an install counts as written."""
    work, delivery = run.work, run.work.delivery
    seen = reconcile.as_written(run.seen) if run.writes_along else run.seen
    asks = run.orders.asks or run.installs
    run.surveyed(installs.survey(work, seen, ask_devices=asks, known=known))
    if delivery is None and run.seen.written is not None:
        run.pending = ()  # no more than a saved plan held
    _date(run)
    run.book.open(begins=run.installs, lost=_why_lost(run))
    if run.installs and run.book.lost:
        _log.warning("rollout held: its ledger is lost", **work.ref.logged, why=run.book.lost)
    if run.installs and delivery is not None and run.terms.mode is Mode.OBJECTS and run.pending:
        run.refusal = delivery.refuses_objects()


def _date(run: Run) -> None:
    """What is stale now and since when; remembered at once, since what follows may take long.

    What is damaged is lost: then every stale grant counts as overdue.
    """
    memory, ref, now = run.installing.stale, run.work.ref, run.clock.now()
    try:
        known = memory.read(ref)
        run.since = stale.seen_since(known, run.survey.views, run.seen, now=now)
        if run.survey.asked and run.since != known:
            memory.write(ref, run.since)
    except errors.StateError as error:
        run.tell(f"since when grants are stale cannot be remembered: {error}")
        run.since = stale.seen_since(None, run.survey.views, run.seen, now=now)


def _why_lost(run: Run) -> str:
    """Why a rollout without a record cannot begin one; empty if it can, or has one.

    Where writing is delivering nothing can be under way, and who was looked at has answered.
    """
    delivery, views = run.work.delivery, run.survey.views
    if run.book.record is not None or delivery is None or not new_ledger.may_be_one(views):
        return ""
    installs, asked = delivery.own_installs(), run.survey.asked
    return new_ledger.why_not(installs, views, run.seen.topology, asked=asked)


def tell(run: Run, made: Pass) -> Pass:
    """What follows from what was seen last, told without starting anything."""
    if run.survey is not made.survey or run.seen is not made.seen:
        run.seen, run.pending = made.looked, made.survey.pending
        _date(run)
    view = run.foresee()
    return replace(made, stop=run.stop, view=view)


def judge(
    world: World,
    work: AdomWork,
    workloads: Workloads,
    made: Pass,
    record: RolloutRecord | None,
    *,
    acts: bool,
) -> Pass:
    """The same for a pass that is over, as its whole fleet stands now."""
    if not made.survey.is_made:
        return made
    run = make_run(world, work, workloads, made, record, Orders(writes=acts))
    run.pending = made.survey.pending
    run.book.open(begins=False, lost=_why_lost(run))
    _date(run)
    return tell(run, made)
