"""What devices should hold of groups that rules ask for no more, or not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from fmgsync.assessing import reach
from fmgsync.assessing.observation import Observation
from fmgsync.model import address
from fmgsync.model.address import Address
from fmgsync.model.adom import AdomTopology, Limits, Surroundings, Workspace
from fmgsync.model.change import AdomPlan, Finding
from fmgsync.model.state import DesiredAdom, DesiredGroup, DesiredMembers
from fmgsync.model.target import DeviceVdom
from fmgsync.planning.diff import KEPT_FOREIGN
from fmgsync.planning.usage import Usage
from tests.planning.estates import EAST, OWNER, REF, V4, V6, WEST, adom, group, shared, wanted

ELSEWHERE = DeviceVdom("fgt-elsewhere", "root")
EVERYWHERE = {EAST: "edge", WEST: "edge", ELSEWHERE: "edge"}
ONE = frozenset({address.parse("10.0.0.1")})
Found = Mapping[DeviceVdom, Mapping[str, frozenset[Address] | None]]


def seen(*rules: DesiredGroup, carried: str = "web") -> Observation:
    """An ADOM with the groups web and web.1, which a policy brings to three devices; two of them
    are in the sites."""
    behind = frozenset({EAST, WEST})
    return Observation(
        Surroundings(AdomTopology(REF, (7, 4), Workspace.DISABLED, {}, {}), (), Limits()),
        DesiredAdom(REF, OWNER, rules, behind=behind),
        adom(group("web"), group("web.1"), group("theirs", owned=False)),
        Usage(devices={(V4, carried): dict(EVERYWHERE), (V4, "theirs"): dict(EVERYWHERE)}),
        AdomPlan(REF, ()),
        AdomPlan(REF, ()),
    )


def unread(found: Observation) -> Observation:
    return replace(found, desired=replace(found.desired, unread="rules of east were not read"))


EMPTY: Found = {EAST: {"web": frozenset()}, WEST: {"web": frozenset()}}
RULE = wanted("web", {EAST: ["10.0.0.1"]})
LEAVES = replace(shared("web", [], EAST), shared=DesiredMembers(ONE))
CASES: dict[str, tuple[Observation, Found]] = {
    "the rule is gone": (seen(), EMPTY),
    "the rule is gone, a shard is carried": (seen(carried="web.1"), EMPTY),
    "the rule is gone, nothing carries it": (seen(carried="other"), {}),
    "another package may carry it": (
        replace(seen(), usage=Usage(disputed={(V4, "web"): frozenset({WEST, ELSEWHERE})})),
        {WEST: {"web": frozenset()}},
    ),
    "rules were not read": (unread(seen()), {EAST: {"web": None}, WEST: {"web": None}}),
    "others filled it": (
        replace(
            seen(), plan=AdomPlan(REF, (), foreign=(Finding(KEPT_FOREIGN, "web", "not ours"),))
        ),
        {},
    ),
    "something else is the matter with it": (
        replace(seen(), plan=AdomPlan(REF, (), foreign=(Finding("full", "web", "no room"),))),
        EMPTY,
    ),
    "the rule is meant for fewer": (seen(RULE), {EAST: {"web": ONE}, WEST: {"web": frozenset()}}),
    "fewer, and rules were not read": (
        unread(seen(RULE)),
        {EAST: {"web": ONE}, WEST: {"web": frozenset()}},
    ),
    "its other places are not known": (seen(replace(RULE, keeps=True)), {EAST: {"web": ONE}}),
    "it was taken over, others use it": (
        seen(replace(RULE, own=DesiredMembers(ONE))),
        {EAST: {"web": ONE}},
    ),
    "shared with every device": (seen(LEAVES), {EAST: {"web": ONE}}),
    "of both families one is asked for": (
        seen(RULE, wanted("web", {WEST: []}, family=V6)),
        {EAST: {"web": ONE}, WEST: {"web": frozenset()}},
    ),
    "another rule is there": (
        seen(wanted("db", {EAST: ["10.0.0.1"]})),
        {EAST: {"db": ONE, "web": frozenset()}, WEST: {"web": frozenset()}},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_wanted_where_no_rule_asks_for_anything(case: str) -> None:
    found, expected = CASES[case]
    assert reach.wanted(found) == expected
    named = {group.name for group in found.desired.groups}
    assert reach.names(found) == named.union(*expected.values())


PAIR = {"web": frozenset({V4, V6}), "db": frozenset({V4}), "six": frozenset({V6})}
USED = Usage(
    devices={
        (V4, "web"): {EAST: "edge", WEST: "core", ELSEWHERE: "edge"},
        (V6, "web"): {EAST: "edge"},
        (V6, "six"): {WEST: "core"},
        (V4, "db"): {EAST: "edge"},
        (V4, "other"): {EAST: "edge"},
    },
    disputed={
        (V4, "web"): frozenset({WEST, ELSEWHERE}),
        (V6, "six"): frozenset({EAST, WEST, ELSEWHERE}),
        (V4, "other"): frozenset({EAST}),
    },
)
CARRIED = {
    (EAST, "web"): "edge",
    (WEST, "web"): "core",
    (WEST, "six"): "core",
    (EAST, "db"): "edge",
}


def carried() -> Observation:
    """Groups of one family and of both; packages bring web6 to the eastern device alone."""
    rules = [wanted(name, {EAST: []}, family=f) for name, of in PAIR.items() for f in of]
    return replace(seen(*rules), usage=USED, observed=adom())


def test_which_package_carries_a_group_to_which_device() -> None:
    """Of the devices and groups that are asked about, in either family."""
    assert reach.packages(carried(), iter([EAST, WEST]), PAIR) == CARRIED


def test_where_several_packages_may_carry_a_group() -> None:
    """Not where one of them does."""
    assert reach.disputed(carried(), [EAST, WEST], PAIR) == {(EAST, "six")}
    nowhere = replace(carried(), usage=replace(USED, devices={}))
    assert reach.disputed(nowhere, [EAST, WEST], PAIR) == {
        (WEST, "web"),
        (EAST, "six"),
        (WEST, "six"),
    }


SIX = replace(group("old"), family=V6)
FAMILIES: dict[str, tuple[Observation, set[str]]] = {
    "of a rule": (carried(), {"web"}),
    "both stand there": (replace(carried(), observed=adom(group("old"), SIX)), {"web", "old"}),
    "one is somebody else's": (
        replace(carried(), observed=adom(group("old", owned=False), SIX)),
        {"web"},
    ),
    "one is asked for, the other stands there": (
        replace(carried(), observed=adom(replace(group("db"), family=V6))),
        {"web", "db"},
    ),
}


@pytest.mark.parametrize("case", FAMILIES)
def test_where_policies_use_one_family_of_two(case: str) -> None:
    look, pairs = FAMILIES[case]
    usage = replace(USED, devices={**USED.devices, (V4, "old"): {EAST: "edge"}})
    found = reach.families(replace(look, usage=usage), {**CARRIED, (EAST, "old"): "edge"})
    expected = {(WEST, "web"): {V4}, (EAST, "old"): {V4}, (EAST, "db"): {V4}}
    assert found == {place: of for place, of in expected.items() if place[1] in pairs}
