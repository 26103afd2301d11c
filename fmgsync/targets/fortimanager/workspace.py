"""The workspace lock of an ADOM: take it, prove that it is ours, commit, give it back.

A lock belongs to a session, not to an administrator: another session of the same administrator is
refused like anybody else, and `commit` and `unlock` answer "OK" to sessions that hold nothing. The
only proof is `lockinfo`, whose `lock_sid` must be our own session's number ("How to FortiManager
API", 013; Fortinet's Terraform provider compares the same two numbers).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import structlog
import tenacity

from fmgsync import clock as clocks
from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.model.adom import HeldLock, Workspace
from fmgsync.model.state import ObjectKey
from fmgsync.targets import wire
from fmgsync.targets.fortimanager import answers, part_locks, reads, tables, tasks, urls
from fmgsync.targets.fortimanager.answers import Place
from fmgsync.targets.fortimanager.reads import Read
from fmgsync.targets.fortimanager.session import Param, Session
from fmgsync.targets.hooks import Look, nothing

_log = structlog.get_logger()

_ADOM_LOCK = 1
_COMMITS = 2


class NoLock:
    """An ADOM without workspace: every write is final at once, so there is nothing to commit."""

    questions: Sequence[Param] = ()

    def commit(self) -> int | None:
        """Nothing to do."""
        return None

    def check(self, told: Sequence[answers.Result]) -> None:
        """Nothing to prove."""


class Lock:
    """An ADOM lock that was proven to be ours when it was taken."""

    def __init__(
        self, session: Session, place: Place, holder: int, clock: Clock, *, was_waited_for: bool
    ) -> None:
        self.was_waited_for = was_waited_for
        self._session = session
        self._place = place
        self._holder = holder
        self._logins = session.logins
        self._clock = clock

    @property
    def questions(self) -> Sequence[Param]:
        """What to ask for the proof that it is still ours."""
        return (_lockinfo(self._place),)

    def check(self, told: Sequence[answers.Result]) -> None:
        """Raise LockLost unless that was answered with our own session."""
        self._refuse_another_session()
        (proof,) = told
        rows = _locks(answers.checked(proof, self._place), self._place)
        if not any(not row.part and row.session == self._holder for row in rows):
            raise _lost(self._place, _told(rows))

    def prove(self) -> None:
        """Raise LockLost unless the ADOM is still locked by our session."""
        self._refuse_another_session()
        self.check(self._session.call("get", self.questions))

    def _refuse_another_session(self) -> None:
        if self._session.logins != self._logins:
            raise _lost(self._place, "the session that held it was closed")

    def commit(self) -> int | None:
        """Make the changes the ADOM's own. Proven before and after: the answer proves nothing.

        Always None: nobody has to approve.
        """
        self.prove()
        for _ in range(_COMMITS):
            result = _exec_twice(self._session, self._place, "commit")
            data = answers.checked(result, self._place)
            if isinstance(data, dict) and isinstance(data.get("taskid"), int):
                tasks.wait(self._session, data["taskid"], self._place, clock=self._clock)
            if not self._is_dirty():
                return None
        raise errors.UnitBusy(
            "FortiManager accepted the commit but did not carry it out",
            fortimanager=self._place.fortimanager,
            adom=self._place.adom,
            next_step="the changes are discarded and made again on the next pass",
        )

    def _is_dirty(self) -> bool:
        """Whether our own workspace holds changes that are not committed."""
        url = urls.workspace(self._place.adom or "", "dirty")
        result = self._session.call("get", [{"url": url}])[0]
        return result.ok and isinstance(result.data, dict) and result.data.get("dirty") == 1

    def explain(self, denied: errors.PermissionDenied) -> None:
        """Raise LockLost where a refusal means that our session or its lock is gone.

        A unit that has forgotten a session answers it as it answers a missing right.
        """
        try:
            self.prove()
        except errors.PermissionDenied:
            raise _lost(self._place, "the session that held it was ended") from denied

    def release(self) -> None:
        """Unlock; never raises, because it runs while another error may be on its way."""
        try:
            result = _exec_twice(self._session, self._place, "unlock")
        except errors.TargetError as error:
            _log.warning("unlock failed", adom=self._place.adom, error=error.message)
            return
        if not result.ok:
            _log.warning("unlock refused", adom=self._place.adom, code=result.code)


@contextmanager
def holding(
    session: Session,
    adom: str,
    mode: Workspace,
    *,
    clock: Clock,
    wait_s: float,
    after_wait: Look = nothing,
) -> Iterator[Lock | NoLock]:
    """Hold the lock this ADOM needs; always given back.

    A lock that another session holds is waited for up to `wait_s`, then LockHeld is raised. Who had
    to wait calls `after_wait` first, which may raise: the holder may have changed anything.
    Changes not committed are discarded on leaving.
    """
    if mode is Workspace.DISABLED:
        yield NoLock()
        return
    lock = take(session, adom, clock=clock, wait_s=wait_s)
    with session.pinned():
        try:
            session.hooks.lock_held(True)
            if lock.was_waited_for:
                after_wait()
            yield lock
        except errors.PermissionDenied as error:
            lock.explain(error)
            raise
        finally:
            lock.release()
            session.hooks.lock_held(False)


def take(session: Session, adom: str, *, clock: Clock, wait_s: float) -> Lock:
    """Lock the ADOM and prove it; waits for another session up to `wait_s`."""
    place = Place(session.access.name, adom)
    _refuse_unprovable_key(session, place)
    ends_at = clock.steady() + wait_s
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(errors.LockHeld),
        stop=lambda _: clock.steady() >= ends_at or session.hooks.gives_up(),
        wait=tenacity.wait_random_exponential(multiplier=1, min=1, max=15),
        before_sleep=lambda state: _tell_once(state, place, wait_s),
        sleep=lambda seconds: _wait(session, clock, seconds),
        reraise=True,
    )
    holder: int = retrying(_take_once, session, place)
    _log.info("locked", fortimanager=place.fortimanager, adom=adom)
    was_waited_for = retrying.statistics["attempt_number"] > 1
    return Lock(session, place, holder, clock, was_waited_for=was_waited_for)


def _wait(session: Session, clock: Clock, seconds: float) -> None:
    """Leave the holder alone for a while, unless nobody has time to wait any more."""
    began = clock.steady()
    clocks.rest(clock, seconds, until=session.hooks.gives_up)
    session.hooks.lock_waited(clock.steady() - began)


def _tell_once(state: tenacity.RetryCallState, place: Place, wait_s: float) -> None:
    """Say who is waited for, and how long: somebody may want to end that session."""
    error = state.outcome.exception() if state.outcome is not None else None
    if state.attempt_number == 1 and isinstance(error, errors.LockHeld):
        _log.warning(
            "waiting for a lock",
            fortimanager=place.fortimanager,
            adom=place.adom,
            why=error.message,
            next=error.next_step,
            up_to_s=round(wait_s),
        )


def _take_once(session: Session, place: Place) -> int:
    """Lock and prove it once; the number of the session that holds the lock now: ours.

    Looking first spares the ADOM's holder our attempts, and makes sure that our session lives:
    from the lock on it must not be replaced, or the lock would stay behind with the old one.
    """
    before = _locks(session.read_numbered(_lockinfo(place), place=place), place)
    if any(not row.part for row in before):
        raise _held(session, place, before)
    session.number()
    with session.pinned():
        try:
            return _lock_and_prove(session, place, free_before=not before)
        except BaseException:
            # What was taken but not proven must not stay; unlocking a foreign lock does nothing.
            with suppress(errors.TargetError):
                _exec_twice(session, place, "unlock")
            raise


def _lock_and_prove(session: Session, place: Place, *, free_before: bool) -> int:
    # Locking what is ours already is harmless, and lockinfo decides in either case.
    result = _exec_twice(session, place, "lock")
    rows = read_lockinfo(session, place)
    if result.code in answers.CONTENTION:
        raise _held(session, place, rows)
    answers.checked(result, place)
    holder = _proven_holder(session, rows, free_before=free_before)
    if holder is None:
        raise _held(session, place, rows)
    return holder


def _proven_holder(session: Session, rows: list[HeldLock], *, free_before: bool) -> int | None:
    """Our session's number if lockinfo shows it as the holder.

    Where the unit does not tell a session its number, the lock is ours if the ADOM was free
    before, the unit said OK to our lock, which it never does to a second session, and the only
    lock there is bears our administrator's name.
    """
    own = session.number()
    locks = [row for row in rows if not row.part]
    if own is not None:
        return own if any(row.session == own for row in locks) else None
    if free_before and len(locks) == 1 and locks[0].user == session.access.username:
        return locks[0].session
    return None


def _refuse_unprovable_key(session: Session, place: Place) -> None:
    """Which session an API key stands for is documented nowhere: two questions must agree."""
    if not session.uses_api_key:
        return
    first = session.fresh_number()
    if first is None or first != session.fresh_number():
        raise errors.PermissionDenied(
            "with an API key this FortiManager does not show which session holds a lock",
            fortimanager=place.fortimanager,
            adom=place.adom,
            next_step="configure 'username' and 'password': this ADOM needs workspace locks",
        )


def read_lockinfo(session: Session, place: Place) -> list[HeldLock]:
    """Who holds a lock in this ADOM; empty when nobody does."""
    return _locks(session.read(_lockinfo(place), place=place), place)


def reading_locks(place: Place, groups: Collection[ObjectKey]) -> Read[tuple[HeldLock, ...]]:
    """The same, and who holds a lock of a part, which an ADOM that is locked as a whole has not."""
    (told,) = yield [_lockinfo(place)]
    found = _locks(answers.checked(told, place), place)
    if any(not row.part for row in found):
        return tuple(found)
    parts = yield from part_locks.reading(place, _locks, groups)
    known = {(row.user, row.session, row.since) for row in parts}
    return (*(r for r in found if (r.user, r.session, r.since) not in known), *parts)


def _lockinfo(place: Place) -> Param:
    return {"url": urls.workspace(place.adom or "", "lockinfo")}


def _locks(data: Any, place: Place) -> list[HeldLock]:
    return [
        HeldLock(
            user=wire.printable(wire.text(row.get("lock_user"))),
            session=_number(row.get("lock_sid")),
            since=_number(row.get("lock_time")),
            part=_number(row.get("type")) != _ADOM_LOCK,
        )
        for row in tables.decode_rows(data, place)
    ]


def _number(raw: Any) -> int | None:
    if isinstance(raw, str) and raw.isdigit():
        return int(raw)
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None


def _exec_twice(session: Session, place: Place, verb: str) -> answers.Result:
    """Run a verb; after a broken connection once more, since repeating it does no harm."""
    param = {"url": urls.workspace(place.adom or "", verb)}
    try:
        return session.call("exec", [param])[0]
    except errors.OutcomeUnknown:
        return session.call("exec", [param])[0]


def _held(session: Session, place: Place, rows: list[HeldLock]) -> errors.LockHeld:
    own = None
    with suppress(errors.TargetError):
        rows = rows or reads.run(session, part_locks.reading(place, _locks))
    with suppress(errors.TargetError):
        own = session.user()
    step = "wait for that session to unlock the ADOM, or end it on the FortiManager"
    orphans = [row for row in rows if own is not None and row.user == own]
    if orphans:
        step = (
            f"session {orphans[0].session} is our own administrator's: another fmgsync, or one"
            " that was killed; its lock ends with the unit's session idle limit, or with"
            f" 'diagnose system admin-session kill {orphans[0].session}'"
        )
    return errors.LockHeld(
        _told(rows),
        fortimanager=place.fortimanager,
        adom=place.adom,
        next_step=step,
    )


def _lost(place: Place, why: str) -> errors.LockLost:
    return errors.LockLost(
        f"the workspace lock is not ours any more: {why}",
        fortimanager=place.fortimanager,
        adom=place.adom,
        next_step="what was written under it is discarded; the next pass starts over",
    )


def _told(rows: list[HeldLock]) -> str:
    if not rows:
        return (
            "FortiManager refuses to lock the ADOM and does not tell whose lock is in the way; one"
            " of its packages, devices or objects may be locked"
        )
    if all(row.what for row in rows):
        return f"the ADOM cannot be locked, since parts of it are: {'; '.join(map(str, rows))}"
    return f"the ADOM is locked: {'; '.join(map(str, rows))}"
