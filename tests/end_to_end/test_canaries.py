"""A canary in every place a secret can be: none is ever seen outside, however loud one asks.

Units that answer, units that cannot be reached, clusters of every kind of login; every command, in
both log formats, at the loudest level; and a FortiManager whose words repeat the password.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from fmgsync.cli import main
from fmgsync.clock import SystemClock
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.simulator.wire.faults import Fault
from tests.daemon import controllers
from tests.end_to_end.estate import UNATTENDED, Estate, default_seed, open_estate
from tests.end_to_end.seen import web

PASSWORD = "canary/1+pass%word"
API_KEY = "canary2-api-key"
UNIT_KEY = "canary3-unit-key"
BASIC = "canary5:basic-password"
PROGRAMS = "canary6-token-of-a-program"
IN_ENVIRONMENT = "canary7-key-in-a-variable"
TOLD_PROGRAM = "canary8-token-for-a-program"
PROXY = "canary9-password-of-a-proxy"
TOKEN_FILE = "canary10-token-in-a-file"
ID_TOKEN = "canary11-id-token"
REFRESH = "canary12-refresh-token"
CANARIES = (
    PASSWORD,
    API_KEY,
    UNIT_KEY,
    BASIC,
    PROGRAMS,
    IN_ENVIRONMENT,
    TOLD_PROGRAM,
    PROXY,
    TOKEN_FILE,
    ID_TOKEN,
    REFRESH,
)
VARIABLE = "CANARY_KEY"

COMMANDS = (
    "config check",
    "plan",
    "plan --save plan.json",
    "apply --install never",
    "apply --install now --reason why",
    "status",
    "verify",
    "doctor",
    "windows",
    "forecast",
    "explain ip 10.1.0.5",
    "explain group k8s-web",
    "rollout status",
    "history",
    "audit show",
    "audit verify",
    "cleanup",
)
NOWHERE = "127.0.0.1:9"


FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "reset-before"},
    {"kind": "reset-after"},
    {"kind": "http-error", "status": 502},
    {"kind": "http-error", "status": 401},
    {"kind": "truncate"},
    {"kind": "garbage"},
    {"kind": "misdirected"},
    {"kind": "short-result"},
    {"kind": "status", "status": -11},
    {"kind": "expire-session"},
)


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

    def look_everywhere(self, where: str) -> None:
        """Nor in anything that was written: state, audit, plans."""
        for path in self.estate.folder.rglob("*"):
            if path.is_file() and path not in self.files:
                self.look(path.read_text(encoding="utf-8", errors="replace"), f"{where}: {path}")

    def call(self, command: str, more: list[str], capsys: pytest.CaptureFixture[str]) -> int:
        """Nor in what a command says."""
        capsys.readouterr()
        code = main.run([*command.split(), "-c", str(self.estate.path), "-vvv", *more])
        told = capsys.readouterr()
        assert not [token for token in tokens(self.estate) if token in told.out + told.err]
        self.look(told.out, f"{command} {more}: output")
        self.look(told.err, f"{command} {more}: log")
        assert "internal error" not in told.out + told.err
        return code


def kubeconfig(path: Path, server: str, *, proxy: str = "", **user: Any) -> None:
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


def secret(estate: Estate, name: str, value: str) -> dict[str, str]:
    path = estate.folder / name
    path.write_text(value, encoding="utf-8")
    path.chmod(0o600)
    return {"file": f"./{name}"}


@contextmanager
def open_cage(folder: Path) -> Iterator[Cage]:
    """One FortiManager and one cluster answer, the others do not."""
    admins = [
        {"user": "admin", "password": "admin", "rpcPermit": "read-write", "superAdmin": True},
        {"user": "fmgsync", "password": PASSWORD, "rpcPermit": "read-write"},
    ]
    seed = default_seed(install_s=0, admins=admins)
    with (
        KubernetesSimulator() as cluster,
        open_estate(folder, seed, clock=SystemClock()) as estate,
    ):
        secret(estate, "password", PASSWORD)
        estate.run("east", web("10.1.0", 5))
        estate.run("west", web("10.2.0", 5))
        estate.apply_never()
        estate.write_policy("k8s-web")
        cluster.kubeconfig(folder / "token")
        kubeconfig(folder / "basic", f"https://{NOWHERE}", username="u", password=BASIC)
        program = folder / "program"
        credential = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "status": {"token": PROGRAMS},
        }
        looks = "env | grep -v ^ITS_TOKEN; tr '\\0' ' ' </proc/$PPID/cmdline"
        told = f"#!/bin/sh\n({looks}) >>{folder}/seen\necho '{json.dumps(credential)}'\n"
        program.write_text(told, encoding="utf-8")
        program.chmod(0o700)
        hold = folder / "hold"
        hold.write_text(f"#!/bin/sh\n({looks}) >>{folder}/held\n", encoding="utf-8")
        hold.chmod(0o700)
        called = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./program",
                  "env": [{"name": "ITS_TOKEN", "value": TOLD_PROGRAM}],
                  "interactiveMode": "Never"}  # fmt: skip
        proxied = f"http://user:{PROXY}@{NOWHERE}"
        kubeconfig(folder / "proxied", f"https://{NOWHERE}", proxy=proxied, token=TOKEN_FILE)
        secret(estate, "token-file", TOKEN_FILE)
        kubeconfig(folder / "filed", f"https://{NOWHERE}", tokenFile=f"{folder}/token-file")
        provider = {"id-token": ID_TOKEN, "refresh-token": REFRESH, "client-id": "x",
                    "idp-issuer-url": f"https://{NOWHERE}", "client-secret": BASIC}  # fmt: skip
        login: dict[str, Any] = {"auth-provider": {"name": "oidc", "config": provider}}
        kubeconfig(folder / "oidc", f"https://{NOWHERE}", **login)
        kubeconfig(folder / "exec", f"https://{NOWHERE}", exec=called)
        (unit,) = estate.config["fortimanagers"]
        lab = {"name": "lab", "host": NOWHERE, "credentials": {
            "apiKey": secret(estate, "api-key", API_KEY)}}  # fmt: skip
        branch = {"name": "branch-7", "host": NOWHERE, "apiKey": secret(estate, "key", UNIT_KEY)}
        names = ("token", "basic", "exec", "proxied", "filed", "oidc")
        lives = [{"name": n, "kubeconfig": {"file": f"./{n}"}} for n in names]
        os.environ[VARIABLE] = IN_ENVIRONMENT
        other = {"name": "branch-8", "host": "127.0.0.1:7",
                 "apiKey": {"env": VARIABLE}}  # fmt: skip
        sites = [
            *estate.config["sites"],
            {"clusters": ["token"], "fortimanager": "lab", "adom": "x", "devices": ["y"]},
            {"clusters": list(names[1:]), "fortigates": ["branch-7", "branch-8"]},
        ]
        estate.write_config(
            clusters=[*estate.config["clusters"], *lives],
            fortimanagers=[unit, lab],
            fortigates=[branch, other],
            install={**UNATTENDED, "hold": [{"command": ["./hold"], "timeout": "30s"}]},
            sites=sites,
        )
        estate.run("east", web("10.1.0", 6))
        own = {"password", "program", "api-key", "key", "token-file", *names}
        files = frozenset(folder / name for name in own)
        yield Cage(estate, (*CANARIES, cluster.token), files, cluster)
        del os.environ[VARIABLE]


@pytest.mark.parametrize(
    "commands",
    [("apply --install now --reason why",), pytest.param(COMMANDS, marks=pytest.mark.slow)],
    ids=["few", "all"],
)
def test_no_command_shows_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], commands: tuple[str, ...]
) -> None:
    with open_cage(tmp_path) as cage:
        for command in commands:
            for more in (["--log-format", "json", "-o", "json"], ["--log-format", "text"]):
                cage.call(command, more, capsys)
        cage.look_everywhere("after all commands")
        assert (tmp_path / "seen").exists()
        assert (tmp_path / "held").exists()


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault["kind"]))
def test_no_fault_shows_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: dict[str, Any]
) -> None:
    """Whatever becomes of a request, and wherever in a run."""
    with open_cage(tmp_path) as cage:
        # Each waits and asks again in real time, so each kind strikes at two places, not at all.
        first = 3 + FAULTS.index(fault)
        for skip in (first, first + 14):
            cage.estate.unit.faults.add(**fault, skip=skip)
            cage.call("apply --install now --reason why", ["--log-format", "json"], capsys)
            cage.estate.unit.faults.clear()
        cage.look_everywhere(f"after {fault}")


@pytest.mark.slow
def test_a_controller_shows_none(tmp_path: Path) -> None:
    """Neither its log nor what it serves, nor the Events and Leases it writes."""
    with open_cage(tmp_path) as cage:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            place = f"127.0.0.1:{probe.getsockname()[1]}"
        words = [sys.executable, "-m", "fmgsync", "run", "-c", str(cage.estate.path), "-vvv"]
        words += ["--listen", place, "--state-dir", str(tmp_path / "state")]
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(words, stdout=log, stderr=log)
            try:
                controllers.until(lambda: "k8s-web" in served(place, "status"), 60)
                for path in ("healthz", "readyz", "metrics", "status", "explain?ip=10.1.0.5"):
                    cage.look(served(place, path), path)
                limits = Path(f"/proc/{process.pid}/limits").read_text("utf-8")
                assert re.search(r"Max core file size +0 +0", limits)
                arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes()
                cage.look(arguments.decode(), "its arguments")
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(30)
        cage.look_everywhere("after a controller")
        for event in cage.cluster.requests:
            cage.look(repr(event), "a request to the cluster")


def served(place: str, path: str) -> str:
    try:
        return requests.get(f"http://{place}/{path}", timeout=5).text
    except requests.ConnectionError:
        return ""


def test_what_a_unit_repeats_is_hidden(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its refusal quotes the password, as some proxies quote what they were sent."""
    with open_cage(tmp_path) as cage:
        words = f"refused: password {PASSWORD} of fmgsync"
        fault = {"kind": "status", "status": -11, "message": words, "url": "*/addrgrp*", "times": 0}
        cage.estate.unit.faults.arm(Fault.model_validate(fault))
        for more in (["--log-format", "json", "-o", "json"], ["--log-format", "text"]):
            assert cage.call("apply --install never", more, capsys) != 0
        cage.look_everywhere("after a refusal")
