"""Configuration of a unit that has no rows of ours: read from what the unit is, never written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fmgsync.simulator.fortigate.envelope import Body, Failed
from fmgsync.simulator.state.devices import Device


@dataclass(frozen=True, slots=True)
class Setting:
    """`read`: device, key and whether the profile shows all of it. `shrinks`: what the profile
    hides is left out of the answer, which is a success all the same."""

    group: str
    read: Callable[[Device, str, bool], Body]
    shrinks: bool = False


def _global(device: Device, key: str, whole: bool) -> Body:
    """`config system global`: what was written in FortiManager's device database shows here."""
    written = device.settings.get("global/system/global", {})
    plain = {k: v for k, v in written.items() if isinstance(v, str | int)}
    return {
        "results": {
            "admin-https-redirect": "enable",
            "admin-port": 80,
            "admin-sport": 443,
            "admintimeout": 5,
            "alias": "",
            "cfg-save": device.api.saving,
            "hostname": device.hostname or device.name,
            "management-vdom": device.management_vdom,
            "timezone": "04",
            "vdom-mode": "multi-vdom" if len(device.vdoms) > 1 else "no-vdom",
            **({} if device.pending_global else plain),
        }
    }


def _ha(device: Device, key: str, whole: bool) -> Body:
    """Recorded of 6.4.4: without the right most of it is silently missing."""
    management: Body = {"ha-mgmt-interfaces": []}
    if not whole:
        return {"results": management}
    mode = "a-p" if device.cluster or device.api.standby else "standalone"
    priority = device.cluster[0].priority if device.cluster else 128
    rest: Body = {"group-id": 0, "group-name": "", "mode": mode, "priority": priority}
    rest |= {"sync-config": "enable", "override": "disable", "password": "", "ha-mgmt-status": ""}
    return {"results": {**rest, **management, "ha-mgmt-status": "disable"}}


def _named(device: Device, key: str, rows: list[Body]) -> Body:
    found = [row for row in rows if key in ("", row["name"])]
    if key and not found:
        raise Failed(404)
    at = rows.index(found[-1]) if found else 0
    counts: Body = {"size": len(rows), "matched_count": len(found), "next_idx": at}
    return {**counts, "limit_reached": False, "results": found}


def _vdoms(device: Device, key: str, whole: bool) -> Body:
    rows = [_row(name, {"vcluster-id": 0, "flag": 0}) for name in device.vdoms]
    return _named(device, key, rows)


def _properties(device: Device, key: str, whole: bool) -> Body:
    """Each VDOM's own limits, as pairs "maximum guaranteed"; 0 is no limit of its own."""
    limits = device.api.limits
    own = {
        "session": "0 0",
        "firewall-policy": "0 0",
        "firewall-address": f"{limits.vdom_addresses} 0",
        "firewall-addrgrp": f"{limits.vdom_groups} 0",
        "custom-service": "0 0",
        "user": "0 0",
        "log-disk-quota": "0 0",
    }
    rows = [
        _row(
            name,
            {"description": f"property limits for vdom {name}", "snmp-index": at, **own},
        )
        for at, name in enumerate(device.vdoms, 1)
    ]
    return _named(device, key, rows)


def _interfaces(device: Device, key: str, whole: bool) -> Body:
    rows = [
        _row(f"port{number}", {"type": "physical", "vdom": device.management_vdom})
        for number in range(1, 11)
    ]
    return _named(device, key, rows)


def _row(name: str, rest: Mapping[str, Any]) -> Body:
    return {"name": name, "q_origin_key": name, **rest}


SETTINGS: Final[Mapping[tuple[str, str], Setting]] = {
    ("system", "global"): Setting("cfg", _global),
    ("system", "ha"): Setting("cfg", _ha, shrinks=True),
    ("system", "vdom"): Setting("cfg", _vdoms),
    ("system", "vdom-property"): Setting("cfg", _properties),
    ("system", "interface"): Setting("net", _interfaces),
}
