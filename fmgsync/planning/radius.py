"""The blast radius: how much of the estate a plan touches, in grants and not in objects.

A grant is one address in one group on one device VDOM, whichever objects carry it there: a
mapping, a shard, or the own value of a group that is shared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from fmgsync.model import naming
from fmgsync.model.change import AdomPlan, Grants
from fmgsync.model.state import DesiredAdom, ObjectKey, ObservedAdom
from fmgsync.planning import groups
from fmgsync.planning.render import GroupObject


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """Groups and devices touched, grants that come and go, over all ADOMs looked at."""

    changes: int = 0
    groups: int = 0
    devices: int = 0
    added: int = 0
    removed: int = 0


def grants(
    desired: DesiredAdom,
    standing: ObservedAdom,
    after: Mapping[ObjectKey, GroupObject],
    touched: Collection[ObjectKey],
) -> Iterator[Grants]:
    """What comes and goes in the `touched` groups, on every device VDOM they are meant for."""
    meant = {
        (group.family, group.name): group.places | frozenset(group.mappings)
        for group in desired.groups
    }
    for key in sorted(touched):
        before, goal = standing.groups.get(key), after.get(key)
        nothing = naming.nothing(before.comment) if before else frozenset()
        mapped = {*(before.mappings if before else ()), *(goal.mappings if goal else ())}
        counted: dict[tuple[frozenset[str], frozenset[str]], tuple[int, int]] = {}
        for place in sorted(meant.get(key, frozenset()) | mapped):
            old = frozenset(groups.names_at(before, place))
            new = frozenset(groups.names_at(goal, place))
            if (old, new) not in counted:  # devices share their members more often than not
                # What people have put there goes as well, whatever its name.
                counted[old, new] = _own(new - old, desired.owner), len(old - new - nothing)
            added, removed = counted[old, new]
            if added or removed:
                yield Grants(key[1], place, added=added, removed=removed)


def _own(names: Iterable[str], owner: str) -> int:
    """How many of these are addresses of ours."""
    return sum(naming.address_of(owner, name) is not None for name in names)


def blast_radius(plans: Iterable[AdomPlan]) -> BlastRadius:
    """What all these plans touch; what waits for a human is no part of it."""
    found = list(plans)
    told = [(plan.ref, each) for plan in found for each in plan.grants]
    return BlastRadius(
        changes=sum(len(plan.changes) for plan in found),
        groups=len({(ref, each.name) for ref, each in told}),
        devices=len({(ref.unit, each.place.device) for ref, each in told}),
        added=sum(each.added for _, each in told),
        removed=sum(each.removed for _, each in told),
    )
