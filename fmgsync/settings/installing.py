"""The `install` part of the configuration: when, how many at a time, and what must be true."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from fmgsync.settings.amounts import FailureBudget, Flag, WaveSize
from fmgsync.settings.names import DeviceRef, Glob, Line
from fmgsync.settings.part import Part, written
from fmgsync.settings.times import Cron, Duration, PositiveDuration, TimeZone


class Window(Part):
    """A time range in which installs may start (allow) or may not (deny).

    It belongs to the instant it opens, also across midnight and clock changes. Deny beats allow.
    The five scopes must all fit; one that is left out fits everything.
    """

    kind: Literal["allow", "deny"] = Field(description="Whether installs may or may not start.")
    schedule: Cron = Field(
        description="When it opens: cron, five fields (minute hour day month weekday). Of a day and"
        " a weekday either is enough; `0 22 * * SAT#1` is the first Saturday of a month."
    )
    duration: PositiveDuration = Field(
        description="How long it stays open, in elapsed time; its end does not belong to it."
    )
    timezone: TimeZone = Field(
        default="UTC", description="IANA time zone in which `schedule` is read."
    )
    fortimanagers: tuple[Glob, ...] | None = Field(
        default=None, min_length=1, description="Only these FortiManagers, by name or pattern."
    )
    adoms: tuple[Glob, ...] | None = Field(
        default=None, min_length=1, description="Only these ADOMs, by name or pattern."
    )
    devices: tuple[Glob, ...] | None = Field(
        default=None,
        min_length=1,
        description="Only these devices: `device` or `device/vdom` or pattern.",
    )
    device_groups: tuple[Glob, ...] | None = Field(
        default=None,
        min_length=1,
        description="Only members of these device groups of FortiManager.",
    )
    fleets: tuple[Glob, ...] | None = Field(
        default=None,
        min_length=1,
        description="Only these fleets, by name or pattern; an ADOM's own is `fortimanager/adom`.",
    )


class Within(Part):
    """A bound on how long a FortiGate may hold an address that no workload has any more."""

    within: PositiveDuration = Field(
        description="An install that only removes starts outside windows after this time."
    )


class Rollout(Part):
    """How an install spreads over the devices of an ADOM."""

    canary: tuple[DeviceRef, ...] = Field(
        default=(),
        description=(
            "Devices that get every change first; no wave starts before they are verified. A "
            "canary that is offline or closed holds the rollout."
        ),
    )
    waves: tuple[WaveSize, ...] = Field(
        default=written(["5%", "25%", "100%"]),
        min_length=1,
        description=(
            "Size of each wave, counted with the ones before it: a share of the pending devices "
            "(rounded up), a number of devices, or a device group. The last one is `100%`."
        ),
    )
    pause: Duration = Field(
        default=written("2m"), description="Time between a verified wave and the next one."
    )
    max_failures: FailureBudget = Field(
        default=written("5%"),
        description=(
            "Devices that may be at risk at once, so that no more can fail: a number, or a share "
            "rounded down, but at least one. More failures hold the rollout."
        ),
    )


class Hold(Part):
    """A command that must agree before each wave."""

    command: tuple[Line, ...] = Field(
        min_length=1,
        description=(
            "Program and arguments, started without a shell in the configuration's folder. Exit "
            "code 0 lets the wave start."
        ),
    )
    timeout: PositiveDuration = Field(
        default=written("30s"),
        description="After this time the command is ended and counts as a no.",
    )


def _windows_kind(value: object) -> str:
    return "<word>" if isinstance(value, str) else "<list>"


def _removals_kind(value: object) -> str:
    return "<word>" if isinstance(value, str) else "<bound>"


# The tags only tell pydantic which side to check, so that an error speaks of one side.
Windows = Annotated[
    Annotated[Literal["always"], Tag("<word>")] | Annotated[tuple[Window, ...], Tag("<list>")],
    Discriminator(_windows_kind),
]
Removals = Annotated[
    Annotated[Literal["in-window", "immediately"], Tag("<word>")]
    | Annotated[Within, Tag("<bound>")],
    Discriminator(_removals_kind),
]


class Install(Part):
    """How changes get from the ADOM to the FortiGates."""

    mode: Literal["package", "objects", "none"] = Field(
        default="package",
        description=(
            "`package` installs the policy packages that use a changed group; `objects` pushes "
            "only the objects (FortiManager 7.4.1 or later); `none` leaves installing to others."
        ),
    )
    windows: Windows = Field(
        default=(),
        description=(
            "When installs may start. `always`, or a list of windows; an empty list never opens."
        ),
    )
    overrun: Literal["finish", "stop"] = Field(
        default="finish",
        description=(
            "When a window closes during a rollout: `finish` completes what was started together "
            "and starts nothing else; `stop` makes no further install call at all."
        ),
    )
    removals: Removals = Field(
        default="in-window",
        description=(
            "When an address that no workload has any more leaves the FortiGates: with the next "
            "window, `immediately`, or `{within: 15m}`. Deny windows hold outside windows, too."
        ),
    )
    rollout: Rollout = Field(default_factory=Rollout, description="Canary and waves, per ADOM.")
    foreign_changes: Literal["block", "report", "allow"] = Field(
        default="block",
        description=(
            "Pending edits of other people that an install would push as well: hold the device, "
            "install and record them, or install."
        ),
    )
    first_install: Literal["refuse", "allow"] = Field(
        default="refuse",
        description=(
            "Whether to install a package on a device where FortiManager never installed it, or "
            "on a device that is not in sync."
        ),
    )
    hold: tuple[Hold, ...] = Field(
        default=(), description="Commands that must exit 0 before each wave."
    )
    verify: Flag = Field(
        default=True, description="Ask each FortiGate for its members after an install."
    )
