"""FortiOS monitor calls of one FortiGate: status, interfaces, routes, policy counters.

A simulated unit has one interface with its management address and a default route over it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, Final

from fmgsync.simulator.calls.reading import uuid_of
from fmgsync.simulator.schema.catalog import POLICY
from fmgsync.simulator.state.devices import Device, Vdom

Body = dict[str, Any]
_PREFIX: Final = 24


def _network(device: Device) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(f"{device.ip}/{_PREFIX}", strict=False)


def _gateway(device: Device) -> str:
    return str(_network(device).network_address + 254)


def _status(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    return {
        "model_name": "FortiGate",
        "model_number": device.platform.removeprefix("FortiGate-"),
        "model": device.serial[:6],
        "hostname": device.hostname or device.name,
        "log_disk_status": "available",
    }


def _interfaces(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    address = {
        "ip": device.ip,
        "netmask": str(_network(device).netmask),
        "cidr_netmask": _PREFIX,
    }
    rows: list[Body] = [{"name": "any"}, {"name": "port1", "ipv4_addresses": [address]}]
    wanted = query.get("format", "").split("|")
    return [{k: v for k, v in row.items() if wanted == [""] or k in wanted} for row in rows]


def _routes(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    default = {"ip_mask": "0.0.0.0/0", "gateway": _gateway(device), "distance": 10}
    own = {"ip_mask": str(_network(device)), "gateway": "0.0.0.0", "distance": 0}  # noqa: S104
    common = {"interface": "port1", "ip_version": 4, "metric": 0}
    return [{**default, **common, "type": "static"}, {**own, **common, "type": "connect"}]


def _lookup(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    try:
        wanted = ipaddress.IPv4Address(query.get("destination", ""))
    except ValueError:
        return {"success": False}
    near = wanted in _network(device)
    return {
        "success": True,
        "network": str(_network(device)) if near else "0.0.0.0/0",
        "gateway": "0.0.0.0" if near else _gateway(device),  # noqa: S104
        "interface": "port1",
    }


def _policies(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    def counters(key: int) -> Body:
        hits = device.hits.get((vdom.name, key))
        if hits is None:
            return {"active_sessions": 0, "bytes": 0, "packets": 0}
        return {"active_sessions": 0, "bytes": hits.byte, "packets": hits.pkts}

    entries = vdom.running_table(POLICY.name)
    return [
        {"policyid": 0, **counters(0)},
        *({"policyid": k, "uuid": uuid_of(e.oid), **counters(int(k))} for k, e in entries),
    ]


def _performance(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    """An idle unit: nothing passes through it."""
    core = {"user": 0, "system": 0, "nice": 0, "idle": 100, "iowait": 0}
    mem = {"total": 2_097_152, "used": 524_288, "free": 1_572_864, "freeable": 0}
    return {"cpu": {"cores": [core], **core}, "mem": mem}


def _time(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    return {"time": int(float(query["now"]))}


def _state(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    """What the unit's own pages ask first; times in milliseconds."""
    master = next((unit for unit in device.cluster if unit.role == "master"), None)
    return {
        "model_name": "FortiGate",
        "model_number": device.platform.removeprefix("FortiGate-"),
        "model": device.serial[:6],
        "hostname": device.hostname or device.name,
        "snapshot_utc_time": int(float(query["now"])) * 1000,
        "utc_last_reboot": 0,
        "time_zone_offset": 0,
        "time_zone_text": "(GMT) Greenwich Mean Time",
        "time_zone_db_name": "Etc/GMT",
        "centrally_managed": True,
        "vdom_mode": "multi-vdom" if len(device.vdoms) > 1 else "no-vdom",
        "management_vdom": "root",
        "conserve_mode": False,
        "ha_mode": int(bool(device.cluster)),
        "is_ha_master": int(master is None or master.serial == device.serial),
        "ngfw_mode": "profile-based",
        "is_vm": "VM" in device.platform,
    }


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


def _sessions(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    return {"details": [], "summary": {"matched_count": 0, "session_count": 0}}


def _nothing(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    """Tables that only traffic, tunnels and connectors fill."""
    return []


def _global(device: Device) -> Any:
    """`config system global`: what was written in FortiManager's device database shows here."""
    written = device.settings.get("global/system/global", {})
    plain = {k: v for k, v in written.items() if isinstance(v, str | int)}
    return {
        "admin-https-redirect": "enable",
        "admin-port": 80,
        "admin-sport": 443,
        "admintimeout": 5,
        "alias": "",
        "hostname": device.hostname or device.name,
        "management-vdom": "root",
        "timezone": "04",
        "vdom-mode": "multi-vdom" if len(device.vdoms) > 1 else "no-vdom",
        **({} if device.pending_global else plain),
    }


Monitor = Callable[[Device, Vdom, Mapping[str, str]], Any]
"""Device, VDOM and query, the instant as `now` among it."""
MONITORS: Final[Mapping[tuple[str, str, str], Monitor]] = {
    ("system", "status", ""): _status,
    ("system", "available-interfaces", ""): _interfaces,
    ("system", "performance", "status"): _performance,
    ("system", "time", ""): _time,
    ("system", "ha-peer", ""): _peers,
    ("web-ui", "state", ""): _state,
    ("router", "ipv4", ""): _routes,
    ("router", "lookup", ""): _lookup,
    ("firewall", "policy", ""): _policies,
    ("firewall", "session", ""): _sessions,
    ("firewall", "address-dynamic", ""): _nothing,
    ("firewall", "address6-dynamic", ""): _nothing,
    ("vpn", "ipsec", ""): _nothing,
    ("user", "banned", ""): _nothing,
    ("user", "fsso", ""): _nothing,
}
"""By path, name and action, as the answer carries them."""
SETTINGS: Final[Mapping[str, Callable[[Device], Any]]] = {"system global": _global}
"""Configuration without rows."""
