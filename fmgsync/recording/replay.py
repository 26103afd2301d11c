"""Serves cassettes over HTTPS on a loopback port, for clients in any language."""

from __future__ import annotations

import socket
import ssl
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Self

import trustme

from fmgsync.errors import CassetteError
from fmgsync.recording import check, files, rest
from fmgsync.recording.cassette import Cassette
from fmgsync.recording.playback import Answer, Mismatch, Playback

_MAX_BODY: Final = 64 * 1024 * 1024
_IDLE_S: Final = 60.0
_POLL_S: Final = 0.02


class Replay:
    """Recorded sessions behind a url, for the length of a `with` block.

    Everything is at `url`; where several FortiGates were recorded, each has a port of its own in
    `fortigates` as well. `told` hears of every request that was not recorded. `verdict()` says at
    the end whether all was played; a test that does not ask proves nothing.
    """

    def __init__(
        self,
        *paths: Path,
        strict: bool = True,
        listen: str = "127.0.0.1:0",
        told: Callable[[Mismatch], None] | None = None,
    ) -> None:
        self.playback = Playback([(str(path), load_clean(path)) for path in paths], strict=strict)
        self._told = told
        self._listen = listen
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._server: _Server | None = None
        self._of_fortigates: dict[str, _Server] = {}

    def __enter__(self) -> Self:
        host, _, port = self._listen.rpartition(":")
        if not host or not port.isdigit():
            raise CassetteError(
                f"{self._listen!r} is no address to listen on", next_step="write 127.0.0.1:0"
            )
        host = host.strip("[]")
        self._folder = tempfile.TemporaryDirectory(prefix="fmgsync-replay-")
        try:
            context = _certificate(host, Path(self.ca_file))
            self._server = _Server((host, int(port)), self._answer, context)
            for name in self.playback.fortigates:
                answer = partial(self._answer, fortigate=name)
                self._of_fortigates[name] = _Server((host, 0), answer, context)
        except (OSError, OverflowError) as error:
            self._close()
            reason = getattr(error, "strerror", None) or error
            raise CassetteError(f"cannot listen on {self._listen}: {reason}") from error
        for server in self._servers:
            server.start()
        return self

    def __exit__(self, *raised: object) -> None:
        for server in self._servers:
            server.stop()
        self._close()

    def _close(self) -> None:
        for server in self._servers:
            server.server_close()
        self._server, self._of_fortigates = None, {}
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def _servers(self) -> list[_Server]:
        first = [self._server] if self._server is not None else []
        return [*first, *self._of_fortigates.values()]

    @property
    def fortigates(self) -> dict[str, str]:
        """The url of each recorded FortiGate, by what stands for it in the cassettes."""
        return {name: f"https://{server.place}" for name, server in self._of_fortigates.items()}

    @property
    def host(self) -> str:
        """`address:port`, as the configuration's `host` wants it."""
        if self._server is None:
            raise RuntimeError("the replay is not running")
        return self._server.place

    @property
    def url(self) -> str:
        """The base url; JSON-RPC is at `/jsonrpc`, a FortiGate's REST below `/api/v2`."""
        return f"https://{self.host}"

    @property
    def ca_file(self) -> str:
        """The CA certificate clients verify against."""
        if self._folder is None:
            raise RuntimeError("the replay is not running")
        return str(Path(self._folder.name) / "ca.pem")

    def verdict(self) -> str | None:
        """None if exactly what was recorded was played; else what is wrong, for people."""
        return self.playback.verdict()

    def _answer(self, method: str, url: str, body: bytes, *, fortigate: str = "") -> Answer:
        before = len(self.playback.mismatches)
        answer = self.playback.answer(body, method=method, url=url, fortigate=fortigate)
        if self._told is not None:
            for mismatch in self.playback.mismatches[before:]:
                self._told(mismatch)
        return answer


def load_clean(path: Path) -> Cassette:
    """A cassette that is whole, unedited and holds nothing that is plainly a secret."""
    read = files.load(path)
    report = check.check(files.read_text(path), str(path), check.Suspects())
    if report.findings:
        first = report.findings[0]
        raise CassetteError(
            f"the cassette holds {first.what} ({first.place})",
            where=f"{path}:{first.line}",
            next_step=f"'fmgsync cassette check {path}' lists all; record it again to be rid of it",
        )
    return read


def _certificate(host: str, ca_file: Path) -> ssl.SSLContext:
    authority = trustme.CA()
    names = dict.fromkeys((host, "127.0.0.1", "::1", "localhost"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    authority.cert_pem.write_to_path(str(ca_file))
    return context


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        address: tuple[str, int],
        answer: Callable[[str, str, bytes], Answer],
        context: ssl.SSLContext,
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)
        self.answer = answer
        # The handshake waits for the connection's own thread: a slow client holds up nobody.
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    @property
    def place(self) -> str:
        """`address:port`."""
        address, port = self.server_address[:2]
        text = str(address)
        return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"

    def start(self) -> None:
        """Serve on a thread of its own."""
        self._thread = threading.Thread(
            target=self.serve_forever, args=(_POLL_S,), name="replay", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Serve no more."""
        self.shutdown()
        self._thread.join(timeout=5)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that break, or do not trust us, are the clients' business."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    # One packet per answer: otherwise each waits for the client's delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        if self.command != "POST" and not rest.is_rest(self.path):
            self._send(Answer(405, "Method Not Allowed", (("Allow", "POST"),), b""))
            return
        length = self.headers.get("Content-Length", "" if self.command == "POST" else "0")
        if not length.isdecimal() or int(length) > _MAX_BODY:
            self.close_connection = True
            self._send(Answer(411, "Length Required", (), b""))
            return
        body = self.rfile.read(int(length))
        self._send(self.server.answer(self.command, self.path, body))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status, answer.reason)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent: what does not match is told in full elsewhere."""
