"""The proof looks at the file alone: whatever is planted, wherever, is found."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from fmgsync.errors import CassetteError
from fmgsync.recording import check, files
from fmgsync.recording.cassette import Cassette, Exchange
from fmgsync.recording.check import Finding, Report, Suspects
from tests.recording.exchanges import ABOUT, JSON, cassette, exchange, login

SECRET = "swordfish/and more"  # gitleaks:allow
SUSPECTS = Suspects({"hq password": SECRET}, names=("fgt-hamburg",), people=("svc-fmgsync",))

PLANTED = {
    "the secret itself": SECRET,
    "the secret in a url": quote(SECRET, safe=""),
    "the secret in base64": base64.b64encode(f"fmgsync:{SECRET}".encode()).decode(),
    "bearer token": "Bearer 8dhs7x02mfk3",
    "basic credentials": "Basic c3ZjOmh1bnRlcjI=",
    "web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2ln",  # gitleaks:allow
    "private key": "-----BEGIN RSA PRIVATE KEY----- MIIBOg",  # gitleaks:allow
    "encrypted value": "set password ENC Zm9vYmFyMTIz",
    "configured secret": "set psksecret hunter2",
    "password hash": "$6$rounds$Lk2jd8fh3kd8f7sdk3jf8",
    "FortiOS hash": "SH2r3a9TqLZkq0vWlJc1xG0Ld2Tt",
    "cloud key": "AKIAIOSFODNN7EXAMPLE",  # gitleaks:allow
    "service token": "ghp_abcdefghijklmnopqrstuvwxyz",
    "password in a url": "https://bob:hunter2@10.0.0.1/",
    "password parameter": "?password=hunter2",
    "serial number": "FGVM04TM18000391",
    "mail address": "bob@corp.example.com",
    "hardware address": "00:09:0f:aa:bb:cc",
    "uuid": "03cb89e0-e96d-51eb-e0ea-e0db81318e00",
    "drawn key": "Xk2p9QvT4mZr8LwB3nYc",
    "drawn hexadecimal": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
    "API key": "4zk7x1qsm93jd8wnb5ytc6hpgr2vfa0e",
    "device": "fgt-hamburg",
    "administrator": "see svc-fmgsync.",
}

CLEAN = cassette(
    login(),
    exchange(
        "get",
        {"url": "/pm/config/adom/lab/obj/firewall/addrgrp/fmgsync-lab-complete-set"},
        answers=[{"data": {"comment": "Managed by fmgsync (prod)", "oid": 31232}}],
        step="mapping: does a parent's update take its list as complete?",
    ),
)


def body(text: str) -> bytes:
    return json.dumps({"method": "get", "params": [{"url": "/x", "odd": [text]}]}).encode()


def changed(**changes: Any) -> str:
    """The clean cassette with one exchange changed, sealed anew."""
    odd = dataclasses.replace(CLEAN.exchanges[1], **changes)
    return files.to_text(Cassette((CLEAN.exchanges[0], odd), ABOUT))


def rewritten(change: Callable[[Any], None]) -> str:
    """The clean cassette's YAML after somebody changed its structure."""
    document = yaml.safe_load(files.to_text(CLEAN))
    change(document)
    return yaml.safe_dump(document)


PLACES: dict[str, Callable[[str], str]] = {
    "request body": lambda text: changed(request_body=body(text)),
    "answer": lambda text: changed(response_body=body(text)),
    "key in an answer": lambda text: changed(response_body=json.dumps({text: 1}).encode()),
    "JSON in an answer": lambda text: changed(
        response_body=json.dumps({"data": {"message": json.dumps([{"n": text}])}}).encode()
    ),
    "answer that is no JSON": lambda text: changed(response_body=f"<p>{text} ä".encode()),
    "packed answer": lambda text: rewritten(
        lambda document: document["interactions"][1]["response"]["body"].update(
            string=gzip.compress(body(text))
        )
    ),
    "path": lambda text: changed(uri=f"https://fortimanager.example.net/jsonrpc/{text}"),
    "query": lambda text: changed(uri=f"https://fortimanager.example.net/jsonrpc?x={text}"),
    "request header": lambda text: changed(request_headers=(JSON, ("X-Odd", text))),
    "response header": lambda text: changed(response_headers=(("Location", text),)),
    "header name": lambda text: changed(request_headers=((text, "x"),)),
    "reason": lambda text: changed(reason=text),
    "step": lambda text: changed(step=text),
    "header of the cassette": lambda text: files.to_text(
        Cassette(CLEAN.exchanges, dataclasses.replace(ABOUT, source=text))
    ),
    "foreign metadata": lambda text: rewritten(
        lambda document: document["metadata"].update(tool=[text])
    ),
    "foreign key": lambda text: rewritten(lambda document: document.update({text: 1})),
    "comment at the top": lambda text: f"# ä {text}\n" + files.to_text(CLEAN),
    "comment behind a value": lambda text: files.to_text(CLEAN).replace(
        "  method: POST\n", f"  method: POST  # {text}\n"
    ),
}


def run(text: str) -> Report:
    return check.check(text, "x.yaml", SUSPECTS)


def test_a_clean_cassette_is_clean() -> None:
    report = run(files.to_text(CLEAN))
    assert report == Report((), edited=False)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", PLANTED)
def test_what_is_planted_is_found_and_not_repeated(kind: str, place: str) -> None:
    planted = PLANTED[kind]
    report = run(PLACES[place](planted))
    assert report.findings, (kind, place)
    told = " ".join(f"{one.place} {one.what}" for one in report.findings)
    assert planted not in told
    assert SECRET not in told


BY_NAME = {
    "passwd": "hunter2",
    "psksecret": ["ENC", "abc"],
    "wifi-passphrase": "hunter2",
    "api_key": 12345,
    "session": "abc",
    "token": "abc",
    "sn": "FGT1",
    "Hostname": "hq",
    "lock_user": "bob",
    "comment": "call Bob",
    "Serial Number": "X1",
    "ip": "172.16.0.9",
    "latitude": "52.5",
    "meta fields": {"Contact": "Bob"},
}


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("place", ["request body", "answer", "JSON in an answer"])
def test_short_values_are_known_by_their_name(name: str, place: str) -> None:
    planted: Any = {name: BY_NAME[name]}
    if place == "JSON in an answer":
        planted = {"message": json.dumps(planted)}
    odd = json.dumps({"method": "get", "params": [{"url": "/x", "data": planted}]}).encode()
    part = "request_body" if place == "request body" else "response_body"
    assert run(changed(**{part: odd})).findings, name


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "X-API-Key"])
def test_headers_are_known_by_their_name(name: str) -> None:
    assert run(changed(request_headers=((name, "abc"),))).findings
    assert not run(changed(request_headers=((name, "scrubbed"),))).findings


def test_rows_and_urls_give_devices_away() -> None:
    row = {"data": [{"name": "branch-7", "sn": "SERIAL0001"}]}
    assert run(changed(response_body=json.dumps(row).encode())).findings
    assert run(changed(request_body=body("/pm/config/device/branch-7/vdom/root"))).findings


def test_a_host_other_than_the_stand_in_is_found() -> None:
    report = run(changed(uri="https://10.1.2.3/jsonrpc"))
    assert [one.what for one in report.findings] == ["the name or address of a host"]


def test_bytes_that_prove_nothing_are_found() -> None:
    report = run(
        rewritten(
            lambda document: document["interactions"][0]["response"]["body"].update(
                string=b"\xff\xfe\x01"
            )
        )
    )
    assert "nothing can be proven" in report.findings[0].what


def test_a_finding_names_line_and_place() -> None:
    text = changed(response_body=json.dumps({"result": [{"data": {"sn": "FGT1"}}]}).encode())
    line = next(
        number for number, one in enumerate(text.splitlines(), 1) if '"sn"' in one.replace("\\", "")
    )
    assert run(text).findings == (
        Finding(line, "interaction 2, response body at result[0].data.sn", "a serial number"),
    )


def test_names_may_stay_where_the_header_says_so() -> None:
    kept = dataclasses.replace(ABOUT, names="kept")
    odd = dataclasses.replace(CLEAN.exchanges[1], request_body=body("fgt-hamburg"))
    report = run(files.to_text(Cassette((odd,), kept)))
    assert not report.findings
    assert report.kept == ("names of hosts and administrators",)


def test_mapped_addresses_are_all_mapped() -> None:
    mapped = dataclasses.replace(ABOUT, addresses="mapped")
    for address, clean in {"10.1.2.3": False, "203.0.113.7": True, "2001:db8::1": True}.items():
        odd = dataclasses.replace(CLEAN.exchanges[1], response_body=body(f"at {address}"))
        report = run(files.to_text(Cassette((odd,), mapped)))
        assert (not report.findings) == clean, address


def test_an_edited_cassette_is_told() -> None:
    edited = files.to_text(CLEAN).replace("31232", "31233")
    report = run(edited)
    assert report.edited


def test_a_secret_too_short_to_search_for_is_named() -> None:
    assert Suspects({"hq password": "admin", "lab": SECRET}).too_short == ("hq password",)


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ("a: &a [x, x]\nb: &b [*a, *a]\n" + "".join(
            f"{chr(c)}: &{chr(c)} [*{chr(c - 1)}, *{chr(c - 1)}]\n" for c in range(99, 123)
        ), "aliases repeat"),
        ("deep: " + "[" * 70 + "]" * 70 + "\n", "nested more than"),
    ],
)  # fmt: skip
def test_a_file_made_to_hang_the_check_is_refused(odd: str, words: str) -> None:
    with pytest.raises(CassetteError, match=words) as caught:
        check.check(files.to_text(CLEAN) + odd, "lab/odd.yaml", Suspects())
    assert "lab/odd.yaml" in str(caught.value)


def test_headers_that_are_no_headers_are_refused() -> None:
    def nest(document: Any) -> None:
        document["interactions"][0]["request"]["headers"]["X"] = [["a"], ["b"]]

    with pytest.raises(CassetteError, match="broken headers"):
        run(rewritten(nest))


def test_what_is_no_cassette_is_refused() -> None:
    with pytest.raises(CassetteError):
        run("hello: world\n")


def test_a_recording_of_vcrpy_itself_is_searched_too() -> None:
    raw = Exchange("https://fmg.example.org/jsonrpc", login("bob", "x").request_body, b"{}")
    found = {one.what for one in run(files.to_text(Cassette((raw,)))).findings}
    assert found == {
        "the name or address of a host",
        "the name of an administrator",
        "a password or key that is not scrubbed",
    }
