"""Monitor calls about traffic, tunnels and sensors, of a unit that nothing passes through.

Shapes: what prometheus-community/fortigate_exporter reads. Ports and load are the unit's own; what
only traffic, neighbours or hardware fill is empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fmgsync.simulator.fortigate.envelope import Body
from fmgsync.simulator.fortigate.upkeep import Monitor
from fmgsync.simulator.state.devices import Device, Vdom

_PREFIX: Final = 24
_PORTS: Final = 10
_LOAD: Final = {"cpu": 0, "mem": 25, "disk": 0, "session": 0, "session6": 0, "setuprate": 0}
_SPANS: Final = {"1-min": 60, "10-min": 600, "30-min": 1800, "1-hour": 3600}


def _rows(device: Device, vdom: Vdom, query: Mapping[str, Any]) -> Any:
    return []


def _members(device: Device, vdom: Vdom, query: Mapping[str, Any]) -> Any:
    return {}


def _ports(device: Device, vdom: Vdom, query: Mapping[str, Any]) -> Any:
    """The ports are the management VDOM's; the first has the address."""
    wanted = query.get("interface_name", "")
    for name in ("include_vlan", "include_aggregate"):
        query.get(name)
    if vdom.name != device.management_vdom:
        return {}
    ports = (f"port{number}" for number in range(1, _PORTS + 1))
    return {name: _port(device, name) for name in ports if wanted in ("", name)}


def _port(device: Device, name: str) -> Body:
    first = name == "port1"
    counters = ("packets", "bytes", "errors")
    idle = {f"{way}_{what}": 0 for way in ("tx", "rx") for what in counters}
    return {
        "id": name,
        "name": name,
        "alias": "",
        "mac": "00:00:00:00:00:00",
        "ip": device.ip if first else "0.0.0.0",  # noqa: S104 - a port without an address
        "mask": _PREFIX if first else 0,
        "link": first,
        "speed": 1000.0 if first else 0.0,
        "duplex": 1 if first else 0,
        **idle,
    }


def _usage(device: Device, vdom: Vdom, query: Mapping[str, Any]) -> Any:
    """Load: now, and over the spans that are kept."""
    now = int(float(query["now"])) * 1000
    span, wanted = str(query.get("interval", "")), str(query.get("resource", ""))
    query.get("scope")
    spans = {name: length for name, length in _SPANS.items() if span in ("", name)}
    return {
        name: [_load(value, spans, now)] * (2 if name == "cpu" else 1)
        for name, value in _LOAD.items()
        if wanted in ("", name)
    }


def _load(value: int, spans: Mapping[str, int], now: int) -> Body:
    """One number that never changes."""
    historical = {
        name: {
            "values": [[now, value]],
            "max": value,
            "min": value,
            "average": value,
            "start": now - 1000 * length,
            "end": now,
        }
        for name, length in spans.items()
    }
    return {"current": value, "historical": historical}


def _firmware(device: Device, vdom: Vdom, query: Mapping[str, Any]) -> Any:
    major, minor, patch = device.os_version
    numbers: Body = {"major": major, "minor": minor, "patch": patch, "build": device.build}
    current = {"platform-id": device.platform, "version": f"v{major}.{minor}.{patch}", **numbers}
    return {"current": current, "available": []}


IDLE: Final[Mapping[tuple[str, str, str], Monitor]] = {
    ("system", "interface", ""): Monitor("net", _ports),
    ("system", "resource", "usage"): Monitor("cfg", _usage),
    ("system", "firmware", ""): Monitor("cfg", _firmware),
    ("system", "sensor-info", ""): Monitor("cfg", _rows),
    ("system", "link-monitor", ""): Monitor("net", _members),
    ("virtual-wan", "health-check", ""): Monitor("net", _members),
    ("router", "bgp", "neighbors"): Monitor("net", _rows),
    ("router", "ospf", "neighbors"): Monitor("net", _rows),
    ("firewall", "ippool", ""): Monitor("policy", _members),
    ("firewall", "load-balance", ""): Monitor("others", _rows),
    ("vpn", "ipsec", ""): Monitor("others", _rows),
    ("vpn", "ssl", ""): Monitor("others", _rows),
    ("user", "firewall", ""): Monitor("others", _rows),
    ("user", "banned", ""): Monitor("others", _rows),
    ("user", "fsso", ""): Monitor("others", _rows),
}
"""By path, name and action."""
