"""One thread per ADOM: waits for its next pass, makes it, notes what came of it.

A FortiManager that is slow, locked or gone holds up its own ADOMs and no others.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

import structlog

from fmgsync import errors, redaction
from fmgsync.clock import Clock
from fmgsync.daemon import figures, troubles
from fmgsync.daemon.adom_record import AdomRecord
from fmgsync.daemon.pace import Pace, Rhythm, is_whole, next_pass_at
from fmgsync.leases import reach
from fmgsync.model.target import TargetRef
from fmgsync.passes import wrong_clock
from fmgsync.passes.result import Pass

_log = structlog.get_logger(__name__)

IDLE_S = 1.0

MakePass = Callable[[frozenset[str] | None], tuple[Pass, float | None]]
"""Makes one pass over some rules' groups (None: over everything); what came of it, and when
something of its own becomes due (epoch seconds)."""

PaceOf = Callable[[Pass | None], Pace]
"""The pace after a pass (None before the first): a workspace ADOM is left to people for longer."""


class AdomWorker:
    """The passes over one ADOM. `touch` may be called from any thread."""

    def __init__(
        self,
        ref: TargetRef,
        make_pass: MakePass,
        pace_of: PaceOf,
        *,
        clock: Clock,
        may_pass: Callable[[], bool] = lambda: True,
        chance: random.Random | None = None,
    ) -> None:
        self.ref = ref
        self._make_pass = make_pass
        self._pace_of = pace_of
        self._pace = pace_of(None)
        self._clock = clock
        self._may_pass = may_pass
        self._busy = False
        self._chance = chance or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._spread = 1.0
        self._changed = threading.Condition()
        self._rhythm = Rhythm()
        self._touched: set[str] = set()
        self._changed_at = 0.0  # when the first change arrived that the latest pass is about
        self._stopping = False
        self._record = AdomRecord(ref)
        self._before: AdomWorker | None = None
        self._thread = threading.Thread(target=self._run, name=f"adom-{ref}", daemon=True)

    @property
    def record(self) -> AdomRecord:
        """The latest record; immutable."""
        return self._record

    @property
    def busy(self) -> bool:
        """Whether a pass is running, here or in the worker that came before."""
        before = self._before
        return self._busy or (before is not None and before.busy)

    @property
    def waits(self) -> bool:
        """Whether a worker that came before has not ended yet."""
        return self._before is not None

    def carry_on(self, before: AdomWorker) -> None:
        """Take over from a worker that was stopped: begin when its pass has ended, with its record.

        To be called before `start`.
        """
        self._record = before.record
        self._before = before if before._started else before._before

    def start(self) -> None:
        """Begin; the first pass is due at once."""
        self._thread.start()

    def touch(self, rules: Iterable[str]) -> None:
        """The members of these rules, which concern this ADOM, changed."""
        with self._changed:
            self._touched.update(rules)
            self._rhythm = self._rhythm.changed(self._clock.now())
            self._changed.notify_all()

    def begin_anew(self) -> None:
        """Look at once, whatever failed before and however short ago the last look was."""
        with self._changed:
            # A change is noted, too: a pass that is running now must not count as this look.
            self._rhythm = Rhythm(anew=True).changed(self._clock.now())
            self._record = replace(self._record, unreached=None)
            self._changed.notify_all()

    def stop(self) -> None:
        """Start no further pass."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the running pass to end; False if it did not."""
        if not self._started:
            return self._before is None or self._before.join(timeout_s)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def _started(self) -> bool:
        return self._thread.ident is not None

    def _run(self) -> None:
        self._await_before()
        while self._wait():
            try:
                self._pass(self._taken())
            except Exception as defect:
                # What was done is done; that it could not be told must not end the ADOM's passes.
                self._lost(defect)

    def _lost(self, defect: Exception) -> None:
        _log.error("pass not noted", **self.ref.named, exception=redaction.traceback_text(defect))
        with self._changed:
            self._busy = False
            self._rhythm = self._rhythm.ended(self._clock.now(), failed=True)
            self._record = replace(
                self._record,
                last_pass_at=self._clock.now(),
                passes=self._record.passes + 1,
                failures=self._record.failures + 1,
                error=f"internal error: {type(defect).__name__}",
            )

    def _taken(self) -> frozenset[str] | None:
        """The rules that the pass which begins is about; None: all, and everything else."""
        with self._changed:
            whole = is_whole(self._pace, self._rhythm, self._clock.now())
            touched, self._touched = frozenset(self._touched), set()
            self._changed_at = self._rhythm.first_change_at or self._clock.now()
            self._rhythm = self._rhythm.started()
            return None if whole else touched

    def _await_before(self) -> None:
        """And forget it: it refers to all that its controller knew."""
        if self._before is not None:
            self._before.join()
            self._record = self._before.record
            self._before = None

    def _wait(self) -> bool:
        """Until the next pass is due (True) or the worker stops (False)."""
        with self._changed:
            while not self._stopping:
                now = self._clock.now()
                due = next_pass_at(self._pace, self._rhythm, spread=self._spread, now=now)
                left = due - now
                if left <= 0 and not self._may_pass():
                    # Another replica works on this ADOM; whoever gains it is woken.
                    self._changed.wait(IDLE_S)
                    continue
                if left <= 0:
                    self._busy = True
                    return True
                self._changed.wait(left)
            return False

    def _pass(self, rules: frozenset[str] | None) -> None:
        before, wake_at = self._record, None
        result = Pass(self.ref)
        error: errors.FmgsyncError | None
        try:
            result, wake_at = self._make_pass(rules)
            error = result.error
        except errors.FmgsyncError as problem:
            error = problem
        except Exception as defect:
            # A defect must not end the ADOM's passes while the others look well.
            _log.error(
                "pass failed",
                **self.ref.named,
                exception=redaction.traceback_text(defect),
            )
            error = errors.TargetError(
                f"internal error: {type(defect).__name__}",
                **self.ref.named,
            )
        self._note(before, result, error, wake_at)

    def _note(
        self,
        before: AdomRecord,
        result: Pass,
        error: errors.FmgsyncError | None,
        wake_at: float | None,
    ) -> None:
        now = self._clock.now()
        if error is not None and str(error) != before.error:
            _log.warning(
                "pass failed",
                **self.ref.named,
                why=str(error),
                retry=error.retryable,
            )
        elif error is None and before.error is not None:
            _log.info("pass works again", **self.ref.named)
        if (held := _held(result)) != _held(before.result):
            _log.info("held" if held else "goes on", **self.ref.logged, why=held or None)
        for event, sentence in sorted(_oddities(result) - _oddities(before.result)):
            _log.warning(event, **self.ref.logged, why=sentence)
        with self._changed:
            self._busy = False
            self._pace = self._pace_of(result)
            self._spread = self._chance.uniform(0.5, 1.0)
            self._rhythm = self._rhythm.ended(
                now,
                failed=error is not None,
                wake_at=wake_at,
                goes_on_at=result.rollout.goes_on_at if result.rollout else None,
                whole=result.whole,
            )
            self._record = AdomRecord(
                self.ref,
                result,
                now,
                now if error is None else before.last_success_at,
                before.passes + 1,
                before.failures + (error is not None),
                str(error) if error else None,
                Counter(before.installs) + troubles.outcomes(result),
                troubles.pending_since(before.pending_since, result, self._changed_at),
                (before.unreached or 0) + 1 if reach.keeps_out(error) else 0,
                figures.verified_at(before.verified_at, result, now),
                figures.latency(
                    before.latency,
                    before.pending_since,
                    result,
                    changed_at=self._changed_at,
                    now=now,
                ),
            )


def _held(result: Pass | None) -> str:
    """Why nothing of the ADOM is installed; empty if that goes on."""
    held = result.held if result is not None else None
    return held.reason if held is not None else ""


def _oddities(result: Pass | None) -> frozenset[tuple[str, str]]:
    """What somebody should see to, once each: times that lie ahead, and a submission that must not
    be approved any more."""
    told = {("a time lies ahead", sentence) for sentence in wrong_clock.told(result)}
    waits = result.seen.submission if result is not None and result.seen is not None else None
    if waits is not None and waits.outdated:
        told.add(("a submission is obsolete", str(waits)))
    return frozenset(told)
