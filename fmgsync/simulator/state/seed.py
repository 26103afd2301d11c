"""What a simulator starts with: YAML or a mapping, every key optional, wrong ones refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic.alias_generators import to_camel

from fmgsync.simulator.state import problems
from fmgsync.simulator.state.problems import Source
from fmgsync.simulator.state.rights import Right
from fmgsync.simulator.state.seedtypes import (
    AdomRelease,
    DeviceRelease,
    Name,
    Segment,
    UnitRelease,
)
from fmgsync.simulator.state.seedunits import ApiUserSeed, UnitSeed
from fmgsync.simulator.state.seedvalues import AddressValues, GroupValues, Model, PolicyValues
from fmgsync.simulator.state.sessions import Permit
from fmgsync.simulator.state.world import Switches


class AdminSeed(Model):
    """An administrator with a password or an API key; without `adoms`, all are open."""

    user: Name
    password: str | None = None
    api_key: str | None = None
    rpc_permit: Permit = "read-write"
    adoms: list[str] | None = None
    super_admin: bool = False
    approver: bool = False
    profile: Name | None = None


class ProfileSeed(Model):
    """An administrator profile of one's own; what is not said is given whole."""

    name: Name
    adom_policy_packages: Right = "read-write"
    config_retrieve: Right = "read-write"
    deploy_management: Right = "read-write"
    device_manager: Right = "read-write"
    device_op: Right = "read-write"
    global_policy_packages: Right = "read-write"
    policy_objects: Right = "read-write"
    system_setting: Right = "read-write"


class ClusterSeed(Model):
    """A unit of a FortiGate HA cluster; the first is the master unless `role` says otherwise."""

    name: Segment
    serial: str | None = None
    role: Literal["master", "slave"] | None = None
    priority: int = 100
    up: bool = True


class DeviceSeed(Model):
    """A FortiGate. `installed`: its package was installed before and it is in sync."""

    name: Segment
    vdoms: list[Segment] = Field(default_factory=lambda: ["root"], min_length=1)
    platform: str = "FortiGate-VM64"
    serial: str | None = None
    os_version: DeviceRelease | None = None
    online: bool = True
    authorized: bool = True
    install_seconds: Annotated[float, Field(ge=0, le=86_400)] = 2.0
    installed: bool = True
    cluster: list[ClusterSeed] = Field(default_factory=list)
    api_users: list[ApiUserSeed] = Field(default_factory=list)


class DeviceGroupSeed(Model):
    """Members are `device/vdom`, `device` (its only VDOM) or the name of another group."""

    name: Name
    members: list[str] = Field(default_factory=list)


class MappingSeed(Model):
    """The value an object takes on one `device/vdom`."""

    device: Name
    subnet: str | None = None
    ip6: str | None = None
    members: list[str] | None = None


class AddressSeed(AddressValues):
    """An address of an ADOM."""

    mappings: list[MappingSeed] = Field(default_factory=list)


class GroupSeed(GroupValues):
    """An address group of an ADOM."""

    mappings: list[MappingSeed] = Field(default_factory=list)


class PolicySeed(PolicyValues):
    """A policy of a package; `installOn` restricts it to some targets."""

    install_on: list[str] | None = None


class PackageSeed(Model):
    """A policy package; folders come from the path in its name."""

    name: Name
    targets: list[str] = Field(default_factory=list)
    policies: list[PolicySeed] = Field(default_factory=list)


class AdomSeed(Model):
    """An ADOM with all that is in it; `backup`: one that only keeps copies of configurations."""

    name: Segment
    os_version: AdomRelease | None = None
    workspace_mode: Literal["disabled", "normal", "workflow"] | None = None
    backup: bool = False
    devices: list[DeviceSeed] = Field(default_factory=list)
    device_groups: list[DeviceGroupSeed] = Field(default_factory=list)
    interfaces: list[Name] = Field(default_factory=list)
    addresses: list[AddressSeed] = Field(default_factory=list)
    address_groups: list[GroupSeed] = Field(default_factory=list)
    packages: list[PackageSeed] = Field(default_factory=list)


class Seed(Model):
    """Everything. `switches` sets behaviour that no public source settles."""

    version: UnitRelease = "7.4.5"
    workspace_mode: Literal["disabled", "normal", "workflow", "per-adom"] = "disabled"
    idle_timeout_seconds: Annotated[float, Field(gt=0)] = 28_800
    admins: list[AdminSeed] = Field(default_factory=list)
    profiles: list[ProfileSeed] = Field(default_factory=list)
    adoms: list[AdomSeed] = Field(default_factory=list)
    fortigates: list[UnitSeed] = Field(default_factory=list)
    switches: dict[str, bool | int | str] = Field(default_factory=dict)

    @field_validator("switches")
    @classmethod
    def _known(cls, value: dict[str, Any]) -> dict[str, Any]:
        return checked_switches(value)


def checked_switches(given: Mapping[str, Any]) -> dict[str, Any]:
    """Switches by their Python names; raises ValueError for unknown ones and wrong types."""
    names, defaults = {to_camel(name): name for name in Switches.__slots__}, Switches()
    for name, setting in given.items():
        if name not in names:
            raise ValueError(f"unknown switch {name!r}; there are {', '.join(sorted(names))}")
        kind = type(getattr(defaults, names[name]))
        if type(setting) is not kind:
            raise ValueError(f"switch {name} takes a value of type {kind.__name__}")
    return {names[name]: setting for name, setting in given.items()}


DEFAULT: Mapping[str, Any] = {
    "admins": [
        {"user": "admin", "password": "admin", "superAdmin": True},
        {"user": "api", "apiKey": "simulator", "superAdmin": True},
    ],
    "adoms": [
        {
            "name": "root",
            "devices": [
                {"name": name, "apiUsers": [{"name": "api", "key": "simulator"}]}
                for name in ("fgt-1", "fgt-2")
            ],
            "packages": [
                {
                    "name": "default",
                    "targets": ["fgt-1/root", "fgt-2/root"],
                    "policies": [{"name": "all-out", "srcaddr": ["all"], "dstaddr": ["all"]}],
                }
            ],
        }
    ],
}
"""What `fmgsync simulator` serves without a seed."""


def read_seed(given: Mapping[str, Any] | str | Path | None) -> tuple[Seed, Source]:
    """The seed and where it stood; what it leaves out is the default's."""
    if given is None:
        return Seed.model_validate(DEFAULT), Source("default seed")
    seed, source = problems.read(Seed, given, "seed", "seed")
    if not seed.admins:
        seed = seed.model_copy(update={"admins": Seed.model_validate(DEFAULT).admins})
    if not {"adoms", "fortigates"} & seed.model_fields_set:
        seed = seed.model_copy(update={"adoms": Seed.model_validate(DEFAULT).adoms})
    return seed, source
