"""One batch of installs: the lock, the preview, its judgement, the push; then `batch` settles it.

Everything that can go wrong between two lines here leaves the ledger saying at least as much as
has happened; `resume` picks up from there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import structlog

from fmgsync import errors
from fmgsync.assessing import pending
from fmgsync.clock import Clock
from fmgsync.model.adom import Workspace
from fmgsync.model.preview import Marked, Source
from fmgsync.model.rollout import (
    InstallRequest,
    InstallTask,
    Outcome,
    PendingReason,
    TargetOutcome,
    TaskView,
)
from fmgsync.passes import adom_proof, batch, guard_memory, rollout_log
from fmgsync.passes.run import Batch, Left, Run
from fmgsync.scheduling import foreign
from fmgsync.scheduling.foreign import ForeignChanges, Owners, Sorted
from fmgsync.scheduling.install_policy import Mode
from fmgsync.scheduling.machine import (
    Blocked,
    LetGo,
    Pushing,
    TaskBegun,
    TasksEnded,
    Withdrawn,
)
from fmgsync.targets.protocol import Delivery, InstallFlow, Marks

_log = structlog.get_logger()

FIRST_POLL_S = 0.5
POLL_S = 3.0
SILENT_POLL_S = 30.0
BORNE_S = 600.0
"""So long a unit may be silent while a task of ours runs there; it is asked ever more rarely."""

Answer = TypeVar("Answer")


def push(run: Run, delivery: Delivery, chosen: Batch) -> None:
    """Install on these devices, and prove each of them."""
    with delivery.open_install_flow() as flow:
        if not _is_still_its_turn(run, chosen):
            return
        look_under_lock(run, flow)
        adom_proof.hold_to(run, flow, chosen)
        install_batch(run, flow, chosen)
        if chosen.in_doubt:
            # It may still be pushing, for which it needs the lock.
            batch.settle(run, chosen)
            return
    batch.settle(run, chosen)


def _is_still_its_turn(run: Run, chosen: Batch) -> bool:
    """Whether to write, too: the lock took its time, and what is written before an install waits
    for no window in the ADOM."""
    whole = InstallRequest(run.work.ref, "", chosen.targets)
    return run.work.writes_ahead(run.intent) or batch.may_go_on(run, chosen, whole)


def install_batch(run: Run, flow: InstallFlow, chosen: Batch) -> None:
    """Put the devices at risk, then push package by package and watch each to its end."""
    run.start(chosen)
    try:
        for each in _requests(run, chosen):
            left = tuple(target for target in each.targets if target.device in chosen.devices)
            request = replace(each, targets=left)  # without whom is left out since
            if not batch.may_go_on(run, chosen, request):
                break
            if left:
                _install(run, flow, chosen, request)
    except Exception:
        # What was not pushed was not touched, whatever has gone wrong.
        run.note(Withdrawn(chosen.devices - chosen.begun))
        raise
    run.note(Withdrawn(chosen.devices - chosen.begun))
    run.note(TasksEnded())


def look_under_lock(run: Run, flow: InstallFlow) -> None:
    """See what the ADOM holds now. What is due there is written before, under the install's own
    lock, so that nobody else's install can carry it."""
    if run.unwritten:
        plan = run.seen.plan
        run.tell(f"writing {len(plan.changes)} changes to {run.work.ref.short}, then install")
        run.writes_along = False
        run.report.written = adom_proof.write(run, flow.write, plan)
    run.look_again()


def _requests(run: Run, chosen: Batch) -> Iterator[InstallRequest]:
    """One per package, or per set of objects, with what the devices' revisions will say."""
    comment = run.installing.reason.comment(run.owner, run.plan)
    waiting = [each.pending for each in chosen.admissions]
    if run.terms.mode is Mode.OBJECTS:
        found = pending.object_requests(waiting, run.seen.observed)
    else:
        found = pending.requests(waiting)
    for request in found:
        yield replace(request, comment=comment)


def _install(run: Run, flow: InstallFlow, chosen: Batch, request: InstallRequest) -> None:
    """One package: look at what it would push, then push it to the devices that pass."""
    passing, previewed, judged = request, False, Sorted()
    stamp = adom_proof.before_push(run, chosen)
    if not request.objects:  # objects alone carry nobody else's edits
        judged = _preview(run, flow, chosen, request)
        passing = _passing(run, chosen, request, judged)
        # Looking took its time.
        if not passing.targets or not batch.may_go_on(run, chosen, passing):
            flow.drop_preview()
            return
        # What a preview does not show is not in it to be carried out.
        odd = _oddly_empty(chosen, judged).intersection(t.device for t in passing.targets)
        previewed = not judged.unseen and not odd
        if not previewed:
            flow.drop_preview()
        rollout_log.carried_along(run, judged, passing)
    devices = frozenset(target.device for target in passing.targets)
    run.note(Pushing(flow.newest_task(), devices))
    # Told before it is done, and not while somebody else's task is waited for.
    rollout_log.start(run, chosen, passing)
    try:
        task = _start(run, flow, chosen, passing, previewed=previewed)
    except errors.TargetError as trouble:
        rollout_log.not_started(run, passing, trouble)
        if not isinstance(trouble, errors.TurnLost):
            raise
        if previewed:
            flow.drop_preview()
        return
    finally:
        _spend(run, chosen, judged, passing)
    chosen.tasks.append(task.task_id)
    _note_task(run, task)
    try:
        view = _watch(run, flow, task)
    except Left:
        # Without a lock the task goes on by itself and is judged by what it comes to.
        if run.seen.topology.workspace is not Workspace.DISABLED:
            run.note(LetGo(frozenset(target.device for target in passing.targets)))
        raise
    chosen.outcomes.update({outcome.target: outcome for outcome in view.outcomes})
    adom_proof.look_afterwards(run, passing, stamp)
    if previewed and passing.targets != request.targets:
        flow.drop_preview()


def _note_task(run: Run, task: InstallTask) -> None:
    """Its number is a help only: whoever comes next finds it by the number of the one before."""
    try:
        run.note(TaskBegun(task))
    except errors.StateError as trouble:
        _log.warning("a task is not noted", task=task.task_id, why=str(trouble))


def _start(
    run: Run, flow: InstallFlow, chosen: Batch, request: InstallRequest, *, previewed: bool
) -> InstallTask:
    """Begin to push. Unless FortiManager says no, the devices count as touched from here on."""
    new = {target.device for target in request.targets} - chosen.begun
    chosen.begun.update(new)
    look = partial(batch.last_look, run, chosen, request)
    try:
        return flow.start(request, previewed=previewed, last_look=look)
    except errors.OutcomeUnknown:
        raise
    except errors.TargetError:
        chosen.begun.difference_update(new)
        raise


def _preview(run: Run, flow: InstallFlow, chosen: Batch, request: InstallRequest) -> Sorted:
    """What the install would push, device by device, and whether it may."""
    asking = Asking(
        Marked(run.owner, chosen.written),
        chosen.foreign or run.terms.foreign_changes,
        run.approvals(),
        run.clock,
        run.rest,
        partial(adom_proof.look_at_marks, run),
    )
    return preview(flow, request, asking)


@dataclass(frozen=True, slots=True)
class Asking:
    """Who looks at a preview: what is theirs, how other people's edits are taken, which are let
    through, how they wait, and how they see whose the edits are (None: all are their own)."""

    own: Marked
    policy: ForeignChanges
    approved: Collection[str]
    clock: Clock
    rest: Callable[[float], None]
    marked: Callable[[Marks | None], tuple[Marked, ...]]


def preview(flow: InstallFlow, request: InstallRequest, asking: Asking) -> Sorted:
    """Have it worked out what an install would push, and judge that. Nothing is pushed."""
    started = flow.preview(request)
    patience = Patience(asking.clock)
    while (found := patience.hear(started.poll)) is None:
        asking.rest(patience.pause())
    owners = Owners(asking.own, places=request.targets)
    unknown = [edit for each in found for edit in foreign.by_source(each, owners)[Source.FOREIGN]]
    named = [(key, edit) for edit in unknown if (key := foreign.key_of(edit)) is not None]
    gone = {key for key, edit in named if edit.deletes}
    marks = Marks({key for key, _ in named}, gone, request.targets) if named else None
    if marked := asking.marked(marks):
        copied = next((one.copied for one in marked if one.owner == asking.own.owner), {})
        peers = tuple(one for one in marked if one.owner != asking.own.owner)
        owners = replace(owners, own=replace(owners.own, copied=copied), peers=peers)
    return foreign.judge(found, owners, asking.policy, ref=request.adom, approved=asking.approved)


def _passing(run: Run, chosen: Batch, request: InstallRequest, judged: Sorted) -> InstallRequest:
    """The request with the devices on which the install may go on; the others are told why not."""
    run.report.foreign.update(judged.foreign)
    run.report.peers.update(judged.peers)
    if judged.blocked:
        # At risk until the batch ends: another of their VDOMs may be pushed in it.
        run.note(Blocked(judged.blocked, chosen.devices | chosen.begun, judged.digests))
        run.report.blocked.update(judged.blocked)
        rollout_log.blocked(run, judged.blocked, judged.foreign)
        guard_memory.note_edits(run.work.guard, judged, run.tell)
    nothing = "the preview shows nothing to install"
    odd = _oddly_empty(chosen, judged)
    rollout_log.odd(run, odd)
    for target in request.targets:
        if target.device in judged.empty and target.device not in odd:
            chosen.begun.add(target.device)
            chosen.outcomes[target] = TargetOutcome(target, Outcome.NO_CHANGES, nothing)
    passing = [t for t in request.targets if t.device in odd or t.device in judged.install]
    vouched = adom_proof.still_vouched(run, chosen, passing) if passing else ()
    return replace(request, targets=tuple(t for t in passing if t.device in vouched))


def _oddly_empty(chosen: Batch, judged: Sorted) -> frozenset[str]:
    """Devices whose copy on FortiManager lacks something that the preview does not show.

    It looks like that where the copy fails, and only an install says why.
    """
    return frozenset(
        each.pending.target.device
        for each in chosen.admissions
        if each.pending.target.device in judged.empty
        and PendingReason.DEVICE_DATABASE_BEHIND in each.pending.reasons
    )


def _spend(run: Run, chosen: Batch, judged: Sorted, request: InstallRequest) -> None:
    """What a person has let through goes once; what FortiManager refused may be tried again."""
    pushed = {target.device for target in request.targets} & chosen.begun
    if used := [digest for device, digest in judged.let_through.items() if device in pushed]:
        run.work.guard.memory.spend(used)


def _watch(run: Run, flow: InstallFlow, task: InstallTask) -> TaskView:
    """Poll to the end. When it is time to stop, cancel what has not begun anywhere; the rest is
    watched on, since a device must not be left half configured."""
    stopped, patience = False, Patience(run.clock)
    while True:
        run.rest(patience.pause())
        if not stopped and _is_stopped(run):
            stopped = True
            view = patience.hear(partial(flow.cancel, task))
            if view is None or not view.final:
                run.tell(
                    f"stopping: task {task.task_id} pushes to devices and is watched to its end"
                )
        else:
            view = patience.hear(partial(flow.poll, task))
        if view is not None and view.final:
            return view


def _is_stopped(run: Run) -> bool:
    """Whether to stop, as far as is known: what cannot be asked is no reason to leave a task."""
    try:
        return run.is_stopped()
    except errors.StateError as trouble:
        _log.info("watching on: whether to stop is not known", why=str(trouble))
        return run.installing.stopping()


@dataclass(slots=True)
class Patience:
    """A unit that does not answer for a while does not end the watch over a task of ours.

    Leaving would give the lock back, and with it fail the install that is under way.
    """

    clock: Clock
    silent_since: float | None = None
    pause_s: float = FIRST_POLL_S / 4

    def pause(self) -> float:
        """Until the next look: short at first, since small installs end at once; then longer, to
        spare the unit, above all one that does not answer."""
        most = POLL_S if self.silent_since is None else SILENT_POLL_S
        self.pause_s = min(self.pause_s * 4, most)
        return self.pause_s

    def hear(self, ask: Callable[[], Answer]) -> Answer | None:
        """What is answered; None while nothing can be heard, for so long as that is borne."""
        try:
            answer = ask()
        except errors.Deposed:
            raise
        except errors.TargetError as trouble:
            now = self.clock.steady()
            since = self.silent_since = now if self.silent_since is None else self.silent_since
            untrusted = isinstance(trouble, errors.UntrustedCertificate)
            if not (trouble.retryable or untrusted) or now - since > BORNE_S:
                trouble.silent_s = now - since
                raise
            if untrusted and now == since:  # somebody has to do something before that time is up
                _log.warning("watching on: a task goes on unseen", why=str(trouble))
            else:
                _log.info("watching on: no answer about a task", why=str(trouble))
            return None
        self.silent_since = None
        return answer
