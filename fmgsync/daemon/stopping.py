"""How a controller ends: nothing new starts, and a little later even what runs is let go of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from fmgsync.clock import Clock

JOIN_S = 0.5
GRACE_S = 4.0
"""So long after it was time to leave a pass may take to give its locks back."""
LEAVE_AFTER_S = 3.0
"""So long after SIGTERM an install that runs is watched; then its lock is given back."""


@dataclass(slots=True)
class _Exit:
    """The end of the process, which all its controllers share."""

    at: float = float("inf")


class Stopping:
    """One controller's end. Safe to use from any thread, and from a signal handler."""

    def __init__(self, clock: Clock, before: Stopping | None = None) -> None:
        """`before` is that of a controller this one takes over from: both leave together."""
        self._clock = clock
        self._asked = threading.Event()
        self._exit: _Exit = before._exit if before is not None else _Exit()

    @property
    def leave_at(self) -> float:
        """When what runs is let go of, by the steady clock."""
        return self._exit.at

    def finish(self) -> None:
        """Start nothing new, and take the time that needs."""
        self._asked.set()

    def leave(self) -> None:
        """Start nothing new, and be gone soon."""
        if not self.must_leave():
            self._exit.at = self._clock.steady() + LEAVE_AFTER_S
        self._asked.set()

    def asked(self) -> bool:
        """Whether nothing more may start."""
        return self._asked.is_set() or self.must_leave()

    def must_leave(self) -> bool:
        """Whether the process is about to end, however much still runs."""
        return self.leave_at < float("inf")

    def await_end(self, join: Callable[[float], bool], beat: Callable[[], None]) -> bool:
        """Wait for something that ends by itself; without a limit until somebody wants us to leave.
        False if it was still running when the time was up."""
        while not self.must_leave():
            beat()
            if join(JOIN_S):
                return True
        return join(max(0.0, self.leave_at + GRACE_S - self._clock.steady()))

    def leaving(self) -> bool:
        """Whether even what runs is to be let go of."""
        return self._clock.steady() >= self.leave_at
