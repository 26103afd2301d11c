"""In which wave a rollout is, and who belongs to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fmgsync.scheduling import budget
from fmgsync.scheduling import ledger as ledgers
from fmgsync.scheduling.budget import Percent, Room
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rollout import (
    Candidate,
    NamedWave,
    Readiness,
    RolloutPolicy,
    WaveSize,
)


@dataclass(frozen=True, slots=True)
class Field:
    """The situation, sorted out: who takes part and who is where.

    `fresh` are pending and not yet proven under this digest, `churn` pending and proven; neither
    is at risk. `reached` counts members that were started or proven.
    """

    policy: RolloutPolicy
    ledger: Ledger
    now: datetime
    fresh: Mapping[str, Candidate]
    churn: Mapping[str, Candidate]
    reached: int
    total: Room

    @property
    def members(self) -> int:
        """How many devices take part in the rollout."""
        return self.reached + len(self.fresh)

    @property
    def unproven_canaries_at_risk(self) -> frozenset[str]:
        """Canaries that are under way or failed, in this digest or left over from another."""
        ledger = self.ledger
        return frozenset(self.policy.canary) & ledger.at_risk - ledger.proven


@dataclass(frozen=True, slots=True)
class Stage:
    """The wave the rollout is in: how many more it takes (`slots`), of whom, and from when."""

    wave: int | None
    eligible: tuple[Candidate, ...] = ()
    slots: int = 0
    begun: bool = False
    not_before: datetime | None = None


def survey(
    policy: RolloutPolicy, ledger: Ledger, candidates: Iterable[Candidate], now: datetime
) -> Field:
    """Sort out who takes part."""
    ledger = ledgers.in_full(ledger)
    at_risk, proven = ledger.at_risk, ledger.proven
    pending = {
        candidate.device: candidate
        for candidate in sorted(candidates, key=lambda each: each.device)
        if candidate.readiness is not Readiness.UP_TO_DATE and candidate.device not in at_risk
    }
    fresh = {name: each for name, each in pending.items() if name not in proven}
    churn = {name: each for name, each in pending.items() if name in proven}
    reached = len(proven | {a.device for a in ledger.attempts if a.wave is not None})
    total = budget.room(policy.max_failures, ledger, reached + len(fresh))
    return Field(policy, ledger, now, fresh, churn, reached, total)


def stage_of(field: Field) -> Stage:
    """The wave the rollout is in: the canary's until all of it is verified, then the first one
    that is not complete."""
    named = dict.fromkeys(field.policy.canary)
    canaries = [field.fresh[name] for name in named if name in field.fresh]
    if canaries or field.unproven_canaries_at_risk:
        return Stage(0, tuple(canaries), len(canaries), begun=True)
    if not field.fresh and not any(a.wave is not None for a in field.ledger.running):
        return Stage(None)
    wave = max(1, _latest_wave(field))
    while wave <= len(field.policy.waves) and _is_complete(field, wave):
        wave += 1
    if wave > len(field.policy.waves):
        return Stage(None)
    return _wave_stage(field, wave)


def _wave_stage(field: Field, wave: int) -> Stage:
    asked = field.policy.waves[wave - 1]
    begun = _latest_wave(field) == wave
    not_before = None if begun else _after_pause(field)
    if isinstance(asked, NamedWave):
        eligible = tuple(each for name, each in field.fresh.items() if name in asked.devices)
        slots = len(eligible)
    else:
        eligible = tuple(field.fresh.values())
        slots = _reach(field, wave) - field.reached
    return Stage(wave, eligible, slots, begun, not_before)


def _is_complete(field: Field, wave: int) -> bool:
    """Whether the next wave may follow: nothing of this one is open, nothing more belongs to it.

    In a named wave, devices that are not ready do not keep the others waiting; those whose window
    is closed do, since their turn will come.
    """
    if any(attempt.wave == wave for attempt in field.ledger.running):
        return False
    asked = field.policy.waves[wave - 1]
    if isinstance(asked, NamedWave):
        waiting = (each for name, each in field.fresh.items() if name in asked.devices)
        return all(each.readiness is not Readiness.READY for each in waiting)
    return field.reached >= _reach(field, wave)


def _reach(field: Field, wave: int) -> int:
    """How many members are started once `wave` is full; a later wave never takes back."""
    sizes = [_count(size, field.members) for size in field.policy.waves[:wave]]
    return min(field.members, max(sizes))


def _count(size: WaveSize, members: int) -> int:
    if isinstance(size, Percent):
        return size.up(members)
    return 0 if isinstance(size, NamedWave) else size


def _latest_wave(field: Field) -> int:
    """The last wave from which a device was started; a rollout never goes back behind it.

    The configuration may have fewer waves by now.
    """
    waves = [proof.wave for proof in field.ledger.proofs]
    waves += [attempt.wave for attempt in field.ledger.attempts if attempt.wave is not None]
    return min(max(waves, default=0), len(field.policy.waves))


def _after_pause(field: Field) -> datetime | None:
    """When the pause after the last device's end is over; None if nothing came before."""
    ends = [proof.verified_at for proof in field.ledger.proofs]
    ends += [a.failed_at for a in field.ledger.failed if a.failed_at is not None]
    return max(ends) + field.policy.pause if ends else None
