"""A throw-away certificate: made once in a process, since it protects nothing but a test."""

from __future__ import annotations

import functools
import ssl
from dataclasses import dataclass

import trustme


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server on this machine shows, and the CA that clients verify it against."""

    context: ssl.SSLContext
    ca_pem: bytes


@functools.cache
def certificate(*names: str) -> Certificate:
    """The certificate for these names and addresses; every server of the process shares it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return Certificate(context, authority.cert_pem.bytes())
