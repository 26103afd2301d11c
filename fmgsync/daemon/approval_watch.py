"""Notices what people decide while a controller runs: what waited is then looked at again at once.

Of approvals and rollouts the memory is asked only while something waits for them, of stops always.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog

from fmgsync import errors, redaction
from fmgsync.daemon.adom_record import AdomRecord
from fmgsync.model.stop import Stop
from fmgsync.model.target import TargetRef
from fmgsync.passes.world import World

POLL_S = 2.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Decided:
    """What people have said of one ADOM: held parts they let through, when they last resumed or
    aborted its rollout, whether it is stopped."""

    approved: frozenset[str] = frozenset()
    steered_at: datetime | None = None
    stop: Stop | None = None


class Deciding:
    """Looks on a thread of its own. `records` are the latest of each ADOM that works here; where
    somebody is `leaving`, a pass is still at work."""

    def __init__(
        self,
        world: World,
        records: Callable[[], Iterable[AdomRecord]],
        touch: Callable[[TargetRef], None],
        leaving: Callable[[], Iterable[TargetRef]] = tuple,
    ) -> None:
        self._leaving = leaving
        self._world = world
        self._records = records
        self._touch = touch
        self._known: dict[TargetRef, _Decided] = {}
        self._told = frozenset[str]()
        self.stops: tuple[Stop, ...] = ()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="deciding", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def look(self) -> None:
        """Once. Raises StateError where the memory cannot be read."""
        self.stops = self._world.installing.stops.all()
        self._tell_what_is_left()
        records = [one for one in self._records() if one.result is not None]
        waiting = {one.ref: one for one in records if _waits(one) or self._stop(one) != _stop(one)}
        self._known = {ref: known for ref, known in self._known.items() if ref in waiting}
        if not waiting:
            return
        now = self._world.clock.now()
        approved = frozenset(one.digest for one in self._world.memory.approvals(now))
        for ref, record in waiting.items():
            decided = self._decided(record, approved)
            before = self._known.get(ref, _seen_by(record))
            self._known[ref] = decided
            steered = decided.steered_at != before.steered_at or decided.stop != before.stop
            if decided.approved - before.approved or steered:
                _log.info("decided", **ref.named)
                self._touch(ref)

    def _tell_what_is_left(self) -> None:
        """Once: nobody works there any more, but for a pass that began before."""
        refs = {work.ref for work in self._world.adoms} | set(self._leaving())
        left = self._world.installing.rollouts.left_open(refs)
        for sentence in sorted(set(left) - self._told):
            _log.warning("left open", why=sentence)
        self._told = frozenset(left)

    def _decided(self, record: AdomRecord, approved: frozenset[str]) -> _Decided:
        seen = record.result.seen if record.result else None
        held = frozenset(hold.digest for hold in seen.plan.held) if seen else frozenset[str]()
        found = self._world.installing.rollouts.read(record.ref)
        if found is not None:
            held |= {note.digest for note in found.blocked.values()}
        decided_at = found.decided_at if found is not None else None
        return _Decided(held & approved, decided_at, self._stop(record))

    def _stop(self, record: AdomRecord) -> Stop | None:
        return next((stop for stop in self.stops if stop.covers(record.ref)), None)

    def _run(self) -> None:
        while not self._stopping.wait(POLL_S):
            try:
                self.look()
            except errors.StateError as error:
                _log.debug("decisions cannot be read", why=str(error))
            except Exception as error:
                _log.error("decisions failed", exception=redaction.traceback_text(error))


def _seen_by(record: AdomRecord) -> _Decided:
    """What the pass knew; a decision that came while it ran is new."""
    known = record.result.view.record if record.result is not None else None
    return _Decided(steered_at=known.decided_at if known is not None else None, stop=_stop(record))


def _stop(record: AdomRecord) -> Stop | None:
    return record.result.stop if record.result is not None else None


def _waits(record: AdomRecord) -> bool:
    """Whether a person can set something of it going."""
    result = record.result
    if result is None:
        return False
    holds = result.seen is not None and bool(result.seen.plan.held)
    rollout, stopped = result.rollout, result.held is not None or result.stop is not None
    return holds or stopped or bool(rollout and (rollout.failures or rollout.blocked))
