"""`python -m tests.sweep`: the sweep as a command. Prints a table by mode, and what was wrong.

python -m tests.sweep --full                 # every request, every trouble
python -m tests.sweep --every 5 --jobs 2     # of each five one
python -m tests.sweep --mode normal --command install --trouble SIGKILL
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.sweep import cases, scenes
from tests.sweep.cases import KINDS, Count


def main() -> int:
    """1 if anything was wrong."""
    wanted = arguments()
    if wanted.part:
        kinds = [kind for kind in KINDS if wanted.trouble in kind]
        every = 1 if wanted.full else wanted.every
        place = wanted.mode, wanted.command
        found = cases.swept(*place, kinds, every, wanted.seed, after=wanted.after)
        say(json.dumps(found.as_document()))
        return 0
    began, found = time.monotonic(), Count()
    parts = [
        (mode, command)
        for mode in scenes.COMMANDS
        if wanted.mode in ("", mode)
        for command in scenes.COMMANDS[mode]
        if wanted.command in ("", command)
    ]
    with ThreadPoolExecutor(wanted.jobs) as pool:
        for (mode, command), count in zip(parts, pool.map(part, parts), strict=True):
            found.add(count)
            say(f"{mode}, {command}: {sum(count.cases.values())} cases, {len(count.wrong)} wrong")
            for each in count.wrong:
                say(f"  {each}")
    say("\n" + table(found))
    took = f"{time.monotonic() - began:.0f} s"
    say(f"\n{found.requests} requests, {took}, {found.resumed} resumed, {len(found.wrong)} wrong")
    return 1 if found.wrong else 0


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.sweep")
    parser.add_argument("--full", action="store_true", help="every request")
    parser.add_argument("--every", type=int, default=10, help="of how many cases one")
    parser.add_argument("--seed", type=int, default=0, help="which of them")
    parser.add_argument("--after", type=int, default=0, help="how many requests are left alone")
    parser.add_argument("--jobs", type=int, default=1, help="parts side by side")
    parser.add_argument("--mode", default="", choices=["", *scenes.COMMANDS])
    parser.add_argument("--command", default="")
    parser.add_argument("--trouble", default="", help="a part of its name")
    parser.add_argument("--part", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def part(place: tuple[str, str]) -> Count:
    """One mode and command, in a process of its own."""
    mode, command = place
    words = [sys.executable, "-m", "tests.sweep", *sys.argv[1:], "--part"]
    words += ["--mode", mode, "--command", command]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True)
    return Count.of(json.loads(done.stdout.splitlines()[-1]))


def table(found: Count) -> str:
    """Cases by trouble and mode, as Markdown."""
    modes = list(dict.fromkeys(mode for mode, _, _ in found.cases))
    by = Counter[tuple[str, str]]()
    for (mode, _, kind), number in found.cases.items():
        by[mode, kind] += number
    rows = [["trouble", *modes, "all"]]
    for kind in KINDS:
        numbers = [by[mode, kind] for mode in modes]
        if any(numbers):
            rows.append([kind, *map(str, numbers), str(sum(numbers))])
    sums = [sum(n for (mode, _), n in by.items() if mode == each) for each in modes]
    rows.append(["all", *map(str, sums), str(sum(sums))])
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---" * len(rows[0]) + "|")
    return "\n".join(lines)


def say(text: str) -> None:
    """At once, also into a file."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
