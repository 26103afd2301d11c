"""Installs: what is pending where, what was asked for, what became of it on each device."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from fmgsync.model.address import Family
from fmgsync.model.target import DeviceVdom, TargetRef


class PendingReason(enum.StrEnum):
    """Why a DeviceVdom is behind (DESIGN section 2)."""

    DEVICE_DATABASE_BEHIND = "device database differs from the ADOM"
    DEVICE_BEHIND = "device is behind its device database"
    NOT_WRITTEN = "the device is not as the rules want it"
    READ_BACK_DIFFERS = "the device answered with other members"
    PACKAGE_MODIFIED = "package is modified"


@dataclass(frozen=True, slots=True)
class PendingInstall:
    """A DeviceVdom that needs an install of `package` (full path) for `groups`; where writing is
    delivering there is no package, and the write is what it needs."""

    adom: TargetRef
    target: DeviceVdom
    package: str
    groups: tuple[str, ...]
    reasons: tuple[PendingReason, ...]


@dataclass(frozen=True, slots=True)
class NotReferenced:
    """Groups that no policy installed on `target` uses, so they never reach it.

    `because` has one sentence for each.
    """

    adom: TargetRef
    target: DeviceVdom
    package: str | None
    groups: tuple[str, ...]
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InstallRequest:
    """One install call: one package, an explicit scope; `comment` goes into the device revision.

    With `objects` only these groups are pushed, and the addresses they need.
    """

    adom: TargetRef
    package: str
    targets: tuple[DeviceVdom, ...]
    comment: str = ""
    objects: tuple[tuple[Family, str], ...] = ()


@dataclass(frozen=True, slots=True)
class InstallTask:
    """A running task on FortiManager. `started_at` is UTC epoch seconds by our clock."""

    adom: TargetRef
    task_id: int
    package: str
    targets: tuple[DeviceVdom, ...]
    started_at: float


class Outcome(enum.StrEnum):
    """How an install ended on one device. `CANCELLED` before anything reached the device,
    `BROKEN_OFF` after that: what it holds then only the device can tell. `NOT_PROVEN`: done, says
    FortiManager, and the device did not answer with what it should hold."""

    DONE = "done"
    NO_CHANGES = "no changes"
    FAILED = "failed"
    FROZEN = "frozen"
    CANCELLED = "cancelled"
    BROKEN_OFF = "broken off"
    MISSING = "no line in the task"
    NOT_PROVEN = "not proven"


@dataclass(frozen=True, slots=True)
class TargetOutcome:
    """One device's end of an install, with FortiManager's words, percent last seen."""

    target: DeviceVdom
    outcome: Outcome
    detail: str
    percent: int = 100


@dataclass(frozen=True, slots=True)
class TaskView:
    """One poll of a task. `final` once no line can change any more."""

    task: InstallTask
    final: bool
    percent: int
    outcomes: tuple[TargetOutcome, ...]


class Verdict(enum.StrEnum):
    """What a read-back proved."""

    VERIFIED = "verified"
    DIFFERS = "differs"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SeenTask:
    """An install task as the task list shows it, whoever started it.

    `ours`: by our administrator. `over`: it can change no more, or only on devices whose lines have
    not moved for so long that nobody waits for them. `failed` maps a device to why its line ended
    badly; `devices` are all that have a line.
    """

    task_id: int
    title: str
    user: str
    ours: bool
    over: bool
    devices: frozenset[str]
    failed: Mapping[str, str]


@dataclass(frozen=True, slots=True, order=True)
class NarrowedMapping:
    """A mapping as an urgent install has written it, and what it was before."""

    group: tuple[Family, str]
    target: DeviceVdom
    members: tuple[str, ...]
    before: tuple[str, ...]
