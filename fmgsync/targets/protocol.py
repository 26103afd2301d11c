"""The seam between the passes and whatever holds the firewalls' objects.

`ObjectStore` is what a reconcile needs, `Installer` what an install pass needs. FortiManager
implements both (`targets.fortimanager`); a FortiGate without FortiManager needs `Installer` alone,
since there writing is installing. All methods block, and raise `errors.TargetError`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from fmgsync.model.adom import AdomTopology, HeldLock, Limits, Package, PackageStatus, Reading
from fmgsync.model.change import AdomPlan, ApplyReport, Submission
from fmgsync.model.preview import DevicePreview, Marked
from fmgsync.model.rollout import InstallRequest, InstallTask, SeenTask, TaskView
from fmgsync.model.rule import Site
from fmgsync.model.state import ObjectKey, ObservedAdom
from fmgsync.model.target import DeviceVdom, NamedPlace, TargetRef
from fmgsync.scheduling.install_policy import Mode


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a configuration wants of one unit: what `fmgsync doctor` holds the unit against."""

    sites: Mapping[TargetRef, tuple[Site, ...]]
    mode: Mode
    writes: bool
    named: Mapping[TargetRef, tuple[NamedPlace, ...]] = field(default_factory=dict)
    at_once: Mapping[str, str] = field(default_factory=dict)
    """Settings that need an ADOM written right when it is installed -> what to set instead."""


class ObjectStore(Protocol):
    """The object database of one ADOM."""

    def read_topology(self) -> AdomTopology:
        """Devices, VDOMs and device groups: what sites are expanded with."""

    def read_serial(self) -> str:
        """The unit's serial number; empty where it does not tell, or is one of a cluster's."""

    def read_limits(self) -> Limits:
        """The unit's own limits, as far as it states any."""

    def read_observed(self, group_names: Iterable[str]) -> ObservedAdom:
        """Own objects, and foreign ones that bear a rule's name or hold one of ours."""

    def read_stamp(self) -> str | None:
        """Stands for all objects and policies: another one, and somebody has changed something.

        None where the ADOM does not tell.
        """

    def read_part(
        self, groups: Iterable[ObjectKey], addresses: Iterable[ObjectKey]
    ) -> ObservedAdom:
        """These objects alone, as far as they are there."""

    def read_submission(self) -> Submission | None:
        """What waits for a human's approval in an ADOM in workflow mode."""

    def read_locks(self) -> tuple[HeldLock, ...]:
        """Who has the ADOM, or a part of it, locked; asked only where there are locks."""

    def apply(self, plan: AdomPlan) -> ApplyReport:
        """Write the plan's changes in order; in a workspace ADOM lock, commit and unlock.

        A refused object is isolated and reported; the others are written.
        """


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

    def start(self, request: InstallRequest) -> InstallTask:
        """Start one install; answers at once with the task."""

    def poll(self, task: InstallTask) -> TaskView:
        """Read the task once, line by line. 100 percent is not success."""

    def cancel(self, task: InstallTask) -> TaskView:
        """Cancel a task of which nothing has begun; otherwise leave it and say how it stands."""

    def start_preview(self, request: InstallRequest) -> Previewing:
        """Work out what an install would push, without pushing anything."""

    def commit(self, request: InstallRequest) -> InstallTask:
        """Push what the last preview worked out, to the targets of `request` only."""

    def drop_preview(self) -> None:
        """Forget what the last preview worked out."""

    def newest_task(self) -> int:
        """The number of the newest task, of any kind, before the next push; 0 if there is none."""

    def read_marked(
        self,
        keys: Collection[ObjectKey],
        gone: Collection[ObjectKey],
        targets: Collection[DeviceVdom],
    ) -> tuple[Marked, ...]:
        """Which of these objects bear whose mark; `gone` ones are looked for on devices as well."""


class Installer(Protocol):
    """What reaches the devices of one ADOM."""

    def read_packages(self) -> tuple[Package, ...]:
        """Policy packages with install targets and the objects their policies use."""

    def read_package_status(self) -> tuple[PackageStatus, ...]:
        """One row per DeviceVdom and package that was installed before."""

    def read_device_databases(
        self, targets: Iterable[DeviceVdom], group_names: Iterable[str]
    ) -> Mapping[DeviceVdom, Reading]:
        """Members by group in FortiManager's copy of each device."""

    def read_devices(
        self, targets: Iterable[DeviceVdom], group_names: Iterable[str]
    ) -> Mapping[DeviceVdom, Reading]:
        """Members by group as each FortiGate itself answers."""

    def find_installs(self, after: int) -> tuple[SeenTask, ...]:
        """Installs of this ADOM that were started after task number `after`, by anybody."""

    def own_installs(self) -> Mapping[int, bool]:
        """Our administrator's installs in this ADOM by task number, as far as they are still known:
        whether each has ended."""

    def refuses_objects(self) -> str | None:
        """Why objects alone cannot be installed here, with what to do; None if they can."""

    def read_unused(self, targets: Iterable[DeviceVdom]) -> Mapping[DeviceVdom, int]:
        """Own addresses per DeviceVdom that no group there uses any more."""

    def open_install_flow(self) -> InstallFlow:
        """Take what an install needs (session, lock); waits for nobody."""
