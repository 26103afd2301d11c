"""Which servers are reached without the environment's proxy, as kubectl reads NO_PROXY.

Libraries of Python read it differently: to them `example.net` also names `notexample.net`, and a
network of IPv6 names nobody. Public source: golang.org/x/net, `http/httpproxy`.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}
_ENTRY = re.compile(r"\[([^]]*)](?::([0-9]*))?|([^:]*):([0-9]+)")


def is_direct(url: str, no_proxy: str) -> bool:
    """Whether no proxy is between here and a server; this computer itself needs none."""
    parts = urlsplit(url)
    name, port = (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme, 0)
    address = _address(name)
    if name == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_names(each.strip().lower(), name, address, port) for each in no_proxy.split(","))


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _names(entry: str, name: str, address: _Address | None, port: int) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        return address is not None and _is_within(address, entry)
    found = _ENTRY.fullmatch(entry)
    host, only = (found[1] or found[3], found[2] or found[4]) if found else (entry, None)
    if not host or (only and int(only) != port):
        return False
    wanted = _address(host)
    if address is not None or wanted is not None:
        return address == wanted
    domain = host.removeprefix("*")
    below = domain if domain.startswith(".") else f".{domain}"
    return name.endswith(below) or name == domain


def _is_within(address: _Address, text: str) -> bool:
    try:
        return address in ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False


def _address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
