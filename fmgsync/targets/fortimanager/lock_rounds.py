"""How much is written under one lock: nobody else can work in the ADOM while we hold it.

An ordinary plan is one round. A fill of tens of thousands of objects is several, each of them
locked, written, committed and unlocked. Every beginning of a plan is a state that may stay
(`planning.diff` says why), so it may also be installed by others before the rest has come; but
while a group with shards changes its mode, a device may lack members that both modes grant it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.model.change import Change

CHARACTERS = 12_000_000
"""About so much is sent under one lock: 60,000 addresses, or 600,000 members of groups."""
LONGEST_S = 3.5
"""A unit that is slow is sent no further request under a lock that was held for so long; what is
under way, and the commit, come on top."""
BREATH_S = 0.5
"""The ADOM is free for so long between two rounds. Whoever waits for it may be first."""
_CHANGE = 200
"""Characters of a change besides its members."""


class Rounds:
    """The rounds of one plan. Those that may not be split are one."""

    def __init__(self, changes: Sequence[Change], *, size: int | None = CHARACTERS) -> None:
        self._waiting = deque(_cut(changes, size) if size else [tuple(changes)])

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def left(self) -> int:
        """How many changes have not been taken."""
        return sum(map(len, self._waiting))

    def take(self) -> tuple[Change, ...]:
        """What comes next."""
        return self._waiting.popleft()

    def put_back(self, left: Sequence[Change], *, sent: int) -> None:
        """What there was no time for comes next, twice as much at a time as there was time for:
        what is told and looked at before a round is about what is sent in it."""
        most = 2 * max(1, sent)
        for at in reversed(range(0, len(left), most)):
            self._waiting.appendleft(tuple(left[at : at + most]))


@contextmanager
def telling(written: tuple[Change, ...], of: int) -> Iterator[None]:
    """What goes wrong in a later round says what stands already."""
    try:
        yield
    except errors.TargetError as error:
        error.written = written
        if written:
            error.message += f"; {len(written)} of {of} changes were written before"
        raise


def watch(clock: Clock) -> Callable[[], bool]:
    """Whether a lock that is taken now was held for long."""
    began = clock.steady()
    return lambda: clock.steady() - began >= LONGEST_S


def never() -> bool:
    """It is held for as long as it takes."""
    return False


def _cut(changes: Sequence[Change], size: int) -> list[tuple[Change, ...]]:
    """In their order, as few rounds as there must be, all about as long."""
    sizes = [_CHANGE + sum(map(len, change.members)) for change in changes]
    number = -(-sum(sizes) // size)
    most = sum(sizes) / max(1, number)
    rounds: list[list[Change]] = [[]]
    filled = 0.0
    for change, more in zip(changes, sizes, strict=True):
        if rounds[-1] and filled + more / 2 > most * len(rounds):
            rounds.append([])
        rounds[-1].append(change)
        filled += more
    return [tuple(each) for each in rounds]
