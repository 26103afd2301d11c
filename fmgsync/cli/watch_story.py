"""The demo's second story: the controller, for a minute, while everything around it breaks.

Two replicas of `fmgsync run` are real processes; the clusters behind them are simulated API
servers, the FortiManager is the simulator. In the end every FortiGate must hold what runs.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fmgsync import errors
from fmgsync.cli import story
from fmgsync.simulator.clusters import SimulatedCluster
from fmgsync.simulator.kubernetes import KubernetesSimulator

NAMESPACE = "fmgsync"
PATIENCE_S = 60.0
STEP_S = 0.5

Tell = Callable[[str], None]


@dataclass(slots=True)
class Live:
    """The estate with API servers instead of dumps, and the replicas at work."""

    estate: story.Estate
    servers: Mapping[str, KubernetesSimulator]
    replicas: list[subprocess.Popen[bytes]] = field(default_factory=list)
    shown: dict[str, set[str]] = field(default_factory=dict)


def play(estate: story.Estate, seconds: float, tell: Tell) -> None:
    """Churn for `seconds`, break one thing after the other, then wait for everything to settle."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(KubernetesSimulator()) for name in estate.clusters}
        live = Live(estate, servers)
        for name, server in servers.items():
            server.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
            server.kubeconfig(estate.folder / f"{name}.kubeconfig")
            _bring_up(live, name)
        estate.config.write_text(_config(estate), encoding="utf-8")
        stack.enter_context(_replicas(live, 2))
        tell("two replicas of fmgsync run are started; one of them takes the Lease of the ADOM")
        _until(
            live,
            "the groups are created",
            lambda: all(_group_exists(estate, app) for app in estate.apps),
        )
        tell("the groups are there; an administrator writes a policy for each, and installs them")
        story.administrator_brings_policies(estate)
        _break_things(live, seconds, tell)
        tell("the churn is over; waiting until every FortiGate holds what runs")
        _until(
            live,
            "every FortiGate holds what runs",
            lambda: all(_holds(estate, name) for name in _devices(estate)),
        )


def count(estate: story.Estate, started_at: float) -> story.Tally:
    """The tally at the end; verified: the FortiGate itself holds exactly what runs."""
    tally = story.count(estate, started_at)
    tally.verified = sum(_holds(estate, name) for name in _devices(estate))
    tally.installs = len(estate.unit.requests.installs())
    return tally


def _devices(estate: story.Estate) -> list[str]:
    return [name for names in estate.devices.values() for name in names]


def _config(estate: story.Estate) -> str:
    config = json.loads(estate.config.read_text(encoding="utf-8"))
    config["clusters"] = [
        {"name": name, "kubeconfig": {"file": f"./{name}.kubeconfig"}} for name in estate.clusters
    ]
    config["reconcile"] = {"settle": "1s", "maxDelay": "3s", "minInterval": "0s"}
    # Between the administrator's edit and the install of it fmgsync installs as well.
    config["install"] |= {"windows": "always", "foreignChanges": "report"}
    config["lease"] = {"namespace": NAMESPACE}
    # A minute of this churn is a year of a quiet cluster: the guard would rightly ask a human.
    config["guard"] = {"maxRemovedShare": 1.0, "maxAddedShare": 100.0, "unlessFewerThan": 100_000}
    return json.dumps(config, indent=2)


def _bring_up(live: Live, name: str) -> None:
    """Everything the cluster runs at the start."""
    for item in live.estate.clusters[name].dump()["items"]:
        live.servers[name].add(item)
    live.shown[name] = set(live.estate.clusters[name].pods)


def _churn(live: Live, name: str) -> None:
    """A pod comes, goes or moves, and the API server says so."""
    cluster, server = live.estate.clusters[name], live.servers[name]
    live.estate.tally.changes += cluster.churn(1)
    now = {pod["metadata"]["name"]: pod for pod in cluster.dump()["items"] if pod["kind"] == "Pod"}
    for gone in live.shown[name] - now.keys():
        server.delete("Pod", gone, namespace=SimulatedCluster.NAMESPACE)
    for new in now.keys() - live.shown[name]:
        server.add(now[new])
    live.shown[name] = set(now)


def _break_things(live: Live, seconds: float, tell: Tell) -> None:
    """Churn all the while; at their moments the API server, FortiManager and the leader fail."""
    first = next(iter(live.servers.values()))
    moments: list[tuple[float, str, Callable[[], None]]] = [
        (0.2, "an API server restarts and has forgotten its history", first.restart),
        (0.4, "FortiManager is unplugged for three seconds", lambda: live.estate.unit.unplug()),
        (0.4 + 3 / seconds, "FortiManager is back", live.estate.unit.plug),
        (0.6, "the leading replica is killed", lambda: _kill_leader(live)),
    ]
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        while moments and passed >= moments[0][0] * seconds:
            _, text, act = moments.pop(0)
            tell(text)
            act()
        for name in live.servers:
            _churn(live, name)
        time.sleep(STEP_S)


def _kill_leader(live: Live) -> None:
    """SIGKILL the process that holds the ADOM's Lease, as a node failure would."""
    leader = _leader(live)
    for process in live.replicas:
        if f"-{process.pid}-" in leader:
            process.kill()
            process.wait()


def _leader(live: Live) -> str:
    from fmgsync.leases import leasing
    from fmgsync.model.target import TargetRef

    home = next(iter(live.servers.values()))
    name = leasing.lease_name("demo", TargetRef("hq", story.ADOM))
    lease: Mapping[str, Any] = home.find("Lease", name, namespace=NAMESPACE) or {}
    return str(lease.get("spec", {}).get("holderIdentity", ""))


@contextmanager
def _replicas(live: Live, count: int) -> Iterator[None]:
    """`fmgsync run` as processes of their own; ended at the end, however it comes."""
    command = [sys.executable, "-m", "fmgsync", "run", "-v", "--listen", "none"]
    folder = live.estate.folder
    try:
        for number in range(count):
            with (folder / f"replica-{number}.log").open("wb") as log:
                process = subprocess.Popen(  # noqa: S603 - our own program
                    [*command, "-c", str(live.estate.config), "--state-dir", str(folder / "state")],
                    stdout=log,
                    stderr=log,
                    env=_environment(),
                )
            live.replicas.append(process)
        yield
    finally:
        for process in live.replicas:
            process.send_signal(signal.SIGTERM)
        for process in live.replicas:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _environment() -> dict[str, str]:
    """The parent's, without what would make a replica look for a cluster it does not run in."""
    root = str(Path(__file__).parents[2])
    kept = {key: value for key, value in os.environ.items() if not re.match("KUBERNETES_", key)}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, [root, kept.get("PYTHONPATH")]))}


def _group_exists(estate: story.Estate, app: str) -> bool:
    return estate.unit.console("admin").object(story.ADOM, "addrgrp", f"k8s-{app}") is not None


def _holds(estate: story.Estate, device: str) -> bool:
    site = next(site for site, names in estate.devices.items() if device in names)
    unit = estate.unit.fortigate(device)
    return all(
        _hosts(unit, f"k8s-{app}") == estate.clusters[site].addresses(app) for app in estate.apps
    )


def _hosts(unit: Any, group: str) -> set[str]:
    found = [unit.members(group, family=family) or set() for family in ("ipv4", "ipv6")]
    return {text.partition("/")[0] for texts in found for text in texts}


def _until(live: Live, what: str, true: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > ends_at:
            logs = [path.read_text()[-1000:] for path in live.estate.folder.glob("replica-*.log")]
            raise errors.FmgsyncError(f"{what}: not within {PATIENCE_S:.0f} s\n" + "\n".join(logs))
        time.sleep(0.2)
