"""A round of writes where writing is delivering: at risk, written, proven, as with any install.

A unit without stages has no preview, no task and no lock. What a run that was killed leaves behind
is a prefix of a plan, which is safe; `resume` looks at the unit and takes it from there.
"""

from __future__ import annotations

from fmgsync import errors
from fmgsync.assessing import rendered
from fmgsync.model.change import AdomPlan
from fmgsync.model.rollout import InstallRequest, Outcome, TargetOutcome
from fmgsync.passes import adom_proof, batch, batch_install, rollout_log
from fmgsync.passes.run import Round, Run
from fmgsync.passes.urgent_removal import Rush
from fmgsync.planning import removals
from fmgsync.scheduling import admission
from fmgsync.scheduling.machine import Settled, Started, TasksEnded, Withdrawn
from fmgsync.scheduling.rollout import Decision


def push(run: Run, decision: Decision) -> None:
    """Write the plan to the device that may start, and prove it."""
    chosen = Round(decision, admission.starting(run.report.admissions, decision.start))
    if chosen.targets:
        _deliver(run, chosen, run.seen.plan)
    else:
        # Addresses that no group holds any more: nothing on the device changes what it lets by.
        _write(run, run.seen.plan)


def push_urgent(run: Run, rush: Rush) -> None:
    """Write only what the plan takes away."""
    rushed = tuple(each for each in rush.needs if each.target.device in rush.decision.start)
    targets = {each.target for each in rushed}
    admitted = tuple(each for each in run.admissions() if each.pending.target in targets)
    chosen = Round(rush.decision, admitted, urgent=rushed)
    _deliver(run, chosen, _removals(run, chosen))


def _removals(run: Run, chosen: Round) -> AdomPlan:
    seen, (place, *_) = run.seen, chosen.targets
    names = [name for _, name in seen.observed.groups]
    return removals.only(
        seen.plan,
        seen.desired,
        seen.observed,
        place=place,
        flatten=lambda observed: rendered.from_adom(observed, [place], names)[place],
        usage=seen.usage,
        limits=seen.limits,
    )


def _deliver(run: Run, chosen: Round, plan: AdomPlan) -> None:
    """Put the device at risk, then write, then ask it."""
    request = InstallRequest(run.work.ref, "", chosen.targets)
    run.note(Started(chosen.devices, chosen.decision.wave, bool(chosen.urgent)))
    if not batch_install.may_go_on(run, chosen, request):
        run.note(Withdrawn(chosen.devices))
        return
    rollout_log.start(run, chosen, request)
    chosen.begun.update(chosen.devices)
    try:
        _write(run, plan)
    except errors.TargetError as trouble:
        rollout_log.not_started(run, request, trouble)
        if not trouble.retryable:
            run.note(Settled(frozenset(), dict.fromkeys(chosen.devices, str(trouble))))
        raise
    run.note(TasksEnded())
    for target in chosen.targets:
        chosen.outcomes[target] = TargetOutcome(target, Outcome.DONE, _refusals(run))
    batch.settle(run, chosen)


def _write(run: Run, plan: AdomPlan) -> None:
    run.report.written = adom_proof.write(run, run.work.target.write, plan)


def _refusals(run: Run) -> str:
    refused = run.report.written.refused if run.report.written else ()
    return "; ".join(f"{change.name}: {why}" for change, why in refused[:3])
