"""What people and the audit are told of a batch of installs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from fmgsync import errors, zones
from fmgsync.model.preview import PendingEdit
from fmgsync.model.rollout import InstallRequest
from fmgsync.model.target import DeviceVdom
from fmgsync.model.words import some
from fmgsync.passes.device_proof import Proof
from fmgsync.passes.run import Batch, Run
from fmgsync.scheduling import foreign
from fmgsync.scheduling.urgent import Urgent

_log = structlog.get_logger(__name__)


def start(run: Run, chosen: Batch, request: InstallRequest) -> None:
    """Which devices are about to be installed, in which wave and by which window."""
    wave = chosen.decision.wave
    shown = some(sorted({target.device for target in request.targets}), 5)
    ref = run.work.ref
    doing = "writing to" if ref.is_direct else "installing on"
    run.tell(f"{ref.short}: {_what(chosen)}: {doing} {shown}")
    event = "writing" if ref.is_direct else "installing"
    _log.info(event, **run.work.ref.logged, what=_what(chosen), devices=shown)
    rushed = {each.target: _why_urgent(each) for each in chosen.urgent}
    for each in chosen.admissions:
        if each.pending.target not in request.targets:
            continue
        allowing = each.judgement.allowing
        along = chosen.along.get(each.pending.target, {})
        for name, added in sorted(along.items()):
            run.tell(
                f"{each.pending.target.device}: {name} has one value for all devices, so"
                f" {some(sorted(added), 5)} come outside the window"
            )
        run.installing.audit.record(
            "install",
            **_place(run, each.pending.target),
            package=each.pending.package or None,
            groups=list(each.pending.groups),
            wave=wave,
            window=str(allowing[0]) if allowing else each.judgement.because,
            urgent=rushed.get(each.pending.target),
            added_outside_window={name: sorted(added) for name, added in sorted(along.items())}
            or None,
            overridden=[str(window) for window in each.overridden] or None,
            rules=run.book.digest,
            plan=run.plan,
        )


def not_started(run: Run, request: InstallRequest, trouble: errors.TargetError) -> None:
    """The install that was announced was refused, or nobody knows what became of it."""
    event = "in doubt" if isinstance(trouble, errors.OutcomeUnknown) else "not started"
    for target in request.targets:
        run.installing.audit.record(event, **_place(run, target), why=str(trouble))


def verified(run: Run, chosen: Batch, devices: Collection[str], took_s: float) -> None:
    """Which devices were asked and hold what they should, and how long that took."""
    if devices:
        shown = some(sorted(devices), 5)
        run.tell(f"{run.work.ref.short}: {_what(chosen)}: verified on {shown}")
        seconds = round(took_s, 1)
        _log.info(
            "verified", **run.work.ref.logged, what=_what(chosen), devices=shown, seconds=seconds
        )


def pause(run: Run, until: datetime, reason: str) -> None:
    """What the rollout waits for by the clock."""
    there = until.astimezone(zones.zone(run.terms.calendar.zone))
    run.tell(f"{run.work.ref.short}: {reason}, until {there:%a %Y-%m-%d %H:%M:%S %Z}")


def _what(chosen: Batch) -> str:
    wave = chosen.decision.wave
    what = "canary" if wave == 0 else "new members" if wave is None else f"wave {wave}"
    return f"urgent removals ({what})" if chosen.urgent else what


def _why_urgent(urgent: Urgent) -> str:
    since = f"since {urgent.since.isoformat()}" if urgent.since else "since nobody knows when"
    return f"{', '.join(urgent.kinds)} in {', '.join(urgent.groups)} {since}"


def blocked(
    run: Run, reasons: Mapping[str, str], foreign: Mapping[str, Sequence[PendingEdit]]
) -> None:
    """Which devices are held back, why, and the lines of other people if it is these."""
    where = run.work.ref.named
    for device, why in sorted(reasons.items()):
        run.tell(f"{device}: held: {why}")
        edits = _edits(foreign.get(device, ()))
        run.installing.audit.record("blocked", **where, device=device, why=why, edits=edits or None)


def repaired(run: Run, wrong: Mapping[DeviceVdom, str]) -> None:
    """What somebody changed in the ADOM while a rollout was under way is about to be put right."""
    for target, why in sorted(wrong.items()):
        run.tell(f"{target.device}: {why}; it is put right before the install")
        run.installing.audit.record("repaired", **_place(run, target), why=why)


def odd(run: Run, devices: Collection[str]) -> None:
    """Devices with a pending change of which the preview shows nothing."""
    for device in sorted(devices):
        run.tell(
            f"{device}: odd: FortiManager shows nothing to install, and its copy of the device is"
            " behind the ADOM; the install will say why"
        )


def unseen(run: Run, request: InstallRequest, edited: Sequence[str], trouble: str) -> None:
    """The ADOM has no lock and was edited while an install was pushed."""
    devices = sorted({target.device for target in request.targets})
    what = ", ".join(edited[:3]) or "which edits is not known"
    why = trouble or "without workspaces nothing keeps others from editing meanwhile"
    run.tell(
        f"{some(devices, 5)}: edits made after the preview may have gone along: {what} ({why})"
    )
    run.installing.audit.record(
        "unseen edits",
        **run.work.ref.named,
        devices=devices,
        edits=list(edited) or None,
        why=why,
    )


def carried_along(run: Run, judged: foreign.Sorted, request: InstallRequest) -> None:
    """Edits of other people that go to a device with ours, and who lets them: the configuration,
    or a person."""
    approvals = run.approvals() if judged.let_through else {}
    for device in sorted({target.device for target in request.targets}):
        edits = judged.foreign.get(device, ())
        if device in judged.unseen:
            run.tell(f"{device}: nobody can see what goes along: {judged.unseen[device]}")
        elif edits:
            run.tell(f"{device}: {len(edits)} edits of other people go along: {some(edits)}")
        else:
            continue
        let = approvals.get(judged.let_through.get(device, ""))
        run.installing.audit.record(
            "carried along",
            **run.work.ref.named,
            device=device,
            edits=_edits(edits),
            unseen=judged.unseen.get(device),
            approved_by=let.who if let else None,
            approved_for=let.reason if let else None,
            digest=judged.let_through.get(device),
        )


def _edits(edits: Iterable[PendingEdit]) -> list[dict[str, Any]]:
    return [{"what": str(edit), "lines": list(edit.lines)} for edit in edits]


def end(
    run: Run, chosen: Batch, target: DeviceVdom, failure: str | None, proof: Proof | None
) -> None:
    """What became of one DeviceVdom: its outcome, and its members before and after."""
    outcome = chosen.outcomes.get(target)
    if outcome is None and failure is None:
        return
    before = {
        group.name: group
        for view in run.survey.views
        if view.target == target
        for group in view.groups
    }
    after = proof.held if proof is not None and proof.held is not None else None
    run.installing.audit.record(
        "failed" if failure else str(proof.verdict if proof else "ended"),
        **_place(run, target),
        wave=chosen.decision.wave,
        tasks=chosen.tasks,
        outcome=outcome.outcome.value if outcome else None,
        detail=failure or (outcome.detail if outcome else None),
        members=[
            {
                "group": name,
                "before": sorted(group.device) if group.device is not None else None,
                "after": sorted(after.get(name, ())) if after is not None else None,
            }
            for name, group in sorted(before.items())
            if after is None or group.device != after.get(name, frozenset())
        ],
    )


def _place(run: Run, target: DeviceVdom) -> dict[str, str]:
    return {**run.work.ref.named, "device": target.device, "vdom": target.vdom}
