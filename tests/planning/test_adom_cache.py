"""A plan for a part of an ADOM says of its groups what a plan for the whole says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.model import naming
from fmgsync.model.address import Address
from fmgsync.model.change import AdomPlan
from fmgsync.model.memory import History
from fmgsync.model.state import DesiredAdom, ObservedAddress, ObservedAdom
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import adom_cache, diff, guard
from fmgsync.planning.adom_cache import Picture
from tests.planning.estates import (
    EAST,
    OWNER,
    V4,
    WEST,
    adom,
    carry_out,
    desired,
    lines,
    own,
    shared,
    wanted,
)

NAMES = ("a", "b", "c", "d")
ADDRESSES = [f"10.1.0.{number}" for number in range(8)]

Members = Mapping[str, Mapping[DeviceVdom, set[str]]]

somewhere = st.dictionaries(
    st.sampled_from([EAST, WEST]), st.sets(st.sampled_from(ADDRESSES)), min_size=1
)
everywhere = st.fixed_dictionaries(dict.fromkeys(NAMES, somewhere))
parts = st.dictionaries(st.sampled_from(NAMES), somewhere, min_size=1)
tampering = st.dictionaries(
    st.sampled_from(ADDRESSES), st.sampled_from(["value", "mapped", "mark", "field"]), max_size=3
)


def rules(members: Members) -> DesiredAdom:
    return desired(*(wanted(name, places) for name, places in members.items()))


def standing(members: Members, *, altered: bool = False) -> ObservedAdom:
    """An ADOM that holds just this; `altered`: the predefined `none` is of no use there."""
    none = ObservedAddress("none", V4, Address("192.0.2.1"), "", owned=False)
    empty = adom(none) if altered else adom()
    return carry_out(empty, diff.make_plan(rules(members), empty).changes)


def excluding(have: ObservedAdom, name: str, texts: set[str]) -> ObservedAdom:
    """The ADOM after somebody has made a group exclude what is there of these addresses."""
    names = {naming.address_name(OWNER, Address(text)) for text in texts}
    there = tuple(sorted(name for name in names if (V4, name) in have.addresses))
    if not there:
        return have
    group = replace(have.groups[V4, name], excluded={None: there})
    return replace(have, groups={**have.groups, (V4, name): group})


def tampered(have: ObservedAdom, how: Mapping[str, str]) -> ObservedAdom:
    """The ADOM after somebody was at some of its addresses."""
    addresses = dict(have.addresses)
    for text, what in how.items():
        key = (V4, naming.address_name(OWNER, Address(text)))
        if key not in addresses:
            continue
        if what == "value":
            addresses[key] = replace(addresses[key], value=Address("192.0.2.1"))
        elif what == "mapped":
            addresses[key] = replace(addresses[key], mapped=True)
        elif what == "field":
            addresses[key] = replace(addresses[key], altered=(("fabric-object", "enable"),))
        else:
            addresses[key] = replace(addresses[key], comment="by hand", owned=False)
    return replace(have, addresses=addresses)


def of_part(plan: AdomPlan, names: set[str]) -> list[str]:
    """What a plan says of these groups and addresses."""
    kept = tuple(change for change in plan.changes if change.name in names)
    return sorted(lines(replace(plan, changes=kept)))


def named(*members: Mapping[DeviceVdom, set[str]]) -> set[str]:
    texts = {text for places in members for held in places.values() for text in held}
    return {naming.address_name(OWNER, Address(text)) for text in texts}


STRICT = guard.Gate(
    guard.Limits(max_removed_share=0.4, max_added_share=0.4, unless_fewer_than=2),
    now=10_000.0,
    history=History(since=0.0),
)


@given(
    before=everywhere,
    part=parts,
    how=tampering,
    gate=st.sampled_from([None, STRICT]),
    altered=st.booleans(),
    excluded=st.sets(st.sampled_from(ADDRESSES), max_size=2),
)
@settings(deadline=None, max_examples=300)
def test_a_part_is_planned_as_the_whole_is(
    before: Members,
    part: Members,
    how: Mapping[str, str],
    gate: guard.Gate | None,
    altered: bool,
    excluded: set[str],
) -> None:
    """Whatever somebody did to addresses, and whatever the guard holds back."""
    have = tampered(standing(before, altered=altered), how)
    if "a" in part:
        have = excluding(have, "a", excluded)
    whole = diff.make_plan(rules({**before, **part}), have, gate=gate)
    known = Picture(have, NAMES, owner=OWNER)
    alone = diff.make_plan(rules(part), known.part(rules(part), NAMES), gate=gate)
    concerned = named(*part.values(), *(before[name] for name in part)) | part.keys()
    concerned |= named({EAST: excluded}) if "a" in part else set()
    assert of_part(alone, concerned) == of_part(whole, concerned)
    assert {change.name for change in alone.changes} <= concerned
    told = {(finding.kind, finding.name) for finding in whole.foreign if finding.name in part}
    assert {(finding.kind, finding.name) for finding in alone.foreign} == told
    assert set(alone.held) == {hold for hold in whole.held if hold.name in part}


@given(before=everywhere, turns=st.lists(parts, min_size=1, max_size=4))
@settings(deadline=None, max_examples=100)
def test_a_picture_follows_what_is_written(before: Members, turns: list[Members]) -> None:
    """Part by part an ADOM becomes what it would be after one pass over everything."""
    have, goal = standing(before), dict(before)
    known = Picture(have, NAMES, owner=OWNER)
    for part in turns:
        goal |= part
        plan = diff.make_plan(rules(part), known.part(rules(part), NAMES))
        have = carry_out(have, plan.changes)
        touched = adom_cache.touched(plan.changes)
        fresh = replace(
            have,
            addresses={k: a for k, a in have.addresses.items() if k in touched.addresses},
            groups={k: g for k, g in have.groups.items() if k in touched.groups},
        )
        assert adom_cache.carried_out(plan.changes, fresh)
        known.replace(touched, fresh)
    assert known.observed() == have
    assert diff.make_plan(rules(goal), have).changes == ()


def test_addresses_that_stay_cost_nothing() -> None:
    """Of a large group in which one member changes, two addresses are looked at."""
    many = {f"10.2.{n >> 8}.{n & 255}" for n in range(500)}
    known = Picture(standing({"a": {EAST: many}}), NAMES, owner=OWNER)
    changed = rules({"a": {EAST: many - {"10.2.0.7"} | {"10.3.0.1"}}})
    part = known.part(changed, NAMES)
    assert part.addresses.keys() == {(V4, "prod_10.2.0.7"), *adom().addresses}
    assert lines(diff.make_plan(changed, part)) == [
        "create address prod_10.3.0.1 +10.3.0.1",
        "update mapping a @fgt-east +10.3.0.1 -10.2.0.7",
        "delete address prod_10.2.0.7 -10.2.0.7",
    ]


def test_what_somebody_did_to_an_address_is_noticed_in_a_part() -> None:
    have = tampered(standing({"a": {EAST: {"10.1.0.1", "10.1.0.2"}}}), {"10.1.0.1": "mapped"})
    known = Picture(have, NAMES, owner=OWNER)
    wish = rules({"a": {EAST: {"10.1.0.1", "10.1.0.2"}}})
    assert lines(diff.make_plan(wish, known.part(wish, NAMES))) == [
        "update address prod_10.1.0.1 +10.1.0.1"
    ]
    repaired = own("10.1.0.1")
    known.replace(
        adom_cache.Touched(frozenset(), frozenset({(V4, "prod_10.1.0.1")})),
        replace(have, groups={}, addresses={(V4, "prod_10.1.0.1"): repaired}),
    )
    assert diff.make_plan(wish, known.part(wish, NAMES)).changes == ()


def test_the_stand_in_for_nothing_stays_while_other_groups_hold_it() -> None:
    members: Members = {"a": {EAST: {"10.1.0.1"}}, "b": {EAST: set()}}
    known = Picture(standing(members, altered=True), NAMES, owner=OWNER)
    goal = desired(shared("a", {"10.1.0.1"}, EAST))
    changed = {change.name for change in diff.make_plan(goal, known.part(goal, NAMES)).changes}
    assert changed == {"a"}


def test_what_a_group_excludes_by_hand_is_there() -> None:
    """A shared group that is to hold what it excludes now: the address is not made again."""
    texts = {"10.1.0.1", "10.1.0.2"}
    before = desired(shared("a", {"10.1.0.1"}), wanted("b", {EAST: texts}))
    have = carry_out(adom(), diff.make_plan(before, adom()).changes)
    known = Picture(excluding(have, "a", {"10.1.0.2"}), NAMES, owner=OWNER)
    goal = desired(shared("a", texts))
    changes = diff.make_plan(goal, known.part(goal, NAMES)).changes
    assert {(change.name, change.clears_exclusion) for change in changes} == {("a", True)}
