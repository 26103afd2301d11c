"""Who works on which ADOM: one Lease per ADOM, shared evenly among the replicas that are alive.
FortiGates of one fleet go by one Lease: who decides whose turn it is has to know them all.

High availability and scale-out are the same thing here. Each replica shows that it is there by a
Lease of its own; all compute the same shares from who is there; each holds the Leases of its
share. Whoever must give an ADOM up finishes its pass first; whoever lost a Lease writes nothing
more, because every writing request asks here first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from fmgsync import errors, redaction
from fmgsync.leases.reach import PROBE_S, Reach
from fmgsync.model.fleet import Fleets, fleet_of
from fmgsync.model.target import TargetKind, TargetRef
from fmgsync.scheduling.shares import shares_of

DURATION_S = 10
TICK_S = 3.0
MARGIN_S = 2.0
"""A write is not begun when the Lease might end while it is under way."""

UNREACHABLE = "fmgsync/unreachable"
"""Annotation of a replica's own Lease: the FortiManagers that it cannot reach."""

_PROBED = 3
"""So many units of a fleet are tried: that one is dead says nothing of the way to the others."""

_log = structlog.get_logger(__name__)


def fleet_lease(name: str) -> TargetRef:
    """What the Lease of a fleet goes by that somebody has named."""
    return TargetRef(name, "", TargetKind.FORTIGATE)


def _by_lease(adoms: Iterable[TargetRef], fleets: Fleets) -> dict[TargetRef, tuple[TargetRef, ...]]:
    """The targets that go by each Lease."""
    found: dict[TargetRef, list[TargetRef]] = {}
    for ref in sorted(set(adoms)):
        fleet = fleet_of(fleets, ref)
        found.setdefault(ref if fleet.is_alone else fleet_lease(fleet.name), []).append(ref)
    return {lease: tuple(refs) for lease, refs in found.items()}


def _lease_of(
    members: Mapping[TargetRef, Iterable[TargetRef]],
) -> dict[TargetRef, TargetRef]:
    return {ref: lease for lease, refs in members.items() for ref in refs}


class HeldLease(Protocol):
    """What is needed of a Lease; `kube.lease.Lease` is one."""

    @property
    def name(self) -> str:
        """The Lease object's name."""

    @property
    def other_holder(self) -> str:
        """Who else holds it, as last seen; empty if nobody does."""

    def holds(self, margin_s: float = 0.0) -> bool:
        """Whether this replica may act for `margin_s` seconds more. Asks nobody."""

    def try_hold(self) -> bool:
        """Acquire or renew, one try."""

    def release(self) -> None:
        """Give it up."""

    def remove(self) -> None:
        """Give it up for good: the name is nobody else's."""


class Presence(HeldLease, Protocol):
    """The Lease that shows that a replica is there, and what it has to say to the others."""

    def annotate(self, annotations: Mapping[str, str]) -> None:
        """What the Lease says besides, from the next renewal on."""


@dataclass(frozen=True, slots=True)
class Leases:
    """Where the Leases are kept. `replicas` gives the names of all replicas that are alive, each
    with the FortiManagers that it cannot reach.

    After `close` the credentials are read again for the next request.
    """

    presence: Presence
    of: Callable[[TargetRef], HeldLease]
    replicas: Callable[[], Mapping[str, Collection[str]]]
    close: Callable[[], None] = lambda: None


class Ownership:
    """One replica's part. It outlives changes of the configuration that leave `key` the same."""

    def __init__(
        self,
        replica: str,
        leases: Leases,
        adoms: Iterable[TargetRef],
        *,
        key: Hashable = None,
        fleets: Fleets | None = None,
    ) -> None:
        self.replica = replica
        self.key = key
        self._leases = leases
        self._members = _by_lease(adoms, fleets or {})
        self._adoms = frozenset(self._members)
        self._lease_of = _lease_of(self._members)
        self._of = {ref: leases.of(ref) for ref in self._adoms}
        self._serving = threading.Lock()
        self._busy: Callable[[TargetRef], bool] = lambda ref: False
        self._on_gain: Callable[[TargetRef], None] = lambda ref: None
        self._unreached: Callable[[TargetRef], int | None] = lambda ref: None
        self._reaches: Callable[[str], bool] = lambda name: True
        self.reach = Reach()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ownership", daemon=True)

    def serve(
        self,
        adoms: Iterable[TargetRef],
        *,
        busy: Callable[[TargetRef], bool],
        on_gain: Callable[[TargetRef], None],
        unreached: Callable[[TargetRef], int | None] = lambda ref: None,
        reaches: Callable[[str], bool] = lambda name: True,
        fleets: Fleets | None = None,
    ) -> None:
        """Take a share of these ADOMs from now on, for whoever does the work: an ADOM with a
        running pass is not handed over before its end, and `on_gain` is called, from another
        thread, when an ADOM becomes ours. `unreached` says how many passes in a row did not get
        through to FortiManager (None: none was made yet), `reaches` tries the way to one."""
        with self._serving:
            self._members = {**self._members, **_by_lease(adoms, fleets or {})}
            self._lease_of = {**self._lease_of, **_lease_of(_by_lease(adoms, fleets or {}))}
            self._adoms = frozenset(_by_lease(adoms, fleets or {}))
            self._of = {**self._of, **{ref: self._leases.of(ref) for ref in self._adoms}}
            self._busy, self._on_gain = busy, on_gain
            self._unreached, self._reaches = unreached, reaches
        if self._thread.ident is None:
            self._thread.start()
            threading.Thread(target=self._probe, name="reach", daemon=True).start()

    def stop(self) -> None:
        """Give everything back, so that others need not wait for it to run out."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(TICK_S)
        for give_up in (
            *(each.release for each in self._of.values()),
            self._leases.presence.remove,
        ):
            try:
                give_up()
            except errors.SourceError as error:
                _log.warning("a lease is left to run out", why=str(error))
        self._leases.close()

    def holds(self, ref: TargetRef) -> bool:
        """Whether a pass over the ADOM may begin here."""
        lease = self._of.get(self._lease_of.get(ref, ref))
        return lease is not None and lease.holds(MARGIN_S)

    def elsewhere(self, ref: TargetRef) -> bool:
        """Whether another replica holds the ADOM's Lease, as last seen."""
        lease = self._of.get(self._lease_of.get(ref, ref))
        return lease is not None and bool(lease.other_holder)

    def lease(self, ref: TargetRef) -> HeldLease:
        """The ADOM's Lease itself."""
        return self._of[self._lease_of.get(ref, ref)]

    def check(self, ref: TargetRef) -> None:
        """Before every write: raises Deposed if another replica may be at work by now."""
        if not self.holds(ref):
            raise errors.Deposed(
                "another replica may work on this ADOM now; nothing more is written here",
                **ref.named,
            )

    def tick(self) -> None:
        """Show that we are here, and hold exactly our share."""
        held = [ref for ref, lease in self._of.items() if lease.holds()]
        self.reach.passed({ref: self._not_through(ref) for ref in held})
        out_of_reach = self.reach.unreachable
        self._leases.presence.annotate({UNREACHABLE: " ".join(sorted(out_of_reach))})
        self._leases.presence.try_hold()
        alive = {**self._leases.replicas(), self.replica: out_of_reach}
        share = shares_of(self._adoms, alive, self._holder)
        for ref, lease in self._of.items():
            self._hold_or_yield(ref, lease, share.get(ref))
        with self._serving:
            left = self._adoms
            self._of = {r: each for r, each in self._of.items() if r in left or each.holds()}

    def _holder(self, ref: TargetRef) -> str:
        lease = self._of[ref]
        return self.replica if lease.holds() else lease.other_holder

    def _not_through(self, lease: TargetRef) -> int | None:
        """How many passes in a row got through to none of those that go by a Lease."""
        counts = [
            count for ref in self._of_lease(lease) if (count := self._unreached(ref)) is not None
        ]
        return min(counts, default=None)

    def _of_lease(self, lease: TargetRef) -> tuple[TargetRef, ...]:
        return self._members.get(lease, (lease,))

    def _probe(self) -> None:
        while not self._stopping.wait(PROBE_S):
            try:
                self.reach.probe(self._reached)
            except Exception as error:
                _log.error("ways not tried", exception=redaction.traceback_text(error))

    def _reached(self, name: str) -> bool:
        """Whether the way to a unit, or to one of a fleet, is open."""
        fleet = self._members.get(fleet_lease(name))
        names = {ref.unit for ref in fleet} if fleet else {name}
        return any(self._reaches(each) for each in sorted(names)[:_PROBED])

    def _hold_or_yield(self, ref: TargetRef, lease: HeldLease, who: str | None) -> None:
        """`who` should have it: nobody, if the ADOM is no longer in the configuration."""
        held = lease.holds()
        if who == self.replica:
            if lease.try_hold() and not held:
                _log.info("took over", lease=lease.name, **ref.named)
                for each in self._of_lease(ref):
                    self._on_gain(each)
        elif held and not any(map(self._busy, self._of_lease(ref))):
            _log.info("hands over", lease=lease.name, to=who, **ref.named)
            lease.release()
        elif held:
            lease.try_hold()

    def _run(self) -> None:
        told: set[str] = set()
        while not self._stopping.is_set():
            try:
                self.tick()
                told.clear()
            except errors.SourceError as error:
                # What is held ends by itself; until then work may go on.
                if str(error) not in told:
                    _log.warning("leases cannot be renewed", why=str(error))
                told.add(str(error))
                self._leases.close()
            except Exception as error:
                _log.error("leases failed", exception=redaction.traceback_text(error))
            self._stopping.wait(TICK_S)
