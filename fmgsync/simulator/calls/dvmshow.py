"""ADOMs, devices, VDOMs and device groups as rows of the device manager's database."""

from __future__ import annotations

from typing import Final

from fmgsync.simulator.calls.plain import PlainRow, Words
from fmgsync.simulator.calls.reading import uuid_of
from fmgsync.simulator.calls.records import ADOM, DEVICE, GROUP, VDOM, defaults, show_meta, words
from fmgsync.simulator.state.adom import Adom, DeviceGroup
from fmgsync.simulator.state.devices import Device, Vdom
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call

_BITS: Final = ("flags", "foslic_utm")
ADOM_WORDS: Final[Words] = {n: w for n, w in words(ADOM).items() if n not in _BITS}
DEVICE_WORDS: Final[Words] = {
    **{n: w for n, w in words(DEVICE, VDOM).items() if n not in _BITS},
    "role": {"slave": 0, "master": 1},
}
_WORKSPACE: Final = {"disabled": 0, "normal": 1, "workflow": 2}
MEMBERS: Final = "object member"
NEWER: Final = (7, 4, 0)
"""From about here on devices show a few members more (recorded, with unknown release)."""


GROUP_WORDS: Final[Words] = words(GROUP)


def show_adom(world: World, adom: Adom, call: Call) -> PlainRow:
    """An ADOM as a row."""
    major, minor = adom.os_version
    shown: PlainRow = {
        "create_time": 1_577_836_800,
        "desc": "",
        "flags": _adom_flags(adom) if call.verbose else 8,
        "lock_override": 0,
        "log_db_retention_hours": 1440,
        "log_disk_quota": 0,
        "log_disk_quota_alert_thres": 90,
        "log_disk_quota_split_ratio": 70,
        "log_file_retention_hours": 8760,
        "logview_customize": "",
        "mig_mr": minor,
        "mig_os_ver": f"{major}.0",
        "mode": "gms",
        "mr": minor,
        "name": adom.name,
        "obj_customize": "",
        "oid": adom.oid,
        "os_ver": f"{major}.0",
        "restricted_prds": "fos",
        "state": 1,
        "tab_status": "",
        "tz": 0,
        "uuid": uuid_of(adom.oid),
        "workspace_mode": _WORKSPACE[adom.mode],
        **adom.kept,
    }
    show_meta(call, shown, adom.kept, world.meta_fields("adom"))
    if MEMBERS in call.options():
        shown[MEMBERS] = [
            {"name": name, "vdom": vdom} for name, vdoms in adom.members.items() for vdom in vdoms
        ]
    return shown


def _adom_flags(adom: Adom) -> str | list[str]:
    """One flag stands by itself, several in a list."""
    return ["no_vpn_console", "backup"] if adom.backup else "no_vpn_console"


def show_device(world: World, device: Device, adom: Adom | None) -> PlainRow:
    """A device as a row; within an ADOM only the VDOMs that belong to it."""
    major, minor, patch = device.os_version
    vdoms = adom.members.get(device.name) if adom is not None else None
    return {
        **defaults(DEVICE),
        "adm_usr": "admin",
        "build": device.build,
        "conf_status": device.conf_status(),
        "conn_mode": "passive",
        "conn_status": "up" if device.online else "down",
        "db_status": device.db_status(),
        "dev_status": device.status,
        "flags": ["has_hdd", "reload", *(["is_model"] if device.model else [])],
        "ha_group_name": "",
        "ha_mode": "AP" if device.cluster else "standalone",
        "ha_slave": show_cluster(world, device) or None,
        "hostname": device.hostname or device.name,
        "ip": device.ip,
        "last_checked": int(world.started),
        "maxvdom": 10,
        "mgmt_mode": "fmgfaz" if device.authorized else "unreg",
        "mgt_vdom": "root",
        "mr": minor,
        "name": device.name,
        "oid": device.oid,
        **({"onboard_rule": None} if world.version >= NEWER else {}),
        "os_type": "fos",
        "os_ver": f"{major}.0",
        "patch": patch,
        "platform_str": device.platform,
        "sn": device.serial,
        "source": "faz",
        "tab_status": "",
        "vdom": [
            show_vdom(world, device, vdom)
            for vdom in device.vdoms.values()
            if vdoms is None or vdom.name in vdoms
        ],
        "version": major * 100,
        **device.kept,
    }


def show_cluster(world: World, device: Device) -> list[PlainRow]:
    """The units of an HA cluster; status 1 is up, 2 is down."""
    newer = {"conf_status": 1} if world.version >= NEWER else {}
    return [
        {
            **newer,
            "did": device.name,
            "flags": None,
            "idx": at,
            "name": unit.name,
            "oid": unit.oid,
            "prio": unit.priority,
            "role": unit.role,
            "sn": unit.serial,
            "status": 1 if unit.up else 2,
        }
        for at, unit in enumerate(device.cluster)
    ]


def show_vdom(world: World, device: Device, vdom: Vdom) -> PlainRow:
    """A VDOM as a row of the device's sub-table."""
    newer = {"vdom_type": "traffic"} if world.version >= NEWER else {}
    return {
        **newer,
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
        **vdom.kept,
    }


def show_group(world: World, group: DeviceGroup, call: Call) -> PlainRow:
    """A device group; members on request."""
    shown: PlainRow = {
        "desc": "",
        "name": group.name,
        "oid": group.oid,
        "os_type": "fos",
        "type": group.kind,
        **group.kept,
    }
    show_meta(call, shown, group.kept, world.meta_fields("group"))
    if MEMBERS in call.options():
        shown[MEMBERS] = [show_member(world, member) for member in group.members]
    return shown


def show_member(world: World, member: tuple[str, str | None]) -> PlainRow:
    """A member of a device group; one without VDOM is a group itself."""
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
