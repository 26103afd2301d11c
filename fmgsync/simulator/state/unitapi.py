"""What a FortiGate knows of its own REST API: administrators, how it is managed, its limits."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fmgsync.simulator.state.store import Target

Managed = Literal["no", "yes", "backup"]
Right = Literal["none", "read", "read-write"]
Saving = Literal["automatic", "manual", "revert"]


@dataclass(slots=True)
class ApiUser:
    """A REST API administrator (`config system api-user`). `vdoms` empty: all of them. `rights`
    make his profile one of his own."""

    name: str
    key: str
    profile: str = "minimal"
    vdoms: frozenset[str] = frozenset()
    trust_hosts: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    expires_at: float | None = None
    rights: Mapping[str, Right] = field(default_factory=dict)

    @property
    def profile_name(self) -> str:
        """Its name in `config system accprofile`."""
        return f"{self.profile}-{self.name}" if self.rights else self.profile

    def trusts(self, address: str) -> bool:
        """Whether requests may come from there; without trusted hosts, from anywhere."""
        if not self.trust_hosts:
            return True
        try:
            source = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return any(source in network for network in self.trust_hosts)


@dataclass(slots=True)
class Limits:
    """How much fits; 0 for a VDOM's own quota means it has none."""

    addresses: int = 100_000
    groups: int = 20_000
    members: int = 600
    vdom_addresses: int = 0
    vdom_groups: int = 0


@dataclass(slots=True)
class UnitApi:
    """One unit's REST API. `open` transactions are kept by their number."""

    users: dict[str, ApiUser] = field(default_factory=dict)
    managed: Managed = "no"
    manager: str = "192.0.2.250"
    """Where the FortiManager is that manages it, if one does."""
    manager_serial: str = "FMG-VMTM00000001"
    management_vdom: str = "root"
    saving: Saving = "automatic"
    unsaved: dict[tuple[str, Target], Any] = field(default_factory=dict)
    """What was there at the last save, by VDOM and object, where it was changed since."""
    written: dict[str, Any] = field(default_factory=dict)
    """What was written of `system global` on the unit itself."""
    saves: list[tuple[float, str]] = field(default_factory=list)
    """When the configuration was saved, and why."""
    limits: Limits = field(default_factory=Limits)
    standby: list[str] = field(default_factory=list)
    """Serial numbers of the units that take over one after another."""
    open: dict[int, Any] = field(default_factory=dict)
    last_transaction: int = 0
    failures: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Wrong keys in a row by source address, and the instant of the last."""
    second: tuple[int, int] = (0, 0)
    """The second that is running, and how many requests came in it."""
    booted: float = 0.0
    history: list[tuple[float, str]] = field(default_factory=list)
    """What happened in its cluster."""
    feeds: dict[tuple[str, str], tuple[float, tuple[str, ...]]] = field(default_factory=dict)
    """When and what was pushed into external resources, by VDOM and name."""
    clearpass: dict[tuple[str, str], str] = field(default_factory=dict)
    """How ClearPass judges an endpoint, by VDOM and address; a restart forgets it."""
    shuffled: int = 0
    """How often the order of its rows changed."""
