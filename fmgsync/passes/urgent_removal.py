"""The urgent lane: what must leave a device soon leaves it outside its window, and nothing comes.

Own mappings are narrowed to what the device holds and the ADOM wants, installed, and put back, all
under one lock. Canary, failure budget and deny windows count as in any rollout; other people's
edits hold the device whatever the configuration says elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from fmgsync import errors
from fmgsync.assessing import four, stale
from fmgsync.assessing.assessment import Assessment
from fmgsync.assessing.observation import Observation
from fmgsync.model.address import Address
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
from fmgsync.scheduling import machine
from fmgsync.scheduling.foreign import ForeignChanges
from fmgsync.targets.protocol import Delivery, InstallFlow


def urgent_round(view: Assessment) -> Round:
    """The devices that may start in the urgent lane."""
    decision = view.rushed
    rushed = tuple(each for each in view.urgent.now if each.target.device in decision.start)
    targets = {each.target for each in rushed}
    admitted = tuple(each for each in view.admissions if each.pending.target in targets)
    return Round(decision, admitted, urgent=rushed)


def push(run: Run, delivery: Delivery, view: Assessment) -> None:
    """Narrow, install, put back, prove. Who stopped it meanwhile wants nothing more to be written:
    then it is put back first of all when it is started again."""
    chosen = urgent_round(view)
    chosen.foreign = ForeignChanges.BLOCK
    with delivery.open_install_flow() as flow:
        batch_install.look_under_lock(run, flow)
        now = run.seen
        chosen.shared = frozenset(g.name for g in now.desired.groups if _is_shared(now, g.name))
        adom_proof.hold_to(run, flow, chosen)
        adom_proof.leave_out(run, chosen, _untold(run, chosen.targets))
        narrowed = _narrow(run, _expected(run, chosen.targets))
        chosen.expected = _expected(run, chosen.targets)
        chosen.along = _along(run, chosen)
        chosen.written = written.after(chosen.written, narrowed.forth.changes)
        run.note(machine.Narrowed(narrowing.mappings(run.seen.observed, narrowed.forth)))
        trouble = _install(run, flow, chosen, narrowed.forth)
        if run.installing.stops.covering(run.work.ref) is None:
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
    if run.seen.topology.workspace is Workspace.WORKFLOW:
        # Nothing is written there in an install's lock: it is submitted with all that is due.
        run.note(machine.Restored())
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
    views = {view.target: view for view in run.survey.views}
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
    views = {view.target: view for view in run.survey.views}
    wanted = batch.expected_on(run, targets)
    return {
        target: {key: _kept(run, views.get(target), key, adom) for key, adom in groups.items()}
        for target, groups in wanted.items()
    }


def _kept(
    run: Run, view: DeviceView | None, key: ObjectKey, adom: frozenset[Address]
) -> frozenset[Address]:
    family, name = key
    group = _group(view, name)
    if group is None or _is_shared(run.seen, name):
        return adom  # one value for all devices: additions ride along
    held = in_families(group.last_known, frozenset({family})) or frozenset()
    return held | adom if stale.denies(run.seen, name) else held & adom


def _untold(run: Run, targets: Sequence[DeviceVdom]) -> adom_proof.Wrong:
    """Devices that do not tell what they hold, where FortiManager's copy does not tell it either:
    what an install adds there is not known."""
    views = {view.target: view for view in run.survey.views}
    found: dict[DeviceVdom, str] = {}
    for target, groups in batch.expected_on(run, targets).items():
        known = run.seen.topology.devices.get(target.device)
        is_ahead = known is None or known.database_modified is not False
        for _, name in groups:
            group = _group(views.get(target), name)
            if group is None or group.device is not None or _is_shared(run.seen, name):
                continue
            if is_ahead or group.device_database is None:
                found[target] = (
                    f"it does not tell what it holds in {name}, and FortiManager's copy of it may"
                    " be ahead: what an urgent install would add there is not known"
                )
    return found


def _group(view: DeviceView | None, name: str) -> GroupView | None:
    groups = view.groups if view is not None else ()
    return next((group for group in groups if group.name == name), None)


def _is_shared(seen: Observation, name: str) -> bool:
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
