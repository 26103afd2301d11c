"""A cluster that is followed, and waiting for what is heard."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fmgsync.clock import SystemClock
from fmgsync.grouping.interest import EVERYTHING, Interest
from fmgsync.kube.client import ApiSession
from fmgsync.kube.stopping import Stop
from fmgsync.model.endpoint import ALWAYS, ClusterSnapshot
from fmgsync.sources import live
from fmgsync.sources.inventory import Inventory

PATIENCE_S = 60.0


@contextmanager
def followed(session: ApiSession, interest: Interest = EVERYTHING) -> Iterator[Inventory]:
    inventory = Inventory("east", clock=SystemClock(), kinds=interest.kinds)
    stop = Stop()
    found = live.followings(
        session, inventory, stop, interest=interest, rng=random.Random(3), first_retry_s=0.01
    )
    threads = live.follow(found)
    try:
        yield inventory
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def wait_until(inventory: Inventory, holds: Callable[[ClusterSnapshot], bool]) -> ClusterSnapshot:
    """The first snapshot of which it holds."""
    version = -1
    while True:
        newer = inventory.wait(version, PATIENCE_S)
        snapshot = inventory.snapshot()
        if holds(snapshot):
            return snapshot
        assert newer > version, f"nothing more happened after {snapshot}"
        version = newer


def synced(snapshot: ClusterSnapshot) -> bool:
    return snapshot.synced == ALWAYS


def addresses(snapshot: ClusterSnapshot, space: str = "default") -> dict[str, str]:
    own = [each for each in snapshot.pods if each.namespace == space]
    return {each.name: " ".join(each.addresses) for each in own}
