"""What carries requests to a FortiGate: to whom the key is shown, and to nobody else."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from fmgsync import errors
from fmgsync.clock import ManualClock
from fmgsync.targets.fortigate import urls
from fmgsync.targets.fortigate.access import Access
from fmgsync.targets.fortigate.session import Session
from fmgsync.targets.fortigate.urls import Table

ADDRESSES = urls.table(Table.ADDRESS, "root")
ENVELOPE = json.dumps(
    {"results": [], "status": "success", "vdom": "root", "serial": "FGVM000000000001"}
).encode()


@dataclass
class Server:
    """Answers every GET alike and notes what it was sent."""

    host: str = ""
    status: int = 200
    more: Mapping[str, str] = field(default_factory=dict)
    asked: list[Mapping[str, str]] = field(default_factory=list)


Serve = Callable[..., Server]


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that shows this certificate; all are stopped when the test ends."""
    with ExitStack() as stack:

        def start(certificate: trustme.LeafCert) -> Server:
            made = Server()

            class Handler(BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"

                def do_GET(self) -> None:
                    made.asked.append(dict(self.headers))
                    self.send_response(made.status)
                    headers = {"Content-Length": str(len(ENVELOPE)), **made.more}
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(ENVELOPE)

                def log_message(self, *said: object) -> None:
                    pass

            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            server = _Quiet(("127.0.0.1", 0), Handler)
            server.daemon_threads = True
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            stack.callback(server.server_close)
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            made.host = f"127.0.0.1:{server.server_address[1]}"
            return made

        yield start


def session_with(server: Server, authority: trustme.CA, folder: Path) -> Session:
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    return Session(Access("branch", server.host, "k3y", ca_file), clock=ManualClock())


CERTIFICATES: Mapping[str, Callable[[trustme.CA], trustme.LeafCert]] = {
    "of another authority": lambda _: trustme.CA().issue_cert("127.0.0.1"),
    "for another name": lambda ours: ours.issue_cert("branch.example.net"),
    "for another address": lambda ours: ours.issue_cert("127.0.0.2"),
    "expired": lambda ours: ours.issue_cert(
        "127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC)
    ),
}


@pytest.mark.parametrize("what", CERTIFICATES)
def test_no_key_goes_to_who_shows_a_certificate(
    what: str, serve: Serve, authority: trustme.CA, tmp_path: Path
) -> None:
    server = serve(CERTIFICATES[what](authority))
    with (
        session_with(server, authority, tmp_path) as session,
        pytest.raises(errors.UntrustedCertificate, match="not trusted"),
    ):
        session.ask(ADDRESSES)
    assert server.asked == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirection_is_followed(
    status: int, serve: Serve, authority: trustme.CA, tmp_path: Path
) -> None:
    """Whoever answers in the unit's place may not send the key elsewhere."""
    server, elsewhere = (serve(authority.issue_cert("127.0.0.1")) for _ in range(2))
    server.status, server.more = status, {"Location": f"https://{elsewhere.host}/"}
    with session_with(server, authority, tmp_path) as session:
        assert not session.ask(ADDRESSES).ok
    assert elsewhere.asked == []


def test_requests_carry_the_key_and_no_cookie(
    serve: Serve, authority: trustme.CA, tmp_path: Path
) -> None:
    server = serve(authority.issue_cert("127.0.0.1"))
    server.more = {"Set-Cookie": "session=1; Path=/"}
    with session_with(server, authority, tmp_path) as session:
        assert all(session.ask(ADDRESSES).ok for _ in range(2))
    assert [headers["Authorization"] for headers in server.asked] == ["Bearer k3y"] * 2
    assert not any("Cookie" in headers for headers in server.asked)
