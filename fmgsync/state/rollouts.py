"""What is remembered of rollouts: each ADOM's ledger, and which tasks were started for it.

A missing record means that what was done is not known any more; it is for the caller to tell that
from a first rollout. A damaged one is an error: guessing could exceed a failure budget.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

import msgspec

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.model import instants
from fmgsync.model.rollout import InstallTask
from fmgsync.model.target import AdomRef, DeviceVdom
from fmgsync.scheduling.ledger import Attempt, Ledger, Proof
from fmgsync.state.documents import Documents

_NAME = "rollouts"


@dataclass(frozen=True, slots=True)
class Note:
    """Something found out about a device, and when; `digest` is what lets it through."""

    why: str
    at: datetime
    digest: str = ""


@dataclass(frozen=True, slots=True)
class RolloutRecord:
    """One ADOM's rollout as it is kept.

    `tasks` were started and their end was not seen yet. `after` is the number of the newest task
    before the first of them, None while nothing is being pushed: a process that died may have
    started one more than it could note. `blocked` maps a device to why the last
    run held it back; `urgent_at` says when a device last used the urgent lane. `let_go` are
    devices that were being configured when we left, and gave the lock back. `decided_at`:
    when somebody last resumed or stopped it. `odd` are sentences about what a clock that was wrong
    has left in it, and are not kept.
    """

    ledger: Ledger
    tasks: tuple[InstallTask, ...] = ()
    after: int | None = None
    blocked: Mapping[str, Note] = field(default_factory=dict)
    urgent_at: Mapping[str, datetime] = field(default_factory=dict)
    let_go: frozenset[str] = frozenset()
    decided_at: datetime | None = None
    odd: tuple[str, ...] = ()


def trusted(record: RolloutRecord, now: datetime) -> RolloutRecord:
    """The record without instants that lie ahead; `odd` names them.

    What was proven or begun then counts from now on, so that a pause begins anew. The urgent lane
    is open again, since removals are safe, and a device that was held back is looked at.
    """
    ledger, odd = record.ledger, []

    def past(what: str, at: datetime) -> datetime:
        if not instants.lies_ahead(at.timestamp(), now.timestamp()):
            return at
        odd.append(instants.told(what, at.timestamp()))
        return now

    attempts = tuple(
        replace(each, started_at=past(f"an install on {each.device}", each.started_at))
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
    if not odd:
        return record
    fresh = replace(ledger, attempts=attempts, proofs=proofs)
    return replace(record, ledger=fresh, urgent_at=urgent_at, blocked=blocked, odd=tuple(odd))


Change = Callable[[RolloutRecord | None], RolloutRecord]


class Rollouts:
    """Reads and writes the rollouts of one installation."""

    def __init__(self, documents: Documents, owner: str, *, clock: Clock) -> None:
        self._documents = documents
        self._owner = owner
        self._clock = clock

    def where(self) -> str:
        """Where they are kept, for people."""
        return self._documents.where(_NAME)

    def read(self, ref: AdomRef) -> RolloutRecord | None:
        """What is known of one ADOM's rollout; None if nothing is."""
        return self._record(_find(self._decode(self._documents.read(_NAME)), self._owner, ref), ref)

    def update(self, ref: AdomRef, change: Change) -> RolloutRecord:
        """Replace one ADOM's record by what `change` makes of it. `change` may run twice."""
        made: list[RolloutRecord] = []

        def changed(text: str | None) -> str:
            document = self._decode(text)
            before = _find(document, self._owner, ref)
            after = change(self._record(before, ref))
            made[:] = [after]
            others = [row for row in document.rollouts if row is not before]
            row = _row(self._owner, ref, after)
            rollouts = sorted([*others, row], key=lambda each: (each.owner, each.where))
            return msgspec.json.encode(_Document(rollouts=rollouts)).decode()

        self._documents.update(_NAME, changed)
        return made[0]

    def _decode(self, text: str | None) -> _Document:
        if text is None:
            return _Document()
        try:
            return msgspec.json.decode(text, type=_Document)
        except (msgspec.MsgspecError, ValueError) as error:
            raise self._damaged(error) from error

    def _record(self, row: _Rollout | None, ref: AdomRef) -> RolloutRecord | None:
        try:
            return None if row is None else trusted(_record(row, ref), self._now())
        except (ValueError, OverflowError, OSError) as error:
            raise self._damaged(error) from error

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)

    def _damaged(self, error: Exception) -> errors.StateError:
        return errors.StateError(
            f"it is damaged, or from a newer fmgsync: {error}",
            where=self.where(),
            next_step="move it away: rollouts are then held until 'fmgsync rollout resume'",
        )


class _Attempt(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    device: str
    wave: int | None
    started_at: float
    failed_at: float | None = None
    detail: str = ""


class _Proof(msgspec.Struct, forbid_unknown_fields=True):
    device: str
    wave: int
    verified_at: float


class _Task(msgspec.Struct, forbid_unknown_fields=True):
    task: int
    package: str
    targets: list[tuple[str, str]]
    started_at: float


class _Note(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    why: str
    at: float
    digest: str = ""


class _Rollout(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    owner: str
    fortimanager: str
    adom: str
    digest: str
    proofs: list[_Proof] = []
    attempts: list[_Attempt] = []
    halted: str | None = None
    past_s: list[float] = []
    tasks: list[_Task] = []
    after: int | None = None
    blocked: dict[str, _Note] = {}
    urgent_at: dict[str, float] = {}
    let_go: list[str] = []
    decided_at: float | None = None

    @property
    def where(self) -> tuple[str, str]:
        return self.fortimanager, self.adom


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    version: Literal[1] = 1
    rollouts: list[_Rollout] = []


def _find(document: _Document, owner: str, ref: AdomRef) -> _Rollout | None:
    wanted = (owner, ref.fortimanager, ref.adom)
    return next((row for row in document.rollouts if (row.owner, *row.where) == wanted), None)


def _record(row: _Rollout, ref: AdomRef) -> RolloutRecord:
    ledger = Ledger(
        digest=row.digest,
        proofs=tuple(Proof(p.device, p.wave, _instant(p.verified_at)) for p in row.proofs),
        attempts=tuple(
            Attempt(a.device, a.wave, _instant(a.started_at), _maybe(a.failed_at), a.detail)
            for a in row.attempts
        ),
        halted=row.halted,
        past_s=tuple(row.past_s),
    )
    tasks = tuple(
        InstallTask(ref, t.task, t.package, tuple(DeviceVdom(*x) for x in t.targets), t.started_at)
        for t in row.tasks
    )
    urgent_at = {device: _instant(at) for device, at in row.urgent_at.items()}
    blocked = {d: Note(note.why, _instant(note.at), note.digest) for d, note in row.blocked.items()}
    return RolloutRecord(
        ledger,
        tasks,
        row.after,
        blocked,
        urgent_at,
        frozenset(row.let_go),
        _maybe(row.decided_at),
    )


def _row(owner: str, ref: AdomRef, record: RolloutRecord) -> _Rollout:
    ledger = record.ledger
    return _Rollout(
        owner=owner,
        fortimanager=ref.fortimanager,
        adom=ref.adom,
        digest=ledger.digest,
        proofs=[_Proof(p.device, p.wave, p.verified_at.timestamp()) for p in ledger.proofs],
        attempts=[
            _Attempt(
                a.device,
                a.wave,
                a.started_at.timestamp(),
                a.failed_at.timestamp() if a.failed_at else None,
                a.detail,
            )
            for a in ledger.attempts
        ],
        halted=ledger.halted,
        past_s=list(ledger.past_s),
        tasks=[
            _Task(t.task_id, t.package, [(x.device, x.vdom) for x in t.targets], t.started_at)
            for t in record.tasks
        ],
        after=record.after,
        blocked={
            device: _Note(note.why, note.at.timestamp(), note.digest)
            for device, note in record.blocked.items()
        },
        urgent_at={device: at.timestamp() for device, at in record.urgent_at.items()},
        let_go=sorted(record.let_go),
        decided_at=record.decided_at.timestamp() if record.decided_at else None,
    )


def _instant(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _maybe(at: float | None) -> datetime | None:
    return None if at is None else _instant(at)
