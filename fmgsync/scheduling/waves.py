"""Canary first, then waves: which pending devices may start now, and why the others wait.

`decide` is asked anew on every pass and keeps nothing itself: what was done is in the ledger. Its
answer never puts more devices at risk than the budget allows, never starts a device outside its
window, and starts no wave before the canary, and every device of the waves before, is verified or
counted as failed.

A device that was verified under the rollout's digest and is pending again has new members only.
It needs no wave, but keeps to windows and budget like any other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from fmgsync.model.words import some
from fmgsync.scheduling import stages
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rollout import (
    Candidate,
    Decision,
    Hold,
    HoldKind,
    Overrun,
    Readiness,
    RolloutPolicy,
    Wait,
)
from fmgsync.scheduling.stages import Field, Stage
from fmgsync.scheduling.timetable import Judgement
from fmgsync.scheduling.window import written

_RESUME = "look at the failed devices, then `fmgsync rollout resume` or `fmgsync rollout abort`"


def decide(
    policy: RolloutPolicy,
    ledger: Ledger | None,
    candidates: Iterable[Candidate],
    now: datetime,
    *,
    lost: str = "",
) -> Decision:
    """What may start at `now`. `ledger` None means that what was done is not known any more;
    `lost` says why it cannot be found out."""
    if policy.stopped:
        hold = Hold(HoldKind.STOPPED, policy.stopped, "`fmgsync start` goes on")
        return _nothing(candidates, hold)
    if ledger is None:
        return _lost(candidates, lost)
    field = stages.survey(policy, ledger, candidates, now)
    stage = stages.stage_of(field)
    if (found := _hold(field, stage)) is not None:
        return Decision(stage.wave, (), _all_wait(field, found.reason), found)
    return _start(field, stage)


def may_call(policy: RolloutPolicy, judgement: Judgement, *, begun: bool) -> bool:
    """Whether the next install call for devices that `decide` has let start may still be made.

    The calls of one decision (one per package) follow one another; the window may close before the
    first one, or between them. What has `begun` is made all the same with `finish`, not with
    `stop`; a deny window stops either, and the first call needs an open window.
    """
    if judgement.is_open:
        return True
    return begun and policy.overrun is Overrun.FINISH and not judgement.denying


# -- whether anything -----------------------------------------------------------------------------


def _hold(field: Field, stage: Stage) -> Hold | None:
    ledger = field.ledger
    if ledger.halted is not None:
        return Hold(HoldKind.HALTED, ledger.halted, "`fmgsync rollout resume` goes on")
    if field.policy.misnamed:
        return Hold(HoldKind.MISNAMED, field.policy.misnamed, "correct the name")
    canaries = field.unproven_canaries_at_risk
    canary = next((attempt for attempt in ledger.failed if attempt.device in canaries), None)
    if canary is not None:
        reason = f"canary {canary.device} failed{_more(canary.detail)}"
        return Hold(HoldKind.CANARY_FAILED, reason, _RESUME)
    if (spent := field.total.spent) is not None:
        names = ", ".join(attempt.device for attempt in ledger.failed)
        return Hold(HoldKind.BUDGET_SPENT, f"{spent} ({names})", _RESUME)
    if stage.wave == 0:
        return _canary_hold(field, stage)
    if stage.wave is None and not field.churn:
        return _hold_at_the_end(field)
    return None


def _hold_at_the_end(field: Field) -> Hold | None:
    """What is left when no wave is: devices that no wave reaches, or that failed in one."""
    if field.fresh:
        reason = f"the last wave is complete; {len(field.fresh)} pending devices are in none"
        return Hold(HoldKind.NO_WAVE_LEFT, reason, "let the last of install.rollout.waves be 100%")
    if field.ledger.failed and not field.ledger.running:
        names = ", ".join(attempt.device for attempt in field.ledger.failed)
        return Hold(HoldKind.FAILURES_LEFT, f"all others are done; failed: {names}", _RESUME)
    return None


def _canary_hold(field: Field, stage: Stage) -> Hold | None:
    """A canary that cannot start keeps everything waiting, unless another one has a turn."""
    reasons = [(each, _why_not(each, field.now)) for each in stage.eligible]
    stuck = [f"canary {each.device} is {why[0]}" for each, why in reasons if why is not None]
    if not stuck or len(stuck) < len(reasons) or field.ledger.running:
        return None
    opens = [why[1] for _, why in reasons if why is not None and why[1] is not None]
    return Hold(HoldKind.CANARY_UNAVAILABLE, "; ".join(stuck), until=max(opens) if opens else None)


# -- who ------------------------------------------------------------------------------------------


def _start(field: Field, stage: Stage) -> Decision:
    """Fill the room the budget leaves: devices of the wave first, then those with new members."""
    room, no_room = field.total.devices, _no_room(field)
    slow = field.ledger.pace.slow
    needs = _needs(field, stage, room)
    waits = {name: Wait(name, _turn(stage)) for name in field.fresh} | _failed(field)
    in_wave, could = _pick(
        stage.eligible,
        lambda each: _device_wait(each, field.now, slow) or _wave_wait(field, stage, each, needs),
        min(room, stage.slots),
        f"wave {stage.wave} is full" if stage.slots <= room else no_room,
        waits,
    )
    with_new_members, might = _pick(
        field.churn.values(),
        lambda each: _device_wait(each, field.now, slow),
        room - len(in_wave),
        no_room,
        waits,
    )
    for name in in_wave:
        del waits[name]
    ordered = tuple(waits[name] for name in sorted(waits))
    start, ready = (*in_wave, *with_new_members), (*could[: stage.slots], *might)
    return Decision(stage.wave, start, ordered, needs=needs, ready=ready)


def _pick(
    candidates: Iterable[Candidate],
    wait_of: Callable[[Candidate], Wait | None],
    limit: int,
    crowded: str,
    waits: dict[str, Wait],
) -> tuple[list[str], list[str]]:
    """The first `limit` that need not wait for themselves, and all of these; why the others wait
    goes to `waits`."""
    picked: list[str] = []
    could: list[str] = []
    for each in candidates:
        wait = wait_of(each)
        if wait is None:
            could.append(each.device)
        if wait is None and len(picked) < limit:
            picked.append(each.device)
        else:
            waits[each.device] = wait or Wait(each.device, crowded)
    return picked, could


def _needs(field: Field, stage: Stage, room: int) -> timedelta | None:
    """What the rest of the wave will take, in rounds as large as the budget allows."""
    ready = sum(_why_not(each, field.now) is None for each in stage.eligible)
    devices = min(stage.slots, ready)
    if devices <= 0:
        return None
    return field.ledger.pace.rounds(math.ceil(devices / max(1, room)))


def _wave_wait(field: Field, stage: Stage, each: Candidate, needs: timedelta | None) -> Wait | None:
    """Why it cannot start in this wave, which by itself it could."""
    if stage.not_before is not None and field.now < stage.not_before:
        return Wait(each.device, f"pause before wave {stage.wave}", stage.not_before)
    if needs is not None and not stage.begun and _would_fit_later(each, needs, field.now):
        reason = f"wave {stage.wave} needs about {written(needs)}, more than the window has left"
        return Wait(each.device, reason, each.opens_at)
    return None


def _device_wait(each: Candidate, now: datetime, needs: timedelta) -> Wait | None:
    """Why this device itself cannot start now, if an install `needs` so long."""
    why = _why_not(each, now)
    if why is not None:
        return Wait(each.device, *why)
    left = _left(each, now)
    if left is not None and left < needs:
        reason = f"an install needs about {written(needs)}, the window closes in {written(left)}"
        return Wait(each.device, reason, each.opens_at)
    return None


def _why_not(each: Candidate, now: datetime) -> tuple[str, datetime | None] | None:
    if each.readiness is not Readiness.READY:
        return f"{each.readiness}{_more(each.detail)}", None
    if not each.is_open(now):
        return each.detail or "closed", each.opens_at
    return None


def _left(each: Candidate, now: datetime) -> timedelta | None:
    closes = each.opening.closes_at if each.opening is not None else None
    return None if closes is None else closes - now


def _would_fit_later(each: Candidate, needs: timedelta, now: datetime) -> bool:
    """Whether a wave has too little time now, but a whole window like this one would do.

    A wave that is longer than any window starts nevertheless, and goes on in the next one.
    """
    left = _left(each, now)
    if left is None or left >= needs or each.opening is None:
        return False
    return left + (now - each.opening.opens_at) >= needs


# -- words ----------------------------------------------------------------------------------------


def _no_room(field: Field) -> str:
    return f"as many devices are at risk as may fail{_more(some(sorted(field.ledger.at_risk)))}"


def _turn(stage: Stage) -> str:
    if stage.wave == 0:
        return "the canary is not verified yet"
    if stage.wave is None:
        return "the last wave is complete"
    return f"its wave comes after wave {stage.wave}"


def _more(detail: str) -> str:
    return f": {detail}" if detail else ""


def _all_wait(field: Field, reason: str) -> tuple[Wait, ...]:
    waits = {name: Wait(name, reason) for name in (*field.fresh, *field.churn)} | _failed(field)
    return tuple(waits[name] for name in sorted(waits))


def _failed(field: Field) -> dict[str, Wait]:
    return {
        attempt.device: Wait(attempt.device, f"failed{_more(attempt.detail)}")
        for attempt in field.ledger.failed
    }


def _nothing(candidates: Iterable[Candidate], hold: Hold) -> Decision:
    pending = sorted(c.device for c in candidates if c.readiness is not Readiness.UP_TO_DATE)
    return Decision(None, (), tuple(Wait(name, hold.reason) for name in pending), hold)


def _lost(candidates: Iterable[Candidate], why: str) -> Decision:
    hold = Hold(
        HoldKind.LEDGER_LOST,
        "what this rollout has done is not known any more; its failure budget counts as spent"
        + (f": {why}" if why else ""),
        "check with `fmgsync verify`, then `fmgsync rollout resume`",
    )
    return _nothing(candidates, hold)
