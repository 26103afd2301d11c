"""HTTPS on a loopback port: keep-alive, one thread per connection, nothing that sleeps."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

MAX_BODY: Final = 64 * 1024 * 1024
_IDLE_S: Final = 300.0

Answer = Callable[[bytes, "str | None"], bytes]
"""Request body and API key in, response body out."""


class HttpServer(ThreadingHTTPServer):
    """Serves `POST /jsonrpc`. Closing it ends all connections at once."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        answer: Answer,
        *,
        tls: ssl.SSLContext | None,
        latency_s: float,
        takes_query_token: bool,
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)
        self.answer = answer
        self.latency_s = latency_s
        self.takes_query_token = takes_query_token
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

    def stop(self) -> None:
        """Stop listening and hang up on everybody."""
        self.shutdown()
        self.server_close()
        with self._open_lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that break are the clients' business."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "FortiManager"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    server: HttpServer

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        if parts.path.rstrip("/") != "/jsonrpc":
            self._send(HTTPStatus.NOT_FOUND, b"Not Found", "text/plain")
            return
        body = self._body()
        if body is None:
            return
        if self.server.latency_s:
            time.sleep(self.server.latency_s)
        answer = self.server.answer(body, self._api_key(parts.query))
        self._send(HTTPStatus.OK, answer, "application/json")

    def do_GET(self) -> None:
        self._send(HTTPStatus.NOT_FOUND, b"Not Found", "text/plain")

    def _body(self) -> bytes | None:
        text = self.headers.get("Content-Length", "")
        if not text.isdecimal() or int(text) > MAX_BODY:
            self.close_connection = True
            code = (
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                if text.isdecimal()
                else HTTPStatus.LENGTH_REQUIRED
            )
            self._send(code, code.phrase.encode(), "text/plain")
            return None
        body = self.rfile.read(int(text))
        if len(body) < int(text):
            self.close_connection = True
            return None
        return body

    def _api_key(self, query: str) -> str | None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            return token.strip()
        if self.server.takes_query_token:
            tokens = parse_qs(query, max_num_fields=20).get("access_token")
            return tokens[0] if tokens else None
        return None

    def _send(self, code: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent: the request log is kept in memory, and standard error belongs to the command."""
