"""Many small HTTPS servers, each on a port of its own, behind one loop and a pool of threads.

A connection that waits for its next request is watched by the loop and holds no thread, so three
hundred units with open connections cost three hundred sockets and no more.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from fmgsync.simulator.wire.exchange import Exchange, Service

_WORKERS: Final = 128
_SHAKE_S: Final = 30.0
_LINGER_MS: Final = 20
"""A client that asks one thing after the other is served by one thread for so long."""


@dataclass(slots=True)
class _Door:
    """One port, or another where it is taken and the door `may_move`. `connections` are those that
    came in through it."""

    name: str
    address: tuple[str, int]
    service: Service
    may_move: bool
    listener: socket.socket | None = None
    connections: set[Exchange] = field(default_factory=set)


class Doors:
    """Opens ports, answers what comes in, closes them all."""

    def __init__(self, host: str, tls: ssl.SSLContext | None) -> None:
        self._host = host
        self._tls = tls
        self._doors: dict[str, _Door] = {}
        self._guard = threading.RLock()
        self._selector = selectors.DefaultSelector()
        self._bell, self._ring = socket.socketpair()
        self._todo: list[Callable[[], None]] = []
        self._closing = threading.Event()
        self._pool = ThreadPoolExecutor(_WORKERS, "simulator")
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._watch, name="simulator", daemon=True)
        self._thread.start()

    def open(
        self, name: str, service: Service, port: int = 0, *, may_move: bool = True
    ) -> tuple[str, int]:
        """Listen for a unit; where, at any free port if none is wished."""
        with self._guard:
            door = self._doors.get(name)
            if door is None:
                door = _Door(name, (self._host, port), service, may_move)
                self._listen(door)
                self._doors[name] = door
            return door.address

    def plug(self, name: str) -> None:
        """Reachable again, on the same port."""
        with self._guard:
            door = self._doors.get(name)
            if door is not None and door.listener is None and not self._closing.is_set():
                self._listen(door)

    def unplug(self, name: str, seconds: float | None = None) -> None:
        """Connections are refused and the open ones break; for ever, or for so many seconds."""
        with self._guard:
            door = self._doors.get(name)
            if door is None:
                return
            listener, door.listener = door.listener, None
            connections, door.connections = list(door.connections), set()
        if listener is not None:
            self._forget(listener)
        for connection in connections:
            connection.break_off()
        if seconds is not None:
            timer = threading.Timer(seconds, self.plug, (name,))
            timer.daemon = True
            timer.start()

    def show(self, tls: ssl.SSLContext) -> None:
        """Show another certificate to whoever connects from now on."""
        self._tls = tls

    def close(self) -> None:
        """Hang up on everybody. May be called twice."""
        if self._closing.is_set():
            return
        with self._guard:
            left = [exchange for door in self._doors.values() for exchange in door.connections]
        for name in list(self._doors):
            self.unplug(name)
        self._closing.set()
        self._wake(lambda: None)
        self._thread.join(timeout=5)
        self._pool.shutdown(wait=False, cancel_futures=True)
        for exchange in left:
            exchange.close()
        self._selector.close()
        self._bell.close()
        self._ring.close()

    def _listen(self, door: _Door) -> None:
        listener = _bound(*door.address, may_move=door.may_move)
        host, port, *_ = listener.getsockname()
        door.address = (str(host), int(port))
        door.listener = listener
        self._wake(lambda: self._register(listener, door))

    def _register(self, source: socket.socket, data: Any) -> None:
        if source.fileno() >= 0:
            self._selector.register(source, selectors.EVENT_READ, data)

    def _forget(self, source: socket.socket) -> None:
        """Close it in the loop's own thread, which may be looking at it."""
        done = threading.Event()

        def forget() -> None:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(source)
            source.close()
            done.set()

        self._wake(forget)
        if threading.current_thread() is not self._thread:
            done.wait(timeout=5)

    def _wake(self, do: Callable[[], None]) -> None:
        with self._guard:
            self._todo.append(do)
        with contextlib.suppress(OSError):
            self._ring.send(b".")

    def _watch(self) -> None:
        while not self._closing.is_set():
            for key, _ in self._selector.select():
                if key.fileobj is self._bell:
                    self._bell.recv(4096)
                elif isinstance(key.data, _Door):
                    self._accept(key.data)
                else:
                    self._selector.unregister(key.fileobj)
                    self._pool.submit(self._serve, *key.data)
            with self._guard:
                todo, self._todo = self._todo, []
            for do in todo:
                do()

    def _accept(self, door: _Door) -> None:
        listener = door.listener
        if listener is None:
            return
        with contextlib.suppress(OSError):
            connection, address = listener.accept()
            self._pool.submit(self._shake, door, connection, str(address[0]))

    def _shake(self, door: _Door, connection: socket.socket, source: str) -> None:
        """TLS in a thread of the pool, so that a slow client holds up nobody."""
        try:
            connection.settimeout(_SHAKE_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            return
        exchange = Exchange(connection, source, door.service, self._closing)
        with self._guard:
            if door.listener is None:
                exchange.break_off()
                return
            door.connections.add(exchange)
        self._serve(door, exchange)

    def _serve(self, door: _Door, exchange: Exchange) -> None:
        """Answer what is there, then leave the connection to the loop."""
        if exchange.serve(_LINGER_MS) and not self._closing.is_set():
            self._wake(lambda: self._park(door, exchange))
            return
        with self._guard:
            door.connections.discard(exchange)
        exchange.close()

    def _park(self, door: _Door, exchange: Exchange) -> None:
        if exchange in door.connections:
            self._register(exchange.connection, (door, exchange))
        else:
            exchange.close()


def _bound(host: str, port: int, *, may_move: bool) -> socket.socket:
    """A listening socket."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for wished in dict.fromkeys((port, 0) if may_move else (port,)):
        listener = socket.socket(family, socket.SOCK_STREAM)
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, wished))
            listener.listen(128)
        except OSError:
            listener.close()
            if wished == 0 or not may_move:
                raise
        else:
            return listener
    raise OSError("no port")
