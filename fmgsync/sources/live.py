"""Reads a running cluster through its API server: once, or following it until told to stop.

Finished pods are left out by the server itself: they own no address, and there may be many. Who
follows may leave out what no rule can select as well.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Iterable
from dataclasses import replace
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


def follow(
    session: ApiSession,
    inventory: Inventory,
    stop: Stop,
    *,
    interest: Interest = EVERYTHING,
    rng: random.Random | None = None,
    first_retry_s: float = 0.5,
    relist_s: float = math.inf,
) -> tuple[threading.Thread, ...]:
    """Start one thread per kind that feeds the inventory; they end soon after `stop` is set.

    `interest` is what the rules need: the API server sends nothing else. After `relist_s` a kind
    is listed anew, and compared with what is known of it.

    A cluster that cannot be reached, or whose kubeconfig cannot be read, is tried again for ever:
    it is a problem of the inventory meanwhile, not an error here.
    """
    chance = rng or random.Random()  # noqa: S311  # spreads requests, guards nothing
    outage = Outage(session.cluster)
    threads = tuple(
        threading.Thread(
            target=_follow_kind,
            args=(
                session,
                inventory,
                stop,
                kind,
                reading,
                Backoff(chance, first_s=first_retry_s),
                chance,
                outage,
                relist_s,
            ),
            name=f"watch-{session.cluster}-{kind}",
            daemon=True,
        )
        for kind, reading in readings(interest).items()
    )
    for thread in threads:
        thread.start()
    return threads


def _follow_kind(
    session: ApiSession,
    inventory: Inventory,
    stop: Stop,
    kind: Kind,
    reading: Row,
    backoff: Backoff,
    rng: random.Random,
    outage: Outage,
    relist_s: float,
) -> None:
    while not stop.is_set():
        try:
            resource = _home(session, reading)
        except SourceError as error:
            if isinstance(error, SourceNotFound) and reading.spare and not inventory.holds(kind):
                inventory.apply(kind, Began())
                inventory.apply(kind, Synced())
                stop.wait(_AFTER_ABSENCE_S)
                continue
            inventory.apply(kind, Interrupted(error))
            outage.lost(kind, error)
            stop.wait(_AFTER_ABSENCE_S if isinstance(error, SourceNotFound) else backoff.next_s())
            continue
        backoff.reset()
        watch = Watch(
            session,
            resource,
            reading.item_type,
            reading.scope,
            stop=stop,
            rng=rng,
            backoff=backoff,
            relist_s=relist_s,
        )
        try:
            _feed(inventory, kind, watch, outage, moves=reading.older is not None or reading.spare)
            stop.wait(_AFTER_MOVE_S)
        except Exception as error:
            # A defect of ours must not end the watch for ever while everything looks well.
            text = redaction.traceback_text(error)
            _log.error("watch failed", cluster=session.cluster, kind=kind, exception=text)
            defect = SourceUnavailable(f"internal error: {type(error).__name__}")
            inventory.apply(kind, Interrupted(defect))
            stop.wait(_AFTER_DEFECT_S)


def _feed(
    inventory: Inventory, kind: Kind, watch: Watch[Raw], outage: Outage, *, moves: bool
) -> None:
    """Apply everything a watch yields; tell when it breaks and when it is back, not each try.

    What `moves` is looked for elsewhere when it is not there any more.
    """
    for change in watch.changes():
        inventory.apply(kind, change)
        if isinstance(change, Interrupted):
            outage.lost(kind, change.error)
            if moves and isinstance(change.error, SourceNotFound):
                return
        elif not isinstance(change, Began):
            outage.heard(kind)
