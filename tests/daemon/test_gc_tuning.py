"""While a controller runs, full collections happen when it says so, and never by themselves."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from fmgsync.daemon.gc_tuning import EVERY_S, Heap


@pytest.fixture
def heap() -> Iterator[Heap]:
    made = Heap()
    yield made
    made.release()


def full_collections() -> int:
    found: int = gc.get_stats()[2]["collections"]
    return found


def test_what_is_there_is_set_apart_until_it_is_released(heap: Heap) -> None:
    usual, frozen = gc.get_threshold(), gc.get_freeze_count()
    assert not heap.settled
    heap.settle(0.0, tidy=False)
    assert heap.settled
    assert gc.get_freeze_count() > frozen
    # Young objects are looked at as before, old ones only when `tidy` says so.
    assert gc.get_threshold()[:2] == usual[:2]
    assert gc.get_threshold()[2] > 1000 * usual[2]
    heap.release()
    assert gc.get_threshold() == usual
    assert gc.get_freeze_count() == 0


def test_tidying_is_rare(heap: Heap) -> None:
    heap.settle(100.0, tidy=False)
    before = full_collections()
    heap.tidy(100.0 + EVERY_S - 1)
    assert full_collections() == before
    heap.tidy(100.0 + EVERY_S)
    heap.tidy(100.0 + EVERY_S + 1)
    assert full_collections() == before + 1


def test_one_heap_after_the_other() -> None:
    """A reload makes the next controller while the one before still follows."""
    usual = gc.get_threshold()
    first = Heap()
    first.settle(0.0, tidy=False)
    second = Heap()
    first.release()
    second.settle(1.0, tidy=True)
    second.release()
    assert gc.get_threshold() == usual
    second = Heap()
    first.settle(0.0, tidy=False)
    second.settle(1.0, tidy=False)
    first.release()
    second.release()
    assert gc.get_threshold() == usual
    never_settled = Heap()
    never_settled.release()
    assert gc.get_threshold() == usual
