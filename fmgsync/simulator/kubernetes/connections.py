"""The listening socket of the simulated API server, and the connections it can cut."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final


class Listener:
    """Listens on a port of a loopback address; can go down and come up again on the same one."""

    def __init__(
        self, handler: type[Connection], tls: ssl.SSLContext | None, host: str = "127.0.0.1"
    ) -> None:
        self._host: Final = host
        self._handler: Final = handler
        self._tls = tls
        self._server: Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Where it listens, or did before it went down."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self._port}"

    def up(self) -> None:
        """Begin to listen."""
        if self._server is not None:
            return
        self._server = Server((self._host, self._port), self._handler, self._tls)
        self._port = self._server.server_address[1]
        threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="kubernetes-simulator",
            daemon=True,
        ).start()

    def down(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.end()
        self._server = None

    def show(self, tls: ssl.SSLContext) -> None:
        """Show another certificate to whoever connects from now on."""
        self._tls = tls
        if self._server is not None:
            self._server.tls = tls

    def cut_connections(self) -> None:
        """Cut every connection, and go on listening."""
        if self._server is not None:
            self._server.cut_connections()


class Server(ThreadingHTTPServer):
    """One thread per connection; all connections are known, so that they can be cut."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], handler: type[Connection], tls: ssl.SSLContext | None
    ) -> None:
        self.tls = tls
        self.ended = False
        self._open: Final[set[socket.socket]] = set()
        self._open_lock: Final = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def opened(self, connection: socket.socket) -> None:
        """A connection is ready for requests."""
        with self._open_lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """A connection is done with."""
        with self._open_lock:
            self._open.discard(connection)

    def end(self) -> None:
        """Close the listening socket and every connection.

        Who is still waiting to be accepted is accepted and closed, since a reset before the TLS
        handshake makes the client's ssl module (CPython 3.11) forget to close its socket.
        """
        self.ended = True
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.socket.accept()[0].close()
        self.server_close()
        self.cut_connections()

    def is_open(self, connection: socket.socket) -> bool:
        """False once the connection was cut."""
        with self._open_lock:
            return connection in self._open

    def cut_connections(self) -> None:
        """End all connections without a word."""
        with self._open_lock:
            cut = list(self._open)
            self._open.clear()
        for connection in cut:
            # Not SSLSocket.shutdown, which takes TLS off while another thread still writes.
            try:
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                connection.close()  # the client was quicker

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or does not trust our certificate, is no event here."""


class Connection(BaseHTTPRequestHandler):
    """One connection: TLS first, then requests until either side ends it."""

    protocol_version = "HTTP/1.1"
    server_version = "fmgsync-kubernetes"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        """Shake hands here and not in the accepting thread, which a silent client would hold."""
        if self.server.tls is not None:
            self.request.settimeout(10)
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
            self.request.settimeout(None)
        self.server.opened(self.request)
        if self.server.ended:
            self.server.closed(self.request)
            self.request.close()
            raise ConnectionAbortedError
        super().setup()

    def finish(self) -> None:
        """Close the TLS socket, which the server knows nothing of."""
        try:
            super().finish()
        finally:
            self.server.closed(self.request)
            self.request.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Say nothing: tests read `requests`."""
