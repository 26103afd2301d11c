"""One target as a pass sees it."""

from __future__ import annotations

from dataclasses import dataclass

from fmgsync.model.adom import AdomTopology, Package, Surroundings
from fmgsync.model.change import AdomPlan, Submission
from fmgsync.model.state import DesiredAdom, ObservedAdom
from fmgsync.planning import sharding, usage


@dataclass(frozen=True, slots=True)
class Look:
    """One ADOM as a pass sees it: what should be, what is, and the plan between the two.

    `unapproved` is the plan as it was before approvals let parts of it through; `submission` what
    waits for approval in workflow mode; `asked` are the names for which foreign objects were
    looked for. `written` is what a write of this pass has left there: others may have changed more
    by the time it was read back.
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
