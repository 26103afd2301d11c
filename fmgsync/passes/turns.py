"""Who works on several ADOMs at once: one pass each in turn, until every rollout rests.

Whoever rests is called again when its turn comes in its fleet. So no ADOM's writes and urgent
removals wait for another one's rollout, only for one of its batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Generic, TypeVar

from fmgsync import clock as clocks
from fmgsync import errors
from fmgsync.clock import Clock

Stock = TypeVar("Stock")
"""What runs, as far as it was read."""


class Turn(Generic[Stock]):
    """One ADOM's passes, in one session that is kept while its rollout goes on.

    `one_pass` says when that is by itself, None if it rests; `is_called`, once, that others have
    come so far that it may go on; `waits` whether it rests for others. `is_apart`: it may be made
    beside others, which it shares no unit's time with.
    """

    def __init__(
        self,
        open_session: Callable[[], AbstractContextManager[object]],
        one_pass: Callable[[Stock], float | None],
        *,
        is_called: Callable[[], bool] = lambda: False,
        waits: Callable[[], bool] = lambda: False,
        is_apart: bool = False,
    ) -> None:
        self.is_apart = is_apart
        self._open_session = open_session
        self._one_pass = one_pass
        self._is_called = is_called
        self._waits = waits
        self._session: ExitStack | None = None
        self.goes_on_at: float | None = None
        self.error: errors.TargetError | None = None

    def make(self, workloads: Stock) -> None:
        """One pass. An error ends this ADOM's turns, and nobody else's."""
        kept, self._session, self.goes_on_at = self._session, None, None
        try:
            with kept or ExitStack() as stack:
                if kept is None:
                    stack.enter_context(self._open_session())
                goes_on_at = self._one_pass(workloads)
                if goes_on_at is not None:
                    self.goes_on_at, self._session = goes_on_at, stack.pop_all()
        except errors.TargetError as error:
            self.error = error

    def is_called(self) -> bool:
        """Whether it goes on because of others. One that has failed does not."""
        return self._is_called() and self.error is None

    def waits(self) -> bool:
        """Whether it rests for others, and something may have become due meanwhile."""
        return self._waits() and self.error is None

    def end(self) -> None:
        """Give the session back, whatever happened."""
        if self._session is not None:
            self._session.close()


@dataclass(frozen=True, slots=True)
class Taking(Generic[Stock]):
    """How turns are taken: `read_anew` says what runs, and is asked `at_most_s` after a pass.
    `at_once` are made at the same time, of those that stand apart."""

    clock: Clock
    read_anew: Callable[[], Stock]
    stopping: Callable[[], bool]
    at_most_s: float
    at_once: int = 1


def beside(
    work: Callable[[Stock], object], items: Iterable[Stock], *, at_once: int
) -> list[object]:
    """`work` on each, so many at a time; what it gives in order. The first error is raised once
    all have ended, for what was begun has to come to its end."""
    listed = list(items)
    if at_once < 2 or len(listed) < 2:
        return [work(item) for item in listed]
    with ThreadPoolExecutor(at_once, thread_name_prefix="pass") as pool:
        made = [pool.submit(work, item) for item in listed]
    return [each.result() for each in made]


def take(turns: Sequence[Turn[Stock]], workloads: Stock, taking: Taking[Stock]) -> None:
    """A pass over each, and again over those whose rollout goes on."""
    due = turns
    try:
        while due:
            _make(due, workloads, taking.at_once)
            if due := _await(turns, taking):
                workloads = taking.read_anew()
    finally:
        for turn in turns:
            turn.end()


def _make(due: Iterable[Turn[Stock]], workloads: Stock, at_once: int) -> None:
    apart = []
    for turn in due:
        if turn.is_apart:
            apart.append(turn)
        else:
            turn.make(workloads)
    beside(lambda turn: turn.make(workloads), apart, at_once=at_once)


def _await(turns: Sequence[Turn[Stock]], taking: Taking[Stock]) -> Sequence[Turn[Stock]]:
    """Those that go on, once the first of them is due; nobody if it is time to stop."""
    for turn in turns:
        if turn.is_called():
            turn.goes_on_at = taking.clock.now()
    waiting = [(turn.goes_on_at, turn) for turn in turns if turn.goes_on_at is not None]
    if not waiting:
        return ()
    clock = taking.clock
    first = min(at for at, _ in waiting)
    clocks.rest(clock, min(first - clock.now(), taking.at_most_s), until=taking.stopping)
    if taking.stopping():
        return ()
    is_early = clock.now() < first  # for whoever has something that cannot wait
    due = [turn for at, turn in waiting if at <= clock.now() or at == first]
    return due + [turn for turn in turns if is_early and turn not in due and turn.waits()]
