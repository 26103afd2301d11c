"""The four views side by side: desired, ADOM, device database, device (DESIGN section 2)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from fmgsync.model.address import Address, Family
from fmgsync.model.address import family as family_of
from fmgsync.model.target import DeviceVdom, TargetRef


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
    sentence why the state is what it is, where that needs saying. `families` are those that a
    policy on the device uses: nothing else of it reaches the device. `in_error`: the rule cannot be
    carried out in this ADOM, so no device is asked for it.
    """

    name: str
    desired: frozenset[Address] | None
    adom: frozenset[Address] | None
    device_database: frozenset[Address] | None
    device: frozenset[Address] | None
    state: GroupState
    because: str = ""
    families: frozenset[Family] = frozenset(Family)
    in_error: bool = False

    @property
    def last_known(self) -> frozenset[Address] | None:
        """What the device holds; of one that does not tell, what FortiManager has of it."""
        return self.device if self.device is not None else self.device_database

    @property
    def database_differs(self) -> bool:
        """Whether FortiManager's copy of the device is not what the ADOM says."""
        return self.used(self.device_database) != self.used(self.adom)

    @property
    def is_as_written(self) -> bool:
        """Whether nothing is amiss on the device, even if what the rules want is not known now."""
        unknown = self.state is GroupState.UNKNOWN and self.desired is None
        return self.is_proven and (unknown or self.state is GroupState.IN_SYNC)

    @property
    def is_proven(self) -> bool:
        """Whether the device answered, and with what the ADOM says."""
        return self.device is not None and self.used(self.device) == self.used(self.adom)

    def used(self, members: frozenset[Address] | None) -> frozenset[Address] | None:
        """Of some members those of the families that are used there."""
        return in_families(members, self.families)


def in_families(
    members: frozenset[Address] | None, families: frozenset[Family]
) -> frozenset[Address] | None:
    """The members of these families; None stays unknown."""
    if members is None or len(families) == len(Family):
        return members
    return frozenset(member for member in members if family_of(member) in families)


def of_key(
    groups: Mapping[str, frozenset[Address]], key: tuple[Family, str]
) -> frozenset[Address] | None:
    """What a group of one family holds; None where its name is not known."""
    return in_families(groups.get(key[1]), frozenset({key[0]}))


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
    """All groups of one DeviceVdom. `silent` says why it did not answer when it was asked."""

    target: DeviceVdom
    adom: TargetRef
    groups: tuple[GroupView, ...]
    stale_grants: tuple[StaleGrant, ...] = ()
    silent: str = ""
