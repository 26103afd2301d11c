"""Measure everything anew and write the figures where they are told.

    python -m benchmarks.publish [--minutes 17] [--only race --only latency]

For an otherwise idle machine. What is told most comes first; when the time is up, the rest keeps
the figures it had. Tables stand between `<!-- measured: NAME -->` and `<!-- /measured -->`.
The seconds each part takes about are in `PARTS`; what does not fit is not begun.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.__main__ import SIZES, Row, as_markdown, ratios

ROOT = Path(__file__).parents[1]
DIRECT = ROOT / "docs" / "fortigates.md"
README, FIGURES = ROOT / "README.md", ROOT / "benchmarks" / "README.md"


class Clock:
    """What is left of the time for all of it."""

    def __init__(self, minutes: float) -> None:
        self._ends_at = time.monotonic() + minutes * 60

    @property
    def left_s(self) -> float:
        return max(0.0, self._ends_at - time.monotonic())


class TooLate(Exception):
    """There was no time left for it."""


def run(clock: Clock, *words: str) -> str:
    """What one benchmark prints."""
    if clock.left_s < 10:
        raise TooLate
    print(f"-- {' '.join(words)} ({clock.left_s:.0f} s left)", file=sys.stderr, flush=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            timeout=clock.left_s,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise TooLate from None
    return done.stdout


def put(path: Path, name: str, text: str) -> None:
    """Write a table into its place."""
    whole = path.read_text()
    place = rf"(?s)(<!-- measured: {name} -->\n).*?(<!-- /measured -->)"
    new, found = re.subn(place, lambda hit: f"{hit[1]}\n{text.strip()}\n\n{hit[2]}", whole)
    if found != 1:
        raise SystemExit(f"{path}: no place for {name}")
    path.write_text(new)


_RACED: list[Row] = []


def race(*races: tuple[int, int]) -> Callable[[Clock], None]:
    """fmgsync beside others at these sizes and latencies; they join what was raced before in this
    run, and what is there is told, whatever becomes of the rest."""

    def measure(clock: Clock) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for size, latency in races:
                file = Path(folder) / f"{size}-{latency}.json"
                words = ["-m", "benchmarks", "--size", str(size), "--latency", str(latency)]
                try:
                    run(clock, *words, "--repeats", "1", "--json", str(file))
                except (TooLate, subprocess.CalledProcessError) as error:
                    print(f"left out: {size} at {latency} ms: {error!r}", file=sys.stderr)
                    continue
                told = json.loads(file.read_text())
                _RACED.extend(Row(**row) for row in told["rows"])
                _tell(_RACED, told["about"])

    return measure


def _tell(found: Sequence[Row], about: Mapping[str, str]) -> None:
    rows = sorted(found, key=lambda row: (row.size, row.latency_ms))
    head = "One run each: " + ", ".join(f"{name} {value}" for name, value in about.items()) + "."
    put(FIGURES, "race", f"{head}\n\n{as_markdown(rows)}")
    put(README, "race", f"{head}\n\n{_short(rows)}\n\n{_ratios(rows)}")


def _short(rows: Sequence[Row]) -> str:
    lines = ["| 50 ms latency | what | who | s | requests | MB |", "|---:|---|---|---:|---:|---:|"]
    for row in rows:
        if row.latency_ms == 50:
            size, mark = SIZES[row.size], "~" if row.projected else ""
            figures = (f"{row.seconds:,.1f}", f"{row.requests:,}", f"{row.megabytes:,.1f}")
            told = " | ".join(mark + each for each in figures)
            objects = f"{size.addresses:,} + {size.mappings:,}"
            lines.append(f"| {objects} | {row.what} | {row.who} | {told} |")
    return "\n".join(lines)


def _ratios(rows: Sequence[Row]) -> str:
    return "\n".join(f"- {line}" for line in ratios([r for r in rows if r.latency_ms == 50]))


def printed(path: Path, name: str, *words: str) -> Callable[[Clock], None]:
    """What a benchmark prints, as it stands."""

    def measure(clock: Clock) -> None:
        text = run(clock, *words)
        table = text if "|---" in text else f"```text\n{text.rstrip()}\n```"
        put(path, name, table)

    return measure


def day(clock: Clock) -> None:
    page = ROOT / "docs" / "economy.md"
    put(page, "day", run(clock, "-m", "benchmarks.day", "--svg", "docs/plots/day.svg"))


@dataclass(frozen=True)
class Part:
    """One thing that is measured, and the seconds it takes about on two idle cores."""

    name: str
    seconds: int
    measure: Callable[[Clock], None]


PARTS = (
    Part("race", 90, race((10_000, 50))),
    Part("startup", 15, printed(FIGURES, "startup", "-m", "benchmarks.startup")),
    Part("race-100k", 200, race((100_000, 50))),
    Part("latency", 160, printed(FIGURES, "latency", "benchmarks/latency.py")),
    Part("changed", 40, printed(FIGURES, "changed", "-m", "benchmarks.changed")),
    Part("pace", 10, printed(FIGURES, "pace", "-m", "benchmarks.pace")),
    Part("day", 60, day),
    Part("dumps", 40, printed(FIGURES, "dumps", "-m", "benchmarks.dumps")),
    Part("membership", 40, printed(FIGURES, "membership", "-m", "benchmarks.membership")),
    Part("inventory", 60, printed(FIGURES, "inventory", "-m", "benchmarks.inventory")),
    Part("scale", 60, printed(ROOT / "docs" / "scale.md", "scale", "-m", "benchmarks.scale")),
    Part("resting", 80, printed(FIGURES, "resting", "-m", "benchmarks.resting")),
    Part("fortigates", 330, printed(DIRECT, "fortigates", "-m", "benchmarks.fortigates")),
    Part("race-others", 200, race((10_000, 0), (10_000, 20), (1_000, 20))),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=17)
    parser.add_argument("--only", action="append", choices=[part.name for part in PARTS])
    asked = parser.parse_args()
    clock = Clock(asked.minutes)
    for part in PARTS:
        if asked.only and part.name not in asked.only:
            continue
        if clock.left_s < part.seconds / 2:
            print(f"no time for {part.name}: it keeps its figures", file=sys.stderr)
            continue
        try:
            part.measure(clock)
        except TooLate:
            print(f"no time for {part.name}: it keeps its figures", file=sys.stderr)
        except subprocess.CalledProcessError as error:
            print(f"{part.name} failed with {error.returncode}", file=sys.stderr)


if __name__ == "__main__":
    main()
