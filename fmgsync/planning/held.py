"""What is wanted, passed through the guard: what must wait is taken out before changes are made.

So the plan that is left is complete in itself: no address is deleted that a held group still
holds, none is created that only a held addition needs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from fmgsync.model import naming
from fmgsync.model.address import Address, Family
from fmgsync.model.change import Hold
from fmgsync.model.memory import Size
from fmgsync.model.state import ObjectKey, ObservedAdom, ObservedGroup
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.planning import groups, guard
from fmgsync.planning.render import GroupObject

_EMPTY = GroupObject(())

_Read = Callable[[tuple[str, ...]], frozenset[Address]]


@dataclass(frozen=True, slots=True)
class Scene:
    """What the guard needs to know of one ADOM besides what is wanted.

    `standing` is the ADOM with shards joined to their groups; `nothing` the name, per family, of
    the address that matches nothing; `allow_empty` the groups that may become empty; `opens` where
    an empty group would open traffic; `broad` the names of those whose rule selects everything;
    `covered` those whose own value no device gets any more.
    """

    ref: TargetRef
    owner: str
    standing: ObservedAdom
    nothing: Mapping[Family, str]
    allow_empty: Collection[ObjectKey]
    opens: Mapping[ObjectKey, str]
    broad: Collection[str] = ()
    covered: Collection[ObjectKey] = ()


@dataclass(frozen=True, slots=True)
class Passed:
    """What may be written now, and what waits."""

    groups: Mapping[ObjectKey, GroupObject]
    holds: tuple[Hold, ...] = ()
    sizes: tuple[Size, ...] = ()
    approved: tuple[str, ...] = ()


def hold_back(
    wanted: Mapping[ObjectKey, GroupObject],
    retired: Iterable[ObjectKey],
    scene: Scene,
    gate: guard.Gate,
) -> Passed:
    """Judge every group at every place. `retired` groups are to be deleted, or emptied if they are
    wanted as that.

    One that must keep members somewhere is wanted again. It keeps them as it stands, with what
    others put into it: it may have come here with them, and no rule says what belongs in it.
    """
    passed = dict(wanted)
    leaving = frozenset(retired)
    goals: dict[ObjectKey, GroupObject | None] = {**dict.fromkeys(leaving), **wanted}
    addresses = _reader(scene.owner)
    transitions = [
        transition for key in sorted(goals) for transition in _of(key, goals[key], scene, addresses)
    ]
    verdicts = guard.judge(scene.ref, scene.owner, transitions, gate)
    waiting = {(v.transition.family, v.transition.name) for v in verdicts if v.holds}
    for verdict in verdicts:
        transition = verdict.transition
        key, place = (transition.family, transition.name), transition.place
        stands: tuple[str, ...] = ()
        theirs = False
        if key in leaving and key in waiting:
            standing = scene.standing.groups[key]
            stands = groups.names_at(standing, place)
            nowhere = naming.nothing(standing.comment).issuperset(stands)
            theirs = not transition.before and not nowhere
        if verdict.holds or theirs:
            nothing = scene.nothing[transition.family]
            goal = goals[key] or GroupObject((nothing,))
            left = passed.get(key) or goal
            if place is None:
                # It comes first, and must not reach a device that has a mapping now.
                left = _pinned(left, goal, scene.standing.groups.get(key))
            names = _allowed(goal, verdict, scene.owner, nothing)
            passed[key] = _with(left, place, stands or names)
    return Passed(
        passed,
        tuple(hold for verdict in verdicts for hold in verdict.holds),
        tuple(verdict.size for verdict in verdicts if verdict.size is not None),
        tuple(digest for verdict in verdicts for digest in verdict.approved),
    )


def _of(
    key: ObjectKey, goal: GroupObject | None, scene: Scene, addresses: _Read
) -> Iterator[guard.Transition]:
    """One transition per place at which a group's members change. No mapping: its own value."""
    before = scene.standing.groups.get(key)
    after = goal or _EMPTY
    places = {*(before.mappings if before else ()), *after.mappings}
    for place in (None, *sorted(places)):
        old, new = groups.names_at(before, place), groups.names_at(after, place)
        if place is None and key in scene.covered:
            continue
        if old != new and set(old) != set(new):
            yield guard.Transition(
                key[0],
                key[1],
                place,
                addresses(old),
                addresses(new),
                allow_empty=key in scene.allow_empty,
                opens=scene.opens.get(key),
                broad=key[1] in scene.broad,
            )


def _reader(owner: str) -> _Read:
    """Addresses by name: what people put into a group by hand is no part of the account, nor is
    what stands for nothing.

    Each tuple of names is read once: devices share their members.
    """

    @cache
    def read(names: tuple[str, ...]) -> frozenset[Address]:
        found = (naming.address_of(owner, name) for name in names)
        return frozenset(address for address in found if address is not None)

    return read


def _pinned(left: GroupObject, goal: GroupObject, before: ObservedGroup | None) -> GroupObject:
    """The group where every device with a mapping keeps one, with what is wanted there."""
    places = before.mappings if before is not None else ()
    return replace(left, mappings={**dict.fromkeys(places, goal.members), **left.mappings})


def _allowed(
    goal: GroupObject, verdict: guard.Verdict, owner: str, nothing: str
) -> tuple[str, ...]:
    """What is wanted at a place, as far as the verdict goes."""
    transition = verdict.transition
    wanted = groups.names_at(goal, transition.place)
    barred = {naming.address_name(owner, one) for one in transition.after - verdict.members}
    kept = {naming.address_name(owner, one) for one in verdict.members - transition.after}
    return tuple(sorted((set(wanted) - barred - {nothing}) | kept)) or (nothing,)


def _with(left: GroupObject, place: DeviceVdom | None, names: tuple[str, ...]) -> GroupObject:
    """The group with these members at one place."""
    if place is None:
        return replace(left, members=names)
    return replace(left, mappings={**left.mappings, place: names})
