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
from fmgsync.scheduling.timetable import Opening, Timetable


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
class UrgentDecision:
    """Who needs the lane now, the longest exposed first; and when somebody else may."""

    now: tuple[Urgent, ...] = ()
    until: datetime | None = None


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
    waits: list[datetime] = []
    for target, theirs in sorted(by_target.items()):
        timetable, last = timetables[target], last_urgent.get(target.device)
        if timetable.is_open(now) and (ordinary or policy.within is None):
            continue  # an ordinary install does it
        at = _at(policy, theirs, timetable, last, now)
        if at == now:
            due.append(_urgent(policy, target, theirs, timetable, now))
        elif at is not None:
            waits.append(at)
    due.sort(key=lambda urgent: (urgent.since is not None, urgent.since or now, urgent.target))
    return UrgentDecision(tuple(due), min(waits, default=None))


def _at(
    policy: RemovalPolicy,
    exposures: list[Exposure],
    timetable: Timetable,
    last: datetime | None,
    now: datetime,
) -> datetime | None:
    """When a device may need the lane, as far as a clock can tell; `now` if it does now."""
    if policy.within is None:
        return timetable.next_opening(now)
    due_at = min(_due_at(policy, exposure, now) for exposure in exposures)
    if now < due_at:
        return due_at
    if (over := timetable.denied_until(now)) is not None:
        return over
    return max(now, last + policy.spacing) if last is not None else now


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
        tuple(sorted({each.group for each in due})),
        tuple(sorted({each.kind for each in due})),
        min(since) if len(since) == len(due) else None,
        Opening(now, timetable.next_denial(now)),
    )
