"""Exchanges with a FortiGate's own REST API: scrubbed, proven, told apart, played, compared."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import vcr

from fmgsync.cli import main
from fmgsync.clock import ManualClock
from fmgsync.model.adom import Reading
from fmgsync.model.target import DeviceVdom, TargetKind, TargetRef
from fmgsync.recording import check, files, match, questions, scrub, taking
from fmgsync.recording.adapter import Recording
from fmgsync.recording.cassette import Exchange
from fmgsync.recording.learn import Rules
from fmgsync.recording.playback import Playback
from fmgsync.recording.replay import Replay
from fmgsync.simulator import Simulator
from fmgsync.targets.fortigate.access import Access
from fmgsync.targets.fortigate.identities import Identities
from fmgsync.targets.fortigate.session import Session
from fmgsync.targets.fortigate.target import FortiGateVdom
from fmgsync.targets.fortigate.unit import Unit
from tests.recording import shipped
from tests.recording.exchanges import JSON, cassette
from tests.targets.fortigate.planning import converge

HOST = "https://fortigate-1.example.net"
TABLE = "/api/v2/cmdb/firewall/address"
KEY = "Kx7Qw2Zp9Lm4Tn8Rb6Vc3Hd5Gj1Fs"  # gitleaks:allow
RECORD = "FMGSYNC_RECORD_CASSETTES"
SAMPLE = shipped.FOLDER / "fortigate" / "members_come_and_go.yaml"
BRANCH = TargetRef("branch", "root", TargetKind.FORTIGATE)


def exchange(
    method: str,
    url: str,
    data: Any = None,
    answer: Any = None,
    *,
    host: str = HOST,
    status: int = 200,
    **more: Any,
) -> Exchange:
    """One request to a FortiGate, and an envelope."""
    told = {"http_method": method, "vdom": "root", "status": "success", "http_status": status}
    return Exchange(
        uri=f"{host}{url}",
        method=method,
        request_body=b"" if data is None else json.dumps(data).encode(),
        request_headers=(("Authorization", f"Bearer {KEY}"), JSON),
        response_body=json.dumps({**told, **(answer or {})}).encode(),
        response_headers=(JSON,),
        status=status,
        **more,
    )


def scrubbed(*raw: Exchange, **rules: Any) -> tuple[Exchange, ...]:
    return scrub.scrub([raw], Rules(secrets=(KEY,), hosts=("10.7.7.7:8443",), **rules))[0]


def findings(*exchanges: Exchange) -> list[str]:
    text = files.to_text(cassette(*exchanges))
    return [one.what for one in check.check(text, "x", check.Suspects()).findings]


@pytest.mark.parametrize(
    ("url", "left"),
    [
        (f"{TABLE}?access_token={KEY}&vdom=root", f"{TABLE}?access_token=scrubbed&vdom=root"),
        (f"{TABLE}/a%2Fb?vdom=root", f"{TABLE}/a%2Fb?vdom=root"),
        (f"{TABLE}?filter=comment%3D%40{KEY}", f"{TABLE}?filter=comment%3D%40scrubbed"),
        (f"{TABLE}/bob%40corp.example.org", f"{TABLE}/mail-1%40example.net"),
        (f"{TABLE}/FGT60FTK20001234", f"{TABLE}/SERIAL0001"),
        ("/api/v2/monitor/system/status?vdom=root", "/api/v2/monitor/system/status?vdom=root"),
        ("/logincheck", "/other"),
    ],
)
def test_a_url_stays_readable_without_what_is_delicate(url: str, left: str) -> None:
    (found,) = scrubbed(exchange("GET", url, host="https://10.7.7.7:8443"))
    parts = urlsplit(found.uri)
    assert found.uri.removeprefix(f"https://{parts.netloc}") == left
    assert "10.7.7.7" not in found.uri
    assert findings(found) == []
    assert scrubbed(found) == (found,)  # twice changes nothing


def test_each_unit_keeps_a_name_of_its_own() -> None:
    hosts = ["https://10.7.7.7:8443", "https://branch.corp", "https://10.7.7.7:8443"]
    found = scrubbed(*(exchange("GET", TABLE, host=host) for host in hosts))
    names = [urlsplit(one.uri).netloc.partition(".")[0] for one in found]
    assert names == ["fortigate-1", "fortigate-2", "fortigate-1"]


def test_serial_and_revision_are_the_same_wherever_they_stand() -> None:
    told = {"serial": "FGT60FTK20001234", "revision": "3f9c1e7ab2d04856c1f7e93a0b5d2846"}
    one, other = scrubbed(exchange("GET", TABLE, answer=told), exchange("GET", TABLE, answer=told))
    answer = json.loads(one.response_body)
    assert (answer["serial"], answer["revision"]) == ("SERIAL0001", "token-1")
    assert other.response_body == one.response_body
    assert dict(one.request_headers)["Authorization"] == "Bearer scrubbed"


def test_addresses_in_urls_are_mapped_with_those_in_bodies() -> None:
    made = exchange("POST", TABLE, {"name": "prod_10.1.0.9", "subnet": "10.1.0.9/32"})
    gone = exchange("DELETE", f"{TABLE}/prod_10.1.0.9?vdom=root")
    created, deleted = scrubbed(made, gone, map_addresses=True)
    name = json.loads(created.request_body)["name"]
    assert "10.1.0.9" not in name
    assert f"{TABLE}/{name}?" in deleted.uri


@pytest.mark.parametrize(
    ("odd", "what"),
    [
        ({"url": f"{TABLE}?access_token={KEY}"}, "a password or key that is not scrubbed"),
        ({"url": TABLE, "host": "https://branch.corp"}, "the name or address of a host"),
        ({"url": f"{TABLE}/FGT60FTK20001234"}, "serial number"),
        ({"url": TABLE, "answer": {"serial": "FGT60FTK20001234"}}, "a serial number"),
    ],
)
def test_check_finds_what_is_left(odd: dict[str, Any], what: str) -> None:
    left = dataclasses.replace(exchange("GET", **odd), request_headers=(JSON,))
    assert what in findings(left)


@pytest.mark.parametrize(
    ("came", "is_same"),
    [
        (("GET", f"{TABLE}?vdom=root&count=5"), True),
        (("GET", f"{TABLE}/?count=5&vdom=root&access_token=other"), True),
        (("GET", f"{TABLE}?count=6&vdom=root"), False),
        (("GET", f"{TABLE}6?count=5&vdom=root"), False),
        (("DELETE", f"{TABLE}?count=5&vdom=root"), False),
        (("GET", f"{TABLE}?count=5&vdom=dmz"), False),
    ],
)
def test_the_key_and_the_order_of_parameters_do_not_count(
    came: tuple[str, str], is_same: bool
) -> None:
    known = questions.of(exchange("GET", f"{TABLE}?count=5&vdom=root"))
    asked = questions.asked(*came, b"")
    assert known is not None
    assert asked is not None
    assert match.is_same(known, asked) is is_same


def create(name: str, **more: Any) -> Exchange:
    return exchange("POST", f"{TABLE}?vdom=root", {"name": name}, **more)


def test_what_was_under_way_at_once_has_no_order_and_the_rest_has() -> None:
    """Two were created at once; the group came when both were there."""
    group = "/api/v2/cmdb/firewall/addrgrp?vdom=root"
    overlapping = exchange("PUT", group, {"name": "g"}, after=0)
    tape = [exchange("DELETE", f"{TABLE}/x?vdom=root"), overlapping, create("a"), create("b")]

    def played(*order: int) -> list[int]:
        player = Playback([("x", cassette(*tape))], strict=True)
        return [
            player.answer(
                one.request_body, method=one.method, url=one.uri.removeprefix(HOST)
            ).status
            for one in (tape[number] for number in order)
        ]

    assert played(0, 1, 2, 3) == [200] * 4
    assert played(1, 0, 3, 2) == [200] * 4
    assert played(2, 0, 1, 3) == [409] * 4


def test_vcrpy_plays_it_with_our_matcher(tmp_path: Path) -> None:
    files.save(tmp_path / "x.yaml", cassette(create("a"), create("b")))
    recorder = vcr.VCR(record_mode="none", match_on=["exchange"])
    recorder.register_matcher("exchange", match.jsonrpc_matcher)
    with recorder.use_cassette(str(tmp_path / "x.yaml")) as played:
        for name in "ba":
            requests.post(f"{HOST}{TABLE}?vdom=root", json={"name": name}, timeout=60)
        assert played.all_played


def test_a_unit_that_does_otherwise_than_the_simulator_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"name": "web", "member": [{"name": "db"}]}]
    values = [{"name": "db", "subnet": "10.9.0.1 255.255.255.255"}]
    tape = scrubbed(
        exchange("GET", f"{TABLE}?vdom=root", answer={"results": values, "version": "v7.4.5"}),
        exchange("GET", "/api/v2/cmdb/firewall/addrgrp?vdom=root", answer={"results": rows}),
        exchange("DELETE", f"{TABLE}/db?vdom=root"),  # a unit that lets it go although it is used
    )
    files.save(tmp_path / "x.yaml", cassette(*tape))
    assert main.run(["cassette", "compare", str(tmp_path / "x.yaml")]) == 1
    out = capsys.readouterr().out
    assert "exchange 3 DELETE /api/v2/cmdb/firewall/address/db vdom=root" in out
    assert "status: recorded 200, simulator -23" in out


def test_a_switch_of_the_simulated_fortigates_may_explain_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A unit that creates several objects by one request: no public source says that one does."""
    both = [{"name": f"lab-{n}", "subnet": f"10.0.0.{n} 255.255.255.255"} for n in (1, 2)]
    told = {"version": "v7.4.5", "revision_changed": True}
    tape = scrubbed(
        exchange("GET", f"{TABLE}?vdom=root", answer={"results": [], "version": "v7.4.5"}),
        exchange("POST", f"{TABLE}?vdom=root", both, told),
        exchange("GET", f"{TABLE}/lab-2?vdom=root", answer={"results": both[1:]}),
    )
    files.save(tmp_path / "x.yaml", cassette(*tape))
    assert main.run(["cassette", "compare", str(tmp_path / "x.yaml")]) == 1
    assert "would agree with {unitTakesLists: true}" in capsys.readouterr().out


def test_the_simulator_agrees_with_the_sample(capsys: pytest.CaptureFixture[str]) -> None:
    """Transactions and all: their numbers are its own."""
    assert main.run(["cassette", "compare", str(SAMPLE)]) == 0
    assert "70 exchanges compared: 0 differences in behaviour" in capsys.readouterr().out


@contextmanager
def recorded_branch(recording: Recording) -> Iterator[FortiGateVdom]:
    seed = {"name": "branch", "apiUsers": [{"name": "fmgsync", "key": KEY, "profile": "advised"}]}
    clock = ManualClock()
    with Simulator({"fortigates": [seed]}, clock=clock.now) as unit:
        host = urlsplit(unit.fortigates["branch"]).netloc
        access = Access("branch", host, KEY, Path(unit.ca_file), connections=1)
        yield branch_at(access, clock, recording)


def branch_at(
    access: Access, clock: ManualClock, recording: Recording | None = None
) -> FortiGateVdom:
    adapter = recording.adapter(access) if recording is not None else None  # one file for all

    def opened() -> Session:
        return Session(access, clock=clock, adapter=adapter)

    unit = Unit(Identities(), asks_management=False)
    return FortiGateVdom(BRANCH, unit, owner="prod", open_session=opened, clock=clock)


def members_come_and_go(target: FortiGateVdom) -> dict[DeviceVdom, Reading]:
    """A life of two groups; what the unit holds in the end."""
    converge(target, {"k8s-web": ["10.0.0.1", "10.0.0.2"], "k8s-dns": ["10.0.0.53"]})
    converge(target, {"k8s-web": ["10.0.0.2", "10.0.0.3"], "k8s-dns": ["10.0.0.54"]})
    found = target.ask([DeviceVdom("branch", "root")], ["k8s-web", "k8s-dns"])
    converge(target, {})
    return dict(found)


def test_the_sample_says_what_the_simulator_says(tmp_path: Path) -> None:
    """With the environment variable it is recorded anew."""
    recording = Recording()
    with recorded_branch(recording) as target:
        live = members_come_and_go(target)
    to = SAMPLE if os.environ.get(RECORD) else tmp_path / SAMPLE.name
    wishes = shipped.wishes("")
    taking.save(to, taking.cassettes(recording, wishes), check.Suspects({"the key": KEY}))
    if os.environ.get(RECORD):
        shipped.update_readme()
    with Replay(SAMPLE) as replay:
        access = Access("branch", replay.host, "another-key-00", Path(replay.ca_file))
        played = members_come_and_go(branch_at(access, ManualClock()))
        assert replay.verdict() is None
    assert played == live
