"""What settling costs and what it saves: commits an hour, and how long a change waits for its own.

    python -m benchmarks.pace

Each stream of changes is played through the controller's own pace, without clusters or units; a
pass takes 1.8 s to its commit, as `latency.py` measures it with 150,000 pods. Waiting for a quiet
moment (the default) stands beside counting from the first change, which is what `maxDelay` as short
as `settle` amounts to.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fmgsync.daemon.pace import Pace, Rhythm, next_pass_at

PASS_S = 1.8
HOUR_S = 3600.0

PACES = {
    "quiet for 5 s, at most 60 s (default)": Pace(5, 60, resync_s=1e9),
    "quiet for 5 s, at most 15 s": Pace(5, 15, resync_s=1e9),
    "5 s from the first change": Pace(5, 5, resync_s=1e9),
    "the same, least interval 30 s": Pace(5, 5, min_interval_s=30, resync_s=1e9),
}


@dataclass(frozen=True)
class Played:
    """What one stream came to under one pace."""

    commits: int
    median_s: float
    p99_s: float


def steady(rate: float) -> Callable[[random.Random], Iterator[float]]:
    """So many changes a second, at random instants of an hour."""

    def changes(chance: random.Random) -> Iterator[float]:
        at = chance.expovariate(rate)
        while at < HOUR_S:
            yield at
            at += chance.expovariate(rate)

    return changes


def rollouts(chance: random.Random) -> Iterator[float]:
    """Six roll-outs of fifty pods in an hour, one pod every two to four seconds."""
    for number in range(6):
        at = number * 600.0
        for _ in range(50):
            at += chance.uniform(2, 4)
            yield at


STREAMS = {
    "a pod every 100 s": steady(0.01),
    "a pod every 10 s": steady(0.1),
    "1 a second": steady(1),
    "100 a second": steady(100),
    "6 roll-outs of 50 pods": rollouts,
}


def play(pace: Pace, changes: Sequence[float]) -> Played:
    """Pass after pass; a change that comes while one runs waits for the next."""
    rhythm, waiting, delays, commits = Rhythm(last_pass_at=0.0), list[float](), list[float](), 0
    number = 0
    while number < len(changes) or waiting:
        due = next_pass_at(pace, rhythm) if waiting else float("inf")
        if number < len(changes) and changes[number] <= due:
            waiting.append(changes[number])
            rhythm = rhythm.changed(changes[number])
            number += 1
            continue
        seen, waiting, ends = waiting, [], due + PASS_S
        rhythm = rhythm.started()
        while number < len(changes) and changes[number] <= ends:
            waiting.append(changes[number])
            rhythm = rhythm.changed(changes[number])
            number += 1
        rhythm = rhythm.ended(ends, failed=False)
        commits += 1
        delays += [ends - at for at in seen]
    delays.sort()
    return Played(commits, delays[len(delays) // 2], delays[int(len(delays) * 0.99)])


def table() -> str:
    lines = [
        "| changes | pace | commits an hour | waits, median s | p99 s |",
        "|---|---|---:|---:|---:|",
    ]
    for stream, make in STREAMS.items():
        changes = list(make(random.Random(1)))
        for name, pace in PACES.items():
            it = play(pace, changes)
            lines.append(
                f"| {stream} | {name} | {it.commits:,} | {it.median_s:.1f} | {it.p99_s:.1f} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
