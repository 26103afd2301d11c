"""Device-installs for an hour of churn: fmgsync against installing once per change.

    python benchmarks/installs.py [--changes 10000] [--pods 200] [--devices 2]
        [--install-seconds 30]

Pods are replaced at random instants of one simulated hour, each by one with another address. Both
sides bring that to FortiGates of a simulated FortiManager over HTTPS, on a manual clock, in one
run. fmgsync passes as its controller does (settle 5s, maxDelay 60s), previews, verifies each device
and is run twice: with a window that is always open, and with one that opens when the hour is over.
The peer does what a simple controller does: it writes each change and installs the package at once.
Its installs take no simulated time, or it would not have ended before the week does; how long
they would take one after the other is printed.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import structlog

from fmgsync.clock import ManualClock
from fmgsync.passes import once
from fmgsync.simulator import Simulator
from fmgsync.wiring import wiring

HOUR_S = 3600.0
SETTLE_S, MAX_DELAY_S = 5.0, 60.0
GROUP, PACKAGE = "k8s-web", "edge"
OBJ = "/pm/config/adom/prod/obj/firewall"
ANY = {"dstaddr": ["all"], "service": ["ALL"], "action": "accept"}


@dataclass(frozen=True, slots=True)
class Change:
    """At `at` seconds into the hour pod number `pod` gets the address `ip`."""

    at: float
    pod: int
    ip: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What one side needed. `lines` are devices that something was pushed to, each time."""

    name: str
    installs: int
    lines: int
    requests: int
    oldest_s: float
    right: bool
    took_s: float


def make_changes(count: int, pods: int) -> tuple[list[str], list[Change]]:
    """The first addresses, and every change in its order."""
    chance = random.Random(1)
    first = [_ip(number) for number in range(pods)]
    times = sorted(chance.uniform(0, HOUR_S) for _ in range(count))
    changes = [
        Change(at, chance.randrange(pods), _ip(pods + number)) for number, at in enumerate(times)
    ]
    return first, changes


def _ip(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def seed(devices: int, install_s: float) -> dict[str, Any]:
    """FortiGates in one package; `legacy` keeps its policy in force before ours exists."""
    names = [f"fgt-{number}" for number in range(devices)]
    return {
        "workspaceMode": "disabled",
        "admins": [
            {"user": user, "password": "admin", "superAdmin": True} for user in ("admin", "fmgsync")
        ],
        "adoms": [
            {
                "name": "prod",
                "devices": [{"name": name, "installSeconds": install_s} for name in names],
                "packages": [
                    {"name": PACKAGE, "targets": [f"{name}/root" for name in names], "policies": []}
                ],
            }
        ],
    }


def counted(unit: Simulator, after: int) -> tuple[int, int]:
    """Tasks that pushed, and the devices they pushed to."""
    names = set(unit.world.devices)
    pushed = [
        sum(line.name in names and line.state == "done" for line in task.lines)
        for task in unit.world.tasks.all()
        if task.id > after
    ]
    return sum(map(bool, pushed)), sum(pushed)


def holds(unit: Simulator, wanted: Iterable[str]) -> bool:
    """Whether every FortiGate itself holds exactly these."""
    expected = set(wanted)
    return all(unit.fortigate(name).members(GROUP) == expected for name in unit.world.devices)


# -- fmgsync --------------------------------------------------------------------------------------


class Cluster:
    """A dump of one cluster, as `kubectl get -o json` prints it."""

    def __init__(self, folder: Path, first: Sequence[str]) -> None:
        self._path = folder / "east.json"
        self.addresses = list(first)

    def write(self) -> None:
        """What runs now."""
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}}
        pods = [_pod(number, ip) for number, ip in enumerate(self.addresses)]
        items = [namespace, node, *pods]
        self._path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def _pod(number: int, ip: str) -> dict[str, Any]:
    name = f"web-{number}"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": name, "labels": {"app": "web"}},
        "spec": {"nodeName": "node-1", "containers": [{"name": "main", "image": "app:1"}]},
        "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]},
    }


def write_config(folder: Path, unit: Simulator, windows: object) -> Path:
    """A guard that lets everything through: the churn is the subject."""
    (folder / "password").write_text("admin")
    (folder / "password").chmod(0o600)
    site = {"clusters": ["east"], "fortimanager": "hq", "adom": "prod"}
    config = {
        "owner": "bench",
        "clusters": [{"name": "east", "manifests": "./east.json"}],
        "fortimanagers": [
            {
                "name": "hq",
                "host": unit.host,
                "credentials": {"username": "fmgsync", "password": {"file": "./password"}},
                "tls": {"caFile": unit.ca_file},
            }
        ],
        "sites": [{**site, "devices": sorted(unit.world.devices)}],
        "groups": [{"name": GROUP, "select": "app == 'web'"}],
        "guard": {"maxRemovedShare": 1.0, "maxAddedShare": 1000, "unlessFewerThan": 1_000_000},
        "install": {
            "windows": windows,
            "rollout": {"waves": ["100%"], "pause": "0s", "maxFailures": "100%"},
        },
    }
    path = folder / "fmgsync.yaml"
    path.write_text(json.dumps(config))
    return path


def run_fmgsync(
    name: str, first: Sequence[str], changes: Sequence[Change], unit_seed: Any, *, always: bool
) -> Figures:
    """Pass after pass through the hour, and then until everything has arrived."""
    clock = ManualClock()
    with tempfile.TemporaryDirectory() as made, Simulator(unit_seed, clock=clock.now) as unit:
        folder = Path(made)
        cluster = Cluster(folder, first)
        path = write_config(folder, unit, "always")
        _begin(unit, path, folder, clock, cluster)
        windows: object = "always" if always else [_window(clock.now() + HOUR_S)]
        write_config(folder, unit, windows)
        newest = max(task.id for task in unit.world.tasks.all())
        mark, began, began_at = unit.requests.mark(), time.perf_counter(), clock.now()
        waiting, oldest = list(changes), 0.0
        while waiting or not holds(unit, cluster.addresses):
            if clock.now() > began_at + 3 * HOUR_S:
                raise SystemExit(f"{name}: not everything arrived in three hours")
            _let_time_pass(clock, began_at, waiting)
            due = [each for each in waiting if began_at + each.at <= clock.now()]
            del waiting[: len(due)]
            for each in due:
                cluster.addresses[each.pod] = each.ip
            cluster.write()
            _pass(path, folder, clock, install=True)
            if due and holds(unit, cluster.addresses):
                oldest = max(oldest, clock.now() - began_at - due[0].at)
        took = time.perf_counter() - began
        asked = unit.requests.mark() - mark
        right = holds(unit, cluster.addresses)
        return Figures(name, *counted(unit, newest), asked, oldest, right, took)


def _window(opens_at: float) -> dict[str, str]:
    opens = time.gmtime(opens_at)
    schedule = f"{opens.tm_min} {opens.tm_hour} * * *"
    return {"kind": "allow", "schedule": schedule, "duration": "3h"}


def _begin(unit: Simulator, path: Path, folder: Path, clock: ManualClock, cluster: Cluster) -> None:
    """Groups are written, an administrator's policy uses them, everything is installed once."""
    cluster.write()
    _pass(path, folder, clock, install=False)
    unit.console("admin").add_policy("prod", PACKAGE, name="web", srcaddr=[GROUP], **ANY)
    _install_by_hand(unit, clock)


def _install_by_hand(unit: Simulator, clock: ManualClock) -> None:
    console = unit.console("admin")
    data = {"adom": "prod", "pkg": PACKAGE}
    task = console.call("exec", "/securityconsole/install/package", data)["task"]
    while console.get(f"/task/task/{task}")["percent"] < 100:
        clock.sleep(1)


def _pass(path: Path, folder: Path, clock: ManualClock, *, install: bool) -> None:
    command = f"apply --install {'window' if install else 'never'}"
    world = wiring.make_world(path, command=command, clock=clock, state_dir=folder / "state")
    for adom in once.apply(world, install=install).adoms:
        if adom.error is not None:
            raise SystemExit(str(adom.error))


def _let_time_pass(clock: ManualClock, began_at: float, waiting: Sequence[Change]) -> None:
    """Until it is quiet for SETTLE_S, or a change has waited for MAX_DELAY_S."""
    if not waiting:
        clock.sleep(SETTLE_S)
        return
    first = max(clock.now() - began_at, waiting[0].at)
    quiet = first
    for each in waiting:
        if each.at > min(quiet + SETTLE_S, first + MAX_DELAY_S):
            break
        quiet = max(quiet, each.at)
    due = began_at + min(quiet + SETTLE_S, first + MAX_DELAY_S)
    clock.sleep(due - clock.now())


# -- the peer -------------------------------------------------------------------------------------


class Peer:
    """Writes each change as it comes and installs the package on all its devices."""

    def __init__(self, unit: Simulator, first: Sequence[str]) -> None:
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.verify = unit.ca_file
        self._url = f"{unit.url}/jsonrpc"
        self._session: str | None = None
        login = {"url": "/sys/login/user", "data": {"user": "admin", "passwd": "admin"}}
        self._session = self._send("exec", login)["session"]
        self._members = list(first)
        self._send("add", *(self._address(ip) for ip in first))
        group = {"name": GROUP, "member": [self._name(ip) for ip in first]}
        self._send("add", {"url": f"{OBJ}/addrgrp", "data": group})

    def bring(self, change: Change) -> None:
        """One change, from the object database to the devices."""
        before, self._members[change.pod] = self._members[change.pod], change.ip
        self._send("add", self._address(change.ip))
        members = [self._name(ip) for ip in self._members]
        self._send("set", {"url": f"{OBJ}/addrgrp/{GROUP}", "data": {"member": members}})
        self._send("delete", {"url": f"{OBJ}/address/{self._name(before)}"})
        data = {"adom": "prod", "pkg": PACKAGE}
        started = {"url": "/securityconsole/install/package", "data": data}
        task = self._send("exec", started)["result"][0]["data"]["task"]
        while (
            self._send("get", {"url": f"/task/task/{task}"})["result"][0]["data"]["percent"] < 100
        ):
            pass

    @property
    def members(self) -> list[str]:
        """What it believes to hold."""
        return self._members

    @staticmethod
    def _name(ip: str) -> str:
        return f"pod-{ip}"

    def _address(self, ip: str) -> dict[str, Any]:
        data = {"name": self._name(ip), "subnet": f"{ip}/32"}
        return {"url": f"{OBJ}/address", "data": data}

    def _send(self, method: str, *params: dict[str, Any]) -> dict[str, Any]:
        body = {"method": method, "params": list(params), "session": self._session, "verbose": 1}
        response = self._http.post(self._url, data=json.dumps(body), timeout=600)
        answer: dict[str, Any] = json.loads(response.content)
        for element in answer["result"]:
            if element["status"]["code"] != 0:
                raise SystemExit(f"{method}: {element}")
        return answer


def run_peer(first: Sequence[str], changes: Sequence[Change], unit_seed: Any) -> Figures:
    """Change by change."""
    clock = ManualClock()
    with Simulator(unit_seed, clock=clock.now) as unit:
        peer = Peer(unit, first)
        unit.console("admin").add_policy("prod", PACKAGE, name="web", srcaddr=[GROUP], **ANY)
        _install_by_hand(unit, clock)
        mark, began = unit.requests.mark(), time.perf_counter()
        installs = lines = 0
        newest = max(task.id for task in unit.world.tasks.all())
        for number, each in enumerate(changes, 1):
            peer.bring(each)
            if not number % 500 or number == len(changes):  # the unit forgets old tasks
                more = counted(unit, newest)
                installs, lines = installs + more[0], lines + more[1]
                newest = max(task.id for task in unit.world.tasks.all())
        took, asked = time.perf_counter() - began, unit.requests.mark() - mark
        right = holds(unit, peer.members)
        return Figures("install per change", installs, lines, asked, 0.0, right, took)


def show(figures: Sequence[Figures], asked: argparse.Namespace) -> None:
    """A line each; ratios against the peer, which comes last."""
    peer = figures[-1]
    objects = f"{asked.changes:,} changes, {asked.pods:,} pods, {asked.devices} FortiGates"
    print(f"| {objects} | installs | device-installs | requests | against the peer | took, s |")
    print("|---|---:|---:|---:|---:|---:|")
    for each in figures:
        ratio = peer.lines / each.lines if each.lines else float("inf")
        fewer = "" if each is peer else f"{ratio:,.0f} times fewer"
        print(
            f"| {each.name} | {each.installs:,} | {each.lines:,} | {each.requests:,} | {fewer} "
            f"| {each.took_s:.0f} |"
        )
    if not all(each.right for each in figures):
        raise SystemExit("a FortiGate does not hold what it should")
    hours = peer.installs * asked.install_seconds / HOUR_S
    print(
        f"\nWith the window always open the last device was proven at most"
        f" {figures[0].oldest_s:.0f} simulated seconds after a change."
        f" The peer's installs would take {hours:.0f} hours one after the other."
    )


def main() -> None:
    """Both sides in one run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--changes", type=int, default=10_000)
    parser.add_argument("--pods", type=int, default=200)
    parser.add_argument("--devices", type=int, default=2)
    parser.add_argument("--install-seconds", type=float, default=30.0)
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    first, changes = make_changes(asked.changes, asked.pods)
    unit = seed(asked.devices, asked.install_seconds)
    show(
        [
            run_fmgsync("fmgsync, window always open", first, changes, unit, always=True),
            run_fmgsync("fmgsync, one window", first, changes, unit, always=False),
            run_peer(first, changes, seed(asked.devices, 0)),
        ],
        asked,
    )


if __name__ == "__main__":
    main()
