"""FortiManager's copy of each device: `/pm/config/device/{dev}/vdom/{vdom}/...`."""

from __future__ import annotations

from fmgsync.simulator.call import Call, Members
from fmgsync.simulator.catalog import POLICY, TABLES
from fmgsync.simulator.codes import absent, bad_url, no_permission
from fmgsync.simulator.devices import Vdom
from fmgsync.simulator.reading import View, select, show
from fmgsync.simulator.route import Route
from fmgsync.simulator.store import Change, Database, Row
from fmgsync.simulator.tables import Table
from fmgsync.simulator.world import World

Rest = tuple[str, ...]


def _vdom(world: World, call: Call, device: str, vdom: str) -> Vdom:
    unit = world.devices.get(device)
    if unit is None:
        raise bad_url()
    if not any(call.session.admin.may_enter(a.name) for a in world.adoms_of(device)):
        raise no_permission()
    held = unit.vdoms.get(vdom)
    if held is None:
        raise bad_url()
    return held


def _table(rest: Rest) -> tuple[Table, Rest]:
    for length in range(min(3, len(rest)), 0, -1):
        name = " ".join(rest[:length])
        table = POLICY if name == POLICY.name else TABLES.get(name)
        if table is not None:
            return table, rest[length:]
    raise bad_url()


def _snapshot(table: Table, vdom: Vdom, version: tuple[int, ...]) -> View:
    """The table as a database of its own, so that it is read like any other."""
    database = Database()
    for key, entry in vdom.tables.get(table.name, {}).items():
        row = Row(key, entry.oid, entry.attrs, {}, entry.created, entry.modified, entry.by)
        database.write(Change(table.name, key, None, row), (), ())
    return View(table, database, table.name, version)


def read(world: World, call: Call, device: str, vdom: str, rest: Rest) -> Members:
    """A table or an object of the device database."""
    held = _vdom(world, call, device, vdom)
    table, path = _table(rest)
    if len(path) > 1:
        raise bad_url()
    if path:
        return _read_one(call, table, held, path[0], world.version)
    view = _snapshot(table, held, world.version)
    if "count" in call.options() and call.param.get("filter") is None:
        return {"data": len(held.tables.get(table.name, {}))}
    rows = select(view, call)
    if "count" in call.options():
        return {"data": len(rows)}
    return {"data": [_show(view, row, call) for row in rows]} if rows else {}


def _read_one(call: Call, table: Table, vdom: Vdom, key: str, version: tuple[int, ...]) -> Members:
    wanted = int(key) if table is POLICY and key.isdecimal() and len(key) < 12 else key
    entry = vdom.get((table.name, wanted))
    if entry is None:
        raise absent()
    row = Row(wanted, entry.oid, entry.attrs)
    return {"data": _show(View(table, Database(), table.name, version), row, call)}


def _show(view: View, row: Row, call: Call) -> dict[str, object]:
    shown = show(view, row, call)
    shown.pop("dynamic_mapping", None)
    return shown


ROUTES = (Route("get", "/pm/config/device/{device}/vdom/{vdom}/{rest*}", read),)
