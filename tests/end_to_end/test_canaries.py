"""A canary in every place a secret can be: none is ever seen outside, however loud one asks.

Units that answer, units that cannot be reached, clusters of every kind of login; every command, in
both log formats, at the loudest level; and a FortiManager whose words repeat the password.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from fmgsync.cli import main
from fmgsync.clock import SystemClock
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.simulator.wire.faults import Fault
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.seen import web

PASSWORD = "canary/1+pass%word"
API_KEY = "canary2-api-key"
UNIT_KEY = "canary3-unit-key"
BASIC = "canary5:basic-password"
PROGRAMS = "canary6-token-of-a-program"
CANARIES = (PASSWORD, API_KEY, UNIT_KEY, BASIC, PROGRAMS)

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


def forms(canary: str) -> set[str]:
    """As it is, and as libraries write it."""
    encoded = base64.b64encode(canary.encode()).decode().rstrip("=")
    return {canary, quote(canary), quote(canary, safe=""), json.dumps(canary)[1:-1], encoded}


@dataclass(frozen=True)
class Cage:
    """The estate with its canaries, and the files that hold them."""

    estate: Estate
    canaries: tuple[str, ...]
    files: frozenset[Path]

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
        code = main.run([*command.split(), "-c", str(self.estate.path), "-vv", *more])
        told = capsys.readouterr()
        self.look(told.out, f"{command} {more}: output")
        self.look(told.err, f"{command} {more}: log")
        assert "internal error" not in told.out + told.err
        return code


def kubeconfig(path: Path, server: str, **user: Any) -> None:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
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
        cluster.kubeconfig(folder / "token")
        kubeconfig(folder / "basic", f"https://{NOWHERE}", username="u", password=BASIC)
        program = folder / "program"
        credential = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "status": {"token": PROGRAMS},
        }
        program.write_text(f"#!/bin/sh\necho '{json.dumps(credential)}'\n", encoding="utf-8")
        program.chmod(0o700)
        called = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./program",
                  "interactiveMode": "Never"}  # fmt: skip
        kubeconfig(folder / "exec", f"https://{NOWHERE}", exec=called)
        (unit,) = estate.config["fortimanagers"]
        lab = {"name": "lab", "host": NOWHERE, "credentials": {
            "apiKey": secret(estate, "api-key", API_KEY)}}  # fmt: skip
        branch = {"name": "branch-7", "host": NOWHERE, "apiKey": secret(estate, "key", UNIT_KEY)}
        lives = [{"name": n, "kubeconfig": {"file": f"./{n}"}} for n in ("token", "basic", "exec")]
        sites = [
            *estate.config["sites"],
            {"clusters": ["token"], "fortimanager": "lab", "adom": "x", "devices": ["y"]},
            {"clusters": ["basic", "exec"], "fortigates": ["branch-7"]},
        ]
        estate.write_config(
            clusters=[*estate.config["clusters"], *lives],
            fortimanagers=[unit, lab],
            fortigates=[branch],
            sites=sites,
        )
        estate.run("east", web("10.1.0", 5))
        estate.run("west")
        own = {"password", "token", "basic", "exec", "program", "api-key", "key"}
        files = frozenset(folder / name for name in own)
        yield Cage(estate, (*CANARIES, cluster.token), files)


@pytest.mark.parametrize(
    "commands",
    [("plan", "apply --install now --reason why"), pytest.param(COMMANDS, marks=pytest.mark.slow)],
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


def test_what_a_unit_repeats_is_hidden(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its refusal quotes the password, as some proxies quote what they were sent."""
    with open_cage(tmp_path) as cage:
        words = f"refused: password {PASSWORD} of fmgsync"
        fault = {"kind": "status", "status": -11, "message": words, "url": "*/addrgrp*", "times": 0}
        cage.estate.unit.faults.arm(Fault.model_validate(fault))
        for more in (["--log-format", "json", "-o", "json"], ["--log-format", "text"]):
            assert cage.call("apply --install never", more, capsys) == 1
        cage.look_everywhere("after a refusal")
