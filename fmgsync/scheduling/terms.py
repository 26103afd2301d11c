"""The terms under which installs happen: the `install` part of the configuration as one value."""

from __future__ import annotations

from dataclasses import dataclass

from fmgsync.scheduling.calendar import NEVER, Calendar


@dataclass(frozen=True, slots=True)
class Terms:
    """When installs may start."""

    calendar: Calendar = NEVER
