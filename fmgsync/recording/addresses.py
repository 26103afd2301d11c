"""Addresses that keep their relations while they lose their meaning.

Every network and host seen becomes a node of one tree. The tree is then laid out anew in a
documentation range, with one bit for each real fork and none for the bits all share: what lay
inside a network still does, neighbours stay neighbours, and the order of addresses is the same.
Only the lengths of prefixes shrink, because documentation ranges are small.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fmgsync.errors import CassetteError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Host = ipaddress.IPv4Address | ipaddress.IPv6Address

_RANGES: Final[dict[int, tuple[Network, ...]]] = {
    4: tuple(
        ipaddress.IPv4Network(text)
        # Documentation (RFC 5737); when that is too small, benchmarking (RFC 2544), and at last
        # what was reserved and never routed (RFC 1112).
        for text in ("203.0.113.0/24", "198.18.0.0/15", "240.0.0.0/4")
    ),
    6: (ipaddress.IPv6Network("2001:db8::/32"),),  # RFC 3849
}
_HARMLESS: Final[tuple[Network, ...]] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "240.0.0.0/4",
        "2001:db8::/32", "127.0.0.0/8", "::1/128",
    )
)  # fmt: skip

_V4 = r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)"
_V6 = r"(?<![\w:.])(?=[0-9a-fA-F:]*:[0-9a-fA-F:]*:)[0-9a-fA-F:]{2,39}(?![\w:])"
TEXT: Final = re.compile(
    rf"(?P<address>{_V4}|{_V6})"
    r"(?:(?P<between>/(?=\d)|[/ ]\s*(?=255\.))(?P<mask>255(?:\.\d{1,3}){3}|\d{1,3})\b)?"
)
"""An address in a text, with the prefix length or mask that may follow it."""

NAME: Final = re.compile(
    r"(?<=_)(?P<address>(?:\d{1,3}\.){3}\d{1,3}|(?=[0-9a-f-]*-[0-9a-f-]*-)[0-9a-f-]{4,39})"
    r"(?:(?P<between>_)(?P<mask>\d{1,3}))?(?![\w.-])"
)
"""An address in the name of an object that fmgsync named by its value: `prod_10.1.0.8_30`."""


@dataclass(frozen=True, slots=True)
class Found:
    """An address and its network; `network` is the host itself where no mask was given."""

    host: Host
    network: Network


def parse(match: re.Match[str]) -> Found | None:
    """What a match of `TEXT` or `NAME` means; None for masks, 0.0.0.0 and no addresses."""
    text, mask = match["address"], match["mask"]
    if match.re is NAME and ":" not in text and "." not in text:
        text = text.replace("-", ":")
    try:
        host = ipaddress.ip_address(text)
    except ValueError:
        return None
    if is_meaningless(host):
        return None
    try:
        network = ipaddress.ip_network(f"{host}/{mask}" if mask else str(host), strict=False)
    except ValueError:
        network = ipaddress.ip_network(str(host))
    return Found(host, network)


def is_meaningless(host: Host) -> bool:
    """Whether an address stands for nothing in particular: unspecified, a mask, multicast."""
    if host.is_unspecified or host.is_multicast:
        return True
    number = int(host)
    return host.version == 4 and number >= 1 << 31 and _is_mask(number)


def _is_mask(number: int) -> bool:
    """Whether 32 bits are ones followed by zeros."""
    inverse = number ^ 0xFFFFFFFF
    return inverse & (inverse + 1) == 0


def is_documentation(host: Host) -> bool:
    """Whether an address lies where recordings put theirs, or is the computer's own."""
    return any(host.version == one.version and host in one for one in _HARMLESS)


class AddressMap:
    """The new layout of a set of networks and hosts."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._new: dict[Network, Network] = {}
        every = set(networks)
        for version in (4, 6):
            own = {network for network in every if network.version == version}
            if own:
                self._new |= _lay_out(own, _RANGES[version])

    def host(self, found: Found) -> Host:
        """Where a host lies now."""
        return self._new[_alone(found.host)].network_address

    def network(self, found: Found) -> Network:
        """Where a network lies now."""
        return self._new[found.network]

    def replace(self, match: re.Match[str]) -> str:
        """The new text for a match of `TEXT` or `NAME`."""
        found = parse(match)
        if found is None or found.network not in self._new:
            return match.group()
        new = self.network(found)
        own = found.host if found.host != found.network.network_address else None
        address = str(self.host(found) if own is not None else new.network_address)
        if match.re is NAME:
            address = address.replace(":", "-")
        mask = match["mask"]
        if not mask:
            return address
        return f"{address}{match['between']}{new.netmask if '.' in mask else new.prefixlen}"


def networks_of(found: Found) -> tuple[Network, ...]:
    """What has to be laid out for one address: its network, and the host if it is another."""
    if found.host == found.network.network_address:
        return (found.network,)
    return found.network, _alone(found.host)


def _alone(host: Host) -> Network:
    return ipaddress.ip_network(str(host))


def _lay_out(networks: set[Network], ranges: tuple[Network, ...]) -> dict[Network, Network]:
    """Lay out the tree in the smallest range it fits into."""
    for room in ranges:
        try:
            return _branch(sorted(networks), room)
        except _Full:
            continue
    raise CassetteError(
        "these addresses lie too deep inside each other to be mapped into documentation ranges",
        next_step="record without --map-addresses, or a smaller part",
    )


class _Full(Exception):
    """The range has too few bits for the tree."""


def _branch(networks: list[Network], room: Network) -> dict[Network, Network]:
    """Lay out networks, all different, inside `room`; hosts stay hosts.

    A stack instead of recursion: an IPv6 tree may be 128 levels deep.
    """
    new: dict[Network, Network] = {}
    waiting = [(networks, room)]
    while waiting:
        inside, room = waiting.pop()
        first, last = inside[0], inside[-1]
        if first.prefixlen == first.max_prefixlen and len(inside) == 1:
            new[first] = _alone(room.network_address)
            continue
        if len(inside) == 1:
            new[first] = room
            continue
        shared = _shared_bits(first, last)
        if first.prefixlen == shared:
            new[first] = room
            inside = inside[1:]
        if room.prefixlen == room.max_prefixlen:
            raise _Full
        low, high = room.subnets()
        ones = [network for network in inside if _bit(network, shared)]
        zeros = inside[: len(inside) - len(ones)]
        waiting += [(part, half) for part, half in ((zeros, low), (ones, high)) if part]
    return new


def _shared_bits(first: Network, last: Network) -> int:
    """How many leading bits a sorted run of networks shares, at most the shortest prefix."""
    difference = int(first.network_address) ^ int(last.network_address)
    equal = first.max_prefixlen - difference.bit_length()
    return min(equal, first.prefixlen)


def _bit(network: Network, position: int) -> bool:
    return bool(int(network.network_address) >> (network.max_prefixlen - 1 - position) & 1)
