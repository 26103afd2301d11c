"""Several ADOMs in one run: each gets its turn, and what ends one ends no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from fmgsync import errors
from fmgsync.clock import ManualClock
from fmgsync.passes import turns
from fmgsync.passes.turns import Taking, Turn

BATCH_S = 240.0


class Work:
    """An ADOM whose rollout has so many batches; everything is noted in a common list."""

    def __init__(self, name: str, batches: int, clock: ManualClock, log: list[str]) -> None:
        self.name, self.left, self._clock, self._log = name, batches, clock, log
        self.fails = False
        self.pause_s = 0.0

    @contextmanager
    def session(self) -> Iterator[None]:
        self._log.append(f"open {self.name}")
        try:
            yield
        finally:
            self._log.append(f"close {self.name}")

    def one_pass(self, workloads: int) -> float | None:
        self._log.append(f"{self.name}{workloads}")
        if self.fails:
            raise errors.TargetError("no")
        self.left -= 1
        self._clock.sleep(BATCH_S)
        return self._clock.now() + self.pause_s if self.left > 0 else None

    def turn(self) -> Turn[int]:
        session: Callable[[], AbstractContextManager[object]] = self.session
        return Turn(session, self.one_pass)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def taking(clock: ManualClock, stopping: Callable[[], bool] = lambda: False) -> Taking[int]:
    read = iter(range(1, 99))
    return Taking(clock, lambda: next(read), stopping, at_most_s=60.0)


def test_nobody_waits_for_another_ones_rollout(clock: ManualClock) -> None:
    """Only for one batch; what runs is read before each round, and each has one session."""
    log: list[str] = []
    works = [Work("a", 3, clock, log), Work("b", 1, clock, log)]
    turns.take([work.turn() for work in works], 0, taking(clock))
    assert log == ["open a", "a0", "open b", "b0", "close b", "a1", "a2", "close a"]


def test_an_error_ends_the_turns_of_one(clock: ManualClock) -> None:
    log: list[str] = []
    bad, good = Work("a", 3, clock, log), Work("b", 2, clock, log)
    bad.fails = True
    made = [bad.turn(), good.turn()]
    turns.take(made, 0, taking(clock))
    assert [str(turn.error) if turn.error else None for turn in made] == ["no", None]
    assert log == ["open a", "a0", "close a", "open b", "b0", "b1", "close b"]


def test_who_stops_takes_no_further_turn_and_leaves_no_session_open(clock: ManualClock) -> None:
    log: list[str] = []
    works = [Work("a", 3, clock, log)]
    turns.take([work.turn() for work in works], 0, taking(clock, lambda: True))
    assert log == ["open a", "a0", "close a"]


def test_in_a_pause_it_is_looked_whether_something_has_to_go(clock: ManualClock) -> None:
    log: list[str] = []
    work = Work("a", 2, clock, log)
    work.pause_s = 3600.0
    began = clock.now()
    turns.take([work.turn()], 0, taking(clock))
    assert clock.now() - began == 2 * BATCH_S + 60.0
