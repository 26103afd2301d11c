"""The one-shot passes behind `plan`, `apply`, `status` and `verify`: every ADOM in turn.

An ADOM or cluster that fails is reported and does not stop the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from fmgsync import errors
from fmgsync.grouping import clusters, policies
from fmgsync.model.endpoint import ClusterSnapshot
from fmgsync.model.target import TargetRef
from fmgsync.passes import judgement, recipe, turns
from fmgsync.passes.result import Orders, Pass, Result
from fmgsync.passes.turns import Taking, Turn
from fmgsync.passes.world import AdomWork, Workloads, World

_LOOK_S = 60.0


def begin(world: World) -> tuple[World, Workloads]:
    """Read every cluster, and with it the rules that its policies ask for: they count for the
    whole run."""
    snapshots, problems = _read(world)
    views = {name: policies.view(snapshots.get(name), name) for name in world.sources}
    rules = policies.derived(world.intent.rules, views)
    world = replace(world, intent=replace(world.intent, rules=rules))
    return world, _workloads(world, snapshots, problems)


def read_workloads(world: World) -> Workloads:
    """Read every cluster anew, for the rules that are known."""
    return _workloads(world, *_read(world))


def _read(world: World) -> tuple[dict[str, ClusterSnapshot], tuple[errors.FmgsyncError, ...]]:
    """A cluster that fails is absent, so nothing of its part is removed."""
    snapshots: dict[str, ClusterSnapshot] = {}
    problems: list[errors.FmgsyncError] = []
    for name, read in world.sources.items():
        world.tell(f"reading cluster {name}")
        try:
            snapshots[name] = read()
        except errors.SourceError as error:
            problems.append(error)
    return snapshots, tuple(problems)


def _workloads(
    world: World,
    snapshots: Mapping[str, ClusterSnapshot],
    problems: tuple[errors.FmgsyncError, ...],
) -> Workloads:
    rules = world.intent.rules
    found = clusters.memberships(rules.rules, snapshots, world.intent.allowed_ranges)
    told = {
        name: replace(each, problems=policies.that_matter(each.problems, found.needs(name)))
        for name, each in snapshots.items()
    }
    findings = (*found.findings, *rules.problems)
    return Workloads(told, found.members, findings, problems, found.in_use, rules, found.who)


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
    with suppress(errors.StateError):  # each pass says it, where it matters
        for sentence in world.installing.rollouts.left_open(work.ref for work in world.adoms):
            world.tell(sentence)
    world, workloads = begin(world)
    known = _still_the_same(world, workloads, digest) if digest is not None else None
    passes = list(known or (Pass(work.ref) for work in world.adoms))
    made = {
        number: _turn(world, work, passes, number, install=install)
        for number, work in enumerate(world.adoms)
        if known is None or passes[number].seen is not None
    }
    quiet = replace(world, tell=lambda text: None)
    taking = Taking(
        world.clock,
        # A saved plan was made from what ran then.
        (lambda: workloads) if known else partial(read_workloads, quiet),
        world.installing.stopping,
        # Nobody tells a one-shot run that something has to go: it looks by itself in a pause.
        at_most_s=float("inf") if world.terms.removals.within is None else _LOOK_S,
        # Urgent removals take turns: nobody calls again whom a fleet's budget has turned away.
        at_once=world.at_once if world.terms.removals.within is None else 1,
    )
    turns.take(list(made.values()), workloads, taking)
    for number, turn in made.items():
        # Who was looked at first did not know of a second name, and had nothing to write.
        error = turn.error or _named_twice(world, passes[number])
        passes[number] = replace(passes[number], error=error)
    return _shown(world, Result(workloads, _regard_fleets(world, workloads, passes, acts=True)))


def apply_one(
    world: World,
    work: AdomWork,
    workloads: Workloads,
    *,
    install: bool,
    before: Pass | None = None,
) -> Pass:
    """One pass over one ADOM: what the controller does whenever something changed, or a rollout
    goes on after the pass `before`."""
    begun = Pass(work.ref)
    if before is not None and before.rollout is not None:
        follows = before.rollout.follows(world.clock.now())
        begun = replace(begun, rollout=follows, known=before.known)
    return _one_adom(world, work, workloads, Orders(writes=True, installs=install), begun)


def _each_adom(world: World, workloads: Workloads, orders: Orders) -> Result:
    found: dict[TargetRef, Pass] = {}

    def look(work: AdomWork) -> None:
        found[work.ref] = _one_adom(world, work, workloads, orders, Pass(work.ref))

    for work in world.adoms:
        if not work.stands_apart:
            look(work)
    turns.beside(look, (w for w in world.adoms if w.stands_apart), at_once=world.at_once)
    passes = [_under_one_name(world, found[work.ref]) for work in world.adoms]
    passes = _regard_fleets(world, workloads, passes, acts=orders.writes)
    return _shown(world, Result(workloads, passes))


def _under_one_name(world: World, made: Pass) -> Pass:
    """Nothing is shown as planned that would not be written. Who was read first did not know."""
    error = _named_twice(world, made)
    return made if error is None else Pass(made.ref, error=error)


def _named_twice(world: World, made: Pass) -> errors.TwoNames | None:
    try:
        world.compare_names(made.ref)
    except errors.TwoNames as error:
        return error
    return None


def _regard_fleets(
    world: World, workloads: Workloads, passes: Iterable[Pass], *, acts: bool
) -> list[Pass]:
    """Whose turn it is shows once all of a fleet were looked at."""
    found = []
    for work, each in zip(world.adoms, passes, strict=True):
        made = each
        if made.survey.is_made and not work.fleet.fleet.is_alone:
            record = world.installing.rollouts.read(work.ref)
            made = _waiting_as_now(judgement.judge(world, work, workloads, made, record, acts=acts))
        found.append(made)
    return found


def _waiting_as_now(made: Pass) -> Pass:
    """What a target was held by in its own last pass may be over by now."""
    rollout, now = made.rollout, made.held
    if rollout is None or rollout.decision is None:
        return made
    then = rollout.decision.held
    if then is None or rollout.waiting != then.reason:
        return made
    return replace(made, rollout=replace(rollout, waiting=now.reason if now is not None else None))


def _shown(world: World, result: Result) -> Result:
    """Whatever is shown as held can be approved from now on. What is stopped is told even where
    nothing could be looked at."""
    result.stops, result.zone = world.installing.stops.all(), world.terms.calendar.zone
    recipe.note_shown(world, [adom.seen.plan for adom in result.adoms if adom.seen])
    return result


def _one_adom(
    world: World, work: AdomWork, workloads: Workloads, orders: Orders, before: Pass
) -> Pass:
    made = before
    try:
        with recipe.session(world, work):
            made = recipe.make_passes(world, work, workloads, orders, before)
            made.check()
    except errors.TargetError as error:
        made = replace(made, error=error)
    return made


def _still_the_same(world: World, workloads: Workloads, digest: str) -> Sequence[Pass]:
    """What there is to do, looked at once more; the saved plan must say the same.

    It may have been saved before something that it shows as held was approved.
    """
    now = _each_adom(world, workloads, recipe.LOOK)
    if digest not in (now.digest, now.unapproved_digest):
        changes = sum(len(adom.seen.plan.changes) for adom in now.adoms if adom.seen)
        raise errors.StalePlan(
            f"the saved plan has digest {digest}; what there is to do now has digest"
            f" {now.digest} ({changes} changes)",
            next_step="nothing was written; save a new plan and read it",
        )
    return now.adoms


def _turn(
    world: World, work: AdomWork, passes: list[Pass], number: int, *, install: bool
) -> Turn[Workloads]:
    """One ADOM's passes in an `apply`, each in the place of the one before. What was looked at for
    a saved plan is in the first: nothing more than that is written, and what others change in it
    meanwhile is put right."""
    orders = Orders(writes=True, installs=install, saved=passes[number].seen)

    def one_pass(workloads: Workloads) -> float | None:
        nonlocal orders
        now, orders = orders, replace(orders, is_first=False)
        made = passes[number] = recipe.make_passes(world, work, workloads, now, passes[number])
        made.check()
        return made.rollout.goes_on_at if made.rollout else None

    def waits() -> bool:
        return not work.fleet.fleet.is_alone and bool(passes[number].survey.pending)

    is_called = partial(work.fleet.take_call, work.ref)
    opened = partial(recipe.session, world, work)
    return Turn(opened, one_pass, is_called=is_called, waits=waits, is_apart=work.stands_apart)


def source_gaps(workloads: Workloads) -> Iterable[str]:
    """What could not be read and what that leaves untouched, one sentence each."""
    for error in workloads.problems:
        yield str(error)
    for snapshot in workloads.snapshots.values():
        for problem in snapshot.problems:
            yield f"cluster {snapshot.cluster}: {problem.where}: {problem.message}"
    if workloads.rules.unread:
        yield f"{workloads.rules.unread}: no group is taken away"
    for reason, names in workloads.frozen.items():
        yield f"{reason}: nothing is removed from {', '.join(names)}"
