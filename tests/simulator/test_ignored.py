"""What a request says that is not simulated is told and counted, or refused; never just dropped."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import Any

import pytest

from fmgsync.simulator import Simulator
from tests.simulator.client import Client
from tests.simulator.conftest import small_seed

PROD = "/pm/config/adom/prod"
ADDRESS = f"{PROD}/obj/firewall/address"
POLICY = f"{PROD}/pkg/edge/default/firewall/policy"
DEVICES = "/dvmdb/adom/prod/device"
INSTALL = "/securityconsole/install/package"

SAID: list[tuple[str, dict[str, Any], tuple[str, str]]] = [
    ("get", {"url": ADDRESS, "bogus": 1}, ("parameter", "bogus")),
    ("get", {"url": f"{ADDRESS}/db", "filter": ["name", "==", "x"]}, ("parameter", "filter")),
    ("get", {"url": ADDRESS, "option": ["count", "bogus"]}, ("option", "bogus")),
    ("get", {"url": ADDRESS, "option": "get reserved"}, ("option", "get reserved")),
    ("get", {"url": ADDRESS, "fields": ["name", "bogus"]}, ("field", "bogus")),
    ("get", {"url": DEVICES, "fields": ["name", "bogus"]}, ("field", "bogus")),
    ("get", {"url": DEVICES, "filter": ["bogus", "==", 1]}, ("field", "bogus")),
    ("get", {"url": f"{DEVICES}/east-1", "range": [0, 1]}, ("parameter", "range")),
    ("get", {"url": POLICY, "bogus": 1}, ("parameter", "bogus")),
    ("get", {"url": "/task/task", "option": ["bogus"]}, ("option", "bogus")),
    ("get", {"url": "/sys/status", "expand member": [{}]}, ("parameter", "expand member")),
    ("add", {"url": ADDRESS, "data": {"name": "n", "bogus": 1}}, ("member", "bogus")),
    ("set", {"url": f"{ADDRESS}/db", "data": {"bogus": 1}}, ("member", "bogus")),
    ("update", {"url": f"{POLICY}/1", "data": {"bogus": 1}}, ("member", "bogus")),
    (
        "add",
        {
            "url": f"{ADDRESS}/db/dynamic_mapping",
            "data": {"_scope": [{"name": "east-1", "vdom": "root"}], "bogus": 1},
        },
        ("member", "bogus"),
    ),
    (
        "add",
        {
            "url": f"{ADDRESS}/db/dynamic_mapping",
            "data": {"_scope": [{"name": "east-1", "vdom": "root", "bogus": 1}]},
        },
        ("member", "_scope.bogus"),
    ),
    ("add", {"url": "/pm/pkg/adom/prod/edge/default/scope member",
             "data": [{"name": "east-1", "vdom": "root", "bogus": 1}]},
     ("member", "scope member.bogus")),
    ("update", {"url": f"{POLICY}/1",
                "data": {"scope member": [{"name": "east-1", "vdom": "root", "bogus": 1}]}},
     ("member", "scope member.bogus")),
    ("exec", {"url": INSTALL, "data": {"adom": "prod", "pkg": "edge/default", "bogus": 1}},
     ("member", "bogus")),
    ("exec", {"url": INSTALL, "data": {"adom": "prod", "pkg": "edge/default",
                                       "flags": ["cp_all_objs"]}}, ("option", "cp_all_objs")),
    ("exec", {"url": "/sys/logout", "data": {"bogus": 1}}, ("parameter", "data")),
]  # fmt: skip


@pytest.fixture
def stack() -> Any:
    with ExitStack() as opened:
        yield opened


def serve(stack: ExitStack, *, strict: bool) -> tuple[Simulator, Client]:
    unit = stack.enter_context(Simulator(small_seed(), strict=strict))
    client = stack.enter_context(Client(unit))
    client.log_in()
    return unit, client


@pytest.mark.parametrize(("method", "param", "told"), SAID, ids=lambda value: str(value)[:60])
def test_it_is_told_and_counted_or_refused(
    stack: ExitStack,
    caplog: pytest.LogCaptureFixture,
    method: str,
    param: dict[str, Any],
    told: tuple[str, str],
) -> None:
    """`Simulator(strict=True)` refuses as FortiManager refuses a bad option, parameter or data."""
    unit, client = serve(stack, strict=False)
    with caplog.at_level(logging.WARNING):
        [element] = client.envelope(method, param)["result"]

    assert element["status"]["code"] == 0
    assert [(kind, name) for kind, _, name in unit.ignored.counts] == [told]
    assert unit.ignored.total == 1
    assert told[1] in caplog.text

    _, client = serve(stack, strict=True)
    [element] = client.envelope(method, param)["result"]

    assert element["status"]["code"] in (-7, -8, -10)
    assert told[1] in element["status"]["message"]


def test_a_member_that_is_refused_leaves_nothing_behind(stack: ExitStack) -> None:
    _, client = serve(stack, strict=True)

    assert client.code("add", ADDRESS, {"name": "n", "subnet": "10.1.1.1/32", "nix": 1}) == -10
    assert client.code("get", f"{ADDRESS}/n") == -3
    assert client.code("add", ADDRESS, {"name": "n", "subnet": "10.1.1.1/32"}, nix=1) == -8
    assert client.code("get", f"{ADDRESS}/n") == -3


def test_what_is_ignored_again_is_counted_and_not_told_again(
    stack: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    unit, client = serve(stack, strict=False)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            client.get(ADDRESS, bogus=1)

    assert unit.ignored.counts[("parameter", ADDRESS, "bogus")] == 3
    assert len([line for line in caplog.messages if "bogus" in line]) == 1


def test_members_of_the_envelope_are_told_too(stack: ExitStack) -> None:
    unit, client = serve(stack, strict=False)
    client.envelope("get", {"url": "/sys/status"}, jsonrpc="1.0", bogus=1)

    assert unit.ignored.counts == {("parameter", "", "bogus"): 1}


@pytest.mark.parametrize(
    "param",
    [
        {"url": ADDRESS, "fields": ["name", "subnet"], "loadsub": 0, "range": [0, 9]},
        {"url": ADDRESS, "filter": ["name", "==", "nobody"], "option": ["extra info", "get used"]},
        {"url": ADDRESS, "option": "no loadsub", "loadsub": 0},
        {"url": POLICY, "filter": ["policyid", "==", 77], "option": ["scope member"]},
        {"url": DEVICES, "fields": ["name"], "loadsub": 0, "option": ["assignment info"]},
        {"url": "/task/task", "loadsub": 0, "sortings": [{"id": -1}]},
    ],
    ids=str,
)
def test_what_is_known_is_not_told_though_there_be_no_row(
    stack: ExitStack, param: dict[str, Any]
) -> None:
    unit, client = serve(stack, strict=True)

    assert client.envelope("get", param)["result"][0]["status"]["code"] == 0
    assert unit.ignored.counts == {}


def test_an_object_can_be_written_back_as_it_was_read(stack: ExitStack) -> None:
    """Clients that change one member often send the whole object."""
    _, client = serve(stack, strict=True)
    for url in (f"{ADDRESS}/db", f"{PROD}/obj/firewall/addrgrp/legacy", f"{POLICY}/1"):
        read = client.get(url, option=["extra info", "get used"])

        assert client.code("update", url, read) == 0, url
        assert client.code("set", url, read) == 0, url
