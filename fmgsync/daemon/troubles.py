"""What a person should know of an ADOM's installs: by what was proven, and what takes too long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

from fmgsync.assessing.assessment import UNASSESSED
from fmgsync.model.health import RolloutHealth
from fmgsync.model.rollout import Outcome
from fmgsync.model.target import DeviceVdom
from fmgsync.passes.result import Pass
from fmgsync.passes.world import World
from fmgsync.scheduling import calendar
from fmgsync.scheduling.timetable import Timetable

LOOK_BACK = timedelta(days=31)
"""Openings longer ago than this are not counted, however long a device has been pending."""

_ARRIVED = frozenset({Outcome.DONE, Outcome.NO_CHANGES})


def outcomes(result: Pass) -> Counter[Outcome]:
    """How the installs of a pass ended, by the devices' own answers where they were asked.

    FortiManager's *done* counts as that only if the device was proven right; and whatever it
    says, a device that was proven right is done.
    """
    if result.rollout is None:
        return Counter(each.outcome for each in result.outcomes)
    verified = frozenset(result.rollout.verified)
    return Counter(
        (each.outcome if each.outcome in _ARRIVED else Outcome.DONE)
        if each.target in verified
        else (Outcome.NOT_PROVEN if each.outcome in _ARRIVED else each.outcome)
        for each in result.outcomes
    )


def pending_since(
    before: Mapping[DeviceVdom, float], result: Pass, now: float
) -> Mapping[DeviceVdom, float]:
    """Since when each device VDOM has been seen to wait; as before, if nobody could look."""
    if not result.survey.is_made:
        return before
    return {each.target: before.get(each.target, now) for each in result.survey.pending}


def rollout_health(
    world: World, result: Pass | None, since: Mapping[DeviceVdom, float]
) -> RolloutHealth:
    """What of the rollout waits for a person, or goes on for longer than it should."""
    if result is None or result.view is UNASSESSED:
        return RolloutHealth()
    record, held = result.view.record, result.held
    ledger = record.ledger if record is not None else None
    running = ledger.running if ledger is not None else ()
    return RolloutHealth(
        # What waits for a canary's window goes on by itself.
        held=held.kind.value if held is not None and held.until is None else "",
        failed=len(ledger.failed) if ledger is not None else 0,
        blocked=len(record.blocked) if record is not None else 0,
        open=len(running),
        oldest_open_at=min((each.started_at.timestamp() for each in running), default=None),
        missed_windows=_missed_windows(world, result, since),
    )


def _missed_windows(world: World, result: Pass, since: Mapping[DeviceVdom, float]) -> int:
    """How many windows have opened and closed over a device that still waits; the most of all."""
    if result.seen is None:
        return 0
    topology, now = result.seen.topology, world.instant

    @cache
    def missed(timetable: Timetable, at: float) -> int:
        start = max(datetime.fromtimestamp(at, UTC), now - LOOK_BACK)
        return sum(
            opening.opens_at >= start and opening.closes_at is not None and opening.closes_at <= now
            for opening in timetable.openings(start, now)
        )

    places = ((calendar.place_of(topology, target), at) for target, at in since.items())
    return max((missed(world.terms.calendar.timetable(p), at) for p, at in places), default=0)
