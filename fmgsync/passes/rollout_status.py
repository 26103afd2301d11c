"""Where the rollouts stand and what would start now, told without starting anything."""

from __future__ import annotations

from fmgsync.assessing import assessment
from fmgsync.passes.result import Pass
from fmgsync.passes.world import AdomWork, World
from fmgsync.scheduling import outlook
from fmgsync.scheduling.install_policy import Mode


def wake_at(world: World, work: AdomWork, result: Pass) -> float | None:
    """When something of the ADOM becomes due that no change announces, in UTC epoch seconds."""
    times = [result.rollout.again_at] if result.rollout else []
    changes = result.seen.plan.changes if result.seen is not None else ()
    opens = assessment.openings(
        result.view.outlooks.values(),
        result.survey.pending,
        unwritten=bool(changes) and not work.writes_ahead(world.intent),
        partly=world.terms.mode is not Mode.NONE and not result.whole,
    )
    times += [at.timestamp() for at in opens]
    return min((at for at in times if at is not None), default=None)


def window_open(world: World, result: Pass) -> bool | None:
    """Whether an install may start now on a device of the ADOM; None if nothing is known of it, or
    somebody else installs."""
    if world.terms.mode is Mode.NONE or result.seen is None or not result.survey.is_made:
        return None
    targets = [view.target for view in result.survey.views]
    found = outlook.outlooks(world.terms.calendar, result.seen.topology, targets, world.instant)
    return assessment.window_open(found)
