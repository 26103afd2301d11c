"""Behind `fmgsync forecast`: every ADOM's rollout, played ahead from what was just seen, and which
edits of other people an install would push along, asked now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from fmgsync import errors
from fmgsync.assessing import assessment, pending
from fmgsync.assessing.assessment import Circumstances
from fmgsync.model.adom import Workspace
from fmgsync.model.preview import Marked, PendingEdit
from fmgsync.model.target import TargetRef
from fmgsync.passes import batch_install, guard_memory
from fmgsync.passes.batch_install import Asking
from fmgsync.passes.result import Pass, Result
from fmgsync.passes.world import AdomWork, World
from fmgsync.scheduling import rehearsal
from fmgsync.scheduling.admission import Admission
from fmgsync.scheduling.foreign import Sorted
from fmgsync.scheduling.install_policy import Mode
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rehearsal import Foreseen, Stage
from fmgsync.scheduling.rollout import HoldKind, Readiness
from fmgsync.targets.protocol import Marks, Question, Target


@dataclass(frozen=True, slots=True)
class Edits:
    """What previews show by device, and whom that holds; `unseen` says why nobody could look."""

    blocked: Mapping[str, str] = field(default_factory=dict)
    foreign: Mapping[str, tuple[PendingEdit, ...]] = field(default_factory=dict)
    unseen: str = ""


def edits_now(world: World, work: AdomWork, adom: Pass, *, may_lock: bool) -> Edits:
    """Preview every install that may be made. Nothing is pushed, and nothing is written.

    Where the ADOM has workspaces a preview needs its lock: it is taken only if it `may_lock`.
    """
    ready = [each for each in adom.view.admissions if each.readiness is Readiness.READY]
    # Objects alone carry nobody else's edits, and what is written by itself goes by itself.
    alone = world.terms.mode is not Mode.PACKAGE or work.delivery is None
    if adom.seen is None or not ready or alone:
        return Edits()
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
    assert adom.seen is not None and work.delivery is not None  # noqa: S101, PT018 - see above
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


@dataclass(frozen=True, slots=True)
class AdomForecast:
    """What awaits one ADOM's pending installs."""

    ref: TargetRef
    foreseen: tuple[Foreseen, ...]
    edits: Edits = field(default_factory=Edits)


def forecast(
    world: World, result: Result, until: datetime, *, may_lock: bool = False
) -> tuple[AdomForecast, ...]:
    """Each ADOM that was looked at. Whether an ADOM may be locked for its preview is said."""
    looked = [adom for adom in result.adoms if adom.survey.is_made]
    staged = [_stage(world, adom, may_lock=may_lock) for adom in looked]
    fleets: dict[str, list[Stage]] = {}
    for stage, _ in staged:
        fleets.setdefault(stage.situation.topology.fleet, []).append(stage)
    played = {name: rehearsal.rehearse(_joined(each), until) for name, each in fleets.items()}
    found = []
    for adom, (stage, edits) in zip(looked, staged, strict=True):
        mine = {each.target for each in stage.pending}
        theirs = played[stage.situation.topology.fleet]
        foreseen = tuple(each for each in theirs if each.target in mine)
        found.append(AdomForecast(adom.ref, foreseen, edits))
    return tuple(found)


def _joined(stages: Sequence[Stage]) -> Stage:
    """A fleet's targets as one: canary, waves and budget count over all of them."""
    first, *others = stages
    devices = dict(first.situation.topology.devices)
    for stage in others:
        targets = {view.target.device for view in stage.views}
        theirs = stage.situation.topology.devices
        devices |= {name: theirs[name] for name in targets if name in theirs}
    topology = replace(first.situation.topology, devices=devices)
    return replace(
        first,
        pending=tuple(each for stage in stages for each in stage.pending),
        views=tuple(view for stage in stages for view in stage.views),
        situation=replace(first.situation, topology=topology),
    )


def _stage(world: World, adom: Pass, *, may_lock: bool) -> tuple[Stage, Edits]:
    work = next(work for work in world.adoms if work.ref == adom.ref)
    record = adom.view.record
    rules = work.fleet.rules_digest(world.intent.rules.rules)
    held = adom.held
    lost = held if held is not None and held.kind is HoldKind.LEDGER_LOST else None
    edits = edits_now(world, work, adom, may_lock=may_lock)
    blocked = {**(record.why_held if record is not None else {}), **edits.blocked}
    clearance = world.installing.clearance
    around = Circumstances(world.terms, world.instant, clearance, adom.stop, record, blocked)
    stage = Stage(
        assessment.policy_of(adom.looked, around),
        record.ledger if record is not None else Ledger(rules) if lost is None else None,
        adom.survey.pending,
        adom.survey.views,
        assessment.situation(adom.looked, around),
        lost=lost.reason if lost is not None else "",
    )
    return stage, edits
