"""What became of a pass: of one ADOM, and of all."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

from fmgsync import errors
from fmgsync.assessing.assessment import UNASSESSED, Assessment
from fmgsync.assessing.observation import NOTHING, UNSEEN, Known, Observation, Survey
from fmgsync.model.adom import HeldLock
from fmgsync.model.change import AdomPlan, ApplyReport, Finding
from fmgsync.model.rollout import TargetOutcome
from fmgsync.model.state import ObservedAdom
from fmgsync.model.stop import Stop
from fmgsync.model.target import TargetRef
from fmgsync.model.view import DeviceView
from fmgsync.passes.rollout_book import Report
from fmgsync.passes.world import Workloads
from fmgsync.planning import radius, summary
from fmgsync.planning.radius import BlastRadius
from fmgsync.scheduling.machine import Step
from fmgsync.scheduling.rollout import Hold


@dataclass(frozen=True, slots=True)
class Orders:
    """What a pass is to do besides looking: survey the devices, ask the FortiGates themselves,
    write, install what is behind.

    `saved` is what was looked at for a saved plan: nothing more than that is written, and the first
    pass looks at nothing else.
    """

    surveys: bool = True
    asks: bool = False
    writes: bool = False
    installs: bool = False
    saved: Observation | None = None
    is_first: bool = True


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass over a target came to; `whole` False if it compared only a part of it.

    `vouched` is what the ADOM holds as a saved plan was carried out there, None before that.
    `step` is what it did; `at_once`: the next pass goes on from what this one has left, without
    reading that anew. `known` is what was read of devices. `ahead` is what a clock that was wrong
    has left in the state.
    """

    ref: TargetRef
    seen: Observation | None = None
    planned: AdomPlan | None = None
    report: ApplyReport | None = None
    outcomes: tuple[TargetOutcome, ...] = ()
    rollout: Report | None = None
    view: Assessment = UNASSESSED
    stop: Stop | None = None
    locks: tuple[HeldLock, ...] = ()
    error: errors.TargetError | None = None
    whole: bool = True
    vouched: ObservedAdom | None = None
    step: Step = Step.REST
    at_once: bool = False
    known: Known = NOTHING
    ahead: tuple[Finding, ...] = ()

    @property
    def survey(self) -> Survey:
        """What was seen of the devices."""
        return self.seen.survey if self.seen is not None else UNSEEN

    @property
    def views(self) -> tuple[DeviceView, ...]:
        """The devices as people see them, with what holds each install as far as that is known."""
        seen = self.survey
        return self.view.views if seen.is_made and self.view is not UNASSESSED else seen.views

    @property
    def looked(self) -> Observation:
        """What was seen, in a pass that has looked."""
        assert self.seen is not None  # noqa: S101 - nothing else comes before a look
        return self.seen

    def check(self) -> None:
        """Raises what went wrong."""
        if self.error is not None:
            raise self.error

    def wrote(self, report: ApplyReport) -> Self:
        """The same after a write."""
        whole = self.report.then(report) if self.report is not None else report
        return replace(self, report=whole)

    @property
    def held(self) -> Hold | None:
        """Why nothing of the target is installed, as far as that is known."""
        return self.view.decision.held


@dataclass(slots=True)
class Result:
    """What became of all ADOMs, and what is stopped; `digest` stands for the whole plan.

    `zone` is the one in which people are told times.
    """

    workloads: Workloads
    adoms: list[Pass] = field(default_factory=list)
    stops: tuple[Stop, ...] = ()
    zone: str = "UTC"

    @property
    def digest(self) -> str:
        """The digest of all plans seen."""
        return summary.digest(result.seen.plan for result in self.adoms if result.seen)

    @property
    def unapproved_digest(self) -> str:
        """The digest as it was before approvals let held parts through."""
        return summary.digest(result.seen.unapproved for result in self.adoms if result.seen)

    @property
    def blast_radius(self) -> BlastRadius:
        """How much of the estate the plans touch."""
        return radius.blast_radius(adom.seen.plan for adom in self.adoms if adom.seen)

    @property
    def behind(self) -> int:
        """Device VDOMs that an install has to reach."""
        return len({(a.ref, p.target) for a in self.adoms for p in a.survey.pending})
