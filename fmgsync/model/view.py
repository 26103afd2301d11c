"""The four views side by side: desired, ADOM, device database, device (DESIGN section 2)."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from fmgsync.model.address import Address
from fmgsync.model.target import AdomRef, DeviceVdom


class GroupState(enum.StrEnum):
    """One word per group and device; the values are those of `status --output json`."""

    IN_SYNC = "in sync"
    WRITE_PENDING = "write pending"
    INSTALL_PENDING = "install pending"
    NOT_REFERENCED = "not referenced"
    HELD = "held"
    DRIFTED = "drifted"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class GroupView:
    """One rule's members on one DeviceVdom in each view; None where that view is not known.

    Both families together, nesting flattened: what the firewall would match. `because` says in one
    sentence why the state is what it is, where that needs saying.
    """

    name: str
    desired: frozenset[Address] | None
    adom: frozenset[Address] | None
    device_database: frozenset[Address] | None
    device: frozenset[Address] | None
    state: GroupState
    because: str = ""

    @property
    def database_differs(self) -> bool:
        """Whether FortiManager's copy of the device is not what the ADOM says."""
        return self.device_database != self.adom


@dataclass(frozen=True, slots=True)
class StaleGrant:
    """An address a device still holds in a group and desired no longer contains.

    `since` is UTC epoch seconds, None when the memory of it was lost: treat as overdue. `reused`:
    another workload, which the rules do not select, has the address by now.
    """

    group: str
    address: Address
    since: float | None = None
    reused: bool = False


@dataclass(frozen=True, slots=True)
class DeviceView:
    """All groups of one DeviceVdom."""

    target: DeviceVdom
    adom: AdomRef
    groups: tuple[GroupView, ...]
    stale_grants: tuple[StaleGrant, ...] = ()
