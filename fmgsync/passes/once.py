"""The one-shot passes behind `plan`, `apply`, `status` and `verify`: every ADOM in turn.

An ADOM or cluster that fails is reported and does not stop the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from fmgsync import errors
from fmgsync.assessing.observation import Look
from fmgsync.grouping import desired, policies
from fmgsync.model.endpoint import ClusterSnapshot
from fmgsync.model.target import TargetRef
from fmgsync.passes import (
    recipe,
    rollout_pass,
    turns,
)
from fmgsync.passes.recipe import Orders
from fmgsync.passes.reconcile import AdomWork
from fmgsync.passes.result import AdomResult, Result
from fmgsync.passes.turns import Taking, Turn
from fmgsync.passes.world import Inventory, Tell, World

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
    return _each_adom(*begin(world), recipe.PLAN)


def status(world: World) -> Result:
    """Look at everything, the FortiGates included; write nothing."""
    return _each_adom(*begin(world), recipe.STATUS)


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
        # Urgent removals take turns: nobody calls again whom a fleet's budget has turned away.
        at_once=world.at_once if world.terms.removals.within is None else 1,
    )
    turns.take(list(made.values()), inventory, taking)
    for number, turn in made.items():
        results[number].error = turn.error
    _regard_fleets(world, inventory, results, acts=True)
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
    result = AdomResult(work.ref)
    if before is not None and before.rollout is not None:
        result.rollout = before.rollout.follows(world.clock.now())
        result.survey = before.survey
    return _one_adom(world, work, inventory, recipe.acting(install=install), result)


def _each_adom(world: World, inventory: Inventory, orders: Orders) -> Result:
    found: dict[TargetRef, AdomResult] = {}

    def look(work: AdomWork) -> None:
        result = AdomResult(work.ref)
        found[work.ref] = _one_adom(world, work, inventory, orders, result)

    for work in world.adoms:
        if not work.stands_apart:
            look(work)
    turns.beside(look, (w for w in world.adoms if w.stands_apart), at_once=world.at_once)
    results = [_under_one_name(world, found[work.ref]) for work in world.adoms]
    _regard_fleets(world, inventory, results, acts=orders.writes)
    return _shown(world, Result(inventory, results))


def _under_one_name(world: World, result: AdomResult) -> AdomResult:
    """Nothing is shown as planned that would not be written. Who was read first did not know."""
    try:
        world.compare_names(result.ref)
    except errors.TwoNames as error:
        return AdomResult(result.ref, error=error)
    return result


def _regard_fleets(
    world: World, inventory: Inventory, results: Iterable[AdomResult], *, acts: bool
) -> None:
    """Whose turn it is shows once all of a fleet were looked at."""
    for work, result in zip(world.adoms, results, strict=True):
        if result.view is not None and not work.fleet.fleet.is_alone:
            record = world.installing.rollouts.read(work.ref)
            rollout_pass.judge(world, work, inventory, result, record, acts=acts)
            _wait_as_now(result)


def _wait_as_now(result: AdomResult) -> None:
    """What a target was held by in its own last pass may be over by now."""
    rollout, view = result.rollout, result.view
    if rollout is None or rollout.decision is None or view is None:
        return
    then, now = rollout.decision.held, view.decision.held
    if then is not None and rollout.waiting == then.reason:
        rollout.waiting = now.reason if now is not None else None


def _shown(world: World, result: Result) -> Result:
    """Whatever is shown as held can be approved from now on. What is stopped is told even where
    nothing could be looked at."""
    result.stops, result.zone = world.installing.stops.all(), world.terms.calendar.zone
    recipe.note_shown(world, result.digest, [adom.seen.plan for adom in result.adoms if adom.seen])
    return result


def _one_adom(
    world: World, work: AdomWork, inventory: Inventory, orders: Orders, result: AdomResult
) -> AdomResult:
    try:
        with recipe.session(world, work):
            recipe.make_pass(world, work, inventory, orders, result)
    except errors.TargetError as error:
        result.error = error
    return result


def _still_the_same(world: World, inventory: Inventory, digest: str) -> Sequence[AdomResult]:
    """What there is to do, looked at once more; the saved plan must say the same.

    It may have been saved before something that it shows as held was approved.
    """

    now = _each_adom(world, inventory, recipe.LOOK)
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
    orders = replace(recipe.acting(install=install), saved=saved)

    def one_pass(inventory: Inventory, *, is_first: bool) -> float | None:
        recipe.make_pass(world, work, inventory, replace(orders, is_first=is_first), result)
        return result.rollout.goes_on_at if result.rollout else None

    def waits() -> bool:
        joined = not work.fleet.fleet.is_alone
        return joined and result.survey is not None and bool(result.survey.pending)

    is_called = partial(work.fleet.take_call, work.ref)
    opened = partial(recipe.session, world, work)
    return Turn(opened, one_pass, is_called=is_called, waits=waits, is_apart=work.stands_apart)


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
