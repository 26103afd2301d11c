"""What became of an install on each device, from the lines of its task."""

from __future__ import annotations

import pytest

from fmgsync.model.rollout import InstallTask, Outcome
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.targets.fortimanager import outcomes
from fmgsync.targets.fortimanager.stall_detector import StallDetector
from fmgsync.targets.fortimanager.tasks import Line, Task

ONE = DeviceVdom("fgt-1", "root")
TWO = DeviceVdom("fgt-2", "dmz")
INSTALL = InstallTask(TargetRef("hq", "prod"), 7, "edge", (ONE, TWO), 0.0)

COPIED = Line("fgt-1(root)[copy]", "root", "done", 100, "Installation to real device done")
INSTALLED = Line("fgt-1", "", "done", 100, "install and save finished status=OK")


def task(*lines: Line, state: str = "done") -> Task:
    return Task(7, state, 100, "Install Package 'edge'", "fmgsync", 0, lines)


def line(name: str, state: str, detail: str = "", percent: int = 50) -> Line:
    return Line(name, "", state, percent, detail)


def judged(seen: Task) -> tuple[Outcome | None, str]:
    outcome = outcomes.judge(seen, INSTALL, StallDetector(900.0), 0.0)[ONE]
    return (outcome.outcome, outcome.detail) if outcome else (None, "")


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        (task(COPIED, INSTALLED), Outcome.DONE),
        # Another device still runs: this one is final all the same.
        (task(COPIED, INSTALLED, line("fgt-2", "running"), state="running"), Outcome.DONE),
        # 100 percent is not success.
        (task(COPIED, line("fgt-1", "error", "status=FAILED", 100), state="error"), Outcome.FAILED),
        (
            task(line("fgt-1(root)[copy]", "error", "no write permission"), state="error"),
            Outcome.FAILED,
        ),
        # A partial failure elsewhere does not make this device fail.
        (task(COPIED, INSTALLED, line("fgt-2", "error"), state="error"), Outcome.DONE),
        (task(line("", "warning", "No installing devices"), state="warning"), Outcome.MISSING),
        (
            task(
                line("", "warning", "no installing devices/no changes on package"), state="warning"
            ),
            Outcome.NO_CHANGES,
        ),
        (task(line("fgt-2", "done")), Outcome.MISSING),
        (task(state="error"), Outcome.FAILED),
        (task(state="cancelled"), Outcome.CANCELLED),
        (task(line("fgt-1", "cancelled", percent=0), state="cancelled"), Outcome.CANCELLED),
        # The copy alone reaches no device.
        (
            task(
                line("fgt-1(root)[copy]", "cancelled", percent=90),
                line("fgt-1", "cancelled", percent=0),
                state="cancelled",
            ),
            Outcome.CANCELLED,
        ),
        # Cancelled in the middle: it may be half configured.
        (
            task(COPIED, line("fgt-1", "cancelled", percent=35), state="cancelled"),
            Outcome.BROKEN_OFF,
        ),
        (
            task(line("fgt-1(root)[copy]", "cancelled"), INSTALLED, state="cancelled"),
            Outcome.BROKEN_OFF,
        ),
        (task(COPIED, line("fgt-1", "running"), state="running"), None),
        # The copy line alone says nothing of the device while the task runs.
        (task(COPIED, state="running"), None),
        (task(line("fgt-1(root)[copy]", "pending"), state="pending"), None),
        (task(state="running"), None),
        # Names that merely begin alike are other devices.
        (task(line("fgt-11", "done"), line("fgt-11(root)[copy]", "done")), Outcome.MISSING),
        (task(line("fgt-1(root2)[copy]", "error"), COPIED, INSTALLED), Outcome.DONE),
    ],
)
def test_lines_become_one_outcome(seen: Task, outcome: Outcome | None) -> None:
    assert judged(seen)[0] is outcome


def test_the_words_of_the_failing_line_are_kept() -> None:
    failed = line("fgt-1", "error", "Initiate install to real device failed due to tunnel down")
    assert judged(task(COPIED, failed, state="error"))[1] == failed.detail


def test_a_device_that_does_not_move_is_frozen_and_a_slow_one_is_not() -> None:
    progress = StallDetector(900.0)

    def at(now: float, percent: int) -> Outcome | None:
        moving = line("fgt-1", "running", percent=percent)
        stuck = line("fgt-2", "running", percent=15)
        found = outcomes.judge(task(moving, stuck, state="running"), INSTALL, progress, now)
        two = found[TWO]
        assert found[ONE] is None
        return two.outcome if two else None

    assert at(0, 10) is None
    assert at(600, 20) is None
    assert at(899, 30) is None
    assert at(900, 40) is Outcome.FROZEN


def test_a_task_that_never_reaches_a_device_is_frozen_there() -> None:
    progress = StallDetector(900.0)
    silent = task(state="running")
    assert outcomes.judge(silent, INSTALL, progress, 0.0)[ONE] is None
    frozen = outcomes.judge(silent, INSTALL, progress, 900.0)[ONE]
    assert frozen is not None
    assert frozen.outcome is Outcome.FROZEN


def test_a_task_stands_still_once_all_that_is_open_in_it_is_frozen() -> None:
    progress = StallDetector(900.0)

    def at(now: float, *open_lines: Line) -> bool:
        return progress.stands_still(task(COPIED, INSTALLED, *open_lines, state="running"), now)

    stuck, moving = line("fgt-2", "running"), line("fgt-3", "running")
    assert not at(0, stuck, moving)
    assert not at(900, stuck, line("fgt-3", "running", percent=80))
    assert at(901, stuck)
    progress.forget_others(())
    assert not at(902, stuck)


def test_a_task_that_names_no_device_stands_still_as_well() -> None:
    progress = StallDetector(900.0)
    assert not progress.stands_still(task(state="running"), 0.0)
    assert progress.stands_still(task(state="running"), 900.0)


GENERIC = "Aborted due to previous error"
CAUSE = "vdom copy error: 30 members, the limit is 20"


@pytest.mark.parametrize(
    ("history", "detail"),
    [
        (("Start copying policy to devdb", CAUSE, "Copy rollbacked, due to error", GENERIC),
         f"{GENERIC}: {CAUSE}"),
        # Nothing there says more.
        (("Start copying policy to devdb", GENERIC), GENERIC),
        ((), GENERIC),
    ],
)  # fmt: skip
def test_a_failed_line_is_told_with_the_sentence_of_its_history(
    history: tuple[str, ...], detail: str
) -> None:
    copy = Line("fgt-1(root)[copy]", "root", "error", 100, GENERIC, history)
    assert judged(task(copy, state="error")) == (Outcome.FAILED, detail)


@pytest.mark.parametrize("name", ["fgt(1)", "fgt (old)", "fgt(root)", "fgt"])
def test_brackets_belong_to_a_devices_name(name: str) -> None:
    """Another device has the name of this one before its bracket."""
    target = DeviceVdom(name, "root")
    lines = [
        Line(f"{name}(root)[copy]", "root", "done", 100, "copied"),
        Line(name, "", "done", 100, "installed"),
        Line("other(1)(root)[copy]", "root", "error", 100, "no"),
        Line("other(1)", "", "error", 100, "no"),
    ]
    wanted = InstallTask(TargetRef("hq", "prod"), 7, "edge", (target,), 0.0)
    found = outcomes.judge(task(*lines, state="error"), wanted, StallDetector(900.0), 0.0)[target]
    assert found is not None
    assert found.outcome is Outcome.DONE
    assert name in lines[0].devices & lines[1].devices
