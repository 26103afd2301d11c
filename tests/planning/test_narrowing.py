"""Before an urgent install: own mappings that add nothing, and how they come back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.model.address import Address, parse
from fmgsync.model.change import AdomPlan
from fmgsync.model.rollout import NarrowedMapping
from fmgsync.model.state import ObservedAddress, ObservedGroup
from fmgsync.planning import narrowing
from tests.planning.estates import (
    EAST,
    OWNER,
    REF,
    V4,
    V6,
    WEST,
    adom,
    carry_out,
    group,
    lines,
    matched,
    own,
)

WEB = (V4, "web")
FOUR = [own(f"10.1.0.{n}") for n in range(1, 5)]


def some(*numbers: int) -> frozenset[Address]:
    return frozenset(parse(f"10.1.0.{n}") for n in numbers)


def held(*numbers: int, also: str = "") -> set[str]:
    return {f"10.1.0.{n}" for n in numbers} | ({also} if also else set())


def because(plan: AdomPlan) -> set[str]:
    return {change.because for change in plan.changes}


@pytest.mark.parametrize(
    ("there", "may", "forth", "back"),
    [
        (held(1, 2), some(1, 2), "", ""),
        (held(1, 2), some(1), "-10.1.0.2", "+10.1.0.2"),
        (held(1), some(1, 3), "+10.1.0.3", "-10.1.0.3"),
        (
            held(1, 2),
            some(2, 4, 3),
            "+10.1.0.3 +10.1.0.4 -10.1.0.1",
            "+10.1.0.1 -10.1.0.3 -10.1.0.4",
        ),
        (held(1), some(), "-10.1.0.1", "+10.1.0.1"),
        # What others put there is not ours to let in.
        (held(1, also="legacy"), some(1), " ", " "),
    ],
)
def test_a_mapping_holds_what_it_may_and_comes_back(
    there: set[str], may: frozenset[Address], forth: str, back: str
) -> None:
    have = adom(*FOUR, group("legacy", owned=False), group("web", {EAST: there, WEST: held(1, 2)}))
    found = narrowing.narrow(have, OWNER, {(EAST, WEB): may})
    for plan, moved in ((found.forth, forth), (found.back, back)):
        assert lines(plan) == ([f"update mapping web @fgt-east {moved}".strip()] if moved else [])
    narrowed = carry_out(have, found.forth.changes)
    assert matched(narrowed, "web", EAST) == may
    assert carry_out(narrowed, found.back.changes).groups == have.groups
    assert because(found.forth) <= {"nothing may be added outside a window"}
    assert because(found.back) <= {"as it was before the urgent install"}


def test_without_anything_left_it_holds_what_matches_nothing() -> None:
    have = adom(*FOUR, group("web", {EAST: held(1)}))
    found = narrowing.narrow(have, OWNER, {(EAST, WEB): some()})
    assert found.forth.changes[0].members == ("none",)


def test_addresses_that_are_lacking_are_there_before_and_go_after() -> None:
    have = adom(own("10.1.0.1"), group("web", {EAST: held(1)}), group("db", {EAST: held(1)}))
    keep = {(EAST, (V4, "web")): some(1, 3, 2), (EAST, (V4, "db")): some(2)}
    found = narrowing.narrow(have, OWNER, keep)
    assert lines(found.forth) == [
        "create address prod_10.1.0.2",
        "create address prod_10.1.0.3",
        "update mapping db @fgt-east +10.1.0.2 -10.1.0.1",
        "update mapping web @fgt-east +10.1.0.2 +10.1.0.3",
    ]
    assert lines(found.back)[-2:] == [
        "delete address prod_10.1.0.2",
        "delete address prod_10.1.0.3",
    ]
    there = carry_out(have, found.forth.changes)
    assert carry_out(there, found.back.changes) == have
    for plan, told in (
        (found.forth, "nothing may be added outside a window"),
        (found.back, "as it was before the urgent install"),
    ):
        assert because(plan) == {told}
    assert (found.forth.ref, found.back.ref) == (REF, REF)


@pytest.mark.parametrize(
    "one",
    [
        group("web", {EAST: held(1)}, owned=False),
        group("web", {WEST: held(1)}),
        group("web"),
        replace(group("web", {EAST: held(1)}), family=V6),
        group("other", {EAST: held(1)}),
    ],
    ids=["foreign", "elsewhere", "no mapping", "the other family", "another"],
)
def test_what_has_no_own_mapping_there_is_passed_over(one: ObservedGroup) -> None:
    have = adom(*FOUR, one, group("zoo", {EAST: held(1, 2)}))
    keep = {(EAST, WEB): some(2), (EAST, (V4, "zoo")): some(1)}
    found = narrowing.narrow(have, OWNER, keep)
    assert lines(found.forth) == ["update mapping zoo @fgt-east -10.1.0.2"]


def test_each_shard_is_narrowed_and_what_lacks_comes_into_the_first() -> None:
    parts = [group("web.2", {EAST: held(2)}), group("web.1", {EAST: held(1, 4)})]
    have = adom(*FOUR, *parts, group("web", {EAST: {"web.1", "web.2"}}))
    found = narrowing.narrow(have, OWNER, {(EAST, WEB): some(1, 3)})
    assert lines(found.forth) == [
        "update mapping web.1 @fgt-east +10.1.0.3 -10.1.0.4",
        "update mapping web.2 @fgt-east -10.1.0.2",
    ]
    assert lines(found.back) == [
        "update mapping web.1 @fgt-east +10.1.0.4 -10.1.0.3",
        "update mapping web.2 @fgt-east +10.1.0.2",
    ]


def test_shards_that_the_group_does_not_name_there_hold_nothing_of_it() -> None:
    have = adom(*FOUR, group("web.1", {EAST: held(1)}), group("web", {EAST: held(1, 2)}))
    found = narrowing.narrow(have, OWNER, {(EAST, WEB): some(1)})
    assert lines(found.forth) == ["update mapping web @fgt-east -10.1.0.2"]


def test_what_was_narrowed_is_remembered_with_what_it_was() -> None:
    have = adom(own("10.1.0.1"), group("web", {EAST: held(1)}))
    forth = narrowing.narrow(have, OWNER, {(EAST, WEB): some(2)}).forth
    (one,) = narrowing.mappings(have, forth)
    assert one == NarrowedMapping(WEB, EAST, ("prod_10.1.0.2",), ("prod_10.1.0.1",))
    assert narrowing.mappings(adom(), forth) == ()


NARROWED = NarrowedMapping(WEB, EAST, ("prod_10.1.0.1",), ("prod_10.1.0.1", "prod_10.1.0.2"))
ALSO = NarrowedMapping((V4, "zoo"), EAST, ("none",), ("web",))


@pytest.mark.parametrize(
    ("there", "known", "expected"),
    [
        (held(1), FOUR, ["+10.1.0.2"]),
        (held(1), FOUR[:1], []),
        (held(1), FOUR[2:], ["-10.1.0.1"]),
        (held(1, 3), FOUR, []),
        (held(1, 2), FOUR, []),
        (None, FOUR, []),
    ],
    ids=["all", "what came is gone", "all are gone", "written since", "is back", "no mapping"],
)
def test_what_is_as_it_was_narrowed_comes_back_as_far_as_it_is_there(
    there: set[str] | None, known: list[ObservedAddress], expected: list[str]
) -> None:
    mappings = {} if there is None else {EAST: there}
    have = adom(*known, group("web", mappings), group("zoo", {EAST: {"none"}}))
    plan = narrowing.widen(have, OWNER, [NARROWED, ALSO])
    assert lines(plan)[:-1] == [f"update mapping web @fgt-east {moved}" for moved in expected]
    assert lines(plan)[-1] == "update mapping zoo @fgt-east"
    assert plan.changes[-1].members == ("web",)
    assert (plan.ref, because(plan)) == (REF, {"as it was before the urgent install"})


def test_where_all_are_gone_what_matches_nothing_stays() -> None:
    have = adom(group("web", {EAST: held(1)}))
    (change,) = narrowing.widen(have, OWNER, [NARROWED]).changes
    assert change.members == ("none",)


def test_a_group_that_is_gone_does_not_come_back() -> None:
    have = adom(*FOUR, group("zoo", {EAST: {"none"}}))
    plan = narrowing.widen(have, OWNER, [NARROWED, replace(ALSO, before=("prod_10.1.0.1",))])
    assert lines(plan) == ["update mapping zoo @fgt-east +10.1.0.1"]


def test_the_order_of_members_is_no_difference() -> None:
    two = replace(NARROWED, members=("prod_10.1.0.2", "prod_10.1.0.1"), before=("prod_10.1.0.3",))
    have = adom(*FOUR, group("web", {EAST: held(1, 2)}))
    assert len(narrowing.widen(have, OWNER, [two]).changes) == 1
    same = replace(two, before=("prod_10.1.0.2", "prod_10.1.0.1"))
    assert narrowing.widen(have, OWNER, [same]).changes == ()
