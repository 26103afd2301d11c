"""`reconcile.write: before-install`: the ADOM is written inside the install flow's own lock.

So the ADOM never holds a change of ours outside a window, and nobody else's install can carry it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fmgsync.clock import Clock
from fmgsync.controller import installs, reconcile
from fmgsync.controller.installs import Survey
from fmgsync.controller.reconcile import AdomWork, Intent, Look
from fmgsync.model.change import ApplyReport
from fmgsync.model.rollout import InstallRequest, TargetOutcome

Choose = Callable[[Survey], Sequence[InstallRequest]]
"""What to install, once the four views are known."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of one ADOM: as it is now, what was written and how the installs ended."""

    seen: Look
    survey: Survey
    report: ApplyReport | None = None
    outcomes: tuple[TargetOutcome, ...] = ()


def write_and_install(
    work: AdomWork, intent: Intent, seen: Look, *, choose: Choose, clock: Clock
) -> Carried:
    """Take the lock, write, commit, install what is behind, give the lock back.

    Groups that no policy uses yet are written as well: an administrator needs them to write one.
    Raises LockHeld, with nothing written, if somebody else has the ADOM.
    """
    survey = installs.survey(work, seen, ask_devices=True)
    if not seen.plan.changes and not choose(survey):
        return Carried(seen, survey)
    report = ApplyReport(work.ref)
    with work.installer.open_install_flow() as flow:
        if seen.plan.changes:
            reconcile.note_write(work, seen)
            report = flow.write(seen.plan)
            work.guard.after_write(seen.plan, report)
            seen = reconcile.look_again(work, intent, seen)
            survey = installs.survey(work, seen, ask_devices=True)
        outcomes = installs.run(flow, choose(survey), clock=clock)
    if outcomes:
        # The install changed device database and status: look again before believing anything.
        seen = reconcile.refresh_topology(work, seen)
        survey = installs.survey(work, seen, ask_devices=True)
    return Carried(seen, survey, report, outcomes)
