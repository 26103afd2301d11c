"""Workflow mode: changes are made in a session that somebody else approves.

Calls and states as published ("How to FortiManager API, 013"): lock the ADOM, start a session,
change, save, submit; a submitted session takes no more changes and becomes part of the ADOM only
when an administrator of the approval matrix approves it. What is not published is decided here:
a write without an open session is refused as one without the lock is, `commit` saves nothing
in this mode, and the number of a rejected session's state is 4.
"""

from __future__ import annotations

from typing import Any

from fmgsync.simulator.calls import revisions
from fmgsync.simulator.calls.plain import answer_table
from fmgsync.simulator.codes import Refusal, absent, bad_command
from fmgsync.simulator.state.adom import Adom, write_all
from fmgsync.simulator.state.store import Database
from fmgsync.simulator.state.worksession import APPROVED, OPEN, REJECTED, SUBMITTED, WorkSession
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route


def start(world: World, call: Call, adom: str, number: str | None = None) -> Members:
    """Open a session, or go on with the one this administrator left open.

    A number says which one; if it has been submitted, a new session begins.
    """
    place = _entered(world, call, adom)
    _require_lock(place, call)
    if number is not None:
        _find(place, number)
    user = call.session.admin.user
    for one in place.workflow:
        if one.user == user and one.state == OPEN and number in (None, str(one.number)):
            one.sid = call.session.sid
            _bring_back(place, one, call.now)
            return {"data": {"sessionid": one.number, "new_session": 0}}
    return {"data": {"sessionid": _new(world, place, call).number, "new_session": 1}}


def _new(world: World, adom: Adom, call: Call) -> WorkSession:
    number = max((one.number for one in adom.workflow), default=0) + 1
    user = call.session.admin.user
    made = WorkSession(number, world.next_oid(), user, call.now, call.session.sid)
    asked = call.param.get("workflow")
    if isinstance(asked, dict):
        made.name = str(asked.get("name") or made.name)[:255]
        made.description = str(asked.get("desc") or made.description)[:1023]
    if not adom.revisions:
        revisions.create(world, adom, call, "", "Before the first workflow session")
    adom.workflow.append(made)
    return made


def _bring_back(adom: Adom, work: WorkSession, at: float) -> None:
    if work.sid is not None:
        for change in work.saved:
            adom.apply(adom.draft(work.sid), change, at)


def save(world: World, call: Call, adom: str, number: str) -> Members:
    """Keep the changes in the session; they outlive the lock."""
    place = _entered(world, call, adom)
    work = _own_open(place, call, number)
    draft = place.drafts.get(call.session.sid)
    work.saved = draft.changes() if draft is not None else []
    return {}


def submit(world: World, call: Call, adom: str, number: str) -> Members:
    """Hand the session over to the approvers."""
    place = _entered(world, call, adom)
    work = _own_open(place, call, number)
    draft = place.drafts.get(call.session.sid)
    if draft is not None and len(draft.changes()) != len(work.saved):
        raise Refusal(-20044)
    asked = call.param.get("workflow")
    work.submission = dict(asked) if isinstance(asked, dict) else {}
    work.description = str(work.submission.get("desc", ""))
    work.revision = _revise(world, call, place, work)
    work.state, work.submitted, work.sid = SUBMITTED, call.now, None
    place.drafts.pop(call.session.sid, None)
    return {}


def _revise(world: World, call: Call, adom: Adom, work: WorkSession) -> int:
    """What the ADOM will be with this session, and those it stands on, as a revision."""
    would_be = Database(adom.ground)
    for one in adom.workflow:
        if one is work or (one.state == SUBMITTED and one.number < work.number):
            write_all(would_be, one.saved)
    made = revisions.create(world, adom, call, work.name, work.description, database=would_be)
    return made.version


def discard(world: World, call: Call, adom: str, number: str) -> Members:
    """Empty an open session; it stays open."""
    place = _entered(world, call, adom)
    work = _own_open(place, call, number)
    work.saved = []
    place.drafts.pop(call.session.sid, None)
    return {}


def drop(world: World, call: Call, adom: str, number: str) -> Members:
    """Remove a session for good, with those that were made on top of it; not an approved one."""
    place = _entered(world, call, adom)
    work = _find(place, number)
    if work.user != call.session.admin.user and not call.session.admin.approver:
        raise Refusal(-20020)
    if work.state == APPROVED:
        raise Refusal(-10)
    for one in [one for one in place.workflow if one.number >= work.number]:
        if one.state != APPROVED:
            _remove(place, one)
    return {}


def _remove(adom: Adom, work: WorkSession) -> None:
    if work.sid is not None:
        adom.drafts.pop(work.sid, None)
    adom.workflow.remove(work)
    adom.revisions = [known for known in adom.revisions if known.version != work.revision]


def approve(world: World, call: Call, adom: str, number: str) -> Members:
    """Make a submitted session part of the ADOM."""
    place = _entered(world, call, adom)
    work = _judged(place, call, number, APPROVED)
    place.commit(work.saved, call.now)
    return {}


def reject(world: World, call: Call, adom: str, number: str) -> Members:
    """Send a submitted session back."""
    _judged(_entered(world, call, adom), call, number, REJECTED)
    return {}


def repair(world: World, call: Call, adom: str, number: str) -> Members:
    """Go on with a rejected session as a new one."""
    place = _entered(world, call, adom)
    _require_lock(place, call)
    work = _find(place, number)
    if work.state != REJECTED:
        raise Refusal(-10)
    made = _new(world, place, call)
    made.saved = list(work.saved)
    _bring_back(place, made, call.now)
    return {"data": {"sessionid": made.number}}


def _judged(adom: Adom, call: Call, number: str, state: int) -> WorkSession:
    if not call.session.admin.approver:
        raise Refusal(-20020)
    work = _find(adom, number)
    if work.state != SUBMITTED:
        raise Refusal(-10)
    work.state, work.audited, work.auditor = state, call.now, call.session.admin.user
    said = call.param.get("workflow")
    work.judgement = dict(said) if isinstance(said, dict) else {}
    return work


def sessions(world: World, call: Call, adom: str) -> Members:
    """All sessions of the ADOM."""
    place = _entered(world, call, adom)
    rows = [_show(one) for one in place.workflow]
    return answer_table(call, rows, always=("sessionid",), subtables=("wflog",))


def session(world: World, call: Call, adom: str, number: str) -> Members:
    """One session."""
    return {"data": _show(_find(_entered(world, call, adom), number))}


def _show(work: WorkSession) -> dict[str, Any]:
    return {
        "audit_time": _time(work.audited),
        "audit_user": work.auditor,
        "create_time": _time(work.created),
        "create_user": work.user,
        "desc": work.description,
        "flags": 1 if work.state == OPEN else 0,
        "name": work.name,
        "oid": work.oid,
        "revid": work.revision,
        "sessionid": work.number,
        "state": work.state,
        "submit_time": _time(work.submitted),
        "submit_user": work.user if work.submitted is not None else "",
        "wflog": None,
    }


def _time(at: float | None) -> str:
    return "" if at is None else str(int(at))


def _entered(world: World, call: Call, name: str) -> Adom:
    adom = world.enter(name, call.session)
    if adom.mode != "workflow":
        raise bad_command()
    return adom


def _require_lock(adom: Adom, call: Call) -> None:
    if not any(lock.kind == "adom" and lock.sid == call.session.sid for lock in adom.locks):
        raise Refusal(-20017, "Lock required")


def _find(adom: Adom, number: str) -> WorkSession:
    for one in adom.workflow:
        if str(one.number) == number:
            return one
    raise absent()


def _own_open(adom: Adom, call: Call, number: str) -> WorkSession:
    _require_lock(adom, call)
    work = _find(adom, number)
    if work.sid != call.session.sid or work.state != OPEN:
        raise Refusal(-14)
    return work


_BASE = "/dvmdb/adom/{adom}/workflow"
ROUTES = (
    Route("get", _BASE, sessions),
    Route("get", f"{_BASE}/{{number}}", session),
    Route("exec", f"{_BASE}/start", start),
    Route("exec", f"{_BASE}/start/{{number}}", start),
    *(
        Route("exec", f"{_BASE}/{verb.__name__}/{{number}}", verb)
        for verb in (save, submit, discard, drop, approve, reject, repair)
    ),
)
