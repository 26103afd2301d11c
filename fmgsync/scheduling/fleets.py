"""Who of one target may start, as its whole fleet stands. Pure.

Canary, waves and budget count over all targets of a fleet, of which each has passes of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from fmgsync.model.target import TargetRef
from fmgsync.scheduling import waves
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rollout import (
    Candidate,
    Decision,
    Hold,
    HoldKind,
    Readiness,
    RolloutPolicy,
    Wait,
)

FIRST_LOOK = timedelta(seconds=15)
"""A fleet that was not looked at as a whole yet is asked for again after this time."""


@dataclass(frozen=True, slots=True)
class Others:
    """The targets of a fleet besides that of a `unit`: what their passes have found of their
    devices. `unseen` of them were not looked at yet."""

    unit: str
    found: Mapping[TargetRef, tuple[Candidate, ...]] = field(default_factory=dict)
    unseen: int = 0

    def bystanders(self, policy: RolloutPolicy) -> tuple[Candidate, ...]:
        """They as an urgent removal counts them: they take part, and take no turn."""
        return tuple(
            replace(each, readiness=Readiness.BLOCKED)
            for ref, theirs in self.found.items()
            for each in theirs
            if ref.unit != self.unit and each.device not in policy.canary
        )


def decide(
    policy: RolloutPolicy,
    ledger: Ledger | None,
    own: Collection[Candidate],
    others: Others | None,
    now: datetime,
    *,
    lost: str = "",
) -> Decision:
    """Who of a target may start, and in `turn` whose turn it is in all. `others` None: the target
    is the whole fleet."""
    if others is None:
        return waves.decide(policy, ledger, own, now, lost=lost)
    if others.unseen:
        return _unseen(own, others.unseen, now)
    everybody = _everybody(own, others)
    found = waves.decide(policy, ledger, everybody, now, lost=lost)
    mine = {each.device for each in own}
    return replace(
        found,
        start=tuple(device for device in found.start if device in mine),
        waits=tuple(wait for wait in found.waits if wait.device in {*mine, others.unit}),
        others_at=_next_turn(found, everybody, mine),
        turn=found.start,
    )


def may_start(each: Candidate) -> bool:
    """Whether nothing but waves and budget is in its way."""
    return each.readiness is Readiness.READY and each.opening is not None


def _everybody(own: Iterable[Candidate], others: Others) -> list[Candidate]:
    """One for each device: of one with several VDOMs the one that may start, if any."""
    found: dict[str, Candidate] = {}
    for each in (*(c for theirs in others.found.values() for c in theirs), *own):
        if each.device not in found or not may_start(found[each.device]):
            found[each.device] = each
    return list(found.values())


def _next_turn(
    found: Decision, everybody: Iterable[Candidate], mine: Collection[str]
) -> datetime | None:
    """When a pause ends for somebody else whose window is open until then: who knows of it has to
    come back, since the others rest."""
    closes_at = {each.device: each.opening.closes_at for each in everybody if each.opening}
    times = [
        wait.until
        for wait in found.waits
        if wait.until is not None and wait.device in closes_at and wait.device not in mine
        if (closes := closes_at[wait.device]) is None or wait.until < closes
    ]
    return min(times, default=None)


def _unseen(own: Iterable[Candidate], unseen: int, now: datetime) -> Decision:
    """Shares are of a number, and a canary may be among those that nobody has looked at."""
    reason = f"{unseen} of its fleet's FortiGates were not looked at yet"
    hold = Hold(HoldKind.UNSEEN, reason, until=now + FIRST_LOOK)
    return Decision(None, (), tuple(Wait(each.device, reason) for each in own), hold)
