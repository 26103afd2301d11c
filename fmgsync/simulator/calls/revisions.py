"""ADOM revisions: named snapshots of the whole object database, and going back to one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fmgsync.simulator.calls.plain import PlainRow, answer_row, answer_table
from fmgsync.simulator.codes import absent, bad_url
from fmgsync.simulator.state.adom import Adom, Revision, Snapshot
from fmgsync.simulator.state.locks import writable
from fmgsync.simulator.state.store import Change, Database
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route


def snapshot(database: Database) -> Snapshot:
    """All rows of a database."""
    return {table: {row.key: row for row in database.rows(table)} for table in database.tables()}


def create(
    world: World,
    adom: Adom,
    call: Call,
    name: str,
    description: str,
    *,
    database: Database | None = None,
) -> Revision:
    """A new revision of what is committed, or of another state of the ADOM."""
    version = max((known.version for known in adom.revisions), default=0) + 1
    revision = Revision(
        version,
        world.next_oid(),
        name or f"Revision {version}",
        description,
        call.session.admin.user,
        int(call.now),
        0,
        snapshot(adom.ground if database is None else database),
    )
    adom.revisions.append(revision)
    return revision


def changes_to(database: Database, wanted: Snapshot) -> list[Change]:
    """What turns a database into a snapshot."""
    found = []
    for table in dict.fromkeys([*database.tables(), *wanted]):
        rows, target = database.rows(table), wanted.get(table, {})
        for row in list(rows):
            after = target.get(row.key)
            if after is not row:
                found.append(Change(table, row.key, row, after))
        found.extend(
            Change(table, key, None, row) for key, row in target.items() if key not in rows
        )
    return found


def _show(revision: Revision) -> PlainRow:
    return {
        "created_by": revision.user,
        "created_time": revision.at,
        "desc": revision.description,
        "locked": revision.locked,
        "name": revision.name,
        "oid": revision.oid,
        "version": revision.version,
    }


def read_all(world: World, call: Call, adom: str) -> Members:
    """The ADOM's revisions."""
    rows = [_show(revision) for revision in world.enter(adom, call.session).revisions]
    return answer_table(call, rows, always=("version",))


def find(adom: Adom, version: str) -> Revision:
    """A revision by its number, or -3."""
    if not version.isdecimal() or len(version) > 9:
        raise bad_url()
    for revision in adom.revisions:
        if revision.version == int(version):
            return revision
    raise absent()


def read_one(world: World, call: Call, adom: str, version: str) -> Members:
    """One revision."""
    return answer_row(call, _show(find(world.enter(adom, call.session), version)))


def add(world: World, call: Call, adom: str) -> Members:
    """Take a revision."""
    return _take(world, call, world.enter(adom, call.session))


def revert(world: World, call: Call, adom: str, version: str) -> Members:
    """Everybody's work since then is replaced; the result is a new revision."""
    place = world.enter(adom, call.session)
    wanted = find(place, version)
    database = writable(place, call.session, package=None)
    changes = changes_to(database, wanted.rows)
    if database is place.ground:
        place.commit(changes, call.now)
    else:
        for change in changes:
            place.apply(database, change, call.now)
    return _take(world, call, place)


def _take(world: World, call: Call, place: Adom) -> Members:
    """A revision of what is there now, called as the request says."""
    texts = [call.record().get(key) for key in ("name", "desc")]
    name, description = (text if isinstance(text, str) else "" for text in texts)
    made = create(world, place, call, name, description)
    place.revisions[-1] = replace(made, **_said(call))
    return {"data": {"version": made.version}}


def _said(call: Call) -> dict[str, Any]:
    """Who made it and when, and whether it is locked, where the request says so itself."""
    record = call.record()
    kinds = {"created_by": ("user", str), "created_time": ("at", int), "locked": ("locked", int)}
    return {
        slot: record[name]
        for name, (slot, kind) in kinds.items()
        if isinstance(record.get(name), kind)
    }


def delete(world: World, call: Call, adom: str, version: str) -> Members:
    """Forget a revision."""
    place = world.enter(adom, call.session)
    place.revisions.remove(find(place, version))
    return {}


_BASE = "/dvmdb/adom/{adom}/revision"
ROUTES = (
    Route("get", _BASE, read_all),
    Route("add set", _BASE, add),
    Route("get", _BASE + "/{version}", read_one),
    Route("clone", _BASE + "/{version}", revert),
    Route("delete", _BASE + "/{version}", delete),
)
