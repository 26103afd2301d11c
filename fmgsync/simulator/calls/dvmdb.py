"""The device manager's database: ADOMs, devices with their VDOMs, device groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fmgsync.simulator.calls.dvmshow import (
    ADOM_WORDS,
    DEVICE_WORDS,
    MEMBERS,
    show_adom,
    show_device,
)
from fmgsync.simulator.calls.plain import (
    PlainRow,
    answer_row,
    answer_table,
    choose,
    show_plain,
)
from fmgsync.simulator.calls.records import show_meta
from fmgsync.simulator.calls.subfetch import Wanted, wanted_of
from fmgsync.simulator.codes import absent, bad_data
from fmgsync.simulator.state.adom import Adom
from fmgsync.simulator.state.devices import Device
from fmgsync.simulator.state.ignored import Heard
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

Rest = tuple[str, ...]


_SUBTABLES = ("ha_slave", "onboard_rule", "vdom")
_INFO = ("assignment info", "extra info", "get meta")
_ALWAYS = ("name", "oid", *_INFO[:2])


def read_adoms(world: World, call: Call) -> Members:
    """The ADOMs this administrator may enter."""
    visible = [adom for adom in world.adoms.values() if call.session.admin.may_enter(adom.name)]
    visible.sort(key=lambda adom: adom.name)
    rows = [show_adom(world, adom, call) for adom in visible if adom.name != "global"]
    for row in rows:
        _expand(world, world.adoms[row["name"]], call, row)
    return answer_table(call, rows, always=("name", "oid", *_extra(call)), words=ADOM_WORDS)


def _extra(call: Call) -> tuple[str, ...]:
    return ("expand member",) if "expand member" in call.param else ()


def _expand(world: World, adom: Adom, call: Call, row: PlainRow) -> None:
    wanted = call.param.get("expand member")
    if wanted is None:
        return
    if not isinstance(wanted, list) or not all(isinstance(item, dict) for item in wanted):
        raise bad_data()
    found: dict[str, Any] = {}
    for item in wanted:
        if item.get("url") in ("device", "/device"):
            fields = item.get("fields")
            devices = [
                show_device(world, world.devices[name], adom) for name in sorted(adom.members)
            ]
            found |= {"device": [_only(device, fields) for device in devices]} if devices else {}
        else:
            call.ignore("parameter", f"expand member.{item.get('url')}")
    if found:
        row["expand member"] = found


def _only(row: PlainRow, fields: Any) -> PlainRow:
    if not isinstance(fields, list):
        return row
    names = [name for name in fields if isinstance(name, str)]
    return {name: row[name] for name in ("name", "oid", *names) if name in row}


def read_adom(world: World, call: Call, adom: str) -> Members:
    """One ADOM."""
    place = world.adoms.get(adom)
    if place is None:
        raise absent()
    world.enter(adom, call.session)
    row = show_adom(world, place, call)
    _expand(world, place, call, row)
    return answer_row(call, row, always=("name", "oid", MEMBERS, *_extra(call)), words=ADOM_WORDS)


def _device_rows(world: World, call: Call, adom: Adom | None) -> list[PlainRow]:
    if adom is not None:
        devices = [world.devices[name] for name in adom.members]
    else:
        devices = [device for device in world.devices.values() if _may_see(world, call, device)]
    devices.sort(key=lambda device: device.name)
    call.options().asked.update(_INFO)
    return [_shown(world, call, device, adom) for device in devices]


def _shown(world: World, call: Call, device: Device, adom: Adom | None) -> PlainRow:
    """A device with what the options add to it and to its VDOMs."""
    row, options = show_device(world, device, adom), call.options()
    show_meta(call, row, device.kept, world.meta_fields("device"))
    for vdom in row["vdom"]:
        kept = device.vdoms[vdom["name"]].kept
        show_meta(call, vdom, kept, world.meta_fields("device/vdom"))
    if "extra info" in options:
        homes = [adom] if adom is not None else world.adoms_of(device.name)
        for vdom in row["vdom"]:
            inside = (home.name for home in homes if home.has(device.name, vdom["name"]))
            vdom["extra info"] = {"adom": next(inside, "")}
        row["extra info"] = {"adom": homes[0].name if homes else ""}
    if "assignment info" in options:
        _add_assignment(world, row)
    return row


def _may_see(world: World, call: Call, device: Device) -> bool:
    return any(call.session.admin.may_enter(a.name) for a in world.adoms_of(device.name))


def _add_assignment(world: World, row: PlainRow) -> None:
    """The package installed on each VDOM, as `assignment info` answers it."""
    for vdom in row["vdom"]:
        scope = (row["name"], vdom["name"])
        for adom in world.adoms_of(row["name"]):
            known = adom.installed.get(scope)
            if known is not None:
                packages = {p.oid: str(p.key) for p in adom.packages(adom.ground)}
                vdom["assignment info"] = [
                    {
                        "name": packages.get(known.package, ""),
                        "status": known.status,
                        "type": "policy",
                    }
                ]


def read_devices(world: World, call: Call, adom: str | None = None) -> Members:
    """Devices of an ADOM, or all of them."""
    place = world.enter(adom, call.session) if adom is not None else None
    rows = _device_rows(world, call, place)
    wanted = wanted_of(call, _SUBTABLES)
    rows = [row for row in rows if _fetched(call, row, wanted)]
    return answer_table(call, rows, always=_ALWAYS, subtables=_SUBTABLES, words=DEVICE_WORDS)


def _fetched(call: Call, row: PlainRow, wanted: Mapping[str, Wanted]) -> bool:
    """`sub fetch`: hidden sub-tables go, filtered ones keep what matches; False for too few."""
    for name, asked in wanted.items():
        if name not in row:
            continue
        if asked.hidden:
            del row[name]
            continue
        inner = replace(call, param=Heard({"filter": asked.filter, "fields": asked.fields}))
        kept = choose(inner, row[name] or [], {})
        if not asked.enough(len(kept)):
            return False
        always = ("name", "oid", "devid")
        shown = [show_plain(inner, r, always=always, subtables=(), words={}) for r in kept]
        row[name] = shown if shown or row[name] is not None else None
    return True


def _found(world: World, call: Call, adom: str | None, name: str) -> PlainRow:
    place = world.enter(adom, call.session) if adom is not None else None
    device = world.device(name)
    if place is not None and not place.has(name):
        raise absent()
    return _shown(world, call, device, place)


def read_device(world: World, call: Call, device: str, adom: str | None = None) -> Members:
    """One device."""
    row = _found(world, call, adom, device)
    _fetched(call, row, wanted_of(call, _SUBTABLES))
    return answer_row(call, row, always=_ALWAYS, subtables=_SUBTABLES, words=DEVICE_WORDS)


def read_cluster(world: World, call: Call, device: str, adom: str | None = None) -> Members:
    """The units of a FortiGate HA cluster."""
    row = _found(world, call, adom, device)
    return answer_table(call, row["ha_slave"] or [], words=DEVICE_WORDS)


def read_vdoms(world: World, call: Call, device: str, adom: str | None = None) -> Members:
    """The VDOM sub-table of a device."""
    row = _found(world, call, adom, device)
    return answer_table(call, row["vdom"], always=("name", "oid", "devid"), words=DEVICE_WORDS)


def read_vdom(world: World, call: Call, device: str, vdom: str, adom: str | None = None) -> Members:
    """One VDOM of a device."""
    for row in _found(world, call, adom, device)["vdom"]:
        if row["name"] == vdom:
            return answer_row(call, row, words=DEVICE_WORDS)
    raise absent()


_ADOM = "/dvmdb/adom/{adom}"
ROUTES = (
    Route("get", "/dvmdb/adom", read_adoms),
    Route("get", _ADOM, read_adom),
    Route("get", _ADOM + "/device", read_devices),
    Route("get", _ADOM + "/device/{device}", read_device),
    Route("get", _ADOM + "/device/{device}/ha_slave", read_cluster),
    Route("get", "/dvmdb/device/{device}/ha_slave", read_cluster),
    Route("get", _ADOM + "/device/{device}/vdom", read_vdoms),
    Route("get", _ADOM + "/device/{device}/vdom/{vdom}", read_vdom),
    Route("get", "/dvmdb/device", read_devices),
    Route("get", "/dvmdb/device/{device}", read_device),
    Route("get", "/dvmdb/device/{device}/vdom", read_vdoms),
    Route("get", "/dvmdb/device/{device}/vdom/{vdom}", read_vdom),
)
