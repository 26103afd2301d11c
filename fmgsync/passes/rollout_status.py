"""Where the rollouts stand and what would start now, told without starting anything."""

from __future__ import annotations

from dataclasses import replace

from fmgsync.assessing import assessment, new_ledger
from fmgsync.assessing.observation import Look
from fmgsync.assessing.survey import Survey
from fmgsync.passes.reconcile import AdomWork
from fmgsync.passes.result import AdomResult, Standing
from fmgsync.passes.world import World
from fmgsync.scheduling import admission, ledger, outlook
from fmgsync.scheduling.install_policy import Mode
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rollout_record import RolloutRecord


def standing(
    world: World, work: AdomWork, result: AdomResult, record: RolloutRecord | None
) -> Standing | None:
    """How the rollout stands; None if the ADOM was not looked at."""
    if result.seen is None or result.survey is None:
        return None
    rules = work.fleet.rules_digest(world.intent.rules.rules)
    if record is not None:
        record = replace(record, ledger=ledger.for_digest(record.ledger, rules))
    is_alone = work.fleet.fleet.is_alone  # others may have come further since
    if is_alone and result.rollout is not None and result.rollout.decision is not None:
        return Standing(record, result.rollout.decision)
    policy = assessment.policy_of(world.terms, result.seen, result.stop)
    found = admission.candidates(
        result.admissions, policy.canary, result.survey.views, result.seen.topology
    )
    lost = "" if record is not None else why_lost(work, result.survey, result.seen)
    fresh = None if lost else Ledger(rules)
    known = record.ledger if record is not None else fresh
    decision = work.fleet.foresee(work.ref, policy, known, found, world.instant, lost=lost)
    return Standing(record, decision)


def why_lost(work: AdomWork, survey: Survey, seen: Look) -> str:
    """Why a rollout without a record cannot begin one; empty if it can.

    Where writing is delivering nothing can be under way, and who was looked at has answered.
    """
    delivery = work.delivery
    if delivery is None or not new_ledger.may_be_one(survey.views):
        return ""
    installs = delivery.own_installs()
    return new_ledger.why_not(installs, survey.views, seen.topology, asked=survey.asked)


def wake_at(world: World, work: AdomWork, result: AdomResult) -> float | None:
    """When something of the ADOM becomes due that no change announces, in UTC epoch seconds."""
    times = [result.rollout.again_at] if result.rollout else []
    changes = result.seen.plan.changes if result.seen is not None else ()
    opens = assessment.openings(
        result.outlooks,
        result.survey.pending if result.survey is not None else (),
        unwritten=bool(changes) and not work.writes_ahead(world.intent),
        partly=world.terms.mode is not Mode.NONE and not result.whole,
    )
    times += [at.timestamp() for at in opens]
    return min((at for at in times if at is not None), default=None)


def window_open(world: World, result: AdomResult) -> bool | None:
    """Whether an install may start now on a device of the ADOM; None if nothing is known of it, or
    somebody else installs."""
    if world.terms.mode is Mode.NONE or result.seen is None or result.survey is None:
        return None
    targets = [view.target for view in result.survey.views]
    found = outlook.outlooks(world.terms.calendar, result.seen.topology, targets, world.instant)
    return assessment.window_open(found)
