"""Several writes at once or not at all, where a unit can do that (FortiOS 6.4 and newer).

A transaction locks the tables that it touches, also when whoever began it is gone, until its
time-out: so it is short, it is never open while something is waited for, and it is aborted in every
end that we can reach. That a commit answers "success" proves nothing (Fortinet Developer Network,
"Batch transactions"): the groups are read back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from fmgsync import errors
from fmgsync.model.words import some
from fmgsync.targets import wire
from fmgsync.targets.fortigate import tables, urls
from fmgsync.targets.fortigate.session import Session
from fmgsync.targets.fortigate.steps import Write

TIMEOUT_S = 30
MOST = 200
"""Writes in one transaction."""

_SINCE = (6, 4, 0)
_IDS = ("transaction-id", "transaction_id")

_log = structlog.get_logger()

Expected = Mapping[tuple[str, str], frozenset[str]]
"""Group table and group -> the members it has to have afterwards."""


@dataclass(slots=True)
class Ability:
    """Whether a unit is asked for transactions; learned once, kept while the process lives."""

    usable: bool = True
    why_not: str = ""

    def lose(self, session: Session, why: str) -> None:
        """From now on ordered single writes."""
        self.usable, self.why_not = False, why
        _log.info("no transactions", fortigate=session.access.name, why=why)


def fits(session: Session, ability: Ability, writes: Sequence[Write]) -> bool:
    """Whether these writes go into one transaction; a single one is one anyway."""
    release = session.release
    return ability.usable and 1 < len(writes) <= MOST and release is not None and release >= _SINCE


def carry_out(
    session: Session, ability: Ability, vdom: str, writes: Sequence[Write], expected: Expected
) -> bool:
    """Whether all of it was carried out, and shows. If not, nothing is open any more, and single
    writes may do what is left."""
    number = _start(session, ability, vdom)
    if number is None:
        return False
    committed, is_there = False, True
    try:
        for write in writes:
            answer = session.write(write.method, write.url, write.body, transaction=number)
            if not answer.ok:
                error = session.error_for(answer, write.url)
                _log.info("transaction refused", fortigate=session.access.name, why=error.message)
                return False
        committed = _end(session, "transaction-commit", vdom, number)
    except errors.OutcomeUnknown:
        pass  # what counts is what the groups show
    except errors.OtherUnit:
        is_there = False  # of this number is somebody else's, on the unit that answers now
        raise
    finally:
        if is_there and not committed:
            _abort(session, vdom, number)
    if _shows(session, vdom, expected):
        return True
    if committed:
        ability.lose(session, "a transaction was committed and its changes do not show")
    return False


def refuse_open(session: Session, vdom: str) -> None:
    """Raises LockHeld while somebody's transaction is open, as far as the unit tells."""
    if told := _open(session, vdom):
        raise _held("somebody's transaction is open", told, session, vdom)


def whose(session: Session, vdom: str, error: errors.LockHeld) -> errors.LockHeld:
    """The error of a table that somebody keeps, with who that is, as far as the unit tells."""
    told = _open(session, vdom)
    return _held(error.message, told, session, vdom) if told else error


def _held(message: str, told: str, session: Session, vdom: str) -> errors.LockHeld:
    return errors.LockHeld(
        f"{message}: {told}",
        fortigate=session.access.name,
        vdom=vdom,
        next_step="whoever began it commits or aborts it, or its time-out ends it; until then it is"
        " tried again",
    )


def _open(session: Session, vdom: str) -> str:
    answer = session.ask(urls.action("transaction-list", vdom))
    rows = answer.results if answer.ok and isinstance(answer.results, list) else []
    told = [_told(row) for row in rows if isinstance(row, Mapping)]
    return some(told, joint="; ")


def _told(row: Mapping[str, object]) -> str:
    number = next((row[key] for key in _IDS if key in row), "?")
    text = f"transaction {number}"
    text += f" of {row['user']}" if row.get("user") else ""
    text += f", which ends in {row['expires-in']} s" if "expires-in" in row else ""
    return wire.printable(text)


def _start(session: Session, ability: Ability, vdom: str) -> int | None:
    url = urls.action("transaction-start", vdom)
    try:
        answer = session.write("POST", url, {"timeout": TIMEOUT_S})
    except errors.OutcomeUnknown:
        return None  # if one is open, its time-out ends it
    results = answer.results if isinstance(answer.results, Mapping) else {}
    found = [results[key] for key in _IDS if isinstance(results.get(key), int)]
    if answer.ok and found:
        return int(found[0])
    if answer.http_status in (401, 403):
        raise session.error_for(answer, url)
    ability.lose(session, session.error_for(answer, url).message)
    return None


def _end(session: Session, action: str, vdom: str, number: int) -> bool:
    return session.write("POST", urls.action(action, vdom), {"transaction-id": number}).ok


def _abort(session: Session, vdom: str, number: int) -> None:
    try:
        _end(session, "transaction-abort", vdom, number)
    except errors.TargetError as error:
        _log.info("transaction not aborted", fortigate=session.access.name, why=error.message)


def _shows(session: Session, vdom: str, expected: Expected) -> bool:
    """Whether the groups are as they should be."""
    for path in sorted({path for path, _ in expected}):
        rows = tables.read(session, path, vdom, ("name", "member")).rows
        there = {
            wire.text(row.get("name")): frozenset(wire.names(row.get("member"))) for row in rows
        }
        if any(there.get(name) != names for (of, name), names in expected.items() if of == path):
            return False
    return True
