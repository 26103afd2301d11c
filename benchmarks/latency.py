"""From a pod's change to the ADOM's commit: `fmgsync run` under endless churn.

    python benchmarks/latency.py [--pods 150000] [--groups 2000] [--rate 100] [--seconds 60]
        [--latency 0.05] [--settle 5] [--peer]

The controller is a process of its own, and so is a FortiManager that lets every request wait. This
one plays a Kubernetes API server, replaces pods (the same name, another address) and hears when
each address has been committed in the ADOM, which is in workspace mode. Under endless churn there
is never a quiet moment, so `reconcile.maxDelay` is what bounds the wait; it is set to the settling
time, and the question is what is added to it.

With `--peer` the same controller compares the whole ADOM in every pass (`resync` is as short as the
settling time), as one without passes over a part would.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import controller
from benchmarks.estate import PASSWORD, ip
from fmgsync.simulator import Simulator
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.simulator.wire.requestlog import Entry

SPACES = 100
DEVICES = 2
PATIENCE_S = 150.0


def app(number: int, groups: int) -> str:
    """Half of the pods are selected by some rule: firewalls know only part of a cluster."""
    return f"a{number % (2 * groups)}"


@dataclass(frozen=True)
class Commit:
    """When it was, what it changed, and how many addresses the ADOM holds since."""

    at: float
    changed: frozenset[str]
    addresses: int


def play_fortimanager(latency: float, asked: Synchronized[int], talk: Connection) -> None:
    """A simulated FortiManager that tells each commit, and counts the requests in `asked`."""
    with Simulator(seed(), latency=latency) as unit:
        place, seen = unit.world.adoms["prod"], 0

        def look(entry: Entry) -> None:
            nonlocal seen
            asked.value += 1
            if any("/workspace/commit" in url for url in entry.urls):
                rows = place.ground.rows("firewall address")
                changed = {str(key) for _, key in place.journal[seen:] if key in rows}
                seen = len(place.journal)
                talk.send(Commit(time.monotonic(), frozenset(changed), len(rows)))

        unit.requests.follow = look
        talk.send((unit.host, unit.ca_file))
        while talk.recv() != "end":
            stand_still()


def stand_still() -> None:
    """A process that stands in for another machine should not stop to walk its memory."""
    gc.collect()
    gc.freeze()


class FortiManager:
    """The process that plays it, as this one sees it."""

    def __init__(self, asked: Synchronized[int], talk: Connection, pid: int) -> None:
        self.pid = pid
        self._asked = asked
        self._talk = talk
        self.host, self.ca_file = talk.recv()

    @property
    def requests(self) -> int:
        return self._asked.value

    def listen(self, patience_s: float) -> Commit | None:
        """The next commit, if there is one in time."""
        told: Commit | None = self._talk.recv() if self._talk.poll(patience_s) else None
        return told

    def stand_still(self) -> None:
        self._talk.send("stand still")


@contextmanager
def fortimanager(latency: float) -> Iterator[FortiManager]:
    """A FortiManager in a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    asked = context.Value("q", 0)
    process = context.Process(target=play_fortimanager, args=(latency, asked, there), daemon=True)
    process.start()
    try:
        yield FortiManager(asked, here, process.pid or 0)
    finally:
        here.send("end")
        process.join(10)


class Arrivals:
    """When each address was given to a pod, and when the ADOM had it."""

    def __init__(self, unit: FortiManager) -> None:
        self._unit = unit
        self._waiting: dict[str, float] = {}
        self.delays: list[float] = []
        self.commits = 0

    def expect(self, address: str) -> None:
        self._waiting[f"bench_{address}"] = time.monotonic()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def hear(self, patience_s: float = 0.0) -> None:
        """Take in what the FortiManager has told."""
        while (told := self._unit.listen(patience_s)) is not None:
            self.commits += 1
            there = told.changed & self._waiting.keys()
            self.delays += [told.at - self._waiting.pop(name) for name in there]


def seed() -> dict[str, Any]:
    names = [f"fgt-{number}" for number in range(DEVICES)]
    rights = {"rpcPermit": "read-write", "superAdmin": True}
    return {
        "workspaceMode": "normal",
        "admins": [{"user": "admin", "password": PASSWORD, **rights}],
        "adoms": [
            {
                "name": "prod",
                "devices": [{"name": name} for name in names],
                "packages": [
                    {"name": "edge", "targets": [f"{name}/root" for name in names], "policies": []}
                ],
            }
        ],
    }


def write_config(
    folder: Path, unit: FortiManager, cluster: KubernetesSimulator, size: argparse.Namespace
) -> Path:
    settle = f"{size.settle:g}s"
    names = [f"fgt-{number}" for number in range(DEVICES)]
    return controller.write_config(
        folder,
        unit,
        cluster,
        owner="bench",
        sites=[{"clusters": ["east"], "fortimanager": "hq", "adom": "prod", "devices": names}],
        groups=[
            {"name": f"g{number}", "select": f"app == 'a{number}'"} for number in range(size.groups)
        ],
        reconcile={
            "settle": settle,
            "maxDelay": settle,
            "minInterval": "0s",
            "resync": settle if size.peer else "10m",
        },
        guard={"maxAddedShare": 1e6, "maxRemovedShare": 1.0},
        install={"mode": "none"},
    )


def await_first_fill(
    unit: FortiManager, config: Path, wanted: int, process: subprocess.Popen[bytes]
) -> float:
    """Until the ADOM holds every selected pod's address."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE_S:
        told = unit.listen(0.2)
        if told is not None and told.addresses >= wanted:
            return told.at - began
        if process.poll() is not None:
            raise SystemExit("the controller ended by itself")
    print((config.parent / "log").read_text()[-3000:])
    raise SystemExit("the first fill did not end")


def await_quiet(unit: FortiManager) -> None:
    """Until the pass that filled the ADOM is over, its last look included.

    For a minute at most: one that compares the whole ADOM all the time is never quiet.
    """
    asked, ends_at = -1, time.monotonic() + 60
    while asked != unit.requests and time.monotonic() < ends_at:
        asked = unit.requests
        time.sleep(15)


def churn(cluster: KubernetesSimulator, arrivals: Arrivals, size: argparse.Namespace) -> None:
    """Replace selected pods, `rate` a second."""
    chance, began = random.Random(1), time.monotonic()
    selected = [n for n in range(size.pods) if n % (2 * size.groups) < size.groups]
    for n in range(int(size.rate * size.seconds)):
        due = began + n / size.rate
        while (left := due - time.monotonic()) > 0:
            arrivals.hear()
            time.sleep(min(left, 0.05))
        number, address = chance.choice(selected), ip(1 << 20 | n)
        arrivals.expect(address)
        cluster.patch(
            "Pod",
            f"pod-{number}",
            {"status": controller.addressed(address)},
            namespace=f"ns{number % SPACES}",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=150_000)
    parser.add_argument("--groups", type=int, default=2_000)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--settle", type=float, default=5)
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--port", type=int, default=18080)
    size = parser.parse_args()
    selected = sum(n % (2 * size.groups) < size.groups for n in range(size.pods))
    with (
        tempfile.TemporaryDirectory() as folder,
        KubernetesSimulator() as cluster,
        fortimanager(size.latency) as unit,
    ):
        for n in range(SPACES):
            cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"ns{n}"}})
        for n in range(size.pods):
            cluster.add(controller.pod(n, ip(n), f"ns{n % SPACES}", app(n, size.groups)))
        config = write_config(Path(folder), unit, cluster, size)
        state = ("--state-dir", str(Path(folder) / "state"))
        with controller.running(config, size.port, *state) as process:
            filled_s = await_first_fill(unit, config, selected, process)
            await_quiet(unit)
            stand_still()
            unit.stand_still()
            print(f"pods {size.pods} ({selected} selected), groups {size.groups}")
            print(f"first fill         {filled_s:8.1f} s", flush=True)
            arrivals = Arrivals(unit)
            pids = {"controller": process.pid, "API server": os.getpid(), "FortiManager": unit.pid}
            used = {name: controller.processor_s(pid) for name, pid in pids.items()}
            waited = controller.waited_s(process.pid)
            asked, began = unit.requests, time.monotonic()
            churn(cluster, arrivals, size)
            spent = {name: controller.processor_s(pid) - used[name] for name, pid in pids.items()}
            waited = controller.waited_s(process.pid) - waited
            took, commits = time.monotonic() - began, arrivals.commits
            asked = unit.requests - asked
            until = time.monotonic() + 30
            while arrivals.waiting and time.monotonic() < until:
                arrivals.hear(0.1)
            if arrivals.waiting > size.rate:
                print((Path(folder) / "log").read_text()[-2000:])
        delays = sorted(arrivals.delays)
        print(f"changes            {len(delays):8d} at {len(delays) / took:.0f} /s")
        print(f"never committed    {arrivals.waiting:8d} (replaced again before a pass saw them)")
        print(f"commits            {commits:8d}, {asked / max(1, commits):.1f} requests each")
        print(f"event to commit    {delays[len(delays) // 2]:8.2f} s median")
        print(f"                   {delays[int(len(delays) * 0.99)]:8.2f} s p99")
        print(f"beyond settling    {delays[int(len(delays) * 0.99)] - size.settle:8.2f} s p99")
        for name, seconds in spent.items():
            print(f"{'processor, ' + name:<24}{seconds / took * 100:3.0f} % of one core")
        print(f"waited for one          {waited / took * 100:3.0f} % of the time, the controller")


if __name__ == "__main__":
    main()
