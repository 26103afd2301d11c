"""Right before a push: is the ADOM still what this run wrote, and what the rules ask for?

What somebody changed meanwhile is put right under the install's lock. Where that cannot be done
now, the devices it concerns are left out, and people are told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from fmgsync import errors
from fmgsync.assessing import four, yardstick
from fmgsync.assessing.yardstick import Yardstick
from fmgsync.model.adom import Workspace
from fmgsync.model.change import AdomPlan, ApplyReport
from fmgsync.model.preview import Marked
from fmgsync.model.rollout import InstallRequest
from fmgsync.model.state import ObservedAdom
from fmgsync.model.target import DeviceVdom
from fmgsync.passes import reconcile, rollout_log
from fmgsync.passes.run import Batch, Run
from fmgsync.planning import packages, written
from fmgsync.scheduling.machine import Blocked
from fmgsync.targets.protocol import STAMP, Around, Copies, InstallFlow, Marks, Question

Wrong = Mapping[DeviceVdom, str]
"""Where an install would push what no rule asks for, with a sentence each."""


def hold_to(run: Run, flow: InstallFlow, chosen: Batch) -> None:
    """Leave out of a batch the devices for which this run cannot vouch, as the ADOM is now."""
    wrong = _wrong(run, chosen, chosen.targets, run.written)
    if wrong and _may_repair(run):
        _repair(run, flow, wrong)
        wrong = _wrong(run, chosen, chosen.targets, run.written)
    leave_out(run, chosen, wrong)
    chosen.written = run.written


def look_at_marks(run: Run, marks: Marks | None) -> tuple[Marked, ...]:
    """Whose the objects are that a preview shows; and the ADOM as it is by now, since without a
    workspace lock anybody may write while FortiManager works out the preview."""
    objects = run.seen.asked if _is_open(run) else None
    if marks is None and objects is None:
        return ()
    told = run.work.target.look(Question(objects=objects, marks=marks))
    if objects is not None:
        run.seen = reconcile.look_again(run.work, run.intent, run.seen, told.objects())
    return told.marked() if marks is not None else ()


def still_vouched(run: Run, chosen: Batch, targets: Iterable[DeviceVdom]) -> frozenset[str]:
    """Devices of a previewed install that may still be pushed, as the ADOM was seen afterwards."""
    if _is_open(run):
        wrong = _wrong(run, chosen, targets, chosen.written)
        leave_out(run, chosen, wrong)
        targets = [target for target in targets if target not in wrong]
    return frozenset(target.device for target in targets)


def before_push(run: Run, chosen: Batch) -> str | None:
    """What stands for the ADOM when a preview begins; None where a lock keeps others out.

    It was read with the ADOM, unless this batch itself has changed something since.
    """
    if not _is_open(run):
        return None
    as_seen = not (chosen.urgent or chosen.tasks)
    if as_seen:
        return run.seen.observed.stamp
    return run.work.target.look(STAMP).stamp()


def look_afterwards(run: Run, request: InstallRequest, before: str | None) -> None:
    """Whether the ADOM was edited between the preview and the end of the push, without a lock: then
    more may have gone along than the preview showed, and people are told.

    What the copies of the devices have become is looked at along with it.
    """
    if not _is_open(run):
        return
    copies = Copies(request.targets, run.names)
    try:
        told = run.work.target.look(Question(stamp=before is not None, copies=copies))
        with suppress(errors.TargetError):  # then they are asked alone, as what was not told
            found = told.copies().items()
            run.copied.update({target: copy for target, copy in found if copy.groups is not None})
        if before is not None and told.stamp() == before:
            return
        after = run.work.target.look(Question(around=Around.ALL)).around().packages
    except errors.TargetError as trouble:
        rollout_log.unseen(run, request, (), str(trouble))
        return
    edited = packages.edited(run.seen.packages, after, request.package)
    if edited or before is not None:
        rollout_log.unseen(run, request, edited, "")


def _is_open(run: Run) -> bool:
    """Whether no lock keeps others out of the ADOM."""
    return run.seen.topology.workspace is Workspace.DISABLED


def write(run: Run, by: Callable[[AdomPlan], ApplyReport], plan: AdomPlan) -> ApplyReport:
    """Write a plan: from now on that is what this run vouches for."""
    report = reconcile.carry_out(run.work, replace(run.seen, plan=plan), by)
    run.written = written.after(run.written, report.written)
    return report


def _wrong(
    run: Run, chosen: Batch, targets: Iterable[DeviceVdom], vouched: ObservedAdom
) -> dict[DeviceVdom, str]:
    now, measure = run.seen.observed, Yardstick(run.seen, run.intent.removes)
    listed, held_by = list(targets), "it" if run.work.ref.is_direct else "the ADOM"
    found: dict[DeviceVdom, str] = {}
    for target, names in yardstick.moved(vouched, now, listed).items():
        odd = [
            name
            for name in names
            if run.seen.usage.reaches(four.keys(name), target)
            and (chosen.urgent or not measure.is_met(now, target, name))
        ]
        if odd:
            found[target] = f"somebody changed {', '.join(odd)} in {held_by} since it was written"
    views = [v for v in run.survey.views if v.target in listed]
    for target, groups in measure.excess(now, views).items():
        added = [name for name in groups if chosen.adds_to(name)]
        if added and target not in found:
            found[target] = _told(added[0], groups[added[0]], run)
    if chosen.urgent:  # what the rules ask for leaves no device outside its window
        for target, name in measure.lost(now, views):
            found.setdefault(target, f"{held_by} lacks members of {name} that the rules ask for")
    return found


def _told(name: str, excess: Collection[str], run: Run) -> str:
    listed = ", ".join(sorted(excess)[:3]) + (" and more" if len(excess) > 3 else "")
    waits = f"; its removal waits: {run.seen.submission.brief}" if run.seen.submission else ""
    held_by = "it" if run.work.ref.is_direct else "the ADOM"
    return f"{held_by} holds {listed} in {name}, which no rule asks for{waits}"


def _may_repair(run: Run) -> bool:
    workflow = run.seen.topology.workspace is Workspace.WORKFLOW
    return run.intent.writes and not workflow and bool(run.seen.plan.changes)


def _repair(run: Run, flow: InstallFlow, wrong: Wrong) -> None:
    """Write desired again, under the lock of the install that was about to push something else."""
    plan = run.seen.plan
    rollout_log.repaired(run, wrong)
    write(run, flow.write, plan)
    run.look_again()


def leave_out(run: Run, chosen: Batch, wrong: Wrong) -> None:
    """These devices are not installed in this batch, and people are told why."""
    if not wrong:
        return
    reasons = {target.device: why for target, why in wrong.items()}
    run.note(Blocked(reasons, frozenset(chosen.begun)))
    run.report.blocked.update(reasons)
    rollout_log.blocked(run, reasons, {})
    chosen.admissions = tuple(
        each for each in chosen.admissions if each.pending.target.device not in reasons
    )
