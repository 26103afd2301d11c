"""One pass over one target: recall, look, perform at most one step, assess, remember.

`plan`, `status`, `apply` and `run` all make their passes here, with other orders.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from fmgsync import errors
from fmgsync.assessing.observation import Look
from fmgsync.model.adom import Workspace
from fmgsync.model.change import AdomPlan, Finding
from fmgsync.passes import guard_memory, installs, reconcile, rollout_pass, wrong_clock
from fmgsync.passes.reconcile import AdomWork, Intent
from fmgsync.passes.result import Pass
from fmgsync.passes.world import Inventory, World
from fmgsync.planning import summary
from fmgsync.scheduling import machine
from fmgsync.scheduling.rollout_record import RolloutRecord


@dataclass(frozen=True, slots=True)
class Orders:
    """What a pass is to do besides looking: survey the devices, ask the FortiGates themselves,
    write, install what is behind.

    `saved` is what was looked at for a saved plan: nothing more than that is written, and the first
    pass looks at nothing else.
    """

    surveys: bool = True
    asks: bool = False
    writes: bool = False
    installs: bool = False
    saved: Look | None = None
    is_first: bool = True


LOOK = Orders(surveys=False)
PLAN = Orders()
STATUS = Orders(asks=True)


def acting(*, install: bool) -> Orders:
    """What `apply` and the controller order."""
    return Orders(writes=True, installs=install)


def make_pass(
    world: World, work: AdomWork, inventory: Inventory, orders: Orders, before: Pass
) -> Pass:
    """One pass, in a session that is open; `before` is what earlier passes of this run came to.

    What went wrong at the target is in it, beside what was done until then.
    """
    record, ahead = recall(world, work, orders)
    made = replace(before, ahead=tuple(dict.fromkeys((*before.ahead, *ahead))))
    try:
        made = look(work, world.intent, inventory, orders, made)
        made, is_due = due(world, work, orders, made, record)
        if is_due:
            made = write(world, work, made)
        if orders.installs and world.intent.writes:
            made, record = rollout_pass.advance_installs(world, work, inventory, made)
        elif orders.surveys:
            made = replace(made, survey=installs.survey(work, made.looked, ask_devices=orders.asks))
        if made.error is None:
            made = rollout_pass.judge(world, work, inventory, made, record, acts=orders.writes)
    except errors.TargetError as error:
        made = replace(made, error=error)
    finally:
        remember(world, made)
    return _told(made)


def recall(
    world: World, work: AdomWork, orders: Orders
) -> tuple[RolloutRecord | None, tuple[Finding, ...]]:
    """What is remembered of the target's rollout, and what a clock that was wrong has left. What
    cannot be understood stops a pass that acts before anything is written."""
    installing, acts = world.installing, orders.writes
    record = installing.recall(work.ref) if acts else installing.rollouts.read(work.ref)
    return record, wrong_clock.findings(work.guard, record, installing.stale)


def look(work: AdomWork, intent: Intent, inventory: Inventory, orders: Orders, made: Pass) -> Pass:
    """The only reads of the target before anything is decided."""
    if orders.saved is not None and orders.is_first:
        return replace(made, seen=orders.saved)
    seen = reconcile.look(work, intent, inventory.members, inventory.who, uses=orders.asks)
    if orders.saved is not None:
        seen = _as_saved(orders.saved, replace(seen, written=made.vouched))
    delivery, locks = work.delivery, made.locks
    if orders.asks and delivery and seen.topology.workspace is not Workspace.DISABLED:
        own = [key for key, group in seen.observed.groups.items() if group.owned]
        locks = delivery.read_locks(own)
    return replace(made, seen=seen, locks=locks)


def _as_saved(saved: Look, now: Look) -> Look:
    """A later look in the run of a saved plan. Raises StaleMeanwhile if that was not written yet
    and is not any more what there is to do."""
    if now.written is None and summary.digest([now.plan]) != summary.digest([saved.plan]):
        raise errors.StaleMeanwhile(
            "somebody changed the ADOM before the saved plan could be written",
            **now.plan.ref.named,
            next_step="nothing was written there; save a new plan and read it",
        )
    return now


def due(
    world: World, work: AdomWork, orders: Orders, made: Pass, record: RolloutRecord | None
) -> tuple[Pass, bool]:
    """Whether something is to be written at once; not what is left to the lock of the install that
    follows. A saved plan is written once."""
    if not orders.writes:
        return made, False
    if orders.saved is not None and not orders.is_first and made.vouched is not None:
        return replace(made, along=False), False
    made = replace(made, along=False, stop=world.installing.stops.covering(work.ref))
    if made.stop is not None:
        world.tell(f"nothing is written or installed: {made.stop}")
    ahead = work.writes_ahead(world.intent) and machine.may_write(record)
    if made.stop is not None or not ahead:
        return made, False
    plan = made.looked.plan
    if made.planned is None or plan.changes:
        made = replace(made, planned=plan)
    installs = orders.installs and world.intent.writes
    along = installs and rollout_pass.may_write_along(world, work, made.looked, record)
    return replace(made, along=along), not along


def write(world: World, work: AdomWork, made: Pass) -> Pass:
    """Write what is due, under a lock of its own."""
    before = made.looked
    if before.plan.changes and world.intent.writes and before.submission is None:
        world.tell(f"writing {len(before.plan.changes)} changes to {work.ref.short}")
    seen, report = reconcile.write(work, world.intent, before)
    return made.wrote(report, seen=seen)


def remember(world: World, made: Pass) -> None:
    """Whatever is shown as held can be approved from now on; the audit's end is kept."""
    if made.seen is not None:
        note_held(world, made.seen.plan)
    world.installing.audit.keep_head()


def _told(made: Pass) -> Pass:
    """What a clock that was wrong has left is told with the plan."""
    if made.seen is None:
        return made
    plan = made.seen.plan
    told = replace(plan, findings=tuple(dict.fromkeys((*plan.findings, *made.ahead))))
    return replace(made, seen=replace(made.seen, plan=told))


def note_held(world: World, plan: AdomPlan) -> None:
    """What a target's plan shows as held can be approved by its digest."""
    note_shown(world, summary.digest([plan]), [plan])


def note_shown(world: World, digest: str, plans: Sequence[AdomPlan]) -> None:
    """What these plans show as held can be approved by their digest together."""
    now = world.clock.now()
    guard_memory.note_shown(world.memory, digest, plans, now=now, tell=world.tell)


@contextmanager
def session(world: World, work: AdomWork) -> Iterator[None]:
    """What is remembered was made with a unit, and counts for no other: it is asked who it is.

    Whoever cannot be looked at holds nobody of its fleet up.
    """
    world.tell(f"reading {work.ref.title}")
    try:
        with world.installing.audit.to_its_end(), work.session():
            units, remember = world.installing.units, world.installing.audit.is_kept
            told = units.bind(work.ref.unit, work.target.read_serial(), remember=remember)
            if told is not None:
                world.tell(told)
            yield
    except errors.TargetError as error:
        work.fleet.absent(work.ref, error.message)
        raise
