"""From the lines of an install task to one outcome per device.

An install of one device has two lines: `FGT(root)[copy]` brings the ADOM's objects into the device
database, `FGT` brings those to the FortiGate. Several VDOMs of a device have a copy line each and
share the second ("How to FortiManager API", 001).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from fmgsync.model.rollout import InstallTask, Outcome, TargetOutcome
from fmgsync.model.target import DeviceVdom
from fmgsync.targets.fortimanager.stall_detector import StallDetector
from fmgsync.targets.fortimanager.tasks import Line, Task

_FAILED = frozenset({"error", "aborted", "unknown"})
_NOT_INSTALLING = "no installing devices"
_NO_CHANGES = "no changes"


def judge(
    task: Task, install: InstallTask, progress: StallDetector, now: float
) -> Mapping[DeviceVdom, TargetOutcome | None]:
    """The outcome on each target; None while it may still change."""
    by_name: defaultdict[str, list[Line]] = defaultdict(list)
    for line in task.lines:
        for name in line.subjects:
            by_name[name].append(line)
    return {
        target: _judge_one(
            task,
            tuple(by_name.get(f"{target.device}({target.vdom})", ())),
            tuple(by_name.get(target.device, ())),
            target,
            progress,
            now,
        )
        for target in install.targets
    }


def _judge_one(
    task: Task,
    copy: tuple[Line, ...],
    device: tuple[Line, ...],
    target: DeviceVdom,
    progress: StallDetector,
    now: float,
) -> TargetOutcome | None:
    """From the copy lines of this DeviceVdom and the lines of its device."""
    lines = (*copy, *device)
    failed = [line for line in lines if line.state in _FAILED]
    if failed:
        # Both lines tell of one failure; the device's own words say more than the summary.
        return _outcome(target, Outcome.FAILED, failed[-1])
    cancelled = [line for line in lines if line.state == "cancelled"]
    if cancelled:
        return _judge_cancelled(target, cancelled, device)
    if task.finished:
        return _judge_finished(task, target, lines)
    if lines and device and all(line.finished for line in lines):
        return _outcome(target, Outcome.DONE, device[-1])
    if progress.is_frozen(task.task_id, str(target), lines, now):
        if lines:
            return _outcome(target, Outcome.FROZEN, lines[-1])
        return TargetOutcome(target, Outcome.FROZEN, "the task has not reached this device", 0)
    return None


def _judge_cancelled(
    target: DeviceVdom, cancelled: Sequence[Line], device: Sequence[Line]
) -> TargetOutcome:
    """Somebody cancelled it: nothing happened to a device whose own line had not begun."""
    if any(line.percent > 0 or line.state != "cancelled" for line in device):
        line = device[-1]
        detail = f"cancelled at {line.percent} percent: {line.detail}"
        return TargetOutcome(target, Outcome.BROKEN_OFF, detail, line.percent)
    return _outcome(target, Outcome.CANCELLED, cancelled[-1])


def _judge_finished(task: Task, target: DeviceVdom, lines: tuple[Line, ...]) -> TargetOutcome:
    """A finished task: its lines are all there will ever be."""
    if not lines:
        return _without_lines(task, target)
    unfinished = [line for line in lines if not line.finished]
    if unfinished:
        return _outcome(target, Outcome.FAILED, unfinished[-1])
    quiet = [line for line in lines if _NO_CHANGES in line.detail.lower()]
    return _outcome(target, Outcome.NO_CHANGES if quiet else Outcome.DONE, (quiet or lines)[-1])


def _without_lines(task: Task, target: DeviceVdom) -> TargetOutcome:
    """The remarks of a task that names no device: a warning with no error, and nothing installed.

    `no installing devices/no changes on package` means there was nothing to do; `No installing
    devices` alone, that the device is no installation target.
    """
    remarks = [line for line in task.lines if _NOT_INSTALLING in line.detail.lower()]
    if task.state in ("error", "aborted"):
        detail = next((line.because for line in task.lines if line.state in _FAILED), task.state)
        return TargetOutcome(target, Outcome.FAILED, detail)
    if task.state == "cancelled":
        return TargetOutcome(target, Outcome.CANCELLED, "the task was cancelled", 0)
    if remarks and _NO_CHANGES in remarks[-1].detail.lower():
        return TargetOutcome(target, Outcome.NO_CHANGES, remarks[-1].detail)
    detail = remarks[-1].detail if remarks else "the task ended without a word of this device"
    return TargetOutcome(target, Outcome.MISSING, detail)


def _outcome(target: DeviceVdom, outcome: Outcome, line: Line) -> TargetOutcome:
    return TargetOutcome(target, outcome, line.because, line.percent)
