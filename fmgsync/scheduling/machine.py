"""A rollout as a machine: which step is next, and what each event makes of the record.

Pure. `next_step` is the policy; `transition` is the memory. Everything that was bought by a kill at
some request is a row here: a record says at least as much as has happened.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from fmgsync import errors
from fmgsync.model.rollout import InstallTask, NarrowedMapping
from fmgsync.scheduling import ledger as ledgers
from fmgsync.scheduling.rollout_record import Note, Phase, RolloutRecord


class Step(enum.StrEnum):
    """What a pass does next; at most one of them writes."""

    RESUME = "resume"
    RESTORE = "restore"
    WRITE = "write"
    URGENT = "urgent"
    INSTALL = "install"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides about the next step. `record` None: what was done is not known any more.

    `unwritten`: the ADOM lacks something that may be written now, and no install brings it along.
    `urgent` and `batch` are the devices that may start, if any may; `stopping`: none of them does.
    `own` are those that this pass answers for, where the record is of a fleet of several targets;
    None: all of them. `judges` False: this pass judges no install and makes none, since it was not
    told to or could not look at the devices.
    """

    record: RolloutRecord | None
    unwritten: bool = False
    urgent: tuple[str, ...] = ()
    batch: tuple[str, ...] = ()
    stopping: bool = False
    own: frozenset[str] | None = None
    judges: bool = True


def next_step(facts: Facts) -> Step:
    """The first that applies, in the order of what could do harm if it waited. Who starts no
    install any more still writes: that is stopped by `unwritten` alone."""
    record = facts.record
    if facts.judges and record is not None and record.running_on(facts.own):
        return Step.RESUME
    if facts.judges and record is not None and record.narrowed:
        return Step.RESTORE
    if facts.unwritten and may_write(record):
        return Step.WRITE
    if facts.stopping or not facts.judges:
        return Step.REST
    if facts.urgent:
        return Step.URGENT
    return Step.INSTALL if facts.batch else Step.REST


def may_write(record: RolloutRecord | None) -> bool:
    """Whether the ADOM may be written before anything else: not while an urgent install that nobody
    has judged may still copy what was narrowed for it."""
    return record is None or not (record.narrowed and record.ledger.running)


# -- events ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    """These devices are at risk from here on."""

    devices: frozenset[str]
    wave: int | None
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Narrowed:
    """These mappings are about to be written so that an urgent install adds nothing."""

    mappings: tuple[NarrowedMapping, ...]


@dataclass(frozen=True, slots=True)
class Pushing:
    """Tasks after number `after` may push, to these: whoever comes next must look for them."""

    after: int
    devices: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TaskBegun:
    """A task was started."""

    task: InstallTask


@dataclass(frozen=True, slots=True)
class TasksEnded:
    """No task of this batch is under way any more: the devices are asked."""


@dataclass(frozen=True, slots=True)
class LetGo:
    """We leave while these are configured, and the lock with us: they fail because of us."""

    devices: frozenset[str]


@dataclass(frozen=True, slots=True)
class Blocked:
    """These were held back; by `digests` people let them through. Those in `touched` stay at risk:
    another of their VDOMs was pushed before, or may be still."""

    devices: Mapping[str, str]
    touched: frozenset[str] = frozenset()
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Nothing has reached these, or for those in `touched` not all: an urgent install that reached
    nothing does not make the next one wait."""

    devices: frozenset[str]
    touched: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of devices at risk, after `took_s` where this process has started them; with none
    left running, tasks are forgotten."""

    verified: frozenset[str]
    failed: Mapping[str, str]
    took_s: float | None = None


@dataclass(frozen=True, slots=True)
class Restored:
    """What was narrowed is as it was, or as somebody has written it since."""


Event: TypeAlias = (
    Started
    | Narrowed
    | Pushing
    | TaskBegun
    | TasksEnded
    | LetGo
    | Blocked
    | Withdrawn
    | Settled
    | Restored
)


def transition(record: RolloutRecord, event: Event, now: datetime) -> RolloutRecord:
    """The record after an event. Raises UnitBusy where another run has begun meanwhile, or has
    judged what this one has begun."""
    after = _changed(record, event, now)
    return replace(after, phase=_phase(after, event))


def _changed(record: RolloutRecord, event: Event, now: datetime) -> RolloutRecord:
    match event:
        case Started():
            return _started(record, event, now)
        case Narrowed(mappings):
            return replace(record, narrowed=mappings)
        case Pushing():
            return _pushing(record, event)
        case TaskBegun(task):
            return replace(record, tasks=(*record.tasks, task))
        case LetGo(devices):
            return replace(record, let_go=record.let_go | devices)
        case Blocked(devices, touched, digests):
            notes = {d: Note(why, now, digests.get(d, "")) for d, why in devices.items()}
            kept = _withdrawn(record, devices.keys() - touched)
            return replace(kept, blocked={**kept.blocked, **notes})
        case Withdrawn(devices, touched):
            hurried = {attempt.device for attempt in record.ledger.running if attempt.urgent}
            untouched = hurried & (devices - touched)
            urgent = {d: at for d, at in record.urgent_at.items() if d not in untouched}
            return replace(_withdrawn(record, devices), urgent_at=urgent)
        case Settled():
            return _settled(record, event, now)
        case Restored():
            return replace(record, narrowed=())
        case TasksEnded():
            return record


def _phase(record: RolloutRecord, event: Event) -> Phase:
    """Where the batch stands; once no device's end is open any more, only the ADOM's can be."""
    if not record.ledger.running:
        return Phase.RESTORING if record.narrowed else Phase.IDLE
    match event:
        case Started():
            return Phase.PREVIEWING
        case Pushing() | TaskBegun():
            return Phase.PUSHING
        case TasksEnded():
            return Phase.PROVING
        case _:
            return record.phase


def _started(record: RolloutRecord, event: Started, now: datetime) -> RolloutRecord:
    if taken := sorted(record.ledger.at_risk & event.devices):
        raise errors.UnitBusy(f"another run of fmgsync installs on {', '.join(taken)} already")
    urgent = dict.fromkeys(event.devices, now) if event.urgent else {}
    return replace(
        record,
        ledger=ledgers.started(record.ledger, event.devices, event.wave, now, urgent=event.urgent),
        blocked={d: note for d, note in record.blocked.items() if d not in event.devices},
        urgent_at={**record.urgent_at, **urgent},
    )


def _pushing(record: RolloutRecord, event: Pushing) -> RolloutRecord:
    if gone := sorted(event.devices.difference(record.running_on(None))):
        raise errors.UnitBusy(
            f"another run of fmgsync has judged {', '.join(gone)} before anything was pushed there"
        )
    return replace(record, after=event.after) if record.after is None else record


def _withdrawn(record: RolloutRecord, devices: Collection[str]) -> RolloutRecord:
    ledger = record.ledger
    for device in devices:
        ledger = ledgers.withdrawn(ledger, device)
    return replace(record, ledger=ledger)


def _settled(record: RolloutRecord, event: Settled, now: datetime) -> RolloutRecord:
    ledger = record.ledger
    for device in sorted(event.verified):
        ledger = ledgers.verified(ledger, device, now, event.took_s)
    for device, why in sorted(event.failed.items()):
        ledger = ledgers.failed(ledger, device, now, why)
    let_go = record.let_go.difference(event.verified, event.failed)
    if ledger.running:
        return replace(record, ledger=ledger, let_go=let_go)
    return replace(record, ledger=ledger, tasks=(), after=None, let_go=let_go)
