"""A session with one API server: kubeconfig or service account, TLS, bounded waits, our errors."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import urllib3
import yaml
from kubernetes import client as kubernetes_client
from kubernetes import config

from fmgsync.errors import SourceError, SourceMisconfigured
from fmgsync.kube import failures
from fmgsync.kube.requests import SERVER_VERSION, Request

_AGENT: Final = "fmgsync"
# Some versions of the library have types, others none.
_kubernetes_config: Final[Any] = config
_BAD_CONFIG: Final[tuple[type[Exception], ...]] = (
    config.ConfigException,
    yaml.YAMLError,
    OSError,
    # What the library stumbles over in a kubeconfig of the wrong shape.
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
)


@dataclass(frozen=True, slots=True)
class Access:
    """How a cluster is reached: a kubeconfig and a context in it (None: its current one).

    Without a kubeconfig, the service account of the pod this runs in.
    """

    kubeconfig: Path | None = None
    context: str | None = None


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
        self._connected: _Connection | None = None

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
        with self._lock:
            connection, self._connected = self._connected, None
        if connection is not None:
            connection.pool.clear()

    def send(self, request: Request) -> bytes:
        """The body of the answer. Raises a `SourceError` for everything but success."""
        with self._answered(request, self._answer_s, {"Accept-Encoding": "gzip"}) as response:
            return response.read(decode_content=True)

    def read(self, request: Request) -> dict[str, Any]:
        """The answer as an object."""
        body = self.send(request)
        try:
            return msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.DecodeError as error:
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
        configuration = self._connection().configuration
        with self._answered(Request("get", SERVER_VERSION), self._answer_s, {}) as response:
            peer = getattr(response.connection, "sock", None)
            shown = peer.getpeercert(binary_form=True) if isinstance(peer, ssl.SSLSocket) else None
        try:
            own = Path(configuration.cert_file).read_bytes() if configuration.cert_file else None
        except OSError as error:
            raise _misconfigured(self.cluster, error, self._access) from error
        return Tls(bool(configuration.verify_ssl), shown, own)

    def _connection(self) -> _Connection:
        with self._lock:
            if self._connected is None:
                self._connected = _connect(self.cluster, self._access)
            return self._connected

    @contextmanager
    def _answered(
        self, request: Request, silence_s: float, headers: Mapping[str, str]
    ) -> Iterator[urllib3.response.BaseHTTPResponse]:
        connection = self._connection()
        try:
            response = connection.pool.request(
                request.method,
                connection.host + request.url,
                body=request.body,
                headers={**connection.headers(request), **headers},
                timeout=urllib3.Timeout(connect=self._connect_s, read=silence_s),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise failures.broken(self.where, request, error) from error
        try:
            if not 200 <= response.status <= 299:
                body = response.read(decode_content=True)
                raise failures.refused(self.where, request, response.status, body, response.headers)
            yield response
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise failures.broken(self.where, request, error) from error
        finally:
            response.close()  # one that was read to its end has gone back to the pool before


@dataclass(frozen=True, slots=True)
class _Connection:
    """The library's configuration, and its pool of connections."""

    cluster: str
    configuration: kubernetes_client.Configuration
    pool: urllib3.PoolManager

    @property
    def host(self) -> str:
        return str(self.configuration.host).rstrip("/")

    def headers(self, request: Request) -> dict[str, str]:
        """Who we are. The library renews the token here when it is about to expire."""
        headers = {"User-Agent": _AGENT, "Accept": "application/json"}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        try:
            settings: Any = self.configuration.auth_settings()
        except _BAD_CONFIG as error:
            raise _misconfigured(self.cluster, error) from error
        for setting in settings.values():
            if setting["in"] == "header" and setting["value"]:
                headers["Authorization"] = setting["value"]
        return headers


def _connect(cluster: str, access: Access) -> _Connection:
    configuration = kubernetes_client.Configuration()
    configuration.socket_options = _keepalive()
    try:
        if access.kubeconfig is None:
            _kubernetes_config.load_incluster_config(client_configuration=configuration)
        else:
            _kubernetes_config.load_kube_config(
                config_file=str(access.kubeconfig),
                context=access.context,
                client_configuration=configuration,
                persist_config=False,  # a renewed token is not ours to write into it
            )
        pool = kubernetes_client.ApiClient(configuration).rest_client.pool_manager
    except _BAD_CONFIG as error:
        raise _misconfigured(cluster, error, access) from error
    return _Connection(cluster, configuration, pool)


def _misconfigured(cluster: str, error: Exception, access: Access | None = None) -> SourceError:
    if access is None:
        return SourceMisconfigured(
            "the credentials can no longer be read", where=f"cluster {cluster}"
        )
    if access.kubeconfig is None:
        return SourceMisconfigured(
            "there is no service account to use",
            where=f"cluster {cluster}",
            next_step="run inside the cluster, or name a `kubeconfig` for this cluster",
        )
    context = f" and context {access.context!r}" if access.context else ""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return SourceMisconfigured(
        f"the kubeconfig {access.kubeconfig}{context} cannot be used: {reason[:200]!r}",
        where=f"cluster {cluster}",
        next_step="check `kubeconfig` of this cluster: does `kubectl` accept the same file?",
    )


def _keepalive() -> list[tuple[int, int, int]]:
    """Notice a peer that vanished within a minute, though a watch may be quiet for longer."""
    options = [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    ]
    for name, seconds in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        option = getattr(socket, name, None)  # not on every system
        if option is not None:
            options.append((socket.IPPROTO_TCP, option, seconds))
    return options
