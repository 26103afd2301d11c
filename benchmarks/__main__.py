"""fmgsync beside what a user would pick instead, in one run, against the same simulator.

    python -m benchmarks [--quick] [--size 10000] [--latency 50] [--repeats 3] [--json FILE]

Each contestant is a process of its own, and so is FortiManager; a fresh one for each contestant.
A cold run writes everything; then nothing has changed; then 1 % of the pods have another address.
Programs that send one call per object are stopped early and what the rest would take is projected
from what was measured: those figures bear a `~`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from benchmarks import contestants
from benchmarks.contestants import Fmgsync, Run
from benchmarks.estate import Pods, Size
from benchmarks.unit import running

SIZES = {
    1_000: Size(1_000, 20, 10),
    10_000: Size(10_000, 100, 50),
    100_000: Size(100_000, 400, 10),
}


@dataclass(frozen=True)
class Row:
    """Medians over the repeats; `spread` is the slowest less the fastest run."""

    size: int
    latency_ms: int
    what: str
    who: str
    seconds: float
    spread: float
    requests: int
    megabytes: float
    locked_s: float
    longest_lock_s: float
    processor_s: float
    peak_mb: float
    projected: bool


def row(size: Size, latency: int, what: str, who: str, runs: Sequence[Run], whole: int) -> Row:
    scale = whole / runs[0].objects if runs[0].objects else 1.0

    def middle(values: Iterator[float]) -> float:
        return statistics.median(values) * scale

    seconds = [run.seconds * scale for run in runs]
    return Row(
        size.addresses,
        latency,
        what,
        who,
        round(statistics.median(seconds), 2),
        round(max(seconds) - min(seconds), 2),
        round(middle(run.cost.requests for run in runs)),
        round(middle(run.cost.bytes / 1e6 for run in runs), 2),
        round(middle(run.cost.locked_s for run in runs), 2),
        round(middle(run.cost.longest_lock_s for run in runs), 2),
        round(middle(run.processor_s for run in runs), 2),
        round(statistics.median(run.peak_mb for run in runs)),
        scale > 1,
    )


def race(size: Size, latency: int, repeats: int, folder: Path) -> Iterator[Row]:
    """All contestants at one size and latency."""
    told: dict[str, list[Run]] = {}
    for repeat in range(repeats):
        with running(size.seed(), latency / 1000) as unit:
            pods = Pods(size)
            ours = Fmgsync(folder / f"ours-{size.addresses}-{latency}-{repeat}", unit, pods)
            told.setdefault("cold", []).append(ours.sync(size.objects))
            if unit.count("firewall address") < size.addresses:
                raise SystemExit("fmgsync did not write every address")
            told.setdefault("nothing to do", []).append(ours.sync(0))
            pods.replace(0.01)
            told.setdefault("1 % changed", []).append(ours.sync(0))
    for what, runs in told.items():
        whole = size.objects if what == "cold" else 0
        yield row(size, latency, what, "fmgsync", runs, whole)
    for name, (run, limit) in contestants.PEERS.items():
        why_not = contestants.available(name)
        if why_not is not None:
            print(f"left out: {name}: {why_not}", file=sys.stderr)
            continue
        runs = []
        for _ in range(repeats):
            with running(size.seed(), latency / 1000) as unit:
                part = min(limit or size.objects, size.objects)
                runs.append(run(folder, unit, Pods(size), part))
                written = unit.count("firewall address")
                if written < min(part, size.addresses):
                    raise SystemExit(f"{name} wrote {written} addresses of {part} objects")
        yield row(size, latency, "cold", name, runs, size.objects)


def as_markdown(rows: Sequence[Row]) -> str:
    head = (
        "addresses + mappings | latency, ms | what | who "
        "| s (spread) | requests | MB | locked, s (at a time) | processor, s | peak, MB"
    )
    lines = [f"| {head} |", "|---:|---:|---|---|" + "---:|" * 6]
    for each in rows:
        size, mark = SIZES[each.size], "~" if each.projected else ""
        cells = [
            f"{size.addresses:,} + {size.mappings:,}",
            each.latency_ms,
            each.what,
            each.who,
            f"{mark}{each.seconds:,.1f} ({each.spread:,.1f})",
            f"{mark}{each.requests:,}",
            f"{mark}{each.megabytes:,.1f}",
            f"{mark}{each.locked_s:,.1f} ({mark}{each.longest_lock_s:,.1f})",
            f"{mark}{each.processor_s:,.1f}",
            f"{each.peak_mb:,.0f}",
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def ratios(rows: Sequence[Row]) -> Iterator[str]:
    """fmgsync's cold run against each peer's, in the same run."""
    cold = [each for each in rows if each.what == "cold"]
    for ours in (each for each in cold if each.who == "fmgsync"):
        for peer in cold:
            same = (peer.size, peer.latency_ms) == (ours.size, ours.latency_ms)
            if same and peer.who != "fmgsync":
                yield (
                    f"{ours.size:,} addresses, {ours.latency_ms} ms: {peer.who}: "
                    f"{times(peer.seconds / ours.seconds)} the time, "
                    f"{times(peer.requests / ours.requests)} the requests"
                )


def times(ratio: float) -> str:
    return f"{ratio:,.2f} times" if ratio < 10 else f"{ratio:,.0f} times"


def machine() -> dict[str, str]:
    """What the figures hold for."""
    return {
        "python": platform.python_version(),
        "processors": str(os.cpu_count()),
        "machine": platform.machine(),
        "fmgsync": metadata.version("fmgsync"),
        "pyfmg": metadata.version("pyfmg"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1,000 addresses, 20 ms, once")
    parser.add_argument("--size", type=int, action="append", choices=sorted(SIZES))
    parser.add_argument("--latency", type=int, action="append", help="ms added to each answer")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the rows here as well")
    options = parser.parse_args()
    sizes = options.size or ([1_000] if options.quick else list(SIZES))
    latencies = options.latency or ([20] if options.quick else [0, 20, 50])
    repeats = 1 if options.quick else options.repeats
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            for latency in latencies:
                for found in race(SIZES[size], latency, repeats, Path(folder)):
                    print(f"{found.size:>7,} {latency:>3} ms  {found.what:<14} {found.who:<40}"
                          f"{found.seconds:>10,.1f} s {found.requests:>8,} requests",
                          file=sys.stderr, flush=True)  # fmt: skip
                    rows.append(found)
    about = machine()
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print(as_markdown(rows))
    print(*ratios(rows), sep="\n")
    if options.json:
        told = {"about": about, "rows": [asdict(each) for each in rows]}
        options.json.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
