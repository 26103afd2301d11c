"""desired -> ADOM: one pass over one ADOM, as a recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from fmgsync.grouping import desired, publishable
from fmgsync.model.adom import AdomTopology, Package
from fmgsync.model.change import AdomPlan, ApplyReport
from fmgsync.model.rule import GroupRule, Site
from fmgsync.model.state import DesiredAdom, ObservedAdom
from fmgsync.model.target import AdomRef
from fmgsync.planning import diff, sites, usage
from fmgsync.targets.protocol import Installer, ObjectStore


@dataclass(frozen=True, slots=True)
class Intent:
    """What the configuration asks for, independent of what runs.

    `writes` False is policy mode observe, `removes` False is upsert.
    """

    owner: str
    rules: tuple[GroupRule, ...]
    allowed_ranges: Mapping[str, Sequence[publishable.Range]]
    writes: bool = True
    removes: bool = True


@dataclass(frozen=True, slots=True)
class AdomWork:
    """One ADOM and the adapters that reach it.

    Inside `session()` all reading calls share one login.
    """

    ref: AdomRef
    sites: tuple[Site, ...]
    store: ObjectStore
    installer: Installer
    session: Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True, slots=True)
class Look:
    """One ADOM as a pass sees it: what should be, what is, and the plan between the two."""

    topology: AdomTopology
    desired: DesiredAdom
    observed: ObservedAdom
    packages: tuple[Package, ...]
    usage: usage.Usage
    plan: AdomPlan


Gate = Callable[[Look], AdomPlan]
"""What may hold a plan back, wholly or in part, until a human approves."""


def look(work: AdomWork, intent: Intent, members: desired.Members) -> Look:
    """Read the ADOM and make the plan. Writes nothing."""
    topology = work.store.read_topology()
    resolved = sites.resolve(work.sites, topology)
    wanted = desired.desired_adom(
        work.ref, owner=intent.owner, rules=intent.rules, sites=resolved, members=members
    )
    packages = work.installer.read_packages()
    return _compare(work, intent, topology, wanted, packages)


def _compare(
    work: AdomWork,
    intent: Intent,
    topology: AdomTopology,
    wanted: DesiredAdom,
    packages: tuple[Package, ...],
) -> Look:
    observed = work.store.read_observed(rule.name for rule in intent.rules)
    used = usage.find_usage(packages, observed)
    plan = diff.make_plan(wanted, observed, used=used.used, removes=intent.removes)
    return Look(topology, wanted, observed, packages, used, plan)


def write(work: AdomWork, intent: Intent, seen: Look) -> tuple[Look, ApplyReport]:
    """Write the plan and read back what is there now.

    The look that comes back is the proof: a plan that was carried out leaves no changes.
    """
    if not intent.writes or not seen.plan.changes:
        return seen, ApplyReport(work.ref)
    report = work.store.apply(seen.plan)
    after = _compare(work, intent, seen.topology, seen.desired, seen.packages)
    return replace(after, plan=replace(after.plan, held=seen.plan.held)), report


def refresh_topology(work: AdomWork, seen: Look) -> Look:
    """The same look with the devices' connection, sync and database status of now."""
    return replace(seen, topology=work.store.read_topology())
