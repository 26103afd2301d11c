"""What is remembered, where the configuration says, and what people decide of it outside a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fmgsync.audit import Audit
from fmgsync.clock import Clock, SystemClock
from fmgsync.passes import install_context
from fmgsync.passes.brake import Brake
from fmgsync.settings import load, rules
from fmgsync.state.documents import Documents
from fmgsync.state.folder import Folder
from fmgsync.state.rollouts import Rollouts
from fmgsync.state.stops import Stops
from fmgsync.state.units import Units
from fmgsync.wiring import clusters

if TYPE_CHECKING:
    from fmgsync.settings.schema import Config
    from fmgsync.state.configmap import ConfigMap


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
    return Stops(documents_of(config, state_dir, SystemClock()), config.owner)


def read_left_open(path: Path, *, state_dir: Path) -> tuple[str, ...]:
    """What was begun where no site of the configuration leads any more. Raises StateError."""
    config, clock = load.load_config(path), SystemClock()
    documents = documents_of(config, state_dir, clock)
    units, fleets = units_of(config, documents), rules.fleets(config)
    rollouts = Rollouts(documents, config.owner, clock=clock, units=units, fleets=fleets)
    return rollouts.left_open({site.adom for site in rules.sites(config)})


def make_brake(path: Path, *, state_dir: Path, by: str, reason: str) -> Brake:
    """What `fmgsync stop` and `start` work with; connects to no FortiManager."""
    config, clock = load.load_config(path), SystemClock()
    documents = documents_of(config, state_dir, clock)
    units = units_of(config, documents)
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
    return documents_of(load.load_config(path), state_dir, clock)


def needs_reason(path: Path) -> bool:
    """Whether a person has to say why; where there is no configuration, nobody has."""
    return path.exists() and load.load_config(path).policy.require_reason


def documents_of(config: Config, state_dir: Path, clock: Clock) -> Folder | ConfigMap:
    """Replicas and command line share one memory where `lease` is configured: beside the Leases."""
    if config.lease is None:
        return Folder(state_dir, clock=clock)
    from fmgsync.kube.client import ApiSession
    from fmgsync.state.configmap import ConfigMap

    session = ApiSession("state", clusters.home(config), connect_s=3.0, answer_s=10.0)
    return ConfigMap(session, config.lease.namespace, clock=clock)


def units_of(config: Config, documents: Documents) -> Units:
    """What is remembered of each unit as such, by its host."""
    hosts = {unit.name: str(unit.host) for unit in config.fortimanagers}
    hosts |= {unit.name: str(unit.host) for unit in config.fortigates}
    return Units(documents, hosts)
