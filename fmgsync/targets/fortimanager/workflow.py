"""Workflow mode: our changes become a session that a human approves. We never approve.

Lock, start, change, save, submit, unlock; then wait. A submitted session takes no more changes, so
while one of ours waits nothing is written ("How to FortiManager API", 013).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.model import naming
from fmgsync.model.adom import Workspace
from fmgsync.model.change import Submission
from fmgsync.targets import wire
from fmgsync.targets.fortimanager import answers, reads, tables, urls, workspace
from fmgsync.targets.fortimanager.answers import Place, Result
from fmgsync.targets.fortimanager.reads import Read
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.hooks import Look, nothing
from fmgsync.targets.wire import Row

_log = structlog.get_logger()

_OPEN, _SUBMITTED, _APPROVED = 1, 2, 3
_QUIET_S = 3600.0
_WANTS = re.compile(r"asked for ([0-9a-f]{16})")
_WESTERNMOST = timedelta(hours=12)


class Edit(Protocol):
    """What writing in an ADOM ends with."""

    def commit(self) -> int | None:
        """Finish; the workflow session that now waits for approval, None if nothing waits."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A workflow session as the unit lists it."""

    number: int
    user: str
    state: int
    submitted_at: float | None
    name: str = ""
    note: str = ""


class WorkflowEdit:
    """An open workflow session under our lock."""

    def __init__(
        self,
        session: Session,
        place: Place,
        lock: workspace.Lock,
        number: int,
        note: str,
        *,
        fresh: bool,
    ) -> None:
        self._fresh = fresh
        self._session = session
        self._place = place
        self._lock = lock
        self._number = number
        self._note = note
        self.submitted = False

    def commit(self) -> int | None:
        """Save and submit; answers the session's number."""
        self._lock.prove()
        try:
            saved = self._exec("save")
        except errors.OutcomeUnknown:
            saved = self._exec("save")  # saving twice is saving once
        answers.checked(saved, self._place)
        try:
            answers.checked(self._exec("submit", self._request()), self._place)
        except errors.OutcomeUnknown:
            if self._state() == _OPEN:
                answers.checked(self._exec("submit", self._request()), self._place)
        state = self._state()
        if state not in (_SUBMITTED, _APPROVED):
            raise errors.UnitBusy(
                f"workflow session {self._number} was not submitted (state {state})",
                fortimanager=self._place.fortimanager,
                adom=self._place.adom,
                next_step="the next pass starts over",
            )
        self.submitted = True
        _log.info("submitted for approval", adom=self._place.adom, workflow=self._number)
        return self._number

    def withdraw(self) -> None:
        """Remove what was not submitted; never raises.

        "How to FortiManager API" (013) lists `drop` among the verbs of approvers: who is refused it
        leaves an empty session behind, which is taken up the next time.
        """
        undo = ("drop", "discard") if self._fresh else ("discard",)
        try:
            if any(self._exec(verb).ok for verb in undo):
                return
            why = "the administrator may not drop it"
        except errors.TargetError as error:
            why = error.message
        _log.warning("workflow session stays open", adom=self._place.adom, error=why)

    def _request(self) -> Row:
        host, _ = self._session.access.address
        return {"workflow": {"desc": self._note, "fmgip": host, "no_diff": 0}}

    def _state(self) -> int | None:
        rows = _read(self._session, self._place)
        return next((row.state for row in rows if row.number == self._number), None)

    def _exec(self, verb: str, members: Row | None = None) -> Result:
        url = urls.workflow(self._place.adom or "", verb, self._number)
        return self._session.call("exec", [{"url": url, **(members or {})}])[0]


@contextmanager
def editing(
    session: Session,
    adom: str,
    mode: Workspace,
    *,
    owner: str,
    clock: Clock,
    wait_s: float,
    note: str,
    after_wait: Look = nothing,
) -> Iterator[Edit]:
    """Hold what writing needs: nothing, the lock, or the lock and a workflow session."""
    with workspace.holding(
        session, adom, mode, clock=clock, wait_s=wait_s, after_wait=after_wait
    ) as lock:
        if isinstance(lock, workspace.NoLock) or mode is not Workspace.WORKFLOW:
            yield lock
            return
        place = Place(session.access.name, adom)
        number, fresh = _start(session, place, owner)
        edit = WorkflowEdit(session, place, lock, number, note, fresh=fresh)
        try:
            yield edit
        finally:
            if not edit.submitted:
                edit.withdraw()


def awaiting(session: Session, adom: str, mode: Workspace, *, now: float) -> Submission | None:
    """Our session that a human still has to decide on, if there is one."""
    return reads.run(session, reading(session, adom, mode, now=now))


def reading(session: Session, adom: str, mode: Workspace, *, now: float) -> Read[Submission | None]:
    """The same, to be read together with something else.

    One that was not approved within the last hour counts as well: whoever rejected it should not
    find the same changes submitted again a minute later.
    """
    if mode is not Workspace.WORKFLOW:
        return None
    user = session.user()
    rows = yield from _reading(Place(session.access.name, adom))
    own = [row for row in rows if row.user == user]
    for row in own:
        if row.state == _SUBMITTED:
            return Submission(row.number, wants=_wants(row))
    newest = max(own, key=lambda row: row.number, default=None)
    if newest is None or newest.state in (_OPEN, _APPROVED) or newest.submitted_at is None:
        return None
    recent = now - newest.submitted_at < _QUIET_S
    if not recent:
        return None
    return Submission(newest.number, turned_down=True, wants=_wants(newest))


def note_of(owner: str, changes: int, wants: str) -> str:
    """What approvers read, and what tells us later what the rules asked for."""
    asked_for = f", asked for {wants}" if wants else ""
    return f"fmgsync ({owner}): {changes} changes{asked_for}"


def _wants(row: _Row) -> str:
    found = _WANTS.search(row.note)
    return found[1] if found else ""


def _start(session: Session, place: Place, owner: str) -> tuple[int, bool]:
    """A session to write in, and whether it is a new one.

    One that a killed process of ours left open bears our name: nobody works in it, since we have
    the lock, so it is emptied and taken up. Dropping it would drop the sessions after it as well.
    Any other that is open is somebody's who uses this account.
    """
    user, name = session.user(), naming.older_mark(owner)
    left = [r for r in _read(session, place) if r.user == user and r.state == _OPEN]
    if left and all(row.name == name for row in left):
        number = left[0].number
        for url in (
            urls.workflow(place.adom or "", "start", number),
            urls.workflow(place.adom or "", "discard", number),
        ):
            answers.checked(session.call("exec", [{"url": url}])[0], place)
        _log.info("our left-over workflow session taken up", adom=place.adom, workflow=number)
        return number, False
    if left:
        raise errors.LockHeld(
            f"workflow session {left[0].number} of administrator {user!r} is open",
            fortimanager=place.fortimanager,
            adom=place.adom,
            next_step="it belongs to somebody who uses this account, or was left by an fmgsync"
            " that was killed: submit or drop it on the FortiManager",
        )
    param: Row = {"url": urls.workflow(place.adom or "", "start")}
    named = {**param, "workflow": {"name": name}}
    try:
        result = session.call("exec", [named])[0]
    except errors.OutcomeUnknown:
        # None was open before, so one that is open now is ours: starting goes on with it.
        begun = any(row.user == user and row.state == _OPEN for row in _read(session, place))
        result = session.call("exec", [param if begun else named])[0]
    data = answers.checked(result, place)
    found = data.get("sessionid") if isinstance(data, dict) else None
    if not isinstance(found, int):
        raise answers.protocol_error("a workflow session without a number", place)
    return found, True


def _read(session: Session, place: Place) -> list[_Row]:
    return reads.run(session, _reading(place))


def _reading(place: Place) -> Read[list[_Row]]:
    (told,) = yield [{"url": urls.workflow(place.adom or ""), "loadsub": 0}]
    data = answers.checked(told, place)
    return [
        _Row(
            number=_integer(row.get("sessionid")) or 0,
            user=wire.text(row.get("create_user")),
            state=_integer(row.get("state")) or 0,
            submitted_at=latest_instant(row.get("submit_time")),
            name=wire.text(row.get("name")),
            note=wire.text(row.get("desc")),
        )
        for row in tables.decode_rows(data, place)
    ]


def latest_instant(raw: object) -> float | None:
    """A time as the unit tells it, UTC epoch seconds; None for none.

    Captures show epoch seconds and, of older releases, local time without its zone: then it is the
    latest that this can mean, so that nothing is submitted again too soon.
    """
    number = _integer(raw)
    if number is not None:
        return number
    try:
        local = datetime.strptime(str(raw), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (local + _WESTERNMOST).timestamp()


def _integer(raw: object) -> int | None:
    if isinstance(raw, str) and raw.isdigit():
        return int(raw)
    return raw if isinstance(raw, int) else None
