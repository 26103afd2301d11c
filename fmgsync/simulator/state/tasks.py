"""Tasks: asynchronous jobs with lines. A line's history is written as it happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from fmgsync.simulator.codes import absent

STATES: Final = (
    "pending",
    "running",
    "cancelling",
    "cancelled",
    "done",
    "error",
    "aborting",
    "aborted",
    "warning",
    "to_continue",
    "unknown",
)
FINAL: Final = frozenset(("cancelled", "done", "error", "aborted", "warning"))
KEPT: Final = 2000
"""Finished tasks beyond this number are forgotten, as `task-list-size` does."""


@dataclass(slots=True)
class Line:
    """One row of a task. `at` and friends in epoch seconds."""

    name: str
    oid: int
    ip: str = ""
    vdom: str | None = None
    percent: int = 0
    state: str = "pending"
    detail: str = ""
    start: int = 0
    end: int = 0
    history: list[tuple[int, int, str, str]] = field(default_factory=list)

    def tell(self, at: float, percent: int, detail: str, state: str = "running") -> None:
        """The next step of this line; a finished line says nothing more.

        One that failed is at 100 percent too: clients wait for that, and then read the state.
        """
        if self.state in FINAL:
            return
        percent = 100 if state == "error" else percent
        self.start = self.start or int(at)
        self.percent, self.detail, self.state = percent, detail, state
        self.history.append((int(at), percent, detail, state))
        if state in FINAL:
            self.end = int(at)

    @property
    def failed(self) -> bool:
        """Whether it ended badly."""
        return self.state in ("error", "cancelled", "aborted")


@dataclass(slots=True)
class Task:
    """One job. `cancelled` is asked by the job's own events before they do anything."""

    id: int
    title: str
    src: str
    user: str
    adom: int
    start: int
    lines: list[Line] = field(default_factory=list)
    forced: str | None = None
    end: int = 0
    details: dict[str, Any] = field(default_factory=dict)
    after_end: list[Callable[[float], None]] = field(default_factory=list)
    comments: dict[str, str] = field(default_factory=dict)
    """What an install was told to write beside the revisions it makes."""

    def add(self, line: Line) -> Line:
        """One line more."""
        self.lines.append(line)
        return line

    def end_at_once(self, at: float, detail: str, state: str) -> None:
        """A job that has nothing to do, or fails as a whole: one line tells it."""
        self.add(Line("", 0)).tell(at, 100, detail, state)
        self.settle(at)

    @property
    def state(self) -> str:
        """The task's state, from its lines unless it was cancelled or aborted."""
        if self.forced is not None:
            return self.forced
        states = {line.state for line in self.lines}
        if states - FINAL:
            return "pending" if states == {"pending"} else "running"
        if any(line.failed for line in self.lines):
            return "error"
        return "warning" if "warning" in states else "done"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in FINAL

    def settle(self, at: float) -> None:
        """Note the end once every line has one."""
        if self.final and not self.end:
            self.end = int(at)
            waiting, self.after_end = self.after_end, []
            for begin in waiting:
                begin(at)

    def stop(self, state: str, at: float) -> None:
        """Cancel or abort: unfinished lines stay where they are."""
        if self.final:
            return
        for line in self.lines:
            if line.state not in FINAL:
                line.tell(at, line.percent, line.detail, state)
        self.forced = state
        self.settle(at)

    @property
    def percent(self) -> int:
        """Mean of the lines; 100 once it has ended, however it did."""
        if self.final:
            return 100
        return sum(line.percent for line in self.lines) // max(1, len(self.lines))


class Tasks:
    """The task list."""

    def __init__(self) -> None:
        self._tasks: dict[int, Task] = {}
        self._last = 0

    def open(self, title: str, src: str, user: str, adom: int, now: float) -> Task:
        """A new task, still without lines."""
        self._last += 1
        task = Task(self._last, title, src, user, adom, int(now))
        self._tasks[task.id] = task
        self._forget()
        return task

    def _forget(self) -> None:
        if len(self._tasks) <= KEPT:
            return
        for number, task in list(self._tasks.items()):
            if task.final:
                del self._tasks[number]
                return

    def get(self, number: int) -> Task:
        """The task, or -3."""
        found = self._tasks.get(number)
        if found is None:
            raise absent()
        return found

    def drop(self, number: int) -> None:
        """Take a task off the list."""
        self._tasks.pop(number, None)

    def clear(self) -> None:
        """Forget all tasks, as after a failover."""
        self._tasks.clear()

    def all(self) -> list[Task]:
        """All tasks, oldest first."""
        return list(self._tasks.values())

    def running(self, adom: int) -> list[Task]:
        """Unfinished tasks of an ADOM."""
        return [task for task in self._tasks.values() if task.adom == adom and not task.final]


def show_task(task: Task, *, verbose: bool, lines: bool) -> dict[str, Any]:
    """A task as `/task/task/{id}` answers it."""
    shown: dict[str, Any] = {
        "adom": task.adom,
        "end_tm": task.end,
        "flags": 0,
        "id": task.id,
        "num_done": sum(line.state in ("done", "warning") for line in task.lines),
        "num_err": len({line.oid or line.name for line in task.lines if line.failed}),
        "num_lines": len(task.lines),
        "num_warn": sum(line.state == "warning" for line in task.lines),
        "percent": task.percent,
        "pid": 0 if task.final else 20_000 + task.id,
        "src": task.src,
        "start_tm": task.start,
        "state": _state(task.state, verbose),
        "title": task.title,
        "tot_percent": sum(line.percent for line in task.lines),
        "user": task.user,
    }
    if lines:
        shown["line"] = [show_line(line, verbose=verbose) for line in task.lines]
    return shown


def show_line(line: Line, *, verbose: bool) -> dict[str, Any]:
    """A line with its history."""
    return {
        "detail": line.detail,
        "end_tm": line.end,
        "err": 1 if line.failed else 0,
        "history": show_history(line),
        "ip": line.ip,
        "name": line.name,
        "oid": line.oid,
        "percent": line.percent,
        "poid": 0,
        "start_tm": line.start,
        "state": _state(line.state, verbose),
        "vdom": line.vdom or "",
    }


def show_history(line: Line) -> list[dict[str, Any]]:
    """The steps of a line; states are numbers here in every release."""
    return [
        {
            "detail": f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}:{detail}",
            "name": line.name,
            "percent": percent,
            "state": STATES.index(state),
            "vdom": line.vdom,
        }
        for at, percent, detail, state in line.history
    ]


def _state(state: str, verbose: bool) -> str | int:
    return state if verbose else STATES.index(state)
