"""A FortiGate's own part of a seed: its REST API administrators, objects, limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from fmgsync.simulator.state.seedtypes import DeviceRelease, Name, Network, Segment
from fmgsync.simulator.state.seedvalues import AddressValues, GroupValues, Model, PolicyValues

Part = Literal["address", "policy", "service", "schedule", "others", "cfg", "admin", "net"]


class ApiUserSeed(Model):
    """A REST API administrator of a FortiGate; without `trustHosts`, from anywhere. `rights` are
    what a profile of his own gives him in place of what `profile` does."""

    name: Name
    key: Annotated[str, Field(min_length=1, max_length=255)]
    profile: Literal["minimal", "advised", "read-only", "super_admin"] = "minimal"
    rights: dict[Part, Literal["none", "read", "read-write"]] = Field(default_factory=dict)
    vdoms: list[Segment] = Field(default_factory=list)
    trust_hosts: list[Network] = Field(default_factory=list)
    expires_in_seconds: Annotated[float, Field(gt=0)] | None = None


class UnitAddressSeed(AddressValues):
    """An address of a FortiGate; without `vdom`, of its first one."""

    vdom: Segment | None = None


class UnitGroupSeed(GroupValues):
    """An address group of a FortiGate."""

    vdom: Segment | None = None


class UnitPolicySeed(PolicyValues):
    """A policy of a FortiGate."""

    vdom: Segment | None = None


class LimitSeed(Model):
    """How much fits on a unit; the limits of a VDOM are 0 for none of its own."""

    addresses: Annotated[int, Field(gt=0)] = 100_000
    groups: Annotated[int, Field(gt=0)] = 20_000
    members: Annotated[int, Field(gt=0)] = 600
    vdom_addresses: Annotated[int, Field(ge=0)] = 0
    vdom_groups: Annotated[int, Field(ge=0)] = 0


class UnitSeed(Model):
    """A FortiGate without this FortiManager, or more about one that an ADOM has by that name.

    `managed`: whether it says that a FortiManager manages it. `standby`: serial numbers that take
    over. `saving` is `system global cfg-save`.
    """

    name: Segment
    serial: Segment | None = None
    version: DeviceRelease | None = None
    platform: str = "FortiGate-VM64"
    vdoms: list[Segment] | None = Field(default=None, min_length=1)
    management_vdom: Segment | None = None
    api_users: list[ApiUserSeed] = Field(default_factory=list)
    addresses: list[UnitAddressSeed] = Field(default_factory=list)
    address_groups: list[UnitGroupSeed] = Field(default_factory=list)
    policies: list[UnitPolicySeed] = Field(default_factory=list)
    managed: Literal["no", "yes", "backup"] | None = None
    manager: str | None = None
    saving: Literal["automatic", "manual", "revert"] = "automatic"
    standby: list[Segment] = Field(default_factory=list)
    limits: LimitSeed = Field(default_factory=LimitSeed)

    @field_validator("managed", mode="before")
    @classmethod
    def _worded(cls, value: Any) -> Any:
        return {False: "no", True: "yes"}[value] if isinstance(value, bool) else value
