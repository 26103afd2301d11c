"""The urgent lane: what must leave a device soon leaves it outside its window, and nothing comes.

Own mappings are narrowed to what the device holds and the ADOM wants, installed, and put back, all
under one lock. Canary, failure budget and deny windows count as in any rollout; other people's
edits hold the device whatever the configuration says elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fmgsync import errors
from fmgsync.assessing import four, place_reasons, rendered, stale
from fmgsync.assessing.observation import Observation
from fmgsync.model import naming
from fmgsync.model.address import Address
from fmgsync.model.adom import Reading, Workspace
from fmgsync.model.change import AdomPlan, Change
from fmgsync.model.state import ObjectKey
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import in_families, of_key
from fmgsync.passes import adom_proof, batch, batch_install
from fmgsync.passes.device_proof import Expected
from fmgsync.passes.run import Batch, Run
from fmgsync.planning import narrowing, written
from fmgsync.planning.narrowing import Narrowed
from fmgsync.scheduling import machine
from fmgsync.scheduling.foreign import ForeignChanges
from fmgsync.targets.protocol import Copies, Delivery, InstallFlow, Question

Held = dict[DeviceVdom, dict[str, frozenset[Address] | None]]
"""What a device holds of a group with a value of its own there; None where nobody knows."""


def push(run: Run, delivery: Delivery, chosen: Batch) -> None:
    """Narrow, install, put back, prove. Who stopped it meanwhile wants nothing more to be written:
    then it is put back first of all when it is started again."""
    chosen.foreign = ForeignChanges.BLOCK
    with delivery.open_install_flow() as flow:
        batch_install.look_under_lock(run, flow)
        now = run.seen
        chosen.shared = frozenset(g.name for g in now.desired.groups if _is_shared(now, g.name))
        adom_proof.hold_to(run, flow, chosen)
        held = _held(run, chosen.targets)
        adom_proof.leave_out(run, chosen, _untold(run, held))
        chosen.expected = _expected(run, chosen.targets, held)
        narrowed = _narrow(run, chosen, held)
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
    run: Run, flow: InstallFlow, chosen: Batch, forth: AdomPlan
) -> errors.FmgsyncError | None:
    """What went wrong, so that whatever it is, what was narrowed is put back."""
    try:
        if refused := flow.write(forth).refused:
            return _refused(run, "nothing is installed: what is new would go along", refused)
        batch_install.install_batch(run, flow, chosen)
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


def _along(run: Run, chosen: Batch) -> dict[DeviceVdom, dict[str, frozenset[Address]]]:
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


def _held(run: Run, targets: Sequence[DeviceVdom]) -> Held:
    """What each device holds of every own group there. Those that no rule asks for any more, and
    that stay until somebody has approved, were not looked at with the others."""
    views = {view.target: {g.name: g for g in view.groups} for view in run.survey.views}
    own = {naming.group_of(n) for (_, n), g in run.seen.observed.groups.items() if g.owned}
    mapped = {name for name in own if not _is_shared(run.seen, name)}
    rest = sorted({name for t in targets for name in mapped.difference(views.get(t, {}))})
    devices: Mapping[DeviceVdom, Reading] = {}
    copies: Mapping[DeviceVdom, Reading] = {}
    if rest and targets:
        devices = run.work.target.ask(targets, rest)
        copies = run.work.target.look(Question(copies=Copies(targets, rest))).copies()
    found: Held = {}
    for target in targets:
        known = run.seen.topology.devices.get(target.device)
        is_ahead = known is None or known.database_modified is not False
        told = {n: (g.device, g.device_database) for n, g in views.get(target, {}).items()}
        for name in rest:
            asked = four.members(devices.get(target), name)
            told.setdefault(name, (asked, four.members(copies.get(target), name)))
        found[target] = {
            name: copy if device is None and not is_ahead else device
            for name, (device, copy) in told.items()
            if name in mapped and run.seen.usage.reaches(four.keys(name), target)
        }
    return found


def _untold(run: Run, held: Held) -> adom_proof.Wrong:
    """Devices of which nobody knows what an install adds there, or where that cannot be narrowed:
    those are left out."""
    in_error = place_reasons.blocked(run.seen, {name for names in held.values() for name in names})
    found: dict[DeviceVdom, str] = {}
    for target, groups in held.items():
        for name, members in groups.items():
            if members is None:
                found[target] = (
                    f"it does not tell what it holds in {name}, and FortiManager's copy of it may"
                    " be ahead: what an urgent install would add there is not known"
                )
            elif name in in_error and any(
                _kept(run, members, key, adom) != adom
                for key, adom in _in_adom(run, target, name).items()
            ):
                found[target] = f"what is to come to {name} would go along: its rule is in error"
    return found


def _expected(run: Run, targets: Sequence[DeviceVdom], held: Held) -> Expected:
    """What each device should hold afterwards: nothing more than it held, in no group."""
    wanted = batch.expected_on(run, targets)
    return {
        target: {
            key: _kept(run, held[target].get(key[1]), key, adom) for key, adom in groups.items()
        }
        for target, groups in wanted.items()
    }


def _kept(
    run: Run, device: frozenset[Address] | None, key: ObjectKey, adom: frozenset[Address]
) -> frozenset[Address]:
    family, name = key
    held = in_families(device, frozenset({family}))
    if held is None:
        return adom  # one value for all devices: additions ride along
    return held | adom if stale.denies(run.seen, name) else held & adom


def _in_adom(run: Run, target: DeviceVdom, name: str) -> dict[ObjectKey, frozenset[Address]]:
    """What an install would bring there of a group, by family."""
    found = rendered.from_adom(run.seen.observed, [target], [name])[target]
    return {
        key: of_key(found, key) or frozenset()
        for key in four.keys(name)
        if (group := run.seen.observed.groups.get(key)) is not None
        and group.owned
        and run.seen.usage.reaches([key], target)
    }


def _is_shared(seen: Observation, name: str) -> bool:
    standing = seen.observed.groups
    return not any(standing[key].mappings for key in four.keys(name) if key in standing)


def _narrow(run: Run, chosen: Batch, held: Held) -> Narrowed:
    """Also what no rule asks for: an install carries all that is pending."""
    keep: dict[tuple[DeviceVdom, ObjectKey], frozenset[Address]] = {}
    for target, expected in (chosen.expected or {}).items():
        mine = held[target]
        keep |= {(target, key): m for key, m in expected.items() if key[1] in mine}
        for name in mine.keys() - {name for _, name in expected}:
            for key, adom in _in_adom(run, target, name).items():
                keep[target, key] = _kept(run, mine[name], key, adom)
    return narrowing.narrow(run.seen.observed, run.owner, keep)
