"""Which devices need an install outside their windows, because a grant must not last longer.

A stale grant is an address a FortiGate still lets through although no selected workload has it.
How long it may last is the removals policy; deny windows hold it back all the same. What is
decided here is who needs the lane; canary and failure budget then apply as to any install
(`waves.decide`, with `Urgent.opening`), and what is written first, so that nothing is added, is
for whoever installs.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fmgsync.model.target import DeviceVdom
from fmgsync.scheduling.forecast import Forecast
from fmgsync.scheduling.timetable import Opening, Timetable
from fmgsync.scheduling.window import written

_ROUNDING = timedelta(minutes=1)
"""For what is no install: looking, taking the lock, proving."""


class ExposureKind(enum.StrEnum):
    """Why a group on a device is more open than it should be.

    In a deny policy, or a negated position, a missing member is what lets too much through.
    """

    STALE = "stale grant"
    REUSED = "address in use by another workload"
    MISSING_IN_DENY = "missing where membership denies"


@dataclass(frozen=True, slots=True)
class Exposure:
    """A group on a DeviceVdom that lets through what it should not; `since` None: not known."""

    target: DeviceVdom
    group: str
    since: datetime | None
    kind: ExposureKind = ExposureKind.STALE


@dataclass(frozen=True, slots=True)
class RemovalPolicy:
    """How long an exposure may last.

    `within` None: until the next window; zero: not at all. `lead` is how much earlier an install
    starts so as to be done in time, `spacing` the least time between two urgent installs of one
    physical device.
    """

    within: timedelta | None = None
    lead: timedelta = timedelta(0)
    spacing: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Urgent:
    """A DeviceVdom to install now, and the groups that cannot wait.

    `since` is when the first of them was exposed, None if that is not known, which counts as
    overdue. `opening` is the time until the next deny window.
    """

    target: DeviceVdom
    groups: tuple[str, ...]
    kinds: tuple[ExposureKind, ...]
    since: datetime | None
    opening: Opening


@dataclass(frozen=True, slots=True)
class UrgentWait:
    """A DeviceVdom with exposures that does not use the lane now, why, and until when."""

    target: DeviceVdom
    groups: tuple[str, ...]
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class UrgentDecision:
    """Who needs the lane now, the longest exposed first, and who does not."""

    now: tuple[Urgent, ...] = ()
    waits: tuple[UrgentWait, ...] = ()


def lead(past: Forecast, rounds: int, *, under_way: bool) -> timedelta:
    """How much earlier than its bound an exposure must be dealt with, so as to be gone in time.

    `rounds` installs follow one another, each given a slow one's time. While a rollout is
    `under_way`, two of its batches count as well: an exposure may be a batch older than it was
    noticed, and the next moment to deal with it comes a batch later.
    """
    return past.slow * (rounds + (2 if under_way else 0)) + _ROUNDING


def decide(
    policy: RemovalPolicy,
    exposures: Iterable[Exposure],
    timetables: Mapping[DeviceVdom, Timetable],
    last_urgent: Mapping[str, datetime],
    now: datetime,
    *,
    ordinary: bool = True,
) -> UrgentDecision:
    """Who needs an install at `now` although no window is open, or although one is, and no
    `ordinary` install starts in it now: a pause between two waves is no reason to let it last.

    `timetables` are those of every exposed DeviceVdom; where a person overrides the deny windows,
    the timetable `without_denials`. `last_urgent` says when a physical device last used the lane.
    """
    by_target: dict[DeviceVdom, list[Exposure]] = defaultdict(list)
    for exposure in exposures:
        by_target[exposure.target].append(exposure)
    due: list[Urgent] = []
    waits: list[UrgentWait] = []
    for target, theirs in sorted(by_target.items()):
        timetable, last = timetables[target], last_urgent.get(target.device)
        wait = _wait(policy, theirs, timetable, last, now, ordinary=ordinary)
        if wait is None:
            due.append(_urgent(policy, target, theirs, timetable, now))
        else:
            waits.append(UrgentWait(target, _groups(theirs), *wait))
    due.sort(key=lambda urgent: (urgent.since is not None, urgent.since or now, urgent.target))
    return UrgentDecision(tuple(due), tuple(waits))


def _wait(
    policy: RemovalPolicy,
    exposures: list[Exposure],
    timetable: Timetable,
    last: datetime | None,
    now: datetime,
    *,
    ordinary: bool,
) -> tuple[str, datetime | None] | None:
    if timetable.is_open(now) and (ordinary or policy.within is None):
        return "its window is open: an ordinary install does it", None
    if policy.within is None:
        return "removals wait for the next window", timetable.next_opening(now)
    due_at = min(_due_at(policy, exposure, now) for exposure in exposures)
    if now < due_at:
        return f"may last for {written(policy.within)}", due_at
    judgement = timetable.judge(now)
    if judgement.denying:
        return judgement.because, timetable.denied_until(now)
    if last is not None and now < last + policy.spacing:
        return f"one urgent install in {written(policy.spacing)}", last + policy.spacing
    return None


def _due_at(policy: RemovalPolicy, exposure: Exposure, now: datetime) -> datetime:
    """When it cannot wait any longer; a time that is not known, or lies ahead, is not trusted."""
    if exposure.since is None or exposure.since > now or policy.within is None:
        return now
    return exposure.since + max(timedelta(0), policy.within - policy.lead)


def _urgent(
    policy: RemovalPolicy,
    target: DeviceVdom,
    exposures: list[Exposure],
    timetable: Timetable,
    now: datetime,
) -> Urgent:
    due = [each for each in exposures if _due_at(policy, each, now) <= now]
    since = [each.since for each in due if each.since is not None and each.since <= now]
    return Urgent(
        target,
        _groups(due),
        tuple(sorted({each.kind for each in due})),
        min(since) if len(since) == len(due) else None,
        Opening(now, timetable.next_denial(now)),
    )


def _groups(exposures: Iterable[Exposure]) -> tuple[str, ...]:
    return tuple(sorted({exposure.group for exposure in exposures}))
