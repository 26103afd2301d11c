"""What an install would push, asked before it is pushed: preview, read, then commit or drop.

A preview-flagged install fills a cache that belongs to the session and the ADOM; a second call
renders it, a third reads the text; `package/commit` pushes exactly what is in the cache, to as many
of the devices as are named ("How to FortiManager API", 008). Under a workspace lock nobody edits in
between. Without one somebody may, and whether the commit copies the ADOM anew or pushes what was
worked out is published nowhere: so an edit may ride along unseen, and whoever commits looks
afterwards whether the ADOM was edited meanwhile. With a release before 7.4.4 text is rendered
device by device.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import structlog

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.model.preview import DevicePreview
from fmgsync.model.rollout import InstallRequest
from fmgsync.model.target import DeviceVdom
from fmgsync.targets import taken_over, wire
from fmgsync.targets.fortimanager import answers, clitext, tasks, unit_version, urls
from fmgsync.targets.fortimanager.answers import Place
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.taken_over import Names

_log = structlog.get_logger()

_SCOPES_SINCE = (7, 4, 4)
_MAX_COMMENT = 255
_NO_CHANGES = "no changes"

Answer = TypeVar("Answer")
_Steps = Generator[errors.TargetError | None, None, Answer]
"""A yield wherever a task has not ended, or an answer was none."""


class Preview:
    """One preview under way: `poll` until it has an answer. Belongs to the flow's session.

    `limit_s`: a preview that has not ended by then is given up; some releases leave the preview of
    an odd device standing for ever.
    """

    def __init__(
        self,
        session: Session,
        place: Place,
        request: InstallRequest,
        task_id: int,
        *,
        clock: Clock,
        limit_s: float,
        names: Callable[[], Names] = lambda: taken_over.NONE,
    ) -> None:
        self._session = session
        self._place = place
        self._request = request
        self._running = task_id
        self._clock = clock
        self._gives_up_at = clock.steady() + limit_s
        self._wanted = _devices(request.targets)
        self._names = names
        self._problems: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._found: tuple[DevicePreview, ...] | None = None
        self._steps = self._run()

    def poll(self) -> tuple[DevicePreview, ...] | None:
        """One look, or one step further; None while it is under way. One entry per device.

        What goes wrong is raised, and asked again at the next look.
        """
        if self._found is None and (trouble := next(self._steps, None)) is not None:
            raise trouble
        return None if self._found is None else taken_over.previewed(self._found, self._names())

    @property
    def newest_task(self) -> int:
        """The number of the last task this preview has needed so far."""
        return self._running

    def _run(self) -> _Steps[None]:
        """The steps, with a yield wherever a task has not ended."""
        task = yield from self._end_of_task()
        if task is None:
            self._problems = dict.fromkeys(self._wanted, "the preview did not end in time")
        else:
            self._note_failures(task)
            if not self._problems and _says_no_changes(task):
                self._texts = dict.fromkeys(self._wanted, "")
            else:
                yield from self._render()
        self._found = tuple(self._judge(device) for device in self._wanted)

    def _render(self) -> _Steps[None]:
        """Have the cached install written as text and read it."""
        version = yield from _asked(lambda: unit_version.read_version(self._session))
        together = version is None or version >= _SCOPES_SINCE
        targets = [t for t in self._request.targets if t.device not in self._problems]
        adom = self._request.adom.domain
        for scope in _scopes(targets, together=together):
            data = _render_data(adom, scope, together=together)
            self._running = yield from _asked(partial(self._rendering, data))
            if (yield from self._end_of_task()) is None:
                self._problems.update(dict.fromkeys(_devices(scope), "no text in time"))
            else:
                data = _result_data(adom, scope, together=together)
                yield from _asked(partial(self._read, scope, data))

    def _rendering(self, data: dict[str, Any]) -> int:
        """The task that writes the text; to have it written twice does no harm."""
        result = self._session.query("exec", [{"url": urls.INSTALL_PREVIEW, "data": data}])[0]
        return task_id_of(answers.checked(result, self._place), self._place)

    def _end_of_task(self) -> _Steps[tasks.Task | None]:
        """Wait for the running task; None when time is up, and then it is removed."""
        while True:
            task = yield from _asked(self._task)
            if task.finished:
                return task
            if self._clock.steady() >= self._gives_up_at:
                _log.warning("preview given up", adom=self._place.adom, task=self._running)
                self._session.call("delete", [{"url": urls.task(self._running)}])
                return None
            yield None

    def _task(self) -> tasks.Task:
        return tasks.read(self._session, self._running, self._place)

    def _note_failures(self, task: tasks.Task) -> None:
        for line in task.lines:
            for device in line.devices.intersection(self._wanted) if line.failed else ():
                self._problems[device] = line.because

    def _read(self, scope: Sequence[DeviceVdom], data: dict[str, Any]) -> None:
        """The text per device; a refusal counts for the devices it was asked for. An answer without
        a text is none: only an empty one says that nothing would be pushed."""
        result = self._session.query("exec", [{"url": urls.PREVIEW_RESULT, "data": data}])[0]
        if not result.ok:
            message = answers.error_for(result, self._place).message
            self._problems.update(dict.fromkeys(_devices(scope), message))
            return
        text = result.data.get("message") if isinstance(result.data, dict) else None
        if isinstance(text, str):
            self._texts.update(_split(text, _devices(scope)))

    def _judge(self, device: str) -> DevicePreview:
        if device in self._problems:
            return DevicePreview(device, problem=self._problems[device])
        if device not in self._texts:
            return DevicePreview(device, problem="FortiManager showed nothing for this device")
        return DevicePreview(device, clitext.parse(self._texts[device]))


def _asked(ask: Callable[[], Answer]) -> _Steps[Answer]:
    """What is answered. Trouble is handed to whoever polls: raised in here it would end the steps,
    and who polls on would wait for ever, with the lock in hand."""
    while True:
        try:
            return ask()
        except errors.TargetError as trouble:
            yield trouble


def _says_no_changes(task: tasks.Task) -> bool:
    """Whether it says so and nothing else: one device's line tells nothing of the others."""
    return bool(task.lines) and all(_NO_CHANGES in line.detail.lower() for line in task.lines)


def install_data(request: InstallRequest, owner: str, *, flag: str) -> dict[str, Any]:
    """What `install/package` is told, `preview` being one of its flags."""
    comment = request.comment or f"fmgsync ({owner})"
    return {
        "adom": request.adom.domain,
        "pkg": request.package,
        "scope": scope_of(request.targets),
        "flags": [flag],
        "dev_rev_comments": wire.printable(comment)[:_MAX_COMMENT],
    }


def commit_data(request: InstallRequest) -> dict[str, Any]:
    """What `package/commit` is told: push the cached install to these targets only."""
    return {"adom": request.adom.domain, "scope": scope_of(request.targets)}


def scope_of(targets: Sequence[DeviceVdom]) -> list[dict[str, str]]:
    """A device is named with its VDOM: a name alone would be a device group."""
    return [{"name": target.device, "vdom": target.vdom} for target in targets]


def task_id_of(data: object, place: Place) -> int:
    """The task an exec was answered with."""
    task_id = data.get("task") if isinstance(data, dict) else None
    if not isinstance(task_id, int):
        raise answers.protocol_error("an answer without a task", place)
    return task_id


def _devices(targets: Iterable[DeviceVdom]) -> list[str]:
    return sorted({target.device for target in targets})


def _scopes(targets: Sequence[DeviceVdom], *, together: bool) -> list[Sequence[DeviceVdom]]:
    """All targets at once, or device by device as releases before 7.4.4 want it."""
    if together:
        return [targets] if targets else []
    return [[t for t in targets if t.device == device] for device in _devices(targets)]


def _render_data(adom: str, scope: Sequence[DeviceVdom], *, together: bool) -> dict[str, Any]:
    if together:
        return {"adom": adom, "flags": ["none"], "scope": scope_of(scope)}
    vdoms = sorted({target.vdom for target in scope})
    return {"adom": adom, "flags": ["none"], "device": scope[0].device, "vdoms": vdoms}


def _result_data(adom: str, scope: Sequence[DeviceVdom], *, together: bool) -> dict[str, Any]:
    if together:
        return {"adom": adom, "scope": scope_of(scope)}
    return {"adom": adom, "device": scope[0].device}


def _split(text: str, devices: Sequence[str]) -> dict[str, str]:
    """CLI text per device: the text itself for one device, JSON with a row each for several. What
    several rows say of one device counts together."""
    if not text.lstrip().startswith("["):
        return {devices[0]: text} if len(devices) == 1 else {}
    try:
        rows = wire.decoded(text)
    except (ValueError, RecursionError):
        return {}
    found: dict[str, str] = {}
    for row in rows:
        if isinstance(row, dict) and isinstance(shown := row.get("result"), str):
            name = wire.text(row.get("name"))
            found[name] = f"{found[name]}\n{shown}" if name in found else shown
    return found
