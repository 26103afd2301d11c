"""What goes into a rollout decision and what comes out of it. `waves` decides."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from fmgsync.scheduling.budget import Limit, Percent
from fmgsync.scheduling.timetable import Opening


@dataclass(frozen=True, slots=True)
class NamedWave:
    """A wave of certain devices: a device group, by its name and physical devices."""

    name: str
    devices: frozenset[str]


WaveSize: TypeAlias = Percent | int | NamedWave
"""Percent and count include the waves before; a share is rounded up."""


class Overrun(enum.StrEnum):
    """What becomes of a started wave's remaining install calls when the window closes."""

    FINISH = "finish"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class RolloutPolicy:
    """How installs spread over the physical devices of an ADOM.

    `max_failures` bounds the devices at risk in the whole rollout. `misnamed` says which canary,
    wave or window names nothing, `stopped` who wants nothing to be installed, and why.
    """

    canary: tuple[str, ...] = ()
    waves: tuple[WaveSize, ...] = (Percent(100),)
    pause: timedelta = timedelta(0)
    max_failures: Limit = 1
    overrun: Overrun = Overrun.FINISH
    misnamed: str = ""
    stopped: str = ""

    def __post_init__(self) -> None:
        if not self.waves:
            raise ValueError("a rollout has at least one wave")


class Readiness(enum.StrEnum):
    """What a device is like apart from its windows.

    Whatever is neither ready nor up to date is left for later, without failing its wave.
    """

    READY = "ready"
    OFFLINE = "offline"
    UNSYNCED = "not in sync"
    BLOCKED = "blocked"
    UP_TO_DATE = "up to date"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A physical device as it stands now.

    Up-to-date devices need not be listed, but a canary about which nothing is known must be, as
    offline. `opening` is the effective one that holds now, None while closed, and `opens_at` the
    next one. `detail` says more about a device that is not ready: whose edits block it, say.
    """

    device: str
    readiness: Readiness = Readiness.READY
    opening: Opening | None = None
    opens_at: datetime | None = None
    detail: str = ""

    def is_open(self, now: datetime) -> bool:
        """Whether an install may start at `now`."""
        opening = self.opening
        if opening is None or now < opening.opens_at:
            return False
        return opening.closes_at is None or now < opening.closes_at


class HoldKind(enum.StrEnum):
    """Why nothing starts at all."""

    STOPPED = "stopped"
    LEDGER_LOST = "ledger lost"
    HALTED = "halted"
    BUDGET_SPENT = "failure budget spent"
    CANARY_FAILED = "canary failed"
    CANARY_UNAVAILABLE = "canary unavailable"
    MISNAMED = "misnamed"
    NO_WAVE_LEFT = "no wave left"
    FAILURES_LEFT = "failures left"
    UNSEEN = "fleet not looked at yet"


@dataclass(frozen=True, slots=True)
class Hold:
    """The rollout as a whole waits: for a person (`next_step`), or until something passes."""

    kind: HoldKind
    reason: str
    next_step: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """One pending device that does not start now, why, and until when if that is known."""

    device: str
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Which devices may start now, together; why every other one that is pending, or failed, waits.

    `wave` is the wave the rollout is in: 0 is the canary, None once nothing is left to roll out.
    `ready` has those who may start and those who lack nothing but room. `needs` forecasts the rest
    of that wave. Where this is one target's part of a decision, `turn` are all devices that may
    start, and `others_at` is when somebody else may start by the clock, and has to be told.
    """

    wave: int | None
    start: tuple[str, ...] = ()
    waits: tuple[Wait, ...] = ()
    held: Hold | None = None
    needs: timedelta | None = None
    others_at: datetime | None = None
    turn: tuple[str, ...] = ()
    ready: tuple[str, ...] = field(default=(), compare=False)
