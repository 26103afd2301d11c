"""How a controller ends: nothing new starts, and a little later even what runs is let go of."""

from __future__ import annotations

import threading

from fmgsync.clock import Clock

LEAVE_AFTER_S = 3.0
"""So long after SIGTERM an install that runs is watched; then its lock is given back."""


class Stopping:
    """One controller's end. Safe to use from any thread, and from a signal handler.

    `leave_at` is when what runs is let go of, in UTC epoch seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked = threading.Event()
        self.leave_at = float("inf")

    def finish(self) -> None:
        """Start nothing new, and take the time that needs."""
        self._asked.set()

    def leave(self) -> None:
        """Start nothing new, and be gone soon."""
        if not self.must_leave():
            self.leave_at = self._clock.now() + LEAVE_AFTER_S
        self._asked.set()

    def asked(self) -> bool:
        """Whether nothing more may start."""
        return self._asked.is_set()

    def must_leave(self) -> bool:
        """Whether the process is about to end, however much still runs."""
        return self.leave_at < float("inf")

    def leaving(self) -> bool:
        """Whether even what runs is to be let go of."""
        return self._clock.now() >= self.leave_at
