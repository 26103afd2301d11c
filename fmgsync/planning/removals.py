"""What of a plan takes something away: all that an urgent removal may write.

Where membership denies, what is lacking lets too much through: there it is what comes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from fmgsync.model import naming
from fmgsync.model.address import Address
from fmgsync.model.address import family as family_of
from fmgsync.model.change import AdomPlan
from fmgsync.model.rule import MappingMode
from fmgsync.model.state import DesiredAdom, DesiredGroup, DesiredMembers, ObservedAdom
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import diff, written
from fmgsync.planning.sharding import Limits
from fmgsync.planning.usage import Usage

Flatten = Callable[[ObservedAdom], Mapping[str, frozenset[Address]]]
"""Members by group name, nesting flattened."""


def only(
    plan: AdomPlan,
    desired: DesiredAdom,
    observed: ObservedAdom,
    *,
    place: DeviceVdom,
    flatten: Flatten,
    usage: Usage,
    limits: Limits,
) -> AdomPlan:
    """The plan of a target with one value for each group, without what it lets through besides.

    It is planned anew from what the whole plan leaves of what is there, so what the guard holds
    back stays, and nothing is lost where shards are cut in another way.
    """
    wanted = written.after(observed, plan.changes)
    before, after = flatten(observed), flatten(wanted)
    groups: list[DesiredGroup] = []
    for (family, name), group in sorted(observed.groups.items()):
        if not group.owned or naming.group_of(name) != name or (family, name) not in wanted.groups:
            continue
        held, left = before.get(name, frozenset()), after.get(name, frozenset())
        kept = held | left if (family, name) in usage.widening else held & left
        members = DesiredMembers(frozenset(a for a in kept if family_of(a) is family))
        groups.append(
            DesiredGroup(
                name,
                family,
                MappingMode.SHARED,
                shared=members,
                places=frozenset({place}),
            )
        )
    narrowed = replace(desired, groups=tuple(groups))
    made = diff.make_plan(narrowed, observed, used=usage.used, limits=limits)
    return replace(plan, changes=made.changes, grants=made.grants)
