"""What the HTTP library reports, as our errors: what failed, and whether it may have counted."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
import urllib3.exceptions

from fmgsync import errors


@dataclass(frozen=True, slots=True)
class Peer:
    """The unit a request was for: `kind` is FortiManager or FortiGate, `named` what errors call it.

    `unusable` makes the error for an answer that is none. `secrets` must appear nowhere.
    """

    kind: str
    host: str
    named: Mapping[str, Any]
    connect_timeout_s: float
    read_timeout_s: float
    unusable: Callable[[str], errors.ProtocolError]
    secrets: tuple[str, ...] = field(default=(), repr=False)
    shows_certificate: bool = False
    client_certificate: str = "nothing here shows one; switch that off there, on this way"


_CLIENT_REFUSED = (
    "CERTIFICATE_REQUIRED",
    "ALERT_UNKNOWN_CA",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_HANDSHAKE_FAILURE",
)
"""OpenSSL's words where the other side has ended the handshake over what we showed, or did not."""


def error_for(failure: Exception, peer: Peer) -> errors.TargetError:
    """Our error for a failed request, its cause chained unless the cause's text holds a secret."""
    causes = list(_causes(failure))
    error = _classify(causes, peer)
    if not any(secret in repr(cause) for cause in causes for secret in peer.secrets):
        error.__cause__ = causes[-1]
    return error


def outcome_unknown(peer: Peer, why: str) -> errors.OutcomeUnknown:
    """The request was sent, the answer never came: it may have been carried out."""
    return errors.OutcomeUnknown(
        f"the connection to {peer.host} broke after a request was sent: {why}",
        next_step="what it should have done is read back on the next pass",
        **peer.named,
    )


def broken_read(peer: Peer, error: errors.OutcomeUnknown) -> errors.ConnectionFailed:
    """The same for a reading request, which can simply be asked again."""
    return _failed(peer, error.message, f"the {peer.kind} may be overloaded or restarting")


def not_trusted_yet(peer: Peer, error: errors.UntrustedCertificate) -> errors.ConnectionFailed:
    """The same where another authority is trusted by now: nothing was sent, so it can be again."""
    return _failed(peer, error.message, "the authority was replaced; it is tried again with that")


def not_connected(peer: Peer, trouble: errors.UntrustedCertificate) -> errors.ConnectionFailed:
    """The same, to be tried again: nothing was sent."""
    return _failed(peer, trouble.message, trouble.next_step or "")


def _classify(causes: list[BaseException], peer: Peer) -> errors.TargetError:
    if (tls := _first(causes, ssl.SSLError)) is not None:
        return _tls_error(tls, peer)
    if _first(causes, requests.exceptions.ProxyError) is not None:
        return _failed(peer, "the proxy does not let us through", "check 'proxy'")
    if _first(causes, urllib3.exceptions.NameResolutionError) is not None:
        step = "check 'host' and this machine's name servers"
        return _failed(peer, f"the name {peer.host} does not resolve", step)
    if _first(causes, ConnectionRefusedError) is not None:
        step = "check 'host' and port; HTTPS access must be allowed on that interface"
        return _failed(peer, f"{peer.host} refused the connection", step)
    if _first(causes, requests.exceptions.ConnectTimeout) is not None:
        why = f"{peer.host} did not answer within {peer.connect_timeout_s:g} s"
        return _failed(peer, why, "check route and firewall between here and there")
    if _first(causes, urllib3.exceptions.NewConnectionError) is not None:
        step = "check route and firewall between here and there"
        return _failed(peer, f"{peer.host} cannot be reached", step)
    if _first(causes, requests.exceptions.ReadTimeout) is not None:
        return outcome_unknown(peer, f"no answer within {peer.read_timeout_s:g} s")
    if _first(causes, requests.exceptions.TooManyRedirects) is not None:
        return peer.unusable("it redirects elsewhere, which is not followed")
    if _first(causes, requests.exceptions.RequestException) is not None and not (
        _first(causes, ValueError)
    ):
        return outcome_unknown(peer, type(causes[-1]).__name__)
    if _first(causes, requests.exceptions.InvalidURL) is not None:
        step = "'host' is a name or address, with :port if needed"
        return _failed(peer, f"{peer.host!r} is no host", step)
    return peer.unusable("its form is unknown")


def _tls_error(error: BaseException, peer: Peer) -> errors.ConnectionFailed:
    if isinstance(error, ssl.SSLCertVerificationError):
        return errors.UntrustedCertificate(
            f"the certificate of {peer.host} is not trusted: {error.verify_message}",
            next_step="set tls.caFile to the CA that signed it, and 'host' to a name it carries",
            **peer.named,
        )
    if any(word in str(getattr(error, "reason", "")) for word in _CLIENT_REFUSED):
        shown = "does not accept the client certificate" if peer.shows_certificate else ""
        return errors.UntrustedCertificate(
            f"{peer.host} {shown or 'demands a client certificate'}",
            next_step=peer.client_certificate,
            **peer.named,
        )
    return _failed(peer, f"{peer.host} does not speak TLS", "check the port")


def _failed(peer: Peer, what: str, next_step: str) -> errors.ConnectionFailed:
    return errors.ConnectionFailed(what, next_step=next_step, **peer.named)


def _first(causes: list[BaseException], kind: type[BaseException]) -> BaseException | None:
    return next((cause for cause in causes if isinstance(cause, kind)), None)


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """The exception, what it was raised from, and what urllib3 keeps in `reason` and `args`."""
    waiting: list[BaseException] = [failure]
    seen: set[int] = set()
    while waiting:
        error = waiting.pop(0)
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        reason = getattr(error, "reason", None)
        inner = (error.__cause__, error.__context__, reason, *error.args)
        waiting.extend(one for one in inner if isinstance(one, BaseException))
