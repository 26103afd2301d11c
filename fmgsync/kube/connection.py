"""The way to one API server: its url, TLS, proxy and credentials, from a kubeconfig or a pod's own.

Everything that can be found out without asking anybody is found out here, so that a kubeconfig or
authority that cannot be used is refused before it replaces one that works.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment

import urllib3

from fmgsync import redaction
from fmgsync.errors import SourceMisconfigured
from fmgsync.kube import bypass, credentials, kubeconfig, kubeconfig_secrets
from fmgsync.kube.kubeconfig import Access, Chosen
from fmgsync.kube.requests import Request

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Not asked of the library: it brings every kind of the API along, 33 MB in each replica."""

_AGENT: Final = "fmgsync"
_POOLED: Final = 16
_NOTHING: Final[Mapping[str, str]] = {}

Stamps = Mapping[Path, object]
"""Files, each with what changes when it does; Kubernetes swaps a mounted one by a symbolic link."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where requests go, and how. `verified` False: the kubeconfig wants no certificate checked."""

    host: str
    pool: urllib3.PoolManager
    who: credentials.Credentials
    acting: Mapping[str, str] = field(default_factory=dict)
    verified: bool = True
    certificate: bytes | None = None
    proxy: str = ""
    """Host and port of the proxy on the way, for messages."""
    read_from: Stamps = field(default_factory=dict)
    """The files that all this stands in, as they were right before they were read."""

    def headers(self, request: Request) -> Mapping[str, str]:
        """Who we are, and for whom. Raises a `SourceError` where that cannot be told any more."""
        headers = urllib3.HTTPHeaderDict(self.acting)
        headers["User-Agent"] = _AGENT
        headers["Accept"] = request.accept
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        authorization = self.who.authorization()
        if authorization:
            headers["Authorization"] = authorization
        return headers


@dataclass(frozen=True, slots=True)
class _Certificate:
    """Ours, with its key: both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


def connect(access: Access, where: str) -> Connection:
    """Nothing is asked yet, but a plugin that prints certificates runs. Raises a `SourceError`."""
    if access.kubeconfig is None:
        return _in_cluster(where)
    read_from = stamps(access.files)
    chosen = kubeconfig.choose(access, where)
    read_from |= stamps(chosen.named_files)
    who = credentials.of(chosen, where)
    certificate = _own_certificate(chosen, where)
    if certificate is None and isinstance(who, credentials.Plugin):
        printed = who.printed()
        if printed.certificate and printed.key:
            certificate = _Certificate(printed.certificate.encode(), printed.key.encode())
    return replace(_connection(chosen, who, certificate, where), read_from=read_from)


def stamps(files: Iterable[Path]) -> dict[Path, object]:
    """The files as they are now."""
    found: dict[Path, object] = {}
    for path in files:
        try:
            status = path.stat()
            found[path] = (status.st_mtime_ns, status.st_size, status.st_ino)
        except (OSError, ValueError) as error:  # a ValueError: no file can be called so
            found[path] = str(error)
    return found


def check(access: Access, where: str) -> Connection | None:
    """Whether it could be used, as far as nobody needs to be asked and no program be run.

    None for a pod's own cluster. Raises SourceMisconfigured.
    """
    if access.kubeconfig is None:
        return None
    chosen = kubeconfig.choose(access, where)
    who = credentials.of(chosen, where)
    if isinstance(who, credentials.Fixed | credentials.TokenFile):
        who.authorization()
    if isinstance(who, credentials.Plugin):
        who.check()
    return _connection(chosen, who, _own_certificate(chosen, where), where)


def _connection(
    chosen: Chosen,
    who: credentials.Credentials,
    certificate: _Certificate | None,
    where: str,
) -> Connection:
    server = chosen.server
    verified = not server.insecure_skip_tls_verify
    authority = _authority(chosen, where)
    secured = certificate is not None or authority is not None or not verified
    anonymous = certificate is None and isinstance(who, credentials.Nobody)
    host = _url(server.server or "", where, secured=secured, anonymous=anonymous)
    context = _context(authority, certificate, where, verified=verified)
    pool, proxy = _pool(host, server.proxy_url or "", context, server.tls_server_name, where)
    if not verified:
        # Said once by us (config check, doctor, at start), not by the library for every request.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return Connection(
        host,
        pool,
        who,
        credentials.impersonation(chosen.user, where),
        verified,
        certificate.certificate if certificate is not None else None,
        proxy,
    )


def _in_cluster(where: str) -> Connection:
    """Public source: the Kubernetes documentation, "Accessing the Kubernetes API from a Pod"."""
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{what}", "") for what in ("HOST", "PORT"))
    token, authority = SERVICE_ACCOUNT / "token", SERVICE_ACCOUNT / "ca.crt"
    if not host or not port or not token.exists() or not authority.exists():
        raise SourceMisconfigured(
            "there is no service account to use",
            where=where,
            next_step="run inside the cluster, or name a `kubeconfig` for this cluster",
        )
    who = credentials.TokenFile(token, where)
    who.authorization()
    read_from = stamps([authority])
    name = f"[{host}]" if ":" in host else host
    context = _context(_read(authority, "certificate authority", where), None, where, verified=True)
    pool, proxy = _pool(f"https://{name}:{port}", "", context, None, where)
    return Connection(f"https://{name}:{port}", pool, who, proxy=proxy, read_from=read_from)


def _url(text: str, where: str, *, secured: bool, anonymous: bool) -> str:
    """As kubectl takes it: without a scheme it is HTTPS if anything of TLS is configured.

    Public source: client-go `rest/url_utils.go`. Without TLS kubectl would send a token in clear;
    that must be written out.
    """
    given = text.strip().rstrip("/")
    if "://" not in given:
        if given and not secured and not anonymous:
            _refuse(where, "`server` has no scheme", "write https://... (or http://...) there")
        given = f"{'https' if secured else 'http'}://{given}" if given else ""
    try:
        parts = urlsplit(given)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc or re.search(r"[\s?#]", given):
        _refuse(where, "`server` is no url", "write https://host:port there")
    return given


def _authority(chosen: Chosen, where: str) -> bytes | None:
    server = chosen.server
    if server.certificate_authority_data:
        return server.certificate_authority_data
    if server.certificate_authority:
        path = chosen.server_folder / server.certificate_authority
        return _read(path, "certificate authority", where)
    return None


def _own_certificate(chosen: Chosen, where: str) -> _Certificate | None:
    user, folder = chosen.user, chosen.user_folder
    certificate, key = user.client_certificate_data, user.client_key_data
    if not certificate and user.client_certificate:
        certificate = _read(folder / user.client_certificate, "client certificate", where)
    if not key and user.client_key:
        key = _read(folder / user.client_key, "client key", where)
        redaction.know(key.decode("ascii", "replace"))
    return _Certificate(certificate, key) if certificate and key else None


def _context(
    authority: bytes | None, certificate: _Certificate | None, where: str, *, verified: bool
) -> ssl.SSLContext:
    # Text around certificates is a comment. An empty authority trusts nobody, not the system's.
    pem = authority.decode("ascii", "ignore") if authority is not None else None
    try:
        if pem is not None and "-----BEGIN" not in pem:
            raise ValueError
        context = ssl.create_default_context(cadata=pem)
    except (ssl.SSLError, ValueError):
        _refuse(where, "its certificate authority is no certificate", "give it as PEM")
    # kubectl does not ask authorities for what newer Pythons want by themselves.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        _load(context, certificate, where)
    return context


def _load(context: ssl.SSLContext, certificate: _Certificate, where: str) -> None:
    """OpenSSL takes a key from a file only: one for this moment, for this user alone."""
    try:
        with tempfile.NamedTemporaryFile(prefix="fmgsync-") as file:
            file.write(certificate.certificate + b"\n" + certificate.key)
            file.flush()
            # Without an answer it would ask on the terminal.
            context.load_cert_chain(file.name, password=lambda: b"")
    except (ssl.SSLError, ValueError):
        step = "give both as PEM, the key without a pass phrase"
        _refuse(where, "the client certificate and its key do not go together", step)
    except OSError as error:
        step = "let this user write to /tmp, or name another folder with TMPDIR"
        _refuse(where, f"the client key needs a temporary file: {error.strerror}", step)


def _pool(
    host: str, proxy: str, context: ssl.SSLContext, server_name: str | None, where: str
) -> tuple[urllib3.PoolManager, str]:
    """Through the kubeconfig's proxy, or else the environment's, as kubectl does."""
    how: dict[str, Any] = {
        "num_pools": 4,
        "maxsize": _POOLED,
        "ssl_context": context,
        "socket_options": _keepalive(),
    }
    if server_name:
        how["server_hostname"] = server_name
        if context.check_hostname:
            how["assert_hostname"] = server_name
    known = getproxies_environment()
    named, source = proxy, "`proxy-url` of the kubeconfig"
    if not named and not bypass.is_direct(host, known.get("no", "")):
        scheme = urlsplit(host).scheme
        named, source = known.get(scheme, ""), f"the variable {scheme.upper()}_PROXY"
        named = f"http://{named}" if named and "://" not in named else named
    if not named:
        return urllib3.PoolManager(**how), ""
    return _proxied(named, source, how, where)


def _proxied(
    url: str, source: str, how: dict[str, Any], where: str
) -> tuple[urllib3.PoolManager, str]:
    kubeconfig_secrets.know_password(url)
    try:
        parts = urlsplit(url)
        name, port = parts.hostname, parts.port
    except ValueError:
        name, port = None, None
    if not name or parts.scheme not in ("http", "https", "socks5", "socks5h"):
        step = "write http://, https:// or socks5://host:port there"
        _refuse(where, f"{source} is no url of a proxy", step)
    name = f"[{name}]" if ":" in name else name
    shown = f"{parts.scheme}://{name}" + (f":{port}" if port else "")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if parts.scheme.startswith("socks5"):
        # The proxy resolves names, as it does for kubectl: that is what socks5h means to urllib3.
        bare = f"socks5h://{name}:{port or 1080}"
        how |= {"username": user, "password": password} if user else {}
        return _through_socks(bare, how, where), shown
    headers = urllib3.make_headers(proxy_basic_auth=f"{user}:{password}") if user else None
    return urllib3.ProxyManager(shown, proxy_headers=headers, **how), shown


def _through_socks(url: str, how: dict[str, Any], where: str) -> urllib3.PoolManager:
    try:
        from urllib3.contrib.socks import SOCKSProxyManager
    except ImportError:
        what = "its `proxy-url` is a SOCKS proxy, for which the Python package PySocks is missing"
        _refuse(where, what, "install it: pip install 'fmgsync[socks]'")
    return SOCKSProxyManager(url, **how)


def _read(path: Path, what: str, where: str) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # a ValueError: no file can be called so
        _refuse(where, f"its {what} {path}: {_why(error)}", "check that path in the kubeconfig")


def _why(error: OSError | ValueError) -> str:
    return str(getattr(error, "strerror", None) or "no file can have that name").lower()


def _refuse(where: str, what: str, step: str) -> NoReturn:
    raise SourceMisconfigured(
        redaction.hide(f"it cannot be reached as configured: {what}"), where=where, next_step=step
    ) from None


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
