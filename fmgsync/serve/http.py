"""The HTTP side: `/healthz`, `/readyz`, `/metrics`, `/status`, `/explain`. Reads only; no body is
accepted."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import structlog

from fmgsync import errors, redaction, untrusted
from fmgsync.clock import Clock
from fmgsync.model.health import ServiceHealth
from fmgsync.serve import hearing
from fmgsync.serve.metrics import CONTENT_TYPE, Metrics

STUCK_S = 60.0
"""A main loop that did not come round for so long counts as dead, and is restarted."""

_log = structlog.get_logger(__name__)

_LONGEST = 2000
"""Characters of a question that are read."""

Answer = tuple[HTTPStatus, str, bytes]


def _nobody_answers(words: Mapping[str, str]) -> dict[str, Any]:
    raise errors.UsageError("no questions are answered here")


class Service:
    """Serves a controller's state until `stop`. `status` gives the document of `status`, `explain`
    that of `explain` for the words of a question, or raises UsageError."""

    def __init__(
        self,
        listen: str,
        *,
        health: Callable[[], ServiceHealth],
        metrics: Metrics,
        status: Callable[[], dict[str, Any]],
        clock: Clock,
        explain: Callable[[Mapping[str, str]], dict[str, Any]] = _nobody_answers,
    ) -> None:
        self._health = health
        self._metrics = metrics
        self._status = status
        self._explain = explain
        self._clock = clock
        self._server = _listen(listen, self.answer)
        # As long as this, stopping waits: the default of half a second holds up whoever stops.
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="serve", daemon=True
        )

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Hang up."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> Answer:
        """What a GET of `path` gets."""
        match path.partition("?")[0]:
            case "/healthz":
                late = self._clock.now() - self._health().beat_at
                if late > STUCK_S:
                    return _text(HTTPStatus.SERVICE_UNAVAILABLE, f"no pulse for {late:.0f} s")
                return _text(HTTPStatus.OK, "ok")
            case "/readyz":
                waiting = self._health().obstacles()
                if waiting:
                    return _text(HTTPStatus.SERVICE_UNAVAILABLE, *waiting)
                return _text(HTTPStatus.OK, "ok")
            case "/metrics":
                return HTTPStatus.OK, CONTENT_TYPE, self._metrics.text()
            case "/status":
                clusters = hearing.rows(self._health(), self._clock.now())
                return _document(HTTPStatus.OK, {**self._status(), "clusters": clusters})
            case "/explain":
                return self._answer_question(path.partition("?")[2])
            case _:
                paths = "/healthz /readyz /metrics /status /explain"
                return _text(HTTPStatus.NOT_FOUND, f"there are {paths}")

    def _answer_question(self, query: str) -> Answer:
        words = {name: values[0] for name, values in parse_qs(query[:_LONGEST]).items()}
        status, document = HTTPStatus.OK, dict[str, Any]()
        try:
            document = self._explain(words)
        except errors.UsageError as error:
            status, document = HTTPStatus.BAD_REQUEST, {"error": error.as_document()}
        return _document(status, document)


def _document(status: HTTPStatus, document: Mapping[str, Any]) -> Answer:
    return status, "application/json", json.dumps(redaction.hide_in(document)).encode()


def _text(status: HTTPStatus, *lines: str) -> Answer:
    shown = "".join(f"{untrusted.safe_text(redaction.hide(line))}\n" for line in lines)
    return status, "text/plain; charset=utf-8", shown.encode()


def _listen(listen: str, answer: Callable[[str], Answer]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10
        server_version = "fmgsync"
        sys_version = ""

        def do_GET(self) -> None:
            status, kind, body = answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            # What others wrote is in it: no browser takes it for a page.
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
            """Probes every few seconds are no news."""

    host, _, port = listen.rpartition(":")
    address = host.strip("[]")

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

        def handle_error(self, request: object, client_address: object) -> None:
            """Not on standard error as it is: the log shows neither variables nor secrets."""
            error = sys.exception()
            text = redaction.traceback_text(error) if error is not None else ""
            _log.warning("a request failed", exception=text)

    try:
        return Server((address, int(port)), Handler)
    except (OSError, ValueError, OverflowError) as error:
        raise errors.UsageError(
            f"cannot listen on {listen}: {error}",
            next_step="give --listen as ADDRESS:PORT with a free port",
        ) from error
