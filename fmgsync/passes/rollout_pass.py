"""One ADOM's installs in one pass: the rollout goes as far as it may, then everything is looked at.

Also what every pass says of installs that do not start: the windows, and what waits for a person.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fmgsync.passes import installs, reconcile, rollout, rollout_status, stale_grants
from fmgsync.passes.progress import Report
from fmgsync.passes.reconcile import AdomWork, Look
from fmgsync.passes.rests import Left
from fmgsync.planning import summary
from fmgsync.scheduling import admission, outlook
from fmgsync.scheduling.admission import Situation
from fmgsync.views import four

if TYPE_CHECKING:
    from fmgsync.passes.once import AdomResult, Inventory, World


def advance_installs(
    world: World, work: AdomWork, inventory: Inventory, result: AdomResult
) -> None:
    """Let the ADOM's rollout go one step, then look at what that changed."""
    if result.seen is None:
        return
    plan = result.planned or result.seen.plan

    def look() -> Look:
        return reconcile.look(work, world.intent, inventory.members, inventory.who)

    report = result.rollout or Report()
    done = len(report.outcomes)
    run = rollout.make_run(
        world, work, result.seen, look, report, result.survey, plan=summary.digest([plan])
    )
    result.rollout, result.planned = report, plan
    try:
        rollout.roll_out(run)
    except Left:
        report.come_back(world.clock.now())
    finally:
        result.outcomes = tuple(report.outcomes)
        written, report.written = report.written, None
        if written is not None:
            result.report = result.report.then(written) if result.report else written
    result.seen, result.survey = run.seen, run.survey
    if len(report.outcomes) > done or written is not None:
        # The installs changed device database and status: look before believing anything.
        if report.failures:
            result.seen = reconcile.refresh_topology(work, run.seen)
        touched = {outcome.target for outcome in report.outcomes[done:]}
        known = run.survey.readings_but(touched) if run.survey else None
        result.survey = installs.survey(work, result.seen, ask_devices=True, known=known)
    judge(world, work, inventory, result)


def judge(world: World, work: AdomWork, inventory: Inventory, result: AdomResult) -> None:
    """What the windows say of every DeviceVdom, and which pending installs wait for a person."""
    if result.seen is None or result.survey is None:
        return
    topology, instant = result.seen.topology, world.instant
    result.stop = world.installing.stops.covering(work.ref)
    targets = [view.target for view in result.survey.views]
    found = outlook.outlooks(world.terms.calendar, topology, targets, instant)
    result.outlooks = {each.target: each for each in found}
    blocked = result.rollout.blocked if result.rollout else world.installing.blocked(result.ref)
    situation = Situation(
        topology,
        result.survey.statuses,
        world.terms,
        instant,
        world.installing.clearance,
        blocked,
        world.installing.interrupted(result.ref),
        stopped=str(result.stop) if result.stop is not None else "",
    )
    result.admissions = admission.admit(result.survey.pending, situation)
    held = {each.pending.target: each.because for each in result.admissions if each.held}
    result.survey = replace(result.survey, views=four.with_held(result.survey.views, held))
    stale_grants.date(world, work, inventory, result)
    result.standing = rollout_status.standing(world, work, result)
