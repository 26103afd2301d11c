"""FortiOS monitor calls of one FortiGate: status, interfaces, routes, policy counters.

A simulated unit has one interface with its management address and a default route over it.
What a unit tells of its management, cluster and capacity is in `upkeep`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Final

from fmgsync.simulator.calls.hitcounts import Hits
from fmgsync.simulator.calls.reading import uuid_of
from fmgsync.simulator.fortigate import access, feeds, idle, policy_lookup
from fmgsync.simulator.fortigate.ask import Ask
from fmgsync.simulator.fortigate.config import Config
from fmgsync.simulator.fortigate.envelope import Failed
from fmgsync.simulator.fortigate.upkeep import UPKEEP, Monitor
from fmgsync.simulator.fortigate.urls import Resource
from fmgsync.simulator.schema.catalog import POLICY
from fmgsync.simulator.state.devices import Device, Vdom
from fmgsync.simulator.state.ignored import Heard
from fmgsync.simulator.state.world import World

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
        "model": f"FG{device.platform.removeprefix('FortiGate-')}",
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
            hits = Hits()
        counted = {"bytes": hits.byte, "packets": hits.pkts}
        in_software = {f"software_{name}": number for name, number in counted.items()}
        return {"active_sessions": 0, **counted, **in_software, "asic_bytes": 0, "asic_packets": 0}

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
    """What the unit's own pages ask first; times in milliseconds. FortiManager, which asks for its
    own administrators, is none of the unit's."""
    user = device.api.users.get(query.get("administrator", ""))
    admin: Body = {}
    if user is not None:
        profile = access.described(user)
        admin = {"admin": {"name": user.name, "login_name": user.name, "profile": profile}}
    master = next((unit for unit in device.cluster if unit.role == "master"), None)
    return {
        "model_name": "FortiGate",
        "model_number": device.platform.removeprefix("FortiGate-"),
        "model": f"FG{device.platform.removeprefix('FortiGate-')}",
        "hostname": device.hostname or device.name,
        **admin,
        "snapshot_utc_time": int(float(query["now"])) * 1000,
        "utc_last_reboot": int(device.api.booted) * 1000,
        "time_zone_offset": 0,
        "time_zone_text": "(GMT) Greenwich Mean Time",
        "time_zone_db_name": "Etc/GMT",
        "centrally_managed": device.api.managed != "no",
        "vdom_mode": "multi-vdom" if len(device.vdoms) > 1 else "no-vdom",
        "management_vdom": device.management_vdom,
        "conserve_mode": False,
        "ha_mode": int(bool(device.cluster)),
        "is_ha_master": int(master is None or master.serial == device.serial),
        "ngfw_mode": "profile-based",
        "is_vm": "VM" in device.platform,
    }


def _sessions(device: Device, vdom: Vdom, query: Mapping[str, str]) -> Any:
    return {"details": [], "summary": {"matched_count": 0, "session_count": 0}}


def found(path: tuple[str, ...]) -> tuple[str, str, str, Monitor] | None:
    """Area, name and action of a monitor call, and who answers it."""
    area, name, action = (*path, "", "", "")[:3]
    monitor = MONITORS.get((area, name, action)) or (
        MONITORS.get((area, name, "")) if action == "select" else None
    )
    return None if monitor is None else (area, name, action, monitor)


def names(path: tuple[str, ...]) -> Body:
    """What an answer says of the url."""
    return dict(zip(("path", "name", "action"), (*path, "", "", "")[:3], strict=True))


def answer(world: World, device: Device, vdom: Vdom, ask: Ask, resource: Resource) -> Body:
    """The answer to a monitor call; there is no `http_status` in it."""
    known = found(resource.path)
    if known is None:
        raise Failed(404)
    area, name, action, monitor = known
    if not monitor.since <= device.os_version <= monitor.until:
        raise Failed(404)
    if ask.method != monitor.method:
        raise Failed(405)
    if not ask.access.may(monitor.group, ask.method):
        raise Failed(403)
    asking = {"now": str(world.now()), "administrator": ask.access.user}
    query = Heard({**_body(ask), **dict(resource.query), **asking})
    body: Body = {"path": area, "name": name, "status": "success"}
    if action or _ACTION_FROM <= device.os_version < _ACTION_UNTIL:
        body["action"] = action
    if name in _REVISED:
        body["revision"] = Config(device, vdom).revision("firewall policy")
    results = monitor.read(device, vdom, query)
    query.asked |= {"now", "administrator", "vdom", "access_token", "global"}
    for parameter in query.unheard():
        world.ignored.tell("parameter", ask.place, parameter)
    return {**body, "results": results}


def _body(ask: Ask) -> Mapping[str, Any]:
    """What a POST says counts as what a url says."""
    return ask.payload if ask.method == "POST" and isinstance(ask.payload, dict) else {}


_ACTION_FROM: Final = (7, 0, 0)
_ACTION_UNTIL: Final = (8, 0, 0)
"""Answers of 6.x and 8.0.0 were recorded without `action` where the url has none."""
_REVISED: Final = frozenset(("available-interfaces", "ha-checksums", "ha-history"))


MONITORS: Final[Mapping[tuple[str, str, str], Monitor]] = {
    ("system", "status", ""): Monitor("any", _status),
    ("system", "available-interfaces", ""): Monitor("net", _interfaces),
    ("system", "performance", "status"): Monitor("cfg", _performance),
    ("system", "time", ""): Monitor("cfg", _time),
    ("web-ui", "state", ""): Monitor("any", _state),
    ("router", "ipv4", ""): Monitor("net", _routes),
    ("router", "lookup", ""): Monitor("net", _lookup),
    ("firewall", "policy", ""): Monitor("policy", _policies),
    ("firewall", "session", ""): Monitor("policy", _sessions),
    ("firewall", "policy-lookup", ""): Monitor("policy", policy_lookup.answer),
    **idle.IDLE,
    **feeds.FEEDS,
    **UPKEEP,
}
"""By path, name and action, as the answer carries them."""
