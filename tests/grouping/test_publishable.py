"""Which addresses may ever be published."""

from __future__ import annotations

import ipaddress

import pytest

from fmgsync.grouping import publishable
from fmgsync.model.address import parse

HOSTS = [f"{first}.{rest}" for first in range(256) for rest in ("0.0.0", "0.0.1", "254.169.1")]


def test_of_ipv4_exactly_what_names_no_host_is_refused() -> None:
    """The common case is answered by its first octet; the standard library must agree."""
    for text in [*HOSTS, "255.255.255.255", "169.254.0.1", "169.253.0.1"]:
        it = ipaddress.IPv4Address(text)
        strange = it.is_unspecified or it.is_loopback or it.is_multicast or it.is_link_local
        refused = publishable.refusal(parse(text)) is not None
        assert refused == (strange or text == "255.255.255.255"), text


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", "::", "::1", "fe80::1", "ff02::1"])
def test_everything_and_nowhere_are_refused(text: str) -> None:
    assert publishable.refusal(parse(text)) is not None


@pytest.mark.parametrize("text", ["10.0.0.0/8", "1.0.0.0/8", "2001:db8::9", "2001:db8::/64"])
def test_prefixes_and_ipv6_hosts_are_published(text: str) -> None:
    assert publishable.refusal(parse(text)) is None
