"""Reading, listing and deleting tasks; deleting one that runs cancels it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fmgsync.simulator.calls.plain import answer_row, answer_table, choose
from fmgsync.simulator.calls.reading import wants_subtables
from fmgsync.simulator.codes import Refusal, absent, bad_data, bad_url
from fmgsync.simulator.state.tasks import STATES, Task, show_history, show_line, show_task
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

_WORDS = {"state": {word: number for number, word in enumerate(STATES)}}


def _task(world: World, number: str) -> Task:
    if not number.isdecimal() or len(number) > 12:
        raise bad_url()
    return world.tasks.get(int(number))


def _index(text: str, length: int) -> int:
    if not text.isdecimal() or len(text) > 9 or int(text) >= length:
        raise absent()
    return int(text)


def read_tasks(world: World, call: Call) -> Members:
    """The task list."""
    rows = [{**show_task(t, verbose=True, lines=False), "task": t} for t in world.tasks.all()]
    chosen, lines = choose(call, rows, _WORDS), wants_subtables(call)
    shown = []
    for row in chosen:
        row.update(show_task(row.pop("task"), verbose=call.verbose, lines=lines))
        shown.append(row)
    if "count" in call.options():
        return {"data": len(shown)}
    again = replace(call, param=call.param.but(filter=None, sortings=None, range=None))
    return answer_table(again, shown, always=("id",), subtables=("line",))


def read_task(world: World, call: Call, task: str) -> Members:
    """One task with its lines."""
    row = show_task(_task(world, task), verbose=call.verbose, lines=wants_subtables(call))
    return answer_row(call, row, always=("id",), subtables=("line",))


def tell(world: World, call: Call) -> Members:
    """`/sys/task/result`: what came of it.

    Hit counts stand in `data`, with the task's number beside it. What FortiGates answered to a
    proxied request comes without `result`: its members are those of the whole answer. Of other
    tasks only the request is known; the task itself is taken for their result.
    """
    number = call.record().get("taskid")
    if isinstance(number, bool) or not isinstance(number, int | str):
        raise bad_data()
    task = _task(world, str(number))
    if not task.final:
        raise Refusal(-13)
    for kind in ("hitcount", "proxy"):
        if kind in task.details:
            if kind == "proxy":
                call.extra["apart"] = True
            return {"data": task.details[kind], "taskid": task.id}
    return read_task(world, call, str(number))


def read_lines(world: World, call: Call, task: str) -> Members:
    """The lines of a task."""
    rows = [show_line(line, verbose=call.verbose) for line in _task(world, task).lines]
    return answer_table(call, rows, always=("name",), subtables=("history",))


def read_line(world: World, call: Call, task: str, line: str) -> Members:
    """One line."""
    lines = _task(world, task).lines
    return answer_row(call, show_line(lines[_index(line, len(lines))], verbose=call.verbose))


def read_line_history(world: World, call: Call, task: str, line: str) -> Members:
    """The steps of one line."""
    lines = _task(world, task).lines
    return answer_table(call, show_history(lines[_index(line, len(lines))]), always=())


def read_history(world: World, call: Call, task: str) -> Members:
    """The steps of all lines, as older releases keep them at the task."""
    steps: list[dict[str, Any]] = []
    for line in _task(world, task).lines:
        steps.extend(show_history(line))
    return answer_table(call, steps, always=())


def delete(world: World, call: Call, task: str) -> Members:
    """Remove a finished task, cancel a running one."""
    found = _task(world, task)
    if found.final:
        world.tasks.drop(found.id)
    else:
        found.stop("cancelled", call.now)
    return {}


_TASK = "/task/task/{task}"
ROUTES = (
    Route("get", "/task/task", read_tasks),
    Route("get", _TASK, read_task),
    Route("delete", _TASK, delete),
    Route("exec", "/sys/task/result", tell),
    Route("get", _TASK + "/line", read_lines),
    Route("get", _TASK + "/history", read_history),
    Route("get", _TASK + "/line/{line}", read_line),
    Route("get", _TASK + "/line/{line}/history", read_line_history),
)
