"""One maintenance window: when it is open, and for which devices.

A window opens whenever its schedule fires and stays open for its duration of elapsed time,
`[opens, closes)`. It belongs to the instant it opens, so midnight, month ends and clock changes
inside it do not matter. Its openings may overlap: it closes when the last of them ends.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final
from zoneinfo import ZoneInfo

from fmgsync.errors import ScheduleError
from fmgsync.model.target import DeviceVdom, TargetKind, TargetRef
from fmgsync.scheduling import cron

MAX_DURATION: Final = timedelta(days=366)

MERGED_OPENINGS: Final = 200
"""How many overlapping openings are followed to find a window's end: bounds the work for one that
opens every minute and, in effect, never closes. What is answered then is a lower bound."""

_MOMENT: Final = timedelta(microseconds=1)
_GROUP_PREFIX: Final = "group:"


class WindowKind(enum.StrEnum):
    """Whether installs may start while the window is open, or may not."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an install would go: what a window's scope is compared with."""

    adom: TargetRef
    target: DeviceVdom
    device_groups: frozenset[str] = frozenset()
    fleet: str = ""

    @property
    def fleet_name(self) -> str:
        """What it is rolled out with: by itself unless somebody says else."""
        return self.fleet or str(self.adom)


@dataclass(frozen=True, slots=True)
class Scope:
    """The places a window is for: every key that is given must match, None matches all.

    Each entry is a name or a glob. `devices` match a device, `device/vdom`, or with `group:` in
    front a device group, as in a site's devices. What names FortiManagers or ADOMs is for no
    FortiGate without one.
    """

    fortimanagers: tuple[str, ...] | None = None
    adoms: tuple[str, ...] | None = None
    devices: tuple[str, ...] | None = None
    device_groups: tuple[str, ...] | None = None
    fleets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for names in (
            self.fortimanagers,
            self.adoms,
            self.devices,
            self.device_groups,
            self.fleets,
        ):
            if names is not None and not names:
                raise ScheduleError(
                    "an empty list in a window's scope names nothing",
                    next_step="leave the key out to mean all",
                )

    def covers(self, place: Place) -> bool:
        """Whether the window is for this place."""
        return (
            self.may_cover(place.adom, place.fleet_name)
            and _any_match(self.device_groups, place.device_groups)
            and self._covers_device(place)
        )

    def may_cover(self, ref: TargetRef, fleet: str) -> bool:
        """Whether the window may be for a device of this target."""
        managed = ref.kind is TargetKind.FORTIMANAGER
        return (
            _any_match(self.fortimanagers, (ref.unit,) if managed else ())
            and _any_match(self.adoms, (ref.domain,) if managed else ())
            and _any_match(self.fleets, (fleet,))
        )

    def _covers_device(self, place: Place) -> bool:
        if self.devices is None:
            return True
        groups = [_GROUP_PREFIX + name for name in place.device_groups]
        return _any_match(self.devices, (place.target.device, str(place.target), *groups))


EVERYWHERE: Final = Scope()


@dataclass(frozen=True, slots=True)
class Window:
    """A recurring window. Raises ScheduleError if it could never be open, or never end.

    `schedule` has five cron fields in `timezone`, an IANA name. Instants given to the methods
    must be aware; answers are in UTC.
    """

    kind: WindowKind
    schedule: str
    duration: timedelta
    timezone: str = "UTC"
    scope: Scope = EVERYWHERE
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not timedelta(0) < self.duration <= MAX_DURATION:
            raise ScheduleError(
                f"a window cannot last {written(self.duration)}",
                next_step=f"give a duration above 0s and up to {written(MAX_DURATION)}",
            )
        cron.check_schedule(self.schedule)
        object.__setattr__(self, "_zone", cron.zone_named(self.timezone))

    def contains(self, instant: datetime) -> bool:
        """Whether the window is open at `instant`. At its closing instant it is not."""
        opened = self.last_opening(instant)
        return opened is not None and instant - opened < self.duration

    def last_opening(self, instant: datetime) -> datetime | None:
        """The latest scheduled opening at or before `instant`."""
        return cron.last_until(self.schedule, self._zone, as_utc(instant))

    def next_opening(self, instant: datetime) -> datetime | None:
        """The earliest scheduled opening after `instant`, be the window open already or not."""
        return cron.first_after(self.schedule, self._zone, as_utc(instant))

    def closes_at(self, instant: datetime) -> datetime | None:
        """When the window, open at `instant`, will have closed; None if it is not open.

        Openings that overlap or adjoin count as one (see MERGED_OPENINGS).
        """
        opened = self.last_opening(instant)
        if opened is None or as_utc(instant) - opened >= self.duration:
            return None
        for _ in range(MERGED_OPENINGS):
            later = self.last_opening(opened + self.duration)
            if later is None or later <= opened:
                break
            opened = later
        return opened + self.duration

    def opened_at(self, instant: datetime) -> datetime | None:
        """Since when the window has been open at `instant`; None if it is not open.

        The counterpart of `closes_at`.
        """
        if not self.contains(instant):
            return None
        opened = self.last_opening(instant)
        for _ in range(MERGED_OPENINGS):
            if opened is None:
                break
            earlier = self.next_opening(opened - self.duration - _MOMENT)
            if earlier is None or earlier >= opened:
                break
            opened = earlier
        return opened

    def __str__(self) -> str:
        text = f"{self.kind} '{self.schedule}' for {written(self.duration)} ({self.timezone})"
        limits = self.limits
        return f"{text} on {limits}" if limits else text

    @property
    def limits(self) -> str:
        """What it is for, in words; empty if for everything."""
        keys = {
            "FortiManager": self.scope.fortimanagers,
            "ADOM": self.scope.adoms,
            "device": self.scope.devices,
            "device group": self.scope.device_groups,
            "fleet": self.scope.fleets,
        }
        return ", ".join(f"{key} {' or '.join(names)}" for key, names in keys.items() if names)


def as_utc(instant: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError for a time without a zone."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone")
    return instant.astimezone(UTC)


def written(duration: timedelta) -> str:
    """A duration as in the configuration: `3h`, `90m`, `1d 30s`; `0s` for none."""
    sign = "-" if duration < timedelta(0) else ""
    rest = abs(duration)
    parts = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, timedelta(seconds=length))
        if count:
            parts.append(f"{count}{unit}")
    return sign + (" ".join(parts) or "0s")


def _any_match(patterns: tuple[str, ...] | None, names: Iterable[str]) -> bool:
    if patterns is None:
        return True
    return any(name == p or fnmatchcase(name, p) for name in names for p in patterns)
