"""Behind `fmgsync forecast`: every ADOM's rollout, played ahead from what was just seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from fmgsync.assessing import assessment
from fmgsync.assessing.assessment import Circumstances
from fmgsync.model.target import TargetRef
from fmgsync.passes import edits_now
from fmgsync.passes.edits_now import Edits
from fmgsync.passes.result import Pass, Result
from fmgsync.passes.world import World
from fmgsync.scheduling import rehearsal
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rehearsal import Foreseen, Stage
from fmgsync.scheduling.rollout import HoldKind


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
    return tuple(
        AdomForecast(adom.ref, _own(played[stage.situation.topology.fleet], stage), edits)
        for adom, (stage, edits) in zip(looked, staged, strict=True)
    )


def _own(foreseen: Sequence[Foreseen], stage: Stage) -> tuple[Foreseen, ...]:
    mine = {each.target for each in stage.pending}
    return tuple(each for each in foreseen if each.target in mine)


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
    edits = edits_now.look(world, work, adom, may_lock=may_lock)
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
