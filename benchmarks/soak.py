"""Does `fmgsync run` grow? Two replicas under steady churn at constant size, watched from outside.

    python -m benchmarks.soak [--minutes 60] [--rate 10] [--pods 20000] [--groups 200]
        [--csv FILE] [--svg FILE] [--logs FOLDER]
    python -m benchmarks.soak --draw FILE --svg FILE        a plot of an earlier one

Each replica is a process of its own, and so is FortiManager; this one plays the API server. The
replicas share two ADOMs by Leases. Pods get another address `rate` times a second, which both ADOMs
are to have; a window opens for two minutes every ten, so that installs are among what is repeated.
Every 15 s the memory, file descriptors and threads of each replica are noted, and how many requests
the unit had. A line through the second half tells what an hour adds.
"""

from __future__ import annotations

import argparse
import csv
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks import controller
from benchmarks.estate import PASSWORD, ip
from benchmarks.unit import Unit, running
from fmgsync.model import naming
from fmgsync.simulator.kubernetes import KubernetesSimulator

ADOMS = ("prod", "lab")
OWNER = "soak"
SAMPLE_S = 15.0


@dataclass(frozen=True)
class Sample:
    """One look at one replica; `requests` are those of both since the last look, a minute."""

    minute: float
    replica: int
    memory_mb: float
    descriptors: int
    threads: int
    processor_s: float
    requests: float


def group_names(groups: int) -> list[str]:
    return [f"g{number}" for number in range(groups)]


def seed(groups: int) -> dict[str, Any]:
    """Two ADOMs, a FortiGate in each; our groups are there, empty, and a policy uses them."""
    rights = {"rpcPermit": "read-write", "superAdmin": True}

    def adom(name: str) -> dict[str, Any]:
        own = group_names(groups)
        policy = {"name": "web", "srcaddr": own, "dstaddr": ["all"], "service": ["ALL"]}
        return {
            "name": name,
            "devices": [{"name": f"fgt-{name}", "installSeconds": 5}],
            "addressGroups": [
                {"name": each, "members": ["none"], "comment": naming.mark(OWNER, each)}
                for each in own
            ],
            "packages": [
                {
                    "name": "edge",
                    "targets": [f"fgt-{name}/root"],
                    "policies": [{**policy, "action": "accept"}],
                }
            ],
        }

    return {
        "workspaceMode": "normal",
        "admins": [{"user": "admin", "password": PASSWORD, **rights}],
        "adoms": [adom(name) for name in ADOMS],
    }


def write_config(folder: Path, unit: Unit, cluster: KubernetesSimulator, groups: int) -> Path:
    site = {"clusters": ["east"], "fortimanager": "hq"}
    return controller.write_config(
        folder,
        unit,
        cluster,
        owner=OWNER,
        sites=[{**site, "adom": name, "devices": [f"fgt-{name}"]} for name in ADOMS],
        groups=[{"name": each, "select": f"app == '{each}'"} for each in group_names(groups)],
        guard={"maxAddedShare": 1e6, "maxRemovedShare": 1.0, "maxMembers": 1_000_000},
        install={
            "windows": [{"kind": "allow", "schedule": "*/10 * * * *", "duration": "2m"}],
            "rollout": {"waves": ["100%"], "pause": "0s", "maxFailures": "100%"},
        },
        lease={"namespace": "fmgsync"},
    )


class Watch:
    """Samples of the replicas, written down as they are taken."""

    def __init__(
        self, unit: Unit, processes: Sequence[subprocess.Popen[bytes]], file: Path
    ) -> None:
        self._unit, self._processes = unit, processes
        self._began = self._last = time.monotonic()
        self._file = file.open("w", newline="")
        self._rows = csv.writer(self._file)
        self._rows.writerow([field.name for field in fields(Sample)])

    def look(self) -> None:
        now = time.monotonic()
        if now - self._last < SAMPLE_S:
            return
        asked = self._unit.cost().requests / (now - self._last) * 60
        for number, process in enumerate(self._processes):
            if process.poll() is not None:
                raise SystemExit(f"replica {number} ended by itself")
            found = sample(process.pid, number, (now - self._began) / 60, asked)
            self._rows.writerow(astuple(found))
        self._file.flush()
        self._last = now


def sample(pid: int, number: int, minute: float, requests: float) -> Sample:
    home = Path(f"/proc/{pid}")
    status = dict(
        line.split(":", 1) for line in (home / "status").read_text().splitlines() if ":" in line
    )
    return Sample(
        round(minute, 2),
        number,
        round(int(status["VmRSS"].split()[0]) / 1024, 1),
        len(list((home / "fd").iterdir())),
        int(status["Threads"]),
        controller.processor_s(pid),
        round(requests, 1),
    )


def churn(cluster: KubernetesSimulator, watch: Watch, asked: argparse.Namespace) -> None:
    """Replace pods, `rate` a second: the size stays what it is."""
    chance, began, changed = random.Random(1), time.monotonic(), 0
    while (past := time.monotonic() - began) < asked.minutes * 60:
        if changed < past * asked.rate:
            number, address = chance.randrange(asked.pods), ip(1 << 20 | changed)
            status = {"status": controller.addressed(address)}
            cluster.patch("Pod", f"pod-{number}", status, namespace="shop")
            changed += 1
        else:
            time.sleep(0.05)
        watch.look()


def read(file: Path) -> list[Sample]:
    """Samples that were written down."""
    kinds: dict[str, Any] = {"replica": int, "descriptors": int, "threads": int}
    with file.open(newline="") as lines:
        return [
            Sample(**{name: kinds.get(name, float)(text) for name, text in row.items()})
            for row in csv.DictReader(lines)
        ]


def told(samples: Sequence[Sample]) -> Iterator[str]:
    """For each replica: how much it had, and what the last half hour adds in an hour."""
    yield "| replica | MB at 5 min | at 30 min | at the end | second half, MB an hour | descriptors, at most | threads, at most | processor, % of a core |"  # noqa: E501
    yield "|---:|" + "---:|" * 7
    for number in sorted({each.replica for each in samples}):
        own = [each for each in samples if each.replica == number]
        late = own[len(own) // 2 :]
        minutes, memory = [e.minute for e in late], [e.memory_mb for e in late]
        slope = statistics.linear_regression(minutes, memory).slope * 60
        spent = (own[-1].processor_s - own[0].processor_s) / (own[-1].minute - own[0].minute) / 0.6
        yield (
            f"| {number} | {_at(own, 5):.0f} | {_at(own, 30):.0f} | {own[-1].memory_mb:.0f} "
            f"| {slope:+.1f} | {max(e.descriptors for e in own)} | {max(e.threads for e in own)} "
            f"| {spent:.1f} |"
        )


def _at(samples: Sequence[Sample], minute: float) -> float:
    return min(samples, key=lambda each: abs(each.minute - minute)).memory_mb


def draw(samples: Sequence[Sample], path: Path) -> None:
    """Memory, descriptors, threads and requests, one below the other."""
    from benchmarks.plots import plot

    shown: tuple[tuple[str, Callable[[Sample], float]], ...] = (
        ("memory, MB", lambda e: e.memory_mb),
        ("file descriptors", lambda e: e.descriptors),
        ("threads", lambda e: e.threads),
    )
    with plot(path, len(shown) + 1, height=7.5) as axes:
        for (label, value), place in zip(shown, axes, strict=False):
            for number in sorted({each.replica for each in samples}):
                own = [each for each in samples if each.replica == number]
                place.plot(
                    [e.minute for e in own], [value(e) for e in own], label=f"replica {number}"
                )
            place.set_ylabel(label)
            place.set_ylim(bottom=0)
        axes[0].legend(frameon=False, ncols=2)
        first = [each for each in samples if each.replica == 0]
        axes[-1].plot([e.minute for e in first], [e.requests for e in first], color="#555555")
        axes[-1].set_ylabel("requests a minute, both")
        axes[-1].set_xlabel("minutes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=10)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--groups", type=int, default=200)
    parser.add_argument("--csv", type=Path, default=Path("soak.csv"))
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--draw", type=Path, help="no soak: draw what an earlier one wrote")
    parser.add_argument("--logs", type=Path, help="keep the replicas' logs in this folder")
    asked = parser.parse_args()
    if asked.draw is None:
        soak(asked)
    samples = read(asked.draw or asked.csv)
    print(*told(samples), sep="\n")
    if asked.svg:
        draw(samples, asked.svg)


def soak(asked: argparse.Namespace) -> None:
    with ExitStack() as stack:
        folder = asked.logs or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        cluster = stack.enter_context(KubernetesSimulator())
        unit = stack.enter_context(running(seed(asked.groups), 0.0))
        for name in ("shop", "fmgsync"):
            cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for number in range(asked.pods):
            cluster.add(controller.pod(number, ip(number), "shop", f"g{number % asked.groups}"))
        config = write_config(folder, unit, cluster, asked.groups)
        processes = [
            stack.enter_context(controller.running(config, 18100 + n, log=f"log-{n}"))
            for n in (0, 1)
        ]
        churn(cluster, Watch(unit, processes, asked.csv), asked)


if __name__ == "__main__":
    main()
