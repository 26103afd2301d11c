"""One connection of a client with a unit: requests in, replies out, one after the other."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

from fmgsync.simulator.wire.delivery import Reply

MOST_READ: Final = 64 * 1024 * 1024
"""A longer body is refused."""
_DRAINED: Final = 4 * MOST_READ


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; names of headers in small letters. `source`: where it came from."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    source: str


@dataclass(frozen=True, slots=True)
class Service:
    """Who answers at a port, under which name, after which delay, and how long a body may be."""

    answer: Callable[[Request], Reply]
    name: str
    latency_s: float
    most_read: int = MOST_READ


class Exchange:
    """A connection. `serve` answers until nothing more comes at once."""

    def __init__(
        self,
        connection: socket.socket,
        source: str,
        service: Service,
        closing: threading.Event,
    ) -> None:
        self.connection = connection
        self._handler = _Handler(connection, source, service, closing)

    def serve(self, linger_ms: int) -> bool:
        """Answer requests; True if the client keeps the connection."""
        try:
            while self._more(linger_ms):
                self._handler.handle_one_request()
                if self._handler.close_connection:
                    return False
        except Exception:  # the client's business, or of a test that looks into the answers
            return False
        return True

    def _more(self, wait_ms: int) -> bool:
        if isinstance(self.connection, ssl.SSLSocket) and self.connection.pending():
            return True
        watch = select.poll()
        watch.register(self.connection, select.POLLIN)
        return bool(watch.poll(wait_ms))

    def break_off(self) -> None:
        """End it from another thread."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End it in order."""
        self.break_off()
        with contextlib.suppress(OSError):
            self._handler.finish()
        with contextlib.suppress(OSError):
            self.connection.close()


class _Handler(BaseHTTPRequestHandler):
    """`http.server`'s parser, one request at a time."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def __init__(
        self,
        connection: socket.socket,
        source: str,
        service: Service,
        closing: threading.Event,
    ) -> None:
        self._source = source
        self._service = service
        self._closing = closing
        self.request = connection
        self.client_address = (source, 0)
        self.close_connection = True
        self.setup()

    def _any(self) -> None:
        body = self._body()
        if body is None:
            return
        if self._service.latency_s:
            time.sleep(self._service.latency_s)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body, self._source)
        self._deliver(self._service.answer(request))

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _any  # noqa: N815

    def _body(self) -> bytes | None:
        text = self.headers.get("Content-Length", "0")
        if not text.isdecimal() or len(text) > 18 or "Transfer-Encoding" in self.headers:
            self._refuse(HTTPStatus.LENGTH_REQUIRED)
            return None
        if int(text) > self._service.most_read:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            self._drain(min(int(text), _DRAINED))
            return None
        body = self.rfile.read(int(text))
        if len(body) < int(text):
            self.close_connection = True
            return None
        return body

    def _drain(self, length: int) -> None:
        """Let the client finish sending, or it never reads why it was refused."""
        while length > 0 and (chunk := self.rfile.read(min(length, 1 << 16))):
            length -= len(chunk)

    def _refuse(self, status: HTTPStatus) -> None:
        self.close_connection = True
        self._send(Reply(status.phrase.encode(), status.value, "text/plain"))

    def _deliver(self, reply: Reply) -> None:
        """Send a reply in the state a fault may have left it in."""
        if reply.stall_s:
            self._closing.wait(reply.stall_s)
        if reply.reset:
            self.close_connection = True
            _reset(self.connection)
            return
        if reply.cut is not None:
            self.close_connection = True
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[: reply.cut])
        self.wfile.flush()

    def version_string(self) -> str:
        """What the answers call their server."""
        return self._service.name

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent: what was asked is in the request log."""


def _reset(connection: socket.socket) -> None:
    """End a connection with a TCP reset instead of a farewell."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Closing the descriptor beneath TLS sends no close_notify, only the reset.
        os.close(connection.detach())
