"""What does a pass of the running controller cost when rules were touched and nothing has changed?

    python -m benchmarks.resting [--size 100000] [--latency 50]

The ADOM is filled by `fmgsync apply`. Then, in one process as in `fmgsync run`: a whole pass, and
passes over one rule each, of which nothing has become different. FortiManager is a process of its
own and waits before each answer.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.__main__ import SIZES
from benchmarks.contestants import Fmgsync
from benchmarks.estate import Pods
from benchmarks.unit import Cost, Unit, running
from fmgsync.passes import once
from fmgsync.passes.incremental import Passes
from fmgsync.settings import features
from fmgsync.wiring import wiring

PASSES = 5


def passes(folder: Path, unit: Unit) -> list[tuple[str, float, Cost]]:
    """Seconds and costs of a whole pass and of the median of those over a part."""
    os.chdir(folder)
    world = wiring.make_world(
        Path("fmgsync.yaml"), command=features.RUN, state_dir=Path("state").absolute()
    )
    (work,) = world.adoms
    workloads = once.read_workloads(world)
    made = Passes(lambda: world, work, install=False)
    found = []
    for number in range(PASSES + 1):
        unit.cost()
        began = time.perf_counter()
        made.make(workloads, frozenset({f"g{number}"}) if number else None)
        found.append((time.perf_counter() - began, unit.cost()))
    whole, *parts = found
    middle = statistics.median(seconds for seconds, _ in parts)
    return [("whole pass", *whole), ("one rule, nothing different", middle, parts[-1][1])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=100_000, choices=sorted(SIZES))
    parser.add_argument("--latency", type=int, default=50, help="ms added to each answer")
    options = parser.parse_args()
    size = SIZES[options.size]
    with (
        tempfile.TemporaryDirectory() as made,
        running(size.seed(), options.latency / 1000) as unit,
    ):
        folder = Path(made) / "estate"
        Fmgsync(folder, unit, Pods(size)).sync(size.objects)
        found = passes(folder, unit)
    head = f"{size.addresses:,} + {size.mappings:,}, {options.latency} ms"
    print(f"| {head} | s | requests | locked, s | kB sent | MB in all |")
    print("|---|" + "---:|" * 5)
    for what, seconds, cost in found:
        figures = f"{cost.locked_s:.1f} | {cost.sent / 1e3:,.1f} | {cost.bytes / 1e6:,.2f}"
        print(f"| {what} | {seconds:.2f} | {cost.requests} | {figures} |")


if __name__ == "__main__":
    main()
