"""An administrator with `peer-auth` demands a certificate besides the key."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from fmgsync import errors
from fmgsync.clock import ManualClock
from fmgsync.targets.fortigate import urls
from fmgsync.targets.fortigate.access import Access
from fmgsync.targets.fortigate.session import Session

ENVELOPE = {
    "http_method": "GET",
    "results": {},
    "status": "success",
    "vdom": "root",
    "serial": "FGVM000000000001",
    "version": "v7.4.5",
    "build": 2702,
}


@dataclass(frozen=True)
class Demanding:
    """A server that speaks to nobody without a certificate of its authority, and that authority."""

    host: str
    ca_file: Path
    authority: trustme.CA
    folder: Path

    def certificate(self, authority: trustme.CA | None = None) -> tuple[Path, Path]:
        """A client's certificate and key, in files."""
        made = (authority or self.authority).issue_cert("fmgsync@example.net")
        cert, key = self.folder / "client.pem", self.folder / "client.key"
        cert.write_bytes(b"".join(one.bytes() for one in made.cert_chain_pems))
        key.write_bytes(made.private_key_pem.bytes())
        return cert, key

    def session(self, client_cert: tuple[Path, Path] | None) -> Session:
        access = Access("branch", self.host, "k3y", self.ca_file, client_cert=client_cert)
        return Session(access, clock=ManualClock())


class _Unit(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(ENVELOPE).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said: object) -> None:
        pass


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextmanager
def _served(context: ssl.SSLContext) -> Iterator[str]:
    server = _Quiet(("127.0.0.1", 0), _Unit)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[Demanding]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    # In 1.3 a client hears that it was refused only after it has asked, if the way lets it.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(authority.cert_pem.bytes())
    with _served(context) as host:
        yield Demanding(host, ca_file, authority, tmp_path)


STATUS = urls.monitor("system/status", "root")


def test_it_is_shown(unit: Demanding) -> None:
    with unit.session(unit.certificate()) as session:
        assert session.read(STATUS).serial == "FGVM000000000001"


@pytest.mark.parametrize("shown", [False, True])
def test_without_the_right_one_it_is_said_what_is_missing(unit: Demanding, shown: bool) -> None:
    certificate = unit.certificate(trustme.CA()) if shown else None
    with (
        unit.session(certificate) as session,
        pytest.raises(errors.UntrustedCertificate) as caught,
    ):
        session.read(STATUS)
    assert "client certificate" in caught.value.message
    assert "tls.clientCert" in str(caught.value.next_step)
    assert "branch" in str(caught.value)


def test_files_that_are_none_are_refused_before_anything_is_sent(unit: Demanding) -> None:
    cert, key = unit.certificate()
    key.write_text("no key", encoding="utf-8")
    with pytest.raises(errors.UntrustedCertificate, match="cannot be used"):
        unit.session((cert, key)).open()


@pytest.mark.parametrize("left", ["another's key", "half a key", "no key", "no certificate"])
def test_files_that_are_being_replaced_are_named_and_nothing_counts_as_sent(
    unit: Demanding, left: str
) -> None:
    """A write that was not sent can simply be made again, and goes on by itself."""
    cert, key = unit.certificate()
    was = key.read_text()
    with unit.session((cert, key)) as session:
        unit.certificate()
        whole = cert.read_text(), key.read_text()
        if left == "another's key":
            key.write_text(was)
        elif left == "half a key":
            key.write_text(whole[1][:60])
        else:
            (key if left == "no key" else cert).unlink()
        with pytest.raises(
            errors.ConnectionFailed, match=r"client certificate in .* cannot"
        ) as got:
            session.write("POST", urls.table(urls.Table.GROUP, "root"), {"name": "a"})
        assert not isinstance(got.value, errors.OutcomeUnknown)
        assert "tls.clientCert" in str(got.value.next_step)
        cert.write_text(whole[0])
        key.write_text(whole[1])
        assert session.read(STATUS).serial == "FGVM000000000001"
