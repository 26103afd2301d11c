"""All FortiGates of a world at their ports."""

from __future__ import annotations

import contextlib

from fmgsync.simulator.fortigate.rest import Rest
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.doors import Doors
from fmgsync.simulator.wire.exchange import Service
from fmgsync.simulator.wire.faults import Faults
from fmgsync.simulator.wire.requestlog import RequestLog

with contextlib.suppress(ImportError):
    import resource


class Fleet:
    """Opens the units' ports when somebody wants them: most users of a simulator do not."""

    def __init__(
        self,
        world: World,
        faults: Faults,
        log: RequestLog,
        doors: Doors,
        latency_s: float,
    ) -> None:
        self._world = world
        self._faults = faults
        self._log = log
        self._doors = doors
        self._latency_s = latency_s
        self._is_open = False
        self._off: set[str] = set()
        """Units that were taken off the network before anybody asked for their ports."""

    def open(self, port: int) -> dict[str, int]:
        """Ports by unit. `port`: FortiManager's, 0 if any will do."""
        self._is_open = True
        units = self._world.units()
        _allow_files(len(units))
        found = {}
        for at, (name, device) in enumerate(units.items(), 1):
            rest = Rest(self._world, device, self._faults, self._log, self)
            wished = port + at if port and port + at < 65_536 else 0
            service = Service(rest.answer, "xxxxxxxx-xxxxx", self._latency_s)
            found[name] = self._doors.open(_door(name), service, wished)[1]
        while self._off:
            self._doors.unplug(_door(self._off.pop()))
        return found

    def unplug(self, name: str, seconds: float | None = None) -> None:
        """A unit is off the network, for ever or for so many seconds."""
        if self._is_open:
            self._doors.unplug(_door(name), seconds)
        elif seconds is None:
            self._off.add(name)

    def plug(self, name: str) -> None:
        """A unit is back, on the same port."""
        self._off.discard(name)
        self._doors.plug(_door(name))


def _door(name: str) -> str:
    return f"fortigate {name}"


def _allow_files(more: int) -> None:
    """A socket for each unit and some for each connection, as far as the system lets us."""
    with contextlib.suppress(NameError, ValueError, OSError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 1024 + 6 * more
        if soft < wanted and soft != resource.RLIM_INFINITY:
            most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
