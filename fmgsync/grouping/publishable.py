"""Which addresses may ever be published: one wrong address opens a firewall to the wrong host."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable

from fmgsync.model.address import Address

Range = ipaddress.IPv4Network | ipaddress.IPv6Network


_ORDINARY = frozenset(str(first) for first in range(1, 224) if first not in (127, 169))
"""First octets of IPv4 under which there is nothing that would be refused."""


def refusal(address: Address) -> str | None:
    """Why an address is never published, or None.

    Unspecified, loopback, multicast, link-local, broadcast and IPv4-mapped IPv6 name no endpoint
    behind a firewall, or name it in a way firewalls read differently.
    """
    return None if address.partition(".")[0] in _ORDINARY else _refusal(address)


@functools.lru_cache(maxsize=1 << 16)
def _refusal(address: Address) -> str | None:
    first = ipaddress.ip_network(address).network_address
    if first.is_unspecified:
        return "is unspecified"
    if isinstance(first, ipaddress.IPv6Address) and first.ipv4_mapped is not None:
        return "is an IPv4-mapped IPv6 address"
    for kind in ("loopback", "multicast", "link_local"):
        if getattr(first, f"is_{kind}"):
            return f"is {kind.replace('_', '-')}"
    if str(first) == "255.255.255.255":
        return "is the broadcast address"
    return None


@functools.lru_cache(maxsize=1 << 16)
def as_range(prefix: Address) -> Range:
    """A prefix, to ask whether something lies within it."""
    return ipaddress.ip_network(prefix)


def inside(address: Address, ranges: Iterable[Range]) -> bool:
    """Whether the address lies within one of the ranges."""
    network = ipaddress.ip_network(address)
    return any(
        network.version == allowed.version and network.subnet_of(allowed)  # type: ignore[arg-type]
        for allowed in ranges
    )
