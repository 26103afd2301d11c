"""A fleet in this process: what the passes over its targets know, and whose turn it is.

A fleet that nobody has joined is one target, and all of this is nothing there. In a joined one each
target has its own passes; what they find out about their device meets here, so that canary, waves
and budget are decided over all of them. Who may start is decided under one lock, and a target whose
turn has come is called.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from fmgsync.model.adom import AdomTopology, Device
from fmgsync.model.fleet import Fleet
from fmgsync.model.rule import GroupRule, Site
from fmgsync.model.target import TargetRef
from fmgsync.passes.pre_wave_hooks import Answers
from fmgsync.planning import summary
from fmgsync.scheduling import fleets
from fmgsync.scheduling.fleets import Others
from fmgsync.scheduling.rollout import Candidate, Decision, HoldKind, Readiness


class Roster:
    """One fleet's targets. Any thread may use it."""

    def __init__(self, fleet: Fleet, sites: Sequence[Site]) -> None:
        self.fleet = fleet
        self.sites = tuple(sites)
        named = fleet.devices
        self._others = {
            ref.unit: Device(ref.unit, (ref.domain,)) for ref in fleet.targets if ref.unit in named
        }
        self._digest: tuple[tuple[GroupRule, ...], str] | None = None
        self._lock = threading.RLock()
        self._known: dict[TargetRef, tuple[Candidate, ...]] = {}
        self._changes = 0
        self._asked_at: dict[TargetRef, int] = {}
        self._called: set[TargetRef] = set()
        self._writing: set[TargetRef] = set()
        self._short_of_room: set[TargetRef] = set()
        self._turned_away: set[TargetRef] = set()
        self._listener: Callable[[TargetRef], None] | None = None
        self.answers = Answers()

    def rules_digest(self, rules: tuple[GroupRule, ...]) -> str:
        """What the fleet's canary proves."""
        known = self._digest
        if known is None or known[0] is not rules:
            known = self._digest = rules, summary.rules_digest(rules, self.sites)
        return known[1]

    def of(self, topology: AdomTopology) -> AdomTopology:
        """A target's topology with the fleet's name, and with the devices that the fleet has
        besides: canaries and waves may name them."""
        devices = {**self._others, **topology.devices}
        return replace(topology, fleet=self.fleet.name, devices=devices)

    def own(self, ref: TargetRef) -> frozenset[str] | None:
        """The devices that this target answers for; None where it is the whole fleet.

        While another VDOM of a unit is being written here, that one answers for it.
        """
        if self.fleet.is_alone:
            return None
        with self._lock:
            theirs = {other.unit for other in self._writing if other != ref}
        return frozenset({ref.unit}) - theirs

    @contextmanager
    def writing(self, ref: TargetRef) -> Iterator[None]:
        """A target is being written, from before it is at risk until that is settled."""
        with self._lock:
            self._writing.add(ref)
        try:
            yield
        finally:
            with self._lock:
                self._writing.discard(ref)

    def deciding(self) -> AbstractContextManager[object]:
        """From a decision until it is noted: nobody else of the fleet decides meanwhile."""
        return self._lock

    def others(self, ref: TargetRef) -> Others | None:
        """What is known of the rest of the fleet; None where this target is all of it."""
        if self.fleet.is_alone:
            return None
        with self._lock:
            found = {other: theirs for other, theirs in self._known.items() if other != ref}
        return Others(ref.unit, found, len(self.fleet.targets) - len(found) - 1)

    def note(self, ref: TargetRef, candidates: Iterable[Candidate]) -> None:
        """What a target's pass has found of its devices."""
        if self.fleet.is_alone:
            return
        with self._lock:
            before, found = self._known.get(ref), tuple(candidates)
            self._known[ref] = found
            if before is None or list(map(_gist, before)) != list(map(_gist, found)):
                self._changes += 1
            if before is None and len(self._known) == len(self.fleet.targets):
                self._look_again(besides=ref)

    def decided(self, ref: TargetRef, candidates: Iterable[Candidate], decision: Decision) -> None:
        """A target's pass has decided who may start: others whose turn it is are called. It was
        decided while `deciding`, by the ledger as it stands now."""
        with self._lock:
            self.note(ref, candidates)
            self._asked_at[ref] = self._changes
            self._called.discard(ref)
            if decision.held is not None and decision.held.kind is HoldKind.UNSEEN:
                self._turned_away.add(ref)
            self._call(decision.turn, besides=ref)

    def absent(self, ref: TargetRef, why: str) -> None:
        """A target could not be looked at: the others no longer wait for that."""
        if self.fleet.is_alone:
            return
        with self._lock:
            self.note(ref, (Candidate(ref.unit, Readiness.OFFLINE, detail=why),))
            self._asked_at[ref] = self._changes
            if len(self._known) == len(self.fleet.targets):
                ready = (
                    c for theirs in self._known.values() for c in theirs if fleets.may_start(c)
                )
                self._call([each.device for each in ready], besides=ref)

    def changed(self) -> None:
        """Something has happened to a device of the fleet: whoever was asked may be asked again."""
        with self._lock:
            self._changes += 1

    def wants_room(self, ref: TargetRef) -> None:
        """A target has something that cannot wait, or was its turn, and as many devices are at risk
        as may fail: it is called as soon as one of them is not any more."""
        if not self.fleet.is_alone:
            with self._lock:
                self._short_of_room.add(ref)

    def freed(self) -> None:
        """A device of the fleet is at risk no more."""
        with self._lock:
            self._changes += 1
            waiting, self._short_of_room = self._short_of_room, set()
            for ref in sorted(waiting):
                self._tell(ref)

    def listen(self, listener: Callable[[TargetRef], None]) -> None:
        """Call this with every target whose turn has come."""
        self._listener = listener

    def take_call(self, ref: TargetRef) -> bool:
        """Whether it was this target's turn since it was asked last."""
        with self._lock:
            called = ref in self._called
            self._called.discard(ref)
        return called

    def _look_again(self, *, besides: TargetRef) -> None:
        """All were looked at: who was turned away before that need not wait until it comes back by
        itself. A run that makes passes by turns has its own end, and is not told."""
        waiting, self._turned_away = self._turned_away - {besides}, set()
        if self._listener is not None:
            for ref in sorted(waiting):
                self._tell(ref)

    def _call(self, devices: Collection[str], *, besides: TargetRef) -> None:
        """Not whom it was said already, unless something has changed since."""
        if not devices:
            return
        wanted = frozenset(devices)
        for ref in self.fleet.targets:
            if ref.unit not in wanted or ref == besides or ref in self._called:
                continue
            if self._asked_at.get(ref, -1) < self._changes:
                self._tell(ref)

    def _tell(self, ref: TargetRef) -> None:
        self._called.add(ref)
        if self._listener is not None:
            self._listener(ref)


def _gist(each: Candidate) -> tuple[str, Readiness, bool]:
    return each.device, each.readiness, each.opening is not None
