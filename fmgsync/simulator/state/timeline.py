"""What happens at which instant. Nothing sleeps: due events run when the next request comes."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

Event = Callable[[float], None]
"""Called with the instant it was due, in epoch seconds."""


class Timeline:
    """Events by time; those of one instant run in the order they were planned."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Event]] = []
        self._number = itertools.count()

    def plan(self, at: float, event: Event) -> None:
        """Run `event` once the clock has reached `at`."""
        heapq.heappush(self._due, (at, next(self._number), event))

    def advance(self, now: float) -> None:
        """Run everything that is due, oldest first; events may plan further ones."""
        while self._due and self._due[0][0] <= now:
            at, _, event = heapq.heappop(self._due)
            event(at)
