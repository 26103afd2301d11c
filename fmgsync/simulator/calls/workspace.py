"""The workspace's calls: lock, commit, unlock, and who holds what.

Behaviour as measured and published by several client projects: commit and a foreign unlock answer 0
whatever happened; unlock discards; an abandoned session keeps its locks until it expires.
"""

from __future__ import annotations

from typing import Any

from fmgsync.simulator.codes import Refusal, bad_command, bad_data, bad_url
from fmgsync.simulator.state import locks
from fmgsync.simulator.state.adom import PACKAGES, Adom, Lock
from fmgsync.simulator.state.devices import policies_table
from fmgsync.simulator.state.store import Change
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

_KINDS = {"adom": 1, "pkg": 2, "dev": 3, "obj": 4, locks.POLICY: 4}


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
    if kind == "pkg" and rest[-3:-1] == ("firewall", "policy"):
        return locks.POLICY, _policy(adom, rest[1:])
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


def _policy(adom: Adom, rest: tuple[str, ...]) -> str:
    """The lock's name of a policy; one that does not exist is -6, as a package is."""
    path, policy = "/".join(rest[:-3]), rest[-1]
    package = adom.ground.rows(PACKAGES).get(path)
    key = int(policy) if policy.isdecimal() and len(policy) < 12 else -1
    if package is None or key not in adom.ground.rows(policies_table(package.oid)):
        raise bad_url()
    return locks.policy_name(path, key)


def _in_drafts(adom: Adom, package: str) -> bool:
    return any(package in draft.rows(PACKAGES) for draft in adom.drafts.values())


def lock(world: World, call: Call, adom: str, rest: tuple[str, ...] = ()) -> Members:
    """Take a lock; 0 for the session that has it already, -20055 while another is in the way."""
    place = _entered(world, call, adom)
    kind, name = _which(world, place, rest)
    session = call.session
    if session.admin.rpc_permit != "read-write":
        raise Refusal(-11)
    if locks.holds(place, session, kind, name):
        return {}
    if kind == locks.POLICY and not world.switches.per_policy_lock:
        return {}
    if any(locks.in_the_way(held, kind, name) for held in place.locks if held.sid != session.sid):
        raise Refusal(-20055)
    if kind == "obj" and not any(held.sid == session.sid for held in place.locks):
        raise Refusal(-20017, "Lock required")
    place.locks.append(Lock(kind, name, session.sid, session.admin.user, call.now))
    return {}


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
        rest = [c for c in draft.changes() if not locks.covers(adom, kind, name, c)]
        _redraft(adom, sid, rest)


def _redraft(adom: Adom, sid: int, changes: list[Change]) -> None:
    for change in changes:
        adom.apply(adom.draft(sid), change, 0.0)


def commit(world: World, call: Call, adom: str, rest: tuple[str, ...] = ()) -> Members:
    """Make the session's changes the ADOM's own; 0 also when there are none, or no lock."""
    place = _entered(world, call, adom)
    kind, name = _which(world, place, rest)
    draft = place.drafts.get(call.session.sid)
    if draft is None or place.mode == "workflow":
        return {}
    covered, left = list[Change](), list[Change]()
    for change in draft.changes():
        saved = locks.committed_with(place, call.session.sid, kind, name, change)
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


def lockinfo(world: World, call: Call, adom: str, rest: tuple[str, ...] = ()) -> Members:
    """Who holds the lock; no data when nobody does."""
    place = _entered(world, call, adom)
    kind, name = _which(world, place, rest)
    found = [held for held in place.locks if (held.kind, held.name) == (kind, name)]
    if kind == "pkg":
        found += locks.inside(place, name)
    return {"data": [_show(world, place, held) for held in found]} if found else {}


def _show(world: World, adom: Adom, held: Lock) -> dict[str, Any]:
    draft = adom.drafts.get(held.sid)
    changes = draft.changes() if draft is not None else []
    dirty = int(any(locks.covers(adom, held.kind, held.name, change) for change in changes))
    shown = {"adom_dirty": dirty} if held.kind == "adom" else {}
    return {
        **shown,
        "db_mode": 1,
        "dev_oid": adom.oid,
        "dirty": dirty,
        "flags": 1 if dirty else 0,
        "lock_sid": held.sid,
        "lock_time": int(held.since),
        "lock_user": held.user,
        "obj_cat": 0,
        "obj_oid": _oid(world, adom, held),
        "obj_url": held.name,
        "type": _KINDS[held.kind],
        "wfsid": 0,
    }


def _oid(world: World, adom: Adom, held: Lock) -> int:
    """The package's own number, or the device's or policy's; 0 for the ADOM and objects."""
    if held.kind == "dev":
        return world.devices[held.name].oid if held.name in world.devices else 0
    path, _, policy = held.name.partition("/firewall/policy/")
    package = adom.ground.rows(PACKAGES).get(path)
    if held.kind not in ("pkg", locks.POLICY) or package is None:
        return 0
    if held.kind == "pkg":
        return package.oid
    row = adom.ground.rows(policies_table(package.oid)).get(int(policy))
    return row.oid if row is not None else 0


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
