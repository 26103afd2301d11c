"""How long until `fmgsync --help` answers, and `fmgsync plan` over a small estate?

    python -m benchmarks.startup [--runs 7]

The estate is a dump of 20 pods, two groups and two FortiGates; FortiManager is a process of its
own without any latency. Medians, processes started anew each time.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.contestants import Fmgsync, as_installed
from benchmarks.estate import Pods, Size
from benchmarks.unit import running

SIZE = Size(20, 2, 2)


def seconds(words: list[str], folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "fmgsync", *words],
        cwd=folder,
        env=as_installed(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    print("| median of so many runs | s |\n|---|---:|")
    with tempfile.TemporaryDirectory() as made, running(SIZE.seed(), 0.0) as unit:
        folder = Path(made) / "estate"
        Fmgsync(folder, unit, Pods(SIZE)).sync(SIZE.objects)
        for words in (["--help"], ["plan", "-c", "fmgsync.yaml", "--state-dir", "state"]):
            found = statistics.median(seconds(words, folder) for _ in range(runs))
            print(f"| `fmgsync {words[0]}` ({runs}) | {found:.2f} |")


if __name__ == "__main__":
    main()
