"""Everything at once: a short form here, a long one as `tox -e soak`."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests import tally
from tests.end_to_end.everything import Everything
from tests.end_to_end.surroundings import COUNTS

SOAK_S = float(os.environ.get("FMGSYNC_SOAK_S", "1200"))
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
        phases=[Phase.generate],  # to make a failure small takes minutes: that is for the soak
        suppress_health_check=HEALTH,
    )
    machine = type("Everything", (Everything,), {"follows": follows})
    run_state_machine_as_test(machine, settings=chosen)


@pytest.mark.slow
@pytest.mark.skipif("FMGSYNC_SOAK_S" not in os.environ, reason="as long as asked: tox -e soak")
def test_for_as_long_as_asked() -> None:
    """Prints what was survived; what fails is shrunk and shown by hypothesis."""
    chosen = settings(
        max_examples=5,
        stateful_step_count=30,
        deadline=None,
        derandomize=False,
        suppress_health_check=HEALTH,
    )
    ends_at = time.monotonic() + SOAK_S
    COUNTS.clear()
    while time.monotonic() < ends_at:
        run_state_machine_as_test(Everything, settings=chosen)
        told = ", ".join(f"{count} {name}" for name, count in sorted(COUNTS.items()))
        print(told)  # noqa: T201 - for whoever waits
    tally.note("everything", **COUNTS)
