"""One ADOM's rollout in one run: what is known, what was done, what is kept of it.

The ledger is written before an install starts and after it ended, each time from what stands in
it: another process may have stopped the rollout meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.model.change import ApplyReport
from fmgsync.model.preview import PendingEdit
from fmgsync.model.rollout import TargetOutcome
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.scheduling import ledger as ledgers
from fmgsync.scheduling import machine
from fmgsync.scheduling.admission import Admission
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.machine import Event
from fmgsync.scheduling.rollout import Decision
from fmgsync.scheduling.rollout_record import RolloutRecord
from fmgsync.state.rollouts import Rollouts

_AHEAD = (machine.Started, machine.Narrowed, machine.Pushing)
_HELPS = (machine.TaskBegun, machine.TasksEnded)
"""What whoever comes next finds out from the unit as well, so that nobody waits until it is
written."""
PATIENCE_S = 30.0
"""So long a memory that cannot be reached is tried again for what has happened already."""

ASK_AGAIN_S = 60.0
"""After a step of which nothing has come."""

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
    many addresses an install of objects alone has left behind. `unkept` is what a unit took and did
    not keep, which this run writes no second time.
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
    unkept: str = ""

    @property
    def steps(self) -> int:
        """Grows with whatever this run does to a device or finds out about one."""
        return len(self.outcomes) + len(self.verified) + len(self.failures) + len(self.blocked)

    def come_back(self, at: float) -> None:
        """Something is due at `at`; whatever is due earlier stays."""
        self.again_at = at if self.again_at is None else min(self.again_at, at)

    def go_on(self, at: float, *, after: Decision | None = None) -> None:
        """This run goes on at `at`, `after` the batch so decided on if that was all right."""
        self.goes_on_at, self.batch = at, after
        self.come_back(at)

    def end_step(self, now: float, after: Decision, before: int) -> None:
        """Go on at once, unless nothing has come of a step that began at `before` steps: the next
        one would be the same, for ever."""
        if self.steps > before:
            self.go_on(now, after=after)
        else:
            self.come_back(now + ASK_AGAIN_S)

    def follows(self, now: float) -> Report:
        """The report of the step that follows in a later pass."""
        # A clock that was set back since says nothing of how old a reading is.
        fresh = self.goes_on_at is not None and 0 <= now - self.goes_on_at <= STALE_S
        return Report(batch=self.batch if fresh else None)


class Book:
    """The record of one ADOM's rollout, as it was read when the pass began and as it is changed;
    under the `digest` of the rules as they are now."""

    def __init__(
        self,
        rollouts: Rollouts,
        ref: TargetRef,
        digest: str,
        record: RolloutRecord | None = None,
        *,
        clock: Clock,
        leaving: Callable[[], bool] = lambda: False,
    ) -> None:
        self._rollouts = rollouts
        self._ref = ref
        self.digest = digest
        self._clock = clock
        self._leaving = leaving
        self.record = None if record is None else self._current(record)
        self.lost = ""

    @property
    def ledger(self) -> Ledger | None:
        """The ledger for the rules as they are now; None if there is none."""
        return None if self.record is None else self.record.ledger

    def open(self, *, begins: bool, lost: str) -> None:
        """Where there is none it `begins`, unless it is `lost`, with why: until that is over, or
        somebody resumes it. Who only tells of it begins none."""
        self.lost = lost
        if self.record is None and begins and not self.lost:
            self.record = self._rollouts.update_soon(self._ref, self._begun)
        elif self.record is not None and self.record.odd and begins:
            # Times that lay ahead count from now on, not from each look anew.
            settled = self._rollouts.update_soon(self._ref, self._settled)
            self.record = settled and replace(settled, odd=self.record.odd)

    def refresh(self) -> None:
        """Read what others may have changed: a stop, a resume."""
        found = self._rollouts.read(self._ref)
        self.record = None if found is None else self._current(found)

    def note(self, event: Event, now: datetime) -> None:
        """Something happens or has happened. What has happened is noted with some patience, what
        is about to happen does not happen where it cannot be noted.

        Raises UnitBusy if another run has put one of these devices at risk since we looked.
        """
        if isinstance(event, machine.Withdrawn) and not event.devices:
            return
        noted = partial(self._noted, event, now)
        if isinstance(event, _HELPS):
            self.record = self._rollouts.update_soon(self._ref, noted)
            return
        ends_at = self._clock.steady() + (0.0 if isinstance(event, _AHEAD) else PATIENCE_S)
        while True:
            try:
                self.record = self._rollouts.update(self._ref, noted)
                return
            except errors.UnitBusy as busy:
                raise errors.UnitBusy(busy.message, **self._ref.named) from None
            except errors.StateUnavailable:
                if self._clock.steady() >= ends_at or self._leaving():
                    raise
                self._clock.sleep(1.0)

    def _noted(self, event: Event, now: datetime, found: RolloutRecord | None) -> RolloutRecord:
        return machine.transition(self._begun(found), event, now)

    def _begun(self, found: RolloutRecord | None) -> RolloutRecord:
        return self._current(found or RolloutRecord(Ledger(self.digest)))

    def _settled(self, found: RolloutRecord | None) -> RolloutRecord:
        record, now = self._begun(found), datetime.fromtimestamp(self._clock.now(), UTC)
        decided_at = record.decided_at and min(record.decided_at, now)
        return replace(record, decided_at=decided_at)

    def _current(self, record: RolloutRecord) -> RolloutRecord:
        return replace(record, ledger=ledgers.for_digest(record.ledger, self.digest))


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
