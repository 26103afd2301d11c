"""What is remembered of rollouts: each fleet's ledger, and which tasks were started for it.

A missing record means that what was done is not known any more; it is for the caller to tell that
from a first rollout. A damaged one is an error: guessing could exceed a failure budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import msgspec

from fmgsync.clock import Clock
from fmgsync.model.address import Family
from fmgsync.model.fleet import Fleets, fleet_of
from fmgsync.model.rollout import InstallTask, NarrowedMapping
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.model.words import some
from fmgsync.scheduling.ledger import Attempt, Ledger, Proof
from fmgsync.scheduling.rollout_record import Note, Phase, RolloutRecord, trusted
from fmgsync.state.documents import Documents, Instant, Parsed, encoded, sound, update_soon
from fmgsync.state.units import Units

_NAME = "rollouts"


_Key = tuple[str, str, str]
"""Unit and ADOM, or the name of a fleet."""

Change = Callable[[RolloutRecord | None], RolloutRecord]


class Rollouts:
    """Reads and writes the rollouts of one installation."""

    def __init__(
        self,
        documents: Documents,
        owner: str,
        *,
        clock: Clock,
        units: Units | None = None,
        fleets: Fleets | None = None,
    ) -> None:
        self._unit_of = units.of if units is not None else _as_named
        self._fleets = fleets or {}
        self._documents = documents
        self._owner = owner
        self._clock = clock
        self._parsed = Parsed(self._decode)

    def where(self) -> str:
        """Where they are kept, for people."""
        return self._documents.where(_NAME)

    def read(self, ref: TargetRef) -> RolloutRecord | None:
        """What is known of the rollout of a target's fleet; None if nothing is."""
        known = self._parsed.of(self._documents.read(_NAME))
        return self._record(known, self._key(ref), ref)

    def update(self, ref: TargetRef, change: Change) -> RolloutRecord:
        """Replace the record of a target's fleet by what `change` makes of it. `change` may run
        twice."""
        made: list[RolloutRecord] = []
        self._documents.update(_NAME, self._changed(ref, change, made))
        return made[-1]

    def update_soon(self, ref: TargetRef, change: Change) -> RolloutRecord | None:
        """The same for what is a help only: who comes next must find it out without it as well."""
        update_soon(self._documents, _NAME, self._changed(ref, change, []))
        return self.read(ref)

    def left_open(self, configured: Iterable[TargetRef]) -> tuple[str, ...]:
        """What was begun where no site leads any more, and is not ended, in words. A fleet's unit
        that is in another one by now is looked after there."""
        refs = set(configured)
        here, units = {(self._owner, *self._key(ref)) for ref in refs}, {ref.unit for ref in refs}
        known = self._parsed.of(self._documents.read(_NAME))
        rows = (row for key, row in sorted(known.rows.items()) if key not in here)
        return tuple(
            f"what was begun at {row.title} is not ended, and no site leads there any more: {told}"
            for row in rows
            if row.owner == self._owner
            and (told := row.open_without(units if row.fleet else frozenset()))
        )

    def _changed(
        self, ref: TargetRef, change: Change, made: list[RolloutRecord]
    ) -> Callable[[str | None], str]:
        key = self._key(ref)

        def changed(text: str | None) -> str:
            known = self._parsed.of(text)
            after = change(self._record(known, key, ref))
            made[:] = [after]
            before = known.rows.get((self._owner, *key))
            others = [row for row in known.rows.values() if row is not before]
            row = _row(self._owner, key, after)
            rollouts = sorted([*others, row], key=lambda each: (each.owner, each.where))
            text = encoded(_Document(rollouts=rollouts))
            return self._parsed.made(text, _Known.of(rollouts))

        return changed

    def _key(self, ref: TargetRef) -> _Key:
        """What nobody has joined is kept by the name of its unit and ADOM."""
        fleet = fleet_of(self._fleets, ref)
        if not fleet.is_alone:
            return "", "", fleet.name
        known = self._unit_of(ref)
        return known.unit, known.domain, ""

    def _decode(self, text: str | None) -> _Known:
        if text is None:
            return _Known({})
        with self._sound():
            return _Known.of(msgspec.json.decode(text, type=_Document).rollouts)

    def _record(self, known: _Known, key: _Key, ref: TargetRef) -> RolloutRecord | None:
        with self._sound():
            found = known.record((self._owner, *key), ref)
            return None if found is None else trusted(found, self._now())

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)

    def _sound(self) -> AbstractContextManager[None]:
        losing = "move it away: rollouts are then held until 'fmgsync rollout resume'"
        return sound(self.where(), losing)


def _as_named(ref: TargetRef) -> TargetRef:
    return ref


class _Attempt(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    device: str
    wave: int | None
    started_at: Instant
    failed_at: Instant | None = None
    detail: str = ""
    urgent: bool = False


class _Proof(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    device: str
    wave: int
    verified_at: Instant
    urgent: bool = False


class _Task(msgspec.Struct, forbid_unknown_fields=True):
    task: int
    package: str
    targets: list[tuple[str, str]]
    started_at: Instant


class _Note(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    why: str
    at: Instant
    digest: str = ""


class _Narrowed(msgspec.Struct, forbid_unknown_fields=True):
    family: Family
    name: str
    device: str
    vdom: str
    members: list[str]
    before: list[str]


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
    urgent_at: dict[str, Instant] = {}
    let_go: list[str] = []
    decided_at: Instant | None = None
    phase: str = ""
    narrowed: list[_Narrowed] = []
    fleet: str = ""

    @property
    def where(self) -> _Key:
        return self.fortimanager, self.adom, self.fleet

    @property
    def title(self) -> str:
        """For people."""
        return f"fleet {self.fleet}" if self.fleet else f"{self.fortimanager}/{self.adom}"

    def open_without(self, others: AbstractSet[str]) -> str:
        """What somebody has to end, but for these devices, in words."""
        risks = sorted({each.device for each in self.attempts if each.failed_at is None} - others)
        narrowed = sorted({f"{each.name} on {each.device}/{each.vdom}" for each in self.narrowed})
        found = [f"{some(risks, 5)} may have been left in the middle of an install"] * bool(risks)
        if narrowed:
            found.append(f"less than wanted is mapped to {some(narrowed, 5)}")
        return "; ".join(found)


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    version: Literal[1] = 1
    rollouts: list[_Rollout] = []


@dataclass(slots=True)
class _Known:
    """The rollouts of one text by owner and key, and what was made of them: all targets of a fleet
    share one."""

    rows: dict[tuple[str, str, str, str], _Rollout]
    _records: dict[tuple[str, str, str, str], RolloutRecord] = field(default_factory=dict)

    @classmethod
    def of(cls, rollouts: list[_Rollout]) -> _Known:
        """These."""
        return cls({(row.owner, *row.where): row for row in rollouts})

    def record(self, key: tuple[str, str, str, str], ref: TargetRef) -> RolloutRecord | None:
        """The record of one of them, for one of its targets."""
        row = self.rows.get(key)
        if row is None or row.tasks:
            return None if row is None else _record(row, ref)
        found = self._records.get(key)
        if found is None:
            found = self._records[key] = _record(row, ref)
        return found


def _record(row: _Rollout, ref: TargetRef) -> RolloutRecord:
    ledger = Ledger(
        digest=row.digest,
        proofs=tuple(
            Proof(p.device, p.wave, _instant(p.verified_at), p.urgent) for p in row.proofs
        ),
        attempts=tuple(
            Attempt(
                a.device, a.wave, _instant(a.started_at), _maybe(a.failed_at), a.detail, a.urgent
            )
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
        _phase(row, ledger),
        tuple(
            NarrowedMapping(
                (n.family, n.name), DeviceVdom(n.device, n.vdom), tuple(n.members), tuple(n.before)
            )
            for n in row.narrowed
        ),
    )


def _phase(row: _Rollout, ledger: Ledger) -> Phase:
    """As it is kept; a release before this one did not keep it, but what follows from it.

    Raises ValueError for one that this release does not know.
    """
    if row.phase or not ledger.running:
        return Phase(row.phase or Phase.IDLE)
    return Phase.PREVIEWING if row.after is None else Phase.PUSHING


def _row(owner: str, key: _Key, record: RolloutRecord) -> _Rollout:
    ledger = record.ledger
    unit, domain, fleet = key
    return _Rollout(
        owner=owner,
        fortimanager=unit,
        adom=domain,
        fleet=fleet,
        digest=ledger.digest,
        proofs=[
            _Proof(p.device, p.wave, p.verified_at.timestamp(), p.urgent) for p in ledger.proofs
        ],
        attempts=[
            _Attempt(
                a.device,
                a.wave,
                a.started_at.timestamp(),
                a.failed_at.timestamp() if a.failed_at else None,
                a.detail,
                a.urgent,
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
        phase="" if record.phase is Phase.IDLE else record.phase.value,
        narrowed=[
            _Narrowed(*n.group, n.target.device, n.target.vdom, list(n.members), list(n.before))
            for n in record.narrowed
        ],
    )


def _instant(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _maybe(at: float | None) -> datetime | None:
    return None if at is None else _instant(at)
