"""ADOM writes as the audit tells them: which addresses come to which group on which device and
which go, what was approved of it, and what FortiManager did not take. And who had an address when
it was last let through: as far as this process wrote it, or the audit that it can read says so."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from fmgsync.audit import Audit
from fmgsync.model import naming
from fmgsync.model.address import Address
from fmgsync.model.change import AdomPlan, ApplyReport, Change, ObjectKind
from fmgsync.model.memory import Approval
from fmgsync.model.target import TargetRef
from fmgsync.state.memory import Memory
from fmgsync.state.stops import Stops

_log = structlog.get_logger(__name__)

_ADDRESSES = (ObjectKind.ADDRESS, ObjectKind.ADDRESS6)
_TOLD = 3
_MOST = 500
"""Changes listed one by one; of a larger write the others are counted."""


REMEMBERED: Final = 100_000
"""Addresses remembered; the longest forgotten first."""


class Formerly:
    """Address -> what had it, and when that was written. Safe to read from any thread."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[tuple[str, ...], float]] = OrderedDict()

    def note(self, workloads: Iterable[tuple[Address, tuple[str, ...]]], at: float) -> None:
        """These had them when they were written."""
        for address, names in workloads:
            self._known[address] = (names, at)
            self._known.move_to_end(address)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def read(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Take in what an audit says of earlier writes."""
        for fields in lines:
            found = fields.get("workloads")
            if fields.get("event") == "write" and isinstance(found, dict):
                self.note(_named(found), _instant(str(fields.get("at"))))

    def about(self, address: Address) -> tuple[tuple[str, ...], float] | None:
        """What had it, and when it was written; None if that is not known."""
        return self._known.get(address)


def _named(found: Mapping[str, Any]) -> Iterable[tuple[Address, tuple[str, ...]]]:
    for address, names in found.items():
        if isinstance(names, list):
            yield Address(address), tuple(map(str, names))


def _instant(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


@dataclass(frozen=True, slots=True)
class WriteLog:
    """The audit of one ADOM's writes. A line stands before its write: without it there is none.

    Nothing is written where a person has stopped it: asked at the last moment, since somebody
    else's lock may have been waited for.
    """

    ref: TargetRef
    audit: Audit
    memory: Memory
    stops: Stops
    formerly: Formerly

    def writing(self, plan: AdomPlan) -> None:
        """What is about to be written. Raises Stopped."""
        self.stops.check(self.ref)
        self._record(
            "write",
            why=f"{len(plan.changes)} changes{'' if self.ref.is_direct else ' to the ADOM'}",
            changes=_listed(plan.changes),
            approved=_approved(plan, self.memory.approved()) or None,
            workloads={address: list(names) for address, names in plan.workloads} or None,
        )
        self.formerly.note(plan.workloads, self.audit.now)

    def refused(self, refused: Sequence[tuple[Change, str]]) -> None:
        """What was not taken."""
        listed = [{**_change(change), "why": why} for change, why in refused[:_MOST]]
        self._record("write refused", why=f"{len(refused)} changes refused", changes=listed)

    def _record(self, event: str, **fields: Any) -> None:
        self.audit.record(event, **self.ref.named, **fields)


def tell(plan: AdomPlan, report: ApplyReport, seconds: float) -> None:
    """For the log: one line for each group that was written, and because of which workloads."""
    known = dict(plan.workloads)
    groups: dict[str, list[Change]] = {}
    for change in report.written:
        if change.kind not in _ADDRESSES:
            groups.setdefault(naming.group_of(change.name), []).append(change)
    for name, changes in sorted(groups.items()):
        added = {address for change in changes for address in change.added}
        removed = {address for change in changes for address in change.removed}
        behind = [who for address in sorted(added) for who in known.get(address, ())]
        _log.info(
            "wrote",
            **plan.ref.logged,
            group=name,
            added=len(added),
            removed=len(removed),
            devices=len({change.device for change in changes if change.device}),
            because="; ".join(_because(behind, changes)),
            seconds=round(seconds, 1),
        )


def _because(behind: Sequence[str], changes: Iterable[Change]) -> list[str]:
    """The first workloads behind what comes, else what the changes themselves say."""
    reasons = [*behind, *(change.because for change in changes)]
    return list(dict.fromkeys(reasons))[:_TOLD]


def _listed(changes: Sequence[Change]) -> list[dict[str, Any]]:
    listed = [_change(change) for change in changes[:_MOST]]
    more = len(changes) - len(listed)
    return [*listed, {"more": more}] if more else listed


def _change(change: Change) -> dict[str, Any]:
    told: dict[str, Any] = {
        "action": change.action.value,
        "kind": change.kind.value,
        "name": change.name,
        "device": str(change.device) if change.device else None,
        "added": list(change.added),
        "removed": list(change.removed),
        "because": change.because,
    }
    return {name: value for name, value in told.items() if value}


def _approved(plan: AdomPlan, approvals: Iterable[Approval]) -> list[dict[str, str]]:
    """What people let through of it, and who they are."""
    return [
        {"digest": one.digest, "who": one.who, "reason": one.reason, "message": one.message}
        for one in approvals
        if one.digest in plan.approved
    ]
