"""What is kept of one fleet's rollout between two steps, whoever makes the next one."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from fmgsync.model import instants
from fmgsync.model.rollout import InstallTask, NarrowedMapping
from fmgsync.scheduling.ledger import Ledger


class Phase(enum.StrEnum):
    """How far the batch under way has come, as whoever finds the record must take it."""

    IDLE = "idle"
    PREVIEWING = "previewing"
    PUSHING = "pushing"
    PROVING = "proving"
    RESTORING = "restoring"


@dataclass(frozen=True, slots=True)
class Note:
    """Something found out about a device, and when; `digest` is what lets it through."""

    why: str
    at: datetime
    digest: str = ""


@dataclass(frozen=True, slots=True)
class RolloutRecord:
    """One fleet's rollout as it is kept.

    `tasks` were started and their end was not seen yet. `after` is the number of the newest task
    before the first of them, None while nothing is being pushed: a process that died may have
    started one more than it could note. `blocked` maps a device to why the last
    run held it back; `urgent_at` says when a device last used the urgent lane. `let_go` are
    devices that were being configured when we left, and gave the lock back. `decided_at`:
    when somebody last resumed or stopped it. `narrowed` is what has to be put back. `odd` are
    sentences about what a clock that was wrong has left in it, and are not kept.
    """

    ledger: Ledger
    tasks: tuple[InstallTask, ...] = ()
    after: int | None = None
    blocked: Mapping[str, Note] = field(default_factory=dict)
    urgent_at: Mapping[str, datetime] = field(default_factory=dict)
    let_go: frozenset[str] = frozenset()
    decided_at: datetime | None = None
    phase: Phase = Phase.IDLE
    narrowed: tuple[NarrowedMapping, ...] = ()
    odd: tuple[str, ...] = ()

    def running_on(self, devices: Collection[str] | None) -> list[str]:
        """Which of these devices are at risk with an open end; None: any."""
        found = (attempt.device for attempt in self.ledger.running)
        return sorted(device for device in found if devices is None or device in devices)

    @property
    def why_held(self) -> dict[str, str]:
        """Devices that the last run held back, with why."""
        return {device: note.why for device, note in self.blocked.items()}

    def held_back(self, since: datetime, approved: Callable[[], Collection[str]]) -> dict[str, str]:
        """Devices that were held back since then, with why, unless somebody has let through by now
        what held them. They are looked at again only by who asks from a later time on."""
        recent = {device: note for device, note in self.blocked.items() if note.at >= since}
        let = approved() if any(note.digest for note in recent.values()) else ()
        return {device: note.why for device, note in recent.items() if note.digest not in let}


def trusted(record: RolloutRecord, now: datetime) -> RolloutRecord:
    """The record without instants that lie ahead; `odd` names them.

    What was proven or begun then counts from now on, so that a pause begins anew. The urgent lane
    is open again, since removals are safe, and a device that was held back is looked at.
    """
    ledger, odd = record.ledger, list[str]()

    def past(what: str, at: datetime) -> datetime:
        if not instants.lies_ahead(at.timestamp(), now.timestamp()):
            return at
        odd.append(instants.told(what, at.timestamp()))
        return now

    attempts = tuple(
        replace(
            each,
            started_at=past(f"an install on {each.device}", each.started_at),
            failed_at=each.failed_at and past(f"the failure of {each.device}", each.failed_at),
        )
        for each in ledger.attempts
    )
    proofs = tuple(
        replace(each, verified_at=past(f"the proof of {each.device}", each.verified_at))
        for each in ledger.proofs
    )
    open_now = {
        (a.device, a.started_at): b.started_at
        for a, b in zip(ledger.attempts, attempts, strict=True)
    }
    urgent_at = {
        device: open_now.get((device, at), at)
        for device, at in record.urgent_at.items()
        if past(f"the last urgent install on {device}", at) == at or (device, at) in open_now
    }
    blocked = {
        device: note
        for device, note in record.blocked.items()
        if past(f"that {device} was held back", note.at) == note.at
    }
    tasks = tuple(
        replace(each, started_at=past(f"task {each.task_id}", at).timestamp())
        for each in record.tasks
        for at in [datetime.fromtimestamp(each.started_at, UTC)]
    )
    if record.decided_at is not None:
        # Kept: it is only told apart from the one before.
        past("what a person last decided", record.decided_at)
    if not odd:
        return record
    return replace(
        record,
        ledger=replace(ledger, attempts=attempts, proofs=proofs),
        tasks=tasks,
        urgent_at=urgent_at,
        blocked=blocked,
        odd=tuple(odd),
    )
