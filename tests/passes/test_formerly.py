"""Addresses that were never seen before come all day: what is remembered of them has an end."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence

import pytest

from fmgsync.grouping import publishable
from fmgsync.model import address
from fmgsync.model.address import Address
from fmgsync.passes import write_log
from fmgsync.passes.write_log import Formerly
from tests.effort import held


def ip(number: int) -> Address:
    return Address(f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")


def let_through(known: Formerly, numbers: Sequence[int]) -> None:
    """As passes note them, each with a pod of a name of its own."""
    for number in numbers:
        known.note([(ip(number), (f"east/shop/pod-{number}",))], float(number))
        address.sort_key(ip(number))


def test_who_had_an_address_is_known_up_to_a_bound_and_the_longest_ago_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(write_log, "REMEMBERED", 100)
    known = Formerly()
    let_through(known, range(100))
    let_through(known, [0])
    full = held(known)
    let_through(known, range(100, 199))
    assert held(known) == full
    assert known.about(ip(0)) == (("east/shop/pod-0",), 0.0), "it was let through again"
    assert known.about(ip(1)) is None
    assert known.about(ip(100)) is not None


@pytest.mark.parametrize(
    "remembered",
    [address._parsed, address.sort_key, publishable._refusal, publishable.as_range],
    ids=lambda each: str(each.__name__),
)
def test_what_is_worked_out_of_an_address_is_kept_up_to_a_bound(
    remembered: Callable[[Address], object],
) -> None:
    info = remembered.cache_info()  # type: ignore[attr-defined]
    assert info.maxsize is not None
    assert info.maxsize <= write_log.REMEMBERED


@pytest.mark.slow
def test_the_memory_that_addresses_take_comes_to_an_end() -> None:
    """With the real bounds: of three times as many is kept what is kept of twice as many."""
    address.sort_key.cache_clear()
    tracemalloc.start()
    try:
        known, most = Formerly(), write_log.REMEMBERED
        before, _ = tracemalloc.get_traced_memory()
        found = []
        for time in range(4):
            let_through(known, range(time * most, (time + 1) * most))
            now, _ = tracemalloc.get_traced_memory()
            found.append((now - before) / 1e6)
    finally:
        tracemalloc.stop()
    assert max(found[2:]) <= found[1] * 1.01, found
    assert found[3] < 75, "megabytes: docs/scale.md tells of them"
