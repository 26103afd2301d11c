"""The four views of one target, and what follows from them: what is pending, what never arrives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from fmgsync.assessing import four, pending, place_reasons, reach, rendered
from fmgsync.assessing.observation import Observation, Survey
from fmgsync.model import naming
from fmgsync.model.adom import Reading
from fmgsync.model.change import ObjectKind
from fmgsync.model.rollout import Outcome, PendingInstall, TargetOutcome
from fmgsync.model.state import ObservedAdom
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import DeviceView, GroupState

_SETTLED = frozenset({GroupState.IN_SYNC, GroupState.HELD})


def facts_of(seen: Observation) -> four.Facts:
    """What the views are made from, but for what databases and devices hold."""
    wanted = reach.wanted(seen)
    names = _names_in(wanted)
    carried = reach.packages(seen, wanted, names)
    families = reach.families(seen, carried)
    return four.Facts(
        ref=seen.topology.ref,
        topology=seen.topology,
        desired=wanted,
        adom=rendered.from_adom(seen.observed, wanted, names),
        reach=carried,
        families=families,
        disputed=reach.disputed(seen, wanted, names),
        databases={},
        devices={},
        write_pending=_places(seen, wanted),
        submitted=seen.submission.brief if seen.submission else "",
        held=_held(seen, wanted),
        blocked=place_reasons.blocked(seen, names),
        reasons=place_reasons.reasons(seen, wanted, carried, families),
    )


def places(facts: four.Facts) -> tuple[list[DeviceVdom], tuple[str, ...]]:
    """The DeviceVdoms that some policy brings our groups to, and the groups' names: what is to be
    read of devices."""
    targets = {target for target, _ in (*facts.reach, *facts.disputed)}
    return sorted(targets), _names_in(facts.desired)


def made(facts: four.Facts, seen: Observation, *, asked: bool) -> Survey:
    """The views side by side. Without the FortiGates' own answers a device is believed as far as
    FortiManager's status goes, so `unknown` may stand where only the device could tell."""
    views = four.device_views(facts)
    return Survey(
        views,
        _pending_installs(views, facts, seen),
        pending.not_referenced(views),
        asked=asked,
        facts=facts,
    )


def of_live(facts: four.Facts, seen: Observation, targets: Iterable[DeviceVdom]) -> Survey:
    """The views where writing is delivering: what was looked at is what the devices hold. Pending
    is what the plan still has to write there, retired groups included."""
    devices = {target: Reading(groups) for target, groups in facts.adom.items()}
    found = made(replace(facts, devices=devices, staged=False), seen, asked=True)
    waiting = pending.pending_writes(facts.ref, _places(seen, targets))
    return replace(found, pending=waiting)


def _pending_installs(
    views: Iterable[DeviceView], facts: four.Facts, seen: Observation
) -> tuple[PendingInstall, ...]:
    return pending.pending_installs(
        views,
        facts.reach,
        after_write=bool(seen.plan.changes),
        submitted=seen.submission is not None,
    )


def with_part(known: Survey, part: Observation, *, adom: ObservedAdom) -> Survey:
    """The survey with the views of a part made anew from the whole ADOM; devices are taken as they
    were."""
    if known.facts is None:
        return known
    facts = facts_of(part)
    facts = replace(
        facts,
        adom=rendered.from_adom(adom, facts.desired, _names_in(facts.desired)),
        databases=known.facts.databases,
        devices=known.facts.devices,
    )
    views = four.joined(known.views, four.device_views(facts))
    return replace(
        known,
        views=views,
        pending=_pending_installs(views, known.facts, part),
        not_referenced=pending.not_referenced(views),
    )


def _names_in(wanted: Mapping[DeviceVdom, Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for groups in wanted.values() for name in groups}))


def _places(seen: Observation, targets: Iterable[DeviceVdom]) -> frozenset[four.Place]:
    """The places the plan still has to write; a group's own change concerns all its places."""
    everywhere = tuple(targets)
    places: set[four.Place] = set()
    for change in seen.plan.changes:
        if change.kind in (ObjectKind.ADDRESS, ObjectKind.ADDRESS6):
            continue
        for target in (change.device,) if change.device else everywhere:
            places.add((target, naming.group_of(change.name)))
    return frozenset(places)


def _held(seen: Observation, targets: Iterable[DeviceVdom]) -> frozenset[four.Place]:
    """The places at which something waits for a human."""
    everywhere = tuple(targets)
    without_room = (finding for finding in seen.plan.foreign if finding.newcomers_only)
    return frozenset(
        (target, hold.name)
        for hold in (*seen.plan.held, *without_room)
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
