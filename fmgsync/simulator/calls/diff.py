"""Comparing two states of an ADOM: a revision, another one, or what it holds now."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

from fmgsync.simulator.calls import revisions
from fmgsync.simulator.calls.cliconfig import difference_text
from fmgsync.simulator.calls.history import config_of
from fmgsync.simulator.calls.reading import field_names
from fmgsync.simulator.calls.revisions import snapshot
from fmgsync.simulator.codes import bad_data, bad_url
from fmgsync.simulator.schema.attributes import Kind, give_out
from fmgsync.simulator.schema.catalog_packages import BLOCKS
from fmgsync.simulator.schema.tables import Table
from fmgsync.simulator.state.adom import PACKAGES, Adom, Snapshot
from fmgsync.simulator.state.references import package_of, package_store, table_of
from fmgsync.simulator.state.store import Change, Row
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route
from fmgsync.simulator.wire.urls import split


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a token stands for; `packages` names the package of a policy table, `orders` its ids."""

    changes: tuple[Change, ...]
    packages: dict[str, str]
    orders: dict[str, tuple[int, ...]]


def start(world: World, call: Call) -> Members:
    """Compare `src` with `dst`; the result lives as long as the session."""
    record = call.record()
    states = [_state(world, call, record.get(side)) for side in ("src", "dst")]
    # Recorded both ways round: the newer of the two is what things have become.
    (adom, _, before), (_, _, after) = sorted(states, key=lambda state: state[1])
    changes = [
        Change(table, key, before.get(table, {}).get(key), after.get(table, {}).get(key))
        for table in dict.fromkeys([*before, *after])
        for key in dict.fromkeys([*before.get(table, {}), *after.get(table, {})])
        if before.get(table, {}).get(key) is not after.get(table, {}).get(key)
    ]
    packages = {
        package_store("firewall policy", row.oid): str(row.key)
        for row in adom.packages(adom.ground)
    }
    text = f"{call.session.token} {record} {len(call.session.caches)}"
    token = hashlib.sha256(text.encode()).hexdigest()[:24] + "=="
    orders = {str(row.key): row.attrs["order"] for row in adom.packages(adom.ground)}
    call.session.caches[f"diff {token}"] = Comparison(tuple(changes), packages, orders)
    return {"data": {"token": token}}


def _state(world: World, call: Call, where: Any) -> tuple[Adom, float, Snapshot]:
    """`adom/x` or `adom/x/revision/n`, with its age: what the ADOM holds now is the newest."""
    path = split(where) if isinstance(where, str) else ()
    if len(path) not in (2, 4) or path[0] != "adom" or path[1] not in world.adoms:
        raise bad_data()
    adom = world.enter(path[1], call.session)
    if len(path) == 2:
        return adom, math.inf, snapshot(adom.view(call.session.sid))
    if path[2] != "revision":
        raise bad_data()
    found = revisions.find(adom, path[3])
    return adom, found.version, found.rows


def _comparison(call: Call) -> Comparison:
    found = call.session.caches.get(f"diff {call.param.get('token')}")
    if not isinstance(found, Comparison):
        raise bad_data()
    return found


def _objects(found: Comparison) -> list[Change]:
    return [
        c
        for c in found.changes
        if package_of(c.table) is None and c.table not in (PACKAGES, BLOCKS)
    ]


def _kind(change: Change) -> str:
    if change.before is None:
        return "added"
    return "deleted" if change.after is None else "changed"


def _row(change: Change) -> Row:
    row = change.after or change.before
    if row is None:
        raise bad_data()
    return row


def summary(world: World, call: Call, rest: tuple[str, ...] = ()) -> Members:
    """How many objects and packages differ, by category; or those of one package."""
    found = _comparison(call)
    if rest:
        if rest[0] != "pkg":
            raise bad_url()
        return {"data": {"obj": _counted_policies(found, "/".join(rest[1:])), "percent": 100}}
    data: dict[str, Any] = {"percent": 100}
    objects = _objects(found)
    if objects:
        data["obj"] = _counted(objects)
    packages = [c for c in found.changes if c.table == PACKAGES]
    if packages:
        data["pkg"] = _counted(packages)
    return {"data": data}


def _policies(found: Comparison, package: str) -> list[Change]:
    return [c for c in found.changes if found.packages.get(c.table) == package]


def _counted_policies(found: Comparison, package: str) -> dict[str, Any]:
    """As `_counted`, with each policy's place and how many the package has."""
    counted = _counted(_policies(found, package))
    order = found.orders.get(package, ())
    for category in counted["summary"]:
        category["size"] = len(order)
        for kind in ("added", "changed", "deleted"):
            for shown in category.get(kind, ()):
                key = shown["name"]
                shown["obj seq"] = order.index(key) + 1 if key in order else 0
    return counted


def _counted(changes: list[Change]) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    by_table: dict[str, dict[str, list[Any]]] = {}
    for change in changes:
        kind, row = _kind(change), _row(change)
        counts[kind] = counts.get(kind, 0) + 1
        shown: dict[str, Any] = {"name": row.key, "timestamp": row.modified, "user": row.by}
        if change.table == PACKAGES:
            shown["percent"] = 100
        by_table.setdefault(change.table, {}).setdefault(kind, []).append(shown)
    return {**counts, "summary": [_category(name) | kinds for name, kinds in by_table.items()]}


def _category(store: str) -> dict[str, Any]:
    table = table_of(store)
    return {"category": table.category if table is not None else 0}


def object_details(world: World, call: Call) -> Members:
    """Every object that differs: changed attributes with new and old value."""
    changes = _objects(_comparison(call))
    found: dict[str, list[Any]] = {}
    for change in changes:
        found.setdefault(change.table, []).append(_detail(change, world.version))
    data = [{**_category(table), "data": rows} for table, rows in found.items()]
    return {"data": data} if data else {}


def _detail(change: Change, version: tuple[int, ...]) -> dict[str, Any]:
    table, row = table_of(change.table), _row(change)
    if table is None:
        return {"name": row.key}
    shown = _quoted(table, row, version)
    if change.before is not None and change.after is not None:
        old = _quoted(table, change.before, version)
        shown = {
            name: value if old.get(name) == value else {"n": value, "o": old.get(name)}
            for name, value in shown.items()
        }
    flag = {"added": 1, "changed": 2, "deleted": 3}[_kind(change)]
    return {**shown, "diff_flag": flag, "timestamp": row.modified, "user": row.by}


def _quoted(table: Table, row: Row, version: tuple[int, ...]) -> dict[str, Any]:
    """As object history, but names in lists stand in quotes."""
    shown = config_of(table, row, version)
    shown.pop("oid")
    for name, attribute in table.attributes.items():
        if attribute.kind is Kind.NAMES and name in shown:
            value = row.attrs.get(name, attribute.default)
            shown[name] = [f'"{item}"' for item in give_out(attribute, value, verbose=True)]
    return shown


def policy_details(world: World, call: Call, rest: tuple[str, ...]) -> Members:
    """The policies of one package that differ."""
    if rest[-2:] != ("firewall", "policy"):
        raise bad_url()
    found, package = _comparison(call), "/".join(rest[:-2])
    order, fields = found.orders.get(package, ()), field_names(call)
    data = []
    for change in _policies(found, package):
        shown = _detail(change, world.version)
        shown["obj seq"] = order.index(int(change.key)) + 1 if change.key in order else 0
        keep = {*(fields or shown), "policyid", "obj seq", "diff_flag", "timestamp", "user"}
        data.append({name: value for name, value in shown.items() if name in keep})
    return {"data": data} if data else {}


def script(world: World, call: Call) -> Members:
    """The objects that differ as FortiOS commands."""
    return _script(_objects(_comparison(call)))


def package_script(world: World, call: Call, rest: tuple[str, ...]) -> Members:
    """The policies of one package that differ as FortiOS commands."""
    return _script(_policies(_comparison(call), "/".join(rest)))


def _script(changes: list[Change]) -> Members:
    found = ((table_of(change.table), change.before, change.after) for change in changes)
    text = "".join(difference_text(t, before, after) for t, before, after in found if t is not None)
    return {"data": {"percent": 100, "script": text}}


def end(world: World, call: Call) -> Members:
    """Forget a comparison."""
    _comparison(call)
    del call.session.caches[f"diff {call.param.get('token')}"]
    return {}


_BASE = "/cache/diff"
ROUTES = (
    Route("exec", _BASE + "/start", start),
    Route("exec", _BASE + "/get/summary", summary),
    Route("exec", _BASE + "/get/summary/{rest*}", summary),
    Route("exec", _BASE + "/get/detail/obj/all objs", object_details),
    Route("exec", _BASE + "/get/detail/pkg/{rest*}", policy_details),
    Route("exec", _BASE + "/get/cli/obj", script),
    Route("exec", _BASE + "/get/cli/pkg/{rest*}", package_script),
    Route("exec", _BASE + "/end", end),
)
