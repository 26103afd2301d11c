"""`adopt` and `cleanup`: each ADOM is looked at, told what would happen, and written when asked to.

Nothing is installed by them: what a device has to be told goes along with its next install.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from fmgsync import errors
from fmgsync.assessing.observation import Observation
from fmgsync.model.change import AdomPlan, ApplyReport
from fmgsync.model.target import TargetRef
from fmgsync.passes import once, recipe, reconcile
from fmgsync.passes.world import AdomWork, Workloads, World
from fmgsync.planning import adoption, cleanup, sites
from fmgsync.planning.adoption import Adoption, Choice
from fmgsync.planning.cleanup import Cleanup
from fmgsync.scheduling.calendar import place_of
from fmgsync.targets.protocol import Part, Question

OLD_CONTROLLER = ("k8s-app", "tigera-firewall-controller")


@dataclass(slots=True)
class Changed:
    """What became of one ADOM; `report` None: nothing was written."""

    ref: TargetRef
    adoption: Adoption | None = None
    cleanup: Cleanup | None = None
    report: ApplyReport | None = None
    error: errors.TargetError | None = None

    @property
    def plan(self) -> AdomPlan | None:
        """What there is to write."""
        made = self.adoption or self.cleanup
        return made.plan if made is not None else None


Make = Callable[[AdomWork, Observation], Changed]


def adopt(world: World, choice: Choice, *, write: bool) -> list[Changed]:
    """Take groups over. Raises UsageError while what made them still runs."""
    world, workloads = once.begin(world)
    if choice.calico and write:
        _refuse_two_hands(workloads)
    ambiguous = {
        name
        for rule in workloads.rules.groups()
        if rule.clusters is not None and len(rule.clusters) > 1
        for name in (rule.name, workloads.rules.aliases.get(rule.name, rule.name))
    }

    def make(work: AdomWork, seen: Observation) -> Changed:
        wanted = adoption.settled(choice, seen.observed, seen.desired)
        keys = adoption.members_of(choice, seen.observed, wanted)
        named = Question(objects=Part((), sorted(keys)))
        members = work.target.look(named).objects() if keys else None
        taken = adoption.take_over(
            choice,
            wanted,
            seen.observed,
            members.addresses if members is not None else {},
            seen.usage.devices,
            ambiguous,
        )
        if choice.calico and not (choice.names or choice.pattern):
            remarked = work.target.look(Question(remark=adoption.CALICO)).remarked()
            left = adoption.left_over(taken, remarked, keys)
            taken = replace(taken, leftovers=left)
        return Changed(work.ref, taken)

    return _each(world, workloads, make, write=write)


def release(world: World, choice: Choice, *, write: bool) -> list[Changed]:
    """Give groups back that were taken over."""
    world, workloads = once.begin(world)

    def make(work: AdomWork, seen: Observation) -> Changed:
        return Changed(work.ref, adoption.release(choice, seen.observed, seen.usage))

    return _each(world, workloads, make, write=write)


def clean_up(world: World, *, write: bool) -> list[Changed]:
    """Take away all that this owner wrote; no cluster is asked."""
    workloads = Workloads({}, {}, (), (), lambda cluster, address: False)

    def make(work: AdomWork, seen: Observation) -> Changed:
        made = cleanup.make(
            world.intent.owner, seen.observed, seen.packages, seen.usage, seen.limits
        )
        return Changed(work.ref, cleanup=made)

    return _each(world, workloads, make, write=write)


def _each(world: World, workloads: Workloads, make: Make, *, write: bool) -> list[Changed]:
    if write and not world.intent.writes:
        raise errors.UsageError(
            "policy.mode is observe: nothing is written", next_step="set it to sync or upsert"
        )
    found = [_one(world, work, workloads, make, write=write) for work in world.adoms]
    for number, changed in enumerate(found):
        try:
            world.compare_names(changed.ref)
        except errors.TwoNames as error:
            found[number] = Changed(changed.ref, error=error)
    return found


def _one(
    world: World,
    work: AdomWork,
    workloads: Workloads,
    make: Make,
    *,
    write: bool,
) -> Changed:
    changed = Changed(work.ref)
    try:
        _refuse_to_begin(world, work)
        with recipe.session(world, work):
            seen = reconcile.look(work, world.intent, workloads)
            changed = make(work, seen)
            plan = changed.plan
            if write and plan is not None and plan.changes and not work.target.traits.stages:
                _wait_for_window(world, work, seen)
            if write and plan is not None and plan.changes:
                _refuse_to_begin(world, work)
                world.installing.recall(work.ref)
                world.tell(f"writing {len(plan.changes)} changes to {work.ref.short}")
                as_seen = partial(reconcile.check_as_seen, work, seen)
                changed.report = work.target.write(plan, after_wait=as_seen)
    except errors.TargetError as error:
        changed.error = error
    return changed


def _refuse_to_begin(world: World, work: AdomWork) -> None:
    if world.installing.stopping():
        fortigate = work.ref.unit if work.ref.is_direct else None
        raise errors.Stopped(
            "was not begun: the command was interrupted",
            fortimanager=None if fortigate else work.ref.unit,
            fortigate=fortigate,
            next_step="nothing was written there; say it again",
        )


def _wait_for_window(world: World, work: AdomWork, seen: Observation) -> None:
    """Where writing is delivering it takes an open window."""
    calendar = world.terms.calendar
    for site in sites.resolve(work.sites, seen.topology):
        for target in sorted(site.targets):
            place = place_of(seen.topology, target)
            if not calendar.may_start(place, world.instant):
                opens = calendar.next_opening(place, world.instant)
                when = f"at {opens:%Y-%m-%d %H:%M} UTC" if opens is not None else "never"
                raise errors.TargetError(
                    f"no window is open for {target}, and what is written there is live at once",
                    fortigate=work.ref.unit,
                    vdom=work.ref.domain,
                    next_step=f"say it again when one is: the next opens {when}",
                )


def _refuse_two_hands(workloads: Workloads) -> None:
    """What the Calico controller does with an object that is not its own any more is documented
    nowhere: it may write it again."""
    key, name = OLD_CONTROLLER
    for cluster, snapshot in sorted(workloads.snapshots.items()):
        for pod in snapshot.pods:
            if pod.labels.get(key) == name:
                raise errors.UsageError(
                    f"pod {pod.namespace}/{pod.name} of cluster {cluster} is the Calico controller,"
                    " and still runs",
                    next_step="stop it first: kubectl -n tigera-firewall-controller scale deploy"
                    " tigera-firewall-controller --replicas=0",
                )
