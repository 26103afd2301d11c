"""What an address is here: a host or a prefix of one family, as one normalised string.

`Address` is text rather than an `ipaddress` object because a hundred thousand of them are hashed,
compared and sorted on every pass; the text is made in one place only (`parse`), so equal
addresses are equal strings.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NewType

Address = NewType("Address", str)
"""`10.1.0.9`, `10.1.0.8/30`, `2001:db8::9`: RFC 5952 lower case, host bits zero, a full-length
prefix written without its length."""


_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4_HOST = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}")
_REMEMBERED = 100_000
"""So many addresses are kept as read, or with their place in the order: some tens of megabytes."""


class Family(enum.StrEnum):
    """The two address families; FortiManager keeps them in separate tables."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"


NOWHERE = {Family.IPV4: Address("0.0.0.0"), Family.IPV6: Address("::")}  # noqa: S104
"""The value of the predefined address `none`: no packet has it as source or destination."""


def parse(text: str) -> Address:
    """Normalise `10.1.0.9`, `10.1.0.9/32`, `10.1.0.8/255.255.255.252` or an IPv6 equivalent.

    Host bits are cleared. Raises ValueError for anything else, IPv6 zone identifiers included.
    """
    return ipv4_host(text) or _parsed(text)


def ipv4_host(text: str) -> Address | None:
    """The address if the text is a normalised IPv4 host, as nearly all are; None for any other.

    The long way through `ipaddress` costs thirty times as much.
    """
    return Address(text) if _IPV4_HOST.fullmatch(text) else None


@lru_cache(maxsize=_REMEMBERED)
def _parsed(text: str) -> Address:
    network = ipaddress.ip_network(text.strip(), strict=False)
    if isinstance(network.network_address, ipaddress.IPv6Address) and "%" in text:
        raise ValueError(f"{text!r} has a zone identifier")
    if network.prefixlen == network.max_prefixlen:
        return Address(str(network.network_address))
    return Address(str(network))


def family(address: Address) -> Family:
    """The family of a normalised address."""
    return Family.IPV6 if ":" in address else Family.IPV4


@lru_cache(maxsize=_REMEMBERED)
def sort_key(address: Address) -> tuple[int, int, int]:
    """Numeric order: IPv4 before IPv6, then by value, then the wider prefix first.

    Remembered: the same members are sorted for each device, and for each view of it.
    """
    if ":" in address or "/" in address:
        network = ipaddress.ip_network(address)
        return network.version, int(network.network_address), network.prefixlen
    one, two, three, four = address.split(".")
    return 4, int(one) << 24 | int(two) << 16 | int(three) << 8 | int(four), 32


def sorted_addresses(addresses: Iterable[Address]) -> list[Address]:
    """In numeric order."""
    return sorted(addresses, key=sort_key)
