"""The one-shot passes behind `plan`, `apply`, `status` and `verify`: every ADOM in turn.

An ADOM or cluster that fails is reported and does not stop the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from fmgsync import errors
from fmgsync.assessing.observation import Look
from fmgsync.grouping import desired, policies
from fmgsync.model.adom import Workspace
from fmgsync.model.change import AdomPlan, Finding
from fmgsync.model.endpoint import ClusterSnapshot
from fmgsync.passes import (
    guard_memory,
    installs,
    reconcile,
    rollout_pass,
    rollout_status,
    turns,
    wrong_clock,
)
from fmgsync.passes.reconcile import AdomWork
from fmgsync.passes.result import AdomResult, Result
from fmgsync.passes.turns import Taking, Turn
from fmgsync.passes.world import Inventory, Tell, World
from fmgsync.planning import summary
from fmgsync.scheduling import machine
from fmgsync.scheduling.rollout_record import RolloutRecord

_LOOK_S = 60.0


def begin(world: World, tell: Tell | None = None) -> tuple[World, Inventory]:
    """Read every cluster, and with it the rules that its policies ask for: they count for the
    whole run."""
    snapshots, problems = _read(world, tell)
    views = {name: policies.view(snapshots.get(name), name) for name in world.sources}
    rules = policies.derived(world.intent.rules, views)
    world = replace(world, intent=replace(world.intent, rules=rules))
    return world, _inventory(world, snapshots, problems)


def read_inventory(world: World, tell: Tell | None = None) -> Inventory:
    """Read every cluster anew, for the rules that are known."""
    return _inventory(world, *_read(world, tell))


def _read(
    world: World, tell: Tell | None
) -> tuple[dict[str, ClusterSnapshot], tuple[errors.FmgsyncError, ...]]:
    """A cluster that fails is absent, so nothing of its part is removed."""
    snapshots: dict[str, ClusterSnapshot] = {}
    problems: list[errors.FmgsyncError] = []
    for name, read in world.sources.items():
        (tell or world.tell)(f"reading cluster {name}")
        try:
            snapshots[name] = read()
        except errors.SourceError as error:
            problems.append(error)
    return snapshots, tuple(problems)


def _inventory(
    world: World,
    snapshots: Mapping[str, ClusterSnapshot],
    problems: tuple[errors.FmgsyncError, ...],
) -> Inventory:
    rules = world.intent.rules
    found = desired.memberships(rules.rules, snapshots, world.intent.allowed_ranges)
    told = {
        name: replace(each, problems=policies.that_matter(each.problems, found.needs(name)))
        for name, each in snapshots.items()
    }
    findings = (*found.findings, *rules.problems)
    return Inventory(told, found.members, findings, problems, found.in_use, rules, found.who)


def plan(world: World) -> Result:
    """Look at everything; write nothing and ask no FortiGate."""
    return _each_adom(*begin(world), _plan_adom)


def status(world: World) -> Result:
    """Look at everything, the FortiGates included; write nothing."""
    return _each_adom(*begin(world), _status_adom)


def apply(world: World, *, install: bool, digest: str | None = None) -> Result:
    """Write every ADOM, then install what is behind and ask the FortiGates.

    `digest` is that of a saved plan: StalePlan is
    raised, before anything is written, if it no longer is what there is to do.
    """
    for work in world.adoms:
        world.installing.recall(work.ref)
    world, inventory = begin(world)
    known = _still_the_same(world, inventory, digest) if digest is not None else None
    results = list(known or (AdomResult(work.ref) for work in world.adoms))
    made = {
        number: _turn(world, work, results[number], saved=results[number].seen, install=install)
        for number, work in enumerate(world.adoms)
        if known is None or results[number].seen is not None
    }
    taking = Taking(
        world.clock,
        # A saved plan was made from what ran then.
        (lambda: inventory) if known else partial(read_inventory, world, lambda text: None),
        world.installing.stopping,
        # Nobody tells a one-shot run that something has to go: it looks by itself in a pause.
        at_most_s=float("inf") if world.terms.removals.within is None else _LOOK_S,
    )
    turns.take(list(made.values()), inventory, taking)
    for number, turn in made.items():
        results[number].error = turn.error
    _regard_fleets(world, results)
    return _shown(world, Result(inventory, results))


def apply_one(
    world: World,
    work: AdomWork,
    inventory: Inventory,
    *,
    install: bool,
    before: AdomResult | None = None,
) -> AdomResult:
    """One pass over one ADOM: what the controller does whenever something changed, or a rollout
    goes on after the pass `before`."""

    def step(world: World, work: AdomWork, inventory: Inventory, result: AdomResult) -> None:
        record = world.installing.recall(work.ref)
        if before is not None and before.rollout is not None:
            result.rollout = before.rollout.follows(world.clock.now())
            result.survey = before.survey
        result.seen = reconcile.look(work, world.intent, inventory.members, inventory.who)
        _write_and_install(world, work, inventory, result, record, install=install)

    return _one_adom(world, work, inventory, step)


Step = Callable[[World, AdomWork, Inventory, AdomResult], None]


def _each_adom(world: World, inventory: Inventory, step: Step) -> Result:
    results = [_one_adom(world, work, inventory, step) for work in world.adoms]
    _regard_fleets(world, results)
    return _shown(world, Result(inventory, results))


def _regard_fleets(world: World, results: Iterable[AdomResult]) -> None:
    """Whose turn it is shows once all of a fleet were looked at."""
    for work, result in zip(world.adoms, results, strict=True):
        if result.standing is not None and not work.fleet.fleet.is_alone:
            record = world.installing.rollouts.read(work.ref)
            result.standing = rollout_status.standing(world, work, result, record)


def _shown(world: World, result: Result) -> Result:
    """Whatever is shown as held can be approved from now on. What is stopped is told even where
    nothing could be looked at."""
    result.stops = world.installing.stops.all()
    _note(world, result.digest, [adom.seen.plan for adom in result.adoms if adom.seen])
    return result


def _note(world: World, digest: str, plans: Sequence[AdomPlan]) -> None:
    now = world.clock.now()
    guard_memory.note_shown(world.memory, digest, plans, now=now, tell=world.tell)


def note_held(world: World, plan: AdomPlan) -> None:
    """What an ADOM's plan shows as held can be approved by its digest."""
    _note(world, summary.digest([plan]), [plan])


def _one_adom(world: World, work: AdomWork, inventory: Inventory, step: Step) -> AdomResult:
    result = AdomResult(work.ref)
    ahead = _lying_ahead(world, work)
    try:
        with session(world, work):
            step(world, work, inventory, result)
    except errors.TargetError as error:
        result.error = error
    _end_pass(world, result, ahead)
    return result


def _lying_ahead(world: World, work: AdomWork) -> tuple[Finding, ...]:
    """What a clock that was wrong has left in the state; asked before the pass puts it right."""
    installing = world.installing
    return wrong_clock.findings(work.guard, installing.rollouts, installing.stale)


def _end_pass(world: World, result: AdomResult, ahead: tuple[Finding, ...]) -> None:
    if result.seen is not None:
        plan = result.seen.plan
        note_held(world, plan)
        told = replace(plan, findings=tuple(dict.fromkeys((*plan.findings, *ahead))))
        result.seen = replace(result.seen, plan=told)
    world.installing.audit.keep_head()


@contextmanager
def _looked_at(work: AdomWork) -> Iterator[None]:
    """Whoever cannot be looked at holds nobody of its fleet up."""
    try:
        yield
    except errors.TargetError as error:
        work.fleet.absent(work.ref, error.message)
        raise


@contextmanager
def session(world: World, work: AdomWork) -> Iterator[None]:
    """What is remembered was made with a unit, and counts for no other: it is asked who it is."""
    world.tell(f"reading {work.ref.title}")
    with _looked_at(work), work.session():
        units, remember = world.installing.units, world.installing.audit.is_kept
        told = units.bind(work.ref.unit, work.target.read_serial(), remember=remember)
        if told is not None:
            world.tell(told)
        yield


def _still_the_same(world: World, inventory: Inventory, digest: str) -> Sequence[AdomResult]:
    """What there is to do, looked at once more; the saved plan must say the same.

    It may have been saved before something that it shows as held was approved.
    """

    def look(world: World, work: AdomWork, inventory: Inventory, result: AdomResult) -> None:
        result.seen = reconcile.look(work, world.intent, inventory.members, inventory.who)

    now = _each_adom(world, inventory, look)
    if digest not in (now.digest, now.unapproved_digest):
        changes = sum(len(adom.seen.plan.changes) for adom in now.adoms if adom.seen)
        raise errors.StalePlan(
            f"the saved plan has digest {digest}; what there is to do now has digest"
            f" {now.digest} ({changes} changes)",
            next_step="nothing was written; save a new plan and read it",
        )
    return now.adoms


def _turn(
    world: World, work: AdomWork, result: AdomResult, *, saved: Look | None, install: bool
) -> Turn[Inventory]:
    """One ADOM's passes in an `apply`. `saved` is what was looked at for a saved plan: nothing more
    than that is written, and what others change in it meanwhile is put right."""

    ahead = _lying_ahead(world, work)

    def one_pass(inventory: Inventory, *, is_first: bool) -> float | None:
        try:
            if is_first and saved is not None:
                result.seen = saved
            else:
                result.seen = reconcile.look(work, world.intent, inventory.members, inventory.who)
                if saved is not None:
                    result.seen = _as_saved(saved, replace(result.seen, written=result.vouched))
            if is_first or saved is None or result.vouched is None:
                # Read first: what cannot be understood stops everything before anything is written.
                record = world.installing.recall(work.ref)
                _write_and_install(world, work, inventory, result, record, install=install)
            else:
                rollout_pass.advance_installs(world, work, inventory, result)
        finally:
            _end_pass(world, result, ahead)
        return result.rollout.goes_on_at if result.rollout else None

    def waits() -> bool:
        joined = not work.fleet.fleet.is_alone
        return joined and result.survey is not None and bool(result.survey.pending)

    is_called = partial(work.fleet.take_call, work.ref)
    return Turn(partial(session, world, work), one_pass, is_called=is_called, waits=waits)


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


def _write_and_install(
    world: World,
    work: AdomWork,
    inventory: Inventory,
    result: AdomResult,
    record: RolloutRecord | None,
    *,
    install: bool,
) -> None:
    """Where no install may start, because a configuration only observes or because installs are
    left to somebody else, what is outstanding is told."""
    result.stop = world.installing.stops.covering(work.ref)
    if result.stop is not None:
        world.tell(f"nothing is written or installed: {result.stop}")
    install = install and world.intent.writes
    along = False
    may_write = result.stop is None and machine.may_write(record)
    if may_write and work.writes_ahead(world.intent):
        along = install and rollout_pass.may_write_along(world, work, result, record)
        _note_planned(result)
        if not along:
            _write_adom(world, work, result)
    if install:
        rollout_pass.advance_installs(world, work, inventory, result, writes_along=along)
    elif result.seen is not None:
        result.survey = installs.survey(work, result.seen, ask_devices=False)
        rollout_pass.judge(world, work, inventory, result, record)


def _plan_adom(world: World, work: AdomWork, inventory: Inventory, result: AdomResult) -> None:
    result.seen = reconcile.look(work, world.intent, inventory.members, inventory.who)
    result.survey = installs.survey(work, result.seen, ask_devices=False)
    rollout_pass.judge(world, work, inventory, result, world.installing.rollouts.read(work.ref))


def _status_adom(world: World, work: AdomWork, inventory: Inventory, result: AdomResult) -> None:
    result.seen = reconcile.look(work, world.intent, inventory.members, inventory.who)
    delivery = work.delivery
    if delivery is not None and result.seen.topology.workspace is not Workspace.DISABLED:
        standing = result.seen.observed.groups.items()
        result.locks = delivery.read_locks([key for key, group in standing if group.owned])
    result.survey = installs.survey(work, result.seen, ask_devices=True)
    rollout_pass.judge(world, work, inventory, result, world.installing.rollouts.read(work.ref))


def _note_planned(result: AdomResult) -> None:
    if result.seen is not None and (result.planned is None or result.seen.plan.changes):
        result.planned = result.seen.plan


def _write_adom(world: World, work: AdomWork, result: AdomResult) -> None:
    before = result.seen
    if before is None:
        return
    if before.plan.changes and world.intent.writes and before.submission is None:
        world.tell(f"writing {len(before.plan.changes)} changes to {work.ref.short}")
    result.seen, report = reconcile.write(work, world.intent, before)
    result.report = result.report.then(report) if result.report else report


def source_gaps(inventory: Inventory) -> Iterable[str]:
    """What could not be read and what that leaves untouched, one sentence each."""
    for error in inventory.problems:
        yield str(error)
    for snapshot in inventory.snapshots.values():
        for problem in snapshot.problems:
            yield f"cluster {snapshot.cluster}: {problem.where}: {problem.message}"
    if inventory.rules.unread:
        yield f"{inventory.rules.unread}: no group is taken away"
    for reason, names in inventory.frozen.items():
        yield f"{reason}: nothing is removed from {', '.join(names)}"
