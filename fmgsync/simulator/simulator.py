"""A FortiManager with its FortiGates on a loopback port, for the length of a `with` block."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import trustme

from fmgsync.simulator.build import build
from fmgsync.simulator.console import Console
from fmgsync.simulator.envelope import Envelope
from fmgsync.simulator.fortigate import FortiGate
from fmgsync.simulator.requestlog import RequestLog
from fmgsync.simulator.routes import make_router
from fmgsync.simulator.seed import read_seed
from fmgsync.simulator.server import HttpServer
from fmgsync.simulator.world import World


class Simulator:
    """State-based: what clients write is there to be read, and nothing is scripted.

    `seed`: a mapping or a YAML file as `docs/simulator.md` describes, None for the default.
    `clock`: epoch seconds; installs and time-outs advance with it when the next request comes.
    `latency`: seconds every request waits. Raises SeedError for a seed that cannot be used.
    """

    def __init__(
        self,
        seed: Mapping[str, Any] | str | Path | None = None,
        *,
        clock: Callable[[], float] = time.time,
        plain_http: bool = False,
        latency: float = 0.0,
        listen: str = "127.0.0.1:0",
    ) -> None:
        parsed, source = read_seed(seed)
        self.requests = RequestLog()
        self._world = build(parsed, source, clock, secret="fmgsync simulator")  # noqa: S106
        self._router = make_router()
        self._envelope = Envelope(self._world, self._router, self.requests)
        self._plain_http = plain_http
        self._latency = latency
        self._listen = listen
        self._server: HttpServer | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Listen; the port is chosen when `listen` ends with 0. Nothing happens if it runs."""
        if self._server is not None:
            return self
        tls = None if self._plain_http else self._make_tls()
        host, _, port = self._listen.rpartition(":")
        self._server = HttpServer(
            (host.strip("[]"), int(port)),
            self._envelope.answer,
            tls=tls,
            latency_s=self._latency,
            takes_query_token=self._takes_query_token(),
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.02},
            name="simulator",
            daemon=True,
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Hang up, stop listening, remove the throw-away certificate. May be called twice."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _make_tls(self) -> ssl.SSLContext:
        authority = trustme.CA()
        host = self._listen.rpartition(":")[0].strip("[]")
        names = dict.fromkeys((host, "127.0.0.1", "::1", "localhost"))
        certificate = authority.issue_cert(*(n for n in names if n and n not in ("0.0.0.0", "::")))  # noqa: S104
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        self._folder = TemporaryDirectory(prefix="fmgsync-simulator-")
        authority.cert_pem.write_to_path(str(Path(self._folder.name) / "ca.pem"))
        return context

    def _takes_query_token(self) -> bool:
        """`?access_token=` is refused from 7.4.7 and 7.6.2 on."""
        version = self._world.version
        if version[:2] == (7, 6):
            return version < (7, 6, 2)
        return version < (7, 4, 7)

    @property
    def host(self) -> str:
        """`address:port`, as clients write it."""
        if self._server is None:
            raise RuntimeError("the simulator is not running")
        address, port = self._server.server_address[:2]
        text = str(address)
        return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"

    @property
    def url(self) -> str:
        """The unit's base url; JSON-RPC is at `/jsonrpc`."""
        return f"{'http' if self._plain_http else 'https'}://{self.host}"

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
        return Console(self._world, self._router, user)

    def fortigate(self, name: str) -> FortiGate:
        """One FortiGate: what it runs, and what can happen to it."""
        return FortiGate(self._world, name)
