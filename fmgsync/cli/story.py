"""The demo's story: a simulated estate, and fmgsync run on it like on any other.

Everything goes the long way: a configuration file, dumps of the clusters, TLS, JSON-RPC. The
story itself only plays the people around fmgsync: the clusters' users and the administrator.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from fmgsync.assessing import survey
from fmgsync.clock import Clock, SystemClock
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import DeviceView
from fmgsync.passes import once
from fmgsync.passes.install_context import People
from fmgsync.passes.result import Result
from fmgsync.passes.world import World
from fmgsync.simulator import Simulator
from fmgsync.simulator.clusters import SimulatedCluster
from fmgsync.wiring import wiring

ADOM = "prod"
PACKAGE = "edge/default"
SITES = ("east", "west")
PASSWORD = "only-in-this-demo"  # noqa: S105 - of a simulator that lives for seconds
INSTALL_S = 1


@dataclass(frozen=True, slots=True)
class Size:
    """How large the story is."""

    devices: int = 5
    pods: int = 100
    groups: int = 3
    changes: int = 20


@dataclass(slots=True)
class Tally:
    """What the story amounts to; the fields are those of `demo --output json`."""

    devices: int = 0
    verified: int = 0
    groups: int = 0
    addresses: int = 0
    changes: int = 0
    requests: int = 0
    installs: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Estate:
    """The simulated world and where its files lie; `state` is the folder for what is remembered."""

    folder: Path
    size: Size
    unit: Simulator
    clusters: Mapping[str, SimulatedCluster]
    apps: list[str]
    devices: Mapping[str, list[str]]
    clock: Clock = field(default_factory=SystemClock)
    tally: Tally = field(default_factory=Tally)
    state: str = "state"
    views: tuple[DeviceView, ...] = ()

    @property
    def config(self) -> Path:
        """The configuration file fmgsync is run with."""
        return self.folder / "fmgsync.yaml"


Tell = Callable[[str], None]


def seed(size: Size, *, workspace: str = "normal", install_s: float = INSTALL_S) -> dict[str, Any]:
    """The FortiManager before fmgsync comes: devices, one package, one policy of its own."""
    names = [name for devices in devices_of(size).values() for name in devices]
    return {
        "version": "7.4.5",
        "workspaceMode": workspace,
        "admins": [
            {"user": "admin", "password": PASSWORD, "rpcPermit": "read-write", "superAdmin": True},
            {"user": "fmgsync", "password": PASSWORD, "rpcPermit": "read-write", "adoms": [ADOM]},
        ],
        "adoms": [
            {
                "name": ADOM,
                "osVersion": "7.4",
                "devices": [
                    {"name": name, "vdoms": ["root"], "installSeconds": install_s} for name in names
                ],
                "addresses": [
                    {"name": "legacy-db", "subnet": "10.250.0.1/32", "comment": "by hand"}
                ],
                "packages": [
                    {
                        "name": PACKAGE,
                        "targets": [f"{name}/root" for name in names],
                        "policies": [
                            {
                                "name": "legacy",
                                "srcaddr": ["legacy-db"],
                                "dstaddr": ["all"],
                                "service": ["ALL"],
                                "action": "accept",
                            }
                        ],
                    }
                ],
            }
        ],
    }


def devices_of(size: Size) -> dict[str, list[str]]:
    """FortiGates by site, dealt out in turn."""
    sites: dict[str, list[str]] = {site: [] for site in SITES}
    for number in range(size.devices):
        site = SITES[number % len(SITES)]
        sites[site].append(f"fgt-{site}-{number // len(SITES) + 1}")
    return sites


def clusters_of(size: Size, apps: list[str]) -> dict[str, SimulatedCluster]:
    """One cluster per site; the first takes an odd pod."""
    share, odd = divmod(size.pods, len(SITES))
    return {
        site: SimulatedCluster(site, index=40 + i, apps=apps, pods=share + (i < odd))
        for i, site in enumerate(SITES)
    }


def write_files(estate: Estate) -> None:
    """The configuration a user would write, and the clusters' dumps."""
    (estate.folder / "password").write_text(PASSWORD, encoding="utf-8")
    (estate.folder / "password").chmod(0o600)
    config = {
        "owner": "demo",
        "clusters": [{"name": site, "manifests": f"./{site}.json"} for site in SITES],
        "fortimanagers": [
            {
                "name": "hq",
                "host": estate.unit.host,
                "credentials": {"username": "fmgsync", "password": {"file": "./password"}},
                "tls": {"caFile": str(estate.unit.ca_file)},
            }
        ],
        "sites": [
            {"clusters": [site], "fortimanager": "hq", "adom": ADOM, "devices": devices}
            for site, devices in estate.devices.items()
            if devices
        ],
        "groups": [
            {"name": f"k8s-{app}", "select": f"app == '{app}'", "families": ["ipv4", "ipv6"]}
            for app in estate.apps
        ],
        # All at once: this story has no time for canaries and pauses; `--rollout` tells theirs.
        "install": {"rollout": {"waves": ["100%"], "pause": "0s", "maxFailures": "100%"}},
    }
    # JSON is YAML: nothing here needs quoting rules of its own.
    estate.config.write_text(json.dumps(config, indent=2), encoding="utf-8")
    write_dumps(estate)


def write_dumps(estate: Estate) -> None:
    """What kubectl would print of each cluster now."""
    for site, cluster in estate.clusters.items():
        cluster.write(estate.folder / f"{site}.json")


def churn(estate: Estate) -> None:
    """Pods come, go and move, in all clusters together as often as the story wants."""
    share, odd = divmod(estate.size.changes, len(estate.clusters))
    for number, cluster in enumerate(estate.clusters.values()):
        estate.tally.changes += cluster.churn(share + (number < odd))
    write_dumps(estate)


def administrator_brings_policies(estate: Estate) -> None:
    """An administrator lets each group through and installs that once: only now can the groups
    reach a FortiGate. fmgsync pushes nobody else's edits."""
    console = estate.unit.console("admin")
    locks = estate.unit.world.mode != "disabled"
    if locks:
        console.lock(ADOM)
    for app in estate.apps:
        console.add_policy(
            ADOM,
            PACKAGE,
            name=f"to-{app}",
            srcaddr=["all"],
            dstaddr=[f"k8s-{app}"],
            srcaddr6=["all"],
            dstaddr6=[f"k8s-{app}"],
            service=["ALL"],
            action="accept",
        )
    if locks:
        console.commit(ADOM)
    console.log_out()
    install_by_hand(estate)


def install_by_hand(estate: Estate) -> None:
    """The administrator installs the package on all its devices, and waits for the end."""
    console = estate.unit.console("admin")
    if estate.unit.world.mode != "disabled":
        console.lock(ADOM)
    package = {"adom": ADOM, "pkg": PACKAGE}
    task = console.call("exec", "/securityconsole/install/package", package)["task"]
    while console.get(f"/task/task/{task}")["percent"] < 100:
        estate.clock.sleep(INSTALL_S / 2)
    console.log_out()


def policies(estate: Estate) -> list[str]:
    """The policies that use the groups, as FortiManager has them."""
    console = estate.unit.console("admin")
    rows = console.get(f"/pm/config/adom/{ADOM}/pkg/{PACKAGE}/firewall/policy")
    console.log_out()
    return [
        f"policy {row['policyid']} {row['name']} in {PACKAGE}: {', '.join(row['srcaddr'])} to"
        f" {', '.join(row['dstaddr'])}: {row['action']}"
        for row in rows
        if row["dstaddr"][0].startswith("k8s-")
    ]


def proof(estate: Estate) -> list[str]:
    """One FortiGate's own answer beside what runs in the cluster behind it."""
    site, app = SITES[0], estate.apps[0]
    device = estate.devices[site][0]
    held = {
        text.partition("/")[0] for text in estate.unit.fortigate(device).members(f"k8s-{app}") or ()
    }
    runs = {a for a in estate.clusters[site].addresses(app) if ":" not in a}
    few = ", ".join(sorted(held)[:3])
    told = "the same" if held == runs else "NOT the same"
    return [
        f"{device} itself answers: k8s-{app} holds {len(held)} IPv4 addresses ({few}, ...);",
        f"in cluster {site} {len(runs)} pods of {app} run: {told}.",
    ]


def make_world(
    estate: Estate, tell: Tell, install: str = "now", people: People | None = None
) -> World:
    """What `fmgsync apply --install ...` works with, on the demo's configuration."""
    return wiring.make_world(
        estate.config,
        command=f"apply --install {install}",
        tell=tell,
        clock=estate.clock,
        state_dir=estate.folder / estate.state,
        people=people,
    )


def approve(estate: Estate, digest: str) -> None:
    """What `fmgsync approve` does, when a person has looked at what the guard holds."""
    world = make_world(estate, lambda text: None)
    now = world.clock.now()
    world.memory.approve(digest, who="the demo", reason="the story", now=now, expires_at=now + 600)


def run_apply(
    estate: Estate, tell: Tell, install: str = "now", people: People | None = None
) -> Result:
    """What `fmgsync apply --install ...` does."""
    world = make_world(estate, tell, install, people)
    result = once.apply(world, install=install != "never")
    for adom in result.adoms:
        if adom.error is not None:
            raise adom.error
        estate.tally.installs += len(adom.outcomes)
    estate.views = tuple(view for adom in result.adoms for view in adom.views)
    return result


def apply_and_approve(estate: Estate, tell: Tell, console: Console) -> None:
    """`fmgsync apply`; what the guard holds a person looks at, lets through and applies."""
    result = run_apply(estate, tell)
    held = sum(len(adom.seen.plan.held) for adom in result.adoms if adom.seen)
    if held:
        console.print(
            f"   The guard holds {held} parts, for a person to see: more than a fifth of a group "
            f"went at once.\n   The person approves: fmgsync approve {result.digest}"
        )
        approve(estate, result.digest)
        run_apply(estate, tell)


def count(estate: Estate, started_at: float) -> Tally:
    """The tally at the end. Verified: asked, right, and equal to what runs in the clusters."""
    proven = set(survey.verified(estate.views))
    estate.tally.devices = estate.size.devices
    estate.tally.verified = sum(
        view.target in proven and holds_what_runs(estate, view) for view in estate.views
    )
    estate.tally.groups = len(estate.apps)
    estate.tally.addresses = len(
        {
            a
            for cluster in estate.clusters.values()
            for app in estate.apps
            for a in cluster.addresses(app)
        }
    )
    estate.tally.requests = len(estate.unit.requests)
    estate.tally.seconds = round(time.monotonic() - started_at, 1)
    return estate.tally


def holds_what_runs(estate: Estate, view: DeviceView) -> bool:
    """Compare a device's own answer with the clusters, past everything fmgsync computed."""
    cluster = estate.clusters[site_of(estate, view.target)]
    return all(
        group.device == cluster.addresses(group.name.removeprefix("k8s-")) for group in view.groups
    )


def site_of(estate: Estate, target: DeviceVdom) -> str:
    """The site a FortiGate belongs to."""
    return next(site for site, names in estate.devices.items() if target.device in names)
