"""Who we are to an API server: the headers that say so, read anew where they are kept.

A token file is read for every request, so a renewed token counts at once; a plugin is run again
shortly before what it printed ends. Every secret becomes known to the redaction when it is read.
Public sources: client-go `transport/token_source.go` (a token file is trimmed, the last good
content outlives a failed reading) and the Kubernetes documentation, "User impersonation".
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

import urllib3

from fmgsync import redaction
from fmgsync.errors import SourceMisconfigured
from fmgsync.kube import exec_plugin
from fmgsync.kube.kubeconfig import Chosen
from fmgsync.kube.kubeconfig_schema import AuthProvider, Exec, User

_SKEW_S: Final = 15.0
_MOST_TOKEN: Final = 1024 * 1024


class Credentials(Protocol):
    """What proves who we are."""

    def authorization(self) -> str:
        """The header's value as of now; empty if there is none. Raises a `SourceError`."""


class Nobody:
    """Anonymous, or known by a certificate alone."""

    def authorization(self) -> str:
        """Nothing."""
        return ""


class Fixed:
    """A token or password that stands in the kubeconfig."""

    def __init__(self, value: str, where: str) -> None:
        self._value: Final = checked(value, "the token or password of the kubeconfig", where)

    def authorization(self) -> str:
        """Always the same."""
        return self._value


class TokenFile:
    """A token in a file that somebody else renews."""

    def __init__(self, path: Path, where: str) -> None:
        self._path: Final = path
        self._where: Final = where
        self._last = ""

    def authorization(self) -> str:
        """What the file says now, or said when it could last be read."""
        try:
            with self._path.open("rb") as opened:
                raw = opened.read(_MOST_TOKEN)
        except OSError as error:
            return self._before(f"cannot be read: {(error.strerror or str(error)).lower()}")
        except ValueError:
            return self._before("cannot be read: no file can have that name")
        try:
            token = raw.decode().strip()
        except UnicodeDecodeError:
            token = raw.decode("utf-8", "replace").strip()
        if not token:
            return self._before("is empty")
        redaction.know_for_now(token)
        self._last = checked(f"Bearer {token}", f"the token file {self._path}", self._where)
        return self._last

    def _before(self, why: str) -> str:
        if self._last:
            return self._last  # it may be about to be replaced
        raise SourceMisconfigured(
            # A token may stand where the file's name belongs.
            redaction.hide(f"the token file {self._path} {why}"),
            where=self._where,
            next_step="put the token into it, readable for this user",
        )


class Plugin:
    """What an exec plugin printed, as long as it is good. One thread runs it, others wait."""

    def __init__(
        self, chosen: Chosen, plugin: Exec, where: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._chosen: Final = chosen
        self._plugin: Final = plugin
        self._where: Final = where
        self._clock: Final = clock
        self._lock: Final = threading.Lock()
        self._printed: exec_plugin.Printed | None = None

    def check(self) -> None:
        """Whether it could be run. Raises SourceMisconfigured."""
        exec_plugin.check(self._chosen, self._plugin, self._where)

    def printed(self) -> exec_plugin.Printed:
        """The credentials as of now. Raises a `SourceError`."""
        with self._lock:
            found = self._printed
            ends_at = found.ends_at if found is not None else None
            if found is None or (ends_at is not None and ends_at - _SKEW_S < self._clock()):
                found = self._printed = exec_plugin.run(self._chosen, self._plugin, self._where)
            return found

    def authorization(self) -> str:
        """A token, if it printed one."""
        token = self.printed().token
        name = f"the token of the exec plugin {self._plugin.command!r}"
        return checked(f"Bearer {token}", name, self._where) if token else ""


class Oidc:
    """kubectl's own OpenID Connect provider; the library renews its token when it ends."""

    def __init__(self, provider: AuthProvider, where: str) -> None:
        self._provider: Final = provider
        self._where: Final = where
        self._lock: Final = threading.Lock()

    def authorization(self) -> str:
        """The id-token, renewed if it has ended."""
        from kubernetes.config import kube_config

        library: Any = kube_config  # some versions have types, others none
        name = {"name": "it"}
        user = {"auth-provider": {"name": "oidc", "config": dict(self._provider.config or {})}}
        content: dict[str, Any] = {
            "current-context": "it",
            "contexts": [{**name, "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{**name, "cluster": {}}],
            "users": [{**name, "user": user}],
        }
        with self._lock:
            loader = library.KubeConfigLoader(content)
            try:
                loader._load_authentication()
            except Exception as error:
                # Whatever it stumbles over; its text may hold the tokens, so it is not chained.
                raise self._refused(f"could not be renewed ({type(error).__name__})") from None
        token = str(getattr(loader, "token", "") or "")
        if not token:
            raise self._refused("is no token that is good")
        redaction.know_for_now(token.removeprefix("Bearer "))
        return checked(token, "the id-token of the kubeconfig", self._where)

    def _refused(self, what: str) -> SourceMisconfigured:
        return SourceMisconfigured(
            f"the id-token of the kubeconfig's oidc provider {what}",
            where=self._where,
            next_step="log in again with kubectl, or use an exec plugin such as kubelogin",
        )


def of(chosen: Chosen, where: str) -> Credentials:
    """Those of a kubeconfig's user. A token counts before a password, both before a plugin."""
    user = chosen.user
    if user.token_file:
        return TokenFile(chosen.user_folder / user.token_file, where)
    if user.token:
        return Fixed(f"Bearer {user.token}", where)
    if user.username or user.password:
        name, password = user.username or "", user.password or ""
        redaction.know_login(name, password)
        return Fixed(f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}", where)
    if user.exec is not None:
        return Plugin(chosen, user.exec, where)
    if user.auth_provider is not None:
        return _provided(user.auth_provider, where)
    return Nobody()


def impersonation(user: User, where: str) -> Mapping[str, str]:
    """The headers by which somebody acts for another; the API server asks whether they may."""
    found = urllib3.HTTPHeaderDict()
    for name, value in (("Impersonate-User", user.as_user), ("Impersonate-Uid", user.as_uid)):
        if value:
            found.add(name, value)
    for group in user.as_groups or ():
        found.add("Impersonate-Group", group)
    for key, values in (user.as_user_extra or {}).items():
        for value in values:
            found.add(f"Impersonate-Extra-{quote(key.lower(), safe='')}", value)
    for _, value in found.iteritems():
        checked(value, "a name that the kubeconfig acts `as`", where)
    return found


def checked(value: str, what: str, where: str) -> str:
    """The value, if a header can carry it. Libraries show what they refuse; this does not."""
    if value.isascii() and value.isprintable():
        return value
    kind = "a line break or control character" if value.isascii() else "a character beyond ASCII"
    raise SourceMisconfigured(
        redaction.hide(f"{what} holds {kind}, which no HTTP header can carry"),
        where=where,
        next_step="write it anew: one line, nothing before and after it",
    )


def _provided(provider: AuthProvider, where: str) -> Credentials:
    if provider.name == "oidc":
        return Oidc(provider, where)
    plugin = {"gcp": "gke-gcloud-auth-plugin", "azure": "kubelogin"}.get(provider.name or "")
    raise SourceMisconfigured(
        f"the kubeconfig's auth-provider {provider.name!r} is not supported, nor is it by kubectl",
        where=where,
        next_step=f"use the exec plugin {plugin}" if plugin else "use an exec plugin",
    )
