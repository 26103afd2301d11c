"""Who uses an object: a search with a token, as the GUI's "Where Used" asks it."""

from __future__ import annotations

import hashlib
from typing import Any

from fmgsync.simulator.calls.ordering import flags_of
from fmgsync.simulator.codes import absent, bad_data
from fmgsync.simulator.schema.catalog import TABLES
from fmgsync.simulator.schema.catalog_packages import BLOCKS
from fmgsync.simulator.state.adom import Adom
from fmgsync.simulator.state.references import package_of, references, table_of
from fmgsync.simulator.state.store import Database, Target, User
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route
from fmgsync.simulator.wire.urls import split


def start(world: World, call: Call) -> Members:
    """Begin a search; its result lives as long as the session."""
    record = call.record()
    obj, key = record.get("obj"), record.get("mkey")
    if not isinstance(obj, str) or not isinstance(key, str | int):
        raise bad_data()
    adom, table = _table(world, call, obj)
    direct = "direct used" in flags_of(record)
    database = adom.view(call.session.sid)
    if database.rows(table).get(key) is None:
        raise absent()
    found = _users(adom, database, (table, key), direct=direct)
    token = _token(call, f"{adom.name} {table} {key}")
    result = {
        "percent": 100,
        "total_num": len(found),
        "where_used": [{"data": found, "root": {"name": adom.name, "oid": adom.oid}}]
        if found
        else [],
    }
    call.session.caches[f"search {token}"] = result
    return {"data": {"token": token}}


def _table(world: World, call: Call, obj: str) -> tuple[Adom, str]:
    path = split(obj)
    adom = "global" if path[:1] == ("global",) else path[1] if path[:1] == ("adom",) else ""
    rest = path[2:] if path[:1] == ("global",) else path[3:]
    table = " ".join(rest)
    if table not in TABLES or adom not in world.adoms:
        raise bad_data()
    return world.enter(adom, call.session), table


def _token(call: Call, what: str) -> str:
    number = len(call.session.caches)
    text = f"{call.session.token} {what} {number} {call.now}"
    return hashlib.sha256(text.encode()).hexdigest()[:24] + "=="


def _users(adom: Adom, database: Database, target: Target, *, direct: bool) -> list[dict[str, Any]]:
    packages = {row.oid: str(row.key) for row in adom.packages(database)}
    packages |= {row.oid: str(row.key) for row in database.rows(BLOCKS)}
    found: list[dict[str, Any]] = []
    pending, seen = [target], {target}
    while pending:
        used = pending.pop()
        for user in sorted(database.uses.of(used), key=str):
            found.extend(_shown(database, used, user, packages))
            group = (user[0], user[1])
            if not direct and group not in seen:
                seen.add(group)
                pending.append(group)
    return found


def _shown(
    database: Database, used: Target, user: User, packages: dict[int, str]
) -> list[dict[str, Any]]:
    """One entry per attribute through which the user refers to the object."""
    store, key, scope = user
    table, row = table_of(store), database.rows(store).get(key)
    part = row if row is None or scope is None else row.maps.get(scope)
    if table is None or part is None:
        return []
    shown: dict[str, Any] = {
        "category": table.category,
        "mapping_name": table.name,
        "mattr": table.key,
        "mkey": key,
    }
    oid = package_of(store)
    if oid is not None:
        shown["pkg"] = {"name": packages.get(oid, ""), "oid": oid}
    names = {a for a, target in references(database, table, part) if target == used}
    return [{"attr": name, **shown} for name in sorted(names)]


def _result(call: Call) -> dict[str, Any]:
    token = call.param.get("token")
    found = call.session.caches.get(f"search {token}")
    if not isinstance(found, dict):
        raise bad_data()
    return found


def summary(world: World, call: Call) -> Members:
    """How far the search is; the token is a member of the param, not of its data."""
    return {"data": {"percent": _result(call)["percent"]}}


def detail(world: World, call: Call) -> Members:
    """What was found."""
    return {"data": _result(call)}


def end(world: World, call: Call) -> Members:
    """Forget a search."""
    _result(call)
    del call.session.caches[f"search {call.param.get('token')}"]
    return {}


_BASE = "/cache/search/where/used"
ROUTES = (
    Route("exec", _BASE + "/start", start),
    Route("exec", _BASE + "/get/summary", summary),
    Route("exec", _BASE + "/get/detail", detail),
    Route("exec", _BASE + "/end", end),
)
