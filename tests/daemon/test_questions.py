"""`explain --controller`: a running controller answers from what it knows, asking nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import explain, main
from fmgsync.clock import SystemClock
from fmgsync.daemon import questions, service_health
from fmgsync.daemon.loop import Controller
from fmgsync.serve.http import Service
from fmgsync.serve.metrics import Metrics
from tests import builders
from tests.daemon.controllers import running, until
from tests.end_to_end.estate import UNATTENDED, Estate, default_seed, open_estate


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    unit = default_seed(install_s=0, workspaceMode="disabled")
    with open_estate(tmp_path, unit, clock=SystemClock()) as made:
        made.write_config(reconcile={"settle": "0s", "maxDelay": "1s"}, install=UNATTENDED)
        made.run("east", builders.pod("web-1", "10.1.0.1", labels={"app": "web"}))
        made.run("west", builders.pod("web-1", "10.2.0.1", labels={"app": "web"}))
        made.apply("never")
        made.write_policy("k8s-web")
        made.apply("now")
        yield made


@pytest.fixture
def controller(estate: Estate) -> Iterator[Controller]:
    with running(estate) as made:
        until(lambda: made.adoms[0].last_success_at is not None)
        yield made


@pytest.fixture
def url(controller: Controller) -> Iterator[str]:
    """Where it is served, as `fmgsync run` does."""
    service = Service(
        "127.0.0.1:0",
        health=lambda: service_health.health(controller),
        metrics=Metrics(lambda: service_health.health(controller)),
        status=dict,
        explain=lambda words: explain.document_of(*questions.answer(controller, words)),
        clock=SystemClock(),
    )
    service.start()
    yield f"http://127.0.0.1:{service.port}"
    service.stop()


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = main.run(["explain", *words, "--output", "json"])
    # The controller of the same process may have logged before the answer or after it.
    lines = capsys.readouterr().out.splitlines(keepends=True)
    begins = next(at for at, line in enumerate(lines) if line.startswith("{"))
    document, _ = json.JSONDecoder().raw_decode("".join(lines[begins:]))
    return code, document


ASKED = (
    ("ip", "10.1.0.1"),
    ("ip", "10.9.9.9"),
    ("pod", "default/web-1"),
    ("pod", "default/web-1", "--group", "k8s-web"),
    ("group", "k8s-web"),
    ("group", "nobody"),
    ("device", "fgt-east"),
)


def test_a_controller_answers_as_the_command_does_by_itself(
    estate: Estate, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in ASKED:
        mark = estate.unit.requests.mark()
        told = asked(capsys, *words, "--controller", url)
        assert estate.unit.requests.since(mark) == [], words
        code, looked = asked(capsys, *words, "-c", str(estate.path))
        assert told[0] == code, words
        for key in ("question", "answer", "devices"):
            assert told[1][key] == looked[key], words


def test_a_pod_that_is_not_followed_is_not_denied(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = asked(capsys, "pod", "default/db-1", "--controller", url)
    assert (code, told["answer"]) == (1, "unknown")
    assert "does not follow it" in told["steps"][0]["because"]


WRONG = {
    "nothing": {},
    "two things": {"ip": "10.1.0.1", "group": "k8s-web"},
    "no address": {"ip": "web-1"},
    "no pod": {"pod": "web-1"},
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_question_is_refused(url: str, case: str) -> None:
    import requests

    answer = requests.get(f"{url}/explain", params=WRONG[case], timeout=60)
    assert answer.status_code == 400
    assert answer.json()["error"]["kind"] == "usage"


def test_who_is_no_controller_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = asked(capsys, "ip", "10.1.0.1", "--controller", "http://127.0.0.1:9")
    assert (code, told["error"]["kind"]) == (1, "connection")


@pytest.mark.parametrize(
    "address", ["ftp://127.0.0.1", "127.0.0.1:8080", "controller", "http://", "http://[::1"]
)
@pytest.mark.parametrize("words", [["explain", "ip", "10.1.0.1"], ["status"]])
def test_what_is_no_http_address_is_a_mistake_of_the_caller(
    words: list[str], address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run([*words, "--controller", address, "--output", "json"]) == 2
    assert "http://127.0.0.1:8080" in "".join(capsys.readouterr())
