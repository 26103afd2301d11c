"""Credentials that a program prints: the exec plugins of a kubeconfig.

Public source: the Kubernetes documentation, "Authenticating", section "client-go credential
plugins". A plugin's standard output is never shown: it holds the credentials. What it says on
standard error is, without secrets that are known.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from fmgsync import redaction
from fmgsync.errors import SourceError, SourceLoginRefused, SourceMisconfigured
from fmgsync.kube import failures
from fmgsync.kube.kubeconfig import Chosen
from fmgsync.kube.kubeconfig_schema import Exec

_VERSIONS: Final = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_LASTS_S: Final = 60.0
_TOLD: Final = (
    "server",
    "tls-server-name",
    "insecure-skip-tls-verify",
    "certificate-authority-data",
    "proxy-url",
)
"""Of the cluster, to a plugin that asks for it."""
_TOLD_SECRET: Final = re.compile(
    r"((?:bearer\s|(?:token|secret|passw\w*|pwd|key|auth\w*)[\"']?\s*[:=])\s*[\"']?)"
    r"(?=[^\s\"']*\d)[^\s\"',;&]{8,}",
    re.IGNORECASE,
)
"""What a plugin that is at a loss may show: `token=...`, `Authorization: Bearer ...`."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What a plugin gave: a token, or a certificate and its key as PEM, and until when."""

    token: str = field(repr=False)
    certificate: str
    key: str = field(repr=False)
    ends_at: float | None


class _Status(msgspec.Struct, frozen=True):
    token: str | None = None
    certificate: str | None = msgspec.field(name="clientCertificateData", default=None)
    key: str | None = msgspec.field(name="clientKeyData", default=None)
    ends: str | None = msgspec.field(name="expirationTimestamp", default=None)


class _Credential(msgspec.Struct, frozen=True):
    api_version: str = msgspec.field(name="apiVersion", default="")
    kind: str = ""
    status: _Status | None = None


def check(chosen: Chosen, plugin: Exec, where: str) -> None:
    """Whether it could be run, as far as that shows without. Raises SourceMisconfigured."""
    command = _command(plugin, chosen.user_folder, where)
    shown = redaction.hide(command)
    _is_interactive(plugin, Path(shown).name, where)
    path = _environment(plugin).get("PATH")
    if shutil.which(command, mode=os.F_OK, path=path) is None:
        raise _missing(plugin, shown, where)


def run(chosen: Chosen, plugin: Exec, where: str) -> Printed:
    """Run it. Raises a `SourceError` that names it and has its own words and its installHint."""
    command = _command(plugin, chosen.user_folder, where)
    shown = redaction.hide(command)  # somebody may have written its arguments there as well
    name = Path(shown).name
    interactive = _is_interactive(plugin, name, where)
    hint = _hint(plugin)
    told = _information(chosen, plugin, interactive=interactive)
    environment = {**_environment(plugin), "KUBERNETES_EXEC_INFO": told}
    try:
        done = subprocess.run(  # noqa: S603  # what the kubeconfig names, as kubectl runs it
            [command, *(plugin.args or ())],
            env=environment,
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if interactive else subprocess.PIPE,
            timeout=None if interactive else _LASTS_S,
            check=False,
        )
    except FileNotFoundError:
        raise _missing(plugin, shown, where) from None
    except (OSError, ValueError) as error:  # a ValueError: no process can be given such text
        why = getattr(error, "strerror", None) or "a NUL or `=` where none can be"
        raise SourceMisconfigured(
            f"the exec plugin {shown!r} cannot be run: {why}",
            where=where,
            next_step=failures.shown(hint) or "see that it is a program this user may run",
        ) from None
    except subprocess.TimeoutExpired:
        raise _failed(name, f"it did not end within {_LASTS_S:g} s", hint, where) from None
    if done.returncode != 0:
        said = _words(done.stderr)
        raise _failed(name, f"it ended with {done.returncode}{said}", hint, where)
    return _printed(done.stdout, plugin, name, hint, where)


def _environment(plugin: Exec) -> dict[str, str]:
    """Ours, as kubectl gives it, but for the secrets of firewalls."""
    return {
        **redaction.without_secrets(os.environ),
        **{each.name: each.value for each in plugin.env or ()},
    }


def _hint(plugin: Exec) -> str:
    return " ".join((plugin.install_hint or "").split())


def _missing(plugin: Exec, shown: str, where: str) -> SourceMisconfigured:
    return SourceMisconfigured(
        f"the exec plugin {shown!r} of the kubeconfig is not installed here",
        where=where,
        next_step=failures.shown(_hint(plugin))
        or f"install {Path(shown).name}, or name its full path there",
    )


def _command(plugin: Exec, folder: Path, where: str) -> str:
    """A bare name is looked for in PATH, any other starts at the kubeconfig's folder."""
    if not plugin.command or plugin.api_version not in _VERSIONS:
        what = "has no command" if not plugin.command else "has an unknown apiVersion"
        raise SourceMisconfigured(
            f"the kubeconfig's exec plugin {what}",
            where=where,
            next_step=f"write `command`, and `apiVersion: {_VERSIONS[0]}`",
        )
    given = plugin.command
    return str(folder / given) if os.sep in given else given


def _is_interactive(plugin: Exec, name: str, where: str) -> bool:
    mode = plugin.interactive_mode or "IfAvailable"
    terminal = sys.stdin is not None and sys.stdin.isatty()
    if mode == "Always" and not terminal:
        raise SourceMisconfigured(
            f"the exec plugin {name!r} asks a person (interactiveMode: Always), and none is here",
            where=where,
            next_step="use a service account or a plugin that needs nobody",
        )
    return terminal and mode != "Never"


def _information(chosen: Chosen, plugin: Exec, *, interactive: bool) -> str:
    spec: dict[str, Any] = {"interactive": interactive}
    if plugin.provide_cluster_info:
        spec["cluster"] = _cluster(chosen.extensions)
    content = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    return msgspec.json.encode(content).decode()


def _cluster(raw: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: raw[name] for name in _TOLD if raw.get(name)}
    for each in raw.get("extensions") or ():
        if isinstance(each, dict) and each.get("name") == "client.authentication.k8s.io/exec":
            found["config"] = each.get("extension")
    return found


def _printed(output: bytes, plugin: Exec, name: str, hint: str, where: str) -> Printed:
    try:
        found = msgspec.json.decode(output, type=_Credential)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        # Not chained, nor quoted: it may hold a token.
        raise _failed(name, "what it printed is no ExecCredential", hint, where) from None
    status = found.status or _Status()
    redaction.know_for_now(status.token, status.key)
    if found.kind != "ExecCredential" or found.api_version != plugin.api_version:
        said = f"it did not print an ExecCredential of {plugin.api_version}"
        raise _failed(name, said, hint, where)
    if not status.token and not (status.certificate and status.key):
        said = "it printed neither a token nor a certificate with its key"
        raise _failed(name, said, hint, where)
    try:
        ends_at = datetime.fromisoformat(status.ends).timestamp() if status.ends else None
    except ValueError:
        said = "its expirationTimestamp is no time"
        raise _failed(name, said, hint, where) from None
    return Printed(status.token or "", status.certificate or "", status.key or "", ends_at)


def _failed(name: str, what: str, hint: str, where: str) -> SourceError:
    """What somebody may mend without touching the configuration: a login that ran out."""
    return SourceLoginRefused(
        f"the exec plugin {name!r} gave no credentials: {what}",
        where=where,
        next_step=failures.shown(hint) or f"run {name} by hand as the kubeconfig does, and mend it",
    )


def _words(said: bytes | None) -> str:
    text = " ".join((said or b"").decode("utf-8", "replace").split())
    text = _TOLD_SECRET.sub(rf"\g<1>{redaction.SHOWN_INSTEAD}", text)
    return f": {failures.shown(text)}" if text else ""
