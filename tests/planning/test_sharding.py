"""Groups over the member limit: cut into shards, kept where they are, put together again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fmgsync.model import naming
from fmgsync.model.change import Action, ObjectKind
from fmgsync.model.rule import MappingMode
from fmgsync.model.state import ObservedAdom, ObservedGroup
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import diff, sharding
from fmgsync.planning.render import GroupObject
from fmgsync.planning.sharding import Limits
from fmgsync.targets.fortimanager.writing import in_order
from tests.planning.estates import (
    EAST,
    V4,
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

PER_DEVICE = MappingMode.PER_DEVICE
THREE = Limits(members=3)


def hosts(*numbers: int) -> set[str]:
    return {f"10.1.0.{number}" for number in numbers}


def after(*steps: set[str], limits: Limits = THREE) -> ObservedAdom:
    """An ADOM that has seen these members of group `web`, one after the other."""
    have = adom()
    for members in steps:
        goal = desired(wanted("web", {EAST: members}))
        have = carry_out(have, diff.make_plan(goal, have, limits=limits).changes)
    return have


def shards(have: ObservedAdom) -> dict[str, set[str]]:
    """Addresses by shard, as the device in front of the east sees it."""
    return {
        name: {str(a) for a in matched(have, name, EAST)}
        for _, name in have.groups
        if naming.shard_of(name)
    }


def test_a_group_at_the_limit_is_one_object() -> None:
    assert shards(after(hosts(1, 2, 3))) == {}


def test_one_more_than_the_limit_is_cut() -> None:
    have = after(hosts(1, 2, 3, 4))
    assert shards(have) == {"web.1": hosts(1, 2, 3), "web.2": hosts(4)}
    assert have.groups[V4, "web"].mappings[EAST] == ("web.1", "web.2")
    assert have.groups[V4, "web"].members == have.groups[V4, "web.1"].members == ("none",)


def test_who_stays_stays_in_its_shard() -> None:
    """Gone: 2. New: 9, into the room that 2 left. Nobody else moves."""
    have = after(hosts(1, 2, 3, 4), hosts(1, 3, 4, 9))
    assert shards(have) == {"web.1": hosts(1, 3, 9), "web.2": hosts(4)}


def test_cutting_a_group_changes_nothing_for_the_firewall() -> None:
    """The change list names the one address that came, not those that moved into shards."""
    have = after(hosts(1, 2, 3))
    plan = diff.make_plan(desired(wanted("web", {EAST: hosts(1, 2, 3, 4)})), have, limits=THREE)
    assert lines(plan) == [
        "create address prod_10.1.0.4 +10.1.0.4",
        "create addrgrp web.1",
        "create addrgrp web.2",
        "create mapping web.1 @fgt-east",
        "create mapping web.2 @fgt-east +10.1.0.4",
        "update mapping web @fgt-east",
    ]


def test_a_shard_that_is_left_empty_goes_last() -> None:
    have = after(hosts(1, 2, 3, 4))
    plan = diff.make_plan(desired(wanted("web", {EAST: hosts(1, 2, 3)})), have, limits=THREE)
    assert lines(plan) == [
        "update mapping web @fgt-east",
        "delete addrgrp web.2 -10.1.0.4",
        "delete address prod_10.1.0.4 -10.1.0.4",
    ]


def test_around_the_limit_a_group_keeps_its_shape() -> None:
    """Back to one object only when half of one would do."""
    have = after(hosts(1, 2, 3, 4), hosts(1, 2))
    assert shards(have) == {"web.1": hosts(1, 2)}
    assert shards(after(hosts(1, 2, 3, 4), hosts(1, 2), hosts(1))) == {}


def test_each_device_lists_only_shards_mapped_there() -> None:
    goal = desired(wanted("web", {EAST: hosts(1, 2, 3, 4), WEST: hosts(5)}))
    have = carry_out(adom(), diff.make_plan(goal, adom(), limits=THREE).changes)
    assert have.groups[V4, "web"].mappings == {
        EAST: ("web.1", "web.2"),
        WEST: ("prod_10.1.0.5",),
    }
    assert all(WEST not in have.groups[V4, name].mappings for name in ("web.1", "web.2"))


def test_a_shared_group_is_cut_in_its_own_value() -> None:
    goal = desired(shared("web", hosts(1, 2, 3, 4)))
    have = carry_out(adom(), diff.make_plan(goal, adom(), limits=THREE).changes)
    assert have.groups[V4, "web"].members == ("web.1", "web.2")
    assert have.groups[V4, "web.2"].members == ("prod_10.1.0.4",)
    assert diff.make_plan(goal, have, limits=THREE).changes == ()


def test_a_lower_limit_moves_only_the_overflow() -> None:
    have = after(hosts(1, 2, 3, 4, 5), limits=Limits(members=4))
    assert shards(have) == {"web.1": hosts(1, 2, 3, 4), "web.2": hosts(5)}
    goal = desired(wanted("web", {EAST: hosts(1, 2, 3, 4, 5)}))
    have = carry_out(have, diff.make_plan(goal, have, limits=THREE).changes)
    assert shards(have) == {"web.1": hosts(1, 2, 3), "web.2": hosts(4, 5)}


def test_shards_are_filled_anew_rather_than_be_too_many() -> None:
    """Four shards with two members each, and now only three of three are allowed."""
    four = Limits(members=4)
    have = after(hosts(*range(1, 17)), hosts(1, 2, 5, 6, 9, 10, 13, 14), limits=four)
    assert len(shards(have)) == 4
    goal = desired(wanted("web", {EAST: hosts(1, 2, 5, 6, 9, 10, 13, 14)}))
    have = carry_out(have, diff.make_plan(goal, have, limits=THREE).changes)
    assert [len(held) for held in shards(have).values()] == [3, 3, 2]


def test_more_than_shards_can_hold_is_an_error_of_that_rule() -> None:
    """Two levels of two hold four; the group stays as it is and the others go on."""
    goal = desired(wanted("web", {EAST: hosts(1, 2, 3, 4, 5)}), wanted("db", {EAST: hosts(1)}))
    plan = diff.make_plan(goal, adom(), limits=Limits(members=2))
    assert [(f.kind, f.name) for f in plan.foreign] == [("too-large", "web")]
    assert {c.name for c in plan.changes if c.kind is ObjectKind.GROUP} == {"db"}


def test_a_shard_name_that_is_taken_is_an_error_of_that_rule() -> None:
    goal = desired(wanted("web", {EAST: hosts(1, 2, 3, 4)}))
    plan = diff.make_plan(goal, adom(group("web.2", owned=False)), limits=THREE)
    assert [(f.kind, f.name) for f in plan.foreign] == [("foreign-name", "web")]
    assert all(c.kind is ObjectKind.ADDRESS for c in plan.changes)


@pytest.mark.parametrize(
    ("taken", "limits"), [(group("web.2", owned=False), THREE), (None, Limits(members=2))]
)
def test_what_goes_needs_no_room(taken: ObservedGroup | None, limits: Limits) -> None:
    """Newcomers wait for the next shard's name, or for shards at all; removals do not."""
    have = after(hosts(1, 2, 3), limits=THREE)
    have = replace(have, groups={**have.groups, **({(V4, taken.name): taken} if taken else {})})
    goal = desired(wanted("web", {EAST: hosts(2, 3, *range(4, 9))}))
    plan = diff.make_plan(goal, have, limits=limits)
    (error,) = plan.foreign
    assert error.newcomers_only
    (mapping,) = (c for c in plan.changes if c.kind is ObjectKind.MAPPING)
    assert (mapping.added, set(mapping.removed)) == ((), hosts(1))


def test_a_shard_name_counts_with_its_number() -> None:
    """An ADOM before FortiOS 6.2 accepts 63 characters; `.1` needs two of them."""
    name = "w" * 62
    goal = desired(wanted(name, {EAST: hosts(1, 2, 3, 4)}))
    plan = diff.make_plan(goal, adom(), limits=Limits(members=3, name=63))
    assert [(f.kind, f.name) for f in plan.foreign] == [("name-too-long", name)] * 2
    whole = desired(wanted(name, {EAST: hosts(1, 2, 3)}))
    assert diff.make_plan(whole, adom(), limits=Limits(members=3, name=63)).foreign == ()


def test_a_rule_that_went_takes_its_shards_along() -> None:
    have = after(hosts(1, 2, 3, 4))
    plan = diff.make_plan(desired(), have, limits=THREE)
    groups = [c.name for c in plan.changes if c.kind is ObjectKind.GROUP]
    assert groups == ["web", "web.1", "web.2"]
    assert {c.action for c in plan.changes} == {Action.DELETE}
    left = carry_out(have, plan.changes)
    assert (left.groups, [a for a in left.addresses.values() if a.owned]) == ({}, [])


def test_an_incomplete_source_removes_nothing_from_shards() -> None:
    have = after(hosts(1, 2, 3, 4))
    goal = desired(wanted("web", {EAST: hosts(9)}, retain=True))
    have = carry_out(have, diff.make_plan(goal, have, limits=THREE).changes)
    assert matched(have, "web", EAST) == hosts(1, 2, 3, 4, 9)


def test_a_shard_somebody_uses_is_emptied_and_kept() -> None:
    have = after(hosts(1, 2, 3, 4))
    goal = desired(wanted("web", {EAST: hosts(1)}))
    plan = diff.make_plan(goal, have, used={(V4, "web.2")}, limits=THREE)
    assert [finding.name for finding in plan.findings] == ["web.2"]
    left = carry_out(have, plan.changes)
    assert set(left.groups) == {(V4, "web"), (V4, "web.2")}
    assert matched(left, "web.2", EAST) == set()


def test_an_emptied_shard_by_hand_is_filled_again() -> None:
    have = after(hosts(1, 2, 3, 4))
    have.groups[V4, "web.1"].mappings.pop(EAST)  # type: ignore[attr-defined]
    goal = desired(wanted("web", {EAST: hosts(1, 2, 3, 4)}))
    have = carry_out(have, diff.make_plan(goal, have, limits=THREE).changes)
    assert matched(have, "web", EAST) == hosts(1, 2, 3, 4)


def test_a_name_like_a_shard_without_its_group_is_a_group_like_others() -> None:
    plan = diff.make_plan(desired(), adom(own("10.1.0.1"), group("web.7", {EAST: hosts(1)})))
    assert lines(plan)[0] == "delete addrgrp web.7 -10.1.0.1"


@pytest.mark.parametrize(
    ("east", "shared_value", "expected"),
    [
        (0, 3, 0),
        (0, 4, 4),
        (4, 0, 4),
        (3, 7, 6),
        (7, 3, 6),
        (3, 2, 0),
        (6, 3, 4),
    ],
)
def test_each_name_that_shards_may_need_is_asked_for(
    east: int, shared_value: int, expected: int
) -> None:
    """Twice as many as the members of today fill."""
    one = wanted("web", {EAST: hosts(*range(east))})
    both = replace(one, shared=shared("web", hosts(*range(shared_value))).shared)
    assert list(sharding.possible_names(both, 3)) == [f"web.{n + 1}" for n in range(expected)]
    assert list(sharding.possible_names(replace(one, mappings={}), 3)) == []


def test_no_names_beyond_the_most_shards() -> None:
    many = shared("web", (f"10.1.{n // 256}.{n % 256}" for n in range(1001)))
    names = list(sharding.possible_names(many, 1))
    assert (len(names), names[-1]) == (999, "web.999")


def test_shards_of_others_and_of_what_is_a_shard_itself_are_not_ours() -> None:
    there = adom(group("web.1"), group("web.2", owned=False), group("db.1"), group("web.1.1"))
    found = sharding.own_shards(there, [(V4, "web"), (V4, "web.1")])
    assert {key: list(parts) for key, parts in found.items()} == {(V4, "web"): [1]}


def test_a_joined_group_holds_what_its_shards_hold_by_themselves_and_on_each_device() -> None:
    parts = {
        1: group("web.1", {EAST: {"b"}}, members=("a",)),
        2: group("web.2", members=("c", "a")),
    }
    parent = replace(
        group("web", members=("web.2", "web.1", "x")),
        mappings={EAST: ("web.1", "web.2"), WEST: ("web.1", "y")},
    )
    have = sharding.joined(adom(parent, *parts.values()), {(V4, "web"): parts})
    assert set(have.groups) == {(V4, "web")}
    whole = have.groups[V4, "web"]
    assert whole.members == ("c", "a", "x")
    assert whole.mappings == {EAST: ("b", "c", "a"), WEST: ("a", "y")}


def names(*letters: str) -> tuple[str, ...]:
    return tuple(letters)


def part(number: int, *members: str, east: tuple[str, ...] = ()) -> ObservedGroup:
    made = group(f"web.{number}", members=members or ("none",))
    return replace(made, mappings={EAST: east} if east else {})


@pytest.mark.parametrize(
    ("own", "standing", "limit", "expected"),
    [
        # Nobody of here stays in a shard: whole up to the limit.
        ("abc", {1: part(1, east=("x",))}, 3, {}),
        ("abcd", {1: part(1, east=("x",))}, 3, {1: "abc", 2: "d"}),
        # Somebody does: up to half of it.
        ("abcd", {1: part(1, "a")}, 6, {1: "abcd"}),
        ("abc", {1: part(1, "a")}, 6, {}),
        # Who is in two counts in the first, in whatever order they are read.
        ("abcd", {2: part(2, "a", "b"), 1: part(1, "a", "c")}, 3, {1: "acd", 2: "b"}),
        # Room in the first of all, also where the first name lies in another.
        ("abcde", {2: part(2, "a"), 1: part(1, "b")}, 3, {1: "bcd", 2: "ae"}),
        # Names come in any order, and are put in by their own.
        ("dcba", {}, 3, {1: "abc", 2: "d"}),
        # The overflow of a shard goes to the next free number.
        ("abcdef", {3: part(3, "a", "b", "c", "d")}, 3, {3: "abc", 1: "def"}),
        # What matches nothing has no place to stay in.
        ("abcd", {5: part(5)}, 3, {1: "abc", 2: "d"}),
        # Shards are filled anew when they are too many, or bear numbers that are too high.
        ("abcd", {n: part(n, m) for n, m in enumerate("abcd", 1)}, 3, {1: "abc", 2: "d"}),
        ("abc", {n: part(n, m) for n, m in enumerate("abc", 1)}, 3, {1: "a", 2: "b", 3: "c"}),
        ("abcd", {999: part(999, "a")}, 3, {999: "abc", 1: "d"}),
        ("abcd", {1000: part(1000, "a"), 1: part(1, "b")}, 3, {1: "abc", 2: "d"}),
    ],
)
def test_where_members_of_a_groups_own_value_go(
    own: str, standing: dict[int, ObservedGroup], limit: int, expected: dict[int, str]
) -> None:
    found = sharding.split("web", GroupObject(names(*own)), standing, nothing="none", limit=limit)
    assert {n: "".join(sorted(s.members)) for n, s in found.shards.items()} == expected
    listed = {f"web.{number}" for number in expected} or {*own}
    assert set(found.parent.members) == listed


def test_who_stays_on_a_device_is_looked_for_in_shards_that_are_mapped_there() -> None:
    standing = {1: part(1, "a"), 2: part(2, "b", east=("a", "b"))}
    goal = GroupObject(("none",), {EAST: names(*"abcd")})
    found = sharding.split("web", goal, standing, nothing="none", limit=3)
    assert {n: s.mappings for n, s in found.shards.items()} == {
        1: {EAST: ("d",)},
        2: {EAST: ("a", "b", "c")},
    }
    assert {s.members for s in found.shards.values()} == {("none",)}


def test_a_shard_says_why_it_is_there_and_why_it_keeps_what_it_keeps() -> None:
    goal = GroupObject(names(*"abcd"), reasons={None: "a cluster is not read"})
    found = sharding.split("web", goal, {}, nothing="none", limit=3)
    assert {s.because for s in found.shards.values()} == {"web has more than 3 members"}
    assert {s.reasons[None] for s in found.shards.values()} == {"a cluster is not read"}


@pytest.mark.parametrize(
    ("before", "barred", "own", "east"),
    [
        (None, None, ("none",), ("none",)),
        (None, {"a"}, ("b", "c"), ("b", "d")),
        (group("web", members=("a",)), None, ("a",), ("a",)),
        (group("web", members=("a",)), {"a", "b"}, ("a", "c"), ("a", "d")),
        (group("web", {EAST: {"b"}}, members=("c",)), None, ("c",), ("b",)),
    ],
)
def test_without_newcomers_each_place_holds_what_it_has(
    before: ObservedGroup | None,
    barred: set[str] | None,
    own: tuple[str, ...],
    east: tuple[str, ...],
) -> None:
    goal = GroupObject(("a", "b", "c"), {EAST: ("a", "b", "d")})
    found = sharding.without_newcomers(goal, before, "none", barred)
    assert (found.members, found.mappings) == (own, {EAST: east})


members = st.sets(st.integers(1, 40).map(lambda number: f"10.1.0.{number}"), max_size=30)
placed = st.fixed_dictionaries({EAST: members, WEST: members})


@given(steps=st.lists(placed, min_size=2, max_size=6), limit=st.integers(6, 9))
@settings(deadline=None, max_examples=100)
def test_under_any_churn_the_firewall_matches_what_is_wanted(
    steps: list[dict[object, set[str]]], limit: int
) -> None:
    """Each step: right members, no object over the limit, nobody moves between shards who stays
    in a group that keeps its shards, and a second plan is empty."""
    limits = Limits(members=limit)
    have = adom()
    for step in steps:
        goal = desired(wanted("web", step))  # type: ignore[arg-type]
        before = have
        have = carry_out(have, diff.make_plan(goal, have, limits=limits).changes)
        for place in (EAST, WEST):
            assert matched(have, "web", place) == step[place]
            _assert_stayed(before, have, place)
        sizes = [len(m) for g in have.groups.values() for m in (g.members, *g.mappings.values())]
        assert max(sizes) <= limit
        assert diff.make_plan(goal, have, limits=limits).changes == ()


FULL = {EAST: hosts(*range(1, 31)), WEST: hosts(1)}


@pytest.mark.parametrize("mode", MappingMode)
@given(steps=st.lists(st.tuples(placed, st.integers(6, 9)), min_size=2, max_size=4))
@settings(deadline=None, max_examples=30)
@example([(FULL, 9), (FULL, 6)])
def test_wherever_writing_ends_no_device_lacks_who_was_there_and_stays(
    mode: MappingMode, steps: list[tuple[dict[DeviceVdom, set[str]], int]]
) -> None:
    """Others may install what is there between any two changes, as they are sent; also where the
    limit is lowered, so that those who stay move from shard to shard."""
    have = adom()
    for members, limit in steps:
        one = wanted("web", members) if mode is PER_DEVICE else shared("web", members[EAST])
        plan = diff.make_plan(desired(one), have, limits=Limits(members=limit))
        before, changes = have, list(in_order(plan.changes))
        have = carry_out(before, changes)
        for place in (EAST, WEST) if (V4, "web") in before.groups else ():
            stays = matched(before, "web", place) & matched(have, "web", place)
            for sent in range(len(changes)):
                now = matched(carry_out(before, changes[:sent]), "web", place)
                assert stays <= now, changes[sent - 1]


def _assert_stayed(before: ObservedAdom, have: ObservedAdom, place: object) -> None:
    """Where there were shards and are shards, an address that stays is where it was."""

    def where(one: ObservedAdom) -> dict[str, str]:
        found = one.groups.get((V4, "web"))
        listed = found.mappings.get(place, ()) if found else ()  # type: ignore[call-overload]
        return {
            member: part
            for part in listed
            if (V4, part) in one.groups
            for member in one.groups[V4, part].mappings[place]  # type: ignore[index]
        }

    old, new = where(before), where(have)
    assert {name: part for name, part in new.items() if name in old and old[name] != part} == {}
