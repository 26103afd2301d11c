"""What a cluster's changes come through: a watch of its API server, or a dump read anew.

Both give differences, so that nothing behind them knows which it is.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog

from fmgsync import errors, redaction
from fmgsync.clock import Clock
from fmgsync.grouping.interest import ALL, Interest
from fmgsync.kube import client
from fmgsync.kube.stopping import Stop
from fmgsync.model.address import Address
from fmgsync.model.endpoint import (
    ALWAYS,
    ClusterDifference,
    ClusterSnapshot,
    Kind,
    PodKey,
    SourceProblem,
)
from fmgsync.model.health import Hearing
from fmgsync.model.labels import Labels
from fmgsync.sources import live
from fmgsync.sources.census import Census
from fmgsync.sources.inventory import Inventory
from fmgsync.sources.lookups import Lookups
from fmgsync.sources.strangers import Strangers

_log = structlog.get_logger(__name__)

DUMP_POLL_S = 2.0

Key = TypeVar("Key", bound=Hashable)
Thing = TypeVar("Thing")


class Feed(Protocol):
    """One cluster's changes."""

    cluster: str

    def stands_for(self, other: Feed) -> bool:
        """Whether it tells all that the other, which has not begun, would tell."""

    def start(self, on_change: Callable[[], None]) -> None:
        """Begin; `on_change` is called, from another thread, whenever there is a difference."""

    def take_difference(self) -> ClusterDifference:
        """What became different since the last call."""

    def heed(self, difference: ClusterDifference, selects: Callable[[PodKey], bool]) -> None:
        """Look into what is doubtful in a difference; `selects` says which pods some rule does."""

    def hearing(self) -> Mapping[Kind, Hearing]:
        """When each kind was last heard, and what keeps it from being followed now."""

    def runs(self, address: Address) -> bool:
        """Whether something that the differences leave out is known to have the address."""

    def stop(self) -> None:
        """End soon."""


class LiveFeed:
    """A running cluster, followed by one watch per kind, as far as the rules need it."""

    def __init__(
        self,
        cluster: str,
        access: client.Access,
        *,
        interest: Interest,
        clock: Clock,
        relist_s: float = math.inf,
    ) -> None:
        self.cluster = cluster
        self._access = access
        self._interest = interest
        self._kubeconfig = [_fingerprint(path) for path in access.files]
        self._clock = clock
        self._relist_s = relist_s
        self._stop = Stop()
        self._inventory = Inventory(cluster, clock=clock)
        self._lookups = self._made_lookups()
        self._strangers: Strangers | None = None

    def _made_lookups(self) -> Lookups:
        session = client.ApiSession(self.cluster, self._access, connect_s=2.0, answer_s=5.0)
        return Lookups(session, clock=self._clock)

    def stands_for(self, other: Feed) -> bool:
        """Another content of the kubeconfig may lead to another cluster."""
        return (
            isinstance(other, LiveFeed)
            and self.cluster == other.cluster
            and self._access == other._access
            and self._relist_s == other._relist_s
            and self._kubeconfig == other._kubeconfig
            and self._interest.covers(other._interest)
        )

    def start(self, on_change: Callable[[], None]) -> None:
        """Begin to follow; a cluster that is down is tried again for ever."""
        found = self._begin(on_change)
        if self._strangers is not None:
            self._strangers.start()
        live.follow(found)

    def _begin(self, on_change: Callable[[], None]) -> tuple[live.Following, ...]:
        """Whatever threads there are to be, none of which runs yet."""
        self._inventory = inventory = Inventory(
            self.cluster,
            clock=self._clock,
            on_change=lambda: self._heard(on_change),
            kinds=self._interest.kinds,
        )
        if self._interest.pods not in (None, ALL):
            session = client.ApiSession(self.cluster, self._access)
            self._strangers = Strangers(
                self.cluster,
                self._made_lookups(),  # its own: nobody waits for the answers to the other's
                Census(session, holders=inventory.holders, clock=self._clock),
                clock=self._clock,
                follows=inventory.follows,
                on_change=on_change,
                nodes=self._interest.nodes is not None,
            )
        return live.followings(
            client.ApiSession(self.cluster, self._access),
            inventory,
            self._stop,
            interest=self._interest,
            relist_s=self._relist_s,
        )

    def _heard(self, on_change: Callable[[], None]) -> None:
        if self._strangers is not None and not self._strangers.settled:
            self._strangers.wake()
        on_change()

    def take_difference(self) -> ClusterDifference:
        """What became different since the last call; pods once it is known who else has theirs."""
        if self._strangers is None:
            return self._inventory.take_difference()
        if self._strangers.settled:
            return self._strangers.join(self._inventory.take_difference())
        found = self._inventory.take_difference(without=frozenset({Kind.PODS}))
        lost = any(kind.lost for kind in self._inventory.hearing().values())
        return found if lost else replace(found, problems=())

    def heed(self, difference: ClusterDifference, selects: Callable[[PodKey], bool]) -> None:
        """Ask who has the addresses of pods that may have lost them to one that is not followed."""
        if self._strangers is not None:
            self._strangers.heed(difference, selects)

    def hearing(self) -> Mapping[Kind, Hearing]:
        """As the watches have heard."""
        return self._inventory.hearing()

    def runs(self, address: Address) -> bool:
        """Whether a pod that is not followed, because no rule can select it, has the address."""
        return self._interest.pods != ALL and self._lookups.runs(address)

    def stop(self) -> None:
        """End the watches."""
        self._stop.set()
        if self._strangers is not None:
            self._strangers.stop()


class DumpFeed:
    """A file or folder of manifests, read again whenever it changes.

    A dump that is cut off or garbled changes nothing: what was known stays, and a problem says so.
    """

    def __init__(
        self, cluster: str, path: Path, read: Callable[[], ClusterSnapshot], *, clock: Clock
    ) -> None:
        self.cluster = cluster
        self._clock = clock
        self._heard_at: float | None = None
        self._lost = ""
        self._path = path
        self._read = read
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._given = ClusterSnapshot(cluster, frozenset())
        self._latest = self._given
        self._seen: object = None

    def stands_for(self, other: Feed) -> bool:
        """The dump itself is looked at all the time; what matters is where it lies."""
        return (
            isinstance(other, DumpFeed)
            and self.cluster == other.cluster
            and self._path == other._path
        )

    def start(self, on_change: Callable[[], None]) -> None:
        """Read at once, then look every two seconds whether the files are others."""

        def follow() -> None:
            while not self._stopping.is_set():
                try:
                    if self._look():
                        on_change()
                except Exception as error:
                    # A defect of ours: what is not heard of any more is told before long.
                    text = redaction.traceback_text(error)
                    _log.error("dump not read", cluster=self.cluster, exception=text)
                    self._seen = None
                self._stopping.wait(DUMP_POLL_S)

        threading.Thread(target=follow, name=f"dump-{self.cluster}", daemon=True).start()

    def _look(self) -> bool:
        stamp = _stamp(self._path)
        if stamp == self._seen:
            if not self._lost:
                self._heard_at = self._clock.steady()
            return False
        self._seen = stamp
        try:
            latest = self._read()
        except errors.SourceError as error:
            problem = SourceProblem(str(self._path), str(error))
            with self._lock:
                last, self._lost = self._latest, str(error)
                self._latest = replace(last, synced=frozenset(), problems=(problem,))
            return True
        with self._lock:
            self._latest, self._lost, self._heard_at = latest, "", self._clock.steady()
        return True

    def take_difference(self) -> ClusterDifference:
        """Compare the latest dump with what was given before."""
        with self._lock:
            before, after = self._given, self._latest
            self._given = after
        return difference(before, after)

    def heed(self, difference: ClusterDifference, selects: Callable[[PodKey], bool]) -> None:
        """Everything is known already."""

    def hearing(self) -> Mapping[Kind, Hearing]:
        """When the files were last seen in good order."""
        with self._lock:
            at = self._heard_at
            ago_s = None if at is None else self._clock.steady() - at
            return dict.fromkeys(ALWAYS, Hearing(ago_s, self._lost))

    def runs(self, address: Address) -> bool:
        """Nothing is left out of a dump."""
        return False

    def stop(self) -> None:
        """End within the polling interval."""
        self._stopping.set()


def difference(before: ClusterSnapshot, after: ClusterSnapshot) -> ClusterDifference:
    """The pairs of before and after between two snapshots of one cluster."""
    pods = _pairs(
        {(pod.namespace, pod.name): pod for pod in before.pods},
        {(pod.namespace, pod.name): pod for pod in after.pods},
    )
    nodes = _pairs({n.name: n for n in before.nodes}, {n.name: n for n in after.nodes})
    names: Iterable[str] = {**before.namespaces, **after.namespaces}
    spaces: list[tuple[str, Labels | None, Labels | None]] = []
    for name in names:
        old, new = before.namespaces.get(name), after.namespaces.get(name)
        if old != new:
            spaces.append((name, old, new))
    return ClusterDifference(
        after.cluster,
        after.synced,
        tuple((old, new) for _, old, new in pods),
        tuple((old, new) for _, old, new in nodes),
        tuple(spaces),
        after.problems,
        accounts=tuple(_pairs(before.accounts, after.accounts)),
        network_sets=_by_key(before.network_sets, after.network_sets),
        policies=_by_key(before.policies, after.policies),
        ip_pools=_by_key(before.ip_pools, after.ip_pools),
        platform=_by_key(before.platform, after.platform),
        destinations=_by_key(before.destinations, after.destinations),
    )


def _by_key(before: Iterable[Any], after: Iterable[Any]) -> tuple[tuple[Any, Any], ...]:
    found = _pairs({each.key: each for each in before}, {each.key: each for each in after})
    return tuple((old, new) for _, old, new in found)


def _pairs(
    before: Mapping[Key, Thing], after: Mapping[Key, Thing]
) -> list[tuple[Key, Thing | None, Thing | None]]:
    return [
        (key, before.get(key), after.get(key))
        for key in {**before, **after}
        if before.get(key) != after.get(key)
    ]


def _fingerprint(path: Path) -> object:
    """Changes with what a file says; one that was only written again is the same."""
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError as error:
        return error.errno


def _stamp(path: Path) -> object:
    """Changes when any file under the path does, or the right to read it."""
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        found = [(file.name, file.stat()) for file in files]
    except OSError as error:
        return error.errno
    return tuple(
        (name, at.st_ctime_ns, at.st_mtime_ns, at.st_size, at.st_ino) for name, at in found
    )
