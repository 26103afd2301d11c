"""What a simulator starts with: YAML or a mapping, every key optional, wrong ones refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from fmgsync import yamllines
from fmgsync.simulator.state.problems import SeedError, Source, problems_of
from fmgsync.simulator.state.rights import Right
from fmgsync.simulator.state.seedtypes import (
    AdomRelease,
    DeviceRelease,
    Name,
    Network,
    Segment,
    UnitRelease,
)
from fmgsync.simulator.state.sessions import Permit
from fmgsync.simulator.state.world import Switches


class _Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True
    )


class AdminSeed(_Model):
    """An administrator with a password or an API key; without `adoms`, all are open."""

    user: Name
    password: str | None = None
    api_key: str | None = None
    rpc_permit: Permit = "read-write"
    adoms: list[str] | None = None
    super_admin: bool = False
    approver: bool = False
    profile: Name | None = None


class ProfileSeed(_Model):
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


class ClusterSeed(_Model):
    """A unit of a FortiGate HA cluster; the first is the master unless `role` says otherwise."""

    name: Segment
    serial: str | None = None
    role: Literal["master", "slave"] | None = None
    priority: int = 100
    up: bool = True


class ApiUserSeed(_Model):
    """A REST API administrator of a FortiGate; without `trustHosts`, from anywhere."""

    name: Name
    key: Annotated[str, Field(min_length=1, max_length=255)]
    profile: Literal["minimal", "advised", "read-only", "super_admin"] = "minimal"
    vdoms: list[Segment] = Field(default_factory=list)
    trust_hosts: list[Network] = Field(default_factory=list)
    expires_in_seconds: Annotated[float, Field(gt=0)] | None = None


class DeviceSeed(_Model):
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


class DeviceGroupSeed(_Model):
    """Members are `device/vdom`, `device` (its only VDOM) or the name of another group."""

    name: Name
    members: list[str] = Field(default_factory=list)


class MappingSeed(_Model):
    """The value an object takes on one `device/vdom`."""

    device: Name
    subnet: str | None = None
    ip6: str | None = None
    members: list[str] | None = None


class _AddressSeed(_Model):
    """An address by subnet, range or name; `ip6` puts it in the IPv6 table."""

    name: Name
    subnet: str | None = None
    ip6: str | None = None
    start_ip: str | None = None
    end_ip: str | None = None
    fqdn: str | None = None
    comment: str | None = None
    color: int | None = None


class AddressSeed(_AddressSeed):
    """An address of an ADOM."""

    mappings: list[MappingSeed] = Field(default_factory=list)


class UnitAddressSeed(_AddressSeed):
    """An address of a FortiGate; without `vdom`, of its first one."""

    vdom: Segment | None = None


class _GroupSeed(_Model):
    """An address group; `family: ipv6` puts it in the IPv6 table."""

    name: Name
    members: list[str] = Field(default_factory=list)
    family: Literal["ipv4", "ipv6"] = "ipv4"
    comment: str | None = None
    exclude_members: list[str] = Field(default_factory=list)


class GroupSeed(_GroupSeed):
    """An address group of an ADOM."""

    mappings: list[MappingSeed] = Field(default_factory=list)


class UnitGroupSeed(_GroupSeed):
    """An address group of a FortiGate."""

    vdom: Segment | None = None


class _PolicySeed(_Model):
    """A firewall policy."""

    name: str | None = None
    policyid: Annotated[int, Field(gt=0, lt=2**31)] | None = None
    srcaddr: list[str] = Field(default_factory=list)
    dstaddr: list[str] = Field(default_factory=list)
    srcaddr6: list[str] = Field(default_factory=list)
    dstaddr6: list[str] = Field(default_factory=list)
    srcintf: list[str] = Field(default_factory=lambda: ["any"])
    dstintf: list[str] = Field(default_factory=lambda: ["any"])
    service: list[str] = Field(default_factory=lambda: ["ALL"])
    schedule: list[str] = Field(default_factory=lambda: ["always"])
    action: Literal["accept", "deny", "ipsec"] = "accept"
    status: Literal["enable", "disable"] = "enable"
    srcaddr_negate: bool = False
    dstaddr_negate: bool = False

    @field_validator("schedule", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class PolicySeed(_PolicySeed):
    """A policy of a package; `installOn` restricts it to some targets."""

    install_on: list[str] | None = None


class UnitPolicySeed(_PolicySeed):
    """A policy of a FortiGate."""

    vdom: Segment | None = None


class PackageSeed(_Model):
    """A policy package; folders come from the path in its name."""

    name: Name
    targets: list[str] = Field(default_factory=list)
    policies: list[PolicySeed] = Field(default_factory=list)


class AdomSeed(_Model):
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


class LimitSeed(_Model):
    """How much fits on a unit; the limits of a VDOM are 0 for none of its own."""

    addresses: Annotated[int, Field(gt=0)] = 100_000
    groups: Annotated[int, Field(gt=0)] = 20_000
    members: Annotated[int, Field(gt=0)] = 600
    vdom_addresses: Annotated[int, Field(ge=0)] = 0
    vdom_groups: Annotated[int, Field(ge=0)] = 0


class UnitSeed(_Model):
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


class Seed(_Model):
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


def read_seed(seed: Mapping[str, Any] | str | Path | None) -> tuple[Seed, Source]:
    """The seed and where it stood. A YAML syntax error is `yamllines`' ConfigError."""
    if seed is None:
        return Seed.model_validate(DEFAULT), Source("default seed")
    if isinstance(seed, Mapping):
        return _validated(dict(seed), Source("seed"))
    name = str(seed)
    try:
        text = Path(seed).read_bytes()
    except OSError as error:
        raise SeedError([f"{name}: {error.strerror or error}"]) from error
    document = yamllines.load(text, name)
    return _validated(document.data if document.data is not None else {}, Source(name, document))


def _validated(data: Any, source: Source) -> tuple[Seed, Source]:
    if not isinstance(data, dict):
        raise SeedError([source.problem((), "a seed is a mapping of keys")])
    try:
        seed = Seed.model_validate(data)
    except ValidationError as error:
        raise SeedError(problems_of(error, source, Seed)) from error
    if not seed.admins:
        seed = seed.model_copy(update={"admins": Seed.model_validate(DEFAULT).admins})
    if not {"adoms", "fortigates"} & data.keys():
        seed = seed.model_copy(update={"adoms": Seed.model_validate(DEFAULT).adoms})
    return seed, source
