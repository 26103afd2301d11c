"""ADOM -> devices: canary first, then waves, each device proven, stopped when something is wrong.

The story of one ADOM. What may start is decided in `scheduling`, what was done is in the ledger;
here is only the order of things. The steps rest instead of sleeping, so that a controller can let
go of a rollout that waits and take it up again on a later pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from fmgsync import errors
from fmgsync.audit import Audit
from fmgsync.clock import Clock
from fmgsync.controller import (
    holding,
    installs,
    leftovers,
    pushing,
    reconcile,
    rushing,
    telling,
)
from fmgsync.controller.installing import Installing
from fmgsync.controller.progress import Book, Reason, Report
from fmgsync.controller.reconcile import AdomWork, Intent, Look
from fmgsync.controller.steps import Rest, Steps
from fmgsync.model.memory import Approval
from fmgsync.model.rollout import PendingInstall
from fmgsync.model.state import ObservedAdom
from fmgsync.model.target import AdomRef, DeviceVdom
from fmgsync.planning import summary
from fmgsync.scheduling import admission, waves
from fmgsync.scheduling.admission import Admission, Clearance, Situation
from fmgsync.scheduling.rollout import Decision, RolloutPolicy
from fmgsync.scheduling.terms import Mode, Terms
from fmgsync.scheduling.timetable import Timetable
from fmgsync.views.stale import Since

if TYPE_CHECKING:
    from fmgsync.controller.once import World

_log = structlog.get_logger()

_SHORTEST_S = 1.0
_ASK_AGAIN_S = 60.0

BUSY_S = 15.0
"""Between two looks at whether somebody else's lock or task is gone."""

PATIENCE_S = 600.0
"""How long in all somebody else is waited for in one run."""


@dataclass(slots=True)
class Run:
    """One ADOM's rollout in one run.

    `look` reads the ADOM anew. `stopping` says that nothing more may start. `tell` is for people
    who watch. `rules` is the digest of the rules, `plan` that of what was written. A device that
    was held back in an earlier run is looked at again after `recheck_s`. `stale` is since when
    grants were known to be stale. `pending` are the
    installs still to be made in this run. `written` is what this run vouches for in the ADOM: as it
    found or left it, without what others do to it meanwhile.
    """

    work: AdomWork
    terms: Terms
    clearance: Clearance
    intent: Intent
    reason: Reason
    book: Book
    audit: Audit
    clock: Clock
    look: Callable[[], Look]
    seen: Look
    tell: Callable[[str], None]
    stopping: Callable[[], bool]
    rules: str
    plan: str
    stale: Since | None = None
    recheck_s: float = 0.0
    survey: installs.Survey | None = None
    pending: tuple[PendingInstall, ...] = ()
    written: ObservedAdom = field(init=False)
    report: Report = field(default_factory=Report)
    waited_s: float = 0.0

    def __post_init__(self) -> None:
        self.written = self.seen.observed

    @property
    def now(self) -> datetime:
        """UTC."""
        return datetime.fromtimestamp(self.clock.now(), UTC)

    @property
    def owner(self) -> str:
        """This installation's name."""
        return self.intent.owner

    @property
    def unwritten(self) -> bool:
        """Whether the ADOM lacks changes that are written only when something is installed."""
        waits = self.intent.before_install and self.report.written is None
        return waits and bool(self.seen.plan.changes)

    @property
    def policy(self) -> RolloutPolicy:
        """The rollout policy with this ADOM's devices. `now` waits for no clock."""
        policy = self.terms.rollout.policy(self.seen.topology, self.terms.overrun)
        return replace(policy, pause=timedelta(0)) if self.clearance.now else policy

    def is_stopped(self) -> bool:
        """Whether somebody wants nothing more to start: here, or by `fmgsync rollout abort`."""
        self.book.refresh()
        ledger = self.book.ledger
        return self.stopping() or ledger is None or ledger.halted is not None

    def held_by_command(self, decision: Decision) -> bool:
        """Ask the configured commands; one that says no keeps this run from starting anything."""
        if not self.terms.hold:
            return False
        about = {
            "FORTIMANAGER": self.work.ref.fortimanager,
            "ADOM": self.work.ref.adom,
            "WAVE": "" if decision.wave is None else str(decision.wave),
            "DEVICES": " ".join(decision.start),
            "RUN": self.reason.run,
            "REASON": self.reason.reason,
        }
        refusal = holding.ask(self.terms.hold, about)
        if refusal is None:
            return False
        self.report.waiting = f"held by install.hold: {refusal}"
        self.report.again_at = self.clock.now() + _ASK_AGAIN_S
        self.tell(f"ADOM {self.work.ref.adom}: {self.report.waiting}")
        self.audit.record(
            "held",
            fortimanager=self.work.ref.fortimanager,
            adom=self.work.ref.adom,
            wave=decision.wave,
            devices=list(decision.start),
            why=self.report.waiting,
        )
        return True

    def approvals(self) -> Mapping[str, Approval]:
        """What people have let through, by its digest."""
        return {one.digest: one for one in self.work.guard.memory.approvals(self.clock.now())}

    def timetable_of(self, target: DeviceVdom) -> Timetable:
        """The windows of a DeviceVdom, as the person who started this run lets them count."""
        return admission.timetable_of(target, self._situation())

    def admissions(self) -> tuple[Admission, ...]:
        """Which pending installs may be made at all, now."""
        return admission.admit(self.pending, self._situation())

    def _situation(self) -> Situation:
        return Situation(
            self.seen.topology,
            self.survey.statuses if self.survey else (),
            self.terms,
            self.now,
            self.clearance,
            self.book.held_back(self.now, self.recheck_s, lambda: self.approvals().keys()),
            self.book.record.let_go if self.book.record is not None else frozenset(),
        )


def make_run(
    world: World, work: AdomWork, seen: Look, look: Callable[[], Look], *, plan: str
) -> Run:
    """What a rollout of one ADOM works with."""
    installing = world.installing
    rules = summary.rules_digest(world.intent.rules.rules, work.sites)
    return Run(
        work=work,
        terms=world.terms,
        clearance=installing.clearance,
        intent=world.intent,
        reason=installing.reason,
        book=Book(installing.rollouts, work.ref, rules),
        audit=installing.audit,
        clock=world.clock,
        look=look,
        seen=seen,
        tell=world.tell,
        stopping=installing.stopping,
        rules=rules,
        plan=plan,
        recheck_s=installing.recheck_s,
        stale=_known_stale(installing, work.ref),
    )


def _known_stale(installing: Installing, ref: AdomRef) -> Since | None:
    """Damaged is lost: then every stale grant counts as overdue."""
    try:
        return installing.stale.read(ref)
    except errors.StateError as error:
        _log.warning("stale grants are not known", why=str(error))
        return None


def roll_out(run: Run) -> Steps[Report]:
    """Install what may be installed now, wave by wave, until nothing more may start."""
    _survey(run)
    run.book.open(run.now, installed_before=lambda: leftovers.installed_before(run))
    if run.terms.mode is Mode.OBJECTS and run.pending:
        run.report.waiting = run.work.installer.refuses_objects()
        if run.report.waiting is not None:
            return run.report
    while True:
        try:
            if (yield from leftovers.settle(run)):
                # The tasks that ended meanwhile changed the device databases.
                _survey(run, again=True)
            leftovers.forgive(run)
            yield from _waves(run)
            yield from rushing.rush(run)
        except errors.TargetError as trouble:
            if not (trouble.retryable or isinstance(trouble, errors.LockLost)):
                raise
            if not _may_wait(run, trouble):
                return run.report
            yield Rest(BUSY_S)
        else:
            return run.report


def _waves(run: Run) -> Steps[None]:
    """Round after round, until what waits would wait for longer than its window is open.

    Before each further round the list of devices is read: who went offline meanwhile is left out.
    """
    wave: int | None = None
    while True:
        run.book.refresh()
        decision = _decide(run)
        if wave is not None and decision.wave not in (wave, None):
            _survey(run, again=True)
            decision = _decide(run)
        wave = decision.wave
        if run.stopping() or not decision.start or run.held_by_command(decision):
            pause = _pause(run, decision)
            if pause is not None:
                # Elsewhere something may have to go before this pause ends.
                yield from rushing.rush(run)
                yield Rest(_until_due(run, pause))
                run.seen = reconcile.refresh_topology(run.work, run.seen)
                continue
            if not (run.unwritten and _may_write_alone(run)):
                return
        yield from pushing.push(run, decision)
        if run.pending:
            run.seen = reconcile.refresh_topology(run.work, run.seen)


def _survey(run: Run, *, again: bool = False) -> None:
    """Look at everything; what was verified in this run is found to be in sync."""
    if again:
        run.seen = run.look()
    run.survey = installs.survey(run.work, run.seen, ask_devices=True)
    run.pending = run.survey.pending


def _decide(run: Run) -> Decision:
    """What may start now. The reasons of the rest are kept for whoever asks."""
    policy, admissions = run.policy, run.admissions()
    views = run.survey.views if run.survey else ()
    candidates = admission.candidates(admissions, policy.canary, views, run.seen.topology)
    decision = waves.decide(policy, run.book.ledger, candidates, run.now)
    run.report.admissions, run.report.decision = admissions, decision
    run.report.steered_at = run.book.record.decided_at if run.book.record else None
    run.report.waiting = decision.held.reason if decision.held is not None else None
    run.report.again_at = _again_at(decision, run.clock.now())
    return decision


def _again_at(decision: Decision, now: float) -> float | None:
    """When something that waits may start, as far as a clock can tell; never at once."""
    times = [wait.until for wait in decision.waits if wait.until is not None]
    if decision.held is not None and decision.held.until is not None:
        times.append(decision.held.until)
    return max(min(times).timestamp(), now + _SHORTEST_S) if times else None


def _until_due(run: Run, pause: float) -> float:
    """The pause, cut short where something else is due earlier."""
    due = run.report.again_at
    return pause if due is None else max(_SHORTEST_S, min(pause, due - run.clock.now()))


def _may_write_alone(run: Run) -> bool:
    """Groups that no policy uses yet wait for no install, only for an open window."""
    if run.pending or run.stopping() or run.survey is None:
        return False
    targets = (view.target for view in run.survey.views)
    return any(run.timetable_of(target).is_open(run.now) for target in targets)


def _pause(run: Run, decision: Decision) -> float | None:
    """How long it is worth waiting for a device whose window is open now; None if it is not.

    A window that opens later is for a later run.
    """
    if run.stopping() or decision.held is not None or run.report.waiting is not None:
        return None
    open_now = {a.pending.target.device: a for a in run.report.admissions if a.may_start}
    rests: list[tuple[datetime, str]] = []
    for wait in decision.waits:
        opening = open_now[wait.device].opening if wait.device in open_now else None
        if opening is None or wait.until is None:
            continue
        if opening.closes_at is None or wait.until < opening.closes_at:
            rests.append((wait.until, wait.reason))
    if not rests:
        return None
    until, reason = min(rests)
    telling.pause(run, until, reason)
    return max(_SHORTEST_S, (until - run.now).total_seconds())


def _may_wait(run: Run, trouble: errors.TargetError) -> bool:
    """Whether somebody else's lock or task, or a unit that is away, is worth more patience."""
    run.waited_s += BUSY_S
    if run.waited_s == BUSY_S:
        run.tell(f"waiting: {trouble}")
        _log.info("install waits", adom=run.work.ref.adom, why=trouble.message)
    if run.waited_s <= PATIENCE_S and not run.stopping():
        return True
    run.report.waiting = str(trouble)
    run.report.again_at = run.clock.now() + BUSY_S
    return False
