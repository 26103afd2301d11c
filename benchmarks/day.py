"""A day of churn in front of 1,000 FortiGates: what sooner costs in installs.

    python -m benchmarks.day [--svg FILE]

A model on a simulated clock, not a run: 50 clusters, each with 20 FortiGates that share an ADOM and
are installed together; 400 pods of each cluster are replaced in a day, three quarters of them
between 8 and 18 o'clock. A replaced pod takes an address away and brings another. An install takes
a minute, whatever it carries. Windows are those of fmgsync, an urgent removal comes so early that
it is done in time, as fmgsync's does; what came until an install begins goes along, of additions
only in a window. Requests are counted by real runs of one such site of 20 FortiGates against the
simulator (`request_counts.py`'s own), and multiplied.
"""

from __future__ import annotations

import argparse
import random
import sys
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import structlog

from fmgsync.scheduling.window import Window, WindowKind

SITES, PER_SITE = 50, 20
CHANGES = 400
INSTALL_S = 60.0
LOOK_S = 60.0
SETTLE_S = 5.0
DAY_S = 86_400.0
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Way:
    """How changes reach the FortiGates. `every`: a cron schedule and how long it is open; no
    schedule: an install for each change, one after the other. `within_s`: the bound on removals
    outside windows."""

    name: str
    schedule: str = ""
    open_s: float = 0.0
    within_s: float | None = None


NIGHT = ("0 1 * * *", 3 * 3600.0)
WAYS = (
    Way("install per change"),
    Way("a window every 15 min", "*/15 * * * *", 60.0),
    Way("hourly", "0 * * * *", 60.0),
    Way("a window every 4 h", "0 */4 * * *", 60.0),
    Way("windows (one, 1-4 at night)", *NIGHT),
    Way("windows + removals within 12 h", *NIGHT, 12 * 3600.0),
    Way("windows + removals within 4 h", *NIGHT, 4 * 3600.0),
    Way("windows + removals within 1 h", *NIGHT, 3600.0),
    Way("windows + removals within 15 min", *NIGHT, 900.0),
    Way("windows + removals immediately", *NIGHT, 0.0),
)


@dataclass
class Day:
    """What a day came to. `stale_s` and `missing_s` are summed over changes and devices."""

    installs: int = 0
    urgent: int = 0
    stale_s: float = 0.0
    missing_s: float = 0.0
    worst_s: float = 0.0
    changes: int = 0

    @property
    def device_installs(self) -> int:
        return (self.installs + self.urgent) * PER_SITE


def changes_of(site: int) -> list[float]:
    """The instants of a day at which a pod is replaced, seconds since midnight."""
    chance = random.Random(site)
    busy = int(CHANGES * 0.75)
    found = [chance.uniform(8 * 3600, 18 * 3600) for _ in range(busy)]
    found += [chance.uniform(0, DAY_S) for _ in range(CHANGES - busy)]
    return sorted(found)


def openings(way: Way) -> list[tuple[float, float]]:
    """The windows of this day and of the night after, in which the rest arrives."""
    window = Window(WindowKind.ALLOW, way.schedule, timedelta(seconds=way.open_s))
    found, at = [], MIDNIGHT - timedelta(seconds=1)
    while (opens := window.next_opening(at)) is not None and opens < MIDNIGHT + timedelta(days=2):
        start = (opens - MIDNIGHT).total_seconds()
        found.append((start, start + way.open_s))
        at = opens
    return found


def each_change(changes: Sequence[float], day: Day) -> None:
    """One after the other, each with an install of its own."""
    free_at = 0.0
    for at in changes:
        free_at = max(free_at, at) + INSTALL_S
        day.installs += 1
        _arrived(day, [at], free_at)
        day.missing_s += (free_at - at) * PER_SITE


def in_windows(
    way: Way, windows: Sequence[tuple[float, float]], changes: Sequence[float], day: Day
) -> None:
    """Until everything has arrived: in windows all of it, outside what is due of removals."""
    coming, removals, additions = list(changes), list[float](), list[float]()
    now = 0.0
    while coming or removals or additions:
        taken = bisect_right(coming, now - SETTLE_S)
        removals += coming[:taken]
        additions += coming[:taken]
        del coming[:taken]
        is_open = any(opens <= now < closes for opens, closes in windows)
        due = _due_at(way, removals)
        if is_open and (removals or additions):
            now += INSTALL_S
            day.installs += 1
            _arrived(day, removals, now)
            day.missing_s += sum(now - at for at in additions) * PER_SITE
            removals, additions = [], []
        elif due <= now:
            now += INSTALL_S
            day.urgent += 1
            _arrived(day, removals, now)
            removals = []
        else:
            later = [opens for opens, _ in windows if opens > now]
            later += [coming[0] + SETTLE_S] if coming else []
            now = max(min([due, *later]), now + 0.001)


def _due_at(way: Way, removals: Sequence[float]) -> float:
    if way.within_s is None or not removals:
        return float("inf")
    return removals[0] + SETTLE_S + max(0.0, way.within_s - INSTALL_S - LOOK_S)


def _arrived(day: Day, removals: Sequence[float], at: float) -> None:
    day.changes += len(removals)
    day.stale_s += sum(at - since for since in removals) * PER_SITE
    day.worst_s = max(day.worst_s, *(at - since for since in removals), 0.0)


def play(way: Way) -> Day:
    day, windows = Day(), openings(way) if way.schedule else []
    for site in range(SITES):
        changes = changes_of(site)
        if way.schedule:
            in_windows(way, windows, changes, day)
        else:
            each_change(changes, day)
    return day


def requests_of(day: Day, costs: Mapping[str, int]) -> int:
    return day.installs * costs["window"] + day.urgent * costs["urgent"]


def measured() -> dict[str, int]:
    """Requests of one install of a site's FortiGates, in a window and in the urgent lane."""
    from benchmarks import request_counts

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    return {
        "window": len(
            request_counts.count("normal", request_counts.applied, urgent=False, devices=PER_SITE)
        ),
        "urgent": len(
            request_counts.count("normal", request_counts.applied, urgent=True, devices=PER_SITE)
        ),
    }


def table(days: Mapping[Way, Day], costs: Mapping[str, int]) -> str:
    head = (
        "| 1,000 FortiGates, 20,000 changes in a day | device-installs | of them urgent "
        "| per FortiGate | requests | stale, mean | stale, worst | stale-grant hours "
        "| an addition waits, mean |"
    )
    lines = [head, "|---|" + "---:|" * 8]
    for way, day in days.items():
        seen = day.changes * PER_SITE
        lines.append(
            f"| {way.name} | {day.device_installs:,} | {day.urgent * PER_SITE:,} "
            f"| {day.device_installs / SITES / PER_SITE:,.0f} | {requests_of(day, costs):,} "
            f"| {written(day.stale_s / seen)} | {written(day.worst_s)} "
            f"| {day.stale_s / 3600:,.0f} | {written(day.missing_s / seen)} |"
        )
    return "\n".join(lines)


def written(seconds: float) -> str:
    """`45 s`, `12 min`, `5.2 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def draw(days: Mapping[Way, Day], path: Path) -> None:
    """Device-installs against how long a grant stays stale: further left and down is better."""
    from benchmarks.plots import COLORS, plot

    with plot(path) as axes:
        for color, label, chosen in (
            (COLORS[0], "windows for everything", [w for w in days if w.within_s is None]),
            (
                COLORS[1],
                "one window at night, removals sooner",
                [w for w in days if w.within_s is not None],
            ),
        ):
            each = [w for w in chosen if w.schedule]
            points = [(days[w].device_installs, _mean_min(days[w])) for w in each]
            axes.plot(*zip(*points, strict=True), "o-", color=color, label=label)
            for way, (x, y) in zip(each, points, strict=True):
                text = way.name.removeprefix("windows + removals ").removeprefix("a window ")
                above = way.within_s is None
                axes.annotate(
                    text, (x, y), (7, 4 if above else -10), textcoords="offset points", color=color
                )
        way = next(w for w in days if not w.schedule)
        point = (days[way].device_installs, _mean_min(days[way]))
        axes.plot(*point, "s", color="black", label="install per change")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(right=900_000)
        axes.set_xlabel("device-installs in a day, 1,000 FortiGates")
        axes.set_ylabel("a stale grant lasts, mean, minutes")
        axes.legend(frameon=False)


def _mean_min(day: Day) -> float:
    return day.stale_s / (day.changes * PER_SITE) / 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--svg", type=Path)
    asked = parser.parse_args()
    costs, days = measured(), {way: play(way) for way in WAYS}
    counts = ", ".join(f"{count} ({lane})" for lane, count in costs.items())
    print(f"Requests of one install on {PER_SITE} FortiGates, with looking and proof: {counts}.\n")
    print(table(days, costs))
    if asked.svg and find_spec("matplotlib") is None:
        print("left out: the plot: matplotlib is not installed", file=sys.stderr)
    elif asked.svg:
        draw(days, asked.svg)


if __name__ == "__main__":
    main()
