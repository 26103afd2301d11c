"""Everything at once: a short form here, a long one as `tox -e soak`."""

from __future__ import annotations

import os
import time
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests import tally
from tests.end_to_end.everything import Everything
from tests.end_to_end.surroundings import COUNTS

SOAK_S = float(os.environ.get("FMGSYNC_SOAK_S", "1200"))
FIRST_SEED = int(os.environ.get("FMGSYNC_SOAK_SEED", "1"))
SHRINKS = bool(os.environ.get("FMGSYNC_SOAK_SHRINK"))
SIDE_BY_SIDE = 4
"""Every so manieth round serves units side by side: the order of their requests is the computer's,
so its seed alone does not say all."""
HEALTH = list(HealthCheck)


@pytest.mark.parametrize(
    ("follows", "estates"), [(False, 2), (True, 1)], ids=["commands", "controller"]
)
def test_whatever_happens_the_invariants_hold_and_it_converges(
    *, follows: bool, estates: int
) -> None:
    chosen = settings(
        max_examples=estates,
        stateful_step_count=10,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # to make a failure small takes minutes
        suppress_health_check=HEALTH,
    )
    live = ("east",) if follows else ()
    machine = type("Everything", (Everything,), {"follows": follows, "live": live})
    run_state_machine_as_test(machine, settings=chosen)


@pytest.mark.slow
@pytest.mark.skipif("FMGSYNC_SOAK_S" not in os.environ, reason="as long as asked: tox -e soak")
def test_for_as_long_as_asked() -> None:
    """Round after round, each with the next seed, at least one; prints what was survived."""
    ends_at = time.monotonic() + SOAK_S
    COUNTS.clear()
    for number in count(FIRST_SEED):
        _round(number)
        COUNTS["rounds"] += 1
        told = ", ".join(f"{many} {name}" for name, many in sorted(COUNTS.items()))
        print(f"seed {number} is well; until now: {told}", flush=True)  # noqa: T201 - for whoever waits
        if time.monotonic() >= ends_at:
            break
    tally.note("everything", **COUNTS)


def _round(number: int) -> None:
    """A few estates; the same ones and the same troubles for the same number."""
    chosen = settings(
        max_examples=5,
        stateful_step_count=30,
        deadline=None,
        database=None,  # what failed before would come first, and another example for this seed
        phases=[Phase.generate, *([Phase.shrink] if SHRINKS else [])],
        print_blob=False,
        suppress_health_check=HEALTH,
    )
    at_once = None if number % SIDE_BY_SIDE == 0 else 1
    machine = seed(number)(type("Everything", (Everything,), {"at_once": at_once}))
    try:
        run_state_machine_as_test(machine, settings=chosen)
    except BaseException as error:
        again = f"FMGSYNC_SOAK_SEED={number} FMGSYNC_SOAK_S=1 tox run -e soak"
        error.add_note(f"this was seed {number}; once more: {again}")
        raise
