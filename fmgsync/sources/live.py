"""Reads a running cluster through its API server: once, or following it until told to stop.

Finished pods are left out by the server itself: they own no address, and there may be many. Who
follows may leave out what no rule can select as well.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import structlog

from fmgsync import redaction
from fmgsync.errors import SourceError, SourceForbidden, SourceNotFound, SourceUnavailable
from fmgsync.grouping.interest import EVERYTHING, Interest, Narrowing
from fmgsync.kube import discovery, listing
from fmgsync.kube.backoff import Backoff
from fmgsync.kube.changes import Began, Interrupted, Synced
from fmgsync.kube.client import Access, ApiSession
from fmgsync.kube.listing import Scope
from fmgsync.kube.requests import Resource
from fmgsync.kube.stopping import Stop
from fmgsync.kube.watch import Watch
from fmgsync.model.endpoint import ALWAYS, ClusterSnapshot, Kind
from fmgsync.sources import kinds as kinds_read
from fmgsync.sources.convert.reading import Raw
from fmgsync.sources.gathering import Gathering
from fmgsync.sources.inventory import Inventory
from fmgsync.sources.kinds import Row
from fmgsync.sources.outage import Outage

_log = structlog.get_logger()

_AFTER_DEFECT_S: Final = 30.0
_AFTER_MOVE_S: Final = 2.0
_AFTER_ABSENCE_S: Final = 30.0
"""A kind that the cluster does not have may come with the next installation."""


def readings(interest: Interest) -> dict[Kind, Row]:
    """How each kind is read by somebody who needs this much of it."""
    return {
        kind: replace(kinds_read.row(kind), scope=_narrowed(kinds_read.row(kind).scope, narrowing))
        for kind, narrowing in interest.narrowings.items()
    }


def _narrowed(scope: Scope, narrowing: Narrowing) -> Scope:
    fields = ",".join(part for part in (scope.fields, narrowing.fields) if part)
    return replace(scope, labels=narrowing.labels, fields=fields)


def read_snapshot(cluster: str, access: Access, kinds: Iterable[Kind] = ALWAYS) -> ClusterSnapshot:
    """What the cluster runs now, of these kinds.

    A kind that may not be listed is unsynced, and its problem names the missing RBAC rule; so is
    one that the cluster does not have, unless it is spare. Everything else that keeps the
    cluster from being read raises a `SourceError`.
    """
    gathering, wanted = Gathering(), frozenset(kinds)
    session = ApiSession(cluster, access)
    try:
        for kind in kinds_read.listed(wanted):
            _read_kind(gathering, session, kind, kinds_read.row(kind))
    finally:
        session.close()
    return gathering.snapshot(cluster)


def _read_kind(gathering: Gathering, session: ApiSession, kind: Kind, reading: Row) -> None:
    try:
        resource = _home(session, reading)
        pages = listing.pages(session, resource, reading.item_type, reading.scope)
        for page in pages:
            if page.starts:
                gathering.restart(kind)
            for item in page.items:
                gathering.add(kind, item, session.where)
            for each in page.garbled:
                gathering.add_json(kind, each.content, session.where)
    except (SourceForbidden, SourceNotFound) as error:
        if reading.spare and isinstance(error, SourceNotFound):
            gathering.restart(kind)
            gathering.complete(kind)
            return
        more = f": {error.next_step}" if error.next_step else ""
        gathering.problem(kind, str(kind), f"{error.message}{more}")
    else:
        gathering.complete(kind)


def _home(session: ApiSession, reading: Row) -> Resource:
    return discovery.served(session, reading.resource, reading.older, spare=reading.spare)


@dataclass(frozen=True, slots=True)
class Following:
    """One kind of one cluster as it is followed, step by step."""

    session: ApiSession
    inventory: Inventory
    stop: Stop
    kind: Kind
    reading: Row
    backoff: Backoff
    rng: random.Random
    outage: Outage
    relist_s: float = math.inf
    monotonic: Callable[[], float] = time.monotonic

    def run(self) -> None:
        """All steps, as a thread takes them; soon after `stop` is set there are no more."""
        for wait_s in self.steps():
            if wait_s:
                self.stop.wait(wait_s)

    def steps(self) -> Iterator[float]:
        """Take in one thing after the other, and tell how long to wait before the next one.

        Between two steps nothing is asked or read. In a step it waits for the API server's word,
        and by `stop` before it asks again what has failed.
        """
        while not self.stop.is_set():
            try:
                resource = _home(self.session, self.reading)
            except SourceError as error:
                yield self._missed(error)
                continue
            self.backoff.reset()
            try:
                yield from self._feed(self._watch(resource))
                yield _AFTER_MOVE_S
            except Exception as error:
                # A defect of ours must not end the watch for ever while everything looks well.
                text = redaction.traceback_text(error)
                cluster = self.session.cluster
                _log.error("watch failed", cluster=cluster, kind=self.kind, exception=text)
                defect = SourceUnavailable(f"internal error: {type(error).__name__}")
                self.inventory.apply(self.kind, Interrupted(defect))
                yield _AFTER_DEFECT_S

    def _missed(self, error: SourceError) -> float:
        """It is not found out where the kind is served; how long to wait before it is again."""
        absent = isinstance(error, SourceNotFound)
        if absent and self.reading.spare and not self.inventory.holds(self.kind):
            self.inventory.apply(self.kind, Began())
            self.inventory.apply(self.kind, Synced())
            return _AFTER_ABSENCE_S
        self.inventory.apply(self.kind, Interrupted(error))
        self.outage.lost(self.kind, error)
        return _AFTER_ABSENCE_S if absent else self.backoff.next_s()

    def _watch(self, resource: Resource) -> Watch[Raw]:
        return Watch(
            self.session,
            resource,
            self.reading.item_type,
            self.reading.scope,
            stop=self.stop,
            rng=self.rng,
            backoff=self.backoff,
            relist_s=self.relist_s,
            monotonic=self.monotonic,
        )

    def _feed(self, watch: Watch[Raw]) -> Iterator[float]:
        """Apply everything a watch yields; tell when it breaks and when it is back, not each try.

        What moves is looked for elsewhere when it is not there any more.
        """
        for change in watch.changes():
            self.inventory.apply(self.kind, change)
            if isinstance(change, Interrupted):
                self.outage.lost(self.kind, change.error)
                if self.reading.has_homes and isinstance(change.error, SourceNotFound):
                    return
            elif not isinstance(change, Began):
                self.outage.heard(self.kind)
            yield 0.0


def followings(
    session: ApiSession,
    inventory: Inventory,
    stop: Stop,
    *,
    interest: Interest = EVERYTHING,
    rng: random.Random | None = None,
    first_retry_s: float = 0.5,
    relist_s: float = math.inf,
) -> tuple[Following, ...]:
    """One per kind, none of which has begun; they feed the inventory.

    `interest` is what the rules need: the API server sends nothing else. After `relist_s` a kind
    is listed anew, and compared with what is known of it.

    A cluster that cannot be reached, or whose kubeconfig cannot be read, is tried again for ever:
    it is a problem of the inventory meanwhile, not an error here.
    """
    chance = rng or random.Random()  # noqa: S311  # spreads requests, guards nothing
    outage = Outage(session.cluster)
    return tuple(
        Following(
            session,
            inventory,
            stop,
            kind,
            reading,
            Backoff(chance, first_s=first_retry_s),
            chance,
            outage,
            relist_s,
        )
        for kind, reading in readings(interest).items()
    )


def follow(found: Iterable[Following]) -> tuple[threading.Thread, ...]:
    """Start one thread per kind; they end soon after `stop` is set."""
    threads = tuple(
        threading.Thread(
            target=each.run, name=f"watch-{each.session.cluster}-{each.kind}", daemon=True
        )
        for each in found
    )
    for thread in threads:
        thread.start()
    return threads
