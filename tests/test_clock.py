"""Waiting by a clock that people set: never longer than was asked for."""

from __future__ import annotations

import pytest

from fmgsync import clock as clocks
from fmgsync.clock import ManualClock


class Set(ManualClock):
    """A clock that is set to another time once, while somebody sleeps."""

    def __init__(self, by_s: float, after_s: float) -> None:
        super().__init__()
        self.slept = 0.0
        self._by_s, self._after_s = by_s, after_s

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.slept += seconds
        if self._by_s and self.slept >= self._after_s:
            self.set(self.now() + self._by_s)
            self._by_s = 0.0


@pytest.mark.parametrize(
    ("by_s", "slept"),
    [
        (0.0, 60.0),
        (-3600.0, 60.0),  # set back: no longer
        (-1.0, 60.0),
        (3600.0, 10.0),  # set ahead: what was waited for is past
    ],
)
def test_a_rest_is_never_longer_than_it_was_meant(by_s: float, slept: float) -> None:
    clock = Set(by_s, after_s=10.0)
    clocks.rest(clock, 60.0, until=lambda: False)
    assert clock.slept == pytest.approx(slept)


def test_a_rest_ends_when_there_is_no_time_left() -> None:
    clock = Set(0.0, 0.0)
    clocks.rest(clock, 60.0, until=lambda: clock.slept >= 5.0)
    assert clock.slept == pytest.approx(5.0)
