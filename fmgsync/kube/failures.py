"""What goes wrong with an API server, as our errors: from HTTP answers and from broken connections.

Public source of the codes: the Kubernetes API conventions, section "HTTP Status codes".
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
import urllib3.exceptions

from fmgsync import redaction
from fmgsync.errors import (
    SourceBusy,
    SourceConflict,
    SourceError,
    SourceExpired,
    SourceForbidden,
    SourceLoginRefused,
    SourceMisconfigured,
    SourceNotFound,
    SourceRefused,
    SourceUnavailable,
    SourceUntrusted,
)
from fmgsync.kube.requests import Request

_SHOWN: Final = 300


class Status(msgspec.Struct, frozen=True):
    """The `Status` object of an unsuccessful answer, and of an ERROR line in a watch."""

    message: str = ""
    reason: str = ""
    code: int = 0


def refused(
    where: str, request: Request, code: int, body: bytes, headers: Mapping[str, str]
) -> SourceError:
    """The error that an answer with this code is."""
    try:
        status = msgspec.json.decode(body, type=Status)
    except (msgspec.DecodeError, RecursionError):
        status = Status()  # a proxy's HTML, or nothing
    return by_status(where, request, code, status, headers)


def by_status(
    where: str,
    request: Request,
    code: int,
    status: Status,
    headers: Mapping[str, str] | None = None,
) -> SourceError:
    """The error that a code with a decoded Status is."""
    named = f"{where}, {described(request)}"
    said = shown(status.message or _phrase(code))
    if code == HTTPStatus.UNAUTHORIZED:
        return SourceLoginRefused(
            "the credentials are not accepted",
            where=named,
            next_step="renew the token or certificate of the kubeconfig or service account",
        )
    if code == HTTPStatus.FORBIDDEN:
        return SourceForbidden(
            f"not permitted: {said}", where=named, next_step=f"grant {request.rule()}"
        )
    if code in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
        kind = SourceNotFound if code == HTTPStatus.NOT_FOUND else SourceConflict
        return kind(said, code=code, where=named)
    if code == HTTPStatus.GONE:
        return SourceExpired(said, where=named)
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        return SourceBusy(said, retry_after_s=_retry_after(headers), where=named)
    if code >= 500:
        return SourceUnavailable(f"the API server answers {code}: {said}", where=named)
    return SourceRefused(f"the API server answers {code}: {said}", code=code, where=named)


def broken(where: str, request: Request, error: Exception, proxy: str = "") -> SourceError:
    """The error that an exception of urllib3 or the operating system is.

    `proxy` is the one on the way, if there is one.
    """
    named = f"{where}, {described(request)}"
    verification = _certificate_complaint(error)
    if verification is not None and not isinstance(error, urllib3.exceptions.ProxyError):
        return SourceUntrusted(
            f"its certificate is not trusted: {shown(verification)}",
            where=named,
            next_step="check the certificate authority and the server name in the kubeconfig",
        )
    if isinstance(error, urllib3.exceptions.LocationValueError):
        return SourceMisconfigured(
            "the server's address is not a url",
            where=named,
            next_step="check `server` in the kubeconfig",
        )
    if isinstance(error, FileNotFoundError | PermissionError):
        return SourceMisconfigured(
            f"a file of the credentials cannot be read: {error.strerror}",
            where=named,
            next_step="check the certificate files that the kubeconfig names",
        )
    if proxy and _is_the_proxys(error):
        return SourceUnavailable(
            f"the proxy {proxy} does not let us through: {_reason(error)}",
            where=named,
            next_step="check `proxy-url` in the kubeconfig (or HTTPS_PROXY), and that it is up",
        )
    through = f" through the proxy {proxy}" if proxy else ""
    return SourceUnavailable(
        f"no answer{through}: {_reason(error)}",
        where=named,
        next_step="check that the API server is up and can be reached from here",
    )


def garbage(where: str, request: Request, why: str) -> SourceUnavailable:
    """The error that an answer is which is no Kubernetes JSON."""
    return SourceUnavailable(
        f"the answer is not what an API server gives: {shown(why)}",
        where=f"{where}, {described(request)}",
        next_step="see whether a proxy between here and the API server changes answers",
    )


def refuse_kind(where: str, request: Request, found: str, wanted: str) -> None:
    """Raises for an answer that is a `found` where a `wanted` was asked for, if that is known."""
    if wanted and found != wanted:
        raise garbage(where, request, f"it is a {found} and no {wanted}")


def described(request: Request) -> str:
    """The request in words: `list pods`, `update leases fmgsync/hq-prod`."""
    name = f"{request.namespace}/{request.name}".strip("/")
    return f"{request.verb} {request.resource.plural} {name}".strip()


def _certificate_complaint(error: BaseException | None) -> str | None:
    """What OpenSSL says of a certificate, if that is at the bottom of the error."""
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message or "verification failed"
        first = error.args[0] if error.args else None
        error = first if isinstance(first, Exception) else error.__cause__ or error.__context__
        seen += 1
    return None


def _is_the_proxys(error: Exception) -> bool:
    """Whether the connection never got past the proxy."""
    causes = (error, error.__cause__, error.__context__)
    kinds = (urllib3.exceptions.ProxyError, urllib3.exceptions.NewConnectionError)
    return any(isinstance(cause, kinds) for cause in causes)


def _reason(error: Exception) -> str:
    if (verification := _certificate_complaint(error)) is not None:
        return f"its certificate is not trusted: {shown(verification)}"
    if isinstance(error, urllib3.exceptions.ProxyError):
        inner = error.original_error
        # What a proxy answers to CONNECT comes as a bare OSError with its words.
        words = str(inner) if type(inner) is OSError and not inner.strerror else ""
        return shown(words).lower() or _reason(inner)
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "its name cannot be resolved"
    refusal = isinstance(error, urllib3.exceptions.NewConnectionError)
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError) and not refusal:
        return "connecting took too long"
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return "it fell silent"
    cause = error.__cause__ or error.__context__
    for each in (error, cause):
        if isinstance(each, OSError) and each.strerror:
            return each.strerror.lower()
    if isinstance(error, urllib3.exceptions.ProtocolError | urllib3.exceptions.SSLError):
        return "the connection broke"
    return type(error).__name__


def _retry_after(headers: Mapping[str, str] | None) -> float:
    text = (headers or {}).get("Retry-After", "")
    return min(float(text), 300.0) if text.isdigit() else 1.0


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase.lower()
    except ValueError:
        return "no reason given"


def shown(text: str) -> str:
    """Somebody else's words, escaped: they may quote what anybody wrote into an object."""
    text = redaction.hide(text)
    cut = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in cut)
