"""Behind `fmgsync windows`: the coming openings of every device that a site names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from fmgsync import errors
from fmgsync.model.target import TargetRef
from fmgsync.passes.world import AdomWork, World
from fmgsync.planning import sites
from fmgsync.scheduling import outlook
from fmgsync.scheduling.outlook import Outlook
from fmgsync.targets.protocol import DEVICES


@dataclass(frozen=True, slots=True)
class AdomWindows:
    """One ADOM's devices, or why they could not be read. `missing` are parts of the sites that are
    not there."""

    ref: TargetRef
    outlooks: tuple[Outlook, ...] = ()
    missing: tuple[str, ...] = ()
    error: errors.TargetError | None = None


def look_ahead(world: World, at: datetime, ahead: timedelta) -> tuple[AdomWindows, ...]:
    """What the calendar says from `at` on. FortiManager is asked for devices and groups only."""
    return tuple(_look_ahead(world, work, at, ahead) for work in world.adoms)


def _look_ahead(world: World, work: AdomWork, at: datetime, ahead: timedelta) -> AdomWindows:
    world.tell(f"reading {work.ref.title}")
    try:
        with work.session():
            seen = work.target.look(DEVICES).around()
            topology = work.fleet.of(seen.topology)
        resolved = sites.resolve(work.sites, topology)
    except errors.TargetError as error:
        return AdomWindows(work.ref, error=error)
    targets = {target for site in resolved for target in site.targets}
    found = outlook.outlooks(world.terms.calendar, topology, targets, at, ahead=ahead)
    missing = dict.fromkeys(why for site in resolved for _, why in site.missing)
    return AdomWindows(work.ref, found, tuple(missing))
