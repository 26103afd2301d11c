"""Behind `fmgsync windows`: the coming openings of every device that a site names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from fmgsync import errors
from fmgsync.model.target import TargetRef
from fmgsync.passes.reconcile import AdomWork
from fmgsync.passes.world import World
from fmgsync.planning import sites
from fmgsync.scheduling import outlook
from fmgsync.scheduling.outlook import Outlook


@dataclass(frozen=True, slots=True)
class AdomWindows:
    """One ADOM's devices, or why they could not be read."""

    ref: TargetRef
    outlooks: tuple[Outlook, ...] = ()
    error: errors.TargetError | None = None


def look_ahead(world: World, at: datetime, ahead: timedelta) -> tuple[AdomWindows, ...]:
    """What the calendar says from `at` on. FortiManager is asked for devices and groups only."""
    return tuple(_look_ahead(world, work, at, ahead) for work in world.adoms)


def _look_ahead(world: World, work: AdomWork, at: datetime, ahead: timedelta) -> AdomWindows:
    world.tell(f"reading {work.ref.title}")
    try:
        with work.session():
            topology = work.fleet.of(work.target.read_topology())
        targets = {t for site in sites.resolve(work.sites, topology) for t in site.targets}
    except errors.TargetError as error:
        return AdomWindows(work.ref, error=error)
    found = outlook.outlooks(world.terms.calendar, topology, targets, at, ahead=ahead)
    return AdomWindows(work.ref, found)
