"""A session with one API server: kubeconfig or service account, TLS, bounded waits, our errors."""

from __future__ import annotations

import math
import re
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec
import structlog
import urllib3

from fmgsync.clock import steady_seconds
from fmgsync.errors import SourceError, SourceMisconfigured, SourceUntrusted
from fmgsync.kube import connection, failures
from fmgsync.kube.connection import Connection
from fmgsync.kube.kubeconfig import Access
from fmgsync.kube.requests import SERVER_VERSION, Request, Version

__all__ = ["Access", "ApiSession", "Tls"]

_log = structlog.get_logger(__name__)

LOOK_S: Final = 20.0
"""How long a kubeconfig and what it names are taken to be what they were."""

T = TypeVar("T")


class _Metadata(msgspec.Struct, frozen=True):
    resource_version: Version = msgspec.field(name="resourceVersion")


class _Object(msgspec.Struct, frozen=True):
    kind: str
    metadata: _Metadata


@dataclass(frozen=True, slots=True)
class Tls:
    """How a connection is secured: certificates as PEM or DER, None where there is none.

    `verified` False: the kubeconfig says `insecure-skip-tls-verify`.
    """

    verified: bool
    server: bytes | None
    client: bytes | None


class ApiSession:
    """Requests to one cluster's API server. Safe to share between threads.

    Credentials that the server does not know are read anew, and the request is repeated once; so
    are certificates where we do not know the server. Files that changed count within `LOOK_S`.
    `connect_s` and `answer_s` bound how long connecting and each silence may last.
    """

    def __init__(
        self, cluster: str, access: Access, *, connect_s: float = 5.0, answer_s: float = 60.0
    ) -> None:
        self.cluster: Final = cluster
        self._access: Final = access
        self._connect_s: Final = connect_s
        self._answer_s: Final = answer_s
        self._lock: Final = threading.Lock()
        self._connected: Connection | None = None
        self._before: Connection | None = None  # worked until it was closed
        self._looked_at = -math.inf

    def another(self) -> ApiSession:
        """One more to the same cluster, with connections of its own."""
        bounds = {"connect_s": self._connect_s, "answer_s": self._answer_s}
        return ApiSession(self.cluster, self._access, **bounds)

    @property
    def where(self) -> str:
        """For messages: the cluster and, once known, its address."""
        connection = self._connected
        host = f" ({connection.host})" if connection is not None else ""
        return f"cluster {self.cluster}{host}"

    def close(self) -> None:
        """Close idle connections.

        The next request reads the kubeconfig or service account again: tokens, authorities and
        addresses change, and whoever was refused or not answered does well to look.
        """
        self._drop(self._connected)

    def _drop(self, connected: Connection | None) -> None:
        """Unless another thread did, and has a newer one by now."""
        with self._lock:
            if connected is None or self._connected is not connected:
                return
            self._connected, self._before = None, connected
        connected.pool.clear()

    def send(self, request: Request) -> bytes:
        """The body of the answer. Raises a `SourceError` for everything but success."""
        with self._answered(request, self._answer_s, {"Accept-Encoding": "gzip"}) as response:
            return response.read(decode_content=True)

    def read(self, request: Request) -> dict[str, Any]:
        """The answer as a mapping."""
        return self._decoded(request, self.send(request), dict[str, Any])

    def one(self, request: Request, item_type: type[T]) -> T:
        """The answer as an object of the kind, which something else is not taken for."""
        body = self.send(request)
        failures.refuse_kind(
            self.where, request, self._decoded(request, body, _Object).kind, request.resource.kind
        )
        return self._decoded(request, body, item_type)

    def _decoded(self, request: Request, body: bytes, item_type: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=item_type)
        except (msgspec.DecodeError, RecursionError) as error:
            raise failures.garbage(self.where, request, str(error)) from error

    @contextmanager
    def stream(
        self, request: Request, *, silence_s: float
    ) -> Iterator[urllib3.response.BaseHTTPResponse]:
        """The answer while it arrives; each read fails after `silence_s` without a byte."""
        with self._answered(request, silence_s, {}) as response:
            yield response

    def version(self) -> tuple[int, int]:
        """Major and minor version of the server."""
        request = Request("get", SERVER_VERSION)
        found = self.read(request)
        digits = [re.match(r"\d+", str(found.get(part))) for part in ("major", "minor")]
        if digits[0] is None or digits[1] is None:
            raise failures.garbage(self.where, request, "it has no version")
        return int(digits[0].group()), int(digits[1].group())

    def tls(self) -> Tls:
        """The server's certificate as it is shown to us, and ours, if we show one."""
        with self._answered(Request("get", SERVER_VERSION), self._answer_s, {}) as response:
            peer = getattr(response.connection, "sock", None)
            shown = peer.getpeercert(binary_form=True) if isinstance(peer, ssl.SSLSocket) else None
        connected = self._connection()
        return Tls(connected.verified, shown, connected.certificate)

    def _connection(self, unlike: Connection | None = None) -> Connection:
        """As it was, or as its files say now: they are looked at now and then, and at once where
        one `unlike` this is wanted."""
        with self._lock:
            found = self._connected
            if found is None:
                found = self._connect()
            elif unlike is found or steady_seconds() - self._looked_at >= LOOK_S:
                found = self._renewed(found)
            else:
                return found
            self._connected, self._looked_at = found, steady_seconds()
            return found

    def _renewed(self, found: Connection) -> Connection:
        """The same server by other means, if there are any. Who looks elsewhere begins anew: what
        one cluster told is worth nothing at another."""
        if connection.stamps(found.read_from) == found.read_from:
            return found
        self._before = found
        try:
            made = self._connect()
        except SourceError as error:  # a plugin that is refused; the old one may do for long
            _log.warning("the old credentials stay in force", cluster=self.cluster, why=str(error))
            return found
        if made is found or made.host != found.host:
            return found
        found.pool.clear()
        return made

    def _connect(self) -> Connection:
        """Anew; a kubeconfig or authority that cannot be used does not replace one that could."""
        try:
            return connection.connect(self._access, self._access.where(self.cluster))
        except SourceMisconfigured as error:
            if self._before is None:
                raise
            _log.warning("the old credentials stay in force", cluster=self.cluster, why=str(error))
            return self._before

    @contextmanager
    def _answered(
        self, request: Request, silence_s: float, headers: Mapping[str, str]
    ) -> Iterator[urllib3.response.BaseHTTPResponse]:
        connected = self._connection()
        try:
            response = self._sent(connected, request, silence_s, headers)
        except SourceUntrusted:  # whoever that is was told nothing yet
            connected, before = self._connection(unlike=connected), connected
            if connected is before:
                raise
            response = self._sent(connected, request, silence_s, headers)
        if response.status == HTTPStatus.UNAUTHORIZED:
            response.close()
            self._drop(connected)
            connected = self._connection()
            response = self._sent(connected, request, silence_s, headers)
        try:
            if not 200 <= response.status <= 299:
                body = response.read(decode_content=True)
                raise failures.refused(self.where, request, response.status, body, response.headers)
            yield response
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise failures.broken(self.where, request, error, connected.proxy) from error
        finally:
            response.close()  # one that was read to its end has gone back to the pool before

    def _sent(
        self, connected: Connection, request: Request, silence_s: float, headers: Mapping[str, str]
    ) -> urllib3.response.BaseHTTPResponse:
        carried = urllib3.HTTPHeaderDict(connected.headers(request))
        carried.update(headers)
        try:
            return connected.pool.request(
                request.method,
                connected.host + request.url,
                body=request.body,
                headers=carried,
                timeout=urllib3.Timeout(connect=self._connect_s, read=silence_s),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise failures.broken(self.where, request, error, connected.proxy) from error
