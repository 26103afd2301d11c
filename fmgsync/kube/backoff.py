"""How long to wait before the next try: doubling, with jitter, bounded."""

from __future__ import annotations

import random
from typing import Final


class Backoff:
    """Waits of one series of failures; `reset` ends the series.

    Jitter keeps the watches of many replicas from asking a restarted API server all at once.
    """

    def __init__(
        self, rng: random.Random, *, first_s: float = 0.5, longest_s: float = 30.0
    ) -> None:
        self._rng: Final = rng
        self._first_s: Final = first_s
        self._longest_s: Final = longest_s
        self._failures = 0

    def reset(self) -> None:
        """Something went well."""
        self._failures = 0

    def next_s(self, at_least_s: float = 0.0) -> float:
        """The wait after one more failure: between half and all of the doubled one."""
        bound = min(self._longest_s, self._first_s * 2.0 ** min(self._failures, 20))
        self._failures += 1
        return max(at_least_s, bound * self._rng.uniform(0.5, 1.0))
