"""Measure everything anew and write the figures where they are told.

    python -m benchmarks.publish [--minutes 28] [--only race --only latency]

For an otherwise idle machine. What is told most comes first; when the time is up, the rest keeps
the figures it had. Tables stand between `<!-- measured: NAME -->` and `<!-- /measured -->`, and are
replaced as a whole or not at all. The seconds each part takes about are in `PARTS`; what does not
fit is not begun.

The rows of races are kept in `raced.json` beside this file, each with what the tree was when it was
measured: a race of one size leaves the others where they are, and rows of another tree say so.
"""

from __future__ import annotations

import argparse
import compileall
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.__main__ import SIZES, Row, as_markdown, ratios

ROOT = Path(__file__).parents[1]
DIRECT = ROOT / "docs" / "fortigates.md"
README, FIGURES = ROOT / "README.md", ROOT / "benchmarks" / "README.md"
RACED = ROOT / "benchmarks" / "raced.json"


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
    with subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        try:
            told, _ = process.communicate(timeout=clock.left_s)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)  # its FortiManager and contestants as well
            if isinstance(error, subprocess.TimeoutExpired):
                raise TooLate from None
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return told


def put(path: Path, name: str, text: str) -> None:
    """Write a table into its place."""
    whole = path.read_text()
    place = rf"(?s)(<!-- measured: {name} -->\n).*?(<!-- /measured -->)"
    new, found = re.subn(place, lambda hit: f"{hit[1]}\n{text.strip()}\n\n{hit[2]}", whole)
    if found != 1:
        raise SystemExit(f"{path}: no place for {name}")
    replace(path, new)


def replace(path: Path, text: str) -> None:
    """Whoever is cut off leaves what was there."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text)
    beside.replace(path)


@dataclass(frozen=True)
class Raced:
    """A row, and the tree that it was measured on."""

    row: Row
    tree: str

    @property
    def what(self) -> tuple[int, int, str, str]:
        """What it is a figure of."""
        row = self.row
        return row.size, row.latency_ms, row.what, row.who


def tree() -> str:
    """What fmgsync is made of now."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "fmgsync").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def joined(before: Sequence[Raced], new: Sequence[Raced]) -> list[Raced]:
    """Each figure once, as it was measured last; in the order in which races are told."""
    found = {each.what: each for each in (*before, *new)}
    return sorted(found.values(), key=lambda each: (each.row.size, each.row.latency_ms))


def race(*races: tuple[int, int]) -> Callable[[Clock], None]:
    """fmgsync beside others at these sizes and latencies; they join what was raced before, and what
    is there is told, whatever becomes of the rest."""

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
                now = tree()
                raced = joined(known(), [Raced(Row(**row), now) for row in told["rows"]])
                rows = [{**asdict(each.row), "tree": each.tree} for each in raced]
                lines = ",\n".join(json.dumps(row) for row in rows)
                replace(RACED, f"[\n{lines}\n]\n")
                tell(raced, told["about"], now)

    return measure


def known() -> list[Raced]:
    """What was raced before."""
    rows = json.loads(RACED.read_text()) if RACED.exists() else []
    return [Raced(Row(**row), tree) for row in rows for tree in [row.pop("tree")]]


def tell(raced: Sequence[Raced], about: Mapping[str, str], now: str) -> None:
    head = "One run each: " + ", ".join(f"{name} {value}" for name, value in about.items()) + "."
    front = [each for each in raced if each.row.latency_ms == 50]
    short = [each.row for each in front]
    put(FIGURES, "race", f"{head}{_older(raced, now)}\n\n{as_markdown([e.row for e in raced])}")
    put(README, "race", f"{head}{_older(front, now)}\n\n{_short(short)}\n\n{_ratios(short)}")


def _older(raced: Sequence[Raced], now: str) -> str:
    """Which rows are not of the tree that was measured last."""
    races: dict[tuple[int, int], list[Raced]] = {}
    for each in raced:
        races.setdefault((each.row.size, each.row.latency_ms), []).append(each)
    told = []
    for (size, latency), rows in races.items():
        old = dict.fromkeys(each.row.who for each in rows if each.tree != now)
        whole = all(each.tree != now for each in rows)
        who = "" if whole else f" ({', '.join(old)})"
        told += [f"{size:,} addresses at {latency} ms{who}"] if old else []
    line = f"\nNot of this run, but of an earlier one on an older tree: {'; '.join(told)}."
    return line if told else ""


def _short(rows: Sequence[Row]) -> str:
    lines = ["| 50 ms latency | what | who | s | requests | MB |", "|---:|---|---|---:|---:|---:|"]
    for row in rows:
        size, mark = SIZES[row.size], "~" if row.projected else ""
        figures = (f"{row.seconds:,.1f}", f"{row.requests:,}", f"{row.megabytes:,.1f}")
        told = " | ".join(mark + each for each in figures)
        objects = f"{size.addresses:,} + {size.mappings:,}"
        lines.append(f"| {objects} | {row.what} | {row.who} | {told} |")
    return "\n".join(lines)


def _ratios(rows: Sequence[Row]) -> str:
    return "\n".join(f"- {line}" for line in ratios(rows))


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
    Part("changed", 30, printed(FIGURES, "changed", "-m", "benchmarks.changed")),
    Part("pace", 10, printed(FIGURES, "pace", "-m", "benchmarks.pace")),
    Part("day", 10, day),
    Part("dumps", 80, printed(FIGURES, "dumps", "-m", "benchmarks.dumps")),
    Part("membership", 15, printed(FIGURES, "membership", "-m", "benchmarks.membership")),
    Part("inventory", 50, printed(FIGURES, "inventory", "-m", "benchmarks.inventory")),
    Part("scale", 20, printed(ROOT / "docs" / "scale.md", "scale", "-m", "benchmarks.scale")),
    Part("resting", 80, printed(FIGURES, "resting", "-m", "benchmarks.resting")),
    Part("simulator", 20, printed(FIGURES, "simulator", "-m", "benchmarks.simulator")),
    Part("race-others", 200, race((10_000, 0), (10_000, 20), (1_000, 20))),
    Part("fortigates", 330, printed(DIRECT, "fortigates", "-m", "benchmarks.fortigates")),
    Part("installs", 190, printed(FIGURES, "installs", "-m", "benchmarks.installs")),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=28)
    parser.add_argument("--only", action="append", choices=[part.name for part in PARTS])
    asked = parser.parse_args()
    for folder in ("fmgsync", "benchmarks"):  # as pip does: else the first race compiles
        compileall.compile_dir(ROOT / folder, quiet=1)
    clock = Clock(asked.minutes)
    for part in PARTS:
        began = time.monotonic()
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
        else:
            took_s = time.monotonic() - began
            print(f"{part.name}: {took_s:.0f} s of {part.seconds}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
