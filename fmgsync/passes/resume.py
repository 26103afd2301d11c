"""What a run that was killed, or a broken connection, has left behind: found, waited for, judged.

FortiManager's tasks outlive whoever started them. The ledger says which devices are at risk and
which tasks may have been started for them; the task list and the devices say the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fmgsync.assessing import four
from fmgsync.model.address import Address
from fmgsync.model.rollout import SeenTask, Verdict
from fmgsync.model.state import ObjectKey
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import of_key
from fmgsync.passes import batch
from fmgsync.passes.batch_install import POLL_S
from fmgsync.passes.device_proof import Expected, Proof
from fmgsync.passes.run import Run
from fmgsync.scheduling.machine import Settled, Withdrawn
from fmgsync.scheduling.rollout_record import RolloutRecord
from fmgsync.targets.protocol import Copies, Question

_UNTOLD = "the task does not say why"


def settle(run: Run) -> bool:
    """Wait for tasks that still run for us, then find out what became of every open device.

    False if there was none.
    """
    record = run.book.record
    devices = record.running_on(run.own) if record is not None else []
    if record is None or not devices:
        return False
    found: tuple[SeenTask, ...] | None = ()
    if record.after is not None:
        found = _ended_tasks(run, record.after)
    if found is None:
        return False  # the ledger keeps them at risk, and the next run looks again
    failed: dict[str, str] = {}
    touched: set[str] = set()
    for task in found:
        touched |= task.devices
        failed.update({d: why or _UNTOLD for d, why in task.failed.items() if d in devices})
    of_these = (view for view in run.survey.views if view.target.device in devices)
    # Those that a policy brings our groups to.
    targets = [view.target for view in of_these if four.asked_for(view)]
    if run.work.delivery is None:
        # What was looked at is the device itself: where something is left to write it is pending.
        left = {each.target for each in run.pending}
        targets = [target for target in targets if target not in left]
    narrowed = [t for t in targets if _was_urgent(record, t.device)]
    wanted = _pushed(run, [t for t in targets if t.device in touched])
    proofs = batch.prove(run, targets, at_most=narrowed)
    wrong = {t.device: p for t, p in proofs.items() if p.verdict is not Verdict.VERIFIED}
    # A lock or session that was lost fails a task, not a device that holds what it should.
    cured = {t.device for t, p in proofs.items() if p.held is not None} - wrong.keys()
    failed = {device: why for device, why in failed.items() if device not in cured}
    verified = {t.device for t in proofs} - wrong.keys() - failed.keys()
    started = {t.device for task in record.tasks for t in task.targets}
    arrived = {t.device for t, pushed in wanted.items() if _holds(proofs.get(t), pushed)}
    for device, proof in wrong.items():
        # What was pushed has arrived, and is not what the rules ask for by now: pending as before.
        if device in (touched | started) - arrived:
            failed.setdefault(device, f"{proof.verdict}: {proof.because}")
    # Where we took the lock away from under the install, it is tried again.
    given_up = {d: why for d, why in failed.items() if d in set(devices) - record.let_go}
    # First, so that nothing is left open when the tasks are forgotten.
    untold = frozenset(set(devices) - verified - given_up.keys())
    run.note(Withdrawn(untold, frozenset(touched | started)))
    run.note(Settled(frozenset(verified), given_up))
    run.report.failures.update(given_up)
    run.installing.audit.record(
        "resumed after a break",
        **run.work.ref.named,
        tasks=[task.task_id for task in found],
        verified=sorted(verified),
        failed=failed,
    )
    return True


def _pushed(run: Run, targets: Sequence[DeviceVdom]) -> Expected:
    """What the ended tasks brought these DeviceVdoms, if they brought it.

    The copy stage puts into the device database what is pushed next, so a device that agrees with
    it has got everything. The ADOM may hold newer members by now: those are the next install's.
    """
    if not targets or run.work.delivery is None:
        return {}
    adom = batch.expected_on(run, targets)
    names = sorted({name for groups in adom.values() for _, name in groups})
    databases = run.work.target.look(Question(copies=Copies(targets, names))).copies()
    found: dict[DeviceVdom, dict[ObjectKey, frozenset[Address]]] = {}
    for target, groups in adom.items():
        database = (databases[target].groups if target in databases else None) or {}
        found[target] = {
            key: should if (copied := of_key(database, key)) is None else copied
            for key, should in groups.items()
        }
    return found


def _holds(proof: Proof | None, pushed: Mapping[ObjectKey, frozenset[Address]]) -> bool:
    held = proof.held if proof is not None else None
    return held is not None and all(of_key(held, key) == was for key, was in pushed.items())


def _was_urgent(record: RolloutRecord, device: str) -> bool:
    """Whether the open attempt was one that adds nothing: then less than the ADOM is right."""
    at = record.urgent_at.get(device)
    return any(a.device == device and a.started_at == at for a in record.ledger.running)


def _ended_tasks(run: Run, after: int) -> tuple[SeenTask, ...] | None:
    """Our install tasks since then, once none of them is waited for any more; None if it is time
    to stop before that."""
    told, delivery = False, run.work.delivery
    while delivery is not None:
        ours = tuple(task for task in delivery.find_installs(after) if task.ours)
        running = [task for task in ours if not task.over]
        if not running:
            return ours
        if run.installing.stopping():
            return None
        if not told:
            told = True
            numbers = ", ".join(str(task.task_id) for task in running)
            run.tell(f"waiting for install task {numbers} of an earlier run")
        if not run.installing.patient:
            run.report.come_back(run.clock.now() + POLL_S)
            return None
        run.rest(POLL_S)
    return ()


def forget(run: Run) -> None:
    """Units that were taken out of a fleet while they were at risk are nobody's any more: no pass
    would ever judge them, and they would be in the way of all others."""
    fleet, record = run.work.fleet.fleet, run.book.record
    if record is None or fleet.is_alone:
        return
    run.note(Withdrawn(frozenset(record.running_on(None)) - fleet.devices))


def forgive(run: Run) -> None:
    """A device given up before that holds the right members by now is at risk no more."""
    ledger = run.book.ledger
    if ledger is None or not ledger.failed:
        return
    right: dict[str, bool] = {}
    for view in run.survey.views:
        if asked := four.asked_for(view):
            fine = all(group.is_as_written for group in asked)
            right[view.target.device] = right.get(view.target.device, True) and fine
    cured = {attempt.device for attempt in ledger.failed if right.get(attempt.device)}
    if cured:
        run.note(Settled(frozenset(cured), {}))
