"""A configuration run for real, against simulated FortiManagers and clusters that are files."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fmgsync import yamlplain
from fmgsync.model.rule import Site
from fmgsync.model.target import TargetKind, TargetRef
from fmgsync.settings import rules
from fmgsync.simulator import Simulator
from fmgsync.testing import builders
from fmgsync.testing.builders import Manifest
from fmgsync.testing.configured import Configured

USER = "fmgsync-test"
PACKAGE = "fmgsync-test"

_POLL_S = 0.05


@dataclass(frozen=True)
class Ran:
    """What a command said: its exit code, the JSON it printed, and what it told beside it."""

    code: int
    document: Any
    told: str


class Trial:
    """The configuration with its hosts, secrets and clusters replaced, in a folder of its own."""

    def __init__(
        self, configured: Configured, unit: Simulator, password: str, folder: Path
    ) -> None:
        self._configured = configured
        self._folder = folder
        self.unit = unit
        secret = folder / "password"
        secret.write_text(password, encoding="utf-8")
        secret.chmod(0o600)
        self.path = folder / "fmgsync.yaml"
        self.path.write_text(json.dumps(self._config(unit)), encoding="utf-8")
        for cluster in configured.config.clusters:
            self.run_in(cluster.name)

    def _config(self, unit: Simulator) -> dict[str, Any]:
        document = yamlplain.load(self._configured.path.read_text("utf-8"))
        for one in document.get("fortimanagers", []):
            one["host"] = unit.host
            one["credentials"] = {"username": USER, "password": {"file": "./password"}}
            one["tls"] = {"caFile": unit.ca_file}
            one.pop("proxy", None)
        for one in document.get("fortigates", []):
            # One that no site names is not simulated, and nobody speaks with it.
            url = unit.fortigates.get(one["name"], "https://localhost")
            one["host"] = urlsplit(url).netloc
            one["apiKey"] = {"file": "./password"}
            one["tls"] = {"caFile": unit.ca_file}
        document.pop("lease", None)
        # No test may depend on the hour it runs at; windows are asked about with `may_install`.
        document["install"] = {**(document.get("install") or {}), "windows": "always"}
        for cluster in document["clusters"]:
            cluster.pop("kubeconfig", None)
            cluster["manifests"] = f"./{cluster['name']}.json"
        return dict(document)

    def run_in(self, cluster: str, *manifests: Manifest) -> None:
        """Let a cluster run exactly these pods, nodes and namespaces from now on."""
        text = builders.dump_text(list(manifests))
        (self._folder / f"{cluster}.json").write_text(text, encoding="utf-8")

    def fmgsync(self, *arguments: str) -> Ran:
        """Run an fmgsync command, as `fmgsync("plan")`, in a process of its own."""
        command = [sys.executable, "-m", "fmgsync", *arguments]
        # What is remembered belongs to the trial, and not to the folder pytest was started in.
        environment = os.environ | {"FMGSYNC_STATE_DIR": str(self._folder / "state")}
        done = subprocess.run(  # noqa: S603 - fmgsync itself, with the test's own arguments
            [*command, "-c", str(self.path), "--output", "json"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Ran(done.returncode, json.loads(done.stdout or "null"), done.stderr)

    def write_policies(self) -> None:
        """What an administrator does after the first `apply`: a policy for each group, installed
        once.

        Only what a policy uses is ever installed on a device, and fmgsync pushes nobody else's
        edits.
        """
        console = self.unit.console(USER)
        managed = {s.adom for s in rules.sites(self._configured.config) if _is_managed(s)}
        for ref in sorted(managed):
            for rule in rules.rule_set(self._configured.config).rules:
                if console.object(ref.domain, "addrgrp", rule.name) is not None:
                    console.add_policy(
                        ref.domain, PACKAGE, name=rule.name, srcaddr=[rule.name], dstaddr=["all"]
                    )
            package = {"adom": ref.domain, "pkg": PACKAGE}
            task = console.call("exec", "/securityconsole/install/package", package)["task"]
            while console.get(f"/task/task/{task}")["percent"] < 100:
                time.sleep(_POLL_S)
        console.log_out()

    def on_device(self, device: str, group: str) -> set[str] | None:
        """The members the FortiGate itself has, None if it does not know the group."""
        name, _, vdom = device.partition("/")
        return self.unit.fortigate(name).members(group, vdom or "root")


def seed_of(configured: Configured, password: str) -> dict[str, Any]:
    """A FortiManager with the ADOMs and devices that the sites name, and a package for them; and
    the FortiGates without one."""
    every = rules.sites(configured.config)
    adoms: dict[str, dict[str, dict[str, None]]] = {}
    groups: dict[str, dict[str, list[str]]] = {}
    for site in filter(_is_managed, every):
        devices = adoms.setdefault(site.adom.domain, {})
        for name in site.devices:
            if name.startswith("group:"):
                group = name.removeprefix("group:")
                members = list(configured.device_groups.get(group, ()))
                groups.setdefault(site.adom.domain, {})[group] = members
            else:
                members = [name]
            for member in members:
                device, _, vdom = member.partition("/")
                devices.setdefault(device, {})[vdom or "root"] = None
    return {
        "admins": [{"user": USER, "password": password, "superAdmin": True}],
        "adoms": [_adom(name, devices, groups.get(name, {})) for name, devices in adoms.items()],
        "fortigates": _standing_alone((s.adom for s in every if not _is_managed(s)), password),
    }


def _is_managed(site: Site) -> bool:
    return site.adom.kind is TargetKind.FORTIMANAGER


def _standing_alone(refs: Iterable[TargetRef], key: str) -> list[dict[str, Any]]:
    """FortiGates with the VDOMs that the sites name, and an API administrator."""
    vdoms: dict[str, dict[str, None]] = {}
    for ref in refs:
        vdoms.setdefault(ref.unit, {})[ref.domain] = None
    user = {"name": USER, "key": key, "profile": "advised"}
    return [
        {"name": name, "vdoms": list(dict.fromkeys(("root", *found))), "apiUsers": [user]}
        for name, found in vdoms.items()
    ]


def _adom(
    name: str, devices: Mapping[str, Iterable[str]], groups: Mapping[str, list[str]]
) -> dict[str, Any]:
    targets = [f"{device}/{vdom}" for device, vdoms in devices.items() for vdom in vdoms]
    return {
        "name": name,
        "devices": [
            {"name": device, "vdoms": list(vdoms), "installSeconds": 0}
            for device, vdoms in devices.items()
        ],
        "deviceGroups": [{"name": group, "members": members} for group, members in groups.items()],
        "packages": [{"name": PACKAGE, "targets": targets}],
    }


def make_password() -> str:
    """A password for one test."""
    return secrets.token_urlsafe(12)


def folder_below(parent: Path) -> Path:
    """A folder only this user can read."""
    path = parent / "trial"
    os.makedirs(path, mode=0o700, exist_ok=True)  # noqa: PTH103 - with a mode
    return path
