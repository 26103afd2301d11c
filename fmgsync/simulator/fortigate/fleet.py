"""All FortiGates of a world at their ports."""

from __future__ import annotations

import contextlib
import ssl

from fmgsync.simulator.fortigate.rest import Rest
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.doors import Doors
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
        tls: ssl.SSLContext | None,
        latency_s: float,
    ) -> None:
        self._world = world
        self._faults = faults
        self._log = log
        self._tls = tls
        self._latency_s = latency_s
        self._doors: Doors | None = None
        self._off: set[str] = set()
        """Units that were taken off the network before anybody asked for their ports."""

    def open(self, host: str, port: int) -> dict[str, int]:
        """Ports by unit. `port`: FortiManager's, 0 if any will do."""
        if self._doors is None:
            self._doors = Doors(host, self._tls, self._latency_s)
        units = self._world.units()
        _allow_files(len(units))
        found = {}
        for at, (name, device) in enumerate(units.items(), 1):
            rest = Rest(self._world, device, self._faults, self._log, self)
            wished = port + at if port and port + at < 65_536 else 0
            found[name] = self._doors.open(name, rest.answer, wished)
        while self._off:
            self._doors.unplug(self._off.pop())
        return found

    def unplug(self, name: str, seconds: float | None = None) -> None:
        """A unit is off the network, for ever or for so many seconds."""
        if self._doors is not None:
            self._doors.unplug(name, seconds)
        elif seconds is None:
            self._off.add(name)

    def plug(self, name: str) -> None:
        """A unit is back, on the same port."""
        self._off.discard(name)
        if self._doors is not None:
            self._doors.plug(name)

    def close(self) -> None:
        """Hang up on everybody."""
        if self._doors is not None:
            self._doors.close()
            self._doors = None


def _allow_files(more: int) -> None:
    """A socket for each unit and some for each connection, as far as the system lets us."""
    with contextlib.suppress(NameError, ValueError, OSError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 1024 + 6 * more
        if soft < wanted and soft != resource.RLIM_INFINITY:
            most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
