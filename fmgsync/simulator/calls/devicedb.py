"""FortiManager's copy of each device: `/pm/config/device/{dev}/vdom/{vdom}/...`, `.../global/...`.

Firewall objects are read and written like the ADOM's, without mappings; a write makes the device
database differ from the unit (`db_status` mod) until it is installed. Everything else is kept as
it was written, under its path.
"""

from __future__ import annotations

from typing import Any

from fmgsync.simulator.calls.cliconfig import table_named
from fmgsync.simulator.calls.reading import View, heed_table, select, show
from fmgsync.simulator.calls.writing import attributes_of
from fmgsync.simulator.codes import Refusal, absent, bad_data, bad_url, exists, no_permission
from fmgsync.simulator.schema.tables import Table
from fmgsync.simulator.state.devices import Device, Entry, Vdom
from fmgsync.simulator.state.locks import holds
from fmgsync.simulator.state.store import Change, Database, Row
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

Rest = tuple[str, ...]


def _device(world: World, call: Call, name: str) -> Device:
    unit = world.devices.get(name)
    if unit is None:
        raise bad_url()
    adoms = world.adoms_of(name)
    if not any(call.session.admin.may_enter(adom.name) for adom in adoms):
        raise no_permission()
    if call.method != "get" and not all(
        adom.mode == "disabled"
        or holds(adom, call.session, "adom")
        or holds(adom, call.session, "dev", name)
        for adom in adoms
    ):
        raise Refusal(-20020)
    return unit


def _vdom(world: World, call: Call, device: str, vdom: str) -> Vdom:
    held = _device(world, call, device).vdoms.get(vdom)
    if held is None:
        raise bad_url()
    return held


def _table(rest: Rest) -> tuple[Table, Rest] | None:
    for length in range(min(3, len(rest)), 0, -1):
        name = " ".join(rest[:length])
        table = table_named(name)
        if table is not None:
            return table, rest[length:]
    return None


def _key(table: Table, text: str) -> str | int:
    if not table.numbered:
        return text
    if not text.isdecimal() or len(text) > 12:
        raise bad_url()
    return int(text)


def _snapshot(table: Table, vdom: Vdom, version: tuple[int, ...]) -> View:
    """The table as a database of its own, so that it is read like any other."""
    database = Database()
    for key, entry in vdom.table(table.name).items():
        row = Row(key, entry.oid, entry.attrs, {}, entry.created, entry.modified, entry.by)
        database.write(Change(table.name, key, None, row))
    return View(table, database, table.name, version)


def read(world: World, call: Call, device: str, vdom: str, rest: Rest) -> Members:
    """A table or an object of the device database."""
    held, found = _vdom(world, call, device, vdom), _table(rest)
    if found is None:
        return _read_setting(world.devices[device], f"vdom/{vdom}", rest)
    table, path = found
    if len(path) > 1:
        raise bad_url()
    if path:
        return _read_one(call, table, held, _key(table, path[0]), world.version)
    if "count" in call.options() and call.param.get("filter") is None:
        return {"data": len(held.table(table.name))}
    view = _snapshot(table, held, world.version)
    heed_table(view, call)
    rows = select(view, call)
    if "count" in call.options():
        return {"data": len(rows)}
    return {"data": [_show(view, row, call) for row in rows]} if rows else {}


def _read_one(
    call: Call, table: Table, vdom: Vdom, key: str | int, version: tuple[int, ...]
) -> Members:
    entry = vdom.get((table.name, key))
    if entry is None:
        raise absent()
    row = Row(key, entry.oid, entry.attrs)
    return {"data": _show(View(table, Database(), table.name, version), row, call)}


def _show(view: View, row: Row, call: Call) -> dict[str, object]:
    shown = show(view, row, call)
    shown.pop("dynamic_mapping", None)
    return shown


def write(world: World, call: Call, device: str, vdom: str, rest: Rest) -> Members:
    """Objects of the device database; a package install overwrites what the package has too."""
    held, found = _vdom(world, call, device, vdom), _table(rest)
    if found is None:
        return _write_setting(world.devices[device], call, f"vdom/{vdom}", rest)
    table, path = found
    if len(path) > 1:
        raise bad_url()
    keys = [_write_row(world, call, held, table, path, record) for record in call.rows()]
    return {"data": {table.key: keys[0]}} if len(keys) == 1 else {}


def _write_row(
    world: World, call: Call, vdom: Vdom, table: Table, path: Rest, record: Any
) -> str | int:
    given = path[0] if path else record.get(table.key)
    if not isinstance(given, str | int):
        raise bad_data()
    key = _key(table, str(given))
    before = vdom.get((table.name, key))
    if before is not None and call.method == "add":
        raise exists()
    if before is None and call.method in ("update", "replace"):
        raise absent()
    base = before.attrs if before is not None and call.method != "replace" else {}
    attrs = attributes_of(
        table, record, base, world.version, lambda name: call.ignore("member", name)
    )
    oid = before.oid if before is not None else world.next_oid()
    _put(vdom, (table.name, key), Row(key, oid, attrs))
    return key


def _put(vdom: Vdom, target: tuple[str, str | int], entry: Entry | None) -> None:
    vdom.put(target, entry)
    vdom.tampered.add(target)
    if entry is not None and not vdom.uses.get(target):
        vdom.orphans.add(target)


def delete(world: World, call: Call, device: str, vdom: str, rest: Rest) -> Members:
    """Remove an object or a setting from the device database."""
    held, found = _vdom(world, call, device, vdom), _table(rest)
    if found is None:
        path = f"vdom/{vdom}/{'/'.join(rest)}"
        if world.devices[device].settings.pop(path, None) is None:
            raise absent()
        world.devices[device].pending_global = True
        return {}
    table, path_in_table = found
    if len(path_in_table) != 1:
        raise bad_url()
    target = (table.name, _key(table, path_in_table[0]))
    if held.get(target) is None:
        raise absent()
    if held.uses.get(target):
        raise Refusal(-10015)
    _put(held, target, None)
    return {}


def _read_setting(device: Device, area: str, rest: Rest) -> Members:
    """What was written there, or the rows below it."""
    path = f"{area}/{'/'.join(rest)}"
    if path in device.settings:
        return {"data": device.settings[path]}
    below = [v for p, v in device.settings.items() if p.startswith(f"{path}/")]
    if not below:
        raise absent()
    return {"data": below}


def _write_setting(device: Device, call: Call, area: str, rest: Rest) -> Members:
    path, record = f"{area}/{'/'.join(rest)}", call.record()
    before = device.settings.get(path, {})
    after = {**before, **record}
    if after != before or call.method == "add":
        device.settings[path] = after
        device.pending_global = True
    return {}


def read_global(world: World, call: Call, device: str, rest: Rest) -> Members:
    """Device-wide settings that were written before."""
    return _read_setting(_device(world, call, device), "global", rest)


def write_global(world: World, call: Call, device: str, rest: Rest) -> Members:
    """Device-wide settings."""
    return _write_setting(_device(world, call, device), call, "global", rest)


_VDOM = "/pm/config/device/{device}/vdom/{vdom}/{rest*}"
_GLOBAL = "/pm/config/device/{device}/global/{rest*}"
ROUTES = (
    Route("get", _VDOM, read),
    Route("add set update replace", _VDOM, write),
    Route("delete", _VDOM, delete),
    Route("get", _GLOBAL, read_global),
    Route("add set update replace", _GLOBAL, write_global),
)
