"""What a rollout remembers between passes, and the few things that can happen to it.

One ledger per ADOM. It is written before an install starts, so a process that dies afterwards
still counts the device as at risk. Nothing here is ever forgotten in favour of going on: a failed
device stays at risk until a person resumes the rollout.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fmgsync.scheduling.forecast import REMEMBERED, Forecast


@dataclass(frozen=True, slots=True)
class Attempt:
    """A device at risk: an install was started there, and it is not verified.

    `wave` is 0 for a canary, 1.. for the waves. It is None for a device that needs none, because it
    was proven before and only its members changed, and for one left over from an earlier digest.
    `failed_at` is None while the outcome is open. `urgent`: it adds nothing, so that it proves no
    wave.
    """

    device: str
    wave: int | None
    started_at: datetime
    failed_at: datetime | None = None
    detail: str = ""
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """A device that was verified under the rollout's digest, and in which wave; `urgent`: without
    what was to be added there."""

    device: str
    wave: int
    verified_at: datetime
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Ledger:
    """The state of one ADOM's rollout of one digest of the rules. Devices are physical ones.

    `halted` says why a person, or a check before a wave, stopped it; None while it may go on.
    `past_s` are the seconds that the latest installs needed.
    """

    digest: str
    proofs: tuple[Proof, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    halted: str | None = None
    past_s: tuple[float, ...] = ()

    @property
    def pace(self) -> Forecast:
        """How long installs take, by those that were."""
        return Forecast(tuple(timedelta(seconds=each) for each in self.past_s))

    @property
    def proven(self) -> frozenset[str]:
        """Devices that were verified under this digest, with all that it brings them."""
        return frozenset(proof.device for proof in self.proofs if not proof.urgent)

    @property
    def at_risk(self) -> frozenset[str]:
        """Devices that were started and are not verified, failed ones among them."""
        return frozenset(attempt.device for attempt in self.attempts)

    @property
    def failed(self) -> tuple[Attempt, ...]:
        """Attempts that ended badly."""
        return tuple(attempt for attempt in self.attempts if attempt.failed_at is not None)

    @property
    def running(self) -> tuple[Attempt, ...]:
        """Attempts whose outcome is open."""
        return tuple(attempt for attempt in self.attempts if attempt.failed_at is None)


def in_full(ledger: Ledger) -> Ledger:
    """What counts for waves: what is at risk because of the urgent lane is in none, and nothing was
    proven there."""
    attempts = (replace(one, wave=None) if one.urgent else one for one in ledger.attempts)
    proofs = tuple(proof for proof in ledger.proofs if not proof.urgent)
    return replace(ledger, proofs=proofs, attempts=tuple(attempts))


def in_the_urgent_lane(ledger: Ledger) -> Ledger:
    """What counts there: whoever was proven to lose what it should has had its turn."""
    attempts = tuple(replace(attempt, urgent=False) for attempt in ledger.attempts)
    proofs = tuple(replace(proof, urgent=False) for proof in ledger.proofs)
    return replace(ledger, proofs=proofs, attempts=attempts)


def started(
    ledger: Ledger,
    devices: Iterable[str],
    wave: int | None,
    now: datetime,
    *,
    urgent: bool = False,
) -> Ledger:
    """An install is about to start on these devices, as decided.

    Raises ValueError for a device that is at risk already, or unproven and in no wave.
    """
    at_risk, proven = ledger.at_risk, ledger.proven
    added = []
    for device in sorted(set(devices)):
        if device in at_risk:
            raise ValueError(f"{device} is at risk already")
        if wave is None and device not in proven and not urgent:
            raise ValueError(f"{device} is in no wave")
        added.append(Attempt(device, None if device in proven else wave, now, urgent=urgent))
    return replace(ledger, attempts=(*ledger.attempts, *added))


def verified(ledger: Ledger, device: str, now: datetime, took_s: float | None = None) -> Ledger:
    """The device was asked and holds the right members; also if it had been given up before.

    `took_s` is what its install needed, where one process saw it from its start to the proof: what
    two of them make of it is mostly the time in which nobody looked.
    """
    attempt = _attempt(ledger, device)
    if attempt is None:
        return ledger
    watched = took_s is not None and attempt.failed_at is None
    past = (*ledger.past_s, took_s or 0.0) if watched else ledger.past_s
    proofs = ledger.proofs
    if attempt.wave is not None:
        others = (p for p in proofs if p.device != device)
        proofs = (*others, Proof(device, attempt.wave, now, attempt.urgent))
    return replace(
        ledger,
        attempts=tuple(other for other in ledger.attempts if other is not attempt),
        proofs=proofs,
        past_s=past[-REMEMBERED:],
    )


def failed(ledger: Ledger, device: str, now: datetime, detail: str) -> Ledger:
    """The install failed there, or the device answered with other members."""
    return replace(
        ledger,
        attempts=tuple(
            replace(attempt, failed_at=attempt.failed_at or now, detail=detail)
            if attempt.device == device
            else attempt
            for attempt in ledger.attempts
        ),
    )


def withdrawn(ledger: Ledger, device: str) -> Ledger:
    """The install never touched the device: cancelled before its push, or refused as a whole.

    A failure is not withdrawn by this.
    """
    return replace(
        ledger,
        attempts=tuple(
            attempt
            for attempt in ledger.attempts
            if attempt.device != device or attempt.failed_at is not None
        ),
    )


def halted(ledger: Ledger, reason: str) -> Ledger:
    """Stopped: nothing starts until it is resumed."""
    return replace(ledger, halted=reason)


def resumed(ledger: Ledger) -> Ledger:
    """A person answers for going on: failed devices may be tried again, the budget is new."""
    return replace(ledger, attempts=ledger.running, halted=None)


def for_digest(ledger: Ledger, digest: str) -> Ledger:
    """The ledger for the rules as they are now: a structural change starts over at the canary.

    What is at risk, and a stop, do not go away because the rules change.
    """
    if ledger.digest == digest:
        return ledger
    left_over = tuple(replace(attempt, wave=None) for attempt in ledger.attempts)
    return replace(ledger, digest=digest, proofs=(), attempts=left_over)


def _attempt(ledger: Ledger, device: str) -> Attempt | None:
    return next((attempt for attempt in ledger.attempts if attempt.device == device), None)
