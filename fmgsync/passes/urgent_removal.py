"""The urgent lane: what must leave a device soon leaves it outside its window, and nothing comes.

Own mappings are narrowed to what the device holds and the ADOM wants, installed, and put back, all
under one lock. Canary, failure budget and deny windows count as in any rollout; other people's
edits hold the device whatever the configuration says elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from fmgsync import errors
from fmgsync.assessing import four, rendered, stale
from fmgsync.assessing.observation import Look
from fmgsync.assessing.stale import Fault, Key
from fmgsync.model.address import Address
from fmgsync.model.address import family as family_of
from fmgsync.model.adom import Workspace
from fmgsync.model.change import AdomPlan, Change
from fmgsync.model.state import ObjectKey
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import DeviceView, GroupView, in_families
from fmgsync.passes import adom_proof, batch, batch_install
from fmgsync.passes.device_proof import Expected
from fmgsync.passes.run import Round, Run
from fmgsync.planning import narrowing, written
from fmgsync.planning.narrowing import Keep, Narrowed
from fmgsync.scheduling import admission, budget, machine, urgent, waves
from fmgsync.scheduling import ledger as ledgers
from fmgsync.scheduling.forecast import Forecast
from fmgsync.scheduling.foreign import ForeignChanges
from fmgsync.scheduling.rollout import Candidate, Decision, Readiness
from fmgsync.scheduling.urgent import Exposure, ExposureKind, RemovalPolicy, Urgent, UrgentDecision
from fmgsync.targets.protocol import Delivery, InstallFlow

SPACING = timedelta(minutes=5)
"""The least time between two urgent installs of one physical device."""


@dataclass(frozen=True, slots=True)
class Rush:
    """Who needs the urgent lane, and what may start there now."""

    needs: tuple[Urgent, ...] = ()
    decision: Decision = field(default_factory=partial(Decision, None))


def decide(run: Run, *, under_way: bool) -> Rush:
    """Who needs the lane now, and on how many of these devices the budget allows it.

    `under_way`: if nobody is rushed now, a batch of the rollout starts and is in the way.
    """
    if run.terms.removals.within is None or run.seen.topology.workspace is Workspace.WORKFLOW:
        return Rush()  # workflow mode: nothing can be narrowed, and people are told
    needs = _needs(run, under_way=under_way)
    _note_waits(run, needs)
    fleet = run.work.fleet
    with fleet.deciding():
        if not fleet.fleet.is_alone:
            run.book.refresh()  # whoever gives room back from here on, calls
        decision = _decide(run, needs)
        if needs.now and not decision.start and decision.held is None:
            fleet.wants_room(run.work.ref)
    return Rush(needs.now, decision)


def _needs(run: Run, *, under_way: bool) -> UrgentDecision:
    """Who needs the lane now."""
    exposures = list(_exposures(run))
    timetables = {each.target: run.timetable_of(each.target) for each in exposures}
    record = run.book.record
    last = record.urgent_at if record is not None else {}
    theirs = {
        each.target.device
        for each in exposures
        if not (under_way and timetables[each.target].is_open(run.now))
    }
    policy = _policy(run, len(theirs), under_way=under_way)
    return urgent.decide(policy, exposures, timetables, last, run.now, ordinary=under_way)


def _policy(run: Run, devices: int, *, under_way: bool) -> RemovalPolicy:
    """Installs start early enough to be done in time, judged by those before them and by how many
    the budget lets run side by side."""
    policy, ledger = run.terms.removals, run.book.ledger
    past = Forecast(tuple(timedelta(seconds=s) for s in (ledger.past_s if ledger else ())))
    room = budget.most_at_risk(run.policy.max_failures, devices)
    lead = urgent.lead(past, -(-devices // room), under_way=under_way)
    return replace(policy, lead=lead, spacing=SPACING)


def _exposures(run: Run) -> Iterable[Exposure]:
    """What must leave, as old as its oldest, of devices whose ADOM already is as it should be.

    What the guard holds back is still in the ADOM, and no install would remove it.
    """
    if run.survey is None:
        return
    since, left = run.stale, _left(run)
    pending = {each.target for each in run.pending}
    for view in run.survey.views:
        if view.target not in pending:
            continue
        for group in view.groups:
            keys = [k for k in since if (k.target, k.group) == (view.target, group.name)]
            left_there = left.get(view.target, {}).get(group.name) if left else group.adom
            leaving = [key for key in keys if _would_be_mended(key, group, left_there)]
            for kind, mine in _by_kind(view, leaving).items():
                yield Exposure(view.target, group.name, _oldest([since[k] for k in mine]), kind)


def _oldest(times: Sequence[float | None]) -> datetime | None:
    known = [at for at in times if at is not None]
    return datetime.fromtimestamp(min(known), UTC) if len(known) == len(times) else None


def _left(run: Run) -> rendered.Members:
    """What the plan leaves on each device, where writing is delivering; elsewhere an install brings
    what the ADOM holds."""
    if run.work.delivery is not None or run.survey is None:
        return {}
    after = written.after(run.seen.observed, run.seen.plan.changes)
    names = {name for _, name in after.groups}
    return rendered.from_adom(after, [view.target for view in run.survey.views], names)


def _would_be_mended(key: Key, group: GroupView, left: frozenset[Address] | None) -> bool:
    """Whether delivering what is `left` there puts this address right."""
    if left is None:
        return False
    if family_of(key.address) not in group.families:
        return False  # no policy uses that family of it
    return (key.address in left) is (key.fault is Fault.MISSING)


def _by_kind(view: DeviceView, keys: Sequence[Key]) -> Mapping[ExposureKind, list[Key]]:
    reused = {(grant.group, grant.address) for grant in view.stale_grants if grant.reused}
    found: dict[ExposureKind, list[Key]] = {}
    for key in keys:
        kind = ExposureKind.STALE
        if key.fault is Fault.MISSING:
            kind = ExposureKind.MISSING_IN_DENY
        elif (key.group, key.address) in reused:
            kind = ExposureKind.REUSED
        found.setdefault(kind, []).append(key)
    return found


def _decide(run: Run, needs: UrgentDecision) -> Decision:
    """Canary and budget as always; the opening is the time until the next deny window.

    A pause between waves is there for what comes; what has to go cannot wait for it.
    """
    admissions = {each.pending.target: each for each in run.admissions()}
    candidates: dict[str, Candidate] = {}
    for each in needs.now:
        admitted = admissions.get(each.target)
        if admitted is None or each.target.device in candidates:
            continue
        ready = admitted.readiness is Readiness.READY
        candidates[each.target.device] = Candidate(
            each.target.device,
            admitted.readiness,
            each.opening if ready else None,
            detail=admitted.because if not ready else "",
        )
    views = run.survey.views if run.survey else ()
    unknown = admission.candidates((), run.policy.canary, views, run.seen.topology)
    listed = [*candidates.values(), *(u for u in unknown if u.device not in candidates)]
    policy = replace(run.policy, pause=timedelta(0))
    listed += run.work.fleet.bystanders(run.work.ref, policy)
    book = run.book.ledger
    known = ledgers.in_the_urgent_lane(book) if book is not None else None
    return waves.decide(policy, known, listed, run.now)


def push(run: Run, delivery: Delivery, rush: Rush) -> None:
    """Narrow, install, put back, prove. Who stopped it meanwhile wants nothing more to be written:
    then it is put back first of all when it is started again."""
    rushed = [each for each in rush.needs if each.target.device in rush.decision.start]
    targets = {each.target for each in rushed}
    chosen = Round(
        rush.decision,
        tuple(each for each in run.admissions() if each.pending.target in targets),
        urgent=tuple(rushed),
        foreign=ForeignChanges.BLOCK,
    )
    with delivery.open_install_flow() as flow:
        batch_install.look_under_lock(run, flow)
        now = run.seen
        chosen.shared = frozenset(g.name for g in now.desired.groups if _is_shared(now, g.name))
        adom_proof.hold_to(run, flow, chosen)
        narrowed = _narrow(run, _expected(run, chosen.targets))
        chosen.expected = _expected(run, chosen.targets)
        chosen.along = _along(run, chosen)
        chosen.written = written.after(chosen.written, narrowed.forth.changes)
        run.note(machine.Narrowed(narrowing.mappings(run.seen.observed, narrowed.forth)))
        trouble = _install(run, flow, chosen, narrowed.forth)
        if run.stops.covering(run.work.ref) is None:
            _put_back(run, flow, narrowed.back)
    if trouble is not None:
        raise trouble
    batch.settle(run, chosen)


def _install(
    run: Run, flow: InstallFlow, chosen: Round, forth: AdomPlan
) -> errors.FmgsyncError | None:
    """What went wrong, so that whatever it is, what was narrowed is put back."""
    try:
        if refused := flow.write(forth).refused:
            return _refused(run, "nothing is installed: what is new would go along", refused)
        batch_install.install_round(run, flow, chosen)
    except errors.FmgsyncError as trouble:
        return trouble
    return None


def restore(run: Run) -> None:
    """Put back what an urgent install has narrowed that was broken off, before anything else."""
    record, delivery = run.book.record, run.work.delivery
    if record is None or not record.narrowed or delivery is None:
        return
    run.tell(f"{run.work.ref.short}: putting back what an urgent install had narrowed")
    with delivery.open_install_flow() as flow:
        now = run.look()
        _put_back(run, flow, narrowing.widen(now.observed, run.owner, record.narrowed))


def _put_back(run: Run, flow: InstallFlow, back: AdomPlan) -> None:
    """Where that fails nothing else goes on, and the next run tries it again first."""
    if refused := flow.write(back).refused:
        raise _refused(run, "what an urgent install had narrowed is not put back", refused)
    run.note(machine.Restored())


def _refused(run: Run, what: str, refused: Sequence[tuple[Change, str]]) -> errors.TargetError:
    change, why = refused[0]
    return errors.Refused(
        f"{what}: {change.name}: {why}",
        **run.work.ref.named,
        next_step="nothing else is installed in this ADOM before it is",
    )


def _along(run: Run, chosen: Round) -> dict[DeviceVdom, dict[str, frozenset[Address]]]:
    """What comes to groups with one value for all devices, although no window is open."""
    views = {view.target: view for view in (run.survey.views if run.survey else ())}
    found: dict[DeviceVdom, dict[str, frozenset[Address]]] = {}
    for target, groups in (chosen.expected or {}).items():
        view = views.get(target)
        held = {group.name: group.device for group in view.groups} if view else {}
        for (_, name), members in groups.items():
            added = members - (held.get(name) or frozenset())
            if added and name in chosen.shared:
                theirs = found.setdefault(target, {})
                theirs[name] = theirs.get(name, frozenset()) | added
    return found


def _expected(run: Run, targets: Sequence[DeviceVdom]) -> Expected:
    """What each device should hold afterwards: nothing more than it held, in no group."""
    views = {view.target: view for view in (run.survey.views if run.survey else ())}
    wanted = batch.expected_on(run, targets)
    return {
        target: {key: _kept(run, views.get(target), key, adom) for key, adom in groups.items()}
        for target, groups in wanted.items()
    }


def _kept(
    run: Run, view: DeviceView | None, key: ObjectKey, adom: frozenset[Address]
) -> frozenset[Address]:
    family, name = key
    groups = view.groups if view is not None else ()
    device = next((g.device for g in groups if g.name == name), None)
    held = in_families(device, frozenset({family}))
    if held is None or _is_shared(run.seen, name):
        return adom  # one value for all devices: additions ride along
    return held | adom if stale.denies(run.seen, name) else held & adom


def _is_shared(seen: Look, name: str) -> bool:
    standing = seen.observed.groups
    return not any(standing[key].mappings for key in four.keys(name) if key in standing)


def _narrow(run: Run, expected: Expected) -> Narrowed:
    keep: Keep = {
        (target, key): members
        for target, groups in expected.items()
        for key, members in groups.items()
        if not _is_shared(run.seen, key[1])
    }
    return narrowing.narrow(run.seen.observed, run.owner, keep)


def _note_waits(run: Run, needs: UrgentDecision) -> None:
    """When an exposure that may still last becomes due, so that somebody comes back in time."""
    times = [wait.until.timestamp() for wait in needs.waits if wait.until is not None]
    if times:
        run.exposed_until = min(times)
        run.report.come_back(max(run.exposed_until, run.clock.now() + 1))
