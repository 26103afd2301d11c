"""FortiManager's tasks: what runs asynchronously and how each of its lines stands.

100 percent is not success and code 0 of the call that started a task only means "queued": every
failure shows in the lines ("How to FortiManager API", 001 and 017).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.targets import wire
from fmgsync.targets.fortimanager import answers, reads, tables, urls
from fmgsync.targets.fortimanager.answers import Place, Result
from fmgsync.targets.fortimanager.reads import Read
from fmgsync.targets.fortimanager.session import Param, Session
from fmgsync.targets.wire import Row

_STATES = (
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
)
_HISTORY = 100
_JUST_NOW_S = 2.0
"""So long what was read along counts: only the ledger is written between that and the call."""
_DATED = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}: ?")
_SUMMARY = re.compile(r"due to (previous )?error", re.IGNORECASE)
_TROUBLE = re.compile(
    r"error|fail|not |denied|limit|exceed|invalid|undefined|refus|unable|cannot", re.IGNORECASE
)
_WHOLE_LIST = 2000
_STAGE = re.compile(r"(?<=\))\[[^\[\]]*\]$|\[copy\]$")
_UNFINISHED = frozenset({"pending", "running", "cancelling", "aborting", "to_continue"})
_FAILED = frozenset({"error", "aborted", "cancelled", "unknown"})


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a task: `name` is a device, `device(vdom)[copy]`, or empty for a remark."""

    name: str
    vdom: str
    state: str
    percent: int
    detail: str
    history: tuple[str, ...] = ()

    @property
    def because(self) -> str:
        """The detail; of a failed line with the sentence of its history that says why.

        A copy that fails ends with "Aborted due to previous error", and only the history says which
        ("How to FortiManager API", 017).
        """
        if not self.failed:
            return self.detail
        for step in reversed(self.history):
            if step != self.detail and not _SUMMARY.search(step) and _TROUBLE.search(step):
                return f"{self.detail}: {step}" if self.detail else step
        return self.detail or self.state

    @property
    def finished(self) -> bool:
        """Whether this line can change no more."""
        return self.state not in _UNFINISHED

    @property
    def failed(self) -> bool:
        """Whether it ended without success."""
        return self.state in _FAILED

    @property
    def devices(self) -> frozenset[str]:
        """The device a line is about: as it is named, or before the VDOM in brackets.

        A device's own name may have brackets as well; only who knows the devices can tell.
        """
        inner = {bare.rpartition("(")[0] for bare in self.subjects if bare.endswith(")")}
        return frozenset(name for name in (*self.subjects, *inner) if name)

    @property
    def subjects(self) -> frozenset[str]:
        """Its name as it is, and without a stage at its end (`[copy]`)."""
        stage = _STAGE.search(self.name)
        return frozenset((self.name, self.name[: stage.start()] if stage else self.name))


@dataclass(frozen=True, slots=True)
class Task:
    """One poll of a task. `started_at` is UTC epoch seconds by the unit's clock."""

    task_id: int
    state: str
    percent: int
    title: str
    user: str
    started_at: float
    lines: tuple[Line, ...]
    adom: int = 0

    @property
    def finished(self) -> bool:
        """Whether the task can change no more."""
        return self.state not in _UNFINISHED

    @property
    def is_install(self) -> bool:
        """Whether it installs something, going by its title."""
        return "install" in self.title.lower()


def read(session: Session, task_id: int, place: Place) -> Task:
    """Poll once."""
    data = session.read({"url": urls.task(task_id)}, place=place)
    rows = tables.decode_rows(data, place)
    if len(rows) != 1:
        raise answers.protocol_error(f"task {task_id} is not one task", place)
    return _decode(rows[0], task_id)


def read_recent(session: Session, place: Place, *, count: int = 50) -> Sequence[Task]:
    """The newest tasks first, without their lines."""
    return recent_of(session.call("get", [recent(count)])[0], place)


def recent(count: int = 50) -> Param:
    """What to ask for the newest tasks."""
    return {"url": urls.TASKS, "loadsub": 0, "sortings": [{"id": -1}], "range": [0, count]}


def recent_of(answered: answers.Result, place: Place) -> Sequence[Task]:
    """The newest tasks first, without their lines."""
    rows = tables.decode_rows(answers.checked(answered, place), place)
    decoded = (_decode(row, _integer(row.get("id"))) for row in rows)
    return sorted(decoded, key=lambda task: task.task_id, reverse=True)


class Provable(Protocol):
    """A lock that may have to be proven before anything begins."""

    @property
    def questions(self) -> Sequence[Param]:
        """What to ask for it."""

    def check(self, told: Sequence[Result]) -> None:
        """Raise LockLost unless that was answered as it should be."""


class RecentTasks:
    """What must be known right before anything begins: the newest tasks, and that the lock is ours.

    May be read along with something else; that counts as long as nothing else was asked since, and
    not for long.
    """

    def __init__(self, session: Session, place: Place, lock: Provable, clock: Clock) -> None:
        self._session = session
        self._place = place
        self._lock = lock
        self._clock = clock
        self._answered: Sequence[Result] = ()
        self._requests = -1
        self._at = 0.0

    def reading(self) -> Read[None]:
        """To be read along."""
        self._answered = yield [*self._lock.questions, recent()]
        self._requests, self._at = self._session.requests, self._clock.steady()

    def told(self) -> Sequence[Task]:
        """The newest tasks, as told just now or asked again; raises LockLost without the lock this
        ADOM needs."""
        is_last = self._requests == self._session.requests
        if not (is_last and self._clock.steady() - self._at < _JUST_NOW_S):
            reads.run(self._session, self.reading())
        *proof, listed = self._answered
        self._lock.check(proof)
        return recent_of(listed, self._place)


def read_installs(session: Session, place: Place, *, adom: int, after: int) -> tuple[Task, ...]:
    """Installs of one ADOM (by its oid) that were started after task number `after`."""
    return tuple(
        read(session, task.task_id, place)
        for task in read_recent(session, place, count=_HISTORY)
        if task.task_id > after and task.is_install and task.adom in (0, adom)
    )


def own_installs(session: Session, place: Place, *, adom: int) -> dict[int, bool]:
    """The installs of this ADOM by our administrator that the task list knows: whether each has
    ended."""
    user = session.access.username
    return {
        task.task_id: task.finished
        for task in read_recent(session, place, count=_WHOLE_LIST)
        if task.is_install and task.adom in (0, adom) and user in (None, task.user)
    }


def wait(
    session: Session, task_id: int, place: Place, *, clock: Clock, limit_s: float = 120.0
) -> Task:
    """Poll a short task to its end."""
    ends_at = clock.steady() + limit_s
    while True:
        task = read(session, task_id, place)
        if task.finished:
            return task
        if clock.steady() >= ends_at:
            raise errors.UnitBusy(
                f"task {task_id} did not end within {limit_s:g} s",
                fortimanager=place.fortimanager,
                adom=place.adom,
                next_step="look at the task monitor of the FortiManager",
            )
        clock.sleep(0.5)


def _decode(row: Row, task_id: int) -> Task:
    shared = row.get("history") or []
    return Task(
        task_id=task_id,
        state=_state(row.get("state")),
        percent=_integer(row.get("percent")),
        title=wire.printable(wire.text(row.get("title"))),
        user=wire.text(row.get("user")),
        started_at=_integer(row.get("start_tm")),
        adom=_integer(row.get("adom")),
        lines=tuple(
            Line(
                name=wire.text(line.get("name")),
                vdom=wire.text(line.get("vdom")),
                state=_state(line.get("state")),
                percent=_integer(line.get("percent")),
                detail=wire.printable(wire.text(line.get("detail"))),
                history=tuple(
                    wire.printable(_DATED.sub("", wire.text(step.get("detail"))))
                    for step in line.get("history") or _of_line(shared, line)
                ),
            )
            for line in row.get("line") or []
        ),
    )


def _of_line(history: Iterable[Row], line: Row) -> list[Row]:
    """Older builds keep one history for the whole task."""
    return [step for step in history if step.get("name") == line.get("name")]


def _state(raw: object) -> str:
    if isinstance(raw, int) and 0 <= raw < len(_STATES):
        return _STATES[raw]
    return raw if isinstance(raw, str) else "unknown"


def _integer(raw: object) -> int:
    if isinstance(raw, str) and raw.isdigit():
        return int(raw)
    return raw if isinstance(raw, int) else 0
