"""Whether the configured commands let a wave start: a fleet asks for all of it at once, not for
each of its targets."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from fmgsync.passes import pre_wave_hooks
from fmgsync.passes.pre_wave_hooks import ANSWER_COUNTS_S
from fmgsync.passes.run import Run
from fmgsync.scheduling.rollout import Decision


def is_missing(run: Run, decision: Decision, *, urgent: bool = False) -> bool:
    """Ask; a command that says no keeps this run from starting anything."""
    if not run.terms.hold:
        return False
    refusal = _refusal(run, decision, urgent=urgent)
    if refusal is None:
        return False
    run.report.waiting = f"held by install.hold: {refusal}"
    run.report.again_at = run.clock.now() + ANSWER_COUNTS_S
    run.tell(f"{run.work.ref.short}: {run.report.waiting}")
    run.installing.audit.record(
        "held",
        **run.work.ref.named,
        wave=decision.wave,
        devices=list(decision.start),
        why=run.report.waiting,
    )
    return True


def _refusal(run: Run, decision: Decision, *, urgent: bool) -> str | None:
    ask, fleet = partial(_ask, run, decision.wave), run.work.fleet
    if fleet.fleet.is_alone:
        return ask(decision.start)
    devices = sorted(fleet.fleet.devices) if urgent else decision.ready
    wave = decision.wave, urgent
    return fleet.answers.agreed(wave, decision.start, devices, run.clock, ask)


def _ask(run: Run, wave: int | None, devices: Iterable[str]) -> str | None:
    where = run.work.ref.row
    about = {
        "FORTIMANAGER": where["fortimanager"] or "",
        "ADOM": where["adom"] or "",
        "FLEET": run.work.fleet.fleet.name,
        "WAVE": "" if wave is None else str(wave),
        "DEVICES": " ".join(devices),
        "RUN": run.installing.reason.run,
        "REASON": run.installing.reason.reason,
    }
    return pre_wave_hooks.ask(run.terms.hold, about)
