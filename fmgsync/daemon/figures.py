"""What the metrics tell of an ADOM's devices: sizes, proofs, and how long changes take."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Final

from fmgsync.daemon.adom_record import AdomRecord
from fmgsync.model.health import DevicesHealth, Latency
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import GroupState
from fmgsync.passes.result import Pass

MOST_SIZES: Final = 2000
"""Group sizes that are told of one ADOM, the largest first: each is a series in Prometheus."""


def verified_at(
    before: Mapping[DeviceVdom, float], result: Pass, now: float
) -> Mapping[DeviceVdom, float]:
    """When each device VDOM last proved what it holds, as far as this process saw it."""
    found = result.rollout.verified if result.rollout is not None and result.outcomes else ()
    return {**before, **dict.fromkeys(found, now)}


def latency(
    before: Latency,
    since: Mapping[DeviceVdom, float],
    result: Pass,
    *,
    changed_at: float,
    now: float,
) -> Latency:
    """With the devices that were proven now: from the change that made them wait to the proof."""
    found = result.rollout.verified if result.rollout is not None and result.outcomes else ()
    for target in found:
        before = before.after(max(0.0, now - since.get(target, changed_at)))
    return before


def devices_health(record: AdomRecord) -> DevicesHealth:
    """Of the latest pass that looked."""
    result = record.result
    views = result.views if result is not None else ()
    sizes = {
        (str(view.target), group.name): len(group.desired)
        for view in views
        for group in view.groups
        if group.desired is not None
    }
    largest = sorted(sizes.items(), key=lambda row: (-row[1], row[0]))[:MOST_SIZES]

    def count(state: GroupState) -> int:
        return len(
            {v.target.device for v in views if any(group.state is state for group in v.groups)}
        )

    silent = {view.target.device for view in views if view.silent}
    return DevicesHealth(
        drifted=count(GroupState.DRIFTED),
        unreachable=max(len(silent), count(GroupState.UNREACHABLE)),
        approvals=_approvals(result),
        sizes=dict(largest),
        verified_at=_proofs(record),
        latency=record.latency,
    )


def _approvals(result: Pass | None) -> int:
    """What `fmgsync approve` would let through: parts of the plan, and other people's edits."""
    if result is None:
        return 0
    held = result.seen.plan.held if result.seen is not None else ()
    record = result.view.record
    blocked = record.blocked.values() if record is not None else ()
    digests = chain((hold.digest for hold in held), (note.digest for note in blocked))
    return len({digest for digest in digests if digest})


def _proofs(record: AdomRecord) -> dict[str, float]:
    """By device: what this process saw, and what is remembered of the rollout."""
    found: dict[str, float] = {}
    kept = record.result.view.record if record.result is not None else None
    for proof in kept.ledger.proofs if kept is not None else ():
        found[proof.device] = proof.verified_at.timestamp()
    for target, at in record.verified_at.items():
        found[target.device] = max(at, found.get(target.device, at))
    return found
