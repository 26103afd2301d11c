"""Times in the configuration: durations, cron expressions, time zones."""

from __future__ import annotations

import datetime
import re
import zoneinfo
from typing import Annotated, Final

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, PlainSerializer, PlainValidator, WithJsonSchema

from fmgsync import zones
from fmgsync.settings.refusing import nearest, refuse, shown

_LONGEST: Final = datetime.timedelta(days=366)
_DURATION = r"^(?=[0-9])([0-9]{1,4}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,8}s)?$"


def parse_duration(value: object) -> datetime.timedelta:
    """`90s`, `5m`, `3h`, `3d`, `1h30m`; at most 366 days."""
    found = re.fullmatch(_DURATION, value, re.ASCII) if isinstance(value, str) else None
    if found is None:
        raise refuse(
            f"{shown(value)} is not a duration", "write it with its unit, such as 90s, 5m, 3h or 3d"
        )
    days, hours, minutes, seconds = (int(part[:-1]) if part else 0 for part in found.groups())
    duration = datetime.timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if duration > _LONGEST:
        raise refuse(f"{shown(value)} is longer than a year")
    return duration


def _parse_positive(value: object) -> datetime.timedelta:
    duration = parse_duration(value)
    if not duration:
        raise refuse("must be longer than 0s")
    return duration


def _written(duration: datetime.timedelta) -> str:
    return f"{duration // datetime.timedelta(seconds=1)}s"


_AS_WRITTEN = PlainSerializer(_written, return_type=str, when_used="json")
_DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": _DURATION, "title": "duration"})
Duration = Annotated[
    datetime.timedelta, PlainValidator(parse_duration), _AS_WRITTEN, _DURATION_SCHEMA
]
PositiveDuration = Annotated[
    datetime.timedelta, PlainValidator(_parse_positive), _AS_WRITTEN, _DURATION_SCHEMA
]

_SOME_DAY = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)


def check_cron(text: str) -> str:
    """Five cron fields that come true on some day."""
    hint = "five fields: minute hour day month weekday, such as 0 1 * * * for 01:00 every day"
    if len(text) > 200 or len(text.split()) != 5:
        raise refuse(f"{shown(text)} is not a cron expression", hint)
    try:
        next(CronSim(text, _SOME_DAY))
    except (CronSimError, ValueError) as err:
        raise refuse(f"{shown(text)} is not a cron expression: {err}", hint) from None
    except StopIteration:
        raise refuse(f"{shown(text)} never comes true") from None
    return text


def check_timezone(name: str) -> str:
    """An IANA time zone known to this computer or the tzdata package."""
    try:
        zones.zone(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        hint = nearest(name, zoneinfo.available_timezones())
        raise refuse(
            f"there is no time zone {shown(name)}{hint}", "use an IANA name such as Europe/Berlin"
        ) from None
    return name


Cron = Annotated[
    str, AfterValidator(check_cron), WithJsonSchema({"type": "string", "title": "cron"})
]
TimeZone = Annotated[
    str, AfterValidator(check_timezone), WithJsonSchema({"type": "string", "title": "time zone"})
]
