"""Addresses lose their meaning and keep their relations."""

from __future__ import annotations

import ipaddress
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.errors import CassetteError
from fmgsync.recording import addresses
from fmgsync.recording.addresses import AddressMap, Network


def mapped(*texts: str) -> dict[str, str]:
    """Map each text by the layout of all."""
    networks: set[Network] = set()
    matches = {}
    for text in texts:
        match = addresses.TEXT.search(text) or addresses.NAME.search(text)
        assert match
        found = addresses.parse(match)
        assert found
        networks |= set(addresses.networks_of(found))
        matches[text] = match
    layout = AddressMap(networks)
    return {
        text: text[: match.start()] + layout.replace(match) + text[match.end() :]
        for text, match in matches.items()
    }


def test_masks_follow_their_network() -> None:
    new = mapped("10.1.0.0/16", "10.1.7.0 255.255.255.0", "10.1.7.9", "10.2.0.1")
    assert new == {
        "10.1.0.0/16": "203.0.113.0/25",
        "10.1.7.0 255.255.255.0": "203.0.113.0 255.255.255.192",
        "10.1.7.9": "203.0.113.0",
        "10.2.0.1": "203.0.113.128",
    }


def test_names_made_of_addresses_are_mapped_alike() -> None:
    new = mapped("prod_10.1.0.8_30", "10.1.0.8/30", "prod_2001-db8-7--9", "2001:db8:7::9")
    assert new["prod_10.1.0.8_30"].removeprefix("prod_") == new["10.1.0.8/30"].replace("/", "_")
    assert (
        new["prod_2001-db8-7--9"].removeprefix("prod_").replace("-", ":") == (new["2001:db8:7::9"])
    )


def test_host_bits_stay_inside_their_network() -> None:
    """FortiManager stores `10.0.0.4/24` as somebody wrote it."""
    new = mapped("10.0.0.4/24", "10.0.0.0/24")
    host = ipaddress.ip_interface(new["10.0.0.4/24"])
    assert host.network == ipaddress.ip_network(new["10.0.0.0/24"])


@pytest.mark.parametrize(
    "text",
    [
        "255.255.255.0",
        "0.0.0.0",
        "::",
        "224.0.0.18",
        "10.0.0.300",
        "12:34:56",
        "1.2.3",
        "128.0.0.0",
    ],
)
def test_what_means_no_host_is_left(text: str) -> None:
    match = addresses.TEXT.search(text)
    assert match is None or addresses.parse(match) is None


def networks(version: int) -> st.SearchStrategy[Network]:
    bits = 32 if version == 4 else 128

    def build(number: int, length: int) -> Network:
        kind = ipaddress.IPv4Network if version == 4 else ipaddress.IPv6Network
        return kind(((number >> (bits - length)) << (bits - length), length))

    lengths = st.integers(8, bits) | st.just(bits)
    near = st.integers(0, 2**12).map(lambda low: (10 << (bits - 8)) + low)
    return st.builds(build, near | st.integers(1 << (bits - 8), (1 << (bits - 1)) - 1), lengths)


@settings(max_examples=150, deadline=None)
@given(st.lists(networks(4) | networks(6), min_size=1, max_size=40))
def test_containment_and_order_survive(originals: list[Network]) -> None:
    layout = AddressMap(originals)
    new = {one: layout.network(addresses.Found(one.network_address, one)) for one in originals}
    for one, mapped_to in new.items():
        assert addresses.is_documentation(mapped_to.network_address)
        assert (one.prefixlen == one.max_prefixlen) == (
            mapped_to.prefixlen == mapped_to.max_prefixlen
        ) or one.prefixlen < one.max_prefixlen
    for one, other in itertools.permutations(new, 2):
        if one.version != other.version:
            continue
        assert new[one] != new[other]
        assert inside(one, other) == inside(new[one], new[other])
        if not inside(one, other) and not inside(other, one):
            before = first_bits(one) < first_bits(other)
            assert (first_bits(new[one]) < first_bits(new[other])) == before


def first_bits(one: Network) -> int:
    return int(one.network_address)


def inside(one: Network, other: Network) -> bool:
    if isinstance(one, ipaddress.IPv4Network) and isinstance(other, ipaddress.IPv4Network):
        return one.subnet_of(other)
    if isinstance(one, ipaddress.IPv6Network) and isinstance(other, ipaddress.IPv6Network):
        return one.subnet_of(other)
    return False


def test_many_hosts_spill_into_a_larger_range() -> None:
    new = mapped(*(f"10.{a}.{b}.7" for a in range(40) for b in range(20)))
    assert len(set(new.values())) == 800
    assert all(addresses.is_documentation(ipaddress.ip_address(one)) for one in new.values())


def test_what_cannot_be_laid_out_is_refused() -> None:
    """32 networks inside each other need 32 bits; no reserved range has them."""
    nested = [ipaddress.IPv4Network((0, length)) for length in range(33)]
    with pytest.raises(CassetteError, match="without --map-addresses"):
        AddressMap(nested)
