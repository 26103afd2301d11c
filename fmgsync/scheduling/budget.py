"""How many devices may be at risk at the same time.

A device is at risk from the moment its install starts until it is verified, or for good if it
fails. No more may be at risk than may fail: then, whatever happens to those that are under way,
the budget cannot be exceeded. So the budget is also the number of installs side by side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from fmgsync.scheduling.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Percent:
    """A share, 0 to 100."""

    value: float

    def __post_init__(self) -> None:
        if not 0 <= self.value <= 100:
            raise ValueError(f"{self.value}% is no share")

    def up(self, count: int) -> int:
        """That share of `count`, rounded up."""
        return math.ceil(self._of(count))

    def down(self, count: int) -> int:
        """That share of `count`, rounded down."""
        return math.floor(self._of(count))

    def _of(self, count: int) -> Fraction:
        # Through the text, since 0.1 as a float is a little more than a tenth.
        return Fraction(str(self.value)) * count / 100

    def __str__(self) -> str:
        return f"{self.value:g}%"


Limit: TypeAlias = int | Percent


@dataclass(frozen=True, slots=True)
class Room:
    """How many more devices may start; if none because of failures, `spent` says which budget."""

    devices: int
    spent: str | None = None


def most_at_risk(limit: Limit, devices: int) -> int:
    """How many of `devices` may be at risk; a share is rounded down.

    One may always be tried, or nothing could ever be installed: with a budget of 0 as with one of
    1, devices go one by one and the first failure spends it.
    """
    return max(1, limit.down(devices) if isinstance(limit, Percent) else limit)


def room(limit: Limit, ledger: Ledger, members: int) -> Room:
    """What the whole rollout's budget leaves; `members` are all devices that take part in it."""
    most = most_at_risk(limit, members)
    failed = len(ledger.failed)
    spent = f"the failure budget of the rollout is spent: {failed} of {most}"
    return Room(max(0, most - len(ledger.attempts)), spent if failed >= most else None)
