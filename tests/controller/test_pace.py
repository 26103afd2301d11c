"""When the next pass is due."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmgsync.controller.pace import Pace, Rhythm, next_pass_at

PACE = Pace(settle_s=5, max_delay_s=60, min_interval_s=0, resync_s=600)
DONE = Rhythm(last_pass_at=1000.0)

CASES = {
    "the first pass is due at once": (PACE, Rhythm(), 0.0),
    "nothing happens: the resync": (PACE, DONE, 1600.0),
    "one change settles": (PACE, DONE.changed(1010), 1015.0),
    "a second change lets it settle anew": (PACE, DONE.changed(1010).changed(1013), 1018.0),
    "endless churn waits no longer than maxDelay": (
        PACE,
        DONE.changed(1010).changed(1069),
        1070.0,
    ),
    "administrators get their turn": (
        Pace(5, 60, min_interval_s=30, resync_s=600),
        DONE.changed(1001),
        1030.0,
    ),
    "a window opens": (PACE, DONE.ended(1000, failed=False, wake_at=1100), 1100.0),
    "a failure is tried again": (PACE, DONE.ended(1000, failed=True), 1002.0),
    "after growing pauses": (
        PACE,
        DONE.ended(1000, failed=True).ended(1002, failed=True).ended(1006, failed=True),
        1014.0,
    ),
    "changes do not hasten a failing ADOM": (
        PACE,
        Rhythm(last_pass_at=1000, failures=7).changed(1001),
        1128.0,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_next_pass(case: str) -> None:
    pace, rhythm, expected = CASES[case]
    assert next_pass_at(pace, rhythm) == expected


@given(st.lists(st.floats(0.0, 4.9), max_size=50))
def test_churn_never_starves_an_adom(gaps: list[float]) -> None:
    """However dense the changes, the pass is due within maxDelay of the first of them."""
    rhythm, now = DONE, 1000.0
    for gap in gaps:
        now += gap
        rhythm = rhythm.changed(now)
    first = rhythm.first_change_at
    if first is not None:
        assert next_pass_at(PACE, rhythm) <= first + PACE.max_delay_s


def test_a_gain_during_a_pass_is_not_forgotten_at_its_end() -> None:
    """An ADOM gained while a pass runs is looked at again: that pass may have seen less."""
    gained = Rhythm().changed(1000.0).ended(1001.0, failed=False)
    assert next_pass_at(PACE, gained) == 1005.0
