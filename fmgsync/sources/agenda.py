"""Which address is to be asked for next, of very many that wait.

In a large cluster thousands of pods change in a minute, and far fewer questions may be asked in it:
what waits for long must not make each change dearer.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Final

from fmgsync.model.address import Address
from fmgsync.model.endpoint import PodKey

_SPARE: Final = 64


@dataclass(slots=True)
class Question:
    """Who has an address? `askers` are the pods it is asked for; True: as long as they are there,
    False: until nobody else has it."""

    due: float
    pause_s: float
    askers: dict[PodKey, bool] = field(default_factory=dict)

    @property
    def lasting(self) -> bool:
        """Whether the doubt lasts: such a question comes before others."""
        return any(self.askers.values())


class Agenda:
    """The open questions by when they are due; those in lasting doubt come first."""

    def __init__(self) -> None:
        self._noted: Final[dict[Address, tuple[bool, float]]] = {}
        # Entries that are not as noted any more are left where they are until they come up.
        self._queues: Final[dict[bool, list[tuple[float, int, Address]]]] = {True: [], False: []}
        self._count = 0

    def note(self, address: Address, question: Question) -> None:
        """Let it be due as the question says now, whatever was noted before."""
        urgent, due = question.lasting, question.due
        if self._noted.get(address) == (urgent, due):
            return
        self._noted[address] = (urgent, due)
        self._count += 1
        heapq.heappush(self._queues[urgent], (due, self._count, address))
        if sum(map(len, self._queues.values())) > 2 * len(self._noted) + _SPARE:
            self._tidy()

    def strike(self, address: Address) -> None:
        """Nobody wants to know any more."""
        self._noted.pop(address, None)

    def due(self, now: float) -> Address | None:
        """What has been due for longest among those in lasting doubt, else among the others."""
        for urgent in (True, False):
            first = self._first(urgent)
            if first is not None and first[0] <= now:
                return first[2]
        return None

    @property
    def next_at(self) -> float | None:
        """When the first is due."""
        firsts = (self._first(urgent) for urgent in self._queues)
        return min((first[0] for first in firsts if first is not None), default=None)

    def _first(self, urgent: bool) -> tuple[float, int, Address] | None:
        queue = self._queues[urgent]
        while queue and not self._stands(urgent, queue[0]):
            heapq.heappop(queue)
        return queue[0] if queue else None

    def _stands(self, urgent: bool, entry: tuple[float, int, Address]) -> bool:
        return self._noted.get(entry[2]) == (urgent, entry[0])

    def _tidy(self) -> None:
        for urgent, queue in self._queues.items():
            queue[:] = sorted(
                {entry[2]: entry for entry in queue if self._stands(urgent, entry)}.values()
            )
