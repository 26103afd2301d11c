"""A FortiManager with its FortiGates on a loopback port, for the length of a `with` block."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

from fmgsync.simulator.fortigate.fleet import Fleet
from fmgsync.simulator.fortigate.fortigate import FortiGate
from fmgsync.simulator.life.build import build, set_switches
from fmgsync.simulator.life.console import Console
from fmgsync.simulator.life.life import Life
from fmgsync.simulator.routes import ROUTER
from fmgsync.simulator.state.seed import read_seed
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire import certificates
from fmgsync.simulator.wire.doors import Doors
from fmgsync.simulator.wire.envelope import Envelope
from fmgsync.simulator.wire.exchange import MOST_READ, Service
from fmgsync.simulator.wire.faults import Faults, read_faults
from fmgsync.simulator.wire.requestlog import RequestLog

_FORTIMANAGER: Final = "fortimanager"
_EVERY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
"""Listening on every address, and the one of them that a client on this machine writes."""


class Simulator:
    """State-based: what clients write is there to be read, and nothing is scripted.

    `seed`: a mapping or a YAML file as `docs/simulator.md` describes, None for the default.
    `clock`: epoch seconds; installs and time-outs advance with it when the next request comes.
    `strict`: what a request says that is not simulated is refused, not only told in the log.
    `latency`: seconds every request waits. `faults`: a mapping or YAML file of trouble to come.
    Raises SeedError for a seed or faults that cannot be used.
    """

    def __init__(
        self,
        seed: Mapping[str, Any] | str | Path | None = None,
        *,
        clock: Callable[[], float] = time.time,
        plain_http: bool = False,
        latency: float = 0.0,
        listen: str = "127.0.0.1:0",
        faults: Mapping[str, Any] | str | Path | None = None,
        strict: bool = False,
    ) -> None:
        parsed, source = read_seed(seed)
        self._world = build(parsed, source, clock, secret="fmgsync simulator")  # noqa: S106
        trouble = read_faults(faults if faults is not None else {}, self._world.units())
        self.ignored = self._world.ignored
        self.ignored.strict = strict
        self.requests = RequestLog()
        self.faults = Faults(trouble.seed)
        for fault in trouble.faults:
            self.faults.arm(fault)
        set_switches(self._world, trouble.switches)
        self._envelope = Envelope(self._world, ROUTER, self.requests, self.faults)
        self._plain_http = plain_http
        self._latency = latency
        self._listen = listen
        self._max_body = trouble.max_body or MOST_READ
        self._doors: Doors | None = None
        self._address = ("", 0)
        self._fleet: Fleet | None = None
        self._folder: TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *raised: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Listen; the port is chosen when `listen` ends with 0. Nothing happens if it runs."""
        if self._doors is not None:
            return self
        host, _, port = self._listen.rpartition(":")
        doors = Doors(host.strip("[]"), None if self._plain_http else self._make_tls())
        service = Service(
            self._envelope.answer, "FortiManager", self._latency, most_read=self._max_body
        )
        try:
            self._address = doors.open(_FORTIMANAGER, service, int(port), may_move=False)
        except (OSError, OverflowError):
            doors.close()
            raise
        self._doors = doors
        self._world.unplug = partial(doors.unplug, _FORTIMANAGER)
        self._fleet = Fleet(self._world, self.faults, self.requests, doors, self._latency)
        return self

    def stop(self) -> None:
        """Hang up, stop listening, remove the throw-away certificate. May be called twice."""
        if self._doors is not None:
            self._doors.close()
            self._doors = self._fleet = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def unplug(self) -> None:
        """Connections are refused from now on, and the open ones break."""
        if self._doors is not None:
            self._doors.unplug(_FORTIMANAGER)

    def plug(self) -> None:
        """Reachable again, on the same port."""
        if self._doors is not None:
            self._doors.plug(_FORTIMANAGER)

    def show_certificate(self, tls: ssl.SSLContext) -> None:
        """Show the certificate of `tls`, as do the FortiGates, to whoever connects from now on."""
        if self._doors is not None:
            self._doors.show(tls)

    def fail_over(self) -> None:
        """HA: the other unit takes over; sessions, locks, drafts and tasks are gone."""
        with self._world.lock:
            self._world.fail_over()

    def _make_tls(self) -> ssl.SSLContext:
        host = self._listen.rpartition(":")[0].strip("[]")
        names = {host, "127.0.0.1", "::1", "localhost", socket.gethostname()} - set(_EVERY)
        certificate = certificates.certificate(*sorted(names))
        self._folder = TemporaryDirectory(prefix="fmgsync-simulator-")
        (Path(self._folder.name) / "ca.pem").write_bytes(certificate.ca_pem)
        return certificate.context

    @property
    def host(self) -> str:
        """`address:port`, as clients write it."""
        if self._doors is None:
            raise RuntimeError("the simulator is not running")
        address, port = self._address
        address = _EVERY.get(address, address)
        return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

    @property
    def url(self) -> str:
        """The unit's base url; JSON-RPC is at `/jsonrpc`."""
        return f"{'http' if self._plain_http else 'https'}://{self.host}"

    @property
    def fortigates(self) -> dict[str, str]:
        """Base urls of the FortiGates' own REST APIs by name; their ports open when it is asked.

        Where FortiManager has a port of choice, the units' are the next ones that are free.
        """
        if self._fleet is None:
            raise RuntimeError("the simulator is not running")
        ports = self._fleet.open(int(self._listen.rpartition(":")[2]))
        scheme = "http" if self._plain_http else "https"
        name = self.host.rpartition(":")[0]
        return {unit: f"{scheme}://{name}:{found}" for unit, found in ports.items()}

    @property
    def ca_file(self) -> str:
        """The CA certificate clients verify against; empty with plain HTTP."""
        return str(Path(self._folder.name) / "ca.pem") if self._folder is not None else ""

    @property
    def world(self) -> World:
        """All state, for assertions; hold `world.lock` while requests may run."""
        return self._world

    def console(self, user: str = "admin") -> Console:
        """Somebody else at work: an administrator's session that needs no network or password."""
        return Console(self._world, ROUTER, user)

    def fortigate(self, name: str) -> FortiGate:
        """One FortiGate: what it runs, and what can happen to it."""
        return FortiGate(self._world, name, self._fleet)

    def life(self, adom: str, seed: int = 0) -> Life:
        """Other people at work in an ADOM, one step at a time."""
        return Life(self._world, ROUTER, adom, seed)

    def kill_session(self, sid: int) -> bool:
        """What `diagnose system admin-session kill` does; False if there is no such session."""
        with self._world.lock:
            for session in self._world.sessions.all():
                if session.sid == sid:
                    self._world.sessions.end(session)
                    return True
        return False
