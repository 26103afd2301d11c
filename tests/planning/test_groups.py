"""Changes of groups: in which order, which addresses they name, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.model import naming
from fmgsync.model.address import Address
from fmgsync.model.state import DesiredMembers, ObservedAddress, ObservedGroup
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import diff, guard
from fmgsync.planning.sharding import Limits
from tests.planning.estates import (
    EAST,
    OWNER,
    V4,
    V6,
    WEST,
    adom,
    carry_out,
    desired,
    group,
    lines,
    own,
    shared,
    wanted,
)

CHANGED = "what runs has changed"
HAND = "changed by hand: foreign members go: legacy"


def hosts(*numbers: int) -> set[str]:
    return {f"10.1.0.{number}" for number in numbers}


@pytest.mark.parametrize(
    ("there", "wish", "by", "because"),
    [
        (None, hosts(1), "", "the device stands in front of the rule's clusters"),
        (hosts(1), hosts(2), "", CHANGED),
        (hosts(1), hosts(1, 2), "", CHANGED),
        (hosts(1), hosts(2), "by ann", f"{CHANGED}; the group was last changed by ann"),
        ({"legacy", *hosts(1)}, hosts(1), "", HAND),
        ({"legacy", *hosts(1)}, hosts(1), "by ann", HAND.replace("hand", "hand by ann")),
        ({"legacy", *hosts(1)}, hosts(1, 2), "", f"{CHANGED}; {HAND}"),
        ({"legacy", *hosts(1, 2)}, hosts(1), "", f"{CHANGED}; {HAND}"),
        ({"dmz_none", *hosts(1)}, hosts(1), "", HAND.replace("legacy", "dmz_none")),
        ({"prod_none", *hosts(1)}, hosts(1), "", CHANGED),
        ({"legacy", "alien", *hosts(1)}, hosts(1), "",
         "changed by hand: foreign members go: alien, legacy"),
    ],
)  # fmt: skip
def test_why_a_mapping_is_written(
    there: set[str] | None, wish: set[str], by: str, because: str
) -> None:
    standing = replace(group("web", {} if there is None else {EAST: there}), changed_by=by)
    have = adom(standing, *map(own, sorted(hosts(1, 2))))
    plan = diff.make_plan(desired(wanted("web", {EAST: wish})), have)
    (change,) = (each for each in plan.changes if each.device is not None)
    assert change.because == because
    assert not change.clears_exclusion


def test_why_a_groups_own_value_is_written() -> None:
    have = adom(group("web", {EAST: {"none"}}, members=("legacy",)))
    (change,) = diff.make_plan(desired(wanted("web", {EAST: set()})), have).changes
    assert change.because == f"the group's own value differs; {HAND}"
    assert change.comment == ""


def test_an_older_mark_is_written_anew_and_that_alone_is_told() -> None:
    older = f"{naming.older_mark(OWNER)} and more"
    have = adom(replace(group("web", {EAST: {"none"}}), comment=older))
    (change,) = diff.make_plan(desired(wanted("web", {EAST: set()})), have).changes
    assert change.because == naming.MARK_NAMES_IT
    assert change.comment == naming.with_mark(older, OWNER, "web")


@pytest.mark.parametrize("place", [None, EAST])
def test_what_was_excluded_is_taken_back_where_members_are_as_they_should_be(
    place: DeviceVdom | None,
) -> None:
    standing = replace(group("web", {EAST: hosts(1)}), excluded={place: ("x",)})
    have = adom(standing, own("10.1.0.1"))
    (change,) = diff.make_plan(desired(wanted("web", {EAST: hosts(1)})), have).changes
    assert (change.device, change.clears_exclusion) == (place, True)
    assert "changed by hand: members were excluded" in change.because


def test_why_groups_and_shards_go() -> None:
    have = adom(group("web", {EAST: {"web.1"}}), group("web.1", {EAST: hosts(1)}), own("10.1.0.1"))
    plan = diff.make_plan(desired(wanted("web", {EAST: hosts(1)})), have)
    (gone,) = (each for each in plan.changes if each.name == "web.1")
    assert gone.because == "its group does not need it any more"
    old = diff.make_plan(desired(), adom(group("old"))).changes
    assert [each.because for each in old] == ["no rule of this name any more"]


def test_each_device_is_told_what_comes_and_goes_there() -> None:
    """Also where they end alike; addresses in their order, and those of others by value."""
    legacy = ObservedAddress("legacy", V4, Address("10.9.9.9"), "by hand", owned=False)
    there = group("web", {EAST: hosts(1), WEST: {"legacy", "odd", *hosts(2, 11)}})
    have = adom(legacy, there, *map(own, sorted(hosts(1, 2, 11))))
    goal = desired(wanted("web", {EAST: hosts(9, 10), WEST: hosts(9, 10)}))
    assert [line for line in lines(diff.make_plan(goal, have)) if "mapping" in line] == [
        "update mapping web @fgt-east +10.1.0.9 +10.1.0.10 -10.1.0.1",
        "update mapping web @fgt-west +10.1.0.9 +10.1.0.10 -10.1.0.2 -10.1.0.11 -10.9.9.9 -odd",
    ]


SHARED = group("web", members=("prod_10.1.0.1",))
BY_DEVICE = group("web", {EAST: hosts(1), WEST: hosts(2)})


def test_what_a_device_has_by_the_groups_own_value_does_not_come_with_its_mapping() -> None:
    have = adom(SHARED, *map(own, sorted(hosts(1, 2))))
    plan = diff.make_plan(desired(wanted("web", {EAST: hosts(1, 2), WEST: hosts(1)})), have)
    assert lines(plan) == [
        "update addrgrp web -10.1.0.1",
        "create mapping web @fgt-east +10.1.0.2",
        "create mapping web @fgt-west",
    ]


def test_what_a_device_gets_by_the_groups_own_value_does_not_go_with_its_mapping() -> None:
    have = adom(BY_DEVICE, *map(own, sorted(hosts(1, 2))))
    plan = diff.make_plan(desired(shared("web", hosts(1))), have)
    assert lines(plan)[:3] == [
        "update addrgrp web +10.1.0.1",
        "delete mapping web @fgt-east",
        "delete mapping web @fgt-west -10.1.0.2",
    ]


def shards_of(*parts: set[str]) -> list[ObservedGroup]:
    names = {f"web.{number}" for number in range(1, len(parts) + 1)}
    return [
        group("web", {EAST: names}),
        *(group(f"web.{n}", {EAST: part}) for n, part in enumerate(parts, 1)),
    ]


@pytest.mark.parametrize(
    ("parts", "wish", "expected"),
    [
        # Who moves is in the new shard, and the group lists that, before it leaves the old one.
        ((hosts(1, 2, 3, 4), hosts(5)), hosts(1, 2, 3, 4, 5),
         ["update mapping web.2 @fgt-east", "update mapping web.1 @fgt-east"]),
        ((hosts(1, 2, 3, 4),), hosts(1, 2, 3, 4),
         ["create addrgrp web.2", "create mapping web.2 @fgt-east",
          "update mapping web @fgt-east", "update mapping web.1 @fgt-east"]),
        # Who goes leaves a shard in its turn.
        ((hosts(1, 2, 3), hosts(4)), hosts(1, 2, 4, 5, 6),
         ["update mapping web.1 @fgt-east +10.1.0.5 -10.1.0.3",
          "update mapping web.2 @fgt-east +10.1.0.6"]),
        # Who stays in the group, of one shard that goes or of all, is in no list.
        ((hosts(1, 2), hosts(3)), hosts(1),
         ["update mapping web @fgt-east",
          "delete addrgrp web.1 -10.1.0.2", "delete addrgrp web.2 -10.1.0.3"]),
    ],
)  # fmt: skip
def test_shards_change_in_an_order_in_which_nobody_is_missed(
    parts: tuple[set[str], ...], wish: set[str], expected: list[str]
) -> None:
    have = adom(*shards_of(*parts), *map(own, sorted(hosts(1, 2, 3, 4, 5, 6))))
    goal, three = desired(wanted("web", {EAST: wish})), Limits(members=3)
    plan = diff.make_plan(goal, have, limits=three)
    assert [line for line in lines(plan) if " address " not in line] == expected
    assert diff.make_plan(goal, carry_out(have, plan.changes), limits=three).changes == ()


def test_the_order_in_which_members_are_told_is_no_difference() -> None:
    standing = replace(
        group("web"), mappings={EAST: tuple(f"prod_{one}" for one in ("10.1.0.2", "10.1.0.1"))}
    )
    have = adom(standing, *map(own, sorted(hosts(1, 2))))
    assert diff.make_plan(desired(wanted("web", {EAST: hosts(1, 2)})), have).changes == ()


def test_mappings_of_shards_go_after_those_of_their_group() -> None:
    have = adom(*shards_of(hosts(1, 2, 3), hosts(4)), *map(own, sorted(hosts(1, 2, 3, 4))))
    west = replace(
        have.groups[V4, "web"],
        mappings={**have.groups[V4, "web"].mappings, WEST: ("web.1", "web.2")},
    )
    parts = [
        replace(part, mappings={**part.mappings, WEST: part.mappings[EAST]})
        for name in ("web.1", "web.2")
        for part in [have.groups[V4, name]]
    ]
    have = adom(*have.addresses.values(), west, *parts)
    goal = desired(wanted("web", {EAST: hosts(1, 2, 3, 4)}))
    plan = diff.make_plan(goal, have, limits=Limits(members=3))
    assert [(each.name, each.because) for each in plan.changes] == [
        ("web", "no site of the rule names this device"),
        ("web.1", "nothing is left in this shard here"),
        ("web.2", "nothing is left in this shard here"),
    ]


def test_why_a_group_is_made_and_why_a_device_keeps_what_it_has() -> None:
    rule = DesiredMembers(frozenset({Address("10.1.0.1")}), True, "east is lost")
    goal = desired(replace(wanted("web", {}), mappings={EAST: rule}))
    made = diff.make_plan(goal, adom()).changes
    assert [each.because for each in made if each.name == "web"] == ["new rule", "east is lost"]


def test_what_else_somebody_has_set_is_told_field_by_field() -> None:
    fields = (("type", "folder"), ("color", "3"))
    standing = replace(group("web", {EAST: {"none"}}), altered={None: fields})
    (change,) = diff.make_plan(desired(wanted("web", {EAST: set()})), adom(standing)).changes
    assert change.because == "changed by hand: type is folder, color is 3"
    assert change.members == ("none",)


def test_what_a_group_excludes_does_not_matter_once_it_goes() -> None:
    standing = replace(group("old", {EAST: hosts(1)}), excluded={None: ("x",), EAST: ("y",)})
    plan = diff.make_plan(desired(), adom(standing, own("10.1.0.1")))
    (gone,) = (each for each in plan.changes if each.name == "old")
    assert (gone.clears_exclusion, gone.because) == (False, "no rule of this name any more")


def test_of_a_member_its_name_counts_whatever_the_object_is_by_now() -> None:
    """Also of an address that goes, and of one in the other family."""
    there = own("10.1.0.1", value="10.9.9.9")
    six = ObservedGroup(
        "web", V6, ("none",), {EAST: ("prod_2001-db8--1",)}, naming.mark(OWNER, "web"), owned=True
    )
    have = adom(there, own("2001:db8::1"), group("web", {EAST: hosts(1)}), six)
    goal = desired(
        wanted("web", {EAST: hosts(2)}), wanted("web", {EAST: {"2001:db8::2"}}, family=V6)
    )
    assert [line for line in lines(diff.make_plan(goal, have)) if "mapping" in line] == [
        "update mapping web @fgt-east +10.1.0.2 -10.1.0.1",
        "update mapping6 web @fgt-east +2001:db8::2 -2001:db8::1",
    ]


def test_of_a_group_that_was_taken_over_each_device_is_still_judged() -> None:
    """Only what it holds by itself reaches nobody; what a device has waits as anywhere."""
    taken = replace(
        group("web", {EAST: hosts(1), WEST: hosts(1)}, members=("prod_10.1.0.1",)),
        comment=naming.taking_over(OWNER, "web", "of old"),
    )
    goal = desired(wanted("web", {EAST: set(), WEST: set()}))
    gate = guard.Gate(guard.Limits(), 1_000_000.0)
    plan = diff.make_plan(goal, adom(taken, own("10.1.0.1")), gate=gate)
    assert [(hold.kind, hold.device) for hold in plan.held] == [
        ("held-emptying", EAST),
        ("held-emptying", WEST),
    ]
