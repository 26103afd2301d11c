"""The controller's passes over one ADOM: whole ones, and between them those over a part.

A change in a few rules' members is compared and written for these groups alone, with what the last
whole pass saw of everything else. That holds as long as the ADOM's stamp says that nobody else has
changed anything. Whatever is out of the ordinary (an install may start, something failed, another
administrator was at work, sources overlap) is left to a whole pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from fmgsync import errors
from fmgsync.assessing.observation import Observation
from fmgsync.grouping import desired
from fmgsync.model import naming
from fmgsync.model.adom import Workspace
from fmgsync.model.change import AdomPlan
from fmgsync.model.state import DesiredAdom, ObservedAdom
from fmgsync.passes import installs, judgement, once, recipe, reconcile, rollout_status
from fmgsync.passes.result import Pass
from fmgsync.passes.world import AdomWork, Workloads, World
from fmgsync.planning import adom_cache, aliases, backup_mode, provenance, sites, stays_shared
from fmgsync.planning.adom_cache import Picture
from fmgsync.targets.protocol import STAMP, Part, Question

OVERLAP = "overlap"


class Passes:
    """One ADOM's passes; for one thread."""

    def __init__(self, read_world: Callable[[], World], work: AdomWork, *, install: bool) -> None:
        self._read_world = read_world
        self._world = read_world()
        self._work = work
        self._install = install
        self._known: Pass | None = None
        self._picture: Picture | None = None

    def make(self, workloads: Workloads, rules: frozenset[str] | None) -> Pass:
        """A pass over these rules' groups, or over everything (None) if that is necessary."""
        known, self._known = self._known, None
        self._world = self._read_world()
        if rules and known is not None and self._is_quiet(known):
            self._known = self._part(workloads, known, rules)
        if self._known is None:
            self._known = once.apply_one(
                self._world, self._work, workloads, install=self._install, before=known
            )
            self._picture = self._pictured(self._known)
        return self._known

    def _pictured(self, known: Pass) -> Picture | None:
        """Made now, while nobody waits for it."""
        if known.seen is None or not self._is_quiet(known):
            return None
        return Picture(known.seen.observed, known.seen.asked, owner=self._world.intent.owner)

    def _is_quiet(self, known: Pass) -> bool:
        """Whether a part can be written by itself: nothing failed, waits, is stopped or may be
        installed."""
        seen, intent = known.seen, self._world.intent
        if seen is None or not known.survey.is_made or known.error is not None:
            return False
        if self._world.installing.stops.covering(known.ref) is not None:
            return False
        if not intent.writes or seen.submission is not None:
            return False
        if not self._work.writes_ahead(intent):
            return False
        if seen.topology.workspace is Workspace.WORKFLOW or backup_mode.is_closed(seen.topology):
            return False
        if seen.observed.stamp is None or (known.report is not None and known.report.refused):
            return False
        return not self._install or self._installs_nothing(known)

    def _installs_nothing(self, known: Pass) -> bool:
        if self._world.terms.removals.within is not None or known.outcomes:
            return False
        resting = known.rollout is not None and known.rollout.again_at is not None
        return not resting and rollout_status.window_open(self._world, known) is False

    def _part(self, workloads: Workloads, known: Pass, rules: frozenset[str]) -> Pass | None:
        """None if it takes a whole pass."""
        begun = replace(known, report=None, planned=None, outcomes=(), whole=False)
        try:
            with self._world.installing.audit.to_its_end(), self._work.session():
                done = self._write(workloads, begun, rules)
        except errors.TargetError as error:
            return replace(begun, error=error)
        if done is not None and done.seen is not None and done.seen.plan.held:
            recipe.note_shown(self._world, [done.seen.plan])
        return done

    def _write(self, workloads: Workloads, made: Pass, rules: frozenset[str]) -> Pass | None:
        work, intent, known = self._work, self._world.intent, self._picture
        seen = made.seen
        if seen is None or not seen.survey.is_made or known is None:
            return None
        part = _focused(self._world, work, workloads, seen, rules)
        names = tuple(reconcile.names(part, seen.limits))
        # Addresses that two clusters claim are withheld from every rule, so no matter of a part.
        overlaps = tuple(each for each in seen.desired.findings if each.kind == OVERLAP)
        if part.findings != overlaps or not known.covers(names):
            return None
        if work.target.look(STAMP).stamp() != known.stamp:
            return None
        there = reconcile.compare_part(work, intent, seen, part, known.part(part, names))
        there = replace(there, plan=provenance.told(there.plan, workloads.who))
        made = replace(made, planned=there.plan)
        try:
            if there.plan.changes:
                planned = replace(seen, plan=there.plan, unapproved=there.unapproved)
                write = partial(work.target.write, after_wait=_leave_it)
                made = made.wrote(reconcile.carry_out(work, planned, write))
                there = self._read_back(seen, part, there, known)
            whole = _joined(seen, there, part, known.observed())
            survey = installs.survey_part(work, seen.survey, there, adom=whole.observed)
            made = replace(made, seen=replace(whole, survey=survey))
            record = self._world.installing.rollouts.read(work.ref)
            return judgement.judge(self._world, work, workloads, made, record, acts=True)
        except errors.ChangedMeanwhile:
            return None
        except errors.TargetError as error:
            return replace(made, error=error)

    def _read_back(
        self, seen: Observation, part: DesiredAdom, there: Observation, known: Picture
    ) -> Observation:
        """What was written is read back. As planned, it leaves nothing to do but what is held."""
        work, intent, changes = self._work, self._world.intent, there.plan.changes
        names = tuple(reconcile.names(part, seen.limits))
        written = adom_cache.touched(changes)
        asked = Part(written.groups, written.addresses)
        fresh = work.target.look(Question(objects=asked)).objects()
        known.replace(written, fresh)
        now = known.part(part, names)
        if adom_cache.carried_out(changes, fresh) and not there.plan.approved:
            done = replace(there.plan, changes=(), sizes=(), grants=())
            return replace(there, observed=now, plan=done, unapproved=done)
        return reconcile.compare_part(work, intent, seen, part, now)


def _leave_it() -> None:
    """Who had the lock that was waited for may have changed anything: a whole pass looks."""
    raise errors.ChangedMeanwhile("a part of an ADOM is not written after a wait")


def _focused(
    world: World, work: AdomWork, workloads: Workloads, seen: Observation, rules: frozenset[str]
) -> DesiredAdom:
    """What these rules ask for."""
    wanted = desired.desired_adom(
        work.ref,
        owner=world.intent.owner,
        rules=world.intent.rules.only(rules),
        sites=sites.resolve(work.sites, seen.topology),
        members=workloads.members,
    )
    known = stays_shared.settle(aliases.settle(wanted, seen.observed), seen.observed, seen.usage)
    return replace(known, findings=wanted.findings)


def _joined(
    seen: Observation, part: Observation, wanted: DesiredAdom, whole: ObservedAdom
) -> Observation:
    """The whole look with this part in it."""
    groups = {(group.name, group.family): group for group in seen.desired.groups}
    groups |= {(group.name, group.family): group for group in wanted.groups}
    names = {group.name for group in wanted.groups}
    return replace(
        seen,
        desired=replace(seen.desired, groups=tuple(groups.values())),
        observed=whole,
        plan=_with(seen.plan, part.plan, names),
        unapproved=_with(seen.unapproved, part.unapproved, names),
    )


def _with(whole: AdomPlan, part: AdomPlan, names: set[str]) -> AdomPlan:
    """The rest of the whole plan, and what of this part is left to do."""

    def outside(named: str) -> bool:
        return naming.group_of(named) not in names

    kept = [finding for finding in whole.findings if outside(finding.name)]
    return replace(
        whole,
        changes=(*(c for c in whole.changes if outside(c.name)), *part.changes),
        foreign=tuple(
            dict.fromkeys((*(f for f in whole.foreign if outside(f.name)), *part.foreign))
        ),
        held=(*(h for h in whole.held if outside(h.name)), *part.held),
        findings=tuple(dict.fromkeys((*kept, *part.findings))),
        sizes=part.sizes,
        approved=(),
    )
