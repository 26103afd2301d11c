"""A batch of writes where writing is delivering: at risk, written, proven, as with any install.

A unit without stages has no preview, no task and no lock. What a run that was killed leaves behind
is a prefix of a plan, which is safe; `resume` looks at the unit and takes it from there.
"""

from __future__ import annotations

from functools import partial

from fmgsync import errors
from fmgsync.assessing import place_reasons, rendered
from fmgsync.model import naming
from fmgsync.model.change import AdomPlan
from fmgsync.model.rollout import InstallRequest, Outcome, TargetOutcome
from fmgsync.model.view import of_key
from fmgsync.passes import adom_proof, batch, rollout_log
from fmgsync.passes.device_proof import Expected
from fmgsync.passes.run import Batch, Run
from fmgsync.planning import removals, written
from fmgsync.scheduling.machine import Settled, TasksEnded, Withdrawn


def push(run: Run, chosen: Batch) -> bool:
    """Put the device at risk, then write the plan there, or in the urgent lane what it takes away,
    then ask it; False if others of its fleet were faster, so that nothing was done."""
    plan = _removals(run, chosen) if chosen.urgent else run.seen.plan
    with run.work.fleet.writing(run.work.ref):
        if not _started(run, chosen):
            return False
        _written(run, chosen, plan)
    return True


def _removals(run: Run, chosen: Batch) -> AdomPlan:
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


def _written(run: Run, chosen: Batch, plan: AdomPlan) -> None:
    request = InstallRequest(run.work.ref, "", chosen.targets)
    chosen.expected = _expected(run, chosen, plan)
    if not batch.may_go_on(run, chosen, request):
        run.note(Withdrawn(chosen.devices))
        return
    rollout_log.start(run, chosen, request)
    chosen.begun.update(chosen.devices)
    try:
        look = partial(batch.last_look, run, chosen, request)
        run.report.written = adom_proof.write(
            run, partial(run.work.target.write, last_look=look), plan
        )
        run.look_again()
    except errors.TurnLost as trouble:
        rollout_log.not_started(run, request, trouble)
        run.note(Withdrawn(chosen.devices))
        return
    except errors.TargetError as trouble:
        rollout_log.not_started(run, request, trouble)
        if not trouble.retryable:
            run.note(Settled(frozenset(), dict.fromkeys(chosen.devices, str(trouble))))
        raise
    run.note(TasksEnded())
    refused, run.report.unkept = _refusals(run), _unkept(run)
    for target in chosen.targets:
        lost = refused and not chosen.expected[target]
        outcome = Outcome.FAILED if lost else Outcome.DONE
        chosen.outcomes[target] = TargetOutcome(target, outcome, refused)
    batch.settle(run, chosen)


def _started(run: Run, chosen: Batch) -> bool:
    """At risk from here on, if it still is this device's turn as the whole fleet stands now."""
    with run.work.fleet.deciding():
        run.book.refresh()
        now = run.think()
        if not chosen.devices.issubset((now.rushed if chosen.urgent else now.decision).start):
            run.work.fleet.wants_room(run.work.ref)
            return False
        run.start(chosen)
    return True


def _expected(run: Run, chosen: Batch, plan: AdomPlan) -> Expected:
    """What each device should hold once the whole plan is carried out: what the rules want there,
    less what is held back. What the unit refuses of it the proof will miss."""
    after = written.after(run.seen.observed, plan.changes)
    in_error = place_reasons.blocked(run.seen, {name for _, name in after.groups})
    keys = [
        (family, name)
        for (family, name), group in after.groups.items()
        if group.owned and name == naming.group_of(name) and name not in in_error
    ]
    held = rendered.from_adom(after, chosen.targets, {name for _, name in keys})
    return {
        target: {key: of_key(held[target], key) or frozenset() for key in keys}
        for target in chosen.targets
    }


def _refusals(run: Run) -> str:
    refused = run.report.written.refused if run.report.written else ()
    if not refused:
        return ""
    (change, why), *more = refused
    return f"{change.name}: {why}" + (f"; {len(more)} more are refused" if more else "")


def _unkept(run: Run) -> str:
    """What was written and is to be written again all the same, empty if there is none: a unit that
    does not keep it would be written for ever, since its members may be right."""
    done = set(run.report.written.written) if run.report.written else set()
    again = [change for change in run.seen.plan.changes if change in done]
    if not again:
        return ""
    more = f"; {len(again) - 1} more as well" if len(again) > 1 else ""
    return f"{again[0].name}: it was written, and afterwards it is as it was before{more}"
