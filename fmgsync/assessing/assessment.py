"""What follows from one look at a target, in one place: who may be installed, who waits and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from fmgsync.assessing import four, stale
from fmgsync.assessing.observation import Look
from fmgsync.assessing.survey import Survey
from fmgsync.model.rollout import PendingInstall
from fmgsync.model.stop import Stop
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import DeviceView, GroupState
from fmgsync.planning import misnamed
from fmgsync.scheduling import admission, outlook
from fmgsync.scheduling.admission import Admission, Clearance, Situation
from fmgsync.scheduling.install_policy import Terms
from fmgsync.scheduling.outlook import Outlook
from fmgsync.scheduling.rollout import RolloutPolicy
from fmgsync.scheduling.rollout_record import RolloutRecord


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What counts besides what was seen: the configuration, people, and what is remembered.

    `blocked` are devices that this run has held back; `since` is when grants became stale, and
    `running` tells whether an address is in use again.
    """

    terms: Terms
    now: datetime
    clearance: Clearance = field(default_factory=Clearance)
    stop: Stop | None = None
    record: RolloutRecord | None = None
    blocked: Mapping[str, str] | None = None
    since: stale.Since = field(default_factory=dict)
    running: stale.Running = lambda target, address: False


@dataclass(frozen=True, slots=True)
class Assessment:
    """The views as people see them, with what holds each install and what the calendar says."""

    views: tuple[DeviceView, ...]
    admissions: tuple[Admission, ...]
    outlooks: Mapping[DeviceVdom, Outlook]


def assess(seen: Look, survey: Survey, around: Circumstances) -> Assessment:
    """Windows and people are asked for each pending install; what they hold shows in the views."""
    admissions = admission.admit(survey.pending, situation(seen, survey, around))
    held = {each.pending.target: each.because for each in admissions if each.held}
    staged = survey.facts is None or survey.facts.staged
    waiting = GroupState.INSTALL_PENDING if staged else GroupState.WRITE_PENDING
    views = four.with_held(survey.views, held, waiting)
    views = stale.with_since(views, around.since)
    views = stale.with_reused(views, around.running)
    targets = [view.target for view in survey.views]
    found = outlook.outlooks(around.terms.calendar, seen.topology, targets, around.now)
    return Assessment(views, admissions, {each.target: each for each in found})


def situation(seen: Look, survey: Survey | None, around: Circumstances) -> Situation:
    """What decides about an install besides what it installs."""
    record = around.record
    kept = record.why_held if record is not None else {}
    return Situation(
        seen.topology,
        survey.statuses if survey is not None else (),
        around.terms,
        around.now,
        around.clearance,
        kept if around.blocked is None else around.blocked,
        record.let_go if record is not None else frozenset(),
        stopped=_told(around.stop),
    )


def policy_of(terms: Terms, seen: Look, stop: Stop | None) -> RolloutPolicy:
    """How installs spread over a target's devices as it is now, and what keeps all of them."""
    policy = terms.rollout.policy(seen.topology, terms.overrun)
    return replace(policy, misnamed=misnamed.told(seen.plan), stopped=_told(stop))


def _told(stop: Stop | None) -> str:
    return str(stop) if stop is not None else ""


def window_open(outlooks: Iterable[Outlook]) -> bool:
    """Whether an install may start now on any of these devices."""
    return any(each.judgement.is_open for each in outlooks)


def openings(
    outlooks: Mapping[DeviceVdom, Outlook],
    pending: Iterable[PendingInstall],
    *,
    unwritten: bool,
    partly: bool,
) -> list[datetime]:
    """When a window opens for what waits for one and nothing else would announce.

    `unwritten`: the ADOM is written at an opening; `partly`: a pass over a part installs nothing,
    and what it left pending is for the next opening.
    """
    waiting = {each.target for each in pending} if partly else set()
    found = [each.opens_at for target, each in outlooks.items() if target in waiting]
    if unwritten:
        found += [each.opens_at for each in outlooks.values() if not each.judgement.is_open]
    return [at for at in found if at is not None]
