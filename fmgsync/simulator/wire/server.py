"""HTTPS on a loopback port: keep-alive, one thread per connection, nothing that sleeps."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs

from fmgsync.simulator.wire.delivery import Reply

MAX_BODY: Final = 64 * 1024 * 1024
_IDLE_S: Final = 300.0
_DRAINED: Final = 4 * MAX_BODY

Answer = Callable[[bytes, "str | None"], Reply]
"""Request body and API key in, reply out."""


class HttpServer(ThreadingHTTPServer):
    """Serves `POST /jsonrpc`. Closing it ends all connections at once."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128
    timeout = 0.0
    """`handle_request` waits for nobody: it is called when somebody is there."""

    def __init__(
        self,
        address: tuple[str, int],
        answer: Answer,
        *,
        tls: ssl.SSLContext | None,
        latency_s: float,
        takes_query_token: bool,
        max_body: int = MAX_BODY,
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)
        self.answer = answer
        self.latency_s = latency_s
        self.takes_query_token = takes_query_token
        self.max_body = max_body
        self.closing = threading.Event()
        self._stopped = threading.Event()
        self._bell, self._ring = socket.socketpair()
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread, so that a slow client holds up nobody."""
        connection = request
        try:
            connection.settimeout(_IDLE_S)
            if self._tls is not None:
                connection = self._tls.wrap_socket(request, server_side=True)
            with self._open_lock:
                self._open.add(connection)
            self.finish_request(connection, client_address)
        except OSError:
            pass  # the client went away, did not trust us, or the server is closing
        finally:
            with self._open_lock:
                self._open.discard(connection)
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def serve(self) -> None:
        """Accept connections until `stop`. Nothing wakes up meanwhile, unlike `serve_forever`."""
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self, selectors.EVENT_READ)
                selector.register(self._bell, selectors.EVENT_READ)
                while not self.closing.is_set():
                    if any(key.fileobj is self for key, _ in selector.select()):
                        self.handle_request()
        finally:
            self._stopped.set()

    def stop(self) -> None:
        """Stop listening and hang up on everybody."""
        self.closing.set()
        self._ring.send(b".")
        self._stopped.wait()
        self.server_close()
        self._bell.close()
        self._ring.close()
        with self._open_lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that break are the clients' business."""


def reset(connection: socket.socket) -> None:
    """End a connection with a TCP reset instead of a farewell."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Closing the descriptor beneath TLS sends no close_notify, only the reset.
        os.close(connection.detach())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "FortiManager"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    server: HttpServer

    def do_POST(self) -> None:
        path, _, query = self.path.partition("?")
        if path.rstrip("/") != "/jsonrpc":
            self._send(HTTPStatus.NOT_FOUND, b"Not Found", "text/plain")
            return
        body = self._body()
        if body is None:
            return
        if self.server.latency_s:
            time.sleep(self.server.latency_s)
        self._deliver(self.server.answer(body, self._api_key(query)))

    def _deliver(self, reply: Reply) -> None:
        """Send a reply in the state a fault may have left it in."""
        if reply.stall_s:
            self.server.closing.wait(reply.stall_s)
        if reply.reset:
            reset(self.connection)
            self.close_connection = True
            return
        if reply.cut is not None:
            self.close_connection = True
        self._send(
            HTTPStatus(reply.status), reply.body, reply.kind, cut=reply.cut, headers=reply.headers
        )

    def do_GET(self) -> None:
        self._send(HTTPStatus.NOT_FOUND, b"Not Found", "text/plain")

    def _body(self) -> bytes | None:
        text = self.headers.get("Content-Length", "")
        if not text.isdecimal() or len(text) > 18:
            self._refuse(HTTPStatus.LENGTH_REQUIRED)
            return None
        length = int(text)
        if length > self.server.max_body:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            self._drain(min(length, _DRAINED))
            return None
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return None
        return body

    def _refuse(self, code: HTTPStatus) -> None:
        self.close_connection = True
        self._send(code, code.phrase.encode(), "text/plain")

    def _drain(self, length: int) -> None:
        """Let the client finish sending, or it never reads why it was refused."""
        while length > 0:
            chunk = self.rfile.read(min(length, 1 << 16))
            if not chunk:
                return
            length -= len(chunk)

    def _api_key(self, query: str) -> str | None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            return token.strip()
        if self.server.takes_query_token:
            tokens = parse_qs(query).get("access_token")
            return tokens[0] if tokens else None
        return None

    def _send(
        self,
        code: HTTPStatus,
        body: bytes,
        kind: str,
        *,
        cut: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body[:cut])
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent: the request log is kept in memory, and standard error belongs to the command."""
