"""Time as an argument: the real clock for programs, a manual one for tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Where time comes from; `now` in UTC epoch seconds."""

    def now(self) -> float:
        """UTC epoch seconds."""

    def sleep(self, seconds: float) -> None:
        """Wait that long."""


class SystemClock:
    """The computer's clock."""

    def now(self) -> float:
        """UTC epoch seconds."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def rest(clock: Clock, seconds: float, *, until: Callable[[], bool], slice_s: float = 0.5) -> None:
    """Wait so long, or until something is true. A clock that is set back meanwhile makes it no
    longer: who holds a lock, or has more to do, must not wait for what the clock said before."""
    ends_at, left = clock.now() + seconds, seconds
    while left > 0 and not until():
        nap = min(left, slice_s)
        clock.sleep(nap)
        left = min(left - nap, ends_at - clock.now())


class ManualClock:
    """A clock that moves only when told; sleeping moves it. Safe to share between threads."""

    def __init__(self, now: float = 1_767_225_600.0) -> None:
        self._now = now
        self._lock = threading.Lock()

    def now(self) -> float:
        """UTC epoch seconds."""
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        """Move the clock; returns at once."""
        with self._lock:
            self._now += max(0.0, seconds)
