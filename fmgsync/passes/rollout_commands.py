"""What people decide about a rollout: go on, or stop."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fmgsync.model.target import TargetRef
from fmgsync.passes.world import World
from fmgsync.scheduling import ledger as ledgers
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rollout_record import RolloutRecord

_STILL_WRITTEN = "the ADOM is still written ('fmgsync stop' ends that, too)"


@dataclass(frozen=True, slots=True)
class Steered:
    """What became of one ADOM's rollout, in words."""

    ref: TargetRef
    changed: bool
    what: str


def resume(world: World, ref: TargetRef) -> Steered:
    """Failed devices may be tried again, a stop is lifted, a lost ledger starts over."""
    before = world.installing.rollouts.read(ref)
    if before is None:
        what = "starts over at its canary: what was done before is not known"
    elif before.ledger.halted is None and not before.ledger.failed:
        return Steered(ref, changed=False, what="was not stopped; nothing to resume")
    else:
        names = ", ".join(attempt.device for attempt in before.ledger.failed)
        what = f"goes on; to be tried again: {names or 'no device'}"
    if (stop := world.installing.stops.covering(ref)) is not None:
        what += f"; but {stop} ('fmgsync start')"

    def change(record: RolloutRecord | None) -> RolloutRecord:
        # The rules' digest is not known here: an empty one makes the next run start at the canary.
        found = record or RolloutRecord(Ledger(""))
        fresh = ledgers.resumed(found.ledger)
        return replace(found, ledger=fresh, blocked={}, decided_at=world.instant)

    world.installing.rollouts.update(ref, change)
    _record(world, ref, "resumed", what)
    return Steered(ref, changed=True, what=what)


def abort(world: World, ref: TargetRef) -> Steered:
    """Nothing more is started until somebody resumes it."""
    reason = world.installing.reason
    why = f"aborted by {reason.who}" + (f": {reason.reason}" if reason.reason else "")

    def change(record: RolloutRecord | None) -> RolloutRecord:
        found = record or RolloutRecord(Ledger(""))
        stopped = ledgers.halted(found.ledger, why)
        return replace(found, ledger=stopped, decided_at=world.instant)

    world.installing.rollouts.update(ref, change)
    _record(world, ref, "aborted", why)
    if ref.is_direct:
        return Steered(ref, changed=True, what=f"writes are {why}")
    still = "" if world.installing.stops.covering(ref) else f"; {_STILL_WRITTEN}"
    return Steered(ref, changed=True, what=f"installs are {why}{still}")


def _record(world: World, ref: TargetRef, event: str, what: str) -> None:
    fleet = next((work.fleet.fleet for work in world.adoms if work.ref == ref), None)
    joined = fleet.name if fleet is not None and not fleet.is_alone else None
    world.installing.audit.record(event, **ref.named, fleet=joined, what=what)
