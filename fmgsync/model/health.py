"""How a running controller is doing, as plain values: what probes, metrics and people ask for."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fmgsync.model.endpoint import Kind
from fmgsync.model.rollout import Outcome
from fmgsync.model.target import TargetRef


@dataclass(frozen=True, slots=True)
class RolloutHealth:
    """What of an ADOM's rollout waits for a person, or goes on for longer than it should.

    `held` is why nothing starts, empty if it goes on by itself. Devices: `failed`, `blocked` by
    other people's edits or a first install, and `open`: started, and how that ended is not known.
    `missed_windows` have opened and closed over a device that still waits.
    """

    held: str = ""
    failed: int = 0
    blocked: int = 0
    open: int = 0
    oldest_open_at: float | None = None
    missed_windows: int = 0


LATENCY_S: Final = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 24 * 3600.0)
"""Upper bounds of what a change's way to a device is sorted into; the last sort has none."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long changes took from being noticed to being proven on a device: how many took how
    long (by `LATENCY_S`), and all together."""

    counts: tuple[int, ...] = (0,) * (len(LATENCY_S) + 1)
    sum_s: float = 0.0

    def after(self, seconds: float) -> Latency:
        """With one more."""
        sort = bisect.bisect_left(LATENCY_S, seconds)
        counts = (count + (at == sort) for at, count in enumerate(self.counts))
        return Latency(tuple(counts), self.sum_s + seconds)


@dataclass(frozen=True, slots=True)
class DevicesHealth:
    """An ADOM's devices, as of the latest pass that looked.

    `sizes` are members of a group by device VDOM and group, `verified_at` is by device; `approvals`
    counts what `fmgsync approve` would let through.
    """

    drifted: int = 0
    unreachable: int = 0
    approvals: int = 0
    sizes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    verified_at: Mapping[str, float] = field(default_factory=dict)
    latency: Latency = Latency()


@dataclass(frozen=True, slots=True)
class AdomHealth:
    """One ADOM. Instants are UTC epoch seconds, None for never or not known.

    `answered` says whether its FortiManager ever carried a pass to its end. `window_open` is None
    where no windows are configured. `elsewhere` says that another replica is known to work on it.
    `oldest_stale_grant_at` is 0 if that is not known, which counts as overdue. `stopped`: a person
    wants nothing to be written or installed.
    """

    ref: TargetRef
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
    rollout: RolloutHealth = RolloutHealth()
    devices: DevicesHealth = field(default_factory=DevicesHealth)
    stopped: bool = False


SILENCE_S: Final = 300.0
"""So long without a word of a cluster, and nobody knows any more what runs there. An API server
speaks about once a minute even if nothing happens, and a dead connection is noticed after 200 s."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """One kind of one cluster: how long ago it was last heard, None before the first time, and why
    it is not followed right now."""

    ago_s: float | None = None
    lost: str = ""


@dataclass(frozen=True, slots=True)
class ClusterHealth:
    """One cluster: the kinds that some rule needs, those that are read completely, whether all
    that is needed ever was, and when each kind was last heard."""

    cluster: str
    needed: frozenset[Kind]
    synced: frozenset[Kind]
    was_synced: bool
    problems: tuple[str, ...] = ()
    hearing: Mapping[Kind, Hearing] = field(default_factory=dict)

    @property
    def silent(self) -> tuple[tuple[Kind, float], ...]:
        """The needed kinds that were heard once and not within the bound, with their age."""
        return tuple(
            (kind, heard.ago_s)
            for kind, heard in sorted(self.hearing.items())
            if kind in self.needed and heard.ago_s is not None and heard.ago_s > SILENCE_S
        )


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """The whole process. `beat_ago_s`: how long ago its main loop last came round; `asked_at` is
    now, in UTC epoch seconds."""

    version: str
    beat_ago_s: float
    adoms: tuple[AdomHealth, ...] = ()
    clusters: tuple[ClusterHealth, ...] = ()
    config_loaded_at: float | None = None
    config_failures: int = 0
    asked_at: float = 0.0

    def obstacles(self) -> tuple[str, ...]:
        """What keeps the service from being ready: nothing once everything answered once, for as
        long as every cluster is heard."""
        waiting = [
            f"cluster {c.cluster} was not read yet" for c in self.clusters if not c.was_synced
        ]
        waiting += [
            f"{kind} of cluster {c.cluster} were last heard {age:.0f} s ago"
            for c in self.clusters
            for kind, age in c.silent
        ]
        # Until somebody is known to work on an ADOM, it may fall to this replica.
        ours = (adom for adom in self.adoms if adom.leader or not adom.elsewhere)
        waiting += [f"ADOM {a.ref} was not compared yet" for a in ours if not a.answered]
        return tuple(waiting)
