"""The little that is remembered between passes: what was written lately, what people decided."""

from __future__ import annotations

from dataclasses import dataclass

from fmgsync.model.address import Family
from fmgsync.model.target import DeviceVdom


@dataclass(frozen=True, slots=True)
class Size:
    """How many members one group had at one place (None: its own value) just before a write.

    `fresh` begins a new account: the first fill of a group, or a change that a human has approved.
    `at` is UTC epoch seconds, 0 while the write is only planned.
    """

    family: Family
    name: str
    place: DeviceVdom | None
    members: int
    fresh: bool = False
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class History:
    """Sizes before the writes made in one ADOM since `since` (UTC epoch seconds), oldest first.

    Before `since` nothing is known. A group at a place without a size was not changed since then.
    A size from before it was noted by a clock that was wrong: when it was is not known.
    """

    since: float
    sizes: tuple[Size, ...] = ()


@dataclass(frozen=True, slots=True)
class Approval:
    """A person let exactly one held change through, once, until `expires_at`.

    `message` is what was shown when it was approved. Times are UTC epoch seconds.
    """

    digest: str
    who: str
    reason: str
    message: str
    at: float
    expires_at: float
