"""Desired and observed state become changes: one table row per situation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.model.address import Address, Family
from fmgsync.model.state import DesiredGroup, ObservedAddress, ObservedAdom, ObservedGroup
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import diff, sharding
from tests.planning.estates import (
    EAST,
    REF,
    V4,
    V6,
    WEST,
    adom,
    carry_out,
    desired,
    group,
    lines,
    matched,
    own,
    shared,
    wanted,
)

CASES = {
    "a new rule": (
        desired(wanted("web", {EAST: {"10.1.0.9"}})),
        adom(),
        [
            "create address prod_10.1.0.9 +10.1.0.9",
            "create addrgrp web",
            "create mapping web @fgt-east +10.1.0.9",
        ],
    ),
    "nothing to do": (
        desired(wanted("web", {EAST: {"10.1.0.9"}})),
        adom(own("10.1.0.9"), group("web", {EAST: {"10.1.0.9"}})),
        [],
    ),
    "a pod moved": (
        desired(wanted("web", {EAST: {"10.1.0.9"}})),
        adom(own("10.1.0.5"), group("web", {EAST: {"10.1.0.5"}})),
        [
            "create address prod_10.1.0.9 +10.1.0.9",
            "update mapping web @fgt-east +10.1.0.9 -10.1.0.5",
            "delete address prod_10.1.0.5 -10.1.0.5",
        ],
    ),
    "an address another group still holds stays": (
        desired(wanted("a", {EAST: set()}), wanted("b", {EAST: {"10.1.0.5"}})),
        adom(own("10.1.0.5"), group("a", {EAST: {"10.1.0.5"}}), group("b", {EAST: {"10.1.0.5"}})),
        ["update mapping a @fgt-east -10.1.0.5"],
    ),
    "each device has its own members": (
        desired(wanted("web", {EAST: {"10.1.0.9"}, WEST: {"10.2.0.9"}})),
        adom(own("10.1.0.9"), group("web", {EAST: {"10.1.0.9"}})),
        [
            "create address prod_10.2.0.9 +10.2.0.9",
            "create mapping web @fgt-west +10.2.0.9",
        ],
    ),
    "an incomplete source adds but never removes": (
        desired(wanted("web", {EAST: {"10.1.0.9"}}, retain=True)),
        adom(own("10.1.0.5"), group("web", {EAST: {"10.1.0.5"}})),
        [
            "create address prod_10.1.0.9 +10.1.0.9",
            "update mapping web @fgt-east +10.1.0.9",
        ],
    ),
    "a mapping outside the sites goes": (
        desired(wanted("web", {EAST: {"10.1.0.9"}})),
        adom(own("10.1.0.9"), group("web", {EAST: {"10.1.0.9"}, WEST: {"10.1.0.9"}})),
        ["delete mapping web @fgt-west -10.1.0.9"],
    ),
    "a group's own value is put back to none": (
        desired(wanted("web", {EAST: {"10.1.0.9"}})),
        adom(own("10.1.0.9"), group("web", {EAST: {"10.1.0.9"}}, members=("all",))),
        ["update addrgrp web -all"],
    ),
    "a rule that went away takes its group and addresses along": (
        desired(),
        adom(own("10.1.0.9"), group("web", {EAST: {"10.1.0.9"}})),
        ["delete addrgrp web -10.1.0.9", "delete address prod_10.1.0.9 -10.1.0.9"],
    ),
    "a tampered address is repaired": (
        desired(wanted("web", {EAST: {"10.1.0.9"}})),
        adom(own("10.1.0.9", value="0.0.0.0/0"), group("web", {EAST: {"10.1.0.9"}})),
        ["update address prod_10.1.0.9 +10.1.0.9 -0.0.0.0/0"],
    ),
    "an address with per-device mappings was tampered with as well": (
        desired(wanted("web", {EAST: {"10.1.0.9"}})),
        adom(own("10.1.0.9", mapped=True), group("web", {EAST: {"10.1.0.9"}})),
        ["update address prod_10.1.0.9 +10.1.0.9"],
    ),
    "no pods is a mapping to none, not a missing mapping": (
        desired(wanted("web", {EAST: set()})),
        adom(),
        ["create addrgrp web", "create mapping web @fgt-east"],
    ),
    "a hand-added member of our group goes": (
        desired(wanted("web", {EAST: {"10.1.0.9"}})),
        adom(own("10.1.0.9"), group("web", {EAST: {"10.1.0.9", "legacy"}})),
        ["update mapping web @fgt-east -legacy"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_plan(case: str) -> None:
    """The plan is exactly the difference, in the order FortiManager accepts."""
    want, have, expected = CASES[case]
    assert lines(diff.make_plan(want, have)) == expected


def test_a_foreign_group_fails_its_rule_only() -> None:
    """A name somebody else took is an error of that rule; the others go on."""
    plan = diff.make_plan(
        desired(wanted("web", {EAST: {"10.1.0.9"}}), wanted("db", {EAST: {"10.1.0.7"}})),
        adom(group("web", owned=False)),
    )
    assert [finding.name for finding in plan.foreign] == ["web"]
    assert {change.name for change in plan.changes} == {"db", "prod_10.1.0.7"}


def test_a_foreign_address_in_our_name_space_comes_to_no_group() -> None:
    """We neither overwrite it nor trust what it will be tomorrow; what goes, goes, and the other
    addresses come."""
    foreign = ObservedAddress("prod_10.1.0.9", V4, Address("10.1.0.9"), "by hand", owned=False)
    have = adom(foreign, group("web", {EAST: {"10.1.0.1"}}), own("10.1.0.1"))
    plan = diff.make_plan(desired(wanted("web", {EAST: {"10.1.0.9", "10.1.0.8"}})), have)
    assert [(one.kind, one.newcomers_only) for one in plan.foreign] == [("foreign-name", True)]
    (mapping,) = (change for change in plan.changes if change.device is not None)
    assert mapping.members == ("prod_10.1.0.8",)
    assert "prod_10.1.0.9" not in {change.name for change in plan.changes}


def test_an_address_that_lost_its_mark_stays_where_it_is_and_what_goes_goes() -> None:
    foreign = ObservedAddress("prod_10.1.0.9", V4, Address("10.9.9.9"), "by hand", owned=False)
    have = adom(foreign, group("web", {EAST: {"10.1.0.1", "10.1.0.9"}}), own("10.1.0.1"))
    plan = diff.make_plan(desired(wanted("web", {EAST: {"10.1.0.9"}})), have)
    assert [(one.kind, one.newcomers_only) for one in plan.foreign] == [("foreign-name", True)]
    (mapping,) = (change for change in plan.changes if change.device is not None)
    assert mapping.members == ("prod_10.1.0.9",)


def test_a_blocked_rule_keeps_what_it_has() -> None:
    """A clash in one family must not take the other family's addresses away."""
    plan = diff.make_plan(
        desired(
            wanted("web", {EAST: {"10.1.0.9"}}),
            wanted("web", {EAST: {"2001:db8::9"}}, family=V6),
        ),
        adom(
            own("10.1.0.5"),
            group("web", {EAST: {"10.1.0.5"}}),
            ObservedGroup("web", V6, ("none",), {}, "by hand", owned=False),
        ),
    )
    assert plan.changes == ()
    assert [finding.name for finding in plan.foreign] == ["web"]


def test_a_used_group_is_emptied_and_kept() -> None:
    """FortiManager refuses to delete what a policy uses, so it is closed instead."""
    plan = diff.make_plan(
        desired(), adom(own("10.1.0.9"), group("web", {EAST: {"10.1.0.9"}})), used={(V4, "web")}
    )
    assert lines(plan) == [
        "delete mapping web @fgt-east -10.1.0.9",
        "delete address prod_10.1.0.9 -10.1.0.9",
    ]
    assert [finding.kind for finding in plan.findings] == ["kept-in-use"]


def test_an_address_a_policy_uses_stays() -> None:
    """Somebody built on it: reported, not deleted."""
    plan = diff.make_plan(desired(), adom(own("10.1.0.9")), used={(V4, "prod_10.1.0.9")})
    assert plan.changes == ()
    assert [finding.name for finding in plan.findings] == ["prod_10.1.0.9"]


def test_upsert_never_takes_away() -> None:
    """Policy mode upsert adds members and leaves everything else."""
    plan = diff.make_plan(
        desired(wanted("web", {EAST: {"10.1.0.9"}})),
        adom(own("10.1.0.5"), group("web", {EAST: {"10.1.0.5"}, WEST: {"10.1.0.5"}}), group("old")),
        removes=False,
    )
    assert lines(plan) == [
        "create address prod_10.1.0.9 +10.1.0.9",
        "update mapping web @fgt-east +10.1.0.9",
    ]


def test_an_altered_none_is_replaced_by_our_own() -> None:
    """`none` that matches something would open every device without a mapping."""
    have = adom()
    altered = ObservedAddress("none", V4, Address("10.0.0.0/8"), "", owned=False)
    have = ObservedAdom(REF, {**have.addresses, (V4, "none"): altered}, {})
    plan = diff.make_plan(desired(wanted("web", {EAST: set()})), have)
    assert lines(plan) == [
        "create address prod_none +0.0.0.0",
        "create addrgrp web",
        "create mapping web @fgt-east",
    ]
    assert plan.changes[1].members == ("prod_none",)


def test_a_none_of_our_own_that_somebody_else_owns_fails_the_rules() -> None:
    """Both are not what their names say: no group may hold either, not even one to be emptied."""
    have = adom(own("10.1.0.9"), group("old", {EAST: {"10.1.0.9"}}))
    altered = ObservedAddress("none", V4, Address("10.0.0.0/8"), "", owned=False)
    foreign = ObservedAddress("prod_none", V4, Address("0.0.0.0/0"), "by hand", owned=False)
    have = ObservedAdom(
        REF,
        {**have.addresses, (V4, "none"): altered, (V4, "prod_none"): foreign},
        have.groups,
    )
    plan = diff.make_plan(desired(wanted("web", {EAST: set()})), have, used={(V4, "old")})
    assert lines(plan) == []
    assert {(finding.name, finding.kind) for finding in plan.foreign} == {
        ("web", "foreign-name"),
        ("old", "foreign-name"),
    }
    assert all("prod_none" in finding.message for finding in plan.foreign)


def test_what_somebody_added_goes_although_a_source_is_lost() -> None:
    """No cluster has ever given it, so none can be missing for it."""
    have = adom(own("10.1.0.5"), group("web", {EAST: {"10.1.0.5", "all"}}))
    plan = diff.make_plan(desired(wanted("web", {EAST: set()}, retain=True)), have)
    assert [change.members for change in plan.changes] == [("prod_10.1.0.5",)]
    assert "foreign members go: all" in plan.changes[0].because


BECOMING: dict[str, tuple[ObservedGroup, Callable[[bool], DesiredGroup]]] = {
    "shared": (
        group("web", {EAST: {"10.1.0.5"}, WEST: {"10.2.0.5"}}),
        lambda retain: shared("web", {"10.1.0.9"}, retain=retain),
    ),
    "per device": (
        group("web", members=("prod_10.1.0.5", "prod_10.2.0.5")),
        lambda retain: wanted("web", {EAST: {"10.1.0.9"}, WEST: set()}, retain=retain),
    ),
}


@pytest.mark.parametrize("case", BECOMING)
@pytest.mark.parametrize("upsert", [False, True], ids=["a source is lost", "upsert"])
def test_a_group_in_transition_loses_nothing_where_nothing_may_go(case: str, upsert: bool) -> None:
    """The mode of a rule may change while a cluster is down: what a device holds stays."""
    standing, rule = BECOMING[case]
    goal = rule(not upsert)
    have = adom(own("10.1.0.5"), own("10.2.0.5"), standing)
    before = {place: matched(have, "web", place) for place in (EAST, WEST)}
    plan = diff.make_plan(desired(goal), have, removes=not upsert)
    after = carry_out(have, plan.changes)
    for place, held in before.items():
        assert held <= matched(after, "web", place)
    assert diff.make_plan(desired(goal), after, removes=not upsert).changes == ()


addresses = st.sampled_from([f"10.1.0.{i}" for i in range(6)])
estates = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.dictionaries(st.sampled_from([EAST, WEST]), st.sets(addresses), min_size=1),
)


@given(before=estates, after=estates)
@settings(deadline=None, max_examples=150)
def test_a_plan_carried_out_leaves_nothing_to_do(
    before: dict[str, dict[DeviceVdom, set[str]]], after: dict[str, dict[DeviceVdom, set[str]]]
) -> None:
    """From any estate to any other: references never dangle, and the second plan is empty."""
    start = desired(*(wanted(name, mappings) for name, mappings in before.items()))
    goal = desired(*(wanted(name, mappings) for name, mappings in after.items()))
    have = carry_out(adom(), diff.make_plan(start, adom()).changes)
    have = carry_out(have, diff.make_plan(goal, have).changes)
    assert diff.make_plan(goal, have).changes == ()
    kept = {name for (_, name), found in have.addresses.items() if found.owned}
    assert kept == {f"prod_{a}" for m in after.values() for texts in m.values() for a in texts}


@given(before=estates, after=estates)
@settings(deadline=None, max_examples=100)
def test_while_not_all_rules_were_read_no_group_is_retired(
    before: dict[str, dict[DeviceVdom, set[str]]], after: dict[str, dict[DeviceVdom, set[str]]]
) -> None:
    """The groups of known rules follow as ever; every other own group is left and told."""
    start = desired(*(wanted(name, mappings) for name, mappings in before.items()))
    known = desired(*(wanted(name, mappings) for name, mappings in after.items()))
    have = carry_out(adom(), diff.make_plan(start, adom()).changes)
    plan = diff.make_plan(replace(known, unread="cluster east: policies are forbidden"), have)
    alone = {change.name for change in plan.changes if change.kind.table != "address"}
    assert alone <= after.keys()
    left = carry_out(have, plan.changes)
    for key, group_before in have.groups.items():
        if key[1] not in after:
            assert left.groups[key] == group_before
    told = {finding.name for finding in plan.findings if finding.kind == "rules-not-read"}
    assert told == before.keys() - after.keys()
    # With all rules read, the next pass takes away what stayed.
    assert {name for _, name in carry_out(left, diff.make_plan(known, left).changes).groups} == set(
        after
    )


@pytest.mark.parametrize("name", ["web", "web.1"])
def test_a_name_is_taken_within_its_family_only(name: str) -> None:
    """An IPv6 address of somebody else is no rival of an IPv4 group, nor of its shards."""
    other = ObservedAddress(name, Family.IPV6, None, "by hand", owned=False)
    plan = diff.make_plan(desired(wanted("web", {EAST: {"10.1.0.5"}})), adom(other))
    assert plan.foreign == ()
    taken = replace(other, family=Family.IPV4)
    ours = wanted("web", {EAST: {f"10.1.0.{n}" for n in range(1, 5)}})
    limits = sharding.Limits(members=2)
    assert diff.make_plan(desired(ours), adom(taken), limits=limits).foreign
