"""Which FortiManagers this replica cannot reach, so that another one may work on their ADOMs.

A node's egress rules or a list of trusted hosts may keep out one replica alone. It says so in the
Lease that shows its presence, and hands over what another one may do better. It does not ask for
its share back before it has reached FortiManager several times in a row: a replica whose way is
bad now and then would otherwise take the ADOMs back and forth.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from fmgsync import errors
from fmgsync.model.target import TargetRef
from fmgsync.passes.world import AdomWork
from fmgsync.targets.protocol import DEVICES

TRIES: Final = 2
"""Passes in a row that end without having reached FortiManager before its ADOMs are offered."""

PROBE_S: Final = 60.0
STEADY: Final = 5
"""FortiManager has to be reached so often in a row, a minute apart, to be reached again."""

_log = structlog.get_logger(__name__)


def keeps_out(error: errors.FmgsyncError | None) -> bool:
    """Whether another replica may get through where this one got no further."""
    return isinstance(error, errors.ConnectionFailed | errors.LoginRefused)


def tried(work: AdomWork, at_work: threading.Lock) -> bool:
    """Whether FortiManager lets this replica read now; no, while a pass has the session."""
    if not at_work.acquire(blocking=False):
        return False
    try:
        with work.session():
            work.target.look(DEVICES).around()
    except errors.TargetError as error:
        return not keeps_out(error)
    finally:
        at_work.release()
    return True


class Reach:
    """What one replica knows of its own way to each FortiManager."""

    def __init__(self) -> None:
        self._lock: Final = threading.Lock()
        self._probed: dict[str, int] = {}

    @property
    def unreachable(self) -> frozenset[str]:
        """The FortiManagers to whom this replica has no steady way."""
        with self._lock:
            return frozenset(self._probed)

    def passed(self, failures: Mapping[TargetRef, int | None]) -> None:
        """How many passes in a row over each ADOM of ours did not get through; 0: the last one did,
        None: none was made yet. A FortiManager that lets one ADOM through is reached."""
        least: dict[str, int] = {}
        for ref, count in failures.items():
            if count is not None:
                least[ref.unit] = min(count, least.get(ref.unit, count))
        for name, count in least.items():
            with self._lock:
                if count == 0:
                    self._probed.pop(name, None)
                if count < TRIES or name in self._probed:
                    continue
                self._probed[name] = 0
            _log.warning("FortiManager is out of reach from here", fortimanager=name, passes=count)

    def probe(self, reaches: Callable[[str], bool]) -> None:
        """Try the way to each that is out of reach."""
        for name in sorted(self.unreachable):
            reached = reaches(name)
            with self._lock:
                if name not in self._probed:
                    continue
                self._probed[name] = self._probed[name] + 1 if reached else 0
                if self._probed[name] < STEADY:
                    continue
                del self._probed[name]
            _log.info("FortiManager is reached again", fortimanager=name)
