"""Times in what is remembered of an ADOM that lie ahead: none is waited for, and each is named.

What becomes of one is up to its kind (`model.instants`); here they are only told, before the pass
puts right what it may.
"""

from __future__ import annotations

from collections.abc import Iterator

from fmgsync.model import instants
from fmgsync.model.change import Finding
from fmgsync.model.target import TargetRef
from fmgsync.passes.guard_memory import AdomGuard
from fmgsync.passes.result import Pass
from fmgsync.planning.guard import lying_ahead
from fmgsync.scheduling.rollout_record import RolloutRecord
from fmgsync.state.stale import StaleSince

CLOCK = "clock"
"""The kind of these findings."""


def findings(
    guard: AdomGuard, record: RolloutRecord | None, stale: StaleSince
) -> tuple[Finding, ...]:
    """One for each time that lies ahead. Raises StateError for what cannot be read."""
    ref, now = guard.ref, guard.clock.now()
    told = [
        *(record.odd if record is not None else ()),
        *_stale(stale, ref, now),
        *_approvals(guard, now),
        *_account(guard, now),
    ]
    return tuple(Finding(CLOCK, str(ref), sentence) for sentence in told)


def told(result: Pass | None) -> frozenset[str]:
    """The sentences that a pass came with."""
    found = result.seen.plan.findings if result is not None and result.seen is not None else ()
    return frozenset(one.message for one in found if one.kind == CLOCK)


def _stale(stale: StaleSince, ref: TargetRef, now: float) -> Iterator[str]:
    known = (stale.read(ref) or {}).values()
    ahead = [at for at in known if at is not None and instants.lies_ahead(at, now)]
    if ahead:
        what = f"since when {len(ahead)} addresses are stale"
        yield f"{instants.told(what, max(ahead))}: they are overdue"


def _approvals(guard: AdomGuard, now: float) -> Iterator[str]:
    for one in guard.memory.approved():
        if instants.lies_ahead(one.at, now) and one.message.startswith(f"{guard.ref}: "):
            what = f"the approval of {one.digest} by {one.who}"
            yield f"{instants.told(what, one.at)}: approve it again"


def _account(guard: AdomGuard, now: float) -> Iterator[str]:
    history = guard.memory.history(guard.owner, guard.ref)
    if ahead := lying_ahead(history, now):
        what = "what the guard adds up"
        yield f"{instants.told(what, max(ahead))}: for one guard period only small changes pass"
