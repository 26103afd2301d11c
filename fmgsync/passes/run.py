"""One step of one ADOM's rollout: what it works with, and the devices that start together in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Self

from fmgsync import clock as clocks
from fmgsync import errors
from fmgsync.assessing import assessment, reach, stale
from fmgsync.assessing.assessment import Assessment, Circumstances
from fmgsync.assessing.observation import Known, Observation, Survey
from fmgsync.assessing.stale import Since
from fmgsync.clock import Clock
from fmgsync.model.address import Address
from fmgsync.model.adom import Reading
from fmgsync.model.change import AdomPlan
from fmgsync.model.memory import Approval
from fmgsync.model.rollout import Outcome, PendingInstall, TargetOutcome
from fmgsync.model.state import ObservedAdom
from fmgsync.model.stop import Stop
from fmgsync.model.target import DeviceVdom
from fmgsync.passes import reconcile
from fmgsync.passes.device_proof import Expected
from fmgsync.passes.install_context import Installing
from fmgsync.passes.result import Orders, Pass
from fmgsync.passes.rollout_book import Book, Report
from fmgsync.passes.world import AdomWork, Intent, Workloads
from fmgsync.planning import summary
from fmgsync.scheduling import admission
from fmgsync.scheduling.admission import Admission
from fmgsync.scheduling.foreign import ForeignChanges
from fmgsync.scheduling.install_policy import Terms
from fmgsync.scheduling.machine import Event, Settled, Started, Withdrawn
from fmgsync.scheduling.rollout import Decision, RolloutPolicy
from fmgsync.scheduling.urgent import Urgent

SHORTEST_S = 1.0
"""Whatever is due is due in so long at the soonest, so that nobody comes back at once for ever."""


class Left(Exception):
    """It was time to leave, whatever still runs. What is open is in the record."""


def rest(clock: Clock, seconds: float, *, leaving: Callable[[], bool]) -> None:
    """Sleep so long. Raises Left when even what runs is to be let go of."""
    clocks.rest(clock, seconds, until=leaving)
    if leaving():
        raise Left


IN_DOUBT = frozenset({Outcome.MISSING, Outcome.FROZEN, Outcome.BROKEN_OFF})


@dataclass(slots=True)
class Batch:
    """Devices that start together: what is installed there and what became of it.

    Made by `ordinary`, or by `rushed` in the urgent lane.

    `urgent` is set in the urgent lane; then `expected` is what each device should hold afterwards,
    which otherwise is what this run wrote, and `foreign` overrides the configuration. `written` is
    what the ADOM holds while it is pushed, `shared` the groups that even an urgent batch adds to,
    `along` what it adds. `started` is by the steady clock.
    """

    decision: Decision
    admissions: tuple[Admission, ...]
    urgent: tuple[Urgent, ...] = ()
    foreign: ForeignChanges | None = None
    expected: Expected | None = None
    written: ObservedAdom = field(init=False)
    shared: frozenset[str] = frozenset()
    along: dict[DeviceVdom, dict[str, frozenset[Address]]] = field(default_factory=dict)
    outcomes: dict[DeviceVdom, TargetOutcome] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    started: float = 0.0
    tasks: list[int] = field(default_factory=list)

    @classmethod
    def ordinary(cls, view: Assessment) -> Self:
        """The devices that may start in the rollout."""
        decision = view.decision
        return cls(decision, admission.starting(view.admissions, decision.start))

    @classmethod
    def rushed(cls, view: Assessment) -> Self:
        """The devices that may start in the urgent lane."""
        decision = view.rushed
        urgent = tuple(each for each in view.urgent.now if each.target.device in decision.start)
        targets = {each.target for each in urgent}
        admitted = tuple(each for each in view.admissions if each.pending.target in targets)
        return cls(decision, admitted, urgent=urgent)

    @property
    def devices(self) -> frozenset[str]:
        """Physical devices."""
        return frozenset(each.pending.target.device for each in self.admissions)

    @property
    def targets(self) -> tuple[DeviceVdom, ...]:
        """DeviceVdoms."""
        return tuple(sorted({each.pending.target for each in self.admissions}))

    def adds_to(self, name: str) -> bool:
        """Whether this batch may bring new members of a group."""
        return not self.urgent or name in self.shared

    @property
    def in_doubt(self) -> bool:
        """Whether only a device itself can tell how its install ended."""
        return any(each.outcome in IN_DOUBT for each in self.outcomes.values())


@dataclass(slots=True)
class Run:
    """What one pass over one ADOM works with, and what it has come to.

    `made` is what the passes before came to, `tell` is for people who watch, `seen` what was seen
    last. `writes`: the ADOM may be written. A device that was held back since `held_since` is not
    looked at again. `known` is what was read of the devices before and counts still, `pending` the
    installs still to make. `writes_along`: what is due in the ADOM is written under the lock of the
    install that follows, if one does. `written` is what this run vouches for in the ADOM: as it
    found or left it, without what others do to it meanwhile.
    `answered` is what the devices of the batch have answered since it ended, `copied` what their
    copies held then. `since` is since when grants are stale, and `running` tells whether an address
    is in use again. `looked_anew`: somebody changed the ADOM while its lock was waited for, so that
    nothing more of the plan was written. `stop` is what a person has stopped it by, as last read,
    `refusal` why the unit makes no install of this kind, `trouble` what went wrong.
    """

    work: AdomWork
    workloads: Workloads
    orders: Orders
    made: Pass
    intent: Intent
    terms: Terms
    installing: Installing
    clock: Clock
    tell: Callable[[str], None]
    book: Book
    seen: Observation
    report: Report
    writes: bool
    known: Known
    held_since: datetime
    running: stale.Running
    stop: Stop | None
    refusal: str | None = None
    trouble: errors.TargetError | None = None
    writes_along: bool = False
    looked_anew: bool = False
    answered: Mapping[DeviceVdom, Reading] = field(default_factory=dict)
    copied: dict[DeviceVdom, Reading] = field(default_factory=dict)
    since: Since = field(default_factory=dict)
    pending: tuple[PendingInstall, ...] = ()
    written: ObservedAdom = field(init=False)

    def __post_init__(self) -> None:
        self.written = self.seen.vouched

    @property
    def now(self) -> datetime:
        """UTC."""
        return datetime.fromtimestamp(self.clock.now(), UTC)

    @property
    def survey(self) -> Survey:
        """What was seen of the devices last."""
        return self.seen.survey

    def surveyed(self, found: Survey) -> None:
        """This is what was seen of the devices; all of it is to be installed still."""
        self.seen, self.pending = replace(self.seen, survey=found), found.pending

    @property
    def owner(self) -> str:
        """This installation's name."""
        return self.intent.owner

    @property
    def installs(self) -> bool:
        """Whether what is open is judged, and what is behind installed."""
        return self.orders.installs and self.intent.writes

    @property
    def planned(self) -> AdomPlan:
        """What was or is written."""
        return self.made.planned or self.made.looked.plan

    @property
    def plan(self) -> str:
        """Its digest."""
        return summary.digest([self.planned])

    @property
    def own(self) -> frozenset[str] | None:
        """The devices this run answers for; None: all that its record knows."""
        return self.work.fleet.own(self.work.ref)

    @property
    def unwritten(self) -> bool:
        """Whether there are changes that are to be written under an install's lock, or as what is
        delivered. Where this run has written them already, what differs is put right instead."""
        wanted = self.writes_along or not self.work.writes_ahead(self.intent)
        return wanted and bool(self.seen.plan.changes) and self.seen.written is None

    @property
    def names(self) -> frozenset[str]:
        """The groups that devices are asked for."""
        return reach.names(self.seen)

    @property
    def policy(self) -> RolloutPolicy:
        """The rollout policy with this ADOM's devices."""
        return assessment.policy_of(self.seen, self.around())

    def look(self) -> Observation:
        """Read the ADOM anew, and not its devices."""
        found = reconcile.look(self.work, self.intent, self.workloads)
        return replace(found, survey=self.survey)

    def look_again(self) -> None:
        """See what the ADOM holds after a write. Where that fails the write stands all the same."""
        self.seen = reconcile.look_again(self.work, self.intent, self.seen)

    def note(self, event: Event) -> None:
        """Something of the rollout happens now; it is written down before anything follows."""
        before, ledger = self.book.record, self.book.ledger
        self.book.note(event, self.now)
        if self.book.record == before:
            return  # no news to anybody, or those who wait would call each other for ever
        if isinstance(event, Settled | Withdrawn) and ledger is not None and ledger.at_risk:
            self.work.fleet.freed()
        else:
            self.work.fleet.changed()

    def start(self, chosen: Batch) -> None:
        """Its devices are at risk from here on. Raises UnitBusy where one is already."""
        self.note(Started(chosen.devices, chosen.decision.wave, bool(chosen.urgent)))
        chosen.started = self.clock.steady()

    def rest(self, seconds: float) -> None:
        """Wait with lock and session in hand. Raises Left when it is time to leave."""
        rest(self.clock, seconds, leaving=self.installing.leaving)

    def is_stopped(self) -> bool:
        """Whether somebody wants nothing more to start: here, by `fmgsync stop` or by
        `fmgsync rollout abort`."""
        self.book.refresh()
        self.stop = self.installing.stops.covering(self.work.ref)
        ledger = self.book.ledger
        told = self.stop is not None or ledger is None or ledger.halted is not None
        return told or self.installing.stopping()

    def approvals(self) -> Mapping[str, Approval]:
        """What people have let through, by its digest."""
        return {one.digest: one for one in self.work.guard.memory.approvals(self.clock.now())}

    def admissions(self) -> tuple[Admission, ...]:
        """Which pending installs may be made at all, now."""
        situation = assessment.situation(self.seen, self.around())
        return admission.admit(self.pending, situation)

    def think(self) -> Assessment:
        """What follows from what was seen last, as the record and the whole fleet stand now. Others
        whose turn it is are called, and who is short of room asks for it."""
        ref, fleet, report = self.work.ref, self.work.fleet, self.report
        with fleet.deciding():
            stopping = self.is_stopped() or self.refusal is not None
            view = self._assessed(replace(self.around(), stopping=stopping))
            fleet.decided(ref, view.candidates, view.decision)
            if view.is_short_of_room:
                fleet.wants_room(ref)
        held, now = view.decision.held, self.clock.now()
        report.admissions, report.decision = view.admissions, view.decision
        report.waiting = self.refusal or (held.reason if held is not None else None)
        report.again_at = None if view.again_at is None else max(view.again_at, now + SHORTEST_S)
        if (until := view.urgent.until) is not None:  # when what may last for a time becomes due
            report.come_back(max(until.timestamp(), now + SHORTEST_S))
        return view

    def foresee(self) -> Assessment:
        """The same for who only tells of it: nobody is called, and a call stays."""
        ledger = self.book.ledger
        halted = ledger is not None and ledger.halted is not None
        stopping = halted or self.stop is not None or self.installing.stopping()
        around = replace(self.around(), writes=self.intent.writes, judges=True)
        view = self._assessed(replace(around, stopping=stopping))
        self.work.fleet.note(self.work.ref, view.candidates)
        return view

    def think_alone(self) -> Assessment:
        """What follows for who installs nothing now, and asks nothing of a fleet's others."""
        return assessment.assess(self.seen, self.around())

    def _assessed(self, around: Circumstances) -> Assessment:
        others = self.work.fleet.others(self.work.ref)
        return assessment.assess(self.seen, replace(around, others=others))

    def around(self) -> Circumstances:
        """What counts besides what was seen last."""
        return Circumstances(
            self.terms,
            self.now,
            self.installing.clearance,
            self.stop,
            self.book.record,
            self._held_back(),
            self.since,
            self.running,
            self.book.digest,
            self.book.lost,
            own=self.own,
            pending=self.pending,
            writes=self.writes,
            ahead=self.work.writes_ahead(self.intent),
            along=self.writes_along,
            judges=self.installs and self.trouble is None,
        )

    def _held_back(self) -> dict[str, str]:
        """Devices that are left alone. One that this run has looked at stays that, wherever a clock
        was set meanwhile, unless somebody has let through what held it."""
        record = self.book.record
        if record is None:
            return {}
        found = record.held_back(self.held_since, lambda: self.approvals().keys())
        if self.installing.patient:
            let = self.approvals().keys() if self.report.blocked else ()
            for device, why in self.report.blocked.items():
                note = record.blocked.get(device)
                if note is None or not note.digest or note.digest not in let:
                    found.setdefault(device, why)
        return found
