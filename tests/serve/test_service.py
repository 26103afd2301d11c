"""Probes, metrics and status of a controller that really runs."""

from __future__ import annotations

import json
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from fmgsync import redaction
from fmgsync.cli import main
from fmgsync.clock import ManualClock
from fmgsync.model.endpoint import Kind
from fmgsync.model.health import (
    SILENCE_S,
    AdomHealth,
    ClusterHealth,
    DevicesHealth,
    Hearing,
    RolloutHealth,
    ServiceHealth,
)
from fmgsync.model.rollout import Outcome
from fmgsync.model.target import TargetKind, TargetRef
from fmgsync.serve.http import MOST_AT_ONCE, STUCK_S, Service
from fmgsync.serve.metrics import Metrics

CLOCK = ManualClock()
WELL = ServiceHealth(
    "1.2.3",
    1.0,
    (
        AdomHealth(
            TargetRef("hq", 'pro"d'),
            answered=True,
            last_success_at=1000.0,
            passes=3,
            failures=1,
            pending_devices=2,
            installs={Outcome.DONE: 4},
        ),
    ),
    (
        ClusterHealth(
            "east", frozenset({Kind.PODS, Kind.NODES}), frozenset({Kind.PODS}), was_synced=True
        ),
    ),
    config_loaded_at=900.0,
)


class Served:
    """A service whose health can be set."""

    def __init__(self) -> None:
        self.health = WELL
        self.metrics = Metrics(lambda: self.health)
        self.document: dict[str, Any] = {"devices": [], "sources": [], "errors": []}
        self.service = Service(
            "127.0.0.1:0",
            health=lambda: self.health,
            metrics=self.metrics,
            status=lambda: self.document,
            clock=CLOCK,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, timeout=60)


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """One for all tests: to hang up takes half a second."""
    made = Served()
    made.service.start()
    yield made
    made.service.stop()


@pytest.fixture
def served(server: Served) -> Served:
    """Well, and with nothing to tell."""
    server.health = WELL
    server.document = {"devices": [], "sources": [], "errors": []}
    return server


def test_a_loop_that_does_not_come_round_is_dead(served: Served) -> None:
    assert served.get("/healthz").status_code == 200
    served.health = replace(WELL, beat_ago_s=STUCK_S + 1)
    assert served.get("/healthz").status_code == 503


@pytest.mark.parametrize(
    ("health", "word"),
    [
        (replace(WELL, clusters=(ClusterHealth("west", frozenset(), frozenset(), False),)), "west"),
        (replace(WELL, adoms=(AdomHealth(TargetRef("hq", "prod")),)), "hq/prod"),
    ],
    ids=["a cluster never read", "a FortiManager never answered"],
)
def test_ready_only_after_everything_answered_once(
    served: Served, health: ServiceHealth, word: str
) -> None:
    assert served.get("/readyz").text == "ok\n"
    served.health = health
    answer = served.get("/readyz")
    assert answer.status_code == 503
    assert word in answer.text


def test_metrics_parse_and_carry_their_units(served: Served) -> None:
    served.metrics.rpc("hq", "get", 0.2)
    served.metrics.lock_wait("hq", "prod", 3.0)
    families = {f.name: f for f in text_string_to_metric_families(served.get("/metrics").text)}
    values = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families.values()
        for sample in family.samples
    }
    adom = (("adom", 'pro"d'), ("fortimanager", "hq"))
    assert values["fmgsync_pending_devices", *adom] == 2
    assert values["fmgsync_adom_last_success_timestamp_seconds", *adom] == 1000
    assert values["fmgsync_adom_passes_total", *adom, ("result", "success")] == 2
    assert values["fmgsync_installs_total", *adom, ("outcome", "done")] == 4
    assert values["fmgsync_source_synced", ("cluster", "east"), ("kind", "pods")] == 1
    assert values["fmgsync_source_synced", ("cluster", "east"), ("kind", "nodes")] == 0
    # Not read because nobody needs it is no trouble, and must ring no alert.
    assert 'kind="namespaces"' not in served.get("/metrics").text
    assert values["fmgsync_lock_wait_seconds_total", ("adom", "prod"), ("fortimanager", "hq")] == 3
    assert values["fmgsync_rpc_duration_seconds_count", ("fortimanager", "hq"), ("method", "get")]
    assert all(family.documentation for family in families.values())
    assert not [name for name in families if not name.startswith("fmgsync_")]


def test_status_reads_the_running_controller(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    group = {"name": "web", "state": "install pending", "desired": ["10.1.0.1"], "adom": None}
    group |= {"deviceDatabase": [], "device": None}
    served.document["devices"] = [{"device": "fgt", "vdom": "root", "groups": [group]}]
    served.document["devices"][0]["staleGrants"] = []
    assert main.run(["status", "--controller", served.url, "--output", "json"]) == 3
    assert json.loads(capsys.readouterr().out)["devices"][0]["groups"] == [group]
    assert main.run(["status", "--controller", served.url]) == 3
    assert "install pending" in capsys.readouterr().out


def test_a_controller_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["status", "--controller", "http://127.0.0.1:1"]) == 1
    assert "--listen" in capsys.readouterr().err


def test_it_listens_where_pods_have_ipv6_addresses_only(served: Served) -> None:
    service = Service(
        "[::1]:0",
        health=lambda: WELL,
        metrics=served.metrics,
        status=dict,
        clock=CLOCK,
    )
    service.start()
    try:
        assert requests.get(f"http://[::1]:{service.port}/healthz", timeout=60).text == "ok\n"
    finally:
        service.stop()


def test_an_outcome_is_counted_from_zero(served: Served) -> None:
    """A counter that begins with its first failure shows no increase to an alert."""
    text = served.get("/metrics").text
    assert 'fmgsync_installs_total{adom="pro\\"d",fortimanager="hq",outcome="failed"} 0.0' in text


@pytest.mark.parametrize(
    ("listen", "why"),
    [
        ("127.0.0.1:99999", "99999 is no port"),
        ("[::1]", "1] is no port"),
        ("127.0.0.1:http", "http is no port"),
        ("", " is no port"),
        ("192.0.2.1:8080", "assign requested address"),
    ],
)
def test_an_unusable_address_is_told(listen: str, why: str) -> None:
    from fmgsync import errors

    health = ServiceHealth("1", 0.0)
    with pytest.raises(errors.UsageError, match=f"cannot listen on .*{re.escape(why)}"):
        Service(
            listen,
            health=lambda: health,
            metrics=Metrics(lambda: health),
            status=dict,
            clock=CLOCK,
        )


def test_only_who_works_on_an_adom_says_that_its_rollout_is_held(served: Served) -> None:
    (adom,) = WELL.adoms
    held = replace(adom, rollout=RolloutHealth(held="halted", failed=2, oldest_open_at=5.0))
    for leader in (True, False):
        served.health = replace(WELL, adoms=(replace(held, leader=leader),))
        values = {
            sample.labels["reason"]: sample.value
            for family in text_string_to_metric_families(served.get("/metrics").text)
            for sample in family.samples
            if sample.name == "fmgsync_rollout_held"
        }
        assert values.pop("halted") == leader
        assert set(values.values()) == {0.0}


@pytest.mark.parametrize(("age", "synced"), [(SILENCE_S - 1, 1.0), (SILENCE_S + 1, 0.0)])
def test_what_was_read_once_and_is_heard_no_more_is_not_synced(
    served: Served, age: float, synced: float
) -> None:
    heard = {Kind.PODS: Hearing(age, "away")}
    (east,) = WELL.clusters
    clusters = (replace(east, needed=frozenset({Kind.PODS}), hearing=heard),)
    served.health = replace(WELL, clusters=clusters, asked_at=CLOCK.now())
    values = {
        sample.name: sample.value
        for family in text_string_to_metric_families(served.get("/metrics").text)
        for sample in family.samples
        if sample.labels.get("kind") == "pods"
    }
    assert values["fmgsync_source_synced"] == synced
    assert values["fmgsync_source_last_heard_timestamp_seconds"] == CLOCK.now() - age
    assert served.get("/readyz").status_code == (200 if synced else 503)
    (row,) = served.get("/status").json()["clusters"][0]["kinds"]
    assert (row["followed"], row["because"], row["secondsAgo"]) == (False, "away", age)


def test_a_fortigate_without_a_fortimanager_has_labels_of_its_own(served: Served) -> None:
    """What it is called stands under its own label; series of a FortiManager are as ever."""
    branch = replace(WELL.adoms[0], ref=TargetRef("branch-7", "root", TargetKind.FORTIGATE))
    served.health = replace(WELL, adoms=(*WELL.adoms, branch))
    served.metrics.rest("branch-7", "get", 0.1)
    families = [*text_string_to_metric_families(served.get("/metrics").text)]
    labels = [s.labels for f in families for s in f.samples]
    own = [one for one in labels if one.get("fortigate") == "branch-7"]
    assert own
    assert {one.get("vdom", "root") for one in own} == {"root"}
    assert not [one for one in own if "fortimanager" in one or "adom" in one]
    hq = [one for one in labels if one.get("fortimanager") == "hq"]
    assert hq
    assert not [one for one in hq if "fortigate" in one or "vdom" in one]


FAKE = "fake-line"
HOSTILE = (
    f'\x1b[31m\x9b2J\u202e\u2066\ufeff\u2028\r\n{FAKE} 1\n{FAKE}{{a="b"}} 1\t\\"\',}}# HELP x'
    "<script>alert(1)</script>[a](javascript:1)%s\0"
)


@pytest.mark.parametrize("text", [HOSTILE, f"{HOSTILE}\ud800", HOSTILE * 2000, "\\" * 5000])
def test_what_others_call_things_acts_nowhere(served: Served, text: str) -> None:
    """Not in a terminal that shows it, not in Prometheus, and no browser takes it for a page."""
    devices = DevicesHealth(verified_at={text: 5.0}, sizes={(text, text): 3})
    adom = replace(WELL.adoms[0], devices=devices, answered=False, error=text)
    cluster = ClusterHealth(text, frozenset({Kind.PODS}), frozenset(), was_synced=False)
    served.health = replace(WELL, adoms=(adom,), clusters=(cluster,))
    served.document = {"devices": [{"device": text, text: [text]}], "errors": [{"message": text}]}
    for path in ("/metrics", "/status", "/readyz", "/healthz", "/nothing"):
        answer = served.get(path)
        kind = answer.headers["Content-Type"].partition(";")[0]
        assert kind in ("text/plain", "application/json")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        said = answer.content.decode("utf-8")
        odd = {each for each in said if not (each.isprintable() or each == "\n")}
        assert not odd, (path, odd)
        assert not [line for line in said.splitlines() if line.lstrip().startswith(FAKE)], path
        assert max(map(len, said.split("\n"))) < 200_000
    samples = [
        (sample.labels["device"], sample.value)
        for family in text_string_to_metric_families(served.get("/metrics").text)
        for sample in family.samples
        if "device" in sample.labels
    ]
    assert sorted(value for _, value in samples) == [3.0, 5.0]
    assert len({device for device, _ in samples}) == 1


def test_a_secret_that_a_unit_repeats_is_shown_nowhere(served: Served) -> None:
    secret = "canary-that-a-unit-repeats"
    redaction.know(secret)
    said = f"refused: {secret}"
    cluster = ClusterHealth(said, frozenset({Kind.PODS}), frozenset(), was_synced=False)
    devices = DevicesHealth(verified_at={said: 5.0})
    served.health = replace(
        WELL, clusters=(cluster,), adoms=(replace(WELL.adoms[0], devices=devices, error=said),)
    )
    served.document = {"errors": [{"message": said, "where": {said: [said]}}]}
    for path in ("/metrics", "/status", "/readyz"):
        assert secret not in served.get(path).text, path
        assert "refused: [secret]" in served.get(path).text, path


def test_depth_stops_no_page(served: Served) -> None:
    deep: Any = "end"
    for _ in range(5000):
        deep = {"inner": [deep]}
    served.document = {"errors": deep}
    answer = served.get("/status")
    assert answer.status_code == 200
    assert "nested deeper" in answer.text


def said_to(served: Served, request: bytes) -> bytes:
    """All that comes back for these bytes."""
    with socket.create_connection(("127.0.0.1", served.service.port), 60) as caller:
        caller.sendall(request)
        with suppress(ConnectionResetError):  # there was more to read than it wanted to
            return b"".join(iter(lambda: caller.recv(65536), b""))
    return b""


@pytest.mark.parametrize(
    "request_line",
    [
        b"POST /healthz HTTP/1.1",
        b"<script>alert(1)</script> / HTTP/1.1",
        b"TRACE /%s HTTP/1.1",
        b"GET /healthz \x1b[31mHTTP/9.9",
        b"GET /healthz HTTP/1.1\r\n" + b"\r\n".join(b"X-%d: y" % n for n in range(200)),
        bytes({*range(256)} - {10, 13}),
    ],
    ids=["POST", "markup", "TRACE", "escapes", "headers", "bytes"],
)
def test_what_is_no_request_is_refused_in_plain_text(served: Served, request_line: bytes) -> None:
    said = said_to(served, request_line + b"\r\n\r\n")
    assert b"<html" not in said.lower()
    assert b"\x1b" not in said
    if said.startswith(b"HTTP/"):
        assert b"text/plain" in said
        assert b"nosniff" in said
        assert int(said.split()[1]) >= 400


def test_who_asks_for_the_head_gets_no_body(served: Served) -> None:
    answer = requests.head(f"{served.url}/metrics", timeout=60)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 0


def test_however_many_connect_and_say_nothing_a_probe_is_answered(served: Served) -> None:
    """Who has been there for longest is hung up on."""
    with ExitStack() as held:
        place = ("127.0.0.1", served.service.port)
        idle = [
            held.enter_context(socket.create_connection(place, 20)) for _ in range(MOST_AT_ONCE + 9)
        ]
        assert served.get("/healthz").text == "ok\n"
        for one in idle[:9]:
            assert one.recv(1) == b"", "it was hung up on before its time is over"
        idle[-1].sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        assert idle[-1].recv(9) == b"HTTP/1.0 "


def test_who_hangs_up_is_no_news(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    """A scraper that has no patience would fill the log with tracebacks."""
    at_once = struct.pack("ii", 1, 0)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", served.service.port), 60) as caller:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            caller.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
    assert served.get("/healthz").text == "ok\n"
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
