"""What became of a round: what arrived is proven on each device, and each device written down."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from fmgsync.controller import proving, telling
from fmgsync.controller.proving import Expected, Proof
from fmgsync.controller.steps import Steps
from fmgsync.model.rollout import Outcome, TargetOutcome, Verdict
from fmgsync.model.target import DeviceVdom
from fmgsync.scheduling.admission import Admission
from fmgsync.scheduling.foreign import ForeignChanges
from fmgsync.scheduling.rollout import Decision
from fmgsync.scheduling.terms import Mode
from fmgsync.scheduling.urgent import Urgent
from fmgsync.views import four, rendered

if TYPE_CHECKING:
    from fmgsync.controller.rollout import Run

_log = structlog.get_logger()

_ARRIVED = frozenset({Outcome.DONE, Outcome.NO_CHANGES})
_IN_DOUBT = frozenset({Outcome.MISSING, Outcome.FROZEN, Outcome.BROKEN_OFF})


@dataclass(slots=True)
class Round:
    """Devices that start together: what is installed there and what became of it.

    `urgent` is set in the urgent lane; then `expected` is what each device should hold afterwards,
    which otherwise is what the ADOM holds, and `foreign` overrides the configuration.
    """

    decision: Decision
    admissions: tuple[Admission, ...]
    urgent: tuple[Urgent, ...] = ()
    foreign: ForeignChanges | None = None
    expected: Expected | None = None
    outcomes: dict[DeviceVdom, TargetOutcome] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    tasks: list[int] = field(default_factory=list)

    @property
    def devices(self) -> frozenset[str]:
        """Physical devices."""
        return frozenset(each.pending.target.device for each in self.admissions)

    @property
    def targets(self) -> tuple[DeviceVdom, ...]:
        """DeviceVdoms."""
        return tuple(sorted({each.pending.target for each in self.admissions}))

    @property
    def in_doubt(self) -> bool:
        """Whether only a device itself can tell how its install ended."""
        return any(each.outcome in _IN_DOUBT for each in self.outcomes.values())


def settle(run: Run, chosen: Round) -> Steps[None]:
    """Prove what arrived, and write down what became of each device."""
    run.report.outcomes.extend(chosen.outcomes.values())
    failed = {
        outcome.target.device: outcome.detail or "the task does not say why"
        for outcome in chosen.outcomes.values()
        if outcome.outcome not in _ARRIVED | _IN_DOUBT | {Outcome.CANCELLED}
    }
    targets = [
        outcome.target
        for outcome in chosen.outcomes.values()
        if outcome.outcome in _ARRIVED | _IN_DOUBT and outcome.target.device not in failed
    ]
    proofs = yield from prove(run, targets, chosen.expected)
    for target, proof in proofs.items():
        if proof.verdict is not Verdict.VERIFIED:
            detail = chosen.outcomes[target].detail if target in chosen.outcomes else ""
            failed[target.device] = f"{proof.verdict}: {proof.because or detail}"
    _write_down(run, chosen, failed, proofs)
    if run.terms.mode is Mode.OBJECTS and proofs:
        left = run.work.installer.read_unused(proofs)
        run.report.unused.update({target: count for target, count in left.items() if count})


def _write_down(
    run: Run, chosen: Round, failed: Mapping[str, str], proofs: Mapping[DeviceVdom, Proof]
) -> None:
    """A device counts as verified if all its VDOMs of this round are, and goes on waiting, at no
    risk, if some were verified and nothing has reached the others."""
    arrived = {target for target, proof in proofs.items() if proof.verdict is Verdict.VERIFIED}
    left = {target.device for target in chosen.targets if target not in arrived}
    run.book.withdrawn(left - failed.keys())
    done = chosen.devices - left - failed.keys()
    run.book.settled(done, failed, run.now)
    run.report.verified.extend(target for target in chosen.targets if target in arrived)
    run.report.failures.update(failed)
    run.pending = tuple(each for each in run.pending if each.target not in arrived)
    telling.verified(run, chosen, done)
    for device, why in sorted(failed.items()):
        run.tell(f"{device}: failed: {why}")
        _log.warning("install failed", adom=run.work.ref.adom, device=device, why=why)
    for target in chosen.targets:
        telling.end(run, chosen, target, failed.get(target.device), proofs.get(target))
    run.audit.keep_head()


def prove(
    run: Run,
    targets: Sequence[DeviceVdom],
    wanted: Expected | None = None,
    at_most: Collection[DeviceVdom] = (),
) -> Steps[dict[DeviceVdom, Proof]]:
    """Ask each device. Without `install.verify` only canaries are asked, the others believed.

    A device that is not in `wanted` should hold what the ADOM does, then and as it moves on.
    """
    canaries = frozenset(run.policy.canary)
    asked = [t for t in targets if run.terms.verify or t.device in canaries]
    fixed = {target: held for target, held in (wanted or {}).items() if target in asked}
    moving = [target for target in asked if target not in fixed]
    rounds = 0

    def expected() -> Expected:
        nonlocal rounds
        if rounds and moving:
            run.seen = run.look()
        rounds += 1
        return {**expected_on(run, moving), **fixed}

    ask = run.work.installer.read_devices
    proofs = (yield from proving.prove(ask, expected, at_most)) if asked else {}
    believed = (t for t in targets if t not in asked)
    return {**proofs, **{t: Proof(Verdict.VERIFIED, "not asked") for t in believed}}


def expected_on(run: Run, targets: Sequence[DeviceVdom]) -> Expected:
    """What FortiManager would install there, of the groups that a policy brings there."""
    names = sorted({group.name for group in run.seen.desired.groups})
    held = rendered.from_adom(run.seen.observed, targets, names)
    return {
        target: {
            name: held.get(target, {}).get(name, frozenset())
            for name in names
            if run.seen.usage.reaches(four.keys(name), target)
        }
        for target in targets
    }
