"""Authorities, and what servers on this machine show that they have signed."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import trustme


def shown(
    authority: trustme.CA,
    *names: str,
    expired: bool = False,
    demands: trustme.CA | None = None,
) -> ssl.SSLContext:
    """What a server shows; `demands`: only to clients that this authority has signed."""
    ended = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1) if expired else None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("127.0.0.1", "localhost")), not_after=ended).configure_cert(
        made
    )
    if demands is not None:
        demands.configure_trust(made)
        made.verify_mode = ssl.CERT_REQUIRED
    return made


def keep(path: Path, authority: trustme.CA) -> None:
    """The authority, where clients look for it."""
    path.write_bytes(authority.cert_pem.bytes())


def keep_client(folder: Path, authority: trustme.CA) -> None:
    """A client's certificate and key that it has signed: `client.crt` and `client.key`."""
    issued = authority.issue_cert("fmgsync.example.net")
    (folder / "client.crt").write_bytes(issued.cert_chain_pems[0].bytes())
    (folder / "client.key").write_bytes(issued.private_key_pem.bytes())
