"""How a running controller is doing, as plain values: what probes, metrics and people ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fmgsync.model.endpoint import Kind
from fmgsync.model.rollout import Outcome
from fmgsync.model.target import AdomRef


@dataclass(frozen=True, slots=True)
class AdomHealth:
    """One ADOM. Instants are UTC epoch seconds, None for never or not known.

    `answered` says whether its FortiManager ever carried a pass to its end. `window_open` is None
    where no windows are configured. `elsewhere` says that another replica is known to work on it.
    `oldest_stale_grant_at` is 0 if that is not known, which counts as overdue.
    """

    ref: AdomRef
    answered: bool = False
    last_success_at: float | None = None
    passes: int = 0
    failures: int = 0
    pending_devices: int = 0
    stale_grants: int = 0
    oldest_stale_grant_at: float | None = None
    guard_holds: int = 0
    installs: Mapping[Outcome, int] = field(default_factory=dict)
    leader: bool = True
    elsewhere: bool = False
    window_open: bool | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ClusterHealth:
    """One cluster: the kinds that some rule needs, those that are read completely now, and
    whether all that is needed ever was."""

    cluster: str
    needed: frozenset[Kind]
    synced: frozenset[Kind]
    was_synced: bool
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """The whole process. `beat_at` is when its main loop last came round."""

    version: str
    beat_at: float
    adoms: tuple[AdomHealth, ...] = ()
    clusters: tuple[ClusterHealth, ...] = ()
    config_loaded_at: float | None = None
    config_failures: int = 0

    def obstacles(self) -> tuple[str, ...]:
        """What keeps the service from being ready: nothing once everything answered once."""
        waiting = [
            f"cluster {c.cluster} was not read yet" for c in self.clusters if not c.was_synced
        ]
        # Until somebody is known to work on an ADOM, it may fall to this replica.
        ours = (adom for adom in self.adoms if adom.leader or not adom.elsewhere)
        waiting += [f"ADOM {a.ref} was not compared yet" for a in ours if not a.answered]
        return tuple(waiting)
