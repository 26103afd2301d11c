"""Desired states in one line, and the whole reconcile of the thinking layers in another."""

from __future__ import annotations

from collections.abc import Mapping

from fmgsync.model.address import Family, family, parse
from fmgsync.model.change import AdomPlan, ApplyReport
from fmgsync.model.rule import MappingMode
from fmgsync.model.state import DesiredAdom, DesiredGroup, DesiredMembers
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import diff
from fmgsync.targets.protocol import Question, Target
from tests.targets.conftest import OWNER, REF

ONE = DeviceVdom("fgt-1", "root")
TWO = DeviceVdom("fgt-2", "dmz")
THREE = DeviceVdom("fgt-3", "root")

Groups = Mapping[str, Mapping[DeviceVdom, str]]


def desired(groups: Groups) -> DesiredAdom:
    """`{"web": {ONE: "10.1.0.5 10.1.0.6"}}`: a group per family that has addresses, or IPv4."""
    made = []
    for name, places in groups.items():
        texts = [text for text in places.values() for text in text.split()]
        kinds = {family(parse(text)) for text in texts} or {Family.IPV4}
        for kind in sorted(kinds):
            mappings = {
                place: DesiredMembers(
                    frozenset(
                        address for one in text.split() if family(address := parse(one)) is kind
                    )
                )
                for place, text in places.items()
            }
            made.append(DesiredGroup(name, kind, MappingMode.PER_DEVICE, mappings))
    return DesiredAdom(REF, OWNER, tuple(made))


def plan_for(store: Target, groups: Groups) -> AdomPlan:
    """Observe and plan."""
    return diff.make_plan(desired(groups), store.look(Question(objects=groups)).objects())


def reconcile(store: Target, groups: Groups) -> ApplyReport:
    """Observe, plan and write."""
    return store.write(plan_for(store, groups))
