"""From a cron schedule in a time zone to the instants at which it fires.

`cronsim` says which wall-clock minutes a schedule names (in Debian cron's reading: if neither
day-of-month nor day-of-week begins with `*`, one of them is enough). What becomes of wall-clock
times that a clock change skips or repeats is decided here, alike for every schedule: a skipped
one fires at the first instant after the gap, a repeated one fires once, the first time. (cronsim
itself treats schedules whose hour or minute is a `*` by elapsed time instead.)

Both look-ups need few steps however dense the schedule is: wall-clock times map to instants in
the same order, so only the length of one clock change may have to be stepped over.
"""

from __future__ import annotations

import difflib
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

from fmgsync import zones
from fmgsync.errors import ScheduleError

_MAX_LENGTH: Final = 200
_FIELDS: Final = "minute hour day-of-month month day-of-week, as in '0 1 * * *'"
_ONE_SECOND: Final = timedelta(seconds=1)

# In the database, but no place's time: the machine's own, templates, and leap-second variants.
_NOT_PLACES: Final = ("localtime", "posixrules", "Factory", "posix/", "right/")

# A year with 29 February; cronsim gives up after 50 years without a match.
_BASE: Final = datetime(2024, 1, 1)  # noqa: DTZ001 (wall-clock time, of no zone)


def check_schedule(schedule: str) -> None:
    """Raise ScheduleError unless the text is a five-field schedule that fires at some time."""
    if len(schedule) > _MAX_LENGTH or len(schedule.split()) != 5:
        raise ScheduleError(
            f"the schedule {_shown(schedule)} does not have five fields", next_step=_FIELDS
        )
    try:
        next(CronSim(schedule, _BASE))
    except CronSimError as error:
        wrong = str(error).removeprefix("Bad ")
        raise ScheduleError(
            f"the schedule {_shown(schedule)} has a wrong {wrong}", next_step=_FIELDS
        ) from error
    except StopIteration as error:
        raise ScheduleError(
            f"the schedule {_shown(schedule)} never fires", next_step="name a date that exists"
        ) from error


def zone_named(name: str) -> ZoneInfo:
    """The IANA time zone of that name. Raises ScheduleError with the nearest names."""
    if not name.startswith(_NOT_PLACES):
        try:
            return zones.zone(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    places = [zone for zone in available_timezones() if not zone.startswith(_NOT_PLACES)]
    near = difflib.get_close_matches(name[:64], places)
    advice = f"did you mean {near[0]}?" if near else "use an IANA name such as Europe/Berlin"
    raise ScheduleError(f"there is no time zone {_shown(name)}", next_step=advice)


def doubt(schedule: str) -> tuple[str, str] | None:
    """What a schedule does that its writer may not have meant, and what to write instead."""
    minute, hour, days, month, weekdays = schedule.split()
    if days.startswith("*") or weekdays.startswith("*"):
        return None
    a_year = _BASE + timedelta(days=366)
    opens = 0
    for fires in CronSim(f"0 0 {days} {month} {weekdays}", _BASE - _ONE_SECOND):
        if fires >= a_year:
            break
        opens += 1
    said = f"{_shown(schedule)} opens on {opens} days a year: in cron either the day of the month"
    nth = _nth_weekday(days)
    if nth and weekdays.isalnum():
        advice = f"for both, write '{minute} {hour} * {month} {weekdays}#{nth}'"
    else:
        advice = "leave one of the two *; SAT#1 is the first Saturday, SAT#2 the second"
    return f"{said} or the weekday is enough", advice


def _nth_weekday(days: str) -> int:
    """Which of its kind a weekday is between these days of the month; 0 if that is not said."""
    weeks = {"1-7": 1, "8-14": 2, "15-21": 3, "22-28": 4}
    return weeks.get(days, 0)


def last_until(schedule: str, zone: ZoneInfo, instant: datetime) -> datetime | None:
    """The latest firing at or before `instant`; None if there is none in 50 years."""
    local = instant.astimezone(zone)
    wall = local.replace(tzinfo=None)
    if local.fold:  # the second pass: what fires later on this clock has fired in the first
        wall += _offset(local.replace(fold=0)) - _offset(local)
    try:
        for fires in CronSim(schedule, wall + _ONE_SECOND, reverse=True):
            if (fired := _instant_of(fires, zone)) <= instant:
                return fired
    except OverflowError:  # beyond the years datetime knows
        pass
    return None


def first_after(schedule: str, zone: ZoneInfo, instant: datetime) -> datetime | None:
    """The earliest firing later than `instant`; None if there is none in 50 years."""
    wall = instant.astimezone(zone).replace(tzinfo=None)
    try:
        for fires in CronSim(schedule, wall):
            if (fired := _instant_of(fires, zone)) > instant:
                return fired
    except OverflowError:
        pass
    return None


def _instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the zone's clocks show `wall`, or have just skipped it."""
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    # Where it is skipped: read with the offset of before, `wall` lies after the change; read with
    # that of after, before it. In between, the clocks jump over it once.
    shown_less = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while instant - shown_less > _ONE_SECOND:
        middle = shown_less + timedelta(seconds=(instant - shown_less) // _ONE_SECOND // 2)
        if middle.astimezone(zone).replace(tzinfo=None) > wall:
            instant = middle
        else:
            shown_less = middle
    return instant


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta()


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
