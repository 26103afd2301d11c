"""Builds the adapters a configuration names. The only place that knows both sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fmgsync import state
from fmgsync.clock import Clock, SystemClock
from fmgsync.daemon.pace import Pace
from fmgsync.daemon.stopping import Stopping
from fmgsync.grouping import policies
from fmgsync.leases import fencing
from fmgsync.model.adom import Workspace
from fmgsync.model.change import AdomPlan
from fmgsync.model.rule import GroupRule, Site
from fmgsync.model.target import TargetKind, TargetRef
from fmgsync.passes import incremental, neighbours, rollout_status
from fmgsync.passes.fleet_roster import Roster
from fmgsync.passes.guard_memory import AdomGuard
from fmgsync.passes.install_context import Installing, People, make_installing
from fmgsync.passes.result import Pass
from fmgsync.passes.world import AdomWork, Intent, ReadSource, Tell, World
from fmgsync.passes.write_log import WriteLog
from fmgsync.settings import features, load, rules, terms
from fmgsync.sources.rules import RuleSource
from fmgsync.state.documents import Documents
from fmgsync.state.folder import Folder
from fmgsync.state.memory import Memory
from fmgsync.targets import authority
from fmgsync.targets.fortigate.identities import Identities
from fmgsync.targets.fortimanager.target import FortiManagerAdom
from fmgsync.targets.hooks import Hooks
from fmgsync.targets.protocol import Target
from fmgsync.wiring import clusters, serials
from fmgsync.wiring.fortigates import FortiGates
from fmgsync.wiring.fortimanagers import HooksOf, Transport, make_session, unit_access
from fmgsync.wiring.memories import documents_of, units_of
from fmgsync.wiring.replicas import ownership_of, under_leases

if TYPE_CHECKING:
    from fmgsync.daemon.loop import Controller
    from fmgsync.settings.schema import Config

WORKSPACE_MIN_INTERVAL_S = 30.0


def make_world(
    path: Path,
    *,
    command: str,
    tell: Tell = lambda text: None,
    clock: Clock | None = None,
    transport: Transport | None = None,
    hooks: HooksOf | None = None,
    state_dir: Path = Path(state.DEFAULT_FOLDER),
    people: People | None = None,
    documents: Documents | None = None,
) -> World:
    """Load the configuration and build what `command` works with.

    `people` is what the person at the command line says; without it, `apply --install now` stands
    for itself. `documents` is what is remembered, if somebody has opened it already.

    Raises ConfigError for a wrong configuration. Nothing is connected to before the first question,
    and nothing is made in `state_dir` before there is something to remember.
    """
    config = load.load_config(path)
    if command != features.RUN and config.fortigates:
        from fmgsync.wiring import crowd  # of most configurations nothing of it is needed

        tell = crowd.folded(tell, [unit.name for unit in config.fortigates])
    time = clock or SystemClock()
    documents = documents or documents_of(config, state_dir, time)
    units = units_of(config, documents)
    memory = Memory(documents, units)
    installs = make_installing(
        config, command, documents, time, people or People(), folder=state_dir, units=units
    )
    ownership = ownership_of(config) if command in features.APPLIES else None
    if ownership is not None:
        hooks = partial(fencing.hooks, ownership)
    identities = Identities()
    hooks = _with_write_log(hooks, installs, memory, identities)
    access = {unit.name: unit_access(unit) for unit in config.fortimanagers}
    keeps = command == features.RUN or command in features.APPLIES
    if keeps:
        access = {name: authority.kept(each) for name, each in access.items()}
    direct = FortiGates(
        config,
        clock=time,
        identities=identities,
        recognise=serials.Recognition(units, installs.audit, tell),
        answered=lambda name: bool(units.serial(name)),
        transport=transport,
        hooks=hooks,
        keeps=keeps,
    )
    opened = partial(make_session, clock=time, transport=transport, hooks=hooks)

    def adom_of(ref: TargetRef) -> FortiManagerAdom:
        session = partial(opened, access[ref.unit], ref)
        return FortiManagerAdom(ref, owner=config.owner, open_session=session, clock=time)

    def target_of(ref: TargetRef) -> Target:
        return direct.target(ref) if ref.kind is TargetKind.FORTIGATE else adom_of(ref)

    serials.learn(identities, config, direct, adom_of, time)
    adoms = _adoms(config, target_of, time, memory)
    if ownership is not None:
        adoms = under_leases(adoms, ownership, time)
    return World(
        _intent(config),
        _sources(config),
        adoms,
        time,
        memory,
        installs,
        tell,
        terms=terms.terms(config),
        at_once=config.reconcile.units_at_once,
        compare_names=identities.compare,
    )


def make_controller(
    path: Path,
    *,
    tell: Tell = lambda text: None,
    clock: Clock | None = None,
    state_dir: Path = Path(state.DEFAULT_FOLDER),
    ears: fencing.Ears = fencing.NOBODY,
    transport: Transport | None = None,
    before: Controller | None = None,
    rule_source: RuleSource | None = None,
) -> Controller:
    """What `fmgsync run` runs. Raises as `make_world` does; connects to nothing yet.

    `before` is the controller that the new one is to succeed: its Leases are kept. Rules come from
    the configuration alone unless there is another `rule_source`.
    """
    from fmgsync.daemon.loop import Controller
    from fmgsync.wiring.reloading import check_files

    config = load.load_config(path)
    unverified = check_files(config, before.unverified if before else frozenset())
    ownership = ownership_of(config, before.ownership if before else None)
    time = clock or SystemClock()
    stopping = Stopping(time, before.stopping if before else None)
    documents = documents_of(config, state_dir, time)
    world = make_world(
        path,
        command=features.RUN,
        tell=tell,
        clock=time,
        transport=transport,
        hooks=partial(fencing.hooks, ownership, ears=ears),
        state_dir=state_dir,
        people=People(stopping=stopping.asked, leaving=stopping.leaving),
        documents=documents,
    )
    return Controller(
        world,
        partial(clusters.feeds, config, world),
        rule_source or clusters.rule_source(config, world),
        pace_of=partial(_pace, config),
        passes_of=partial(incremental.Passes, install=config.install.mode != "none"),
        wake_at=partial(rollout_status.wake_at, world),
        ownership=ownership,
        places=clusters.places(config),
        stopping=stopping,
        unverified=unverified,
        remembered=None if isinstance(documents, Folder) else documents,
    )


def _with_write_log(
    hooks: HooksOf | None, installs: Installing, memory: Memory, identities: Identities
) -> HooksOf:
    """Every plan is told to the audit before it is written, whoever writes it; none is written
    where a person has stopped it, nor written or installed to a unit that has another name as well.
    Who is to end waits for nobody's lock.
    """

    def made(ref: TargetRef) -> Hooks:
        log = WriteLog(ref, installs.audit, memory, installs.stops, installs.formerly)
        known = hooks(ref) if hooks is not None else Hooks()

        def writing(plan: AdomPlan) -> None:
            identities.check(ref)
            log.writing(plan)

        check = partial(identities.check, ref)
        return replace(
            known,
            gives_up=installs.stopping,
            writing=writing,
            refused=log.refused,
            installing=check,
        )

    return made


def _pace(config: Config, last: Pass | None) -> Pace:
    """Workspace ADOMs are left to administrators for 30 s between writes, unless configured."""
    times = config.reconcile
    shortest = times.min_interval.total_seconds() if times.min_interval is not None else 0.0
    topology = last.seen.topology if last and last.seen else None
    if times.min_interval is None and topology and topology.workspace is not Workspace.DISABLED:
        shortest = WORKSPACE_MIN_INTERVAL_S
    return Pace(
        settle_s=times.settle.total_seconds(),
        max_delay_s=times.max_delay.total_seconds(),
        min_interval_s=shortest,
        resync_s=times.resync.total_seconds(),
    )


def make_sources(path: Path, more: Sequence[GroupRule] = ()) -> Mapping[str, ReadSource]:
    """The clusters of a configuration alone, read for its rules and `more`."""
    return _sources(load.load_config(path), more)


def _intent(config: Config) -> Intent:
    return Intent(
        owner=config.owner,
        rules=rules.rule_set(config),
        allowed_ranges=rules.allowed_ranges(config),
        writes=config.policy.mode != "observe",
        removes=config.policy.mode != "upsert",
        member_limit=config.member_limit if "member_limit" in config.model_fields_set else None,
        needs_reason=config.policy.require_reason,
        before_install=config.reconcile.write == "before-install",
        at_once=terms.written_at_once(config),
    )


def _sources(config: Config, more: Sequence[GroupRule] = ()) -> dict[str, ReadSource]:
    found = rules.rule_set(config)
    found = replace(found, rules=(*found.rules, *more))
    return {
        cluster.name: clusters.source(cluster, policies.kinds_to_read(found, cluster.name))
        for cluster in config.clusters
    }


def _adoms(
    config: Config, target_of: Callable[[TargetRef], Target], clock: Clock, memory: Memory
) -> tuple[AdomWork, ...]:
    sites: dict[TargetRef, list[Site]] = {}
    for site in rules.sites(config):
        sites.setdefault(site.adom, []).append(site)
    refs, rosters = sorted(sites), _rosters(config, sites)
    limits, named = rules.guard_limits(config), terms.named_places(config)

    def make(ref: TargetRef) -> AdomWork:
        target, guard = target_of(ref), AdomGuard(ref, config.owner, limits, memory, clock)
        own, roster = tuple(sites[ref]), rosters[ref]
        return AdomWork(ref, own, target, lambda: target, roster, guard, named(ref))

    # Of FortiGates without a FortiManager the names are known without asking.
    managed, known = [ref for ref in refs if ref.kind is TargetKind.FORTIMANAGER], set[str]()
    return tuple(
        replace(work, elsewhere=neighbours.reader(work, managed, make, known))
        for work in map(make, refs)
    )


def _rosters(config: Config, sites: Mapping[TargetRef, list[Site]]) -> Mapping[TargetRef, Roster]:
    """One for each fleet, shared by its targets."""
    made: dict[TargetRef, Roster] = {}
    for fleet in {fleet.name: fleet for fleet in rules.fleets(config).values()}.values():
        theirs = [site for ref in fleet.targets for site in sites[ref]]
        made |= dict.fromkeys(fleet.targets, Roster(fleet, theirs))
    return made
