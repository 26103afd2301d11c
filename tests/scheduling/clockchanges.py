"""An oracle for schedules at clock changes: looks at every minute, knows nothing of cron."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
STEP = timedelta(hours=12)


def utc(text: str) -> datetime:
    """`2026-03-29T01:00` as an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def clock_changes(zone: ZoneInfo, first_year: int = 2020, last_year: int = 2037) -> list[datetime]:
    """Every instant in these years at which the zone's offset changes."""
    found = []
    at, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    while at < end:
        if offset(zone, at) != offset(zone, at + STEP):
            low, high = at, at + STEP
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low).seconds // 2)
                low, high = (
                    (middle, high) if offset(zone, middle) == offset(zone, at) else (low, middle)
                )
            found.append(high)
        at += STEP
    return found


def offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    shown = instant.astimezone(zone).utcoffset()
    assert shown is not None
    return shown


def firings(
    zone: ZoneInfo, named: Callable[[datetime], bool], start: datetime, end: datetime
) -> list[datetime]:
    """The instants in `[start, end)` at which the clocks first show, or skip, a named minute.

    Each minute of the clocks counts when they get there for the first time; those that they jump
    over count where they land.
    """
    found = []
    shown_before = (start - MINUTE).astimezone(zone).replace(tzinfo=None, fold=0)
    at = start
    while at < end:
        shown = at.astimezone(zone).replace(tzinfo=None, fold=0)
        minutes = max(0, (shown - shown_before) // MINUTE)
        if any(named(shown - MINUTE * back) for back in range(minutes)):
            found.append(at)
        shown_before = max(shown, shown_before)
        at += MINUTE
    return found
