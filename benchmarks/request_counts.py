"""How many requests fmgsync needs for one changed pod, told by the simulator's own log.

    python benchmarks/request_counts.py [--list] [--fleets]

One ADOM, two FortiGates, one group, installs of two seconds, both devices side by side. Three runs:
`apply` where the ADOM has workspaces, a pass of the controller where it has none, and an urgent
removal on both devices outside their window. `--list` shows each request. `--fleets`: how many a
rollout in waves costs on 100 and 1,000 devices, and a pass over them with nothing to do.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import structlog

sys.path.insert(0, str(Path(__file__).parents[1]))

from fmgsync.passes import once
from fmgsync.passes.world import World
from fmgsync.settings import features
from fmgsync.wiring import wiring
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import CLOSED, OPEN, holding, names, open_fleet, seed, to, web

TOGETHER = {"waves": ["100%"], "pause": "0s", "maxFailures": "100%"}


def applied(estate: Estate) -> None:
    estate.apply("window")


def passes() -> Callable[[Estate], None]:
    """Passes as the controller's worker makes them, one after the other."""
    kept: list[World] = []

    def one(estate: Estate) -> None:
        if not kept:
            state = estate.folder / "state"
            kept.append(
                wiring.make_world(
                    estate.path, command=features.RUN, clock=estate.clock, state_dir=state
                )
            )
        (work,) = kept[0].adoms
        once.apply_one(kept[0], work, once.read_workloads(kept[0]), install=True)

    return one


def count(
    mode: str, act: Callable[[Estate], None], *, urgent: bool, devices: int = 2
) -> Sequence[str]:
    """The requests of `act` after one pod has changed."""
    unit = {**seed(devices), "workspaceMode": mode}
    removals = "immediately" if urgent else "in-window"
    with (
        tempfile.TemporaryDirectory() as folder,
        open_fleet(Path(folder), unit, rollout=TOGETHER, removals=removals) as estate,
    ):
        if urgent:
            web(estate, "10.1.0.1", "10.1.0.2")
        to(estate, OPEN)
        act(estate)
        if urgent:
            to(estate, CLOSED + timedelta(days=1))
        web(estate, *(("10.1.0.2", "10.1.0.3") if urgent else ("10.1.0.2",)))
        mark = estate.unit.requests.mark()
        act(estate)
        assert holding(estate, "10.1.0.2") == names(devices)
        return [f"{e.method} {' '.join(e.urls[:1])}" for e in estate.unit.requests.since(mark)]


def measured() -> dict[str, Sequence[str]]:
    """The requests of each run, by its name."""
    return {
        "apply, one changed pod, workspaces": count("normal", applied, urgent=False),
        "a controller's pass, one changed pod, no workspaces": count(
            "disabled", passes(), urgent=False
        ),
        "apply, an urgent removal, workspaces": count("normal", applied, urgent=True),
    }


def in_waves(devices: int) -> tuple[int, float, int]:
    """The requests of a rollout over so many devices, the minutes of simulated time it takes, and
    the requests of a run after it that has nothing to do."""
    rollout = {"waves": ["5%", "25%", "100%"], "pause": "0s", "maxFailures": "5%"}
    unit = {**seed(devices, install_s=30), "workspaceMode": "normal"}
    with (
        tempfile.TemporaryDirectory() as folder,
        open_fleet(Path(folder), unit, rollout=rollout) as estate,
    ):
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        began_at, mark = estate.clock.now(), estate.unit.requests.mark()
        applied(estate)
        assert holding(estate, "10.1.0.2") == names(devices)
        ended_at, requests = estate.clock.now(), len(estate.unit.requests.since(mark))
        mark = estate.unit.requests.mark()
        applied(estate)
        return requests, (ended_at - began_at) / 60, len(estate.unit.requests.since(mark))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="show each request")
    parser.add_argument("--fleets", action="store_true", help="rollouts over many devices")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    if asked.fleets:
        for devices in (100, 1_000):
            requests, minutes, rest = in_waves(devices)
            print(f"{devices} devices: {requests} requests, {minutes:.0f} min; then {rest}")
        return
    for name, counted in measured().items():
        print(f"{len(counted):4}  {name}")
        for request in counted if asked.list else ():
            print(f"        {request}")


if __name__ == "__main__":
    main()
