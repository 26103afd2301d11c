"""Everything a configuration reaches, as `fmgsync doctor` looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fmgsync.clock import Clock
from fmgsync.doctor.doctor import ClusterToCheck, Home, MemoryToCheck, TargetToCheck
from fmgsync.grouping import policies
from fmgsync.model.diagnosis import Diagnosis, Level
from fmgsync.model.endpoint import ClusterSnapshot
from fmgsync.model.target import TargetRef
from fmgsync.passes import wrong_clock
from fmgsync.passes.world import AdomWork, ReadSource
from fmgsync.settings import features, lint, load, rules, terms
from fmgsync.targets.fortigate.identities import Identities
from fmgsync.targets.fortimanager import diagnose
from fmgsync.targets.fortimanager.target import FortiManagerAdom
from fmgsync.targets.protocol import Purpose
from fmgsync.wiring import clusters, fortigates, fortimanagers, serials, wiring
from fmgsync.wiring.fortigates import FortiGates
from fmgsync.wiring.fortimanagers import Transport, make_session, unit_access

if TYPE_CHECKING:
    from fmgsync.kube.requests import Request, Verb
    from fmgsync.settings.schema import Cluster, Config

_FOLLOW: Final[tuple[Verb, ...]] = ("list", "watch")
_KEEP: Final[tuple[Verb, ...]] = ("get", "list", "create", "update", "delete")
_REMEMBER: Final[tuple[Verb, ...]] = ("get", "list", "watch", "update")


def make_checkups(
    path: Path, *, clock: Clock, transport: fortimanagers.Transport | None = None
) -> tuple[list[ClusterToCheck], list[TargetToCheck]]:
    """Everything a configuration reaches, for `fmgsync doctor`. Raises ConfigError."""
    config = load.load_config(path)
    targets = _targets_to_check(config, clock=clock, transport=transport)
    return _clusters_to_check(config), targets


def make_memories(path: Path, state_dir: Path, clock: Clock) -> list[MemoryToCheck]:
    """What is remembered of each ADOM. Raises ConfigError."""
    world = wiring.make_world(path, command=features.STATUS, clock=clock, state_dir=state_dir)
    kept = world.installing

    def read(work: AdomWork) -> list[str]:
        found = wrong_clock.findings(work.guard, kept.rollouts.read(work.ref), kept.stale)
        return [one.message for one in found]

    return [MemoryToCheck(work.ref.title, partial(read, work)) for work in world.adoms]


def check_secrets(path: Path) -> Iterator[Diagnosis]:
    """Whether everybody on this computer can read what opens a firewall. Raises ConfigError."""
    found = list(lint.exposed(load.load_config(path)))
    for problem in found:
        fix = problem.next_step or ""
        yield Diagnosis("this computer", "secrets", Level.WARNING, problem.message, fix)
    if not found:
        yield Diagnosis("this computer", "secrets", Level.OK, "no file with one is open to all")


def _compat_requests(config: Config, cluster: str) -> list[Request]:
    """What `calicoCompat` reads there."""
    from fmgsync.kube.requests import Request
    from fmgsync.settings import calico_objects

    compat = config.calico_compat
    if compat is None or compat.cluster != cluster:
        return []
    return [
        Request("get", resource, compat.namespace, name)
        for resource, names in calico_objects.READ
        for name in names or ("",)
    ]


def _reading(config: Config, cluster: Cluster) -> ReadSource:
    """Reads a dump, and tells of what it lacks as far as some rule needs that."""
    needed = policies.kinds_to_read(rules.rule_set(config), cluster.name)
    read = clusters.source(cluster, needed)

    def found() -> ClusterSnapshot:
        snapshot = read()
        return replace(snapshot, problems=policies.that_matter(snapshot.problems, needed))

    return found


def _clusters_to_check(config: Config) -> list[ClusterToCheck]:
    """Live ones are asked for the rights to follow them; where Leases are kept, for those, too."""
    found = []
    for cluster in config.clusters:
        if cluster.manifests is None:
            from fmgsync.kube.client import ApiSession
            from fmgsync.kube.requests import Request
            from fmgsync.sources.kinds import listed, row

            needed = policies.kinds_to_read(rules.rule_set(config), cluster.name)
            rows = [row(kind) for kind in listed(needed)]
            wanted = [
                Request(verb, each.resource, each.scope.namespace, each.only)
                for each in rows
                if not each.has_homes
                for verb in _FOLLOW
            ]
            homes = [Home(r.resource, r.older, r.spare) for r in rows if r.has_homes]
            wanted += _compat_requests(config, cluster.name)
            session = partial(ApiSession, cluster.name, clusters.access(cluster))
            found.append(
                ClusterToCheck(
                    cluster.name, session=session, wanted=tuple(wanted), homes=tuple(homes)
                )
            )
        else:
            read = _reading(config, cluster) if isinstance(cluster.manifests, Path) else None
            found.append(ClusterToCheck(cluster.name, read=read))
    if config.lease is not None:
        from fmgsync.kube.client import ApiSession
        from fmgsync.kube.requests import CONFIGMAPS, LEASES, Request
        from fmgsync.state.configmap import NAME

        space = config.lease.namespace
        keeping = [Request(v, LEASES, space) for v in _KEEP]
        keeping += [Request(v, CONFIGMAPS, space, NAME) for v in _REMEMBER]
        session = partial(ApiSession, "of the Leases", clusters.home(config))
        found.append(ClusterToCheck("of the Leases", session=session, wanted=tuple(keeping)))
    return found


def _targets_to_check(
    config: Config, *, clock: Clock, transport: Transport | None = None
) -> list[TargetToCheck]:
    """Everything a configuration writes to, for `fmgsync doctor`."""
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
    return [*found, *fortigates.checks(config, identities, clock=clock, transport=transport)]
