"""Urls of FortiGates: no DELETE without a key, exactly one VDOM, no step upwards."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from fmgsync import errors
from fmgsync.clock import ManualClock
from fmgsync.targets.fortigate import urls
from fmgsync.targets.fortigate.access import Access
from fmgsync.targets.fortigate.session import Session
from fmgsync.targets.fortigate.urls import Table, Url

MADE: list[Callable[[str], Url]] = [
    lambda key: urls.item(Table.ADDRESS, "root", key),
    lambda key: urls.item(Table.GROUP6, "root", key),
    lambda key: urls.members(Table.GROUP, "root", key),
    lambda key: urls.member(Table.GROUP, "root", "web", key),
    lambda key: urls.member(Table.GROUP, "root", key, "prod_10.0.0.1"),
]


def sent(url: Url) -> str:
    """The path as the HTTP library puts it on the wire, after all that it does to urls."""
    request = requests.Request("DELETE", f"https://fgt.example{url.text}").prepare()
    return urlsplit(str(request.path_url)).path


@given(st.sampled_from(MADE), st.text(max_size=90))
def test_no_key_ever_becomes_the_url_of_a_table(make: Callable[[str], Url], key: str) -> None:
    """A key is refused, or stands whole in the path, where nothing takes it for a step."""
    try:
        url = make(key)
    except ValueError:
        assert key in ("", ".", "..") or not key.isprintable()
        return
    assert url.keys >= 1
    steps = sent(url).split("/")
    assert steps[:5] == ["", "api", "v2", "cmdb", "firewall"]
    assert "" not in steps[1:]
    assert not {".", ".."}.intersection(steps)
    assert key in [unquote(step) for step in steps[6:]]


@pytest.mark.parametrize("key", ["", ".", "..", "a\nb", "\x00"])
@pytest.mark.parametrize("make", MADE)
def test_what_is_no_key_is_refused(make: Callable[[str], Url], key: str) -> None:
    with pytest.raises(ValueError, match="not the key"):
        make(key)


@given(st.text(max_size=40))
def test_every_url_names_one_vdom(vdom: str) -> None:
    """Not several, and not the one that happens to be the management VDOM."""
    try:
        url = urls.table(Table.ADDRESS, vdom, {"format": "name"})
    except ValueError:
        assert not vdom or not vdom.isprintable() or set(vdom) & set("*,/ ") or len(vdom) > 31
        return
    assert parse_qs(urlsplit(url.text).query)["vdom"] == [vdom]


@pytest.mark.parametrize("vdom", ["", "*", "a,b", "root,*", "a b", "a/b", "x" * 32])
def test_several_vdoms_are_refused(vdom: str) -> None:
    with pytest.raises(ValueError, match="one VDOM"):
        urls.item(Table.ADDRESS, vdom, "x")


@pytest.mark.parametrize("method", ["DELETE", "PUT"])
@pytest.mark.parametrize(
    "url",
    [
        urls.table(Table.ADDRESS, "root"),
        urls.action("transaction-start", "root"),
        urls.monitor("system/status", "root"),
    ],
    ids=lambda url: url.what or "action",
)
def test_a_session_deletes_nothing_without_a_key(method: str, url: Url) -> None:
    """The second lock on the same door: nothing is sent."""
    session = Session(Access("branch", "127.0.0.1:1", "k3y"), clock=ManualClock())
    with session, pytest.raises(errors.InternalError, match="needs the key"):
        session.write(method, url)
    assert session.requests == 0


def test_a_slash_and_a_space_are_part_of_the_name() -> None:
    url = urls.item(Table.GROUP, "root", "a/b c%2F")
    assert url.text == "/api/v2/cmdb/firewall/addrgrp/a%2Fb%20c%252F?vdom=root"
    assert re.search(r"/addrgrp/a%2Fb%20c%252F$", sent(url))
    assert not urls.is_plain("a/b")
    assert urls.is_plain("prod_10.0.0.8_30")
