"""A plan as stable JSON and its digest: what a human approves is what gets written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from typing import Any

from fmgsync.model.change import AdomPlan, Change, Finding, Hold
from fmgsync.model.rule import GroupRule, Site
from fmgsync.model.state import DesiredAdom


def change_json(change: Change) -> dict[str, Any]:
    """One change as scripts see it; `device` (`device/vdom`) only for mappings."""
    body: dict[str, Any] = {
        "action": change.action.value,
        "kind": change.kind.value,
        "name": change.name,
    }
    if change.device is not None:
        body["device"] = str(change.device)
    body["added"] = list(change.added)
    body["removed"] = list(change.removed)
    body["because"] = change.because
    if change.resets:
        body["resets"] = list(change.resets)
    return body


_WAYS_OUT = {
    "foreign-name": "three ways out: rename or delete that object; give the rule"
    " another name; or, if it is meant to be fmgsync's, take it over: fmgsync adopt --names {name}",
    "name-too-long": "give the rule a shorter name",
}
"""By the kind of a finding, what a person can do about it."""


def finding_json(finding: Finding) -> dict[str, Any]:
    """One finding: its stable kind, the object or rule, the device if any, the sentence."""
    body: dict[str, Any] = {"kind": finding.kind, "name": finding.name, "message": finding.message}
    if way_out := _WAYS_OUT.get(finding.kind):
        body["next"] = way_out.format(name=finding.name)
    if finding.device is not None:
        body["device"] = str(finding.device)
    if isinstance(finding, Hold):
        body["digest"] = finding.digest
        body["added"] = list(finding.added)
        body["removed"] = list(finding.removed)
    return body


def held_json(plan: AdomPlan) -> list[dict[str, Any]]:
    """What waits for a human, each with its own digest and the one of all its group's parts."""
    together = {name: digest_of(parts) for name, parts in by_group(plan).items()}
    return [{**finding_json(hold), "groupDigest": together[hold.name]} for hold in plan.held]


def by_group(plan: AdomPlan) -> dict[str, tuple[Hold, ...]]:
    """What waits, by group."""
    found: dict[str, tuple[Hold, ...]] = {}
    for hold in plan.held:
        found[hold.name] = (*found.get(hold.name, ()), hold)
    return found


def digest_of(parts: Collection[Hold]) -> str:
    """Stands for exactly these parts; of one alone it is its own."""
    digests = sorted({hold.digest for hold in parts})
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()[:16]


def plan_json(plan: AdomPlan) -> dict[str, Any]:
    """One ADOM's plan."""
    return {
        **plan.ref.row,
        "changes": [change_json(change) for change in plan.changes],
        "foreign": [finding_json(finding) for finding in plan.foreign],
        "held": held_json(plan),
        "findings": [finding_json(finding) for finding in plan.findings],
        "workloads": {address: list(names) for address, names in plan.workloads},
    }


def _chooses(rule: GroupRule) -> bool:
    return rule.chooses or rule.destinations is not None


def rules_digest(rules: Iterable[GroupRule], sites: Iterable[Site]) -> str:
    """The first 16 hex digits of SHA-256 over what is wanted where, whatever runs.

    A canary proves one set of rules: members may come and go under it.
    """
    rows = [
        [
            rule.name,
            rule.select,
            rule.namespaces,
            rule.select_nodes,
            rule.publish,
            sorted(rule.families),
            sorted(rule.clusters) if rule.clusters is not None else None,
            rule.mapping,
            *([rule.accounts, rule.network_sets] if rule.accounts or rule.network_sets else []),
            *([rule.destinations, rule.addresses, rule.within] if _chooses(rule) else []),
            *([["network", rule.network]] if rule.network is not None else []),
            *([["towards", *rule.towards]] if rule.towards else []),
        ]
        for rule in rules
    ]
    places = [[sorted(s.clusters), str(s.adom), sorted(s.devices), s.allow_overlap] for s in sites]
    text = json.dumps([sorted(rows, key=str), sorted(places, key=str)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def wants(desired: DesiredAdom) -> str:
    """A digest of what the rules ask for; empty while not all of it is known."""
    rows = []
    for group in sorted(desired.groups, key=lambda group: (group.family, group.name)):
        for place in sorted({*group.mappings, *group.places}):
            members = group.at(place)
            if members is None or members.retain:
                return ""
            rows.append([group.family, group.name, str(place), *sorted(members.addresses)])
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


def digest(plans: Iterable[AdomPlan]) -> str:
    """The first 16 hex digits of SHA-256 over all changes, members included, and what is held.

    The same changes have the same digest whatever the reasons say.
    """
    sums = hashlib.sha256()
    for plan in sorted(plans, key=lambda plan: plan.ref):
        for change in plan.changes:
            row = [*change_json(change).values(), *change.members]
            row.remove(change.because)
            sums.update(json.dumps([str(plan.ref), *row]).encode())
        for finding in plan.held:
            sums.update(json.dumps([str(plan.ref), finding.digest]).encode())
    return sums.hexdigest()[:16]
