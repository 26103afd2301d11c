"""ADOMs that FortiManager itself does not let anybody install from: nothing is written there."""

from __future__ import annotations

from fmgsync.model.adom import AdomTopology
from fmgsync.model.change import AdomPlan, Finding

KIND = "backup-mode"
"""Of the finding that concerns a whole ADOM."""

_BACKUP = "backup"


def is_closed(topology: AdomTopology) -> bool:
    """Whether the ADOM is in backup mode: it keeps copies of configurations and sends none."""
    return _BACKUP in topology.flags


def refuse(plan: AdomPlan) -> AdomPlan:
    """The plan of such an ADOM: no change, one error that says why.

    What could be written would never reach a device, and would wait there for whoever turns the
    mode later.
    """
    finding = Finding(
        KIND,
        plan.ref.domain,
        "the ADOM is in backup mode, from which nothing can be installed; nothing is written"
        " (change its mode to normal, or take it out of the sites)",
        is_error=True,
    )
    return AdomPlan(plan.ref, foreign=(*plan.foreign, finding), findings=plan.findings)
