"""Time as an argument: the real clock for programs, a manual one for tests.

Somebody may set the clock that `now` reads. So `now` is for moments that others know as well: when
a window opens, what is written down, what is shown. How long something takes or counts inside one
process is measured with `steady`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> float:
        """UTC epoch seconds."""

    def steady(self) -> float:
        """Seconds since a moment of its own, that nobody sets: only differences say something."""

    def sleep(self, seconds: float) -> None:
        """Wait that long."""


def steady_seconds() -> float:
    """Seconds of a clock that never jumps and goes on while the computer is suspended."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


class SystemClock:
    """The computer's clock."""

    def now(self) -> float:
        """UTC epoch seconds."""
        return time.time()

    def steady(self) -> float:
        """Seconds that nobody sets."""
        return steady_seconds()

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
        self._steady = 100.0  # like that of a computer that has just begun
        self._lock = threading.Lock()

    def now(self) -> float:
        """UTC epoch seconds."""
        with self._lock:
            return self._now

    def steady(self) -> float:
        """What was slept."""
        with self._lock:
            return self._steady

    def sleep(self, seconds: float) -> None:
        """Move the clock; returns at once."""
        with self._lock:
            self._now += max(0.0, seconds)
            self._steady += max(0.0, seconds)

    def set(self, now: float) -> None:
        """As somebody at the computer would; nothing takes longer or shorter for it."""
        with self._lock:
            self._now = now
