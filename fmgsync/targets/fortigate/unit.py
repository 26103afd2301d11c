"""What a process knows of one FortiGate: shared by the targets of its VDOMs, from pass to pass."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from fmgsync import errors
from fmgsync.targets.fortigate.access import Access
from fmgsync.targets.fortigate.tables import Known
from fmgsync.targets.fortigate.transactions import Ability


class Identities:
    """Which unit goes by which name: one for all FortiGates of a configuration.

    Two names for one unit would be two plans that undo each other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[str, set[str]] = {}

    def claim(self, serial: str, name: str) -> None:
        """This unit has answered under this name; raises if it has under another."""
        if not serial:
            return
        with self._lock:
            names = self._names.setdefault(serial, set())
            names.add(name)
            others = sorted(names - {name})
        if others:
            raise errors.OtherUnit(
                f"the unit {serial} is {others[0]!r} in the configuration as well",
                fortigate=name,
                next_step="give each unit one name; name its VDOMs in 'sites' as name/vdom",
            )


@dataclass(slots=True)
class Unit:
    """One FortiGate of the configuration.

    `asks_management`: it is refused if a FortiManager manages it, or may. `member_limit` is that of
    one group.
    """

    identities: Identities
    asks_management: bool = True
    member_limit: int = 600
    known: Known = field(default_factory=Known)
    ability: Ability = field(default_factory=Ability)
    free_serials: set[str] = field(default_factory=set)
    """Units of which it is known in this process that no FortiManager manages them."""


def gate_of(access: Access) -> AbstractContextManager[object]:
    """Lets so many requests of a unit be under way at once as it may have."""
    return threading.BoundedSemaphore(access.connections)
