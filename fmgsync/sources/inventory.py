"""What the watches of one cluster know now.

One thread per kind applies changes; any thread may look. A kind is not synced until its first
listing is complete, and not while one of its objects cannot be named; an object of which only a
part cannot be read says so itself. An interruption takes nothing away: what is known stays known,
and a problem says that it grows stale.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from fmgsync.clock import Clock
from fmgsync.kube.changes import Began, Change, Interrupted, Synced
from fmgsync.model.address import Address
from fmgsync.model.endpoint import (
    ALWAYS,
    PLATFORM_KINDS,
    ClusterDifference,
    ClusterSnapshot,
    Kind,
    PodEndpoint,
    PodKey,
    SourceProblem,
)
from fmgsync.model.health import Hearing
from fmgsync.sources import outcome, problems
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.reading import Raw
from fmgsync.sources.kinds import listed
from fmgsync.sources.known_objects import Objects, Seen, remembering, seen_in
from fmgsync.sources.outcome import Found


@dataclass(slots=True)
class _KindState:
    """One kind: what is known, and a listing that is not complete yet."""

    known: Objects = field(default_factory=Objects)
    listing: Objects | None = None
    complete: bool = False
    interruption: str = ""
    heard_at: float | None = None
    before: dict[str, Found | None] = field(default_factory=dict)  # since the last difference
    pool: LabelPool = field(default_factory=LabelPool)

    @property
    def synced(self) -> bool:
        return self.complete and not self.known.unreadable


class Inventory:
    """One cluster's endpoints and namespaces, as of the latest change.

    `version` grows with every change that a snapshot would show; `on_change` is called after it
    grew, from the thread of a watch, and must be quick. `kinds` are those that are followed; the
    others stay unsynced and nobody is told that they are missing.
    """

    def __init__(
        self,
        cluster: str,
        *,
        clock: Clock,
        on_change: Callable[[], None] | None = None,
        kinds: Iterable[Kind] = ALWAYS,
    ) -> None:
        self.cluster: Final = cluster
        self._clock: Final = clock
        self._on_change: Final = on_change
        self._changed: Final = threading.Condition()
        self._followed: Final = frozenset(kinds)
        self._kinds: Final = {kind: _KindState() for kind in listed({*Kind, *self._followed})}
        self._version = 0
        self._snapshot: tuple[int, ClusterSnapshot] | None = None

    @property
    def version(self) -> int:
        """Grows with every change that matters."""
        with self._changed:
            return self._version

    def holds(self, kind: Kind) -> bool:
        """Whether any object of the kind is known."""
        with self._changed:
            return bool(self._kinds[kind].known.found)

    def follows(self, pod: PodKey) -> bool:
        """Whether the pod is among what is known."""
        with self._changed:
            return outcome.key_of(*pod) in self._kinds[Kind.PODS].known.found

    def hearing(self) -> dict[Kind, Hearing]:
        """When each kind that is followed was last heard, and what keeps it from being so now."""
        with self._changed:
            now = self._clock.steady()
            return {
                kind: Hearing(
                    None if state.heard_at is None else now - state.heard_at, state.interruption
                )
                for kind, state in self._kinds.items()
                if kind in self._followed
            }

    def apply(self, kind: Kind, change: Change[Raw]) -> None:
        """Take in what a watch of the kind yields."""
        state = self._kinds[kind]
        # Converting takes most of the time, and touches nothing that other threads see.
        seen = [*seen_in(kind, change, state.pool)]
        with self._changed:
            before = self._version
            self._apply(state, change, seen)
            grew = self._version != before
            if grew:
                self._changed.notify_all()
        if grew and self._on_change is not None:
            self._on_change()

    def snapshot(self) -> ClusterSnapshot:
        """A consistent copy of everything; the same object while nothing changes."""
        with self._changed:
            if self._snapshot is None or self._snapshot[0] != self._version:
                self._snapshot = (self._version, self._made_snapshot())
            return self._snapshot[1]

    def holders(self) -> Mapping[Address, Collection[PodKey]] | None:
        """The pods by the addresses that they have or claim; None before all are known."""
        with self._changed:
            state = self._kinds[Kind.PODS]
            pods = [*state.known.found.values()] if state.complete else None
        if pods is None:
            return None
        found: defaultdict[Address, list[PodKey]] = defaultdict(list)
        for pod in pods:
            if isinstance(pod, PodEndpoint):
                for address in pod.stakes:
                    found[address].append(pod.key)
        return found

    def take_difference(self, *, without: frozenset[Kind] = frozenset()) -> ClusterDifference:
        """What became different since the last call; what changed back in between did not.

        Kinds to do `without` are left for a later call, and are not synced until then.
        """
        with self._changed:
            pods, nodes = self._taken(Kind.PODS, without), self._taken(Kind.NODES, without)
            return ClusterDifference(
                cluster=self.cluster,
                synced=self._synced() - without,
                pods=tuple((before, after) for _, before, after in pods),
                nodes=tuple((before, after) for _, before, after in nodes),
                namespaces=tuple(self._taken(Kind.NAMESPACES, without)),
                problems=self._problems(),
                accounts=tuple(self._taken(Kind.ACCOUNTS, without)),
                network_sets=self._pairs((Kind.GLOBAL_SETS, Kind.NETWORK_SETS), without),
                policies=self._pairs((Kind.POLICIES, Kind.STAGED_POLICIES), without),
                ip_pools=self._pairs((Kind.IP_POOLS,), without),
                platform=self._pairs(PLATFORM_KINDS, without),
                destinations=self._pairs(self._destinations, without),
            )

    def _pairs(
        self, kinds: Iterable[Kind], without: frozenset[Kind]
    ) -> tuple[tuple[Any, Any], ...]:
        return tuple(
            (before, after) for kind in kinds for _, before, after in self._taken(kind, without)
        )

    def wait(self, version: int, timeout_s: float) -> int:
        """Wait for a version newer than this one, at most so long; gives the version."""
        with self._changed:
            self._changed.wait_for(lambda: self._version > version, timeout_s)
            return self._version

    def _apply(self, state: _KindState, change: Change[Raw], seen: list[Seen]) -> None:
        if isinstance(change, Interrupted):
            self._interrupt(state, str(change.error))
            return
        if isinstance(change, Began):  # our own wish, which nobody has answered yet
            state.listing = Objects()
            return
        state.heard_at = self._clock.steady()
        self._interrupt(state, "")
        if isinstance(change, Synced) and state.listing is not None:
            self._replace(state, state.listing)
            state.listing = None
        elif state.listing is not None:
            for each in seen:
                state.listing.put(remembering(state.known, each))
        else:
            for each in seen:
                self._put(state, each)

    def _interrupt(self, state: _KindState, text: str) -> None:
        if state.interruption != text:
            state.interruption = text
            self._version += 1

    def _put(self, state: _KindState, seen: Seen) -> None:
        seen = remembering(state.known, seen)
        if state.known.has(seen):
            return
        state.before.setdefault(seen.key, state.known.found.get(seen.key))
        state.known.put(seen)
        self._version += 1

    def _replace(self, state: _KindState, listing: Objects) -> None:
        """Take a complete listing for what is known; only what differs counts as changed."""
        old, new = state.known, listing
        different = [
            key
            for key in old.found.keys() | new.found.keys()
            if old.found.get(key) != new.found.get(key)
        ]
        for key in different:
            state.before.setdefault(key, old.found.get(key))
        told = (old.unreadable, old.told) != (new.unreadable, new.told)
        if different or told or not state.complete:
            self._version += 1
        state.known, state.complete = new, True

    def _taken(self, kind: Kind, without: frozenset[Kind]) -> Iterator[tuple[str, Any, Any]]:
        if kind in without:
            return
        state = self._kinds[kind]
        before, state.before = state.before, {}
        for key, old in sorted(before.items()):
            new = state.known.found.get(key)
            if old != new:
                yield key, old, new

    def _made_snapshot(self) -> ClusterSnapshot:
        found: dict[Kind, Any] = {
            kind: dict(sorted(state.known.found.items())) for kind, state in self._kinds.items()
        }
        return ClusterSnapshot(
            cluster=self.cluster,
            synced=self._synced(),
            pods=tuple(found[Kind.PODS].values()),
            nodes=tuple(found[Kind.NODES].values()),
            namespaces=MappingProxyType(found[Kind.NAMESPACES]),
            problems=self._problems(),
            accounts=MappingProxyType(found[Kind.ACCOUNTS]),
            network_sets=(*found[Kind.GLOBAL_SETS].values(), *found[Kind.NETWORK_SETS].values()),
            policies=(*found[Kind.POLICIES].values(), *found[Kind.STAGED_POLICIES].values()),
            ip_pools=tuple(found[Kind.IP_POOLS].values()),
            platform=tuple(each for kind in PLATFORM_KINDS for each in found[kind].values()),
            destinations=tuple(
                each for kind in self._destinations for each in found[kind].values()
            ),
        )

    @property
    def _destinations(self) -> tuple[Kind, ...]:
        return tuple(kind for kind in self._kinds if kind.is_destination)

    def _synced(self) -> frozenset[Kind]:
        return frozenset(kind for kind, state in self._kinds.items() if state.synced)

    def _problems(self) -> tuple[SourceProblem, ...]:
        return tuple(
            problem
            for kind, state in self._kinds.items()
            if kind in self._followed
            for problem in _problems(kind, state)
        )


def _problems(kind: Kind, state: _KindState) -> Iterator[SourceProblem]:
    if state.interruption:
        since = "what is known of them stays" if state.complete else "nothing is known of them yet"
        yield SourceProblem(str(kind), f"not followed at the moment, {since}: {state.interruption}")
    elif not state.complete:
        yield SourceProblem(str(kind), "the first listing is not complete yet")
    unread = problems.of_objects(kind, {**state.known.told, **state.known.unreadable})
    yield from problems.shortened(kind, unread)
