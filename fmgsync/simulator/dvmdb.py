"""The device manager's database: ADOMs, devices with their VDOMs, device groups."""

from __future__ import annotations

from typing import Any, Final

from fmgsync.simulator.adom import Adom, DeviceGroup
from fmgsync.simulator.call import Call, Members
from fmgsync.simulator.codes import absent, bad_data, bad_url, exists
from fmgsync.simulator.devices import Device, Vdom
from fmgsync.simulator.plain import PlainRow, Words, answer_row, answer_table
from fmgsync.simulator.reading import uuid_of
from fmgsync.simulator.route import Route
from fmgsync.simulator.world import World

Rest = tuple[str, ...]
ADOM_WORDS: Final[Words] = {
    "mode": {"ems": 1, "gms": 2, "provider": 3},
    "restricted_prds": {"fos": 1},
}
DEVICE_WORDS: Final[Words] = {
    "conf_status": {"unknown": 0, "insync": 1, "outofsync": 2},
    "conn_mode": {"active": 0, "passive": 1},
    "conn_status": {"UNKNOWN": 0, "up": 1, "down": 2},
    "db_status": {"unknown": 0, "nomod": 1, "mod": 2},
    "dev_status": {"none": 0, "unknown": 1, "installed": 4, "retrieved": 10, "auto_updated": 15},
    "ha_mode": {"standalone": 0, "AP": 1, "AA": 2},
    "mgmt_mode": {"unreg": 0, "fmg": 1, "faz": 2, "fmgfaz": 3},
    "os_type": {"unknown": -1, "fos": 0},
}
_WORKSPACE: Final = {"disabled": 0, "normal": 1, "workflow": 2}
_MEMBERS: Final = "object member"


def show_adom(adom: Adom, call: Call) -> PlainRow:
    """An ADOM as a row."""
    major, minor = adom.os_version
    shown: PlainRow = {
        "create_time": 1_577_836_800,
        "desc": adom.description,
        "flags": ["no_vpn_console"] if call.verbose else 8,
        "lock_override": 0,
        "mig_mr": minor,
        "mig_os_ver": f"{major}.0",
        "mode": "gms",
        "mr": minor,
        "name": adom.name,
        "oid": adom.oid,
        "os_ver": f"{major}.0",
        "restricted_prds": "fos",
        "state": 1,
        "tab_status": "",
        "tz": 0,
        "uuid": uuid_of(adom.oid),
        "workspace_mode": _WORKSPACE[adom.mode],
    }
    if _MEMBERS in call.options():
        shown[_MEMBERS] = [
            {"name": name, "vdom": vdom} for name, vdoms in adom.members.items() for vdom in vdoms
        ]
    return shown


def read_adoms(world: World, call: Call) -> Members:
    """The ADOMs this administrator may enter."""
    visible = [adom for adom in world.adoms.values() if call.session.admin.may_enter(adom.name)]
    rows = [show_adom(adom, call) for adom in visible if adom.name != "global"]
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
            devices = [show_device(world, world.devices[name], adom) for name in adom.members]
            found["device"] = [_only(device, fields) for device in devices]
    row["expand member"] = found


def _only(row: PlainRow, fields: Any) -> PlainRow:
    if not isinstance(fields, list):
        return row
    return {name: row[name] for name in ("name", "oid", *fields) if name in row}


def read_adom(world: World, call: Call, adom: str) -> Members:
    """One ADOM."""
    place = world.adoms.get(adom)
    if place is None:
        raise absent()
    world.enter(adom, call.session)
    row = show_adom(place, call)
    _expand(world, place, call, row)
    return answer_row(call, row, always=("name", "oid", _MEMBERS, *_extra(call)), words=ADOM_WORDS)


def show_device(world: World, device: Device, adom: Adom | None) -> PlainRow:
    """A device as a row; within an ADOM only the VDOMs that belong to it."""
    major, minor, patch = device.os_version
    vdoms = adom.members.get(device.name) if adom is not None else None
    return {
        "adm_usr": "admin",
        "build": device.build,
        "conf_status": device.conf_status(),
        "conn_mode": "passive",
        "conn_status": "up" if device.online else "down",
        "db_status": device.db_status(),
        "desc": device.description,
        "dev_status": device.status,
        "flags": ["has_hdd", "reload"],
        "ha_group_name": "",
        "ha_mode": "standalone",
        "ha_slave": None,
        "hostname": device.hostname or device.name,
        "ip": device.ip,
        "last_checked": int(world.started),
        "maxvdom": 10,
        "mgmt_mode": "fmgfaz",
        "mgt_vdom": "root",
        "mr": minor,
        "name": device.name,
        "oid": device.oid,
        "os_type": "fos",
        "os_ver": f"{major}.0",
        "patch": patch,
        "platform_str": device.platform,
        "sn": device.serial,
        "source": "faz",
        "tab_status": "",
        "vdom": [
            show_vdom(device, vdom)
            for vdom in device.vdoms.values()
            if vdoms is None or vdom.name in vdoms
        ],
        "version": major * 100,
    }


def show_vdom(device: Device, vdom: Vdom) -> PlainRow:
    """A VDOM as a row of the device's sub-table."""
    return {
        "comments": "",
        "devid": device.name,
        "ext_flags": 1,
        "flags": None,
        "name": vdom.name,
        "node_flags": 4,
        "oid": vdom.oid,
        "opmode": "nat",
        "rtm_prof_id": 0,
        "status": None,
        "tab_status": None,
        "vpn_id": 0,
    }


def _device_rows(world: World, call: Call, adom: Adom | None) -> list[PlainRow]:
    if adom is not None:
        devices = [world.devices[name] for name in adom.members]
    else:
        devices = [device for device in world.devices.values() if _may_see(world, call, device)]
    rows = [show_device(world, device, adom) for device in devices]
    if "assignment info" in call.options():
        for row in rows:
            _add_assignment(world, row)
    return rows


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
    rows = [row for row in rows if _has_vdom(call, row)]
    return answer_table(call, rows, subtables=("ha_slave", "vdom"), words=DEVICE_WORDS)


def _has_vdom(call: Call, row: PlainRow) -> bool:
    """`sub fetch` on vdom keeps devices with a VDOM of that name, and only that VDOM."""
    fetch = call.param.get("sub fetch")
    filter_ = fetch.get("vdom", {}).get("filter") if isinstance(fetch, dict) else None
    if not isinstance(filter_, list) or filter_[:2] != ["name", "=="] or len(filter_) != 3:
        return True
    row["vdom"] = [vdom for vdom in row["vdom"] if vdom["name"] == filter_[2]]
    return bool(row["vdom"])


def _found(world: World, call: Call, adom: str | None, name: str) -> PlainRow:
    place = world.enter(adom, call.session) if adom is not None else None
    device = world.device(name)
    if place is not None and not place.has(name):
        raise absent()
    row = show_device(world, device, place)
    if "assignment info" in call.options():
        _add_assignment(world, row)
    return row


def read_device(world: World, call: Call, device: str, adom: str | None = None) -> Members:
    """One device."""
    row = _found(world, call, adom, device)
    return answer_row(call, row, subtables=("ha_slave", "vdom"), words=DEVICE_WORDS)


def read_vdoms(world: World, call: Call, device: str, adom: str | None = None) -> Members:
    """The VDOM sub-table of a device."""
    row = _found(world, call, adom, device)
    return answer_table(call, row["vdom"], always=("name", "oid", "devid"))


def read_vdom(world: World, call: Call, device: str, vdom: str, adom: str | None = None) -> Members:
    """One VDOM of a device."""
    for row in _found(world, call, adom, device)["vdom"]:
        if row["name"] == vdom:
            return answer_row(call, row)
    raise absent()


def show_group(world: World, group: DeviceGroup, call: Call) -> PlainRow:
    """A device group; members on request."""
    shown: PlainRow = {
        "desc": group.description,
        "name": group.name,
        "oid": group.oid,
        "os_type": "fos",
        "type": group.kind,
    }
    if _MEMBERS in call.options():
        shown[_MEMBERS] = [_show_member(world, member) for member in group.members]
    return shown


def _show_member(world: World, member: tuple[str, str | None]) -> PlainRow:
    name, vdom = member
    device = world.devices.get(name)
    if vdom is None or device is None:
        return {"name": name}
    return {
        "name": name,
        "oid": device.oid,
        "vdom": vdom,
        "vdom_oid": device.vdoms[vdom].oid if vdom in device.vdoms else 0,
    }


_GROUP_WORDS: Final[Words] = {"os_type": {"fos": 0}, "type": {"normal": 0, "default": 1}}


def read_groups(world: World, call: Call, adom: str) -> Members:
    """Device groups of an ADOM."""
    place = world.enter(adom, call.session)
    rows = [show_group(world, group, call) for group in place.groups.values()]
    return answer_table(call, rows, always=("name", "oid", _MEMBERS), words=_GROUP_WORDS)


def _group(world: World, call: Call, adom: str, name: str) -> tuple[Adom, DeviceGroup]:
    place = world.enter(adom, call.session)
    group = place.groups.get(name)
    if group is None:
        raise absent()
    return place, group


def read_group(world: World, call: Call, adom: str, group: str) -> Members:
    """One device group."""
    row = show_group(world, _group(world, call, adom, group)[1], call)
    return answer_row(call, row, always=("name", "oid", _MEMBERS), words=_GROUP_WORDS)


def write_group(world: World, call: Call, adom: str, group: str | None = None) -> Members:
    """Create a device group, or change its description."""
    place = world.enter(adom, call.session)
    record = call.record()
    name = group or record.get("name")
    if not isinstance(name, str) or not name:
        raise bad_data()
    known = place.groups.get(name)
    if known is None and call.method == "update":
        raise absent()
    if known is not None and call.method == "add":
        raise exists()
    if known is None:
        known = place.groups[name] = DeviceGroup(name, world.next_oid())
    if isinstance(record.get("desc"), str):
        known.description = record["desc"]
    return {}


def delete_group(world: World, call: Call, adom: str, group: str) -> Members:
    """Remove a device group."""
    place, _ = _group(world, call, adom, group)
    del place.groups[group]
    return {}


def write_members(world: World, call: Call, adom: str, group: str) -> Members:
    """Add, set or delete members of a device group."""
    place, known = _group(world, call, adom, group)
    members = [_member(place, record) for record in call.records()]
    if call.method == "delete":
        known.members = [member for member in known.members if member not in members]
    else:
        before = [] if call.method == "set" else known.members
        known.members = list(dict.fromkeys([*before, *members]))
    return {}


def _member(adom: Adom, record: Any) -> tuple[str, str | None]:
    name, vdom = record.get("name"), record.get("vdom")
    if not isinstance(name, str) or not isinstance(vdom, str | None):
        raise bad_data()
    if not (adom.has(name, vdom) if vdom is not None else name in adom.groups):
        raise absent()
    return name, vdom


def read_members(world: World, call: Call, adom: str, group: str) -> Members:
    """Members of a device group as a table."""
    _, known = _group(world, call, adom, group)
    rows = [_show_member(world, member) for member in known.members]
    return answer_table(call, rows, always=("name", "vdom"))


def refuse(world: World, call: Call, **_: Any) -> Members:
    """Urls that exist without meaning here."""
    raise bad_url()


_ADOM = "/dvmdb/adom/{adom}"
_GROUP = _ADOM + "/group/{group}"
ROUTES = (
    Route("get", "/dvmdb/adom", read_adoms),
    Route("get", _ADOM, read_adom),
    Route("get", _ADOM + "/device", read_devices),
    Route("get", _ADOM + "/device/{device}", read_device),
    Route("get", _ADOM + "/device/{device}/vdom", read_vdoms),
    Route("get", _ADOM + "/device/{device}/vdom/{vdom}", read_vdom),
    Route("get", "/dvmdb/device", read_devices),
    Route("get", "/dvmdb/device/{device}", read_device),
    Route("get", "/dvmdb/device/{device}/vdom", read_vdoms),
    Route("get", "/dvmdb/device/{device}/vdom/{vdom}", read_vdom),
    Route("get", _ADOM + "/group", read_groups),
    Route("add set update", _ADOM + "/group", write_group),
    Route("get", _GROUP, read_group),
    Route("set update", _GROUP, write_group),
    Route("delete", _GROUP, delete_group),
    Route("get", _GROUP + "/object member", read_members),
    Route("add set delete", _GROUP + "/object member", write_members),
)
