"""What follows from one look at a target, in one place: who may be installed, who waits and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from fmgsync.assessing import exposure, four, stale
from fmgsync.assessing.observation import Observation
from fmgsync.model.adom import Workspace
from fmgsync.model.rollout import PendingInstall
from fmgsync.model.stop import Stop
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import DeviceView, GroupState
from fmgsync.planning import misnamed
from fmgsync.scheduling import admission, fleets, outlook, urgent, waves
from fmgsync.scheduling import ledger as ledgers
from fmgsync.scheduling.admission import Admission, Clearance, Situation
from fmgsync.scheduling.fleets import Others
from fmgsync.scheduling.install_policy import Mode, Terms
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.machine import Facts, Step, next_step
from fmgsync.scheduling.outlook import Outlook
from fmgsync.scheduling.rollout import Candidate, Decision, RolloutPolicy
from fmgsync.scheduling.rollout_record import RolloutRecord
from fmgsync.scheduling.urgent import UrgentDecision


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What counts besides what was seen: the configuration, people, and what is remembered.

    `record` is what is kept of the rollout, under the digest of these `rules`; where there is none,
    `lost` says why nothing may begin without one. `blocked` are devices that are held back; `since`
    is when grants became stale, and `running` tells whether an address is in use again. `others`
    are the rest of its fleet, None if there is none; `own` the devices it answers for there.
    `pending` are the installs still to make, None: all that were seen. `stopping`: no install may
    start any more. `writes`: the plan may be written; `ahead`: that waits for no window and no
    install; `along`: an install that starts now writes it under its own lock. `judges`: this pass
    judges and makes installs.
    """

    terms: Terms
    now: datetime
    clearance: Clearance = field(default_factory=Clearance)
    stop: Stop | None = None
    record: RolloutRecord | None = None
    blocked: Mapping[str, str] | None = None
    since: stale.Since = field(default_factory=dict)
    running: stale.Running = lambda target, address: False
    rules: str = ""
    lost: str = ""
    others: Others | None = None
    own: frozenset[str] | None = None
    pending: tuple[PendingInstall, ...] | None = None
    stopping: bool = False
    writes: bool = False
    ahead: bool = True
    along: bool = False
    judges: bool = True

    @property
    def ledger(self) -> Ledger | None:
        """What was done; None if that is not known."""
        if self.record is not None:
            return self.record.ledger
        return None if self.lost else Ledger(self.rules)


@dataclass(frozen=True, slots=True)
class Assessment:
    """What follows from a look: the views as people see them, with what holds each install and what
    the calendar says; who may start now, by the rollout (`decision`) or because it cannot wait
    (`rushed`, of those in `urgent`); and the next step.

    `candidates` are its devices, as its fleet's other targets count them.
    """

    views: tuple[DeviceView, ...]
    admissions: tuple[Admission, ...]
    outlooks: Mapping[DeviceVdom, Outlook]
    record: RolloutRecord | None
    candidates: tuple[Candidate, ...]
    decision: Decision
    urgent: UrgentDecision
    rushed: Decision
    step: Step

    @property
    def is_short_of_room(self) -> bool:
        """Whether something cannot wait, and as many devices are at risk as may fail."""
        return bool(self.urgent.now) and not self.rushed.start and self.rushed.held is None

    @property
    def again_at(self) -> float | None:
        """When something that waits may start, as far as a clock can tell."""
        held, later = self.decision.held, self.decision.others_at
        times = [each.until for each in self.decision.waits]
        times += [held.until if held is not None else None, later]
        return min((at.timestamp() for at in times if at is not None), default=None)

    def pause(self) -> tuple[datetime, str] | None:
        """Until when it is worth waiting for a device whose window is open now, and why; None if it
        is not. A window that opens later is for a later run."""
        open_now = {a.pending.target.device: a.opening for a in self.admissions if a.may_start}
        rests: list[tuple[datetime, str]] = []
        for wait in self.decision.waits:
            opening = open_now.get(wait.device)
            if opening is None or wait.until is None:
                continue
            if opening.closes_at is None or wait.until < opening.closes_at:
                rests.append((wait.until, wait.reason))
        if self.decision.others_at is not None:
            rests.append((self.decision.others_at, "others of the fleet wait"))
        return min(rests, default=None) if self.decision.held is None else None


UNASSESSED = Assessment(
    (), (), {}, None, (), Decision(None), UrgentDecision(), Decision(None), Step.REST
)
"""Before anything was looked at."""


def assess(seen: Observation, around: Circumstances) -> Assessment:
    """Windows and people are asked for each pending install; what they hold shows in the views. The
    step that follows is what a pass that may act does next."""
    survey, judged, policy = seen.survey, situation(seen, around), policy_of(seen, around)
    pending = survey.pending if around.pending is None else around.pending
    admissions = admission.admit(pending, judged)
    views = stale.dated(survey.views, around.since, around.running)
    found = admission.candidates(admissions, policy.canary, views, seen.topology)
    decision = fleets.decide(
        policy, around.ledger, found, around.others, around.now, lost=around.lost
    )
    staged = survey.facts is None or survey.facts.staged
    begins = bool(decision.start)
    needs, rushed = _rushed(seen, views, admissions, around, under_way=begins, staged=staged)
    targets = [view.target for view in views]
    outlooks = outlook.outlooks(around.terms.calendar, seen.topology, targets, around.now)
    is_open = any(admission.timetable_of(t, judged).is_open(around.now) for t in targets)
    if around.ahead:
        by_itself = not (around.along and (rushed.start or begins))
    else:  # it is written in a window, by an install if there is one
        by_itself = around.judges and not around.stopping and not pending and is_open
    facts = Facts(
        around.record,
        by_itself and may_be_written(seen, around),
        rushed.start,
        decision.start,
        stopping=around.stopping,
        own=around.own,
        judges=around.judges,
    )
    held = {each.pending.target: each.because for each in admissions if each.held}
    waiting = GroupState.INSTALL_PENDING if staged else GroupState.WRITE_PENDING
    return Assessment(
        four.with_held(views, held, waiting),
        admissions,
        {each.target: each for each in outlooks},
        around.record,
        found,
        decision,
        needs,
        rushed,
        next_step(facts),
    )


def may_be_written(seen: Observation, around: Circumstances) -> bool:
    """Whether the target lacks something, and nothing but a window is in the way of writing it.
    What this run has written already is put right by an install, not written again."""
    lacks = bool(seen.plan.changes) and seen.written is None and seen.submission is None
    return lacks and around.writes and around.stop is None


def may_follow(seen: Observation, around: Circumstances, places: Iterable[DeviceVdom]) -> bool:
    """Whether an install may start at once, under whose lock what the ADOM lacks can be written.
    Told without the devices at these places: a write must not wait for them without need."""
    terms, record = around.terms, around.record
    if not (around.judges and around.ahead and may_be_written(seen, around)):
        return False
    if terms.mode is not Mode.PACKAGE or seen.topology.workspace is Workspace.WORKFLOW:
        return False
    if terms.hold or around.stopping:
        return False
    if record is not None and (record.narrowed or record.ledger.running or record.ledger.halted):
        return False
    removes = any(change.removed for change in seen.plan.changes)
    if around.clearance.now or (terms.removals.within is not None and removes):
        return True
    return window_open(outlook.outlooks(terms.calendar, seen.topology, set(places), around.now))


def _rushed(
    seen: Observation,
    views: Sequence[DeviceView],
    admissions: Sequence[Admission],
    around: Circumstances,
    *,
    under_way: bool,
    staged: bool,
) -> tuple[UrgentDecision, Decision]:
    """Who needs the urgent lane, and on how many of these devices the budget allows it now.

    `under_way`: if nobody is rushed, a batch of the rollout starts and is in the way. A pause
    between waves is there for what comes; what has to go cannot wait for it.
    """
    terms, now, ledger = around.terms, around.now, around.ledger
    if terms.removals.within is None or seen.topology.workspace is Workspace.WORKFLOW:
        return UrgentDecision(), Decision(None)  # workflow mode: nothing can be narrowed
    judged, policy = situation(seen, around), policy_of(seen, around)
    pending = [each.pending for each in admissions]
    exposed = exposure.exposures(seen, views, pending, around.since, staged=staged)
    timetables = {e.target: admission.timetable_of(e.target, judged) for e in exposed}
    theirs = {
        each.target.device
        for each in exposed
        if not (under_way and timetables[each.target].is_open(now))
    }
    removals = exposure.in_time(
        terms.removals, ledger, len(theirs), policy.max_failures, under_way=under_way
    )
    last = around.record.urgent_at if around.record is not None else {}
    needs = urgent.decide(removals, exposed, timetables, last, now, ordinary=under_way)
    listed = exposure.candidates(needs.now, admissions)
    known = admission.candidates((), policy.canary, views, seen.topology)
    everybody = [*listed.values(), *(each for each in known if each.device not in listed)]
    if around.others is not None:
        everybody += around.others.bystanders(policy)
    urgent_ledger = ledgers.in_the_urgent_lane(ledger) if ledger is not None else None
    return needs, waves.decide(replace(policy, pause=timedelta(0)), urgent_ledger, everybody, now)


def situation(seen: Observation, around: Circumstances) -> Situation:
    """What decides about an install besides what it installs."""
    record = around.record
    kept = record.why_held if record is not None else {}
    return Situation(
        seen.topology,
        seen.survey.statuses,
        around.terms,
        around.now,
        around.clearance,
        kept if around.blocked is None else around.blocked,
        record.let_go if record is not None else frozenset(),
        stopped=_told(around.stop),
    )


def policy_of(seen: Observation, around: Circumstances) -> RolloutPolicy:
    """How installs spread over a target's devices as it is now, and what keeps all of them. `now`
    waits for no clock."""
    terms = around.terms
    policy = terms.rollout.policy(seen.topology, terms.overrun)
    if around.clearance.now:
        policy = replace(policy, pause=timedelta(0))
    return replace(policy, misnamed=misnamed.told(seen.plan), stopped=_told(around.stop))


def _told(stop: Stop | None) -> str:
    return str(stop) if stop is not None else ""


def window_open(outlooks: Iterable[Outlook]) -> bool:
    """Whether an install may start now on any of these devices."""
    return any(each.judgement.is_open for each in outlooks)


def openings(
    outlooks: Iterable[Outlook], pending: Iterable[PendingInstall], *, unwritten: bool, partly: bool
) -> list[datetime]:
    """When a window opens for what waits for one and nothing else would announce.

    `unwritten`: the ADOM is written at an opening; `partly`: a pass over a part installs nothing,
    and what it left pending is for the next opening.
    """
    waiting = {each.target for each in pending} if partly else set()
    return [
        each.opens_at
        for each in outlooks
        if each.opens_at is not None
        and (each.target in waiting or (unwritten and not each.judgement.is_open))
    ]
