"""One ADOM's rollout in one run: what is known, what was done, what is kept of it.

The ledger is written before an install starts and after it ended, each time from what stands in
it: another process may have stopped the rollout meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from fmgsync import errors
from fmgsync.model.change import ApplyReport
from fmgsync.model.preview import PendingEdit
from fmgsync.model.rollout import InstallTask, TargetOutcome
from fmgsync.model.target import AdomRef, DeviceVdom
from fmgsync.scheduling import ledger as ledgers
from fmgsync.scheduling.admission import Admission
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rollout import Decision
from fmgsync.state.rollouts import Note, RolloutRecord, Rollouts

STALE_S = 30.0
"""After this time nothing that was read of devices before a batch counts after it."""


@dataclass(slots=True)
class Report:
    """What a run of one ADOM's rollout came to.

    `failures` and `blocked` map a device to what went wrong, or why it was held back; `foreign`
    and `peers` to the edits of others that its preview showed. `waiting` says in one sentence what
    the whole rollout waits for, `again_at` when it is worth coming back; `goes_on_at` when this run
    itself goes on, having stepped aside after a `batch` or for a pause. `waited_s` is how long
    others were waited for. `written` is what was written under the lock of an install, `unused` how
    many addresses an install of objects alone has left behind. `steered_at` is the latest resume or
    stop by a person that it knew of.
    """

    outcomes: list[TargetOutcome] = field(default_factory=list)
    verified: list[DeviceVdom] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)
    admissions: tuple[Admission, ...] = ()
    decision: Decision | None = None
    foreign: dict[str, tuple[PendingEdit, ...]] = field(default_factory=dict)
    peers: dict[str, tuple[PendingEdit, ...]] = field(default_factory=dict)
    waiting: str | None = None
    again_at: float | None = None
    goes_on_at: float | None = None
    batch: Decision | None = None
    waited_s: float = 0.0
    written: ApplyReport | None = None
    unused: dict[DeviceVdom, int] = field(default_factory=dict)
    steered_at: datetime | None = None

    def come_back(self, at: float) -> None:
        """Something is due at `at`; whatever is due earlier stays."""
        self.again_at = at if self.again_at is None else min(self.again_at, at)

    def go_on(self, at: float, *, after: Decision | None = None) -> None:
        """This run goes on at `at`, `after` the batch so decided on if that was all right."""
        self.goes_on_at, self.batch = at, after
        self.come_back(at)

    def follows(self, now: float) -> Report:
        """The report of the step that follows in a later pass."""
        fresh = self.goes_on_at is not None and now - self.goes_on_at <= STALE_S
        return Report(batch=self.batch if fresh else None)


class Book:
    """The record of one ADOM's rollout, as it stands and as it is changed."""

    def __init__(self, rollouts: Rollouts, ref: AdomRef, digest: str) -> None:
        self._rollouts = rollouts
        self._ref = ref
        self._digest = digest
        self._opened_at = datetime.max.replace(tzinfo=UTC)
        self.record: RolloutRecord | None = None

    @property
    def ledger(self) -> Ledger | None:
        """The ledger for the rules as they are now; None if it is lost."""
        return None if self.record is None else self.record.ledger

    def open(self, now: datetime, *, installed_before: Callable[[], bool]) -> None:
        """Read it. A first rollout gets a fresh one; a lost one stays lost until resumed."""
        self._opened_at = now
        self.refresh()
        if self.record is None and not installed_before():
            self._change(lambda record: record)

    def held_back(
        self, now: datetime, recheck_s: float, approved: Callable[[], Collection[str]]
    ) -> dict[str, str]:
        """Devices that were held back in this run, or lately enough by an earlier one, unless
        somebody has let through by now what held them."""
        notes = self.record.blocked if self.record is not None else {}
        since = min(self._opened_at, now - timedelta(seconds=recheck_s))
        recent = {device: note for device, note in notes.items() if note.at >= since}
        let = approved() if any(note.digest for note in recent.values()) else ()
        return {device: note.why for device, note in recent.items() if note.digest not in let}

    def refresh(self) -> None:
        """Read what others may have changed: a stop, a resume."""
        found = self._rollouts.read(self._ref)
        self.record = None if found is None else self._current(found)

    def started(
        self, devices: Collection[str], wave: int | None, now: datetime, *, urgent: bool = False
    ) -> None:
        """These devices are at risk from here on.

        Raises UnitBusy if another run has put one of them at risk since we looked.
        """

        def change(record: RolloutRecord) -> RolloutRecord:
            taken = sorted(record.ledger.at_risk & set(devices))
            if taken:
                raise errors.UnitBusy(
                    f"another run of fmgsync installs on {', '.join(taken)} already",
                    fortimanager=self._ref.fortimanager,
                    adom=self._ref.adom,
                )
            urgent_at = {**record.urgent_at, **(dict.fromkeys(devices, now) if urgent else {})}
            return replace(
                record,
                ledger=ledgers.started(record.ledger, devices, wave, now),
                blocked={d: note for d, note in record.blocked.items() if d not in devices},
                urgent_at=urgent_at,
            )

        self._change(change)

    def pushing(self, after: int) -> None:
        """Tasks after number `after` may push: whoever comes next must look for them."""
        self._change(
            lambda record: replace(record, after=after) if record.after is None else record
        )

    def running(self, task: InstallTask) -> None:
        """A task was started."""
        self._change(lambda record: replace(record, tasks=(*record.tasks, task)))

    def let_go(self, devices: Collection[str]) -> None:
        """We leave while these are configured, and the lock with us: they fail because of us."""
        self._change(lambda record: replace(record, let_go=record.let_go.union(devices)))

    def blocked(
        self,
        devices: Mapping[str, str],
        now: datetime,
        *,
        touched: Collection[str] = (),
        digests: Mapping[str, str] | None = None,
    ) -> None:
        """These were held back; by `digests` people let them through. Those in `touched` stay at
        risk: another of their VDOMs was pushed before."""
        known = digests or {}
        notes = {device: Note(why, now, known.get(device, "")) for device, why in devices.items()}
        self.withdrawn(device for device in devices if device not in touched)
        self._change(lambda record: replace(record, blocked={**record.blocked, **notes}))

    def withdrawn(self, devices: Iterable[str]) -> None:
        """Nothing has reached these."""
        self._change_ledger(ledgers.withdrawn, devices)

    def settled(self, verified: Collection[str], failed: Mapping[str, str], now: datetime) -> None:
        """What became of devices at risk; with none left running, tasks are forgotten."""

        def change(record: RolloutRecord) -> RolloutRecord:
            ledger = record.ledger
            for device in sorted(verified):
                ledger = ledgers.verified(ledger, device, now)
            for device, why in sorted(failed.items()):
                ledger = ledgers.failed(ledger, device, now, why)
            let_go = record.let_go.difference(verified, failed)
            if ledger.running:
                return replace(record, ledger=ledger, let_go=let_go)
            return replace(record, ledger=ledger, tasks=(), after=None, let_go=let_go)

        self._change(change)

    def _change_ledger(
        self, change: Callable[[Ledger, str], Ledger], devices: Iterable[str]
    ) -> None:
        listed = sorted(set(devices))

        def changed(record: RolloutRecord) -> RolloutRecord:
            ledger = record.ledger
            for device in listed:
                ledger = change(ledger, device)
            return replace(record, ledger=ledger)

        if listed:
            self._change(changed)

    def _change(self, change: Callable[[RolloutRecord], RolloutRecord]) -> None:
        def changed(found: RolloutRecord | None) -> RolloutRecord:
            return change(self._current(found or RolloutRecord(Ledger(self._digest))))

        self.record = self._rollouts.update(self._ref, changed)

    def _current(self, record: RolloutRecord) -> RolloutRecord:
        return replace(record, ledger=ledgers.for_digest(record.ledger, self._digest))


@dataclass(frozen=True, slots=True)
class Reason:
    """Who runs this, which run it is, and why: for the audit and the devices' revisions."""

    run: str
    who: str
    reason: str = ""

    def comment(self, owner: str, plan: str) -> str:
        """For `dev_rev_comments`: what a firewall administrator finds at the device's revision.

        The reason comes first: what is too long for FortiManager is cut off at the end.
        """
        why = self.reason or "no reason given"
        return f"fmgsync ({owner}): {why} (run {self.run}, plan {plan})"
