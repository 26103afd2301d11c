"""A rollout played ahead: what would be installed where and when, if all goes as it did so far.

The same decisions as on the night itself, on a clock that runs ahead: each install takes as long
as the usual one did, and every device proves itself. What no clock can tell (a person, somebody
else's edits, a device that comes back) holds a device here, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from fmgsync.model.rollout import PendingInstall
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import DeviceView
from fmgsync.scheduling import admission, ledger, waves
from fmgsync.scheduling.admission import Situation
from fmgsync.scheduling.forecast import Forecast
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rollout import Decision, RolloutPolicy

_STEPS: Final = 10_000
"""A rollout of a thousand devices takes some two thousand."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What awaits one pending install: it starts `at`, in a `wave` (0 is the canary, None for new
    members only), and ends by `ends_by` if it is as slow as one in ten was; or why it is `held`."""

    target: DeviceVdom
    groups: tuple[str, ...]
    at: datetime | None = None
    wave: int | None = None
    ends_by: datetime | None = None
    held: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """What a rollout stands before: its policy, what was done, what is pending, the views. `lost`
    says why what was done is not known."""

    policy: RolloutPolicy
    ledger: Ledger | None
    pending: tuple[PendingInstall, ...]
    views: tuple[DeviceView, ...]
    situation: Situation
    lost: str = ""


def rehearse(stage: Stage, until: datetime) -> tuple[Foreseen, ...]:
    """One entry per pending install, in the order in which they start; what is held comes last."""
    left = {each.target: each for each in stage.pending}
    done: list[Foreseen] = []
    known, now = stage.ledger, stage.situation.now
    pace = known.pace if known is not None else Forecast()
    decision = Decision(None)
    for _ in range(_STEPS):
        if not left:
            break
        decision, started = _next(stage, known, left.values(), now)
        if started and known is not None:
            for each in started:
                ends = now + pace.slow
                done.append(Foreseen(each.target, each.groups, now, decision.wave, ends))
                del left[each.target]
            known = ledger.started(known, decision.start, decision.wave, now)
            now += pace.usual
            for device in decision.start:
                known = ledger.verified(known, device, now)
            continue
        later = _later(decision, now)
        if later is None or later >= until:
            break
        now = later
    return (*done, *_held(decision, left.values()))


def _next(
    stage: Stage, known: Ledger | None, left: Iterable[PendingInstall], now: datetime
) -> tuple[Decision, Sequence[PendingInstall]]:
    """What the rollout would do at that instant."""
    situation = replace(stage.situation, now=now)
    admitted = admission.admit(left, situation)
    found = admission.candidates(admitted, stage.policy.canary, stage.views, situation.topology)
    decision = waves.decide(stage.policy, known, found, now, lost=stage.lost)
    chosen = admission.starting(admitted, decision.start)
    return decision, [each.pending for each in chosen]


def _later(decision: Decision, now: datetime) -> datetime | None:
    """The next instant at which a clock changes something; None if there is none."""
    times = [wait.until for wait in decision.waits]
    if decision.held is not None:
        times = [decision.held.until]
    return min((at for at in times if at is not None and at > now), default=None)


def _held(decision: Decision, left: Iterable[PendingInstall]) -> Iterable[Foreseen]:
    reasons = {wait.device: wait.reason for wait in decision.waits}
    whole = decision.held.reason if decision.held is not None else None
    for each in left:
        why = whole or reasons.get(each.target.device) or "not before then"
        yield Foreseen(each.target, each.groups, held=why)
