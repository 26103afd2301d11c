"""What the scenes stand on: one device behind a FortiManager, or two FortiGates without one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fmgsync.model.address import NOWHERE
from fmgsync.simulator.life.console import Console
from tests import builders
from tests.end_to_end import branches as offices
from tests.end_to_end.branches import open_branches
from tests.end_to_end.estate import PACKAGE, UNATTENDED, Estate, default_seed, open_estate
from tests.sweep.processes import Processes
from tests.sweep.scene import IDLE_S, WORKFLOW, Scene

GROUP, CACHE = "k8s-web", "k8s-cache"
"""The group of every scene, and a second one where there are two."""
STAYING = "10.1.2"
"""The network of what stays."""
TIGERA = "Managed by Tigera Calico Enterprise"
GUARD = {"maxRemovedShare": 1.0, "maxAddedShare": 1000, "unlessFewerThan": 1000}
WEB = {"name": GROUP, "select": "app == 'web'"}
GIVEN = ("adopt", "release")
"""Commands about what the Calico controller made."""
INSTALLED = ("install", "urgent", "objects", "before", "shared", "deny", "shards", "repair")
"""Commands that bring something to the devices."""
LIMIT = 4
SHAPES: dict[str, dict[str, Any]] = {
    "objects": {"install": {**UNATTENDED, "mode": "objects"}},
    "before": {"reconcile": {"write": "before-install"}},
    "shared": {"groups": [{**WEB, "mapping": "shared"}]},
    "deny": {},
    "shards": {
        "groups": [WEB, {"name": CACHE, "select": "app == 'cache'"}],
        "memberLimit": LIMIT,
    },
}
"""Configuration of its own: installs of objects alone, written right before, one value for all
devices, for a policy that denies; groups of more members than one group may have."""


def pods(estate: Estate, *ips: str, cache: Collection[str] = ()) -> None:
    """Exactly these run in front of all devices."""
    made = [builders.pod(f"web-{ip}", ip, labels={"app": "web"}) for ip in ips]
    made += [builders.pod(f"cache-{ip}", ip, labels={"app": "cache"}) for ip in cache]
    other = builders.pod("other", "10.1.9.9", labels={"app": "other"})
    for cluster in estate.config["clusters"]:
        estate.run(cluster["name"], *made, other)


def units(estate: Estate) -> list[str]:
    """The FortiGates."""
    return [row["name"] for row in estate.config.get("fortigates", [])] or ["fgt-east"]


def on_devices(estate: Estate, group: str = GROUP) -> dict[str, set[str]]:
    """The addresses that each FortiGate lets through."""
    found = {name: estate.unit.fortigate(name).members(group) or () for name in units(estate)}
    nobody = {str(each) for each in NOWHERE.values()} | {"0.0.0.0"}
    plain = {n: {text.removesuffix("/32") for text in held} for n, held in found.items()}
    return {
        name: held - {each.removesuffix("/32") for each in nobody} for name, held in plain.items()
    }


def of_calico() -> list[dict[str, Any]]:
    """Addresses that the Calico controller left."""
    numbers = (1, 2)
    return [
        {"name": f"worker-{n}", "subnet": f"{STAYING}.{n}/32", "comment": TIGERA} for n in numbers
    ]


def calico_group() -> dict[str, Any]:
    """And its group."""
    return {"name": GROUP, "members": ["worker-1", "worker-2"], "comment": TIGERA}


@contextmanager
def behind_fortimanager(
    folder: Path, processes: Processes, mode: str, command: str
) -> Iterator[Scene]:
    """One device behind a FortiManager; a policy uses the group where something is installed."""
    seed = default_seed(install_s=2, workspaceMode=mode, idleTimeoutSeconds=IDLE_S)
    seed["admins"].append({"user": "carol", "password": "yes", "approver": True})
    adom = seed["adoms"][0]
    if command in GIVEN:
        adom["addresses"] += of_calico()
        adom["addressGroups"] = [calico_group()]
    adom["packages"][0]["targets"] = ["fgt-east/root"]
    with open_estate(folder, seed, clock=processes.page) as estate:
        site = {"clusters": ["east"], "fortimanager": "hq", "adom": "prod", "devices": ["fgt-east"]}
        estate.write_config(
            clusters=[estate.config["clusters"][0]], sites=[site], guard=GUARD, install=UNATTENDED
        )
        if command == "shards":
            estate.write_config(**SHAPES[command])
        scene = Scene(estate, processes, ())
        pods(estate, f"{STAYING}.1")
        if command not in GIVEN:
            scene.surely("apply", "--install", "never")
        if command in INSTALLED:
            for group in estate.config["groups"]:
                write_policy(estate, group["name"], "deny" if command == "deny" else "accept")
            scene.surely("apply")
            estate.write_config(**SHAPES.get(command, {}))
        yield scene


def write_policy(estate: Estate, group: str, action: str) -> None:
    """An administrator uses a group."""
    with administrator(estate) as console:
        console.add_policy(
            "prod", PACKAGE, name=f"to-{group}", srcaddr=["all"], dstaddr=[group], action=action
        )


@contextmanager
def administrator(estate: Estate) -> Iterator[Console]:
    """Somebody else at work in the ADOM, in any workspace mode; it is saved at the end."""
    if estate.unit.world.mode != "workflow":
        with estate.administrator() as console:
            yield console
        return
    console = estate.unit.console("carol")
    console.lock("prod")
    number = console.call("exec", f"{WORKFLOW}/start")["sessionid"]
    yield console
    for verb in ("save", "submit", "approve"):
        console.call("exec", f"{WORKFLOW}/{verb}/{number}")
    console.unlock("prod")
    console.log_out()


@contextmanager
def without_fortimanager(folder: Path, processes: Processes, command: str) -> Iterator[Scene]:
    """Two FortiGates, written one after the other."""
    more: dict[str, Any] = {}
    if command in GIVEN:
        more["addresses"] = [*of_calico(), {"name": "legacy-db", "subnet": "10.9.0.1/32"}]
        more["addressGroups"] = [calico_group(), {"name": "legacy", "members": ["legacy-db"]}]
    if command == "deny":
        denying = {"name": "legacy", "srcaddr": ["all"], "dstaddr": ["legacy"], "action": "deny"}
        more["policies"] = [denying]
    seed = offices.seed(("branch-1", "branch-2"), **more)
    with open_branches(folder, seed, clock=processes.page) as estate:
        estate.write_config(guard=GUARD, reconcile={"unitsAtOnce": 1}, **SHAPES.get(command, {}))
        scene = Scene(estate, processes, ())
        pods(estate, f"{STAYING}.1")
        if command not in GIVEN:
            scene.surely("apply")
        if command == "deny":
            for name in units(estate):  # their policy denies what is in their group
                unit = estate.unit.fortigate(name)
                unit.drift("firewall addrgrp", "legacy", member=("legacy-db", GROUP))
        yield scene
