"""The plan's JSON document as a schema, for programs that read it.

More keys may come; those that are here stay as they are.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", alias_generator=to_camel)


class Change(_Part):
    """One object to create, update or delete."""

    action: Literal["create", "update", "delete"]
    kind: Literal["address", "addrgrp", "mapping", "address6", "addrgrp6", "mapping6"]
    name: str = Field(description="The object's name; of a mapping its group's.")
    device: str | None = Field(None, description="`device/vdom`; for mappings only.")
    added: list[str] = Field(description="Addresses that come, never object names.")
    removed: list[str] = Field(description="Addresses that go.")
    because: str
    resets: list[str] = Field([], description="Fields that somebody set and that are set back.")


class Finding(_Part):
    """Something a person should know of."""

    kind: str = Field(description="A stable word: `foreign-name`, `tampered`, `kept-in-use`, ...")
    name: str = Field(description="The group or rule.")
    message: str
    device: str | None = None
    next: str | None = Field(None, description="What to do about it.")


class Hold(Finding):
    """A part that waits for `fmgsync approve`."""

    digest: str = Field(description="Approves exactly this part.")
    group_digest: str = Field(description="Approves all parts of the group in this ADOM.")
    added: list[str]
    removed: list[str]


class Use(_Part):
    """A policy that uses a group."""

    package: str
    policy: str = Field(description="In words.")
    action: str
    position: int = Field(description="In its package, from 1.")
    enabled: bool


class Adom(_Part):
    """What changes in one ADOM, or in one VDOM of a FortiGate without a FortiManager."""

    fortimanager: str | None = Field(description="None: a FortiGate without one.")
    adom: str | None
    fortigate: str | None = Field(None, description="A FortiGate without a FortiManager.")
    vdom: str | None = Field(None, description="Of that FortiGate.")
    changes: list[Change] = Field(description="In the order in which they are written.")
    foreign: list[Finding] = Field(description="Errors of single rules; the others go on.")
    held: list[Hold]
    findings: list[Finding] = Field(description="Notes.")
    workloads: dict[str, list[str]] = Field(description="Who has the addresses that come.")
    policies: dict[str, list[Use]] = Field(description="By group, for the groups that change.")


class Install(_Part):
    """A device VDOM that an install has to reach, or that a group never reaches; of a FortiGate
    without a FortiManager one that has to be written."""

    fortimanager: str | None = Field(None, description="None: a FortiGate without one.")
    adom: str | None = None
    fortigate: str | None = Field(None, description="A FortiGate without a FortiManager.")
    device: str
    vdom: str
    package: str | None = Field(description="None: nothing is installed there.")
    opens_at: str | None = Field(description="When the opening of now began, or the next begins.")
    groups: list[str]
    reasons: list[str]
    held: str | None = Field(description="Why a person has to see to it.")
    because: str | None = Field(description="Why it cannot start now; None if it can.")
    not_referenced: list[str] = Field(description="Groups that no policy brings there.")
    not_referenced_because: list[str]


class Radius(_Part):
    """How much of the estate is touched."""

    changes: int
    groups: int
    devices: int
    added: int = Field(description="Addresses, counted once for each group and device.")
    removed: int
    installs: int = Field(description="Device VDOMs to install or, without a FortiManager, write.")


class Stop(_Part):
    """Something that `fmgsync stop` keeps from being written."""

    fortimanager: str | None = Field(description="None: all.")
    adom: str | None = Field(description="None: all.")
    who: str
    reason: str | None
    at: str
    message: str


class Submitted(_Part):
    """A workflow session that waits for approval in FortiManager."""

    fortimanager: str
    adom: str
    session: int
    turned_down: bool
    message: str


class Plan(_Part):
    """What `fmgsync plan -o json` prints, and `plan --save` keeps."""

    digest: str = Field(description="Stands for all changes and all that is held.")
    timezone: str = Field("UTC", description="The windows' zone: times are shown in it, not here.")
    adoms: list[Adom]
    installs: list[Install]
    blast_radius: Radius
    stops: list[Stop]
    submitted: list[Submitted]
    sources: list[dict[str, Any]] = Field(description="What could not be read of the clusters.")
    errors: list[dict[str, Any]]
    error: dict[str, Any] | None = Field(None, description="No ADOM got through: the first error.")


def schema() -> dict[str, Any]:
    """JSON Schema."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Plan.model_json_schema()}
