"""ADOM -> devices: who is behind, start what may start, poll it, prove it on each device."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from fmgsync.assessing import four, pending, place_reasons, rendered
from fmgsync.assessing.observation import Look
from fmgsync.model import naming
from fmgsync.model.address import Family
from fmgsync.model.adom import PackageStatus, Reading
from fmgsync.model.change import Finding, ObjectKind
from fmgsync.model.rollout import (
    NotReferenced,
    Outcome,
    PendingInstall,
    TargetOutcome,
)
from fmgsync.model.state import ObservedAdom
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import DeviceView, GroupState
from fmgsync.passes.reconcile import AdomWork

_SETTLED = frozenset({GroupState.IN_SYNC, GroupState.HELD})


@dataclass(frozen=True, slots=True)
class Known:
    """What need not be asked again: what device databases and devices held when they were read,
    and which packages were installed before."""

    databases: Mapping[DeviceVdom, Reading] = field(default_factory=dict)
    devices: Mapping[DeviceVdom, Reading] = field(default_factory=dict)
    statuses: tuple[PackageStatus, ...] = ()


NOTHING = Known()


@dataclass(frozen=True, slots=True)
class Survey:
    """The four views of one ADOM and what follows from them.

    `asked` says whether the FortiGates themselves were asked. `facts` are what the views were made
    from, `plain` the views as they were before windows and people were considered.
    """

    views: tuple[DeviceView, ...]
    pending: tuple[PendingInstall, ...]
    not_referenced: tuple[NotReferenced, ...]
    asked: bool = True
    statuses: tuple[PackageStatus, ...] = ()
    facts: four.Facts | None = None
    plain: tuple[DeviceView, ...] = ()

    def known_but(
        self, changed: Collection[DeviceVdom], fresh: Mapping[DeviceVdom, Reading] | None = None
    ) -> Known:
        """What was read, save of those that have changed since; `fresh` is what these answered."""
        if self.facts is None:
            return NOTHING
        databases, devices = self.facts.databases, self.facts.devices
        kept = (databases.keys() & devices.keys()) - set(changed)
        return Known(
            {target: databases[target] for target in kept},
            {**{target: devices[target] for target in kept}, **(fresh or {})},
            () if changed else self.statuses,
        )


def survey(work: AdomWork, seen: Look, *, ask_devices: bool, known: Known = NOTHING) -> Survey:
    """Hold the four views side by side.

    Only DeviceVdoms that some policy brings our groups to are read, and of these only those that
    are not `known` from shortly before. `ask_devices` asks the
    FortiGates themselves as well; without it a device is believed as far as FortiManager's own
    status goes, so the state `unknown` may stand where only the device could tell.
    """
    wanted, delivery = rendered.from_desired(seen.desired), work.delivery
    names = sorted({name for groups in wanted.values() for name in groups})
    reach = _reach(seen, wanted, names)
    families = _families(seen, reach)
    disputed = _disputed(seen, wanted, names)
    targets = sorted({target for target, _ in (*reach, *disputed)})
    databases, devices = dict(known.databases), dict(known.devices)
    if fresh := [target for target in targets if target not in databases]:
        databases |= delivery.read_device_databases(fresh, names) if delivery else {}
    if ask_devices and (fresh := [target for target in targets if target not in devices]):
        devices |= work.target.ask(fresh, names)
    facts = four.Facts(
        ref=work.ref,
        topology=seen.topology,
        desired=wanted,
        adom=rendered.from_adom(seen.observed, wanted, names),
        reach=reach,
        families=families,
        disputed=disputed,
        databases=databases,
        devices=devices,
        write_pending=_places(seen, wanted),
        submitted=seen.submission.brief if seen.submission else "",
        held=_held(seen, wanted),
        blocked=place_reasons.blocked(seen, names),
        reasons=place_reasons.reasons(seen, wanted, reach, families),
    )
    views = four.device_views(facts)
    waiting = pending.pending_installs(views, reach, after_write=bool(seen.plan.changes))
    return Survey(
        views,
        waiting,
        pending.not_referenced(views),
        asked=ask_devices,
        # Only who has something to install must know what was installed before.
        statuses=(known.statuses or delivery.read_package_status()) if delivery and waiting else (),
        facts=facts,
        plain=views,
    )


def survey_part(work: AdomWork, known: Survey, part: Look, *, adom: ObservedAdom) -> Survey:
    """The survey with the views of a part made anew from the whole ADOM; devices are taken as they
    were."""
    if known.facts is None:
        return known
    wanted = rendered.from_desired(part.desired)
    names = sorted({name for groups in wanted.values() for name in groups})
    families = {**known.facts.families, **_families(part, known.facts.reach)}
    facts = replace(
        known.facts,
        families=families,
        desired=wanted,
        adom=rendered.from_adom(adom, wanted, names),
        write_pending=_places(part, wanted),
        held=_held(part, wanted),
        blocked=place_reasons.blocked(part, names),
        reasons=place_reasons.reasons(part, wanted, known.facts.reach, families),
    )
    views = four.joined(known.plain, four.device_views(facts))
    waiting = pending.pending_installs(
        views, known.facts.reach, after_write=bool(part.plan.changes)
    )
    statuses, delivery = known.statuses, work.delivery
    if delivery is not None and waiting and not statuses:
        statuses = delivery.read_package_status()
    return replace(
        known,
        views=views,
        pending=waiting,
        not_referenced=pending.not_referenced(views),
        statuses=statuses,
        plain=views,
    )


def _reach(
    seen: Look, targets: Iterable[DeviceVdom], names: Iterable[str]
) -> Mapping[four.Place, str]:
    wanted = set(targets)
    return {
        (target, name): package
        for name in names
        for key in four.keys(name)
        for target, package in seen.usage.devices.get(key, {}).items()
        if target in wanted
    }


def _disputed(
    seen: Look, wanted: Collection[DeviceVdom], names: Iterable[str]
) -> frozenset[four.Place]:
    """Where it cannot be told which of several packages carries a group to a device."""
    return frozenset(
        (target, name)
        for name in names
        for key in four.keys(name)
        for target in seen.usage.disputed.get(key, ())
        if target in wanted and target not in seen.usage.devices.get(key, {})
    )


def _without_room(seen: Look) -> Iterable[Finding]:
    return (finding for finding in seen.plan.foreign if finding.newcomers_only)


def _families(
    seen: Look, reach: Mapping[four.Place, str]
) -> Mapping[four.Place, frozenset[Family]]:
    """Where policies use one family only of a group that has both."""
    names: defaultdict[str, set[Family]] = defaultdict(set)
    for group in seen.desired.groups:
        names[group.name].add(group.family)
    for (family, name), standing in seen.observed.groups.items():
        if standing.owned:
            names[name].add(family)
    found: dict[four.Place, frozenset[Family]] = {}
    for target, name in reach:
        if len(names[name]) == len(Family):
            used = frozenset(f for f in Family if seen.usage.reaches([(f, name)], target))
            if len(used) < len(Family):
                found[target, name] = used
    return found


def _places(seen: Look, targets: Iterable[DeviceVdom]) -> frozenset[four.Place]:
    """The places the plan still has to write; a group's own change concerns all its places."""
    everywhere = tuple(targets)
    places: set[four.Place] = set()
    for change in seen.plan.changes:
        if change.kind in (ObjectKind.ADDRESS, ObjectKind.ADDRESS6):
            continue
        for target in (change.device,) if change.device else everywhere:
            places.add((target, naming.group_of(change.name)))
    return frozenset(places)


def _held(seen: Look, targets: Iterable[DeviceVdom]) -> frozenset[four.Place]:
    """The places at which something waits for a human."""
    everywhere = tuple(targets)
    return frozenset(
        (target, hold.name)
        for hold in (*seen.plan.held, *_without_room(seen))
        for target in ((hold.device,) if hold.device else everywhere)
    )


def failed(outcomes: Iterable[TargetOutcome]) -> tuple[TargetOutcome, ...]:
    """The outcomes that are neither done nor without changes."""
    fine = {Outcome.DONE, Outcome.NO_CHANGES}
    return tuple(outcome for outcome in outcomes if outcome.outcome not in fine)


def verified(views: Iterable[DeviceView]) -> tuple[DeviceVdom, ...]:
    """DeviceVdoms that were asked and hold, in every referenced group, what the ADOM says.

    Of a held group that is what FortiManager would install, not yet what the rules ask for.
    Something that waits for a person may be the install itself: only the values tell.

    At least one group must be asked for: a device that uses none of our groups proves nothing.
    """
    return tuple(
        view.target
        for view in views
        if (asked := four.asked_for(view))
        and all(group.state in _SETTLED and group.is_proven for group in asked)
    )
