"""Behind `fmgsync forecast`: which edits of other people an install would push along, asked now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from fmgsync import errors
from fmgsync.assessing import pending
from fmgsync.model.adom import Workspace
from fmgsync.model.preview import Marked, PendingEdit
from fmgsync.passes import batch_install, guard_memory
from fmgsync.passes.batch_install import Asking
from fmgsync.passes.result import Pass
from fmgsync.passes.world import AdomWork, World
from fmgsync.scheduling.admission import Admission
from fmgsync.scheduling.foreign import Sorted
from fmgsync.scheduling.install_policy import Mode
from fmgsync.scheduling.rollout import Readiness
from fmgsync.targets.protocol import Marks, Question, Target


@dataclass(frozen=True, slots=True)
class Edits:
    """What previews show by device, and whom that holds; `unseen` says why nobody could look."""

    blocked: Mapping[str, str] = field(default_factory=dict)
    foreign: Mapping[str, tuple[PendingEdit, ...]] = field(default_factory=dict)
    unseen: str = ""


def look(world: World, work: AdomWork, adom: Pass, *, may_lock: bool) -> Edits:
    """Preview every install that may be made. Nothing is pushed, and nothing is written.

    Where the ADOM has workspaces a preview needs its lock: it is taken only if it `may_lock`.
    """
    ready = [each for each in adom.view.admissions if each.readiness is Readiness.READY]
    if adom.seen is None or not ready or world.terms.mode is not Mode.PACKAGE:
        return Edits()  # objects alone carry nobody else's edits
    if work.delivery is None:
        return Edits()  # what is written there goes by itself
    if not work.target.traits.previews:
        return Edits(unseen="nothing shows there what an install would push")
    if adom.seen.topology.workspace is not Workspace.DISABLED and not may_lock:
        return Edits(
            unseen="other people's pending edits are not looked at: a preview takes the lock of"
            " the ADOM meanwhile (--preview allows that)"
        )
    try:
        judged = _judged(world, work, adom, ready)
    except errors.TargetError as trouble:
        return Edits(unseen=f"other people's pending edits could not be looked at: {trouble}")
    guard_memory.note_edits(work.guard, judged, world.tell)
    return Edits(judged.blocked, judged.foreign)


def _marked(target: Target, marks: Marks | None) -> tuple[Marked, ...]:
    return target.look(Question(marks=marks)).marked() if marks is not None else ()


def _judged(world: World, work: AdomWork, adom: Pass, ready: list[Admission]) -> Sorted:
    """All packages' previews, one after the other."""
    assert adom.seen is not None and work.delivery is not None  # noqa: S101, PT018 - see look
    asking = Asking(
        Marked(world.intent.owner, adom.seen.observed),
        world.terms.foreign_changes,
        {one.digest: one for one in work.guard.memory.approvals(world.clock.now())},
        world.clock,
        world.clock.sleep,
        partial(_marked, work.target),
    )
    found = Sorted()
    with work.delivery.open_install_flow() as flow:
        for request in pending.requests(each.pending for each in ready):
            world.tell(f"previewing package {request.package} of ADOM {request.adom.domain}")
            judged = batch_install.preview(flow, request, asking)
            flow.drop_preview()
            found.blocked.update(judged.blocked)
            found.foreign.update(judged.foreign)
            found.digests.update(judged.digests)
    return found
