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
from fmgsync.model.change import AdomPlan
from fmgsync.passes import guard_memory, installs, reconcile, rollout_pass, wrong_clock
from fmgsync.passes.reconcile import AdomWork
from fmgsync.passes.result import AdomResult
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
    world: World, work: AdomWork, inventory: Inventory, orders: Orders, result: AdomResult
) -> None:
    """One pass, in a session that is open; `result` has what earlier passes of this run did."""
    record = recall(world, work, orders, result)
    try:
        look(world, work, inventory, orders, result)
        result.along = orders.writes and write(world, work, orders, result, record)
        if orders.installs and world.intent.writes:
            record = rollout_pass.advance_installs(world, work, inventory, result)
        elif orders.surveys:
            result.survey = installs.survey(work, _seen(result), ask_devices=orders.asks)
        rollout_pass.judge(world, work, inventory, result, record, acts=orders.writes)
    finally:
        remember(world, result)


def recall(
    world: World, work: AdomWork, orders: Orders, result: AdomResult
) -> RolloutRecord | None:
    """What is remembered of the target's rollout. What cannot be understood stops a pass that acts
    before anything is written; what a clock that was wrong has left is told."""
    installing = world.installing
    acts = orders.writes
    record = installing.recall(work.ref) if acts else installing.rollouts.read(work.ref)
    ahead = wrong_clock.findings(work.guard, record, installing.stale)
    result.ahead = tuple(dict.fromkeys((*result.ahead, *ahead)))
    return record


def look(
    world: World, work: AdomWork, inventory: Inventory, orders: Orders, result: AdomResult
) -> None:
    """The only reads of the target before anything is decided."""
    if orders.saved is not None and orders.is_first:
        result.seen = orders.saved
        return
    members, who = inventory.members, inventory.who
    seen = reconcile.look(work, world.intent, members, who, uses=orders.asks)
    if orders.saved is not None:
        seen = _as_saved(orders.saved, replace(seen, written=result.vouched))
    result.seen, delivery = seen, work.delivery
    if orders.asks and delivery and seen.topology.workspace is not Workspace.DISABLED:
        own = [key for key, group in seen.observed.groups.items() if group.owned]
        result.locks = delivery.read_locks(own)


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


def write(
    world: World, work: AdomWork, orders: Orders, result: AdomResult, record: RolloutRecord | None
) -> bool:
    """Write what is due; True where that is left to the lock of the install that follows.

    A saved plan is written once.
    """
    if orders.saved is not None and not orders.is_first and result.vouched is not None:
        return False
    result.stop = world.installing.stops.covering(work.ref)
    if result.stop is not None:
        world.tell(f"nothing is written or installed: {result.stop}")
    if result.stop is not None or not work.writes_ahead(world.intent):
        return False
    if not machine.may_write(record):
        return False
    plan = _seen(result).plan
    if result.planned is None or plan.changes:
        result.planned = plan
    installs = orders.installs and world.intent.writes
    if installs and rollout_pass.may_write_along(world, work, result, record):
        return True
    _write_alone(world, work, result)
    return False


def _write_alone(world: World, work: AdomWork, result: AdomResult) -> None:
    before = _seen(result)
    if before.plan.changes and world.intent.writes and before.submission is None:
        world.tell(f"writing {len(before.plan.changes)} changes to {work.ref.short}")
    result.seen, report = reconcile.write(work, world.intent, before)
    result.report = result.report.then(report) if result.report else report


def remember(world: World, result: AdomResult) -> None:
    """Whatever is shown as held can be approved from now on; the audit's end is kept."""
    if result.seen is not None:
        plan = result.seen.plan
        note_held(world, plan)
        told = replace(plan, findings=tuple(dict.fromkeys((*plan.findings, *result.ahead))))
        result.seen = replace(result.seen, plan=told)
    world.installing.audit.keep_head()


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
        with work.session():
            units, remember = world.installing.units, world.installing.audit.is_kept
            told = units.bind(work.ref.unit, work.target.read_serial(), remember=remember)
            if told is not None:
                world.tell(told)
            yield
    except errors.TargetError as error:
        work.fleet.absent(work.ref, error.message)
        raise


def _seen(result: AdomResult) -> Look:
    assert result.seen is not None  # noqa: S101 - a pass has looked before anything else
    return result.seen
