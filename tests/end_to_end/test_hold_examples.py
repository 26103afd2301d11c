"""The hold commands that docs/installs.md shows, run as fmgsync runs them, against a service."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fmgsync.passes import pre_wave_hooks
from fmgsync.scheduling.install_policy import HoldCommand

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "hold"
ALERTS = "no-alert-fires.py"
TICKETS = "change-is-approved.py"


class Service:
    """Answers every GET with `answer`, and keeps what was asked."""

    def __init__(self) -> None:
        self.answer: Any = {}
        self.asked: list[tuple[str, str]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.asked.append((self.path, self.headers.get("Authorization", "")))
                body = json.dumps(service.answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def ask(script: str, *arguments: str, reason: str = "") -> str | None:
    command = (sys.executable, str(EXAMPLES / script), *arguments)
    return pre_wave_hooks.ask([HoldCommand(command, 30.0, str(EXAMPLES))], {"REASON": reason})


def alerts(*names: str) -> dict[str, Any]:
    rows = [{"metric": {"alertname": name}, "value": [0, "1"]} for name in names]
    return {"status": "success", "data": {"resultType": "vector", "result": rows}}


def test_a_firing_alert_holds(service: Service) -> None:
    service.answer = alerts()
    assert ask(ALERTS, service.url, '{team="network"}') is None
    query = parse_qs(urlsplit(service.asked[0][0]).query)["query"]
    assert query == ['ALERTS{alertstate="firing",team="network"}']
    service.answer = alerts("FirewallDown", "TunnelDown")
    assert str(ask(ALERTS, service.url)).endswith("alerts fire: FirewallDown, TunnelDown")


@pytest.mark.parametrize("answer", [{"status": "error"}, [], {"status": "success"}])
def test_an_answer_nobody_understands_holds(service: Service, answer: Any) -> None:
    service.answer = answer
    assert "cannot be asked" in str(ask(ALERTS, service.url))


def test_a_service_that_is_away_holds(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    closed = "http://127.0.0.1:1"
    assert "Prometheus cannot be asked" in str(ask(ALERTS, closed))
    told = ask(TICKETS, closed, str(tmp_path / "token"), reason="CHG-1")
    assert "the ticket service cannot be asked" in str(told)


@pytest.mark.parametrize(
    ("reason", "state", "starts_in", "said"),
    [
        ("CHG-1042: new shop", "approved", -60, None),
        ("CHG-1042: new shop", "draft", -60, "CHG-1042 is draft"),
        ("CHG-1042: new shop", "approved", 60, "approved for another time"),
        ("new shop", "approved", -60, "no change is named"),
    ],
)
def test_an_approved_change_goes_on_in_its_time(
    service: Service, tmp_path: Path, reason: str, state: str, starts_in: float, said: str | None
) -> None:
    (tmp_path / "token").write_text("t0ken\n")
    start = time.time() + starts_in
    service.answer = {"state": state, "start": start, "end": start + 3600}
    told = ask(TICKETS, f"{service.url}/changes", str(tmp_path / "token"), reason=reason)
    assert (told is None) if said is None else (said in str(told))
    asked = [("/changes/CHG-1042", "Bearer t0ken")] if "CHG" in reason else []
    assert service.asked == asked
