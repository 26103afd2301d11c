"""What must not leave the house is gone before anything is written, and the rest still fits."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.recording import check, files, scrub
from fmgsync.recording.cassette import Cassette, Exchange
from fmgsync.recording.learn import Rules
from tests.recording.exchanges import cassette, exchange, login

PASSWORD = "c0rrect/horse battery"  # gitleaks:allow
KEY = "xk93jf02mmd81hs7q2"
TOKEN = "Kx8s+0aa71mmPQ=="
RULES = Rules(secrets=(PASSWORD, KEY), hosts=("fmg.berlin.example.org:8443", "fgt-hamburg"))


def scrubbed(*exchanges: Exchange, rules: Rules = RULES) -> tuple[Exchange, ...]:
    return scrub.scrub([exchanges], rules)[0]


def data(exchange: Exchange) -> Any:
    """The data of the first result."""
    return json.loads(exchange.response_body)["result"][0].get("data")


def whole(exchanges: tuple[Exchange, ...]) -> str:
    return files.to_text(Cassette(exchanges))


def answered(value: Any, url: str = "/sys/status") -> Exchange:
    return exchange("get", {"url": url}, answers=[{"data": value}], session=TOKEN)


def test_login_keeps_its_shape_and_loses_its_secrets() -> None:
    raw = login("svc-fmgsync", PASSWORD, TOKEN)
    (made,) = scrubbed(raw)
    request = json.loads(made.request_body)
    assert request["params"] == [
        {"url": "sys/login/user", "data": {"user": "admin-1", "passwd": "scrubbed"}}
    ]
    assert json.loads(made.response_body)["session"] == "session-1"


def test_one_value_has_one_stand_in_through_all_sessions() -> None:
    first = [login(token=TOKEN), answered({"Hostname": "fmg-1"})]
    second = [
        exchange("get", {"url": "/dvmdb/device/fmg-1"}, session=TOKEN),
        answered({"Hostname": "fmg-2", "Serial Number": "FMG-VMTM22005248"}),
        answered([{"name": "fmg-1", "vdom": "root", "desc": "rack 7"}]),
    ]
    made = scrub.scrub([first, second], Rules())
    assert data(made[0][1]) == {"Hostname": "host-1"}
    assert json.loads(made[1][0].request_body)["session"] == "session-1"
    assert json.loads(made[1][0].request_body)["params"] == [{"url": "/dvmdb/device/host-1"}]
    assert data(made[1][1]) == {"Hostname": "host-2", "Serial Number": "SERIAL0001"}
    assert data(made[1][2]) == [{"name": "host-1", "vdom": "root", "desc": "comment-1"}]


@pytest.mark.parametrize(
    "text",
    [
        PASSWORD,
        f"login failed with {PASSWORD}!",
        quote(PASSWORD, safe=""),
        json.dumps({"inner": PASSWORD}),
        json.dumps(json.dumps([f"x{PASSWORD}y"])),
        base64.b64encode(f"fmgsync:{PASSWORD}".encode()).decode(),
        base64.b64encode(f"ab{PASSWORD}cd".encode()).decode(),
        KEY,
    ],
)
def test_a_known_secret_is_found_in_every_form(text: str) -> None:
    made = whole(scrubbed(answered({"text": text}, url=f"/x/{text}")))
    for form in (PASSWORD, KEY, quote(PASSWORD, safe=""), PASSWORD[:12], KEY[:12]):
        assert form not in made


def test_a_short_secret_does_not_tear_holes() -> None:
    (made,) = scrubbed(answered({"admin": "administrator"}), rules=Rules(secrets=("admin",)))
    assert data(made) == {"admin": "administrator"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"psksecret": ["ENC", "abcd"]}, {"psksecret": ["scrubbed", "scrubbed"]}),
        ({"wifi-passphrase": 12345}, {"wifi-passphrase": "scrubbed"}),
        ({"adm_pass": ""}, {"adm_pass": ""}),
        ({"has_password": True}, {"has_password": True}),
        ({"sn": "FGVM04TM18000391"}, {"sn": "SERIAL0001"}),
        ({"note": "call Bob"}, {"note": "comment-1"}),
        ({"comment": "Managed by fmgsync (prod)"}, {"comment": "Managed by fmgsync (prod)"}),
        (
            {"comment": "Managed by fmgsync (prod): k8s-web for Bob"},
            {"comment": "Managed by fmgsync (prod): k8s-web comment-1"},
        ),
        (
            {"comment": "Managed by fmgsync (prod) for Bob"},
            {"comment": "Managed by fmgsync (prod) comment-1"},
        ),
        ({"meta fields": {"Contact": "Bob"}}, {"meta fields": {"Contact": "comment-1"}}),
        (
            {"attr": {"comment": {"type": "string", "max": 255}}},
            {"attr": {"comment": {"type": "string", "max": 255}}},
        ),
        ({"latitude": 52.51}, {"latitude": 0.0}),
        ({"ip": "172.16.9.4"}, {"ip": "192.0.2.1"}),
        ({"ip": ["172.16.9.4", "255.255.255.0"]}, {"ip": ["192.0.2.1", "255.255.255.0"]}),
        ({"ip": "0.0.0.0"}, {"ip": "0.0.0.0"}),
        ({"subnet": ["10.1.0.0", "255.255.0.0"]}, {"subnet": ["10.1.0.0", "255.255.0.0"]}),
        ({"_last-modified-by": "bob"}, {"_last-modified-by": "admin-1"}),
        ({"lock_user": "admin"}, {"lock_user": "admin"}),
        ({"x": "see bob@corp.example.com"}, {"x": "see mail-1@example.net"}),
        (
            {"uuid": "03cb89e0-e96d-51eb-e0ea-e0db81318e00"},
            {"uuid": "00000000-0000-4000-8000-000000000001"},
        ),
        ({"m": "00:09:0f:aa:bb:cc"}, {"m": "00:00:5e:00:53:01"}),
        ({"x": "set password ENC Zm9vYmFyMTIz"}, {"x": "set password ENC scrubbed"}),
        ({"x": 'set psksecret "open sesame"\nnext'}, {"x": "set psksecret scrubbed\nnext"}),
        (
            {
                "x": "-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: AES-128\n\nMIIB\n-----END RSA "
                "PRIVATE KEY----- and more"
            },
            {"x": "scrubbed and more"},
        ),
        ({"x": "basic settings"}, {"x": "basic settings"}),
        ({"d": "fgt-hamburg(root)[copy]"}, {"d": "host-2(root)[copy]"}),
        ({"d": "fgt-hamburg2"}, {"d": "fgt-hamburg2"}),
        # An administrator may be called as an ADOM is: only sentences speak of people.
        ({"user": "lab", "x": "/adom/lab"}, {"user": "admin-1", "x": "/adom/lab"}),
        ({"user": "lab", "x": "lab-east"}, {"user": "admin-1", "x": "lab-east"}),
        ({"user": "lab", "x": "locked by lab."}, {"user": "admin-1", "x": "locked by admin-1."}),
        ({"fgt-hamburg": 1}, {"host-2": 1}),
    ],
)
def test_values_by_their_place(value: Any, expected: Any) -> None:
    assert data(scrubbed(answered(value))[0]) == expected


def test_json_inside_json_is_scrubbed_and_stays_json() -> None:
    inner = json.dumps([{"name": "fgt-hamburg", "sn": "FGVM04TM18000391", "vdom": "root"}])
    (made,) = scrubbed(answered({"message": inner}))
    assert json.loads(data(made)["message"]) == [
        {"name": "host-2", "sn": "SERIAL0001", "vdom": "root"}
    ]


def test_only_harmless_headers_stay() -> None:
    raw = answered({})
    raw = Exchange(
        uri=f"https://bob:{quote(PASSWORD, safe='')}@fmg.example.org/jsonrpc?access_token={KEY}",
        request_body=raw.request_body,
        response_body=raw.response_body,
        request_headers=(
            ("content-type", "application/json"),
            ("Authorization", f"Bearer {KEY}"),
            ("Cookie", "CURRENT_SESSION=abc"),
            ("User-Agent", "python-requests"),
        ),
        response_headers=(("Set-Cookie", "x=y"), ("Server", "fmg-1")),
    )
    (made,) = scrubbed(raw)
    assert made.uri == "https://fortimanager.example.net/jsonrpc"
    assert made.request_headers == (
        ("content-type", "application/json"),
        ("Authorization", "Bearer scrubbed"),
    )
    assert made.response_headers == ()


def test_bodies_that_are_no_json_are_scrubbed_too() -> None:
    html = answered({}, url="/x")
    html = Exchange(html.uri, html.request_body, f"<p>{PASSWORD} fgt-hamburg".encode(), status=503)
    binary = Exchange(html.uri, html.request_body, b"\xff\x00" + KEY.encode())
    made = scrubbed(html, binary)
    assert made[0].response_body == b"<p>scrubbed host-2"
    assert made[1].response_body == b"(20 bytes that are no text were left out)"


def test_what_nobody_can_walk_through_is_left_out() -> None:
    """A password at the bottom of a thousand brackets: no part of such a body is kept."""
    for depth in (150, 900, 100_000):
        body = b"[" * depth + b'{"passwd": "hunter2"}' + b"]" * depth
        nested = Exchange(
            "https://x/jsonrpc", body, json.dumps({"message": body.decode()}).encode()
        )
        (made,) = scrubbed(nested)
        assert json.loads(made.request_body) == {"left out": "JSON nested too deeply"}
        assert b"hunter2" not in made.response_body
        assert not check.check(whole((made,)), "x", check.Suspects()).findings
        raw = Exchange(made.uri, body, b"{}")
        assert check.check(whole((raw,)), "x", check.Suspects()).findings


def test_names_can_be_kept_but_secrets_never() -> None:
    rules = Rules(secrets=(PASSWORD,), hosts=("fgt-hamburg",), keep_names=True)
    made = scrubbed(
        login("bob", PASSWORD),
        answered([{"name": "fgt-hamburg", "vdom": "root", "sn": "FGVM04TM18000391"}]),
        rules=rules,
    )
    assert json.loads(made[0].request_body)["params"][0]["data"] == {
        "user": "bob",
        "passwd": "scrubbed",
    }
    assert data(made[1]) == [{"name": "fgt-hamburg", "vdom": "root", "sn": "SERIAL0001"}]


def test_addresses_move_together() -> None:
    """Object names made of addresses, masks and plain addresses stay consistent."""
    rows = [
        {"name": "prod_10.1.0.8_30", "subnet": ["10.1.0.8", "255.255.255.252"]},
        {"name": "prod_10.1.0.9", "subnet": ["10.1.0.9", "255.255.255.255"]},
        {"name": "v6", "ip6": "fd00:7::/64", "text": "10.1.0.8/30 and fd00:7::1"},
    ]
    (made,) = scrubbed(answered(rows), rules=Rules(map_addresses=True))
    new = data(made)
    assert "10.1.0" not in whole((made,))
    for row in new[:2]:
        address, mask = row["subnet"]
        named = row["name"].removeprefix("prod_").split("_")
        assert named[0] == address
        assert mask.startswith("255.")
    assert new[2]["text"].split(" and ")[0] == (
        f"{new[0]['subnet'][0]}/{new[0]['name'].rsplit('_', 1)[1]}"
    )
    assert new[2]["ip6"].startswith("2001:db8:")


def test_words_on_request() -> None:
    (made,) = scrubbed(answered({"name": "ACME edge", "x": ["acme"]}), rules=Rules(words=("Acme",)))
    assert data(made) == {"name": "host-1 edge", "x": ["host-1"]}


names = st.sampled_from(["name", "sn", "hostname", "user", "comment", "ip", "passwd", "x", "token"])
words = st.sampled_from(
    ["fgt-1", "host-3", "admin-2", "SERIAL0007", "FGVM04TM18000391", "10.2.3.4", "scrubbed",
     "comment-1", "bob", KEY, "token-9", "aB3dE5gH7jK9mN1pQ3rS5t", "Managed by fmgsync (prod)"]
)  # fmt: skip
bodies = st.recursive(
    words | st.text(max_size=12) | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(bodies, st.booleans())
def test_scrubbing_is_thorough_and_done_once(body: Any, keep: bool) -> None:
    """What was scrubbed passes the check, and scrubbing it again changes nothing."""
    rules = Rules(secrets=(KEY,), keep_names=keep)
    once = scrubbed(login("bob", PASSWORD), answered(body), rules=rules)
    again = scrubbed(*once, rules=rules)
    assert again == once
    about = cassette().about
    assert about is not None
    kept = files.to_text(
        Cassette(once, type(about)("test", "2026", names="kept" if keep else "pseudonyms"))
    )
    report = check.check(kept, "x", check.Suspects({"the key": KEY}))
    assert report.findings == ()
