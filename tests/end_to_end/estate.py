"""A small estate for end-to-end tests: two clusters, two FortiGates, one FortiManager.

`Estate` plays everybody around fmgsync; fmgsync itself is run as the command line runs it, from a
configuration file, over HTTPS.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fmgsync.clock import Clock, ManualClock
from fmgsync.model import address
from fmgsync.passes import once, rollout_commands
from fmgsync.passes.install_context import People
from fmgsync.passes.result import Result
from fmgsync.passes.world import World
from fmgsync.simulator import Simulator
from fmgsync.simulator.life.console import Console
from fmgsync.wiring import wiring
from tests import builders

PACKAGE = "edge/default"
SITES = {"east": "fgt-east", "west": "fgt-west"}
UNATTENDED: dict[str, Any] = {
    "windows": "always",
    "foreignChanges": "allow",
    "rollout": {"waves": ["100%"], "pause": "0s", "maxFailures": "100%"},
}
"""Installs that start by themselves, everywhere at once, policies of others included."""


def default_seed(*, install_s: float = 2, **unit: Any) -> dict[str, Any]:
    """A FortiManager with one package on two devices and a policy of its own."""
    device = {"vdoms": ["root"], "installSeconds": install_s}
    devices = [{"name": name, **device} for name in SITES.values()]
    legacy = {"name": "legacy", "srcaddr": ["legacy-db"], "dstaddr": ["all"], "service": ["ALL"]}
    return {
        "version": "7.4.5",
        "workspaceMode": "normal",
        "admins": [
            {"user": "admin", "password": "admin", "rpcPermit": "read-write", "superAdmin": True},
            {"user": "fmgsync", "password": "s3cret-word", "rpcPermit": "read-write"},
        ],
        "adoms": [
            {
                "name": "prod",
                "osVersion": "7.4",
                "devices": devices,
                "addresses": [{"name": "legacy-db", "subnet": "10.9.0.1/32", "comment": "by hand"}],
                "packages": [
                    {
                        "name": PACKAGE,
                        "targets": [f"{name}/root" for name in SITES.values()],
                        "policies": [{**legacy, "action": "accept"}],
                    }
                ],
            }
        ],
        **unit,
    }


class Waking(ManualClock):
    """A clock whose first sleep is used by somebody else."""

    def __init__(self) -> None:
        super().__init__()
        self.act: Callable[[], None] | None = None

    def sleep(self, seconds: float) -> None:
        act, self.act = self.act, None
        if act is not None:
            act()
        super().sleep(seconds)


@dataclass
class Estate:
    """The world around fmgsync and the two commands run on it."""

    folder: Path
    unit: Simulator
    clock: Clock
    config: dict[str, Any]
    workloads: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The configuration file."""
        return self.folder / "fmgsync.yaml"

    def write_config(self, **changes: Any) -> None:
        """Write the configuration, with top-level keys replaced."""
        self.config.update(changes)
        self.path.write_text(json.dumps(self.config), encoding="utf-8")

    def run(self, cluster: str, *pods: builders.Manifest, **more: Any) -> None:
        """Let exactly these pods run in a cluster: a new dump of it."""
        objects = [*pods, builders.node("node-1"), builders.namespace()]
        dump = more.get("dump", builders.listing(*objects))
        text = dump if isinstance(dump, str) else json.dumps(dump)
        (self.folder / f"{cluster}.json").write_text(text, encoding="utf-8")

    def write_policy(self, *groups: str, **attributes: Any) -> None:
        """An administrator writes a policy with these groups as destination."""
        policy = {"name": f"to-{groups[0]}", "srcaddr": ["all"], "dstaddr": list(groups)}
        with self.administrator() as console:
            console.add_policy("prod", PACKAGE, **{**policy, "action": "accept", **attributes})

    @contextmanager
    def administrator(self) -> Iterator[Console]:
        """Somebody else at work in the ADOM; saves at the end."""
        console = self.unit.console("admin")
        locks = self.unit.world.mode != "disabled"
        if locks:
            console.lock("prod")
        yield console
        if locks:
            console.commit("prod")
            console.unlock("prod")
        console.log_out()

    def object(self, table: str, name: str) -> dict[str, Any] | None:
        """An object of the ADOM as FortiManager answers it; None if there is none."""
        return self.unit.console("admin").object("prod", table, name)

    def mapped(self, group: str) -> dict[str, list[str]]:
        """A group's members by device, names as they are, and under "" its own value."""
        found = self.object("addrgrp", group)
        assert found is not None, f"no group {group}"
        rows = found["dynamic_mapping"] or []
        mapped = {row["_scope"][0]["name"]: sorted(row["member"]) for row in rows}
        return {"": sorted(found["member"]), **mapped}

    def install_by_hand(self) -> None:
        """The administrator installs the package on all its devices, and waits for the end; what
        stands still for a quarter of an hour is given up."""
        console = self.unit.console("admin")
        locks = self.unit.world.mode != "disabled"
        if locks:
            console.lock("prod")
        data = {"adom": "prod", "pkg": PACKAGE}
        task = console.call("exec", "/securityconsole/install/package", data)["task"]
        for _ in range(900):
            if console.get(f"/task/task/{task}")["percent"] == 100:
                break
            self.clock.sleep(1)
        else:
            console.call("exec", "/securityconsole/abort", {"adom": "prod"})
        if locks:
            console.unlock("prod")
        console.log_out()

    def world(self, command: str, **people: Any) -> World:
        """What a command works with; `people` as the person at the command line says it."""
        return wiring.make_world(
            self.path,
            command=command,
            clock=self.clock,
            state_dir=self.folder / "state",
            people=People(**people),
        )

    def plan(self) -> Result:
        """What `fmgsync plan` sees."""
        return once.plan(self.world("plan"))

    def status(self) -> Result:
        """What `fmgsync status` sees."""
        return once.status(self.world("status"))

    def apply(
        self,
        install: str = "now",
        *,
        digest: str | None = None,
        tell: Callable[[str], None] = lambda text: None,
        **people: Any,
    ) -> Result:
        """What `fmgsync apply --install ...` does; `tell` hears what people are told."""
        world = replace(self.world(f"apply --install {install}", **people), tell=tell)
        return once.apply(world, install=install != "never", digest=digest)

    def apply_never(self) -> Result:
        """What `fmgsync apply --install never` does."""
        return self.apply("never")

    def approve(self, digest: str, *, for_s: float = 3600) -> None:
        """What `fmgsync approve DIGEST` does."""
        now = self.clock.now()
        memory = self.world("plan").memory
        memory.approve(digest, who="ann", reason="", now=now, expires_at=now + for_s)

    def steer(self, what: str, reason: str = "") -> None:
        """What `fmgsync rollout resume` or `abort` does."""
        world = self.world("rollout", reason=reason)
        act = {"resume": rollout_commands.resume, "abort": rollout_commands.abort}[what]
        for work in world.adoms:
            act(world, work.ref)
        world.installing.audit.keep_head()

    def on_device(self, device: str, group: str) -> set[address.Address] | None:
        """What the FortiGate itself would match, read past everything fmgsync says."""
        members = self.unit.fortigate(device).members(group)
        return None if members is None else {address.parse(text) for text in members}


@contextmanager
def open_estate(
    folder: Path, seed: Mapping[str, Any] | None = None, *, clock: Clock | None = None
) -> Iterator[Estate]:
    """Start the FortiManager and write a configuration for it; clusters start empty.

    An administrator's policies may go along with the first install, unless a test says otherwise.
    Commands run in the folder, so that what they remember by default is each test's own.
    """
    clock = clock or ManualClock()
    made = Simulator(seed or default_seed(), clock=clock.now, strict=True)
    with chdir(folder), made as unit:
        (folder / "password").write_text("s3cret-word", encoding="utf-8")
        (folder / "password").chmod(0o600)
        config = {
            "owner": "prod",
            "clusters": [{"name": name, "manifests": f"./{name}.json"} for name in SITES],
            "fortimanagers": [
                {
                    "name": "hq",
                    "host": unit.host,
                    "credentials": {"username": "fmgsync", "password": {"file": "./password"}},
                    "tls": {"caFile": unit.ca_file},
                }
            ],
            "sites": [
                {"clusters": [name], "fortimanager": "hq", "adom": "prod", "devices": [device]}
                for name, device in SITES.items()
            ],
            "groups": [{"name": "k8s-web", "select": "app == 'web'"}],
            "install": {"foreignChanges": "allow"},
        }
        estate = Estate(folder, unit, clock, config)
        estate.write_config()
        yield estate
