"""One target as a pass sees it, and its devices."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from fmgsync.assessing import four
from fmgsync.model.adom import AdomTopology, Package, PackageStatus, Reading, Surroundings
from fmgsync.model.change import AdomPlan, Submission
from fmgsync.model.rollout import NotReferenced, PendingInstall
from fmgsync.model.state import DesiredAdom, ObservedAdom
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import DeviceView
from fmgsync.planning import sharding, usage


@dataclass(frozen=True, slots=True)
class Known:
    """What need not be asked again: what device databases and devices held when they were read,
    and which packages were installed before."""

    databases: Mapping[DeviceVdom, Reading] = field(default_factory=dict)
    devices: Mapping[DeviceVdom, Reading] = field(default_factory=dict)
    statuses: tuple[PackageStatus, ...] = ()


NOTHING = Known()


@dataclass(frozen=True, slots=True)
class Survey:
    """The four views of one ADOM and what follows from them.

    `asked` says whether the FortiGates themselves were asked; `facts` are what the views were made
    from. Windows and people are not considered.
    """

    views: tuple[DeviceView, ...]
    pending: tuple[PendingInstall, ...]
    not_referenced: tuple[NotReferenced, ...]
    asked: bool = True
    statuses: tuple[PackageStatus, ...] = ()
    facts: four.Facts | None = None

    @property
    def is_made(self) -> bool:
        """Whether the devices were looked at."""
        return self.facts is not None

    def known_but(
        self,
        changed: Collection[DeviceVdom],
        answered: Mapping[DeviceVdom, Reading] | None = None,
        copied: Mapping[DeviceVdom, Reading] | None = None,
    ) -> Known:
        """What was read, save of those that have changed since: what these and their copies held
        when they were asked again."""
        if self.facts is None:
            return NOTHING
        databases, devices = self.facts.databases, self.facts.devices
        kept = (databases.keys() & devices.keys()) - set(changed)
        return Known(
            {**{target: databases[target] for target in kept}, **(copied or {})},
            {**{target: devices[target] for target in kept}, **(answered or {})},
            () if changed else self.statuses,
        )


UNSEEN = Survey((), (), (), asked=False)
"""Before any device was looked at, or where that failed."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One ADOM as a pass sees it: what should be, what is, and the plan between the two.

    `unapproved` is the plan as it was before approvals let parts of it through; `submission` what
    waits for approval in workflow mode; `asked` are the names for which foreign objects were
    looked for. `written` is what a write of this pass has left there: others may have changed more
    by the time it was read back. `survey` is what was seen of the devices.
    """

    around: Surroundings
    desired: DesiredAdom
    observed: ObservedAdom
    usage: usage.Usage
    plan: AdomPlan
    unapproved: AdomPlan
    submission: Submission | None = None
    limits: sharding.Limits = sharding.DEFAULT
    asked: frozenset[str] = frozenset()
    written: ObservedAdom | None = None
    survey: Survey = UNSEEN

    @property
    def vouched(self) -> ObservedAdom:
        """What this pass wrote, else what it read."""
        return self.observed if self.written is None else self.written

    @property
    def topology(self) -> AdomTopology:
        """Devices and device groups."""
        return self.around.topology

    @property
    def packages(self) -> tuple[Package, ...]:
        """Who uses what."""
        return self.around.packages
