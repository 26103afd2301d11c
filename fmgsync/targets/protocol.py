"""The seam between the passes and whatever holds the firewalls' objects.

A `Target` is one place that is read and written as a whole: an ADOM of a FortiManager, or a VDOM of
a FortiGate without one. Where writing is not yet delivering it has a `Delivery`: what brings to the
devices what was written. Without one the write itself is the delivery, and everything that gates an
install gates the write. All methods block, and raise `errors.TargetError`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from fmgsync.model.adom import (
    HeldLock,
    PackageStatus,
    Reading,
    Surroundings,
)
from fmgsync.model.change import AdomPlan, ApplyReport, ObjectKind, Submission
from fmgsync.model.preview import DevicePreview, Marked
from fmgsync.model.rollout import InstallRequest, InstallTask, SeenTask, TaskView
from fmgsync.model.rule import Site
from fmgsync.model.state import ObjectKey, ObservedAdom
from fmgsync.model.target import DeviceVdom, NamedPlace, TargetRef
from fmgsync.scheduling.install_policy import Mode
from fmgsync.targets.hooks import Look, nothing


@dataclass(frozen=True, slots=True)
class Traits:
    """What a target can do. Callers ask these, never what kind of unit it is.

    `stages`: what is written reaches a device by an install only, through `Target.delivery`.
    `mappings`: one object may hold other members for each device; without them a group has one
    value, that of the target's only DeviceVdom. `locks`: others can be kept out while we write.
    `approvals`: a write may have to wait for somebody's approval. `previews`: it can say what an
    install would push. `object_installs`: single objects can be installed. All but `mappings` are
    of the delivery, and without meaning where there is none.
    """

    stages: bool
    mappings: bool
    locks: bool = False
    approvals: bool = False
    previews: bool = False
    object_installs: bool = False


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a configuration wants of one unit: what `fmgsync doctor` holds the unit against."""

    sites: Mapping[TargetRef, tuple[Site, ...]]
    mode: Mode
    writes: bool
    named: Mapping[TargetRef, tuple[NamedPlace, ...]] = field(default_factory=dict)
    at_once: Mapping[str, str] = field(default_factory=dict)
    """Settings that need an ADOM written right when it is installed -> what to set instead."""


class Around(enum.Enum):
    """How much is looked at of what a plan needs to know besides our objects.

    `DEVICES`: devices, VDOMs and device groups alone, what sites are expanded with. `GLANCE`: who
    uses what may be left `unasked` where asking for it costs something. `USES`: who uses what,
    where a glance left it unasked. `ALL`: everything. The last two raise where a target may not be
    written at all.
    """

    DEVICES = enum.auto()
    GLANCE = enum.auto()
    USES = enum.auto()
    ALL = enum.auto()


@dataclass(frozen=True, slots=True)
class Part:
    """These objects alone, as far as they are there."""

    groups: Collection[ObjectKey]
    addresses: Collection[ObjectKey]


@dataclass(frozen=True, slots=True)
class Copies:
    """These groups in the unit's own copy of each of these devices."""

    targets: Collection[DeviceVdom]
    names: Collection[str]


@dataclass(frozen=True, slots=True)
class Marks:
    """Which of these objects bear whose mark; `gone` ones are looked for on devices as well."""

    keys: Collection[ObjectKey]
    gone: Collection[ObjectKey]
    targets: Collection[DeviceVdom]


@dataclass(frozen=True, slots=True)
class Question:
    """What to look at; what is left out is not asked.

    `objects`: own objects, and foreign ones that hold one of ours or bear one of these names; or a
    part of them. `stamp`: what stands for all objects and policies. `remark`: everything, of
    whomever, whose comment begins so.

    The rest only where there is a delivery. `statuses`: one row per DeviceVdom and package that was
    installed before. `locks`: who has all of it locked, or a package, a device, one of these
    groups. `unused`: own addresses that no group of these devices uses any more. `submission`: what
    waits for a human's approval.
    """

    around: Around | None = None
    objects: Collection[str] | Part | None = None
    stamp: bool = False
    remark: str = ""
    copies: Copies | None = None
    statuses: bool = False
    marks: Marks | None = None
    locks: Collection[ObjectKey] | None = None
    unused: Collection[DeviceVdom] | None = None
    submission: bool = False


DEVICES = Question(around=Around.DEVICES)
STAMP = Question(stamp=True)
STATUSES = Question(statuses=True)


def _unasked() -> Any:
    raise RuntimeError("this was not asked")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was seen of each part; what could not be seen raises its error when it is taken.

    A `stamp` other than before says that somebody has changed something; None where the target does
    not tell.
    """

    around: Callable[[], Surroundings] = _unasked
    objects: Callable[[], ObservedAdom] = _unasked
    stamp: Callable[[], str | None] = _unasked
    remarked: Callable[[], tuple[tuple[ObjectKind, str], ...]] = _unasked
    copies: Callable[[], Mapping[DeviceVdom, Reading]] = _unasked
    statuses: Callable[[], tuple[PackageStatus, ...]] = _unasked
    marked: Callable[[], tuple[Marked, ...]] = _unasked
    locks: Callable[[], tuple[HeldLock, ...]] = _unasked
    unused: Callable[[], Mapping[DeviceVdom, int]] = _unasked
    submission: Callable[[], Submission | None] = _unasked


class Target(Protocol):
    """One place that is read and written as a whole.

    Inside `with` all calls share one connection, which is given back at its end, whatever happens;
    outside, each call has its own. It is not used by two threads at a time.

    A pass looks around first, then at the objects, since which names it asks for follows from the
    first. A stamp and a part of the objects are for passes over a part: they compare and write a
    few groups without reading the rest anew, and a stamp of None switches them off.
    """

    @property
    def traits(self) -> Traits:
        """What it can do."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def read_serial(self) -> str:
        """The unit's serial number; empty where it does not tell, or is one of a cluster's."""

    def look(self, question: Question) -> Answer:
        """See all that was asked for, as of now. What concerns one part only is raised when that
        part is taken from the answer."""

    def write(
        self, plan: AdomPlan, *, last_look: Look = nothing, after_wait: Look = nothing
    ) -> ApplyReport:
        """Write the plan's changes in order; every prefix of it is a safe state.

        A refused object is isolated and reported; the others are written. An empty plan costs no
        request. Where writing is delivering, `last_look` is called right before the first request
        that changes something, with no other one in between, and may raise: then nothing is.
        Where somebody else's lock had to be waited for, `after_wait` is called as soon as we hold
        it, and may raise as well: it is given back then, and nothing more is written.
        """

    def ask(
        self, targets: Iterable[DeviceVdom], group_names: Iterable[str]
    ) -> Mapping[DeviceVdom, Reading]:
        """Members by group as each FortiGate itself answers, asked now."""

    def delivery(self) -> Delivery | None:
        """What brings to the devices what was written; None where writing is delivering."""


class Delivery(Protocol):
    """What brings to the devices of a target what was written there."""

    def find_installs(self, after: int) -> tuple[SeenTask, ...]:
        """Installs of this ADOM that were started after task number `after`, by anybody."""

    def own_installs(self) -> Mapping[int, bool]:
        """Our administrator's installs in this ADOM by task number, as far as they are still known:
        whether each has ended."""

    def refuses_objects(self) -> str | None:
        """Why objects alone cannot be installed here, with what to do; None if they can."""

    def open_install_flow(self) -> InstallFlow:
        """Take what an install needs (session, lock); waits for nobody."""


class Previewing(Protocol):
    """A preview under way."""

    def poll(self) -> tuple[DevicePreview, ...] | None:
        """One look; None while it is under way, then one entry per physical device."""


class InstallFlow(Protocol):
    """One install flow: keeps its session, and in a workspace ADOM its lock, until closed."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def write(self, plan: AdomPlan) -> ApplyReport:
        """Write a plan under this flow's lock, right before it is installed."""

    def preview(self, request: InstallRequest) -> Previewing:
        """Work out what an install would push, without pushing anything."""

    def drop_preview(self) -> None:
        """Forget what the last preview worked out."""

    def newest_task(self) -> int:
        """The number of the newest task, of any kind, before the next push; 0 if there is none."""

    def start(
        self,
        request: InstallRequest,
        *,
        previewed: bool = False,
        last_look: Look = nothing,
    ) -> InstallTask:
        """Start one install; answers at once with the task. What was `previewed` pushes what the
        last preview worked out, to the targets of `request` only. `last_look` is called right
        before the request that pushes, with no other one in between, and may raise: then nothing is
        pushed."""

    def poll(self, task: InstallTask) -> TaskView:
        """Read the task once, line by line. 100 percent is not success."""

    def cancel(self, task: InstallTask) -> TaskView:
        """Cancel a task of which nothing has begun; otherwise leave it and say how it stands."""
