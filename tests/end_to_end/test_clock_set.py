"""Somebody sets the clock in the middle of a rollout: it goes on, waits for no instant that was
worked out before, and takes nothing for stuck that is not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.end_to_end.fleet import (
    OPEN,
    Agenda,
    holding,
    names,
    open_fleet,
    report,
    seed,
    to,
    verified,
    web,
)
from tests.end_to_end.mixed import HostClock

BACK_S = 40 * 60.0
DAY_S = 24 * 3600.0
PAUSE_S = 600.0


class Nervous(Agenda):
    """Counts what is slept."""

    def __init__(self) -> None:
        super().__init__()
        self.slept = 0.0

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.slept += max(0.0, seconds)


@pytest.mark.parametrize("by_s", [-BACK_S, DAY_S])
@pytest.mark.parametrize(
    "minute",
    [
        0.02,  # while the canary is installed, with the lock held
        5.0,  # in the pause after it
    ],
)
def test_a_clock_set_in_the_middle_holds_no_rollout_up(
    tmp_path: Path, minute: float, by_s: float
) -> None:
    clock = Nervous()
    rollout = {"canary": ["fgt-1"], "waves": ["100%"], "pause": f"{PAUSE_S:.0f}s"}
    with open_fleet(tmp_path, seed(3, install_s=5), clock=clock, rollout=rollout) as estate:
        web(estate, "10.1.0.1", "10.1.0.2")
        host = estate.clock = HostClock(clock)

        def jump() -> None:
            host.ahead_s = by_s

        begins = OPEN + timedelta(seconds=BACK_S)
        to(estate, begins)
        clock.plan(begins.timestamp() + 60 * minute, jump)
        clock.slept = 0.0
        result = estate.apply("window")
        assert sorted(verified(result)) == names(3)
        assert not report(result).failures
        assert holding(estate, "10.1.0.1", "10.1.0.2") == names(3)
        # The pause begins anew, once, since the proof of the canary lies ahead by then.
        assert clock.slept < 2 * PAUSE_S + 120
