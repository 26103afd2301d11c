"""Instants as people type and read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from fmgsync import zones

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_WRITTEN = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d)?)(?: UTC|Z|\+00:00)(?!\w)", re.ASCII
)
_AGO = re.compile(r"(\d{1,5})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Instant(click.ParamType):  # type: ignore[type-arg] # generic in the stubs only
    """An ISO 8601 time; without an offset, in this computer's time zone."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        """A datetime with its offset."""
        try:
            instant = datetime.fromisoformat(str(value)).astimezone()
        except (ValueError, OverflowError, OSError):
            instant = None
        # A year at either end of the calendar leaves no room to look around.
        if instant is not None and 1970 <= instant.year <= 9000:
            return instant
        return self.fail(f"{value!r} is no time; write 2026-12-24T02:00 or 2026-12-24T02:00+01:00")


def zone_of(document: Mapping[str, Any]) -> str:
    """The zone in which times are told; a document of an older release names none."""
    return str(document.get("timezone", "UTC"))


def local(text: str | None, zone: str) -> str:
    """An RFC 3339 instant as people read it in a zone: `Wed 2026-12-02 01:00 CET`."""
    if text is None:
        return "not known"
    try:
        found = datetime.fromisoformat(text).astimezone(zones.zone(zone))
    except (ValueError, OverflowError):
        return text
    return f"{found:%a %Y-%m-%d %H:%M} {found.tzname() or ''}".rstrip()


def sentence(text: str, zone: str) -> str:
    """Words with the instants in them as people read them in a zone."""

    def told(found: re.Match[str]) -> str:
        written = f"{found[1]}T{found[2]}+00:00"
        shown = local(written, zone)
        return found[0] if shown == written else shown

    return _WRITTEN.sub(told, text)


def since(text: str, now: datetime) -> datetime | None:
    """`18:00` (the last time it was), `12h` or `3d` (ago), or an ISO 8601 time; None for else.

    A time of day is that of `now`'s zone, as is an ISO time without an offset.
    """
    if (clock := _CLOCK.fullmatch(text)) is not None:
        at = now.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
        return at if at <= now else at - timedelta(days=1)
    if (ago := _AGO.fullmatch(text)) is not None:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=now.tzinfo)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
