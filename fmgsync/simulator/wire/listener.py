"""The unit's network: listening, being unplugged for a while, and hanging up for good."""

from __future__ import annotations

import ssl
import threading
from dataclasses import dataclass

from fmgsync.simulator.wire.server import Answer, HttpServer


@dataclass(frozen=True, slots=True)
class Wire:
    """How to serve: address and port to listen on, TLS or none, and the limits."""

    address: tuple[str, int]
    tls: ssl.SSLContext | None
    latency_s: float
    takes_query_token: bool
    max_body: int


class Listener:
    """A server that can be taken off its port and put back there."""

    def __init__(self, wire: Wire, answer: Answer) -> None:
        self._wire = wire
        self._answer = answer
        self._guard = threading.RLock()
        self._server: HttpServer | None = None
        self._thread: threading.Thread | None = None
        self._timer: threading.Timer | None = None
        self._closed = False
        self.address = wire.address
        self.plug()

    def plug(self) -> None:
        """Listen, on the port of the last time. Nothing happens while it does, or when closed."""
        with self._guard:
            if self._server is not None or self._closed:
                return
            wire = self._wire
            server = HttpServer(
                self.address,
                self._answer,
                tls=wire.tls,
                latency_s=wire.latency_s,
                takes_query_token=wire.takes_query_token,
                max_body=wire.max_body,
            )
            self.address = (str(server.server_address[0]), int(server.server_address[1]))
            self._server = server
            self._thread = threading.Thread(
                target=server.serve,
                name=f"simulator:{self.address[1]}",
                daemon=True,
            )
            self._thread.start()

    def unplug(self, seconds: float | None = None) -> None:
        """Refuse connections and break the open ones; for ever, or for so many real seconds."""
        with self._guard:
            server, thread = self._server, self._thread
            self._server = self._thread = None
            if seconds is not None and not self._closed:
                self._plug_after(seconds)
        if server is not None:
            server.stop()
        if thread is not None:
            thread.join(timeout=5)

    def _plug_after(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self.plug)
        self._timer.daemon = True
        self._timer.start()

    def close(self) -> None:
        """Stop for good."""
        with self._guard:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
        self.unplug()
