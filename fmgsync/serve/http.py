"""The HTTP side: `/healthz`, `/readyz`, `/metrics`, `/status`, `/explain`. Reads only; no body is
accepted."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
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

MOST_AT_ONCE = 64
"""Connections that are open at the same time: scrapes and probes need a handful."""

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
                late = self._health().beat_ago_s
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
    host, _, port = listen.rpartition(":")
    try:
        return _Server((host.strip("[]"), int(port)), _handler(answer))
    except (OSError, ValueError, OverflowError) as error:
        why = error if isinstance(error, OSError) else f"{untrusted.safe_text(port)} is no port"
        raise errors.UsageError(
            f"cannot listen on {listen}: {why}",
            next_step="give --listen as ADDRESS:PORT with a free port",
        ) from error


def _handler(answer: Callable[[str], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30
        server_version = "fmgsync"
        sys_version = ""
        # What others sent is in it: no browser takes any answer of ours for a page.
        error_content_type = "text/plain; charset=utf-8"
        error_message_format = "%(code)d %(message)s\n"

        def end_headers(self) -> None:
            self.send_header("X-Content-Type-Options", "nosniff")
            super().end_headers()

        def do_GET(self) -> None:
            self.wfile.write(self._head())

        def do_HEAD(self) -> None:
            self._head()

        def _head(self) -> bytes:
            status, kind, body = answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            return body

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
            """Probes every few seconds are no news."""

    return Handler


class _Server(ThreadingHTTPServer):
    request_queue_size = MOST_AT_ONCE

    def __init__(self, place: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        self._open: dict[int, socket.socket] = {}
        self._counting = threading.Lock()
        super().__init__(place, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Whoever has been at it for longest makes room: probes are answered, however many others
        connect and say nothing, and no descriptor is missing where it is needed."""
        with self._counting:
            self._open[id(request)] = request
            if len(self._open) > MOST_AT_ONCE:
                oldest = self._open.pop(next(iter(self._open)))
                with suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._counting:
            self._open.pop(id(request), None)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Not on standard error as it is: the log shows neither variables nor secrets."""
        error = sys.exception()
        if error is None or isinstance(error, ConnectionError | TimeoutError):
            return  # whoever asked has hung up: nobody can be told, and nothing is wrong
        _log.warning("a request failed", exception=redaction.traceback_text(error))
