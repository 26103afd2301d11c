"""An estate with a canary in every place where a secret can be, and the looking for them.

One FortiManager and one cluster answer; other units and clusters, with every kind of login, cannot
be reached.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import trustme

from fmgsync.cli import main
from fmgsync.clock import Clock, SystemClock
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests.end_to_end.estate import UNATTENDED, Estate, default_seed, open_estate
from tests.end_to_end.seen import web

PASSWORD: Final = "canary/1+pass%word"
CANARIES: Final[Mapping[str, str]] = {
    "password of a FortiManager": PASSWORD,
    "key of a FortiManager": "canary2-api-key",
    "key of a FortiGate": "canary3-unit-key",
    "password of a kubeconfig": "canary5:basic-password",
    "token that a program prints": "canary6-token-of-a-program",
    "key in a variable": "canary7-key-in-a-variable",
    "variable of a program": "canary8-token-for-a-program",
    "password of a proxy": "canary9-password-of-a-proxy",
    "token in a file": "canary10-token-in-a-file",
    "id-token": "canary11-id-token",
    "refresh-token": "canary12-refresh-token",
    "token in a kubeconfig": "canary13-token-in-a-kubeconfig",
    "argument of a program": "canary14-argument-of-a-program",
    "client secret": "canary15-client-secret",
    "password of the environment's proxy": "canary16-proxy-of-the-environment",
}
"""Where a secret can be, and what it is there; private keys are made anew each time."""
NOWHERE: Final = "127.0.0.1:9"
"""Nobody listens there, so whatever takes this way says that it could not."""
_THROUGH: Final = CANARIES["password of the environment's proxy"]
_VARIABLES: Final = {
    "CANARY_KEY": CANARIES["key in a variable"],
    "HTTPS_PROXY": f"http://user:{_THROUGH}@{NOWHERE}",
    "NO_PROXY": "127.0.0.1,localhost",
}
FAR: Final = "https://192.0.2.1:6443"


def forms(canary: str) -> set[str]:
    """As it is, and as libraries write it."""
    encoded = base64.b64encode(canary.encode()).decode().rstrip("=")
    return {canary, quote(canary), quote(canary, safe=""), json.dumps(canary)[1:-1], encoded}


def tokens(estate: Estate) -> list[str]:
    """Of every session that anybody has opened on the unit: what the simulator makes them of."""
    newest = estate.unit.console("admin").sid
    secret = b"fmgsync simulator"
    made = (hashlib.sha256(secret + str(n).encode()).hexdigest() for n in range(30_000, newest))
    return [token[:44] for token in made]


@dataclass(frozen=True)
class Cage:
    """The estate with its canaries, and the files that hold them."""

    estate: Estate
    canaries: tuple[str, ...]
    files: frozenset[Path]
    cluster: KubernetesSimulator

    def look(self, text: str, where: str) -> None:
        """None of them is in a text."""
        seen = [one for canary in self.canaries for one in forms(canary) if one in text]
        assert not seen, f"{where} shows {seen}"
        assert "internal error" not in text, where

    def look_everywhere(self, where: str) -> None:
        """Nor in anything that was written: state, audit, plans, cassettes."""
        for path in self.estate.folder.rglob("*"):
            if path.is_file() and path not in self.files:
                self.look(path.read_text(encoding="utf-8", errors="replace"), f"{where}: {path}")


def kubeconfig(path: Path, server: str, *, proxy: str = "", **user: Any) -> None:
    """One context, one user."""
    through = {"proxy-url": proxy} if proxy else {}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server, **through}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    path.chmod(0o600)


def secret(folder: Path, name: str, value: str) -> dict[str, str]:
    """A file that holds it, as the configuration refers to it."""
    path = folder / name
    path.write_text(value, encoding="utf-8")
    path.chmod(0o600)
    return {"file": f"./{name}"}


def logins(folder: Path, key: str, certificate: str) -> tuple[str, ...]:
    """A kubeconfig of each kind of login; their names, which are the clusters'."""
    program = folder / "program"
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": CANARIES["token that a program prints"]},
    }
    # Its own variable and argument are for it, and the proxy, as kubectl does; nothing else is.
    looks = "env | grep -v -e ^ITS_TOKEN -e ^HTTPS_PROXY; tr '\\0' ' ' </proc/$PPID/cmdline"
    told = f"#!/bin/sh\n({looks}) >>{folder}/seen\necho '{json.dumps(credential)}'\n"
    program.write_text(told, encoding="utf-8")
    program.chmod(0o700)
    hold = folder / "hold"
    hold.write_text(f"#!/bin/sh\n({looks}) >>{folder}/held\n", encoding="utf-8")
    hold.chmod(0o700)
    called = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./program",
        "args": ["--client-secret", CANARIES["argument of a program"]],
        "env": [{"name": "ITS_TOKEN", "value": CANARIES["variable of a program"]}],
        "interactiveMode": "Never",
    }
    provider = {
        "id-token": CANARIES["id-token"],
        "refresh-token": CANARIES["refresh-token"],
        "client-id": "x",
        "idp-issuer-url": f"https://{NOWHERE}",
        "client-secret": CANARIES["client secret"],
    }
    secret(folder, "token-file", CANARIES["token in a file"])
    packed = {
        f"client-{kind}-data": base64.b64encode(text.encode()).decode()
        for kind, text in (("key", key), ("certificate", certificate))
    }
    token, proxy = CANARIES["token in a kubeconfig"], CANARIES["password of a proxy"]
    users: dict[str, dict[str, Any]] = {
        "basic": {"username": "u", "password": CANARIES["password of a kubeconfig"]},
        "proxied": {"token": token},
        "filed": {"tokenFile": f"{folder}/token-file"},
        "oidc": {"auth-provider": {"name": "oidc", "config": provider}},
        "exec": {"exec": called},
        "certified": packed,
        "half": {"client-key-data": packed["client-key-data"]},
        "far": {"token": token},
    }
    for name, user in users.items():
        through = f"http://user:{proxy}@{NOWHERE}" if name == "proxied" else ""
        server = FAR if name == "far" else f"https://{NOWHERE}"
        kubeconfig(folder / name, server, proxy=through, **user)
    return tuple(users)


def private(pem: str) -> tuple[str, str]:
    """What only the key holds: a line of it, and a piece of it packed once more."""
    return pem.splitlines()[1][:40], base64.b64encode(pem.encode()).decode()[60:120]


@contextmanager
def open_cage(folder: Path, clock: Clock | None = None) -> Iterator[Cage]:
    """All of it, and a change that is due on the FortiManager that answers."""
    folder.mkdir(exist_ok=True)
    issued = trustme.CA().issue_cert("u@example.org")
    key = issued.private_key_pem.bytes().decode()
    certificate = issued.cert_chain_pems[0].bytes().decode()
    admins = [
        {"user": "admin", "password": "admin", "rpcPermit": "read-write", "superAdmin": True},
        {"user": "fmgsync", "password": PASSWORD, "rpcPermit": "read-write"},
    ]
    seed = default_seed(install_s=0, admins=admins)
    with ExitStack() as stack:
        cluster = stack.enter_context(KubernetesSimulator())
        estate = stack.enter_context(open_estate(folder, seed, clock=clock or SystemClock()))
        stack.enter_context(_environment())
        secret(folder, "password", PASSWORD)
        estate.run("east", web("10.1.0", 5))
        estate.run("west", web("10.2.0", 5))
        estate.apply_never()
        estate.write_policy("k8s-web")
        cluster.kubeconfig(folder / "token")
        names = ("token", *logins(folder, key, certificate))
        _configure(estate, names, key, certificate)
        estate.run("east", web("10.1.0", 6))
        own = {"password", "program", "api-key", "key", "unit.key", "token-file", *names}
        files = frozenset(folder / name for name in own)
        canaries = (*CANARIES.values(), cluster.token, *private(key))
        yield Cage(estate, canaries, files, cluster)


def _configure(estate: Estate, names: Sequence[str], key: str, certificate: str) -> None:
    folder = estate.folder
    (unit,) = estate.config["fortimanagers"]
    manager_key = secret(folder, "api-key", CANARIES["key of a FortiManager"])
    lab = {"name": "lab", "host": NOWHERE, "credentials": {"apiKey": manager_key}}
    unit_key = secret(folder, "key", CANARIES["key of a FortiGate"])
    secret(folder, "unit.key", key)
    secret(folder, "unit.crt", certificate)
    shown = {"certFile": "./unit.crt", "keyFile": "./unit.key"}
    branches = [
        {"name": "branch-7", "host": NOWHERE, "apiKey": unit_key},
        {"name": "branch-8", "host": "127.0.0.1:7", "apiKey": {"env": "CANARY_KEY"}},
        {"name": "branch-9", "host": "127.0.0.1:5", "apiKey": unit_key,
         "tls": {"clientCert": shown}},
    ]  # fmt: skip
    lives = [{"name": n, "kubeconfig": {"file": f"./{n}"}} for n in names]
    units = [each["name"] for each in branches]
    sites = [
        *estate.config["sites"],
        {"clusters": ["token"], "fortimanager": "lab", "adom": "x", "devices": ["y"]},
        {"clusters": list(names[1:]), "fortigates": units},
    ]
    estate.write_config(
        clusters=[*estate.config["clusters"], *lives],
        fortimanagers=[unit, lab],
        fortigates=branches,
        install={**UNATTENDED, "hold": [{"command": ["./hold"], "timeout": "30s"}]},
        sites=sites,
    )


@contextmanager
def _environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _VARIABLES}
    os.environ.update(_VARIABLES)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def leaves(group: Any = main.root, words: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command that does something, as it is typed."""
    names: Callable[[Any], list[str]] | None = getattr(group, "list_commands", None)
    if names is None or getattr(group, "invoke_without_command", False):
        yield " ".join(words)
    for name in names(None) if names else ():
        yield from leaves(group.get_command(None, name), (*words, name))
