"""The little that is remembered between passes: what was written lately, what people decided."""

from __future__ import annotations

from dataclasses import dataclass

from fmgsync.model.address import Address, Family
from fmgsync.model.target import DeviceVdom


@dataclass(frozen=True, slots=True)
class Move:
    """What one write changes in one group at one place (None: the group's own value).

    `fresh` begins a new account: the first fill of a group, or a change that a human has approved.
    `at` is UTC epoch seconds, 0 while the move is only planned.
    """

    family: Family
    name: str
    place: DeviceVdom | None
    added: frozenset[Address]
    removed: frozenset[Address]
    fresh: bool = False
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class History:
    """All moves in one ADOM since `since` (UTC epoch seconds), oldest first.

    Before `since` nothing is known.
    """

    since: float
    moves: tuple[Move, ...] = ()


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
