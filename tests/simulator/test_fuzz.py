"""Whatever is sent, the answer is FortiManager's kind of error: no traceback, no hang."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fmgsync.clock import ManualClock
from fmgsync.simulator import Simulator
from tests.simulator.client import Client
from tests.simulator.conftest import small_seed

OBJ = "/pm/config/adom/prod/obj/firewall"
POLICY = "/pm/config/adom/prod/pkg/edge/default/firewall/policy"
URLS = [
    "/sys/status",
    "/sys/session",
    "/sys/ha/status",
    "/sys/login/user",
    "/sys/proxy/json",
    "/cli/global/system/global",
    "/cli/global/system/ha/peer",
    "/dvmdb/adom",
    "/dvmdb/adom/prod",
    "/dvmdb/adom/prod/device",
    "/dvmdb/adom/prod/device/east-1",
    "/dvmdb/adom/prod/device/east-1/vdom",
    "/dvmdb/adom/prod/device/east-1/vdom/dmz",
    "/dvmdb/device",
    "/dvmdb/device/east-1",
    "/dvmdb/_meta_fields/device",
    "/dvmdb/_meta_fields/device/City",
    "/pm/config/_meta_fields/firewall/address",
    "/dvmdb/adom/prod/group",
    "/dvmdb/adom/prod/group/East",
    "/dvmdb/adom/prod/group/East/object member",
    "/dvmdb/adom/prod/group/by-task",
    "/dvmdb/adom/prod/object member",
    "/dvmdb/adom/prod/revision",
    "/dvmdb/adom/prod/revision/1",
    "/dvmdb/adom/prod/workspace/lock",
    "/dvmdb/adom/prod/workspace/lockinfo/obj/firewall/address/db",
    "/dvmdb/adom/prod/workspace/unlock/pkg/edge/default",
    "/dvmdb/adom/prod/workflow/start",
    "/dvmdb/_is_member/adom/prod",
    "/dvmdb/device/east-1/object master",
    "/dvm/cmd/del/device",
    "/dvm/cmd/update/dev-list",
    f"{OBJ}/address",
    f"{OBJ}/address/db",
    f"{OBJ}/address/db/dynamic_mapping",
    f"{OBJ}/address/db/dynamic_mapping/east-1/root",
    f"{OBJ}/address/db/tagging",
    f"{OBJ}/address6",
    f"{OBJ}/addrgrp",
    f"{OBJ}/addrgrp/legacy",
    f"{OBJ}/addrgrp/legacy/member",
    f"{OBJ}/addrgrp/legacy/dynamic_mapping/east-1/root/_scope",
    f"{OBJ}/ippool",
    f"{OBJ}/vip",
    f"{OBJ}/ssl-ssh-profile/no-inspection",
    "/pm/config/adom/prod/obj/user/group",
    "/pm/config/adom/prod/obj/webfilter/profile/default",
    "/pm/config/adom/prod/obj/router/access-list",
    "/pm/config/adom/prod/obj/dynamic/interface/any/dynamic_mapping",
    "/pm/config/adom/prod/obj/fmg/variable",
    "/pm/config/adom/prod/pkg/edge/default/firewall/DoS-policy",
    "/pm/config/adom/prod/pkg/edge/default/firewall/shaping-policy/1",
    POLICY,
    f"{POLICY}/1",
    f"{POLICY}/1/scope member",
    f"{POLICY}/1/section value",
    "/pm/config/adom/prod/pkg/edge/default/_package/status",
    "/pm/config/adom/prod/_package/status",
    "/pm/config/adom/prod/_package/status/east-1/root",
    "/pm/config/adom/prod/_vdom/status",
    "/pm/config/adom/prod/_objrev/obj/firewall/address/db",
    "/pm/config/adom/prod/obj",
    "/pm/config/device/east-1/vdom/root/firewall/address",
    "/pm/config/device/east-1/vdom/root/firewall/policy/1",
    "/pm/config/device/east-1/global/system/global",
    "/pm/config/global/obj/firewall/address",
    "/pm/config/global/_external/resource/a.txt",
    "/pm/pkg/adom/prod",
    "/pm/pkg/adom/prod/edge/default",
    "/pm/pkg/adom/prod/edge/default/scope member",
    "/pm/pkg/adom/prod/edge/default/schedule",
    "/pm/pkg/global/x",
    "/securityconsole/install/package",
    "/securityconsole/install/device",
    "/securityconsole/install/objects",
    "/securityconsole/install/objects/v2",
    "/securityconsole/install/preview",
    "/securityconsole/preview/result",
    "/securityconsole/install/summary",
    "/securityconsole/reinstall/package",
    "/securityconsole/package/commit",
    "/securityconsole/assign/package",
    "/securityconsole/abort",
    "/cache/search/where/used/start",
    "/cache/search/where/used/get/detail",
    "/cache/diff/start",
    "/cache/diff/get/summary/pkg/edge/default",
    "/task/task",
    "/task/task/1",
    "/task/task/1/line/0/history",
]
METHODS = ["get", "add", "set", "update", "replace", "delete", "exec", "clone", "move", "unset"]
NAMES = [
    "name",
    "member",
    "subnet",
    "_scope",
    "vdom",
    "adom",
    "pkg",
    "scope",
    "flags",
    "type",
    "policyid",
    "dynamic_mapping",
    "srcaddr",
    "unset attrs",
    "target",
    "objects",
    "mkey",
    "obj",
    "token",
    "action",
    "resource",
    "desc",
    "scope member",
    "package settings",
    "subobj",
    "tagging",
    "ip6",
    "color",
    "user",
    "passwd",
    "device",
    "datetime",
    "content",
    "src",
    "dst",
    "state",
    "task",
    "object position",
    "attr",
    "before",
    "meta fields",
    "latitude",
    "wildcard",
    "groups",
    "bogus",
]
WORDS = [
    "db",
    "legacy",
    "all",
    "none",
    "prod",
    "edge/default",
    "east-1",
    "root",
    "East",
    "10.0.0.0/24",
    "10.$(site).0.0/16",
    "ipmask",
    "accept",
    "",
    "a" * 300,
    "x\u0000y",
    "\U0001f525",
    "../..",
    "%",
    "firewall address",
    "obj/firewall/address/db",
    "adom/prod/obj/firewall/address",
    "adom/prod/device/east-1",
    "adom/prod",
    "after",
    "get",
    "post",
    "1",
    "/api/v2/cmdb/firewall/address?vdom=root&filter=name==db&count=x",
    "2026-01-01 00:00",
    "preview",
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-2, 3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(WORDS),
    st.text(max_size=8),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    ),
    max_leaves=6,
)
records = st.dictionaries(st.sampled_from(NAMES), values, max_size=4)
OPERATORS = ["==", "!=", "<=", ">", "like", "in", "!in", "contain", "&", "glob", "~"]
filters = st.recursive(
    st.lists(
        st.one_of(
            st.sampled_from(["name", "subnet", "member", "type", "oid", "object used", "policyid"]),
            st.sampled_from(OPERATORS),
            scalars,
        ),
        max_size=4,
    ),
    lambda inner: st.lists(st.one_of(inner, st.sampled_from(["&&", "||", "!"])), max_size=4),
    max_leaves=6,
)
OPTIONS = [
    "count", "syntax", "chksum", "devinfo", "datasrc", "scope member", "object member",
    "extra info", "get meta", "get used", "find duplicates", "duplicate check", "cli config",
    "force", "schedule", "assignment info", "after", "before",
]  # fmt: skip
SORTING = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([1, -1, 0]), max_size=2)
SENSIBLE: dict[str, st.SearchStrategy[Any]] = {
    "filter": filters,
    "fields": st.lists(st.sampled_from(NAMES), max_size=4),
    "range": st.lists(st.integers(-1, 5), max_size=3),
    "sortings": st.lists(SORTING, max_size=2),
    "option": st.one_of(st.sampled_from(OPTIONS), st.lists(st.sampled_from(OPTIONS), max_size=2)),
    "confirm": st.sampled_from([0, 1]),
    "attr": st.sampled_from(["member", "srcaddr"]),
    "subfetch filter": st.sampled_from([0, 1]),
    "sub fetch": st.dictionaries(
        st.sampled_from(["dynamic_mapping", "vdom", "tagging", "bogus"]),
        st.fixed_dictionaries(
            {},
            optional={
                "scope member": st.one_of(st.just([{"name": "east-1", "vdom": "root"}]), values),
                "subfetch count": st.tuples(st.sampled_from(["==", ">=", "~"]), scalars),
                "filter": filters,
                "fields": values,
            },
        ),
        max_size=2,
    ),
}
MODIFIERS = [
    *SENSIBLE,
    "loadsub",
    "target",
    "token",
    "merge",
    "used objs",
    "workflow",
    "object template",
    "expand datasrc",
    "expand member",
    "revision note",
    "before",
    "bogus",
]


@st.composite
def params(draw: st.DrawFn) -> dict[str, Any]:
    """One param: a url we know, data of any kind, a few modifiers, sensible or not.

    A few only: drawing all of them in each example takes far longer than answering it.
    """
    param: dict[str, Any] = {"url": draw(st.sampled_from(URLS))}
    if draw(st.booleans()):
        param["data"] = draw(st.one_of(records, st.lists(records, max_size=2), values))
    for name in draw(st.lists(st.sampled_from(MODIFIERS), max_size=3)):
        sensible = SENSIBLE.get(name, values)
        param[name] = draw(sensible if draw(st.booleans()) else values)
    return param


@pytest.fixture(scope="module", params=["disabled", "normal"])
def simulator(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    seed = small_seed(workspaceMode=request.param, version="7.6.6")
    with Simulator(seed, clock=ManualClock().now) as running:
        yield running


ONE_MODE = pytest.mark.parametrize("simulator", ["normal"], indirect=True)
"""For what does not come as far as the workspace."""


@pytest.fixture(scope="module")
def client(simulator: Simulator) -> Iterator[Client]:
    with Client(simulator) as opened:
        opened.log_in("alice", "wonder")
        opened.code("exec", "/dvmdb/adom/prod/workspace/lock")
        yield opened


def defects(simulator: Simulator) -> list[str]:
    """What went wrong since the last look."""
    found = list(simulator.world.defects)
    simulator.world.defects.clear()
    return found


def check(answer: Any, count: int) -> None:
    assert isinstance(answer["result"], list)
    assert len(answer["result"]) == count
    for element in answer["result"]:
        assert isinstance(element["status"]["code"], int)
        assert isinstance(element["status"]["message"], str)
        assert element["status"]["code"] <= 0
        assert "Traceback" not in element["status"]["message"]


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(method=st.sampled_from(METHODS), batch=st.lists(params(), min_size=1, max_size=4))
def test_well_formed_envelopes(
    simulator: Simulator, client: Client, method: str, batch: list[dict[str, Any]]
) -> None:
    """Ten methods on every url we know, with data and modifiers of every wrong kind."""
    check(client.envelope(method, *batch), len(batch))

    assert defects(simulator) == []


@ONE_MODE
@settings(max_examples=80, deadline=None)
@given(body=st.one_of(st.binary(max_size=200), values.map(lambda v: json.dumps(v).encode())))
def test_bytes(simulator: Simulator, client: Client, body: bytes) -> None:
    response = client.post(body)

    assert response.status_code == 200
    check(response.json(), 1)


@ONE_MODE
@settings(max_examples=60, deadline=None)
@given(
    method=values,
    listed=st.one_of(values, st.lists(values, max_size=3)),
    session=values,
    verbose=values,
    number=values,
)
def test_envelopes_of_the_wrong_types(
    simulator: Simulator,
    client: Client,
    method: Any,
    listed: Any,
    session: Any,
    verbose: Any,
    number: Any,
) -> None:
    body = {
        "id": number,
        "method": method,
        "params": listed,
        "session": session,
        "verbose": verbose,
    }

    answer = client.post(json.dumps(body).encode()).json()

    check(answer, len(answer["result"]))
    assert defects(simulator) == []


@ONE_MODE
@settings(max_examples=60, deadline=None)
@given(
    path=st.lists(
        st.sampled_from(
            [
                "pm",
                "config",
                "adom",
                "prod",
                "obj",
                "firewall",
                "address",
                "db",
                "..",
                "",
                "\\/",
                "%2f",
                "pkg",
                "_package",
                "status",
                "device",
                "task",
                "dvmdb",
                "\u0000",
                "x" * 3000,
            ]
        ),
        max_size=9,
    ),
    method=st.sampled_from(METHODS),
)
def test_urls(simulator: Simulator, client: Client, path: list[str], method: str) -> None:
    check(client.envelope(method, {"url": "/".join(path), "data": {"name": "u"}}), 1)

    assert defects(simulator) == []


@ONE_MODE
def test_a_million_character_name(client: Client) -> None:
    assert client.code("add", f"{OBJ}/address", {"name": "n" * 1_000_000}) == -10
    assert client.code("get", f"{OBJ}/address/{'n' * 1_000_000}") == -6


@ONE_MODE
def test_a_deep_document(client: Client) -> None:
    deep = b'{"method":"get","params":' + b"[" * 50_000 + b"]" * 50_000 + b"}"

    check(client.post(deep).json(), 1)


@ONE_MODE
def test_a_body_that_is_too_large(simulator: Simulator, client: Client) -> None:
    response = client.post(b"x" * (64 * 1024 * 1024 + 1))

    assert response.status_code == 413
