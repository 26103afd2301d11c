"""A batch before and after: whether it may still begin; and what became of it, for what arrived is
proven on each device, and each device written down."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import structlog

from fmgsync import errors
from fmgsync.assessing import four, place_reasons, rendered, yardstick
from fmgsync.assessing.yardstick import Yardstick
from fmgsync.model.rollout import InstallRequest, Outcome, Verdict
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import of_key
from fmgsync.passes import device_proof, rollout_log
from fmgsync.passes.device_proof import Expected, Proof
from fmgsync.passes.run import IN_DOUBT, Batch, Run
from fmgsync.scheduling import waves
from fmgsync.scheduling.install_policy import Mode
from fmgsync.scheduling.machine import Settled, Withdrawn
from fmgsync.targets.protocol import Question

_log = structlog.get_logger()

_ARRIVED = frozenset({Outcome.DONE, Outcome.NO_CHANGES})


def may_go_on(run: Run, chosen: Batch, request: InstallRequest) -> bool:
    """Whether the next call may be made: somebody may have stopped it, the window may have closed.

    `overrun` is for what has begun; a batch that has pushed nothing yet does not begin any more.
    """
    if run.is_stopped():
        return False
    now = {each.pending.target: each.judgement for each in run.admissions()}
    judgements = [now[target] for target in request.targets if target in now]
    if chosen.urgent:
        return not any(judgement.denying for judgement in judgements)
    begun = bool(chosen.tasks)
    return all(waves.may_call(run.policy, judgement, begun=begun) for judgement in judgements)


def last_look(run: Run, chosen: Batch, request: InstallRequest) -> None:
    """`may_go_on`, right before the request that begins: the requests since may have taken their
    time, or the clock been set. Raises TurnLost."""
    if not may_go_on(run, chosen, request):
        raise errors.TurnLost(
            "the window has closed, or somebody stopped it, right before it would have begun",
            **run.work.ref.named,
        )


def settle(run: Run, chosen: Batch) -> None:
    """Prove what arrived, and write down what became of each device."""
    run.report.outcomes.extend(chosen.outcomes.values())
    failed = {
        outcome.target.device: outcome.detail or "the task does not say why"
        for outcome in chosen.outcomes.values()
        if outcome.outcome not in _ARRIVED | IN_DOUBT | {Outcome.CANCELLED}
    }
    targets = [
        outcome.target
        for outcome in chosen.outcomes.values()
        if outcome.outcome in _ARRIVED | IN_DOUBT and outcome.target.device not in failed
    ]
    proofs = prove(run, targets, chosen.expected, tries=_tries(run, chosen))
    names = run.names
    run.answered = {
        target: proof.reading
        for target, proof in proofs.items()
        if proof.reading is not None and proof.names >= names
    }
    # Of a device that is not as it should be nothing is believed that was not asked just now.
    right = {target for target, proof in proofs.items() if proof.verdict is Verdict.VERIFIED}
    run.copied = {target: copy for target, copy in run.copied.items() if target in right}
    cured = _right_all_the_same(run, chosen, failed)
    proofs.update(cured)
    failed = {device: why for device, why in failed.items() if device not in _devices(cured)}
    for target, proof in proofs.items():
        if proof.verdict is not Verdict.VERIFIED:
            detail = chosen.outcomes[target].detail if target in chosen.outcomes else ""
            failed[target.device] = f"{proof.verdict}: {proof.because or detail}"
    _write_down(run, chosen, failed, proofs)
    if run.work.delivery is not None and run.terms.mode is Mode.OBJECTS and proofs:
        left = run.work.target.look(Question(unused=proofs.keys())).unused()
        run.report.unused.update({target: count for target, count in left.items() if count})


def _tries(run: Run, chosen: Batch) -> int:
    """A device settles after an install; what a unit has refused it will not hold by and by."""
    refused = any(outcome.detail for outcome in chosen.outcomes.values())
    return 1 if run.work.delivery is None and refused else device_proof.TRIES


def _right_all_the_same(
    run: Run, chosen: Batch, failed: Collection[str]
) -> dict[DeviceVdom, Proof]:
    """Devices whose install is called failed and that hold what they should: a lock or session that
    was lost meanwhile fails a task, not a device."""
    asked = [target for target in chosen.targets if target.device in failed]
    expected = {**expected_on(run, asked), **(chosen.expected or {})}
    wanted = {target: expected[target] for target in asked}
    proofs = device_proof.prove(run.work.target.ask, lambda: wanted, rest=run.rest, tries=1)
    wrong = _devices(t for t, proof in proofs.items() if proof.verdict is not Verdict.VERIFIED)
    return {target: proof for target, proof in proofs.items() if target.device not in wrong}


def _devices(targets: Iterable[DeviceVdom]) -> frozenset[str]:
    return frozenset(target.device for target in targets)


def _write_down(
    run: Run, chosen: Batch, failed: Mapping[str, str], proofs: Mapping[DeviceVdom, Proof]
) -> None:
    """A device counts as verified if all its VDOMs of this batch are, and goes on waiting, at no
    risk, if some were verified and nothing has reached the others."""
    arrived = {target for target, proof in proofs.items() if proof.verdict is Verdict.VERIFIED}
    left = {target.device for target in chosen.targets if target not in arrived}
    run.note(Withdrawn(frozenset(left - failed.keys()), _devices(arrived)))
    done = chosen.devices - left - failed.keys()
    took_s = run.clock.steady() - chosen.started
    run.note(Settled(done, failed, took_s))
    run.report.verified.extend(target for target in chosen.targets if target in arrived)
    run.report.failures.update(failed)
    run.pending = tuple(each for each in run.pending if each.target not in arrived)
    rollout_log.verified(run, chosen, done, took_s)
    for device, why in sorted(failed.items()):
        run.tell(f"{device}: failed: {why}")
        event = "write failed" if run.work.ref.is_direct else "install failed"
        _log.warning(event, **run.work.ref.named, device=device, why=why)
    for target in chosen.targets:
        rollout_log.end(run, chosen, target, failed.get(target.device), proofs.get(target))
    run.installing.audit.keep_head()


def prove(
    run: Run,
    targets: Sequence[DeviceVdom],
    wanted: Expected | None = None,
    at_most: Collection[DeviceVdom] = (),
    tries: int = device_proof.TRIES,
) -> dict[DeviceVdom, Proof]:
    """Ask each device. Without `install.verify` only canaries are asked, the others believed.

    A device that is not in `wanted` should hold what this run wrote, or what the rules ask for by
    then.
    """
    canaries = frozenset(run.policy.canary)
    asked = [t for t in targets if run.terms.verify or t.device in canaries]
    # Where nothing of ours is left there is nothing to ask for.
    asked = [t for t in asked if wanted is None or wanted.get(t, True)]
    fixed = {target: held for target, held in (wanted or {}).items() if target in asked}
    moving = [target for target in asked if target not in fixed]
    rounds = 0

    def expected() -> Expected:
        nonlocal rounds
        if rounds and moving:
            run.seen = run.look()
        rounds += 1
        return {**expected_on(run, moving), **fixed}

    ask = run.work.target.ask
    proofs = device_proof.prove(ask, expected, at_most, rest=run.rest, tries=tries)
    believed = (t for t in targets if t not in asked)
    return {**proofs, **{t: Proof(Verdict.VERIFIED, "not asked") for t in believed}}


def expected_on(run: Run, targets: Sequence[DeviceVdom]) -> Expected:
    """What this run wrote, of the groups that a policy brings there.

    A rule in error is not asked of a device, nor a family that no policy there uses.
    """
    listed = run.names
    in_error = place_reasons.blocked(run.seen, listed)
    keys = [
        key
        for name in sorted(listed - in_error)
        for key in four.keys(name)
        if (standing := run.seen.observed.groups.get(key)) is not None and standing.owned
    ]
    names = {name for _, name in keys}
    newer = _newer(run, targets)
    held = {
        target: {**members, **newer.get(target, {})}
        for target, members in rendered.from_adom(run.written, targets, names).items()
    }
    return {
        target: {
            key: of_key(held[target], key) or frozenset()
            for key in keys
            if run.seen.usage.reaches([key], target)
        }
        for target in targets
    }


def _newer(run: Run, targets: Sequence[DeviceVdom]) -> rendered.Members:
    """What another run of ours wrote since, and the rules ask for."""
    now, measure = run.seen.observed, Yardstick(run.seen, run.intent.removes)
    moved = yardstick.moved(run.written, now, targets) if now is not run.written else {}
    return {
        target: rendered.from_adom(
            now, [target], [name for name in names if measure.is_met(now, target, name)]
        )[target]
        for target, names in moved.items()
    }
