"""NO_PROXY as kubectl reads it, IPv6 included."""

from __future__ import annotations

import pytest

from fmgsync.kube import bypass

DIRECT = [
    ("https://[::1]:6443", ""),  # this computer needs no proxy
    ("https://127.3.0.1:6443", ""),
    ("https://localhost:6443", ""),
    ("https://[fd00::1]:6443", "fd00::1"),
    ("https://[fd00::1]:6443", "fd00:0:0::0001"),
    ("https://[fd00::1]:6443", "[fd00::1]"),
    ("https://[fd00::1]:6443", "[fd00::1]:6443"),
    ("https://[fd00::1]", "[fd00::1]:443"),
    ("https://[fd00::1]:6443", "10.0.0.0/8, fd00::/108"),
    ("https://10.96.0.1:443", "10.96.0.0/12"),
    ("https://10.96.0.1", "10.96.0.1:443"),
    ("https://api.example.net:6443", "example.net"),
    ("https://api.example.net:6443", "*.example.net"),
    ("https://api.example.net:6443", ".example.net"),
    ("https://API.Example.net:6443", "Example.NET"),
    ("https://example.net:6443", "example.net:6443"),
    ("https://api.example.net.:6443", "example.net"),
    ("https://api.example.net", "a, *"),
]
PROXIED = [
    ("https://[fd00::1]:6443", ""),
    ("https://[fd00::1]:6443", "::1"),
    ("https://[fd00::1]:6443", "fd00::2,[fd00::3],fd01::/16,10.0.0.0/8,fd00::/x,[,]:,:1"),
    ("https://[fd00::1]:6443", "[fd00::1]:443"),
    ("https://10.96.0.1:6443", "10.96.0.1:443"),
    ("https://10.96.0.10", "96.0.10,0"),
    ("https://notexample.net:6443", "example.net"),
    ("https://example.net:6443", ".example.net"),  # below it only
    ("https://example.net:6443", "example.net:443"),
    ("https://example.net:6443", ",, ,"),
]


@pytest.mark.parametrize(("url", "no_proxy"), DIRECT)
def test_who_is_reached_directly(url: str, no_proxy: str) -> None:
    assert bypass.is_direct(url, no_proxy)


@pytest.mark.parametrize(("url", "no_proxy"), PROXIED)
def test_who_is_reached_through_the_proxy(url: str, no_proxy: str) -> None:
    assert not bypass.is_direct(url, no_proxy)
