"""ADOMs in which policies use groups."""

from __future__ import annotations

from fmgsync.model.address import Family
from fmgsync.model.adom import Package, PolicyUse
from fmgsync.model.state import ObservedAdom, ObservedGroup
from fmgsync.model.target import DeviceVdom, TargetRef

V4 = Family.IPV4
EAST, WEST = DeviceVdom("fgt-east", "root"), DeviceVdom("fgt-west", "root")


def group(name: str, *members: str, owned: bool = True) -> ObservedGroup:
    return ObservedGroup(name, V4, members, {}, "", owned)


def adom(*groups: ObservedGroup) -> ObservedAdom:
    return ObservedAdom(TargetRef("hq", "prod"), {}, {(V4, g.name): g for g in groups})


def policy(*names: str, negated: tuple[str, ...] = (), **more: object) -> PolicyUse:
    return PolicyUse(
        1,
        "p",
        str(more.pop("action", "accept")),
        frozenset((V4, name) for name in names),
        frozenset((V4, name) for name in negated),
        **more,  # type: ignore[arg-type]
    )


def package(*policies: PolicyUse) -> Package:
    return Package("edge", frozenset({EAST, WEST}), policies)
