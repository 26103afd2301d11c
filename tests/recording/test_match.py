"""Two requests are the same if they ask the same; the difference is told in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
import vcr

from fmgsync.recording import jsonrpc, match
from fmgsync.recording.jsonrpc import Question


def question(method: str, *params: dict[str, Any], **members: Any) -> Question:
    body = {"method": method, "params": list(params)} | members
    decoded = jsonrpc.decode(json.dumps(body))
    assert decoded is not None
    return decoded


GET = question("get", {"url": "/a/b", "fields": ["name"]}, verbose=1, id=1, session="s1")


@pytest.mark.parametrize(
    ("recorded", "came", "lines"),
    [
        (GET, question("get", {"url": "a/b/", "fields": ["name"]}, verbose=1, id=7), []),
        (
            GET,
            question("get", {"url": "/a/b", "fields": ["name", "x"]}),
            [
                "params[0].fields[1]: recorded nothing, came 'x'",
                "verbose: recorded 1, came nothing",
            ],
        ),
        (
            question("set", {"url": "/x", "data": {"member": ["a"]}}),
            question("update", {"url": "/y", "data": {"member": []}}),
            [
                "method: recorded 'set', came 'update'",
                "params[0].url: recorded 'x', came 'y'",
                "params[0].data.member[0]: recorded 'a', came nothing",
            ],
        ),
        (
            question("set", {"url": "/x", "data": {"n": 1}}),
            question("set", {"url": "/x", "data": {"n": True}}),
            ["params[0].data.n: recorded 1, came True"],
        ),
        # Who logs in, and with what, is not what a cassette is about.
        (
            question("exec", {"url": "sys/login/user", "data": {"user": "a", "passwd": "b"}}),
            question("exec", {"url": "/sys/login/user", "data": [{"user": "c", "passwd": "d"}]}),
            [],
        ),
        # A stand-in was put where anything may have stood.
        (
            question("set", {"url": "/x", "data": {"comment": "comment-3", "psk": "scrubbed"}}),
            question("set", {"url": "/x", "data": {"comment": "by Bob", "psk": "hunter2"}}),
            [],
        ),
        (
            question("set", {"url": "/x", "data": {"psk": "hunter1"}}),
            question("set", {"url": "/x", "data": {"psk": "hunter2"}}),
            ["params[0].data.psk: recorded a secret, came a secret"],
        ),
    ],
)
def test_differences(recorded: Question, came: Question, lines: list[str]) -> None:
    assert list(match.differences(recorded, came)) == lines
    assert match.is_same(recorded, came) == (not lines)


def test_many_differences_are_cut() -> None:
    long = question("set", {"url": "/x", "data": {str(n): n for n in range(40)}})
    told = match.described(long, question("set", {"url": "/x", "data": {}}))
    assert told.endswith("and 28 more differences")


def test_the_nearest_is_the_one_that_differs_least() -> None:
    known = [
        question("get", {"url": "/pm/config/adom/lab/obj/firewall/addrgrp"}),
        None,
        question("set", {"url": "/pm/config/adom/lab/obj/firewall/addrgrp/g", "data": {"a": 1}}),
        question("set", {"url": "/pm/config/adom/lab/obj/firewall/addrgrp/g", "data": {"a": 2}}),
        question("add", {"url": "/pm/config/adom/lab/obj/firewall/addrgrp/g", "data": {"a": 3}}),
    ]
    came = question(
        "set", {"url": "/pm/config/adom/lab/obj/firewall/addrgrp/g", "data": {"a": 2, "b": 1}}
    )
    assert match.nearest(known, came) == 3
    assert match.nearest([None], came) is None


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"method": 1}', '{"method": "get", "params": 1}']
)
def test_what_is_no_question(body: str) -> None:
    assert jsonrpc.decode(body) is None


def test_vcrpy_takes_the_matcher() -> None:
    recorder = vcr.VCR()
    recorder.register_matcher("jsonrpc", match.jsonrpc_matcher)

    def request(body: str) -> Any:
        return vcr.request.Request("POST", "https://x/jsonrpc", body, {})

    one = '{"method": "get", "params": [{"url": "/a"}], "id": 1}'
    match.jsonrpc_matcher(request(one), request(one.replace("1}", "2}")))
    with pytest.raises(AssertionError, match=r"params\[0\].url"):
        match.jsonrpc_matcher(request(one.replace("/a", "/b")), request(one))
    with pytest.raises(AssertionError, match="no JSON-RPC"):
        match.jsonrpc_matcher(request("x"), request(one))
