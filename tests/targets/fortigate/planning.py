"""Plans for a FortiGate, as the planner makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fmgsync.model.address import Family, family, parse
from fmgsync.model.change import AdomPlan, ApplyReport
from fmgsync.model.rule import MappingMode
from fmgsync.model.state import DesiredAdom, DesiredGroup, DesiredMembers
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import diff, usage
from fmgsync.planning.sharding import Limits
from fmgsync.targets.fortigate.target import FortiGateVdom
from fmgsync.targets.protocol import Around, Question

Groups = Mapping[str, Sequence[str]]


def desired(target: FortiGateVdom, groups: Groups, owner: str = "prod") -> DesiredAdom:
    """These groups with these members; a name may end with `:6` for its IPv6 half."""
    place = DeviceVdom(target.ref.unit, target.ref.domain)
    made = []
    for name, texts in groups.items():
        plain, _, six = name.partition(":")
        members = frozenset(parse(text) for text in texts)
        kind = Family.IPV6 if six else Family.IPV4
        assert all(family(one) is kind for one in members)
        made.append(
            DesiredGroup(
                plain,
                kind,
                MappingMode.SHARED,
                shared=DesiredMembers(members),
                places=frozenset({place}),
            )
        )
    return DesiredAdom(target.ref, owner, tuple(made))


def plan(target: FortiGateVdom, groups: Groups, *, limit: int = 600, **more: Any) -> AdomPlan:
    """What would have to be written."""
    seen = target.look(Question(around=Around.ALL)).around()
    observed = target.look(Question(objects=[name.partition(":")[0] for name in groups])).objects()
    used = usage.find_usage(seen.packages, observed)
    return diff.make_plan(
        desired(target, groups, **more), observed, used=used.used, limits=Limits(members=limit)
    )


def converge(target: FortiGateVdom, groups: Groups, **more: Any) -> ApplyReport:
    """Write it; then nothing is left to be done."""
    with target:
        report = target.write(plan(target, groups, **more))
        assert not plan(target, groups, **more).changes
    return report
