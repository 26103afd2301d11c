"""desired -> ADOM: one pass over one ADOM, as a recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from fmgsync import errors
from fmgsync.assessing.observation import Observation
from fmgsync.grouping import desired
from fmgsync.model import naming
from fmgsync.model.adom import AdomTopology, Limits, Surroundings, Workspace
from fmgsync.model.change import AdomPlan, ApplyReport, Finding, Submission
from fmgsync.model.state import DesiredAdom, ObservedAdom
from fmgsync.passes import write_log
from fmgsync.passes.world import AdomWork, Intent, Workloads
from fmgsync.planning import (
    aliases,
    assignment,
    backup_mode,
    device_notes,
    diff,
    misnamed,
    provenance,
    sharding,
    sites,
    stays_shared,
    summary,
    usage,
    workflow_mode,
    written,
)
from fmgsync.targets.protocol import DEVICES, STAMP, STATUSES, Around, Question


def look(work: AdomWork, intent: Intent, workloads: Workloads, *, uses: bool = True) -> Observation:
    """Read the ADOM and make the plan. Writes nothing. Without `uses` nobody is asked who uses a
    group where nothing is to change."""
    asked = Question(around=Around.ALL if uses else Around.GLANCE)
    around = work.target.look(asked).around()
    around = replace(around, topology=work.fleet.of(around.topology))
    topology, packages, delivery = around.topology, around.packages, work.delivery
    resolved = sites.resolve(work.sites, topology)
    rules = intent.rules if work.target.traits.mappings else intent.rules.shared()
    wanted = desired.desired_adom(
        work.ref, owner=intent.owner, rules=rules, sites=resolved, members=workloads.members
    )
    targets = {target for site in resolved for target in site.targets}
    notes = (
        *device_notes.of_devices(topology, targets),
        *device_notes.of_sites(work.sites, topology),
        *_misnamed(work, topology),
    )
    refused = workflow_mode.refused(intent.at_once, topology)
    wanted = replace(wanted, errors=(*wanted.errors, *refused))
    wanted = replace(wanted, findings=(*wanted.findings, *notes))
    if delivery is not None and (contested := assignment.rivals(packages)):
        statuses = work.target.look(STATUSES).statuses()
        packages = assignment.settle(packages, contested, statuses)
        told = assignment.findings(packages, targets)
        wanted = replace(wanted, findings=(*wanted.findings, *told))
    around = replace(around, packages=packages)
    seen = _compare(work, intent, around, wanted)
    if around.unasked and (seen.plan.changes or seen.plan.held):
        packages = work.target.look(Question(around=Around.USES)).around().packages
        around = replace(around, packages=packages, unasked=False)
        seen = _compared(work, intent, around, wanted, seen.observed, seen.asked)
    return replace(seen, plan=provenance.told(seen.plan, workloads.who))


def _misnamed(work: AdomWork, topology: AdomTopology) -> tuple[Finding, ...]:
    odd, unread = misnamed.unmatched(work.named, misnamed.known(topology)), ""
    if odd and work.elsewhere is not None:
        others, unread = work.elsewhere()
        odd = misnamed.unmatched(odd, others)
    return tuple(misnamed.findings(odd, topology, unread))


def _compare(
    work: AdomWork,
    intent: Intent,
    around: Surroundings,
    wanted: DesiredAdom,
) -> Observation:
    asked = tuple(names(wanted, _limits(intent, around.topology, around.limits)))
    observed = work.target.look(Question(objects=asked)).objects()
    return _compared(work, intent, around, wanted, observed, frozenset(asked))


def _compared(
    work: AdomWork,
    intent: Intent,
    around: Surroundings,
    wanted: DesiredAdom,
    observed: ObservedAdom,
    asked: frozenset[str],
) -> Observation:
    topology, delivery = around.topology, work.delivery
    limits = _limits(intent, topology, around.limits)
    wanted = aliases.settle(wanted, observed)
    used = usage.find_usage(around.packages, observed)
    used = usage.delivered(used, wanted, observed) if delivery is None else used
    wanted = stays_shared.settle(wanted, observed, used)
    plan, unapproved = _plans(work, intent, wanted, observed, used, limits)
    if backup_mode.is_closed(topology):
        plan = unapproved = backup_mode.refuse(plan)
    submission = None
    if delivery is not None and topology.workspace is Workspace.WORKFLOW:
        plan = replace(plan, wants=summary.wants(wanted))
        waiting = work.target.look(Question(submission=True)).submission()
        submission = _as_of_now(waiting, plan)
    return Observation(
        around,
        wanted,
        observed,
        used,
        plan,
        unapproved,
        submission,
        limits,
        asked,
    )


def _as_of_now(submission: Submission | None, plan: AdomPlan) -> Submission | None:
    """What waits, held against what would be submitted now. What was turned down and has changed
    since need not wait out its hour."""
    if submission is None or submission.wants in ("", plan.wants) or not plan.wants:
        return submission
    return None if submission.turned_down else replace(submission, outdated=True)


def compare_part(
    work: AdomWork, intent: Intent, seen: Observation, wanted: DesiredAdom, observed: ObservedAdom
) -> Observation:
    """A part of an ADOM that was seen as a whole before: what is wanted and what is there of it."""
    plan, unapproved = _plans(work, intent, wanted, observed, seen.usage, seen.limits)
    return replace(seen, desired=wanted, observed=observed, plan=plan, unapproved=unapproved)


def _plans(
    work: AdomWork,
    intent: Intent,
    wanted: DesiredAdom,
    observed: ObservedAdom,
    used: usage.Usage,
    limits: sharding.Limits,
) -> tuple[AdomPlan, AdomPlan]:
    """The plan, and what it would be without approvals."""
    make_plan = partial(
        diff.make_plan,
        wanted,
        observed,
        used=used.used,
        opens=used.widening,
        unknown=used.unknown,
        removes=intent.removes,
        limits=limits,
    )
    gate = work.guard.gate()
    plan = make_plan(gate=gate)
    if not plan.approved:
        return plan, plan
    return plan, make_plan(gate=replace(gate, approved=frozenset()))


def _limits(intent: Intent, topology: AdomTopology, stated: Limits) -> sharding.Limits:
    """The unit's own word counts; a configuration may only ask for less."""
    asked = [each for each in (intent.member_limit, stated.members) if each is not None]
    longest = naming.longest_name(topology.os_version)
    return sharding.Limits(
        members=min(asked, default=sharding.DEFAULT_MEMBERS),
        name=longest if stated.name is None else min(longest, stated.name),
    )


def names(wanted: DesiredAdom, limits: sharding.Limits) -> Iterator[str]:
    """Every group name that must be free or ours."""
    for group in wanted.groups:
        for name in filter(None, (group.name, wanted.aliases.get(group.name))):
            yield name
            yield from sharding.possible_names(replace(group, name=name), limits.members)


def read_back(
    work: AdomWork, intent: Intent, seen: Observation, report: ApplyReport
) -> Observation:
    """What is there after a write, which is the proof: what was carried out leaves no changes."""
    now = look_again(work, intent, seen)
    if report.submitted is None:
        now = replace(now, written=written.after(seen.observed, report.written))
    return now


def carry_out(
    work: AdomWork, seen: Observation, by: Callable[[AdomPlan], ApplyReport]
) -> ApplyReport:
    """Write the plan that was seen. The guard knows of it before, the log afterwards."""
    begins = not any(group.owned for group in seen.observed.groups.values())
    work.guard.before_write(seen.plan, begins=begins)
    began_at = work.guard.clock.steady()
    held = seen.unapproved.held
    try:
        report = by(seen.plan)
    except errors.TargetError as trouble:
        work.guard.after_write(seen.plan, held, trouble.written, all_of_it=False)
        raise
    all_of_it = not (report.refused or report.left)
    work.guard.after_write(seen.plan, held, report.written, all_of_it=all_of_it)
    write_log.tell(seen.plan, report, work.guard.clock.steady() - began_at)
    return report


def check_as_seen(work: AdomWork, seen: Observation) -> None:
    """Raises ChangedMeanwhile where the ADOM may not be any more what was seen: what was worked out
    from that may be wrong by now, a policy may give an empty group another meaning."""
    stamp = work.target.look(STAMP).stamp()
    if stamp is None or stamp != seen.observed.stamp:
        raise errors.ChangedMeanwhile(
            "somebody changed the ADOM while its lock was waited for",
            **work.ref.named,
            next_step="what was worked out before that is not written; the next pass looks anew",
        )


def as_saved(saved: Observation, now: Observation) -> Observation:
    """A later look in the run of a saved plan. Raises StaleMeanwhile if that was not written yet
    and is not any more what there is to do."""
    if now.written is None and summary.digest([now.plan]) != summary.digest([saved.plan]):
        raise errors.StaleMeanwhile(
            "somebody changed the ADOM before the saved plan could be written",
            **now.plan.ref.named,
            next_step="nothing was written there; save a new plan and read it",
        )
    return now


def look_again(
    work: AdomWork, intent: Intent, seen: Observation, observed: ObservedAdom | None = None
) -> Observation:
    """The same ADOM after a write, or as its objects were `observed` since by the same names;
    devices and packages are taken as they were."""
    if observed is None:
        found = _compare(work, intent, seen.around, seen.desired)
    else:
        found = _compared(work, intent, seen.around, seen.desired, observed, seen.asked)
    return replace(found, survey=seen.survey)


def as_written(seen: Observation) -> Observation:
    """What the ADOM will be seen to hold once the plan is carried out."""
    done = replace(seen.plan, changes=(), sizes=(), grants=())
    return replace(seen, observed=written.after(seen.observed, seen.plan.changes), plan=done)


def refresh_topology(work: AdomWork, seen: Observation) -> Observation:
    """The same look with the devices' connection, sync and database status of now."""
    around = work.target.look(DEVICES).around()
    topology = work.fleet.of(around.topology)
    return replace(seen, around=replace(seen.around, topology=topology))
