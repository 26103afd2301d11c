"""When the next pass is due."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmgsync.daemon.pace import Pace, Rhythm, is_whole, next_pass_at

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


def test_passes_over_a_part_do_not_put_off_the_whole() -> None:
    """Under endless churn everything is still compared once per resync, and at a window."""
    rhythm = DONE.ended(1000, failed=False)
    for at in range(1060, 1600, 60):
        rhythm = rhythm.changed(at - 60).started().ended(at, failed=False, whole=False)
        assert not is_whole(PACE, rhythm, at)
    assert next_pass_at(PACE, rhythm) == 1600.0
    assert is_whole(PACE, rhythm, 1600.0)
    window = DONE.ended(1000, failed=False).ended(1060, failed=False, wake_at=1100, whole=False)
    assert is_whole(PACE, window, 1100.0)
    assert is_whole(PACE, Rhythm(), 0.0)
    assert is_whole(PACE, DONE.ended(1000, failed=True, whole=False), 1002.0)


@pytest.mark.parametrize("failed", [False, True])
def test_a_clock_that_was_set_back_keeps_no_adom_waiting(failed: bool) -> None:
    """A removal that is due in minutes must not wait until the clock is again where it was."""
    rhythm = DONE.ended(1000, failed=failed, wake_at=1100)
    assert next_pass_at(PACE, rhythm, now=999.0) <= 999.0
    assert next_pass_at(PACE, rhythm, now=1000.0) > 1000.0
