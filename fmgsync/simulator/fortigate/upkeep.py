"""Monitor calls about the unit itself: who manages it, its cluster, its revisions, its room.

Shapes: the test data of prometheus-community/fortigate_exporter and Fortinet's API descriptions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fmgsync.simulator.fortigate.config import Config
from fmgsync.simulator.fortigate.envelope import Body
from fmgsync.simulator.state.devices import Device, Vdom

Read = Callable[[Device, Vdom, Mapping[str, str]], Any]
"""Device, VDOM and query, the instant as `now` among it."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """The access group that opens a call, who answers it, and the releases that have it."""

    group: str
    read: Read
    since: tuple[int, ...] = ()
    until: tuple[int, ...] = (99,)
    method: str = "GET"


def _central(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    """7.6: who manages the unit, in words."""
    api, up = device.api, device.api.managed != "no"
    return {
        "mode": "backup" if api.managed == "backup" else "normal",
        "server": _server(device),
        "status": "up" if up and device.online else "down",
        "registration_status": "registered" if up else "unknown",
        "sn": api.manager_serial if up else "",
    }


def _fortimanager(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    """Older releases: the same in numbers; 2 was recorded of a unit that is registered."""
    up = device.api.managed != "no"
    return {
        "mode": "backup" if device.api.managed == "backup" else "normal",
        "server": _server(device),
        "fortimanager_status_id": 2 if up and device.online else 0,
        "fortimanager_registration_status_id": 2 if up else 0,
    }


def _server(device: Device) -> str:
    return device.api.manager if device.api.managed != "no" else ""


def _checksums(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    """One row per unit of the cluster; they have the same configuration."""
    sums = {name: _checksum(device, held) for name, held in device.vdoms.items()}
    sums["global"] = hashlib.md5(device.name.encode(), usedforsecurity=False).hexdigest()
    whole = "".join(sums[name] for name in sorted(sums))
    sums["all"] = hashlib.md5(whole.encode(), usedforsecurity=False).hexdigest()
    others = [unit.serial for unit in device.cluster if unit.serial != device.serial]
    rows = []
    for serial in [device.serial, *others, *device.api.standby]:
        first = int(serial == device.serial)
        row: Body = {"is_manage_master": first, "is_root_master": first, "checksum": sums}
        rows.append({**row, "serial_no": serial})
    return rows


def _checksum(device: Device, vdom: Vdom) -> str:
    config = Config(device, vdom)
    text = "".join(config.revision(table) for table in sorted(vdom.stamps))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _peers(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    """The units of the cluster that answer; none where there is no cluster."""
    return [
        {
            "serial_no": unit.serial,
            "vcluster_id": 0,
            "priority": unit.priority,
            "hostname": unit.name,
            "master": unit.role == "master",
            "primary": unit.role == "master",
        }
        for unit in device.cluster
        if unit.up
    ]


def _history(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    booted = int(device.api.booted)
    events = [{"time": int(at), "event": text} for at, text in reversed(device.api.history)]
    last = events[0]["time"] if events else booted
    return {"start_time": booted, "last_change": last, "history": events}


def _licenses(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    used = len(device.vdoms)
    return {
        "vdom": {"type": "platform", "can_upgrade": True, "used": used, "max": max(10, used)},
        "sms": {"type": "other", "status": "no_license", "used": 0, "max": 0},
    }


def _revisions(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    """When it was saved, newest first; what matters is whether anything is unsaved."""
    major, minor, patch = device.os_version
    release: Body = {"major_version": major, "minor_version": minor, "patch_number": patch}
    release |= {"build_number": device.build, "release_number": 0}
    unsaved = bool(device.api.unsaved)
    saves = [
        {"id": at, "time": int(when), "version_id": "1", "admin": "admin", "comment": why}
        for at, (when, why) in enumerate(device.api.saves, 1)
    ]
    return {
        "revisions": saves[::-1],
        "categories": {"1": release},
        "current_config_unsaved": unsaved,
    }


def _save(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    """`POST .../config/save`: what runs is what the unit boots with."""
    device.api.unsaved.clear()
    device.api.saves.append((float(query["now"]), ""))
    return {}


def _statistics(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    """One row per unit of the cluster, all of them idle."""
    units = [(unit.serial, unit.name) for unit in device.cluster]
    units = units or [(device.serial, device.hostname or device.name)]
    units += [(serial, serial) for serial in device.api.standby]
    idle: Body = {"sessions": 0, "tnow": float(query["now"]), "cpu_usage": 0, "mem_usage": 25}
    idle |= {"packets": 0, "bytes": 0, "net_usage": 0}
    return [{"hostname": name, "serial_no": serial, **idle} for serial, name in units]


def _tables(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    """The checksum of one table of this VDOM, which all units of the cluster have."""
    config, wanted = Config(device, vdom), query.get("vdom_name") or vdom.name
    held = [table for table in sorted(vdom.tables) if wanted == vdom.name]
    return [{"name": name.replace(" ", "."), "checksum": config.revision(name)} for name in held]


def _fabric(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    """The Security Fabric is off."""
    return {"devices": [], "fabric_status": "disabled"}


def _backup(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    """What a FortiManager in backup mode has of the unit."""
    backup = device.api.managed == "backup"
    return {"mode": "backup" if backup else "normal", "backups": []}


def _usage(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    """Which tables name an object. The shape is not published."""
    path, name = query.get("q_path", ""), query.get("q_name", "")
    target = (f"{path.replace('.', ' ')} {name}", query.get("mkey", ""))
    config = Config(device, vdom)
    return {"total": config.users(target), "currently_using": config.naming(target)}


def _resources(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    """How full the unit is, of what this simulator counts."""
    limits, held = device.api.limits, device.vdoms.values()
    return {
        "firewall-address": _room(limits.addresses, held, "firewall address"),
        "firewall-addrgrp": _room(limits.groups, held, "firewall addrgrp"),
    }


def _vdom_resources(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    limits = device.api.limits
    return {
        "firewall-address": _room(limits.vdom_addresses, [vdom], "firewall address"),
        "firewall-addrgrp": _room(limits.vdom_groups, [vdom], "firewall addrgrp"),
    }


def _room(most: int, vdoms: Any, table: str) -> Body:
    used = sum(len(vdom.running_keys(table)) for vdom in vdoms)
    return {"max": most, "used": used, "usage_percent": used * 100 // most if most else 0}


UPKEEP: Final[Mapping[tuple[str, str, str], Monitor]] = {
    ("system", "central-management", "status"): Monitor("cfg", _central, since=(7, 6)),
    ("system", "fortimanager", "status"): Monitor("cfg", _fortimanager, until=(7, 5)),
    ("system", "config-revision", ""): Monitor("cfg", _revisions),
    ("system", "ha-checksums", ""): Monitor("cfg", _checksums),
    ("system", "ha-history", ""): Monitor("cfg", _history),
    ("system", "ha-statistics", ""): Monitor("cfg", _statistics),
    ("system", "ha-table-checksums", ""): Monitor("cfg", _tables, since=(7, 0)),
    ("system", "config", "save"): Monitor("cfg", _save, until=(7, 0), method="POST"),
    ("system", "csf", ""): Monitor("any", _fabric),
    ("system", "fortimanager", "backup-summary"): Monitor("address", _backup),
    ("system", "ha-peer", ""): Monitor("cfg", _peers),
    ("system", "object", "usage"): Monitor("any", _usage),
    ("system", "global-resources", ""): Monitor("cfg", _resources),
    ("system", "vdom-resource", ""): Monitor("cfg", _vdom_resources),
    ("license", "status", ""): Monitor("any", _licenses),
}
"""By path, name and action."""
