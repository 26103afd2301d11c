"""Waits grow, are spread, and have an end."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.kube.backoff import Backoff


@settings(max_examples=100, deadline=None)
@given(st.integers(), st.integers(1, 60))
def test_a_wait_lies_between_half_and_all_of_its_bound(seed: int, failures: int) -> None:
    backoff = Backoff(random.Random(seed), first_s=0.5, longest_s=30.0)
    for number in range(failures):
        bound = min(30.0, 0.5 * 2**number)
        assert bound / 2 <= backoff.next_s() <= bound


def test_success_starts_over_and_a_wish_is_a_lower_bound() -> None:
    backoff = Backoff(random.Random(1), first_s=1.0)
    waits = [backoff.next_s() for _ in range(8)]
    assert waits[-1] > 10
    backoff.reset()
    assert backoff.next_s() <= 1.0
    assert backoff.next_s(at_least_s=9.0) == 9.0


def test_replicas_do_not_wait_alike() -> None:
    assert len({Backoff(random.Random(seed)).next_s() for seed in range(20)}) == 20
