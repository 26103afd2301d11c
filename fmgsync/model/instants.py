"""Stored instants held against now: one that lies ahead was written by a clock that was wrong.

It is never waited for. What becomes of it is up to its kind, always in the direction that lets
nothing through: an approval is void, a stale grant is overdue, a pause begins anew, a spacing or a
device held back is over.
"""

from __future__ import annotations

from datetime import UTC, datetime

SKEW_S = 300.0
"""The clocks of two computers may differ by so much."""


def lies_ahead(at: float, now: float) -> bool:
    """Whether an instant is later than any clock that is nearly right can have written."""
    return at > now + SKEW_S


def told(what: str, at: float) -> str:
    """One sentence for people."""
    when = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    return f"{what} is noted for {when}, which lies ahead: a clock was wrong, so it does not count"
