"""A plan is data: every difference between desired and ADOM, in the order it can be written."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace

from fmgsync.model.address import Address, Family
from fmgsync.model.memory import Size
from fmgsync.model.target import DeviceVdom, TargetRef


class Action(enum.StrEnum):
    """What happens to an object."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class ObjectKind(enum.StrEnum):
    """The FortiManager tables a plan writes; the values are those of the plan's JSON."""

    ADDRESS = "address"
    ADDRESS6 = "address6"
    GROUP = "addrgrp"
    GROUP6 = "addrgrp6"
    MAPPING = "mapping"
    MAPPING6 = "mapping6"

    @property
    def family(self) -> Family:
        """The address family of the table."""
        return Family.IPV6 if self.value.endswith("6") else Family.IPV4

    @property
    def table(self) -> ObjectKind:
        """The table the object lives in: a mapping lives in its group's."""
        if self is ObjectKind.MAPPING:
            return ObjectKind.GROUP
        return ObjectKind.GROUP6 if self is ObjectKind.MAPPING6 else self


@dataclass(frozen=True, slots=True)
class Change:
    """One create, update or delete.

    `members` are the complete member names after the change (groups and mappings); `value` the
    address written (addresses). `added` and `removed` are what people care about: addresses that
    come and go, never object names. `device` is set for mappings only. `clears_exclusion`: members
    are no longer taken away again by exclude-member. `comment` is written as well where it is
    given: an object's mark that is brought up to date.

    `resets` are fields that somebody has set and we never do. Such a change sets them back and
    writes nothing else, so that a unit which refuses it keeps no address from coming or going.

    `instead_of` is the comment an object must bear for its ownership to change hands: such a change
    writes `comment` and nothing else.
    """

    action: Action
    kind: ObjectKind
    name: str
    because: str
    device: DeviceVdom | None = None
    value: Address | None = None
    members: tuple[str, ...] = ()
    added: tuple[Address, ...] = ()
    removed: tuple[Address, ...] = ()
    clears_exclusion: bool = False
    comment: str = ""
    resets: tuple[str, ...] = ()
    instead_of: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a person should know: a foreign object in the way, something held or kept.

    `kind` is a stable word for scripts (`foreign-name`, `tampered`, `kept-in-use`, ...).
    `newcomers_only`: it stops what would come to a group; what goes from it goes.
    """

    kind: str
    name: str
    message: str
    device: DeviceVdom | None = None
    is_error: bool = False
    newcomers_only: bool = False


@dataclass(frozen=True, slots=True)
class ObjectReport(Finding):
    """About an object of a cluster that asks for a rule: `object_kind` is what the API calls it."""

    cluster: str = ""
    object_kind: str = ""


@dataclass(frozen=True, slots=True)
class Hold(Finding):
    """A part of a plan that waits for a human: addresses that would come to or go from a group.

    `device` None is the group's own value. `digest` stands for exactly these addresses: approving
    it lets nothing else through.
    """

    digest: str = ""
    added: tuple[Address, ...] = ()
    removed: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Grants:
    """How many addresses come to and go from one group on one DeviceVdom."""

    name: str
    place: DeviceVdom
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class AdomPlan:
    """What to write in one ADOM, in order; what stands in the way; what waits for a human.

    `foreign` are rules that fail because a foreign object bears a name they need; `held` what the
    guard keeps back; `findings` what a person should know but nothing waits for. `sizes` is what
    the guard remembers of it, `approved` the digests that let some of it through, `grants` what
    comes and goes on the devices. `wants` is a digest of what the rules ask for, where a plan may
    have to wait for somebody to approve it. `workloads` are those behind the addresses that come.
    """

    ref: TargetRef
    changes: tuple[Change, ...] = ()
    foreign: tuple[Finding, ...] = ()
    held: tuple[Hold, ...] = ()
    findings: tuple[Finding, ...] = ()
    sizes: tuple[Size, ...] = ()
    approved: tuple[str, ...] = ()
    grants: tuple[Grants, ...] = ()
    wants: str = ""
    workloads: tuple[tuple[Address, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Submission:
    """A workflow session of ours that a human has to decide on, or has just turned down.

    While there is one nothing is written. `wants` is the digest of what the rules asked for, empty
    if it is not known; `outdated`: by now they ask for something else.
    """

    session: int
    turned_down: bool = False
    wants: str = ""
    outdated: bool = False

    @property
    def brief(self) -> str:
        """In a few words."""
        said = "was not approved" if self.turned_down else "waits for approval"
        old = ", and is not what the rules ask for now" if self.outdated else ""
        return f"workflow session {self.session} {said}{old}"

    def __str__(self) -> str:
        if self.turned_down:
            return (
                f"workflow session {self.session} was not approved; what it held is submitted"
                " again an hour after it was submitted first, unless it is gone by then"
            )
        if self.outdated:
            return (
                f"workflow session {self.session} waits for approval and is not what the rules ask"
                " for any more: reject it, and what is right is submitted; if it is approved, what"
                " is wrong in it is not installed before it was corrected"
            )
        return (
            f"workflow session {self.session} waits for approval; nothing more is written until"
            " somebody with the right to do so approves or rejects it in FortiManager"
        )


@dataclass(frozen=True, slots=True)
class ApplyReport:
    """What became of a plan: changes written, and those FortiManager refused, with its words.

    `submitted`: what waits for a human's approval. What was written is in it and not yet in the
    ADOM; while an earlier one waits, nothing is written. `left`: so many changes were not tried,
    since whoever writes was told to end.
    """

    ref: TargetRef
    written: tuple[Change, ...] = ()
    refused: tuple[tuple[Change, str], ...] = ()
    requests: int = 0
    submitted: Submission | None = None
    left: int = 0

    def beside(
        self,
        *,
        written: Iterable[Change],
        refused: Iterable[tuple[Change, str]],
        submitted: Submission | None,
    ) -> ApplyReport:
        """With what became of the next part of the same plan."""
        return replace(
            self,
            written=(*self.written, *written),
            refused=(*self.refused, *refused),
            submitted=submitted,
        )

    def then(self, later: ApplyReport) -> ApplyReport:
        """This and what was written after it; what was refused may have been written since."""
        return ApplyReport(
            self.ref,
            (*self.written, *later.written),
            later.refused,
            self.requests + later.requests,
            later.submitted,
            later.left,
        )
