"""Where the rollouts stand and what would start now, told without starting anything."""

from __future__ import annotations

from dataclasses import replace

from fmgsync.assessing.observation import Look
from fmgsync.assessing.survey import Survey
from fmgsync.model.stop import Stop
from fmgsync.passes import new_ledger
from fmgsync.passes.reconcile import AdomWork
from fmgsync.passes.result import AdomResult, Standing
from fmgsync.passes.world import World
from fmgsync.planning import misnamed
from fmgsync.scheduling import admission, ledger, outlook
from fmgsync.scheduling.install_policy import Mode, Terms
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rollout import RolloutPolicy
from fmgsync.scheduling.rollout_record import RolloutRecord


def policy_of(terms: Terms, seen: Look, stop: Stop | None) -> RolloutPolicy:
    """How installs spread over an ADOM's devices as it is now, and what keeps all of them."""
    policy = terms.rollout.policy(seen.topology, terms.overrun)
    return replace(
        policy, misnamed=misnamed.told(seen.plan), stopped=str(stop) if stop is not None else ""
    )


def standing(
    world: World, work: AdomWork, result: AdomResult, record: RolloutRecord | None
) -> Standing | None:
    """How the rollout stands; None if the ADOM was not looked at."""
    if result.seen is None or result.survey is None:
        return None
    rules = work.fleet.rules_digest(world.intent.rules.rules)
    if record is not None:
        record = replace(record, ledger=ledger.for_digest(record.ledger, rules))
    if result.rollout is not None and result.rollout.decision is not None:
        return Standing(record, result.rollout.decision)
    policy = policy_of(world.terms, result.seen, result.stop)
    found = admission.candidates(
        result.admissions, policy.canary, result.survey.views, result.seen.topology
    )
    lost = "" if record is not None else _why_lost(work, result.survey, result.seen)
    fresh = None if lost else Ledger(rules)
    known = record.ledger if record is not None else fresh
    decision = work.fleet.decide(work.ref, policy, known, found, world.instant, lost=lost)
    return Standing(record, decision)


def _why_lost(work: AdomWork, survey: Survey, seen: Look) -> str:
    return new_ledger.why_not(work.delivery, survey.views, seen.topology, asked=survey.asked)


def wake_at(world: World, work: AdomWork, result: AdomResult) -> float | None:
    """When something of the ADOM becomes due that no change announces, in UTC epoch seconds."""
    times = [result.rollout.again_at] if result.rollout else []
    installs = world.terms.mode is not Mode.NONE
    if installs and not result.whole and result.survey is not None:
        # A pass over a part installs nothing: what it left pending is for the next opening.
        waiting = {each.target for each in result.survey.pending}
        opens = (each.opens_at for each in result.outlooks.values() if each.target in waiting)
        times += [at.timestamp() for at in opens if at is not None]
    if world.intent.before_install and result.seen is not None and result.seen.plan.changes:
        # Written with an install, or at an opening, where no policy uses the group yet.
        opens = (each.opens_at for each in result.outlooks.values() if not each.judgement.is_open)
        times += [at.timestamp() for at in opens if at is not None]
    return min((at for at in times if at is not None), default=None)


def window_open(world: World, result: AdomResult) -> bool | None:
    """Whether an install may start now on a device of the ADOM; None if nothing is known of it, or
    somebody else installs."""
    if world.terms.mode is Mode.NONE or result.seen is None or result.survey is None:
        return None
    targets = [view.target for view in result.survey.views]
    found = outlook.outlooks(world.terms.calendar, result.seen.topology, targets, world.instant)
    return any(each.judgement.is_open for each in found)
