"""ADOM -> devices: canary first, then waves, each device proven, stopped when something is wrong.

The story of one ADOM. What may start is decided in `scheduling`, what was done is in the ledger;
here is only the order of things. One call is one step: whoever makes the passes looks at the ADOM
anew, writes what is due there and asks for what must go before the next batch of devices starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from fmgsync import errors
from fmgsync.audit import Audit
from fmgsync.clock import Clock
from fmgsync.model.memory import Approval
from fmgsync.model.rollout import PendingInstall
from fmgsync.model.state import ObservedAdom
from fmgsync.model.stop import Stop
from fmgsync.model.target import DeviceVdom
from fmgsync.passes import (
    batch_install,
    direct_write,
    installs,
    new_ledger,
    pre_wave_hooks,
    rests,
    resume,
    rollout_log,
    rollout_status,
    stale_grants,
    urgent_removal,
)
from fmgsync.passes.progress import Book, Reason, Report
from fmgsync.passes.reconcile import AdomWork, Intent, Look
from fmgsync.scheduling import admission
from fmgsync.scheduling.admission import Admission, Clearance, Situation
from fmgsync.scheduling.install_policy import Mode, Terms
from fmgsync.scheduling.machine import Event, Facts, Step, next_step
from fmgsync.scheduling.rollout import Decision, RolloutPolicy
from fmgsync.scheduling.timetable import Timetable
from fmgsync.state.stale import StaleSince
from fmgsync.state.stops import Stops
from fmgsync.views.stale import Since

if TYPE_CHECKING:
    from fmgsync.passes.once import World

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
    was held back since `held_since` is not looked at again. `stale` is since when grants are stale,
    kept in `memory`. `known` is what was read of the devices before this step,
    where the step before it was a batch of the same wave. `pending` are the installs still to make,
    `exposed_until` when the next exposure that may still last becomes due. `written` is what this
    run vouches for in the ADOM: as it found or left it, without what others do to it meanwhile.
    `stop` is what a person has stopped it by, as last read from `stops`.
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
    leaving: Callable[[], bool]
    patient: bool
    rules: str
    plan: str
    memory: StaleSince
    stops: Stops
    held_since: datetime
    stop: Stop | None = None
    stale: Since = field(default_factory=dict)
    exposed_until: float | None = None
    known: installs.Survey | None = None
    survey: installs.Survey | None = None
    pending: tuple[PendingInstall, ...] = ()
    written: ObservedAdom = field(init=False)
    report: Report = field(default_factory=Report)

    def __post_init__(self) -> None:
        self.written = self.seen.vouched

    @property
    def now(self) -> datetime:
        """UTC."""
        return datetime.fromtimestamp(self.clock.now(), UTC)

    @property
    def owner(self) -> str:
        """This installation's name."""
        return self.intent.owner

    @property
    def own(self) -> frozenset[str] | None:
        """The devices this run answers for; None: all that its record knows."""
        return self.work.fleet.own(self.work.ref)

    @property
    def unwritten(self) -> bool:
        """Whether the ADOM lacks changes that are written only when something is installed."""
        return self.intent.before_install and bool(self.seen.plan.changes)

    @property
    def policy(self) -> RolloutPolicy:
        """The rollout policy with this ADOM's devices. `now` waits for no clock."""
        policy = rollout_status.policy_of(self.terms, self.seen, self.stop)
        return replace(policy, pause=timedelta(0)) if self.clearance.now else policy

    def note(self, event: Event) -> None:
        """Something of the rollout happens now; it is written down before anything follows."""
        self.book.note(event, self.now)
        self.work.fleet.changed()

    def rest(self, seconds: float) -> None:
        """Wait with lock and session in hand. Raises Left when it is time to leave."""
        rests.rest(self.clock, seconds, leaving=self.leaving)

    def is_stopped(self) -> bool:
        """Whether somebody wants nothing more to start: here, by `fmgsync stop` or by
        `fmgsync rollout abort`."""
        self.book.refresh()
        self.stop = self.stops.covering(self.work.ref)
        ledger = self.book.ledger
        told = self.stop is not None or ledger is None or ledger.halted is not None
        return told or self.stopping()

    def held_by_command(self, decision: Decision) -> bool:
        """Ask the configured commands; one that says no keeps this run from starting anything."""
        if not self.terms.hold:
            return False
        about = {
            "FORTIMANAGER": self.work.ref.unit,
            "ADOM": self.work.ref.domain,
            "WAVE": "" if decision.wave is None else str(decision.wave),
            "DEVICES": " ".join(decision.start),
            "RUN": self.reason.run,
            "REASON": self.reason.reason,
        }
        refusal = pre_wave_hooks.ask(self.terms.hold, about)
        if refusal is None:
            return False
        self.report.waiting = f"held by install.hold: {refusal}"
        self.report.again_at = self.clock.now() + _ASK_AGAIN_S
        self.tell(f"ADOM {self.work.ref.domain}: {self.report.waiting}")
        self.audit.record(
            "held",
            fortimanager=self.work.ref.unit,
            adom=self.work.ref.domain,
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
        record = self.book.record
        return Situation(
            self.seen.topology,
            self.survey.statuses if self.survey else (),
            self.terms,
            self.now,
            self.clearance,
            self._held_back(),
            record.let_go if record else frozenset(),
            str(self.stop) if self.stop is not None else "",
        )

    def _held_back(self) -> dict[str, str]:
        """Devices that are left alone. One that this run has looked at stays that, wherever a clock
        was set meanwhile, unless somebody has let through what held it."""
        record = self.book.record
        if record is None:
            return {}
        found = record.held_back(self.held_since, lambda: self.approvals().keys())
        if self.patient:
            let = self.approvals().keys() if self.report.blocked else ()
            for device, why in self.report.blocked.items():
                note = record.blocked.get(device)
                if note is None or not note.digest or note.digest not in let:
                    found.setdefault(device, why)
        return found


def make_run(
    world: World,
    work: AdomWork,
    seen: Look,
    look: Callable[[], Look],
    report: Report,
    known: installs.Survey | None,
    *,
    plan: str,
) -> Run:
    """What a rollout of one ADOM works with; `report` is what earlier steps of this run did."""
    installing = world.installing
    rules = work.fleet.rules_digest(world.intent.rules.rules)
    return Run(
        work=work,
        terms=world.terms,
        clearance=installing.clearance,
        intent=world.intent,
        reason=installing.reason,
        book=Book(
            installing.rollouts, work.ref, rules, clock=world.clock, leaving=installing.leaving
        ),
        audit=installing.audit,
        clock=world.clock,
        look=look,
        seen=seen,
        tell=world.tell,
        stopping=installing.stopping,
        leaving=installing.leaving,
        patient=installing.patient,
        rules=rules,
        plan=plan,
        report=report,
        known=known,
        held_since=datetime.fromtimestamp(installing.held_since(world.clock.now()), UTC),
        memory=installing.stale,
        stops=installing.stops,
        stop=installing.stops.covering(work.ref),
    )


def roll_out(run: Run) -> Report:
    """The next step of the rollout: what a run before has left, else one batch of devices.

    Where more may follow, `report.goes_on_at` says when.
    """
    before, run.report.batch, run.report.goes_on_at = run.report.batch, None, None
    _survey(run, known=run.known.readings_but(()) if run.known and before else None)
    run.book.open(run.now, why_not=partial(_no_ledger, run))
    if run.book.lost:
        _log.warning("rollout held: its ledger is lost", adom=str(run.work.ref), why=run.book.lost)
    delivery = run.work.delivery
    if delivery is not None and run.terms.mode is Mode.OBJECTS and run.pending:
        run.report.waiting = delivery.refuses_objects()
        if run.report.waiting is not None:
            return run.report
    try:
        if _tidied(run):
            _step(run, _decided(run, before))
    except errors.TargetError as trouble:
        if not (trouble.retryable or isinstance(trouble, errors.LockLost)):
            raise
        _wait_for_others(run, trouble)
    return run.report


def _no_ledger(run: Run) -> str:
    views = run.survey.views if run.survey else ()
    return new_ledger.why_not(run.work.delivery, views, run.seen.topology, asked=True)


def _tidied(run: Run) -> bool:
    """Judge what a run before has left open, then put back what it has narrowed.

    False while that has to be waited for, and after it was put back: what this run vouches for is
    what it finds when it looks the next time.
    """
    step = next_step(Facts(run.book.record, own=run.own))
    if step is Step.RESUME:
        if not resume.settle(run):
            return False
        # What ended meanwhile changed the device databases.
        _survey(run, again=True)
        step = next_step(Facts(run.book.record, own=run.own))
    if step is Step.RESTORE and run.stop is not None:
        run.report.waiting = str(run.stop)
        return False
    if step is Step.RESTORE:
        urgent_removal.restore(run)
        run.report.go_on(run.clock.now())
        return False
    resume.forgive(run)
    return True


def _decided(run: Run, before: Decision | None) -> Decision:
    """What may start now; between two waves every device is looked at anew."""
    decision = _decide(run)
    if before is not None and before.wave is not None and decision.wave not in (before.wave, None):
        _survey(run)
        decision = _decide(run)
    return decision


def _step(run: Run, decision: Decision) -> None:
    """One step: what has to go soon is first, then the wave's turn, then what needs no install."""
    rush = urgent_removal.decide(run, under_way=bool(decision.start))
    step = next_step(
        Facts(
            run.book.record,
            run.unwritten and _may_write_alone(run),
            rush.decision.start,
            decision.start,
            stopping=run.is_stopped(),
            own=run.own,
        )
    )
    before = run.report.steps
    if step is Step.URGENT and not run.held_by_command(rush.decision):
        _push_urgent(run, rush)
        _go_on(run, decision, before)
    elif step in (Step.URGENT, Step.INSTALL) and _may_start(run, decision):
        _push(run, decision)
        _follow(run, decision, before)
    elif not _rest(run, decision) and step is Step.WRITE:
        _push(run, decision)


def _push(run: Run, decision: Decision) -> None:
    """Bring what is pending to the devices that may start: by an install, or by writing it."""
    delivery = run.work.delivery
    if delivery is None:
        direct_write.push(run, decision)
    else:
        batch_install.push(run, delivery, decision)


def _push_urgent(run: Run, rush: urgent_removal.Rush) -> None:
    delivery = run.work.delivery
    if delivery is None:
        direct_write.push_urgent(run, rush)
    else:
        urgent_removal.push(run, delivery, rush)


def _may_start(run: Run, decision: Decision) -> bool:
    return bool(decision.start) and not run.held_by_command(decision)


def _go_on(run: Run, batch: Decision, before: int) -> None:
    """At once, unless nothing has come of this step: the next one would be the same."""
    if run.report.steps > before:
        run.report.go_on(run.clock.now(), after=batch)
    else:
        run.report.come_back(run.clock.now() + _ASK_AGAIN_S)


def _follow(run: Run, batch: Decision, before: int) -> None:
    """What comes after a batch: the next one, but not before the ADOM was looked at."""
    following = _decide(run)
    if run.exposed_until is not None:
        run.report.come_back(max(run.exposed_until, run.clock.now() + _SHORTEST_S))
    if following.start:
        _go_on(run, batch, before)
    else:
        _rest(run, following)


def _rest(run: Run, decision: Decision) -> bool:
    """Whether this run goes on after a pause, in which something else may become due."""
    pause = _pause(run, decision)
    if pause is not None:
        run.report.go_on(run.clock.now() + _until_due(run, pause))
    return pause is not None


def _survey(run: Run, *, again: bool = False, known: installs.Readings | None = None) -> None:
    """Look at everything; what was verified in this run is found to be in sync."""
    if again:
        run.seen = run.look()
    run.survey = installs.survey(run.work, run.seen, ask_devices=True, known=known)
    run.pending = run.survey.pending
    run.stale = stale_grants.note(
        run.memory, run.work.ref, run.survey, run.seen, run.clock.now(), run.tell
    )


def _decide(run: Run) -> Decision:
    """What may start now. The reasons of the rest are kept for whoever asks."""
    policy, admissions = run.policy, run.admissions()
    views = run.survey.views if run.survey else ()
    candidates = admission.candidates(admissions, policy.canary, views, run.seen.topology)
    decision = run.work.fleet.decide(
        run.work.ref, policy, run.book.ledger, candidates, run.now, lost=run.book.lost
    )
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
    rollout_log.pause(run, until, reason)
    return max(_SHORTEST_S, (until - run.now).total_seconds())


def _wait_for_others(run: Run, trouble: errors.TargetError) -> None:
    """Somebody else's lock or task, or a unit that is away, is worth some patience."""
    if run.report.waited_s == 0:
        run.tell(f"waiting: {trouble}")
        _log.info("install waits", adom=run.work.ref.domain, why=trouble.message)
    run.report.waited_s += BUSY_S
    run.report.waiting = str(trouble)
    run.report.come_back(run.clock.now() + BUSY_S)
    if run.report.waited_s <= PATIENCE_S:
        run.report.go_on(run.clock.now() + BUSY_S)
