"""How long installs take, judged by those that were: does a wave still fit into the window?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

REMEMBERED: Final = 50
"""Past installs that are kept: enough for a 90th percentile, few enough to follow a change."""

UNKNOWN: Final = timedelta(minutes=5)
"""What one install is taken to need while none is on record."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What past installs needed, from their start until their devices were verified."""

    past: tuple[timedelta, ...] = ()

    @property
    def usual(self) -> timedelta:
        """The median."""
        return self._quantile(0.5)

    @property
    def slow(self) -> timedelta:
        """The 90th percentile: what one install is given."""
        return self._quantile(0.9)

    def rounds(self, count: int) -> timedelta:
        """What so many installs one after the other need: one of them is slow, the rest usual."""
        return self.slow + self.usual * (count - 1) if count > 0 else timedelta(0)

    def _quantile(self, share: float) -> timedelta:
        if not self.past:
            return UNKNOWN
        ordered = sorted(self.past)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
