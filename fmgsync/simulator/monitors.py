"""FortiOS monitor calls of one FortiGate: status, interfaces, routes, policy counters.

A simulated unit has one interface with its management address and a default route over it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, Final

from fmgsync.simulator.catalog import POLICY
from fmgsync.simulator.devices import Device, Vdom
from fmgsync.simulator.reading import uuid_of

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
    counters = {"active_sessions": 0, "bytes": 0, "packets": 0}
    implicit = {"policyid": 0, **counters}
    entries = vdom.running_table(POLICY.name)
    return [
        implicit,
        *({"policyid": key, "uuid": uuid_of(e.oid), **counters} for key, e in entries),
    ]


MONITORS: Final[Mapping[tuple[str, str], Callable[[Device, Vdom, Mapping[str, str]], Any]]] = {
    ("system", "status"): _status,
    ("system", "available-interfaces"): _interfaces,
    ("router", "ipv4"): _routes,
    ("router", "lookup"): _lookup,
    ("firewall", "policy"): _policies,
}
"""By path and name, as the answer carries them."""
