"""What an ADOM and a FortiGate say alike in a seed: addresses, groups, policies."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

from fmgsync.simulator.state.seedtypes import Name


class Model(BaseModel):
    """Keys in camel case, unknown ones refused."""

    model_config = ConfigDict(
        extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True
    )


class AddressValues(Model):
    """An address by subnet, range or name; `ip6` puts it in the IPv6 table."""

    name: Name
    subnet: str | None = None
    ip6: str | None = None
    start_ip: str | None = None
    end_ip: str | None = None
    fqdn: str | None = None
    comment: str | None = None
    color: int | None = None

    @property
    def table(self) -> str:
        """Where it goes."""
        return "firewall address6" if self.ip6 is not None else "firewall address"

    def attributes(self) -> dict[str, Any]:
        """What is said of it besides its name, in the table's words."""
        said = self.model_dump(include=set(AddressValues.model_fields), exclude_none=True)
        kind = "fqdn" if self.fqdn else "iprange" if self.start_ip else None
        given = {word.replace("_", "-"): said[word] for word in said if word != "name"}
        return {"type": kind, **given} if kind else given


class GroupValues(Model):
    """An address group; `family: ipv6` puts it in the IPv6 table."""

    name: Name
    members: list[str] = Field(default_factory=list)
    family: Literal["ipv4", "ipv6"] = "ipv4"
    comment: str | None = None
    exclude_members: list[str] = Field(default_factory=list)

    @property
    def table(self) -> str:
        """Where it goes."""
        return "firewall addrgrp6" if self.family == "ipv6" else "firewall addrgrp"

    def attributes(self) -> dict[str, Any]:
        """What is said of it besides its name, in the table's words."""
        given: dict[str, Any] = {"member": self.members}
        if self.comment is not None:
            given["comment"] = self.comment
        if self.exclude_members:
            given |= {"exclude": "enable", "exclude-member": self.exclude_members}
        return given


class PolicyValues(Model):
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
