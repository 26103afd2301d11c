"""The terms under which installs happen: the `install` part of the configuration as values."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from fmgsync.model.adom import AdomTopology
from fmgsync.scheduling.budget import Limit, Percent
from fmgsync.scheduling.calendar import NEVER, Calendar
from fmgsync.scheduling.foreign import ForeignChanges
from fmgsync.scheduling.rollout import NamedWave, Overrun, RolloutPolicy, WaveSize
from fmgsync.scheduling.urgent import RemovalPolicy

_GROUP = "group:"
FEW = Percent(5)
"""As many devices are at risk at once unless configured."""


class Mode(enum.StrEnum):
    """What an install pushes."""

    PACKAGE = "package"
    OBJECTS = "objects"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class HoldCommand:
    """A command that must exit 0 before a wave starts. `folder` is where it runs."""

    command: tuple[str, ...]
    timeout_s: float
    folder: str = "."


@dataclass(frozen=True, slots=True)
class RolloutTerms:
    """A rollout as configured: canaries are `device`, `device/vdom` or `group:NAME`, a wave a
    share, a number or `group:NAME`."""

    canary: tuple[str, ...] = ()
    waves: tuple[Percent | int | str, ...] = (Percent(100),)
    pause: timedelta = timedelta(0)
    max_failures: Limit = FEW

    def policy(self, topology: AdomTopology, overrun: Overrun) -> RolloutPolicy:
        """The same for one ADOM, with its devices. A canary of another ADOM is left out."""
        return RolloutPolicy(
            canary=tuple(sorted(_devices(self.canary, topology))),
            waves=tuple(_wave(size, topology) for size in self.waves),
            pause=self.pause,
            max_failures=self.max_failures,
            overrun=overrun,
        )


@dataclass(frozen=True, slots=True)
class Terms:
    """When and how installs happen.

    `first_install` False: never where FortiManager has not installed this package before, nor on a
    device that is not in sync. `verify` False: an install that ended well is believed, save on a
    canary.
    """

    calendar: Calendar = NEVER
    mode: Mode = Mode.PACKAGE
    overrun: Overrun = Overrun.FINISH
    removals: RemovalPolicy = field(default_factory=RemovalPolicy)
    rollout: RolloutTerms = field(default_factory=RolloutTerms)
    foreign_changes: ForeignChanges = ForeignChanges.BLOCK
    first_install: bool = False
    hold: tuple[HoldCommand, ...] = ()
    verify: bool = True


def _devices(names: Iterable[str], topology: AdomTopology) -> frozenset[str]:
    """Physical devices by name, `device/vdom` or `group:NAME`, as far as this ADOM has them."""
    found: set[str] = set()
    for name in names:
        if name.startswith(_GROUP):
            members = topology.groups.get(name.removeprefix(_GROUP), frozenset())
            found.update(target.device for target in members)
        else:
            found.add(name.partition("/")[0])
    return frozenset(found & topology.devices.keys())


def _wave(size: Percent | int | str, topology: AdomTopology) -> WaveSize:
    if not isinstance(size, str):
        return size
    return NamedWave(size.removeprefix(_GROUP), _devices([size], topology))
