"""Passes made as the controller makes them, each by a process of its own."""

from __future__ import annotations

from datetime import UTC, datetime

from fmgsync.passes import once, rollout_status
from fmgsync.passes.install_context import People
from fmgsync.passes.result import Pass
from fmgsync.passes.world import World
from fmgsync.settings import features
from fmgsync.wiring import wiring
from tests.end_to_end.estate import Estate

NOTHING = "0.0.0.0"
"""The value of the address `none`."""


OPENS = datetime(2026, 3, 2, 1, tzinfo=UTC)


def world_of(estate: Estate, **people: object) -> World:
    return wiring.make_world(
        estate.path,
        command=features.RUN,
        clock=estate.clock,
        state_dir=estate.folder / "state",
        people=People(**people),  # type: ignore[arg-type]
    )


def make_pass(world: World) -> tuple[Pass, float | None]:
    """One pass as the controller's worker makes it, and when it comes back for its own sake."""
    (work,) = world.adoms
    result = once.apply_one(world, work, once.read_workloads(world), install=True)
    return result, rollout_status.wake_at(world, work, result)
