"""Of a plan only what takes something away: a table of what is there, asked for and written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from fmgsync.model import naming
from fmgsync.model.address import Address, parse
from fmgsync.model.change import AdomPlan, ObjectKind
from fmgsync.model.state import DesiredAdom, ObservedAdom, ObservedGroup
from fmgsync.planning import diff, removals
from fmgsync.planning.sharding import Limits
from fmgsync.planning.usage import Usage
from tests.planning.estates import (
    EAST,
    V4,
    V6,
    adom,
    carry_out,
    desired,
    group,
    lines,
    matched,
    own,
    shared,
)

KEY = (V4, "web")
DENIES = Usage(used=frozenset({KEY}), widening={KEY: "policy 7 denies"})
USED = Usage(used=frozenset({KEY}))


def flat(have: ObservedAdom) -> Mapping[str, frozenset[Address]]:
    return {name: frozenset(matched(have, name, EAST)) for _, name in have.groups}


def held(name: str, *numbers: int) -> ObservedGroup:
    members = tuple(f"prod_10.1.0.{n}" for n in numbers) or ("none",)
    return group(name, members=members)


def asked(**groups: list[int]) -> DesiredAdom:
    return desired(
        *(shared(name, [f"10.1.0.{n}" for n in them], EAST) for name, them in groups.items())
    )


def only(
    wish: DesiredAdom, have: ObservedAdom, usage: Usage = USED, limits: Limits | None = None
) -> AdomPlan:
    """What is left of the whole plan, which stays what it was besides."""
    limits = limits or Limits()
    whole = diff.make_plan(
        wish, have, used=usage.used, opens=usage.widening, unknown=usage.unknown, limits=limits
    )
    found = removals.only(whole, wish, have, place=EAST, flatten=flat, usage=usage, limits=limits)
    assert (found.ref, found.findings, found.held) == (whole.ref, whole.findings, whole.held)
    return found


def of_groups(plan: AdomPlan) -> list[str]:
    """Without the addresses that nobody holds any more."""
    return [line for line in lines(plan) if " addrgrp " in line]


OWN = [own(f"10.1.0.{n}") for n in range(1, 5)]


@pytest.mark.parametrize(
    ("there", "wish", "usage", "expected"),
    [
        # What comes waits; what goes, goes.
        ([1, 2], [2, 3], USED, {2}),
        ([1, 2], [1, 2, 3], USED, {1, 2}),
        ([1, 2], [], USED, set()),
        ([1, 2], [1], USED, {1}),
        # Where membership denies, what is lacking lets too much through.
        ([1, 2], [2, 3], DENIES, {1, 2, 3}),
        ([1, 2], [1], DENIES, {1, 2}),
        ([1], [1, 2, 3], DENIES, {1, 2, 3}),
    ],
)
def test_one_group(there: list[int], wish: list[int], usage: Usage, expected: set[int]) -> None:
    have = adom(*OWN, held("web", *there))
    found = only(asked(web=wish), have, usage)
    after = carry_out(have, found.changes)
    assert {int(str(a).rpartition(".")[2]) for a in matched(after, "web", EAST)} == expected
    moved = (len(expected - set(there)), len(set(there) - expected))
    assert [(g.name, g.added, g.removed) for g in found.grants] == [("web", *moved)] * any(moved)


def test_each_group_by_itself() -> None:
    have = adom(*OWN, held("db", 1, 2), held("web", 1, 2))
    found = only(asked(db=[1, 2, 3], web=[2, 4]), have)
    assert of_groups(found) == ["update addrgrp web -10.1.0.1"]


def test_nothing_is_created_and_what_nobody_asks_for_goes() -> None:
    have = adom(*OWN, held("old", 1), held("web", 1))
    found = only(asked(web=[1], new=[2]), have)
    names = {change.name for change in found.changes if change.kind is ObjectKind.GROUP}
    assert names == {"old"}
    after = carry_out(have, found.changes)
    assert set(after.groups) == {KEY}


def test_foreign_groups_are_nobodys_business_here() -> None:
    theirs = group("theirs", members=("none",), owned=False)
    have = adom(*OWN, theirs, held("web", 1, 2))
    assert of_groups(only(asked(web=[2]), have)) == ["update addrgrp web -10.1.0.1"]


def test_a_group_in_shards_loses_what_it_should_and_nothing_else() -> None:
    """However the shards were cut for what was to come."""
    three = Limits(members=3)
    have = adom()
    wish = asked(web=[1, 2, 3, 4, 5])
    have = carry_out(have, diff.make_plan(wish, have, limits=three).changes)
    found = only(asked(web=[2, 3, 4, 5, 6, 7, 8]), have, limits=three)
    after = carry_out(have, found.changes)
    assert matched(after, "web", EAST) == {f"10.1.0.{n}" for n in (2, 3, 4, 5)}
    assert all(len(each.members) <= three.members for each in after.groups.values())


def test_what_was_kept_since_not_all_rules_were_read_is_kept() -> None:
    have = adom(*OWN, held("old", 3), held("web", 1, 2))
    found = only(replace(asked(web=[2]), unread="a cluster was not read"), have)
    assert of_groups(found) == ["update addrgrp web -10.1.0.1"]


def test_nothing_to_take_away_is_no_plan() -> None:
    have = adom(*OWN, held("web", 1))
    assert of_groups(only(asked(web=[1, 2]), have)) == []


def test_a_group_that_is_whole_again_has_no_shard_as_a_group_of_its_own() -> None:
    """The whole plan keeps shards for what is to come."""
    three = Limits(members=3)
    have = carry_out(adom(), diff.make_plan(asked(web=[1, 2, 3, 4]), adom(), limits=three).changes)
    found = only(asked(web=[1, 5, 6, 7]), have, limits=three)
    after = carry_out(have, found.changes)
    assert set(after.groups) == {KEY}
    assert matched(after, "web", EAST) == {"10.1.0.1"}


def test_an_address_that_somebody_uses_stays() -> None:
    used = Usage(used=frozenset({(V4, "prod_10.1.0.1")}))
    found = only(asked(web=[2]), adom(*OWN[:2], held("web", 1, 2)), used)
    assert lines(found) == ["update addrgrp web -10.1.0.1"]


def test_groups_of_both_families_with_one_name_hold_each_their_own() -> None:
    six = ObservedGroup("web", V6, ("none",), {}, naming.mark("prod", "web"), owned=True)
    have = adom(*OWN[:2], held("web", 1, 2), six)
    both = frozenset({*matched(have, "web", EAST), parse("2001:db8::1")})
    whole = diff.make_plan(asked(web=[1, 2]), have, used={(V6, "web")})
    found = removals.only(
        whole,
        asked(web=[1, 2]),
        have,
        place=EAST,
        flatten=lambda _: {"web": both},
        usage=Usage(used=frozenset({(V6, "web")})),
        limits=Limits(),
    )
    assert {change.kind.family for change in found.changes} == {V6}
    assert lines(found)[0].startswith("create address6")
