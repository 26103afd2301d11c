"""Workspace locks: who may write, where a session's writes go until it commits them.

Behaviour as measured and published by several client projects: a lock belongs to a session; commit
and a foreign unlock answer 0 whatever happened; unlock discards; an abandoned session keeps its
locks until it expires.
"""

from __future__ import annotations

from typing import Any

from fmgsync.simulator import worksession
from fmgsync.simulator.adom import PACKAGES, Adom, Lock
from fmgsync.simulator.call import Call, Members
from fmgsync.simulator.codes import Refusal, bad_command, bad_data, bad_url
from fmgsync.simulator.references import package_of
from fmgsync.simulator.route import Route
from fmgsync.simulator.sessions import Session
from fmgsync.simulator.store import Change, Database
from fmgsync.simulator.world import World

_KINDS = {"adom": 1, "pkg": 2, "dev": 3, "obj": 4}


def holder(adom: Adom, kind: str, name: str = "") -> Lock | None:
    """The lock on this thing, if anybody has it."""
    for lock in adom.locks:
        if lock.kind == kind and lock.name == name:
            return lock
    return None


def holds(adom: Adom, session: Session, kind: str, name: str = "") -> bool:
    """Whether this session has that lock."""
    lock = holder(adom, kind, name)
    return lock is not None and lock.sid == session.sid


def writable(
    adom: Adom, session: Session, *, package: str | None, object_url: str = ""
) -> Database:
    """Where this session's write goes: the ground, or its draft. Refuses without the lock."""
    if adom.mode == "disabled":
        return adom.ground
    if not _may_write(adom, session, package, object_url):
        raise Refusal(-10147)
    return adom.draft(session.sid)


def _may_write(adom: Adom, session: Session, package: str | None, object_url: str) -> bool:
    if adom.mode == "workflow":
        return holds(adom, session, "adom") and worksession.may_write(adom.workflow, session.sid)
    if holds(adom, session, "adom"):
        return True
    if package is not None:
        return holds(adom, session, "pkg", package)
    return bool(object_url) and holds(adom, session, "obj", object_url)


def may_install(adom: Adom, session: Session, *, packages: list[str], devices: list[str]) -> bool:
    """Whether the session holds what an install needs: the ADOM, the packages, or the devices."""
    if adom.mode == "disabled" or holds(adom, session, "adom"):
        return True
    if packages:
        return all(holds(adom, session, "pkg", name) for name in packages)
    return bool(devices) and all(holds(adom, session, "dev", name) for name in devices)


def _entered(world: World, call: Call, name: str) -> Adom:
    adom = world.enter(name, call.session)
    if adom.mode == "disabled" or adom.name == "global":
        raise bad_command()
    return adom


def _which(world: World, adom: Adom, rest: tuple[str, ...]) -> tuple[str, str]:
    """Kind and name of what a lock url means; refuses what does not exist."""
    if not rest:
        return "adom", ""
    kind, name = rest[0], "/".join(rest[1:])
    if kind == "pkg" and "/firewall/policy/" in f"/{name}/":
        return "obj", f"pkg/{name}"
    if kind == "pkg":
        if name not in adom.ground.rows(PACKAGES) and not _in_drafts(adom, name):
            raise bad_url()
        return "pkg", name
    if kind == "dev":
        if not adom.has(name):
            raise bad_data()
        return "dev", name
    if kind == "obj" and name:
        return "obj", name
    raise bad_url()


def _in_drafts(adom: Adom, package: str) -> bool:
    return any(package in draft.rows(PACKAGES) for draft in adom.drafts.values())


def lock(world: World, call: Call, adom: str, rest: tuple[str, ...] = ()) -> Members:
    """Take a lock; 0 for the session that has it already, -20055 while another is in the way."""
    place = _entered(world, call, adom)
    kind, name = _which(world, place, rest)
    session = call.session
    if session.admin.rpc_permit != "read-write":
        raise Refusal(-11)
    if holds(place, session, kind, name):
        return {}
    if any(_in_the_way(held, kind, name) for held in place.locks if held.sid != session.sid):
        raise Refusal(-20055)
    if kind == "obj" and not any(held.sid == session.sid for held in place.locks):
        raise Refusal(-20017, "Lock required")
    place.locks.append(Lock(kind, name, session.sid, session.admin.user, call.now))
    return {}


def _in_the_way(held: Lock, kind: str, name: str) -> bool:
    if "adom" in (held.kind, kind):
        return True
    return held.kind == kind and held.name == name


def unlock(world: World, call: Call, adom: str, rest: tuple[str, ...] = ()) -> Members:
    """Give a lock back; what was not committed is gone. Somebody else's lock stays, with code 0."""
    place = _entered(world, call, adom)
    kind, name = _which(world, place, rest)
    release(place, call.session.sid, kind, name)
    return {}


def release(adom: Adom, sid: int, kind: str, name: str) -> None:
    """Drop one lock of a session and the draft changes it covered."""
    kept = [h for h in adom.locks if (h.kind, h.name, h.sid) != (kind, name, sid)]
    if len(kept) == len(adom.locks):
        return
    adom.locks = kept
    if kind == "adom" or not any(held.sid == sid for held in kept):
        adom.drafts.pop(sid, None)
        return
    draft = adom.drafts.pop(sid, None)
    if draft is not None:
        rest = [c for c in draft.changes() if not _covers(adom, kind, name, c)]
        _redraft(adom, sid, rest)


def _redraft(adom: Adom, sid: int, changes: list[Change]) -> None:
    for change in changes:
        adom.apply(adom.draft(sid), change, 0.0)


def _covers(adom: Adom, kind: str, name: str, change: Change) -> bool:
    """Whether a change belongs to what this lock protects."""
    if kind == "adom":
        return True
    if kind == "obj":
        return f"{change.table.replace(' ', '/')}/{change.key}" == name
    if kind == "pkg":
        if change.table == PACKAGES:
            return change.key == name
        package = adom.ground.rows(PACKAGES).get(name)
        return package is not None and package_of(change.table) == package.oid
    return False


def commit(world: World, call: Call, adom: str, rest: tuple[str, ...] = ()) -> Members:
    """Make the session's changes the ADOM's own; 0 also when there are none, or no lock."""
    place = _entered(world, call, adom)
    kind, name = _which(world, place, rest)
    draft = place.drafts.get(call.session.sid)
    if draft is None or place.mode == "workflow":
        return {}
    covered, left = list[Change](), list[Change]()
    for change in draft.changes():
        saved = kind == "adom" or _committed_with(place, kind, name, change)
        (covered if saved else left).append(change)
    del place.drafts[call.session.sid]
    place.commit(covered, call.now)
    _redraft(place, call.session.sid, left)
    if world.switches.commit_answers_task:
        task = world.tasks.open(
            "Save", "security console", call.session.admin.user, place.oid, call.now
        )
        return {"taskid": task.id}
    return {}


def _committed_with(adom: Adom, kind: str, name: str, change: Change) -> bool:
    """A package's commit saves the objects that were edited under it too."""
    if kind == "pkg" and package_of(change.table) is None and change.table != PACKAGES:
        return True
    return _covers(adom, kind, name, change)


def lockinfo(world: World, call: Call, adom: str, rest: tuple[str, ...] = ()) -> Members:
    """Who holds the lock; no data when nobody does."""
    place = _entered(world, call, adom)
    kind, name = _which(world, place, rest)
    held = holder(place, kind, name)
    return {} if held is None else {"data": [_show(place, held)]}


def _show(adom: Adom, held: Lock) -> dict[str, Any]:
    draft = adom.drafts.get(held.sid)
    dirty = int(draft is not None and bool(draft.changes()))
    return {
        "adom_dirty": dirty if held.kind == "adom" else 0,
        "db_mode": 1,
        "dev_oid": adom.oid,
        "dirty": dirty,
        "flags": 1 if dirty else 0,
        "lock_sid": held.sid,
        "lock_time": int(held.since),
        "lock_user": held.user,
        "obj_cat": 0,
        "obj_oid": 0,
        "obj_url": held.name if held.kind == "obj" else "",
        "type": _KINDS[held.kind],
        "wfsid": 0,
    }


def dirty(world: World, call: Call, adom: str, rest: tuple[str, ...] = ()) -> Members:
    """Whether this session has uncommitted changes."""
    place = _entered(world, call, adom)
    draft = place.drafts.get(call.session.sid)
    return {"data": {"dirty": int(draft is not None and bool(draft.changes()))}}


def _refuse_global(world: World, call: Call, **_: Any) -> Members:
    raise bad_command()


def _routes() -> tuple[Route, ...]:
    base, other = "/dvmdb/adom/{adom}/workspace", "/pm/config/adom/{adom}/_workspace"
    routes = []
    for verb, handler in (("lock", lock), ("unlock", unlock), ("commit", commit)):
        routes.append(Route("exec", f"{base}/{verb}", handler))
        routes.append(Route("exec", f"{base}/{verb}/{{rest*}}", handler))
        routes.append(Route("exec", f"{other}/{verb}", handler))
        routes.append(Route("exec", f"/dvmdb/global/workspace/{verb}", _refuse_global))
    for verb, reader in (("lockinfo", lockinfo), ("dirty", dirty)):
        routes.append(Route("get", f"{base}/{verb}", reader))
        routes.append(Route("get", f"{base}/{verb}/{{rest*}}", reader))
        routes.append(Route("get", f"/dvmdb/global/workspace/{verb}", _refuse_global))
    return tuple(routes)


ROUTES = _routes()
