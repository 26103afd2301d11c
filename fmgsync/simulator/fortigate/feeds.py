"""Addresses that others tell a unit: external resources that are pushed into it, and ClearPass.

Shapes: a recorded entry list of FortiOS 7.4.2 (How to FortiManager API), the body of a push as
public clients send it, and Fortinet's API description of 7.6.6 for dynamic addresses. A unit here
fetches nothing: only what is pushed has entries.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fmgsync.simulator.fortigate.envelope import Body, Failed
from fmgsync.simulator.fortigate.upkeep import Monitor
from fmgsync.simulator.state.devices import Device, Entry, Vdom

_TABLE: Final = "system external-resource"
_MOST: Final = 131_072
"""Lines of a feed that count (FortiOS administration guide, threat feeds)."""
_JUDGEMENTS: Final = ("unknown", "healthy", "quarantine", "checkup", "transient", "infected")


def _entries(device: Device, vdom: Vdom, query: Mapping[str, Any]) -> Any:
    name = str(query.get("mkey", ""))
    feed = vdom.running((_TABLE, name))
    if feed is None:
        raise Failed(404)
    query.get("include_notes")
    at, lines = device.api.feeds.get((vdom.name, name), (0.0, ()))
    kind, counted = feed.attrs.get("type"), lines[:_MOST]
    rows: list[Body] = [{"entry": line, "valid": _is_valid(kind, line)} for line in counted]
    count = str(query.get("count", "0"))
    shown = int(count) if count.isdecimal() and len(count) < 9 else 0
    valid = sum(row["valid"] for row in rows)
    return {
        "status": "success" if lines else "failed",
        "resource_file_status": "downloaded" if lines else "unavailable",
        "http_status_code": 200 if lines else 0,
        "conn_attempt_time": int(at),
        "last_content_update_time": int(at),
        "overflow": len(lines) > _MOST,
        "valid_count": valid,
        "invalid_count": len(rows) - valid,
        "entries": rows[:shown] if shown else rows,
    }


def _is_valid(kind: Any, line: str) -> bool:
    """An address feed holds addresses, prefixes (host bits may be set) and ranges."""
    if kind != "address":
        return bool(line) and not any(letter.isspace() for letter in line)
    first, _, last = line.partition("-")
    try:
        if last:
            ends = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
            return ends[0].version == ends[1].version and int(ends[0]) <= int(ends[1])
        ipaddress.ip_interface(line)
    except ValueError:
        return False
    return True


def _push(device: Device, vdom: Vdom, query: Mapping[str, Any]) -> Any:
    """All commands, or none of them."""
    feeds = dict(device.api.feeds)
    commands = query.get("commands")
    if not isinstance(commands, list) or not commands:
        raise Failed(424)
    for command in commands:
        place, lines = _command(vdom, command)
        _, held = feeds.get(place, (0.0, ()))
        if command.get("command") == "add":
            lines = tuple(dict.fromkeys((*held, *lines)))
        elif command.get("command") == "remove":
            lines = tuple(line for line in held if line not in {*lines})
        feeds[place] = float(query["now"]), lines
    device.api.feeds = feeds
    return {}


def _command(vdom: Vdom, command: Any) -> tuple[tuple[str, str], tuple[str, ...]]:
    if not isinstance(command, dict) or not _are_texts(command.get("entries", [])):
        raise Failed(424)
    name, verb = str(command.get("name", "")), command.get("command")
    feed = vdom.running((_TABLE, name))
    if feed is None:
        raise Failed(404)
    if verb not in ("snapshot", "add", "remove") or feed.attrs.get("update-method") != "push":
        raise Failed(400)
    return (vdom.name, name), tuple(dict.fromkeys(command.get("entries", [])))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _clearpass(device: Device, vdom: Vdom, query: Mapping[str, Any]) -> Any:
    """`endpoint_ip` are judged so from now on."""
    endpoints, judgement = query.get("endpoint_ip"), query.get("spt")
    if not isinstance(endpoints, list) or not endpoints or judgement not in _JUDGEMENTS:
        raise Failed(424)
    try:
        found = [str(ipaddress.IPv4Address(one)) for one in endpoints]
    except ValueError:
        raise Failed(424) from None
    device.api.clearpass.update({(vdom.name, one): str(judgement) for one in found})
    return {}


def _clearpass_delete(device: Device, vdom: Vdom, query: Mapping[str, Any]) -> Any:
    """`endpoint_ip` are judged no more."""
    query.get("spt")
    endpoints = query.get("endpoint_ip")
    if not _are_texts(endpoints) or not endpoints:
        raise Failed(424)
    for one in endpoints:
        device.api.clearpass.pop((vdom.name, one), None)
    return {}


def _dynamic(device: Device, vdom: Vdom, query: Mapping[str, Any]) -> Any:
    return _resolved(device, vdom, "firewall address", str(query.get("mkey", "")))


def _dynamic6(device: Device, vdom: Vdom, query: Mapping[str, Any]) -> Any:
    return _resolved(device, vdom, "firewall address6", str(query.get("mkey", "")))


def _resolved(device: Device, vdom: Vdom, table: str, wanted: str) -> Body:
    """What dynamic addresses stand for, by name. No connector ever resolves one here; the
    endpoints that ClearPass judges are known."""
    found: Body = {}
    for key, entry in vdom.running_table(table):
        if entry.attrs.get("type") != "dynamic" or wanted not in ("", key):
            continue
        addresses = _judged(device, vdom, entry)
        subtype = str(entry.attrs.get("sub-type", "sdn"))
        found[str(key)] = {
            "addrs": addresses,
            "addrs_count": len(addresses),
            "subtype": subtype,
        }
    return found


def _judged(device: Device, vdom: Vdom, entry: Entry) -> Sequence[str]:
    if entry.attrs.get("sub-type") != "clearpass-spt":
        return []
    wanted = entry.attrs.get("clearpass-spt", "unknown")
    known = device.api.clearpass.items()
    return [address for (name, address), one in known if (name, one) == (vdom.name, wanted)]


FEEDS: Final[Mapping[tuple[str, str, str], Monitor]] = {
    ("system", "external-resource", "entry-list"): Monitor("cfg", _entries),
    ("system", "external-resource", "dynamic"): Monitor(
        "cfg", _push, since=(7, 2, 1), method="POST"
    ),
    ("firewall", "clearpass-address", "add"): Monitor("address", _clearpass, method="POST"),
    ("firewall", "clearpass-address", "delete"): Monitor(
        "address", _clearpass_delete, method="POST"
    ),
    ("firewall", "address-dynamic", ""): Monitor("address", _dynamic),
    ("firewall", "address6-dynamic", ""): Monitor("address", _dynamic6),
}
"""By path, name and action."""
