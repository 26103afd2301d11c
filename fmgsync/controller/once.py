"""The one-shot passes behind `plan`, `apply`, `status` and `verify`: every ADOM in turn.

An ADOM or cluster that fails is reported and does not stop the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.controller import installs, reconcile
from fmgsync.controller.reconcile import AdomWork, Intent, Look
from fmgsync.grouping import desired
from fmgsync.model.change import ApplyReport, Finding
from fmgsync.model.endpoint import ClusterSnapshot
from fmgsync.model.rollout import TargetOutcome
from fmgsync.model.target import AdomRef, DeviceVdom
from fmgsync.planning import summary
from fmgsync.scheduling import outlook
from fmgsync.scheduling.outlook import Outlook
from fmgsync.scheduling.terms import Terms
from fmgsync.views import pending

ReadSource = Callable[[], ClusterSnapshot]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class World:
    """Everything a one-shot pass works with. `sources` are asked once, in order."""

    intent: Intent
    sources: Mapping[str, ReadSource]
    adoms: Sequence[AdomWork]
    clock: Clock
    tell: Tell = lambda text: None
    terms: Terms = field(default_factory=Terms)

    @property
    def instant(self) -> datetime:
        """Now, in UTC."""
        return datetime.fromtimestamp(self.clock.now(), UTC)


@dataclass(frozen=True, slots=True)
class Inventory:
    """What runs, as far as it could be read, and what each rule selects in it."""

    snapshots: Mapping[str, ClusterSnapshot]
    members: desired.Members
    findings: tuple[Finding, ...]
    problems: tuple[errors.FmgsyncError, ...]

    @property
    def frozen(self) -> dict[str, list[str]]:
        """Why some rules can remove nothing -> their names."""
        found: dict[str, list[str]] = {}
        for (rule, _), members in sorted(self.members.items()):
            if not members.complete:
                found.setdefault(members.because, []).append(rule)
        return found


@dataclass(slots=True)
class AdomResult:
    """What became of one ADOM in one pass."""

    ref: AdomRef
    seen: Look | None = None
    survey: installs.Survey | None = None
    report: ApplyReport | None = None
    outcomes: tuple[TargetOutcome, ...] = ()
    outlooks: Mapping[DeviceVdom, Outlook] = field(default_factory=dict)
    error: errors.TargetError | None = None


@dataclass(slots=True)
class Result:
    """What became of all ADOMs; `digest` stands for the whole plan."""

    inventory: Inventory
    adoms: list[AdomResult] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """The digest of all plans seen."""
        return summary.digest(result.seen.plan for result in self.adoms if result.seen)


def read_inventory(world: World) -> Inventory:
    """Read every cluster. One that fails is absent, so nothing of its part is removed."""
    snapshots: dict[str, ClusterSnapshot] = {}
    problems: list[errors.FmgsyncError] = []
    for name, read in world.sources.items():
        world.tell(f"reading cluster {name}")
        try:
            snapshots[name] = read()
        except errors.SourceError as error:
            problems.append(error)
    members, findings = desired.cluster_members(
        world.intent.rules, snapshots, world.intent.allowed_ranges
    )
    return Inventory(snapshots, members, findings, tuple(problems))


def plan(world: World) -> Result:
    """Look at everything; write nothing and ask no FortiGate."""
    return _each_adom(world, _plan_adom)


def status(world: World) -> Result:
    """Look at everything, the FortiGates included; write nothing."""
    return _each_adom(world, _status_adom)


def apply(world: World, *, install: bool) -> Result:
    """Write every ADOM, then install what is behind and ask the FortiGates."""
    return _each_adom(world, _write_and_install if install else _write_and_survey)


def apply_one(world: World, work: AdomWork, inventory: Inventory, *, install: bool) -> AdomResult:
    """One ADOM's part of `apply`: what the controller does whenever something changed."""
    return _one_adom(world, work, inventory, _write_and_install if install else _write_and_survey)


Step = Callable[[World, AdomWork, Inventory, AdomResult], None]


def _each_adom(world: World, step: Step) -> Result:
    inventory = read_inventory(world)
    return Result(inventory, [_one_adom(world, work, inventory, step) for work in world.adoms])


def _one_adom(world: World, work: AdomWork, inventory: Inventory, step: Step) -> AdomResult:
    result = AdomResult(work.ref)
    world.tell(f"reading ADOM {work.ref.adom} on {work.ref.fortimanager}")
    try:
        with work.session():
            step(world, work, inventory, result)
    except errors.TargetError as error:
        result.error = error
    return result


def _write_and_install(
    world: World, work: AdomWork, inventory: Inventory, result: AdomResult
) -> None:
    _write_adom(world, work, inventory, result)
    _install_adom(world, work, result)


def _write_and_survey(
    world: World, work: AdomWork, inventory: Inventory, result: AdomResult
) -> None:
    """Installs are left to somebody else, but what is outstanding is told."""
    _write_adom(world, work, inventory, result)
    if result.seen is not None:
        result.survey = installs.survey(work, result.seen, ask_devices=False)


def _plan_adom(world: World, work: AdomWork, inventory: Inventory, result: AdomResult) -> None:
    result.seen = reconcile.look(work, world.intent, inventory.members)
    result.survey = installs.survey(work, result.seen, ask_devices=False)
    result.outlooks = _outlooks(world, result.seen, result.survey)


def _status_adom(world: World, work: AdomWork, inventory: Inventory, result: AdomResult) -> None:
    result.seen = reconcile.look(work, world.intent, inventory.members)
    result.survey = installs.survey(work, result.seen, ask_devices=True)
    result.outlooks = _outlooks(world, result.seen, result.survey)


def _outlooks(world: World, seen: Look, survey: installs.Survey) -> Mapping[DeviceVdom, Outlook]:
    """What the maintenance windows say of every DeviceVdom in view."""
    targets = [view.target for view in survey.views]
    found = outlook.outlooks(world.terms.calendar, seen.topology, targets, world.instant)
    return {each.target: each for each in found}


def _write_adom(world: World, work: AdomWork, inventory: Inventory, result: AdomResult) -> None:
    before = reconcile.look(work, world.intent, inventory.members)
    result.seen = before
    if before.plan.changes and world.intent.writes:
        world.tell(f"writing {len(before.plan.changes)} changes to ADOM {work.ref.adom}")
    result.seen, result.report = reconcile.write(work, world.intent, before)


def _install_adom(world: World, work: AdomWork, result: AdomResult) -> None:
    if result.seen is None:
        return
    before = installs.survey(work, result.seen, ask_devices=True)
    wanted = pending.requests(before.pending)
    result.survey = before
    if not wanted:
        return
    targets = [target for request in wanted for target in request.targets]
    world.tell(f"installing on {len(targets)} device VDOMs of ADOM {work.ref.adom}")
    result.outcomes = installs.install(work, wanted, clock=world.clock)
    # The install changed device database and status, so look again before believing anything.
    result.seen = reconcile.refresh_topology(work, result.seen)
    result.survey = installs.survey(work, result.seen, ask_devices=True)


def source_gaps(inventory: Inventory) -> Iterable[str]:
    """What could not be read and what that leaves untouched, one sentence each."""
    for error in inventory.problems:
        yield str(error)
    for snapshot in inventory.snapshots.values():
        for problem in snapshot.problems:
            yield f"cluster {snapshot.cluster}: {problem.where}: {problem.message}"
    for reason, names in inventory.frozen.items():
        yield f"{reason}: nothing is removed from {', '.join(names)}"
