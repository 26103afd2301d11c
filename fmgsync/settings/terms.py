"""The `install` part of the configuration as the values that think: calendar and terms."""

from __future__ import annotations

from fmgsync.scheduling.calendar import ALWAYS, Calendar
from fmgsync.scheduling.terms import Terms
from fmgsync.scheduling.window import Scope, Window, WindowKind
from fmgsync.settings import installing
from fmgsync.settings.schema import Config


def terms(config: Config) -> Terms:
    """Under which terms installs happen."""
    return Terms(calendar=calendar(config))


def calendar(config: Config) -> Calendar:
    """`always`, or the windows in the order of the file; none of them means never."""
    windows = config.install.windows
    if windows == "always":
        return ALWAYS
    return Calendar(tuple(_window(window) for window in windows))


def _window(window: installing.Window) -> Window:
    return Window(
        kind=WindowKind(window.kind),
        schedule=window.schedule,
        duration=window.duration,
        timezone=window.timezone,
        scope=Scope(
            fortimanagers=window.fortimanagers,
            adoms=window.adoms,
            devices=window.devices,
            device_groups=window.device_groups,
        ),
    )
