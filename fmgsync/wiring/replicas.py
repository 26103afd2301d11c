"""The replica's part where `lease` is configured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from fmgsync.clock import Clock
from fmgsync.leases.ownership import Ownership
from fmgsync.passes.world import AdomWork
from fmgsync.settings import rules
from fmgsync.wiring import clusters

if TYPE_CHECKING:
    from fmgsync.settings.schema import Config


def ownership_of(config: Config, before: Ownership | None = None) -> Ownership | None:
    """The replica's part where `lease` is configured; without it this is the only replica.

    The one before goes on where the Leases are kept in the same place.
    """
    if config.lease is None:
        return None
    from fmgsync.leases import leasing

    key = (clusters.home(config), config.lease.namespace, config.owner)
    if before is not None and before.key == key:
        return before
    replica = leasing.replica_name()
    refs = {site.adom for site in rules.sites(config)}
    leases, fleets = leasing.make_leases(*key, replica), rules.fleets(config)
    return Ownership(replica, leases, refs, key=key, fleets=fleets)


def under_leases(
    works: Sequence[AdomWork], ownership: Ownership, clock: Clock
) -> tuple[AdomWork, ...]:
    """One-shot work on an ADOM holds its Lease, as a controller's does."""
    from fmgsync.leases import leasing

    shared = leasing.SharedLeases(clock)

    def under(work: AdomWork) -> AdomWork:
        @contextmanager
        def session() -> Iterator[object]:
            with shared.held(work.ref, ownership.lease(work.ref)), work.session() as opened:
                yield opened

        return replace(work, session=session)

    return tuple(map(under, works))
