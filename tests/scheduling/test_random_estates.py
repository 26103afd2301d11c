"""Random estates: allow and deny windows with scopes, several VDOMs, forecasts, overruns, failures.

The decisions are the real ones, from admission to the last call of a round. The world keeps its own
minutes: it knows each window as an hour of the day, asks no calendar, and objects to any call it
would not have allowed.
"""

from __future__ import annotations

import random

import pytest

from fmgsync.scheduling import ledger
from tests.scheduling.estates import World


def simulate(seed: int) -> set[str]:
    """Two days of trouble in one estate."""
    dice = random.Random(seed)
    world = World(dice)
    for _ in range(40):
        world.pass_time()
        for _ in range(3):
            if not world.round():
                break
        if world.failed and dice.random() < 0.1:
            world.book = ledger.resumed(world.book)
            world.failed.clear()
    if not world.pending:
        world.seen.add("completed")
    return world.seen


def test_random_estates_keep_to_windows_and_budget() -> None:
    seen: set[str] = set()
    for seed in range(30):
        seen |= simulate(seed)
    assert seen >= {"completed", "failed", "cut off", "finished late", "failure budget spent"}


@pytest.mark.slow
@pytest.mark.parametrize("block", range(4))
def test_a_thousand_random_estates(block: int) -> None:
    for seed in range(1000 + block * 250, 1250 + block * 250):
        simulate(seed)
