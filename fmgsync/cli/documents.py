"""The JSON documents of `plan`, `apply`, `status` and `verify`: stable keys, more may come."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from fmgsync import errors
from fmgsync.assessing import survey
from fmgsync.assessing.observation import Observation
from fmgsync.cli.rollout_text import rollout_rows
from fmgsync.cli.stop import stop_rows
from fmgsync.model import naming
from fmgsync.model.address import Address, sorted_addresses
from fmgsync.model.adom import HeldLock
from fmgsync.model.change import ObjectKind
from fmgsync.model.rollout import PendingInstall
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import DeviceView, GroupView
from fmgsync.passes.once import source_gaps
from fmgsync.passes.result import Pass, Result
from fmgsync.planning import absence, summary

_ADDRESSES = (ObjectKind.ADDRESS, ObjectKind.ADDRESS6)


def plan_document(result: Result) -> dict[str, Any]:
    """What would change and what would be installed."""
    return {
        "digest": result.digest,
        "timezone": result.zone,
        "adoms": [_plan_row(adom.seen) for adom in result.adoms if adom.seen],
        "installs": [row for adom in result.adoms for row in _installs(adom)],
        "blastRadius": _blast_radius(result),
        "stops": stop_rows(result.stops),
        "submitted": _submissions(result),
        "sources": _source_rows(result),
        "errors": error_rows(result),
        **_failure(result),
    }


def _plan_row(seen: Observation) -> dict[str, Any]:
    """One ADOM's plan, and which policies use the groups that change."""
    plan = seen.plan
    named = {change.name for change in plan.changes if change.kind not in _ADDRESSES}
    named |= {hold.name for hold in plan.held}
    groups = {naming.group_of(name) for name in named} | named
    return {
        **summary.plan_json(plan),
        "policies": absence.uses_json(seen.packages, seen.observed, groups),
    }


def _blast_radius(result: Result) -> dict[str, int]:
    found = result.blast_radius
    return {
        "changes": found.changes,
        "groups": found.groups,
        "devices": found.devices,
        "added": found.added,
        "removed": found.removed,
        "installs": result.behind,
    }


def _submissions(result: Result) -> list[dict[str, Any]]:
    """What waits for approval in ADOMs in workflow mode."""
    return [
        {
            **adom.ref.row,
            "session": adom.seen.submission.session,
            "turnedDown": adom.seen.submission.turned_down,
            "message": str(adom.seen.submission),
        }
        for adom in result.adoms
        if adom.seen and adom.seen.submission
    ]


def _installs(adom: Pass) -> list[dict[str, Any]]:
    silent = {entry.target: list(entry.groups) for entry in adom.survey.not_referenced}
    reasons = {entry.target: list(entry.because) for entry in adom.survey.not_referenced}
    rows = [
        {
            **adom.ref.row,
            "device": entry.target.device,
            "vdom": entry.target.vdom,
            "package": entry.package or None,
            "opensAt": _opens_at(adom, entry.target),
            "groups": list(entry.groups),
            "reasons": [reason.value for reason in entry.reasons],
            **_admission(adom, entry),
            "notReferenced": silent.get(entry.target, []),
            "notReferencedBecause": reasons.get(entry.target, []),
        }
        for entry in adom.survey.pending
    ]
    listed = {entry.target for entry in adom.survey.pending}
    rows.extend(
        {
            **adom.ref.row,
            "device": target.device,
            "vdom": target.vdom,
            "package": None,
            "opensAt": _opens_at(adom, target),
            "groups": [],
            "reasons": [],
            "held": None,
            "because": None,
            "notReferenced": names,
            "notReferencedBecause": reasons[target],
        }
        for target, names in silent.items()
        if target not in listed
    )
    return rows


def _admission(adom: Pass, entry: PendingInstall) -> dict[str, str | None]:
    """Why an install cannot start now (`because`), and whether a person must see to it (`held`)."""
    found = next((each for each in adom.view.admissions if each.pending == entry), None)
    because = found.because if found is not None and found.because else None
    if found is not None and found.held:
        return {"held": because, "because": because}
    held = adom.held
    if held is not None and held.until is None:
        whole = f"the rollout is held: {held.reason}"
        return {"held": whole, "because": whole}
    return {"held": None, "because": because or (held.reason if held is not None else None)}


def apply_document(result: Result) -> dict[str, Any]:
    """What was written and installed, and what each device holds now."""
    return {
        "digest": result.digest,
        "written": sum(len(a.report.written) for a in result.adoms if a.report),
        "adoms": [
            {
                **adom.ref.row,
                "written": len(adom.report.written),
                "submitted": adom.report.submitted is not None and bool(adom.report.written),
            }
            for adom in result.adoms
            if adom.report
        ],
        "refused": [
            {**summary.change_json(change), "message": message}
            for adom in result.adoms
            if adom.report
            for change, message in adom.report.refused
        ],
        "outcomes": [
            {
                **adom.ref.row,
                "device": outcome.target.device,
                "vdom": outcome.target.vdom,
                "outcome": outcome.outcome.value,
                "detail": outcome.detail,
            }
            for adom in result.adoms
            for outcome in adom.outcomes
        ],
        **status_document(result),
    }


def status_document(result: Result) -> dict[str, Any]:
    """The four views per device and group."""
    return {
        "timezone": result.zone,
        "devices": [_device_row(adom, view) for adom in result.adoms for view in adom.views],
        "rollouts": rollout_rows(result),
        "stops": stop_rows(result.stops),
        **_findings(result),
        "locks": [_lock_row(adom, held) for adom in result.adoms for held in adom.locks],
        "submitted": _submissions(result),
        "pendingWrites": _pending_writes(result),
        "sources": _source_rows(result),
        "errors": error_rows(result),
        **_failure(result),
    }


def _pending_writes(result: Result) -> list[dict[str, Any]]:
    """How many changes wait to be written where: objects of no group's members are in no view."""
    return [
        {**adom.ref.row, "changes": len(adom.seen.plan.changes)}
        for adom in result.adoms
        if adom.seen and adom.seen.plan.changes
    ]


def verify_document(result: Result) -> dict[str, Any]:
    """The four views, and which device VDOMs answered with just what they should hold."""
    document = status_document(result)
    done = {t for adom in result.adoms for t in survey.verified(adom.views)}
    views = (view for adom in result.adoms for view in adom.views)
    for row, view in zip(document["devices"], views, strict=True):
        row["verified"] = view.target in done
    return document


def _lock_row(adom: Pass, held: HeldLock) -> dict[str, Any]:
    """Who works in an ADOM: FortiManager's own words, and whether it is locked as a whole."""
    return {
        **adom.ref.row,
        "user": held.user,
        "session": held.session,
        "since": held.instant,
        "whole": not held.part,
        "part": held.what or None,
    }


def _findings(result: Result) -> dict[str, Any]:
    """What stands in the way, what waits, and notes, over all ADOMs."""
    plans = [adom.seen.plan for adom in result.adoms if adom.seen]
    return {
        "foreign": [summary.finding_json(one) for plan in plans for one in plan.foreign],
        "held": [row for plan in plans for row in summary.held_json(plan)],
        "findings": [summary.finding_json(one) for plan in plans for one in plan.findings],
    }


def _device_row(adom: Pass, view: DeviceView) -> dict[str, Any]:
    return {
        "device": view.target.device,
        "vdom": view.target.vdom,
        **view.adom.row,
        "fleet": _fleet(adom),
        "groups": [_group_row(group) for group in view.groups],
        "staleGrants": [
            {
                "group": grant.group,
                "address": grant.address,
                "since": _since(grant.since),
                "reused": grant.reused,
            }
            for grant in view.stale_grants
        ],
        "nextWindow": _opens_at(adom, view.target),
        "openNow": _is_open(adom, view.target),
    }


def _fleet(adom: Pass) -> str | None:
    """The fleet that it is rolled out with; None where that is itself alone."""
    fleet = adom.seen.topology.fleet if adom.seen is not None else ""
    return fleet if fleet not in ("", str(adom.ref)) else None


def _opens_at(adom: Pass, target: DeviceVdom) -> str | None:
    """When the opening of now began, or the next one begins."""
    found = adom.view.outlooks.get(target)
    return written_instant(found.opens_at) if found and found.opens_at else None


def _is_open(adom: Pass, target: DeviceVdom) -> bool:
    found = adom.view.outlooks.get(target)
    return found is not None and found.judgement.is_open


def _since(since: float | None) -> str | None:
    return None if since is None else written_instant(datetime.fromtimestamp(since, UTC))


def written_instant(instant: datetime | None) -> str | None:
    """RFC 3339 with offset, to the second."""
    return None if instant is None else instant.isoformat(timespec="seconds")


def _group_row(group: GroupView) -> dict[str, Any]:
    return {
        "name": group.name,
        "desired": _members(group.desired),
        "adom": _members(group.adom),
        "deviceDatabase": _members(group.device_database),
        "device": _members(group.device),
        "state": group.state.value,
        **({"because": group.because} if group.because else {}),
    }


def _members(addresses: frozenset[Address] | None) -> list[str] | None:
    return None if addresses is None else _in_order(addresses)


@lru_cache(maxsize=1 << 12)
def _in_order(addresses: frozenset[Address]) -> list[str]:
    """Made once of what many devices and views share; nobody changes it."""
    return list[str](sorted_addresses(addresses))


def _source_rows(result: Result) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"message": text} for text in source_gaps(result.workloads)]
    rows += [summary.finding_json(finding) for finding in result.workloads.findings]
    return rows


def _failure(result: Result) -> dict[str, Any]:
    """Where no ADOM at all got through, the command failed: told as every failure is."""
    failures = [adom.error for adom in result.adoms if adom.error]
    if not failures or len(failures) < len(result.adoms):
        return {}
    return {"error": failures[0].as_document()}


def error_rows(result: Result) -> list[dict[str, Any]]:
    """Every error of a cluster or ADOM, in the shape of the error document."""
    found: list[errors.FmgsyncError] = list(result.workloads.problems)
    found.extend(adom.error for adom in result.adoms if adom.error)
    return [error.as_document() for error in found]
