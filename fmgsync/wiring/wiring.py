"""Builds the adapters a configuration names. The only place that knows both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from requests.adapters import HTTPAdapter

from fmgsync import errors, state
from fmgsync.audit import Audit
from fmgsync.clock import Clock, SystemClock
from fmgsync.daemon.pace import Pace
from fmgsync.daemon.stopping import Stopping
from fmgsync.grouping import policies
from fmgsync.leases import fencing
from fmgsync.leases.ownership import Ownership
from fmgsync.model.adom import Workspace
from fmgsync.model.change import AdomPlan
from fmgsync.model.rule import GroupRule, Site
from fmgsync.model.target import TargetKind, TargetRef
from fmgsync.passes import incremental, install_context, neighbours, rollout_status
from fmgsync.passes.brake import Brake
from fmgsync.passes.fleet_roster import Roster
from fmgsync.passes.guard_memory import AdomGuard
from fmgsync.passes.install_context import Installing, People, make_installing
from fmgsync.passes.reconcile import AdomWork, Intent
from fmgsync.passes.result import Pass
from fmgsync.passes.world import ReadSource, Tell, World
from fmgsync.passes.write_log import WriteLog
from fmgsync.settings import calico_compat, features, load, rules, terms
from fmgsync.sources.rules import RuleSource
from fmgsync.state.documents import Documents
from fmgsync.state.folder import Folder
from fmgsync.state.memory import Memory
from fmgsync.state.rollouts import Rollouts
from fmgsync.state.stops import Stops
from fmgsync.state.units import Units
from fmgsync.targets import authority
from fmgsync.targets.fortigate.identities import Identities
from fmgsync.targets.fortimanager.access import Access
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.fortimanager.target import FortiManagerAdom
from fmgsync.targets.hooks import Hooks
from fmgsync.targets.protocol import Purpose, Target
from fmgsync.wiring import clusters, crowd, fortigates, serials
from fmgsync.wiring.fortigates import FortiGates

if TYPE_CHECKING:
    from fmgsync.daemon.loop import Controller
    from fmgsync.doctor.doctor import TargetToCheck
    from fmgsync.settings.schema import Config, FortiManager
    from fmgsync.state.configmap import ConfigMap


_log = structlog.get_logger(__name__)

HooksOf = Callable[[TargetRef], Hooks]
"""What the sessions of one ADOM may be forbidden, and who hears of their requests."""

Transport = Callable[[Any], HTTPAdapter]
"""Makes the HTTP transport of one session with a unit, from how that is reached; a recorder gives
one that takes notes."""
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

    Raises ConfigError for a wrong configuration and NotBuiltError for one that asks `command` for
    a feature it does not have. Nothing is connected to before the first question, and nothing is
    made in `state_dir` before there is something to remember.
    """
    config = load.load_config(path)
    features.refuse_unbuilt(config, command)
    if command != features.RUN:
        tell = crowd.folded(tell, [unit.name for unit in config.fortigates])
    time = clock or SystemClock()
    documents = documents or _documents(config, state_dir, time)
    hosts = {unit.name: str(unit.host) for unit in config.fortimanagers}
    hosts |= {unit.name: str(unit.host) for unit in config.fortigates}
    units = Units(documents, hosts)
    memory = Memory(documents, units)
    installs = make_installing(
        config, command, documents, time, people or People(), folder=state_dir, units=units
    )
    ownership = _ownership(config) if command in features.APPLIES else None
    if ownership is not None:
        hooks = partial(fencing.hooks, ownership)
    identities = Identities()
    hooks = _with_write_log(hooks, installs, memory, identities)
    access = {unit.name: unit_access(unit) for unit in config.fortimanagers}
    if command == features.RUN:
        access = {name: authority.kept(each) for name, each in access.items()}
    direct = FortiGates(
        config,
        clock=time,
        identities=identities,
        recognise=serials.Recognition(units, installs.audit, tell),
        answered=lambda name: bool(units.serial(name)),
        transport=transport,
        hooks=hooks,
        keeps=command == features.RUN,
    )
    opened = partial(_session_of, time, transport, hooks)

    def adom_of(ref: TargetRef) -> FortiManagerAdom:
        session = partial(opened, access[ref.unit], ref)
        return FortiManagerAdom(ref, owner=config.owner, open_session=session, clock=time)

    def target_of(ref: TargetRef) -> Target:
        return direct.target(ref) if ref.kind is TargetKind.FORTIGATE else adom_of(ref)

    serials.learn(identities, config, direct, adom_of, time)
    adoms = _adoms(config, target_of, time, memory)
    if ownership is not None:
        adoms = _under_leases(adoms, ownership, time)
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

    config = load.load_config(path)
    unverified = _check_files(config, before.unverified if before else frozenset())
    ownership = _ownership(config, before.ownership if before else None)
    time = clock or SystemClock()
    stopping = Stopping(time, before.stopping if before else None)
    documents = _documents(config, state_dir, time)
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


def _check_files(config: Config, known: frozenset[str]) -> frozenset[str]:
    """Refuse kubeconfigs and authorities that cannot be used, before they replace what works.

    Gives whose certificates nobody verifies, and says so of those that are not `known`.
    """
    for index, unit in enumerate(config.fortimanagers):
        try:
            unit_access(unit).check()
        except errors.TargetError as error:
            step = error.next_step
            raise config.origin.error(("fortimanagers", index), error.message, step) from error
    found = {f"cluster {name}" for name in clusters.check_kubeconfigs(config)}
    found |= {f"FortiManager {unit.name}" for unit in config.fortimanagers if not unit.tls.verify}
    for index, direct in enumerate(config.fortigates):
        try:
            fortigates.unit_access(direct).check()
        except errors.TargetError as error:
            step = error.next_step
            raise config.origin.error(("fortigates", index), error.message, step) from error
    found |= {f"FortiGate {unit.name}" for unit in config.fortigates if not unit.tls.verify}
    for name in sorted(found - known):
        _log.warning(
            "certificate not verified",
            of=name,
            why="it is switched off: whoever is on the way can read and change what is said",
        )
    return frozenset(found)


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


def make_decision_audit(
    path: Path, *, state_dir: Path, clock: Clock, by: str, reason: str
) -> Audit:
    """Where a decision is kept that a person makes outside a run, in the name of `by`."""
    owner = load.load_config(path).owner if path.exists() else "fmgsync"
    documents = make_documents(path, state_dir=state_dir, clock=clock)
    return install_context.make_decision_audit(
        owner, documents, clock, state_dir, by=by, reason=reason
    )


def is_leased(path: Path) -> bool:
    """Whether Leases keep others away."""
    return load.load_config(path).lease is not None


def make_stops(path: Path, *, state_dir: Path) -> Stops:
    """What people have stopped."""
    config = load.load_config(path)
    return Stops(_documents(config, state_dir, SystemClock()), config.owner)


def make_brake(path: Path, *, state_dir: Path, by: str, reason: str) -> Brake:
    """What `fmgsync stop` and `start` work with; connects to no FortiManager."""
    config, clock = load.load_config(path), SystemClock()
    documents = _documents(config, state_dir, clock)
    hosts = {unit.name: str(unit.host) for unit in config.fortimanagers}
    hosts |= {unit.name: str(unit.host) for unit in config.fortigates}
    units = Units(documents, hosts)
    return Brake(
        Stops(documents, config.owner),
        Rollouts(documents, config.owner, clock=clock, units=units, fleets=rules.fleets(config)),
        install_context.make_decision_audit(
            config.owner, documents, clock, state_dir, by=by, reason=reason
        ),
        {site.adom for site in rules.sites(config)},
        install_context.named(by),
        reason,
        clock.now(),
        needs_reason=config.policy.require_reason,
    )


def make_documents(path: Path, *, state_dir: Path, clock: Clock) -> Documents:
    """What is remembered, where the configuration says; where there is none, in the folder.

    Raises ConfigError for a wrong configuration.
    """
    if not path.exists():
        return Folder(state_dir, clock=clock)
    return _documents(load.load_config(path), state_dir, clock)


def needs_reason(path: Path) -> bool:
    """Whether a person has to say why; where there is no configuration, nobody has."""
    return path.exists() and load.load_config(path).policy.require_reason


def _documents(config: Config, state_dir: Path, clock: Clock) -> Folder | ConfigMap:
    """Replicas and command line share one memory where `lease` is configured: beside the Leases."""
    if config.lease is None:
        return Folder(state_dir, clock=clock)
    from fmgsync.kube.client import ApiSession
    from fmgsync.state.configmap import ConfigMap

    session = ApiSession("state", clusters.home(config), connect_s=3.0, answer_s=10.0)
    return ConfigMap(session, config.lease.namespace, clock=clock)


def _ownership(config: Config, before: Ownership | None = None) -> Ownership | None:
    """The replica's part where `lease` is configured; without it this is the only replica.

    The one before goes on where the Leases are kept in the same place.
    """
    if config.lease is None:
        return None
    from fmgsync.leases import leasing

    key = (clusters.home(config), config.lease.namespace, config.owner)
    if before is not None and before.key == key:
        return before
    replica = leasing.replica_name()
    refs = {site.adom for site in rules.sites(config)}
    leases, fleets = leasing.make_leases(*key, replica), rules.fleets(config)
    return Ownership(replica, leases, refs, key=key, fleets=fleets)


def _under_leases(
    works: Sequence[AdomWork], ownership: Ownership, clock: Clock
) -> tuple[AdomWork, ...]:
    """One-shot work on an ADOM holds its Lease, as a controller's does."""
    from fmgsync.leases import leasing

    shared = leasing.SharedLeases(clock)

    def under(work: AdomWork) -> AdomWork:
        @contextmanager
        def session() -> Iterator[object]:
            with shared.held(work.ref, ownership.lease(work.ref)), work.session() as opened:
                yield opened

        return replace(work, session=session)

    return tuple(map(under, works))


def compat_stamp(path: Path) -> object:
    """Stands for what `calicoCompat` reads in its cluster; None where there is none, or it does not
    answer now."""
    try:
        config = load.compat_of(path)
        return calico_compat.stamp(config) if config is not None else None
    except (errors.ConfigError, errors.SourceError):
        return None


def referenced_files(path: Path) -> tuple[Path, ...]:
    """The configuration and the files it refers to: what a reload is due for when it changes."""
    try:
        config = load.load_config(path)
    except errors.ConfigError:
        return (path,)
    found = [path]
    found += clusters.referenced_files(config)
    for unit in config.fortimanagers:
        secrets = (unit.credentials.password, unit.credentials.api_key)
        found += [secret.file for secret in secrets if secret and secret.file]
        found += [unit.tls.ca_file] if unit.tls.ca_file else []
    for direct in config.fortigates:
        found += fortigates.files(direct)
    return tuple(found)


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


def make_sources(
    path: Path, *, command: str, more: Sequence[GroupRule] = ()
) -> Mapping[str, ReadSource]:
    """The clusters of a configuration alone, read for its rules and `more`."""
    config = load.load_config(path)
    features.refuse_unbuilt(config, command)
    return _sources(config, more)


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


def make_access(path: Path, fortimanager: str | None) -> Access:
    """How to reach one FortiManager of a configuration; the only one if no name is given."""
    config = load.load_config(path)
    names = [unit.name for unit in config.fortimanagers]
    wanted = fortimanager or (names[0] if len(names) == 1 else None)
    if wanted not in names:
        way = f"name one with --fortimanager: {', '.join(names) or 'there is none'}"
        raise errors.UsageError(
            f"no FortiManager {wanted!r}" if wanted else "which FortiManager?",
            where=str(path),
            next_step=way,
        )
    return unit_access(config.fortimanagers[names.index(wanted)])


def make_session(access: Access, *, clock: Clock, transport: Transport | None = None) -> Session:
    """One session, not yet open."""
    return Session(access, clock=clock, adapter=transport(access) if transport else None)


def make_target_checks(
    config: Config, *, clock: Clock, transport: Transport | None = None
) -> list[TargetToCheck]:
    """Everything a configuration writes to, for `fmgsync doctor`."""
    from fmgsync.doctor.doctor import TargetToCheck
    from fmgsync.targets.fortimanager import diagnose

    sites, installs, named = rules.sites(config), terms.terms(config), terms.named_places(config)
    found = []
    for unit in config.fortimanagers:
        refs = sorted({s.adom for s in sites if s.adom.unit == unit.name})
        purpose = Purpose(
            {ref: tuple(s for s in sites if s.adom == ref) for ref in refs},
            installs.mode,
            writes=config.policy.mode != "observe",
            named={ref: named(ref) for ref in refs},
            at_once=terms.written_at_once(config),
        )
        session = make_session(unit_access(unit), clock=clock, transport=transport)
        check = partial(diagnose.check_unit, session, purpose)
        found.append(TargetToCheck(f"FortiManager {unit.name}", check))
    identities = Identities()
    direct = FortiGates(config, clock=clock, identities=identities, transport=transport)

    def adom_of(ref: TargetRef) -> FortiManagerAdom:
        [unit] = [each for each in config.fortimanagers if each.name == ref.unit]
        opened = partial(make_session, unit_access(unit), clock=clock, transport=transport)
        return FortiManagerAdom(ref, owner=config.owner, open_session=opened, clock=clock)

    serials.learn(identities, config, direct, adom_of, clock)
    return [*found, *fortigates.checks(config, identities, clock=clock)]


def _session_of(
    clock: Clock,
    transport: Transport | None,
    hooks: HooksOf | None,
    access: Access,
    ref: TargetRef,
) -> Session:
    return Session(
        access,
        clock=clock,
        adapter=transport(access) if transport else None,
        hooks=hooks(ref) if hooks else None,
    )


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


def unit_access(unit: FortiManager) -> Access:
    """How to reach a FortiManager; its secrets are read now."""
    credentials = unit.credentials
    secret = credentials.password or credentials.api_key
    return Access(
        name=unit.name,
        host=str(unit.host),
        username=credentials.username,
        password=credentials.password.read() if credentials.password else None,
        api_key=credentials.api_key.read() if credentials.api_key else None,
        ca_file=unit.tls.ca_file,
        verify=unit.tls.verify,
        proxy=unit.proxy,
        reread=secret.read if secret else None,
    )
