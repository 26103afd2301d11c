"""`python -m tests.reliability [PART...]`: runs the dear tests of a part, and writes their figures
into its row of docs/reliability.md. Without a name: every part, one after the other.

A part whose tests fail gets no row: it says so and ends with 1.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests import tally

PAGE: Final = Path(__file__).parents[1] / "docs" / "reliability.md"


@dataclass(frozen=True, slots=True)
class Part:
    """One row: what is done, the tests that do it, and what they need in their environment.

    Its tests count under the part's name; `workers` is how many processes share them.
    """

    title: str
    tests: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    workers: int = 2


PARTS: Final[Mapping[str, Part]] = {
    "everything": Part(
        "Everything at once, at random",
        ["tests/end_to_end/test_everything.py"],
        {
            "FMGSYNC_SOAK_S": os.environ.get("FMGSYNC_SOAK_S", "1200"),
            "FMGSYNC_SOAK_SEED": os.environ.get("FMGSYNC_SOAK_SEED", "1"),
            "PYTHONHASHSEED": "0",
        },
        workers=0,
    ),
    "sweep": Part(
        "Real processes, in trouble at every request",
        ["tests/sweep/test_sweep.py"],
        {"FMGSYNC_SWEEP_EVERY": os.environ.get("FMGSYNC_SWEEP_EVERY", "1")},
    ),
    "dumps": Part(
        "Dumps of 14 forms that lack their end, or their beginning",
        ["tests/sources/test_cut_dumps.py"],
        {"FMGSYNC_CUT_EVERY": os.environ.get("FMGSYNC_CUT_EVERY", "1")},
    ),
    "hostile": Part(
        "Texts of others, broken at random",
        ["tests/fuzz/test_fuzz.py"],
        {"FMGSYNC_HOSTILE_INPUTS": os.environ.get("FMGSYNC_HOSTILE_INPUTS", "5000")},
    ),
    "forged": Part(
        "A text of somebody else's in one field of an answer, or of what is remembered",
        ["tests/sweep/test_forged_texts.py"],
        {"FMGSYNC_FORGED_EVERY": os.environ.get("FMGSYNC_FORGED_EVERY", "1")},
    ),
    "failovers": Part(
        "Replicas stand still between any two requests, others take over",
        ["tests/leases/test_failovers.py"],
        {"FMGSYNC_FAILOVERS": os.environ.get("FMGSYNC_FAILOVERS", "50")},
    ),
    "races": Part(
        "Stop, abort, approval and clock in the middle of a run; three runs at once",
        ["tests/end_to_end/test_races.py"],
        {"FMGSYNC_RACES_EVERY": os.environ.get("FMGSYNC_RACES_EVERY", "1")},
    ),
}


def main(names: Sequence[str]) -> int:
    """Run these parts, or all."""
    unknown = sorted(set(names) - set(PARTS))
    if unknown:
        sys.stderr.write(f"no part {', '.join(unknown)}; name some of {', '.join(PARTS)}\n")
        return 2
    failed = [name for name in names or PARTS if not _run(name, PARTS[name])]
    return 1 if failed else 0


def _run(name: str, part: Part) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "tally"
        environment = {**os.environ, **part.environment, tally.FILE: str(counts)}
        command = [sys.executable, "-m", "pytest", "-q", "-m", "slow or not slow"]
        command += ["-n", str(part.workers)] if part.workers else []
        begun = time.monotonic()
        done = subprocess.run([*command, *part.tests], env=environment, check=False)
        seconds = time.monotonic() - begun
        found = tally.read(counts).get(name)
    if done.returncode or not found:
        sys.stderr.write(f"{name}: its tests failed, or counted nothing; its row stays\n")
        return False
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), row(name, part, found, seconds)))
    return True


def row(name: str, part: Part, counts: Mapping[str, int], seconds: float) -> str:
    """The part's line of the page's table; what was asked for otherwise than usual is in it."""
    figures = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    if asked := [f"`{key}={os.environ[key]}`" for key in part.environment if key in os.environ]:
        figures += f" ({', '.join(asked)})"
    took = f"{seconds / 60:.0f} min" if seconds >= 100 else f"{seconds:.0f} s"
    python = ".".join(platform.python_version_tuple()[:2])
    machine = f"{os.cpu_count()} cores {platform.machine()}, Python {python}"
    cells = (f"`{name}`", part.title, figures, took, f"{datetime.now(UTC):%Y-%m-%d}, {machine}")
    return "| " + " | ".join(cells) + " |"


def replaced(page: str, line: str) -> str:
    """The page with this row in the place of the one that begins alike."""
    begin = line.split("|")[1]
    lines = [line if each.startswith(f"|{begin}|") else each for each in page.splitlines()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
