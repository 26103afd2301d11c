"""What FortiManager says of an ADOM besides objects: devices, packages, policies, status."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fmgsync.model.address import Address, Family
from fmgsync.model.target import DeviceVdom, TargetRef


class Workspace(enum.StrEnum):
    """How an ADOM wants its changes made; `per-adom` is resolved to one of these per ADOM."""

    DISABLED = "disabled"
    NORMAL = "normal"
    WORKFLOW = "workflow"


@dataclass(frozen=True, slots=True)
class Device:
    """A managed FortiGate. None where FortiManager does not say or says `unknown`.

    `in_sync` is its `conf_status`; `database_modified` its `db_status`: the device database is
    ahead of the device. An HA cluster is one device; `units_down` are its units that are down.
    `is_model`: it stands for a FortiGate that is still to come. `last_checked` (UTC epoch seconds)
    is when FortiManager last looked at it. `kept_by` is the FortiManager that keeps copies of a
    FortiGate which nobody manages (mode backup).
    """

    name: str
    vdoms: tuple[str, ...]
    online: bool | None = None
    in_sync: bool | None = None
    database_modified: bool | None = None
    units_down: tuple[str, ...] = ()
    last_checked: int | None = None
    is_model: bool = False
    kept_by: str = ""


@dataclass(frozen=True, slots=True)
class AdomTopology:
    """Devices and device groups of an ADOM; nested groups are expanded to DeviceVdoms.

    `flags` are FortiManager's own words: `backup` means nothing can be installed from here,
    `auto_push_cfg` that the unit pushes changes by itself. `fleet` is what its devices are rolled
    out with, empty while nobody has said.
    """

    ref: TargetRef
    os_version: tuple[int, int]
    workspace: Workspace
    devices: Mapping[str, Device]
    groups: Mapping[str, frozenset[DeviceVdom]]
    flags: frozenset[str] = frozenset()
    fleet: str = ""


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A workspace lock as the unit tells it: of the whole ADOM, or of a `part` of it, which `what`
    names where it was asked for.

    `since` is UTC epoch seconds by the unit's clock; None where it does not say.
    """

    user: str
    session: int | None
    since: int | None
    part: bool = False
    what: str = ""

    def __str__(self) -> str:
        since = self.instant or "an unknown time"
        what = f"{self.what} by" if self.what else "in part by" if self.part else "by"
        return f"{what} {self.user!r} since {since} (session {self.session})"

    @property
    def instant(self) -> str | None:
        """Since when, RFC 3339; None for what is no time at all."""
        if self.since is None or self.since < 0:
            return None
        try:
            return datetime.fromtimestamp(self.since, UTC).isoformat().replace("+00:00", "Z")
        except (OverflowError, ValueError, OSError):
            return None


@dataclass(frozen=True, slots=True)
class Limits:
    """What the unit itself says one object may hold; None where it does not say or is unlimited.

    `members` per address group, `name` and `comment` in characters, `addresses` per ADOM.
    """

    members: int | None = None
    name: int | None = None
    comment: int | None = None
    addresses: int | None = None


@dataclass(frozen=True, slots=True)
class PolicyUse:
    """The address objects one policy names, by position.

    `positive` are plain sources and destinations, `negated` those under srcaddr-negate or
    dstaddr-negate. `install_on` None means every target of the package. `kind` is the policy's in
    words (`local-in policy`), `block` the policy block that it lies in.
    """

    policy_id: int
    name: str
    action: str
    positive: frozenset[tuple[Family, str]]
    negated: frozenset[tuple[Family, str]] = frozenset()
    install_on: frozenset[DeviceVdom] | None = None
    enabled: bool = True
    kind: str = "policy"
    block: str = ""

    @property
    def grants(self) -> bool:
        """Whether a match lets traffic through, so that no match is closed."""
        return self.action in ("accept", "ipsec")

    def within(self, package: str) -> str:
        """`policy 7 of package edge/default`."""
        block = f" of policy block {self.block}" if self.block else ""
        of = f" of package {package}" if package else ""
        return f"{self.kind} {self.policy_id}{block}{of}"

    def within_reach(self, targets: frozenset[DeviceVdom]) -> frozenset[DeviceVdom]:
        """Those of a package's targets to which it goes."""
        return targets if self.install_on is None else targets & self.install_on

    def goes_to(self, target: DeviceVdom) -> bool:
        """Whether it is installed on a target of its package."""
        return self.install_on is None or target in self.install_on


@dataclass(frozen=True, slots=True)
class Package:
    """A policy package by its full path, its install targets expanded to DeviceVdoms.

    A policy block that no package takes in is one without path and targets. `unread` says what of
    it FortiManager does not show. `passed_over` says where another package counts, or of which it
    is `disputed`; these are no targets of it.
    """

    path: str
    targets: frozenset[DeviceVdom]
    policies: tuple[PolicyUse, ...] = ()
    unread: tuple[str, ...] = ()
    passed_over: Mapping[DeviceVdom, str] = field(default_factory=dict)
    disputed: frozenset[DeviceVdom] = frozenset()


@dataclass(frozen=True, slots=True)
class PackageStatus:
    """The package installed on one DeviceVdom and FortiManager's word for its status.

    Only packages that were installed before have one; `modified` means an install is due.
    """

    target: DeviceVdom
    package: str
    status: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What one DeviceVdom answered: members per group name, both families, nesting flattened.

    `groups` lacks a name the place does not know, and one that is `opaque`: it is there, but holds
    something else than plain addresses. `groups` None means it was not answered; `problem` says
    why.
    """

    groups: Mapping[str, frozenset[Address]] | None
    problem: str | None = None
    opaque: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a plan needs to know besides our objects: devices, who uses what, the unit's limits.

    A FortiGate is one package without a path, installed on itself: its policies, as far as they may
    be read (`Package.unread` says what may not). `unasked`: who uses what was not asked yet, and
    matters only where something is to change.
    """

    topology: AdomTopology
    packages: tuple[Package, ...]
    limits: Limits
    unasked: bool = False
