"""Desired and observed state become changes: one table row per situation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.model import naming
from fmgsync.model.address import Address, Family
from fmgsync.model.change import Finding
from fmgsync.model.state import (
    DesiredGroup,
    DesiredMembers,
    ObservedAddress,
    ObservedAdom,
    ObservedGroup,
)
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import diff, guard, sharding
from tests.planning.estates import (
    EAST,
    OWNER,
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


def test_what_the_sources_found_is_told_with_what_the_plan_finds() -> None:
    said, wrong = (
        Finding("withheld", "web", "why"),
        Finding("no-device", "web", "which", None, True),
    )
    have = adom(replace(group("copy", owned=False), comment=naming.mark(OWNER, "web")))
    goal = replace(desired(), findings=(said,), errors=(wrong,))
    plan = diff.make_plan(goal, have)
    assert plan.findings[0] == said
    assert [one.kind for one in plan.findings] == ["withheld", "copied-mark"]
    assert plan.foreign == (wrong,)


FIVE = ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("argument", "kind", "said"),
    [
        ("opens", "empty-opens", "so it is: empty does not mean closed there"),
        ("unknown", "unknown-use", "so it is: emptying it always waits"),
    ],
)
def test_what_empty_means_is_told_of_each_group_a_rule_asks_for(
    argument: str, kind: str, said: str
) -> None:
    keys = {(V4, name): "so it is" for name in (*FIVE, "other")}
    goal = desired(*(wanted(name, {EAST: set()}) for name in reversed((*FIVE, "plain"))))
    plan = diff.make_plan(goal, adom(), **{argument: keys})  # type: ignore[arg-type]
    assert [(one.kind, one.name) for one in plan.findings] == [(kind, name) for name in FIVE]
    assert all(one.message.startswith(said) for one in plan.findings)


def test_a_foreign_group_has_no_shards_of_ours() -> None:
    have = adom(group("db", owned=False), group("db.1", {EAST: {"10.1.0.5"}}), own("10.1.0.5"))
    assert lines(diff.make_plan(desired(), have))[0] == "delete addrgrp db.1 -10.1.0.5"


def test_where_only_a_strangers_address_is_asked_for_nothing_comes() -> None:
    foreign = ObservedAddress("prod_10.1.0.9", V4, Address("10.1.0.9"), "by hand", owned=False)
    goal = desired(
        wanted("web", {EAST: {"10.1.0.9"}}),
        wanted("db", {EAST: {"10.1.0.8"}}),
        wanted("six", {EAST: {"2001:db8::9"}}, family=V6),
    )
    plan = diff.make_plan(goal, adom(foreign))
    assert lines(plan) == [
        "create address prod_10.1.0.8 +10.1.0.8",
        "create address6 prod_2001-db8--9 +2001:db8::9",
        "create addrgrp db",
        "create addrgrp web",
        "create addrgrp6 six",
        "create mapping db @fgt-east +10.1.0.8",
        "create mapping web @fgt-east",
        "create mapping6 six @fgt-east +2001:db8::9",
    ]
    assert {c.name: c.members for c in plan.changes if c.device} == {
        "db": ("prod_10.1.0.8",),
        "web": ("none",),
        "six": ("prod_2001-db8--9",),
    }


def test_while_not_all_rules_were_read_each_group_without_one_is_told() -> None:
    have = adom(own("10.1.0.5"), *(group(name, {EAST: {"10.1.0.5"}}) for name in reversed(FIVE)))
    plan = diff.make_plan(replace(desired(), unread="cluster east"), have)
    assert plan.changes == ()
    told = [(one.kind, one.name, "(cluster east)" in one.message) for one in plan.findings]
    assert told == [("rules-not-read", name, True) for name in FIVE]


@pytest.mark.parametrize(
    ("members", "east", "goes"),
    [
        (("none",), set(), True),
        (("prod_none",), set(), True),
        (("none",), {"10.1.0.5"}, True),
        (("none",), {"10.1.0.5", "legacy"}, True),
        (("old.1",), set(), True),
        (("none",), {"legacy"}, False),
        (("none",), {"dmz_none"}, False),  # whatever it is, it is not ours
        (("old_none",), set(), False),
        (("legacy",), set(), False),
        (("other.1",), set(), False),
    ],
)
def test_an_own_group_that_holds_only_what_others_put_there_is_left(
    members: tuple[str, ...], east: set[str], goes: bool
) -> None:
    have = adom(group("old", {EAST: east} if east else {}, members=members))
    plan = diff.make_plan(desired(), have)
    assert [line.split(" -")[0] for line in lines(plan)] == ["delete addrgrp old"] * goes
    assert [(one.kind, one.name) for one in plan.findings] == [("kept-foreign", "old")] * (not goes)


def test_only_groups_of_the_family_that_cannot_be_closed_stay() -> None:
    altered = ObservedAddress("none", V4, Address("10.0.0.0/8"), "", owned=False)
    foreign = ObservedAddress("prod_none", V4, Address("0.0.0.0/0"), "by hand", owned=False)
    six = ObservedGroup("six", V6, ("none",), {}, naming.mark(OWNER, "six"), owned=True)
    have = adom(group("old"), six)
    broken = {**have.addresses, (V4, "none"): altered, (V4, "prod_none"): foreign}
    plan = diff.make_plan(desired(), replace(have, addresses=broken))
    assert lines(plan) == ["delete addrgrp6 six"]
    assert [(one.kind, one.name) for one in plan.foreign] == [("foreign-name", "old")]


TAKEN_OVER = naming.taking_over(OWNER, "web", "of old")


@pytest.mark.parametrize(
    ("goal", "comment", "counts"),
    [
        (wanted("web", {EAST: set()}), TAKEN_OVER, False),
        (wanted("web", {EAST: set()}), naming.mark(OWNER, "web"), True),
        (wanted("web", {}), TAKEN_OVER, True),
        (
            replace(wanted("web", {EAST: set()}), own=DesiredMembers(frozenset())),
            TAKEN_OVER,
            True,
        ),
        (shared("web", []), TAKEN_OVER, True),
        (
            replace(shared("web", []), mappings={EAST: DesiredMembers(frozenset())}),
            TAKEN_OVER,
            True,
        ),
    ],
)
def test_what_a_group_taken_over_holds_reaches_nobody_once_each_device_has_its_own(
    goal: DesiredGroup, comment: str, counts: bool
) -> None:
    """So taking that away waits for nobody."""
    standing = replace(group("web", {EAST: {"none"}}, members=("prod_10.1.0.5",)), comment=comment)
    have = adom(own("10.1.0.5"), standing)
    plan = diff.make_plan(desired(goal), have, gate=guard.Gate(guard.Limits(), 1_000_000.0))
    assert [hold.kind for hold in plan.held] == ["held-emptying"] * counts


def test_each_shard_that_is_not_needed_goes_or_is_emptied_by_itself() -> None:
    parts = [group(f"{name}.{n}") for name in ("a", "b") for n in (1, 2)]
    have = adom(group("a"), group("b"), *parts, group("c.1", owned=False))
    goal = desired(wanted("a", {}), wanted("b", {}))
    plan = diff.make_plan(goal, have, used={(V4, "a.1"), (V4, "b.2")})
    assert lines(plan) == ["delete addrgrp a.2", "delete addrgrp b.1"]
    told = [(one.kind, one.name) for one in plan.findings]
    assert told == [("kept-in-use", "a.1"), ("kept-in-use", "b.2")]


@pytest.mark.parametrize("there", [set(), {"10.1.0.1"}, {f"10.1.0.{n}" for n in range(1, 6)}])
def test_where_there_is_no_room_what_goes_goes(there: set[str]) -> None:
    """Two shards of two; what is there may be more than one object may hold by now."""
    have = adom(*map(own, sorted(there)), group("web", {EAST: there} if there else {}))
    goal = desired(wanted("web", {EAST: {f"10.1.0.{n}" for n in range(3, 9)}}))
    plan = diff.make_plan(goal, have, limits=sharding.Limits(members=2))
    assert [(e.kind, e.is_error, e.newcomers_only) for e in plan.foreign] == [
        ("too-large", True, True)
    ]
    after = carry_out(have, plan.changes)
    stays = there & {f"10.1.0.{n}" for n in range(3, 9)}
    assert {str(one) for one in matched(after, "web", EAST)} == stays


def test_an_address_that_only_a_foreign_group_holds_is_told() -> None:
    theirs = group("theirs", members=("prod_10.1.0.5",), owned=False)
    plan = diff.make_plan(desired(), adom(own("10.1.0.5"), theirs), used={(V4, "prod_10.1.0.5")})
    assert plan.changes == ()
    assert [(one.kind, one.name) for one in plan.findings] == [("kept-in-use", "prod_10.1.0.5")]


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


def test_whatever_bears_our_mark_and_is_not_ours_is_told() -> None:
    mark = naming.mark(OWNER, "other")
    copies: list[ObservedAddress | ObservedGroup] = [
        ObservedAddress("z", V4, Address("10.1.0.9"), mark, owned=False),
        replace(group("m", owned=False), comment=mark),
        ObservedAddress("a", V6, Address("2001:db8::9"), mark, owned=False),
        ObservedAddress("of-somebody", V4, Address("10.1.0.8"), naming.mark("b", "x"), owned=False),
    ]
    plan = diff.make_plan(desired(), adom(*copies, group("theirs", owned=False)))
    assert plan.changes == ()
    told = [(one.kind, one.name, one.message.split(" bears")[0]) for one in plan.findings]
    assert told == [
        ("copied-mark", "a", "this address6"),
        ("copied-mark", "m", "this addrgrp"),
        ("copied-mark", "z", "this address"),
    ]


@pytest.mark.parametrize(
    ("name", "hosts", "errors"),
    [
        ("w" * 20, 1, []),
        ("w" * 21, 1, ["w" * 21]),
        ("w" * 18, 4, []),
        ("w" * 19, 4, ["w" * 19 + ".1", "w" * 19 + ".2"]),
    ],
)
def test_a_name_has_at_most_the_characters_that_the_unit_takes(
    name: str, hosts: int, errors: list[str]
) -> None:
    goal = desired(wanted(name, {EAST: {f"10.1.0.{n}" for n in range(hosts)}}))
    plan = diff.make_plan(goal, adom(), limits=sharding.Limits(members=3, name=20))
    assert [(e.kind, e.name, e.is_error) for e in plan.foreign] == [
        ("name-too-long", name, True) for _ in errors
    ]
    assert all(said in e.message for e, said in zip(plan.foreign, errors, strict=True))


def test_strangers_addresses_are_told_one_by_one_and_in_order() -> None:
    texts = [f"10.1.0.{n}" for n in range(9, 0, -1)]
    taken = (
        ObservedAddress(f"prod_{text}", V4, Address(text), "by hand", owned=False) for text in texts
    )
    plan = diff.make_plan(desired(wanted("web", {EAST: set(texts)})), adom(*taken))
    said = [one.message.split("; ")[-1] for one in plan.foreign]
    assert said == [f"{text} is not added, all else goes on" for text in reversed(texts)]
    assert {(one.kind, one.is_error) for one in plan.foreign} == {("foreign-name", True)}


def test_a_name_of_ours_in_the_other_family_is_no_rivals() -> None:
    """An IPv6 object may bear the name of one of our IPv4 addresses."""
    odd = ObservedAddress("prod_10.1.0.9", V6, None, "by hand", owned=False)
    plan = diff.make_plan(desired(wanted("web", {EAST: {"10.1.0.9"}})), adom(odd))
    assert (plan.foreign, len(plan.changes)) == ((), 3)


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
