"""One ADOM's installs in one pass: the rollout goes as far as it may, then everything is looked at.

Also what every pass says of installs that do not start: the windows, and what waits for a person.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from fmgsync import errors
from fmgsync.assessing import assessment
from fmgsync.assessing.observation import Look
from fmgsync.assessing.survey import NOTHING
from fmgsync.model.adom import Workspace
from fmgsync.passes import installs, reconcile, rollout, rollout_status, stale_grants
from fmgsync.passes.reconcile import AdomWork
from fmgsync.passes.rests import Left
from fmgsync.passes.result import Pass
from fmgsync.passes.rollout_book import Report
from fmgsync.passes.run import make_run
from fmgsync.passes.world import Inventory, World
from fmgsync.planning import sites, summary
from fmgsync.scheduling import outlook
from fmgsync.scheduling.install_policy import Mode
from fmgsync.scheduling.rollout_record import RolloutRecord

_EVER = datetime.fromtimestamp(0, UTC)


def may_write_along(world: World, work: AdomWork, seen: Look, record: RolloutRecord | None) -> bool:
    """Whether an install may follow at once, under whose lock what is due in the ADOM can be
    written. Told without asking anything: a write must not wait for devices without need."""
    terms = world.terms
    if not seen.plan.changes or seen.submission is not None:
        return False
    if work.delivery is None or seen.topology.workspace is Workspace.WORKFLOW:
        return False
    if terms.mode is not Mode.PACKAGE:
        return False
    if terms.hold or world.installing.stopping():
        return False
    if record is not None and (record.narrowed or record.ledger.running or record.ledger.halted):
        return False
    removes = any(change.removed for change in seen.plan.changes)
    if world.installing.clearance.now or (terms.removals.within is not None and removes):
        return True
    targets = {t for site in sites.resolve(work.sites, seen.topology) for t in site.targets}
    found = outlook.outlooks(terms.calendar, seen.topology, targets, world.instant)
    return assessment.window_open(found)


def advance_installs(
    world: World, work: AdomWork, inventory: Inventory, made: Pass
) -> tuple[Pass, RolloutRecord | None]:
    """Let the ADOM's rollout go one step, then look at what that changed; how its record stands."""
    plan, report = made.planned or made.looked.plan, made.rollout or Report()
    done, error = len(report.outcomes), None
    run = make_run(world, work, inventory, made, report, plan=summary.digest([plan]))
    try:
        rollout.roll_out(run)
    except Left:
        report.come_back(world.clock.now())
    except errors.TargetError as trouble:
        error = trouble
    written, report.written = report.written, None
    made = replace(made, rollout=report, planned=plan, outcomes=tuple(report.outcomes), error=error)
    if written is not None:
        made = made.wrote(written)
    if error is not None:
        return made, run.book.record
    if written is not None or made.looked.written is not None or not plan.changes:
        made = replace(made, vouched=run.written)
    seen, survey = run.seen, run.survey
    if len(report.outcomes) > done or written is not None:
        # The installs changed device database and status: look before believing anything.
        made = replace(made, seen=seen, survey=survey)
        if report.failures:
            seen = reconcile.refresh_topology(work, seen)
        touched = {outcome.target for outcome in report.outcomes[done:]}
        known = survey.known_but(touched, run.answered) if survey else NOTHING
        survey = installs.survey(work, seen, ask_devices=True, known=known)
    return replace(made, seen=seen, survey=survey), run.book.record


def judge(
    world: World,
    work: AdomWork,
    inventory: Inventory,
    made: Pass,
    record: RolloutRecord | None,
    *,
    acts: bool,
) -> Pass:
    """What follows from what was seen last, told without starting anything. Who `acts` leaves alone
    for a time what it has held back; who only looks tells of whatever is held."""
    if made.seen is None or made.survey is None:
        return made
    run = make_run(world, work, inventory, made, made.rollout or Report(), plan="")
    run.survey, run.pending = made.survey, made.survey.pending
    run.held_since = run.held_since if acts else _EVER
    run.book.know(record, why_not=partial(rollout_status.why_lost, work, run.survey, run.seen))
    run.since = stale_grants.note(
        run.memory, work.ref, run.survey, run.seen, world.clock.now(), world.tell
    )
    view = run.foresee()
    survey = replace(made.survey, views=view.views)
    return replace(made, stop=run.stop, view=view, survey=survey)
