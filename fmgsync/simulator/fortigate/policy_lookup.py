"""Which policy a packet would meet: `monitor/firewall/policy-lookup`.

Answers as recorded of 6.2.3 (`success: false`) and as public clients read them (`policy_id`). The
policies of the VDOM are gone through in their order. Schedules are taken as open.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fmgsync.simulator.fortigate.writes import has_interface
from fmgsync.simulator.state.devices import Device, Entry, Vdom

_IP = ipaddress.IPv4Address | ipaddress.IPv6Address
_NUMBERS: Final = {"icmp": 1, "tcp": 6, "udp": 17, "icmp6": 58, "sctp": 132}
_PORTS: Final = {6: "tcp-portrange", 17: "udp-portrange", 132: "sctp-portrange"}
_OTHERS: Final = {"ICMP": 1, "ICMP6": 58}
_EGRESS: Final = "port1"
"""Where the one default route of a unit leads."""
_SAID_ELSEWHERE: Final = ("protocol_number", "sourceport", "icmptype", "icmpcode", "ipv6")
"""Parameters that change nothing here: the addresses tell the family."""


@dataclass(frozen=True, slots=True)
class _Packet:
    interface: str
    source: _IP
    destination: _IP
    protocol: int
    port: int

    @property
    def suffix(self) -> str:
        """What ends the names of tables and members of its family."""
        return "6" if self.source.version == 6 else ""


def answer(device: Device, vdom: Vdom, query: Mapping[str, Any]) -> Any:
    """The first policy that fits. No success: none fits, or there is no such packet."""
    packet = _packet(query)
    if packet is None:
        return {"success": False}
    for key, policy in vdom.running_table("firewall policy"):
        if _fits(vdom, policy, packet):
            return {"success": True, "policy_id": key}
    return {"success": False}


def _packet(query: Mapping[str, Any]) -> _Packet | None:
    """What the parameters describe; None where a part is missing or not of this unit."""
    asked = {name: str(query.get(name, "")) for name in ("srcintf", "sourceip", "dest", "protocol")}
    port, word = str(query.get("destport", "")), asked["protocol"].lower()
    for name in _SAID_ELSEWHERE:
        query.get(name)
    number = _NUMBERS.get(word, int(word) if word.isdecimal() and len(word) < 4 else -1)
    name = asked["srcintf"]
    try:
        ends = ipaddress.ip_address(asked["sourceip"]), ipaddress.ip_address(asked["dest"])
    except ValueError:
        return None
    if name == "any" or not has_interface(name) or ends[0].version != ends[1].version:
        return None
    return _Packet(name, *ends, number, int(port) if port.isdecimal() and len(port) < 6 else 0)


def _fits(vdom: Vdom, policy: Entry, packet: _Packet) -> bool:
    attrs = policy.attrs
    if attrs.get("status") == "disable":
        return False
    for member, interface in (("srcintf", packet.interface), ("dstintf", _EGRESS)):
        if not {"any", interface} & {*attrs.get(member, ())}:
            return False
    ends = (("src", packet.source), ("dst", packet.destination))
    return all(_holds(vdom, attrs, end, ip, packet.suffix) for end, ip in ends) and any(
        _serves(service, packet) for service in _services(vdom, attrs.get("service", ()))
    )


def _holds(vdom: Vdom, attrs: Mapping[str, Any], end: str, ip: _IP, suffix: str) -> bool:
    """Whether an address is one of a policy's, or none of them where it negates."""
    names = attrs.get(f"{end}addr{suffix}", ())
    found = any(_covers(entry, ip) for entry in _members(vdom, names, suffix))
    return bool(names) and found != (attrs.get(f"{end}addr-negate") == "enable")


def _members(vdom: Vdom, names: Any, suffix: str) -> Iterator[Entry]:
    """Addresses, out of groups and what they hold."""
    yield from _flat(vdom, names, f"firewall address{suffix}", f"firewall addrgrp{suffix}")


def _covers(entry: Entry, ip: _IP) -> bool:
    attrs = entry.attrs
    kind = attrs.get("type", "ipmask" if ip.version == 4 else "ipprefix")
    if kind == "iprange":
        first, last = (ipaddress.ip_address(attrs[name]) for name in ("start-ip", "end-ip"))
        return int(first) <= int(ip) <= int(last)
    if kind == "ipmask":
        pair = attrs.get("subnet", ("0.0.0.0", "0.0.0.0"))  # noqa: S104 - the value of `all`
        return ip in ipaddress.ip_network("/".join(pair), strict=False)
    if kind == "ipprefix":
        return ip in ipaddress.ip_network(attrs.get("ip6", "::/0"), strict=False)
    return False


def _services(vdom: Vdom, names: Any) -> Iterator[Entry]:
    """Services, out of groups and what they hold."""
    yield from _flat(vdom, names, "firewall service custom", "firewall service group")


def _flat(vdom: Vdom, names: Any, table: str, groups: str) -> Iterator[Entry]:
    pending, seen = list(names), set[Any]()
    while pending:
        name = pending.pop()
        found = vdom.running((table, name))
        if found is not None:
            yield found
            continue
        group = vdom.running((groups, name))
        if group is not None and name not in seen:
            seen.add(name)
            pending.extend(group.attrs.get("member", ()))


def _serves(service: Entry, packet: _Packet) -> bool:
    attrs = service.attrs
    kind = attrs.get("protocol", "TCP/UDP/SCTP")
    if kind == "IP":
        return attrs.get("protocol-number", 0) in (0, packet.protocol)
    if kind in _OTHERS:
        return _OTHERS[kind] == packet.protocol
    ranges = attrs.get(_PORTS.get(packet.protocol, ""), ())
    return any(_spans(str(text).partition(":")[0], packet.port) for text in ranges)


def _spans(text: str, port: int) -> bool:
    """Whether `80` or `8000-8100` holds a port."""
    first, _, last = text.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal():
        return False
    return int(first) <= port <= int(last or first)
