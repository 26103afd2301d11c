"""A group that was taken over keeps members of its own while devices need them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.model import naming
from fmgsync.model.address import parse
from fmgsync.model.change import Finding
from fmgsync.model.state import DesiredGroup, DesiredMembers, ObservedGroup
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import stays_shared
from fmgsync.planning.usage import Usage
from tests.planning.estates import EAST, OWNER, V4, V6, WEST, adom, desired, group, shared, wanted

WEB = (V4, "web")
NORTH, SOUTH = DeviceVdom("fgt-north", "root"), DeviceVdom("fgt-south", "root")
TAKEN = replace(
    group("web", members=("10.1.0.5",)), comment=naming.taking_over(OWNER, "web", "of old")
)
FORMER = replace(TAKEN, comment=naming.taking_over(OWNER, "web", naming.mark("old", "web")))
"""It was another installation's, which had a stand-in for `none` of its own."""
RULE = wanted("web", {EAST: {"10.1.0.1"}, WEST: {"10.1.0.2"}})
USED = Usage(devices={WEB: {EAST: "p", NORTH: "p"}}, disputed={WEB: frozenset({SOUTH})})
THERE = "it is used on fgt-north/root, fgt-south/root, which no site of the rule names"


@pytest.mark.parametrize(
    ("rule", "before", "usage", "why"),
    [
        (RULE, TAKEN, USED, THERE),
        (RULE, TAKEN, replace(USED, disputed={}), THERE.replace(", fgt-south/root", "")),
        (RULE, TAKEN, replace(USED, devices={}), THERE.replace("fgt-north/root, ", "")),
        (RULE, TAKEN, Usage(devices={WEB: {EAST: "p", WEST: "p"}}), ""),
        (RULE, TAKEN, Usage(), ""),
        (RULE, TAKEN, Usage(unknown={WEB: "whose"}), "it is not known which devices use it"),
        (RULE, replace(TAKEN, members=("none",)), USED, ""),
        (RULE, replace(TAKEN, members=("none", "10.1.0.5")), USED, THERE),
        (RULE, replace(TAKEN, members=("prod_none",)), USED, ""),
        (RULE, replace(TAKEN, members=("dmz_none",)), USED, THERE),
        (RULE, replace(TAKEN, members=("old_none",)), USED, THERE),
        (RULE, replace(FORMER, members=("old_none",)), USED, ""),
        (RULE, replace(FORMER, members=("older_none",)), USED, THERE),
        (RULE, replace(TAKEN, comment=naming.mark(OWNER, "web")), USED, ""),
        (RULE, replace(TAKEN, owned=False), USED, ""),
        (RULE, replace(TAKEN, name="other"), USED, ""),
        (shared("web", ["10.1.0.1"]), TAKEN, USED, ""),
    ],
)
def test_it_does_until_each_device_that_uses_it_is_named(
    rule: DesiredGroup, before: ObservedGroup, usage: Usage, why: str
) -> None:
    """Then it has what all its devices have, and other groups are as they were."""
    said, other = Finding("x", "y", "z"), wanted("db", {EAST: {"10.1.0.9"}})
    goal = replace(desired(rule, other), findings=(said,))
    found = stays_shared.settle(goal, adom(before), usage)
    if not why:
        assert found is goal
        return
    members = DesiredMembers(frozenset(map(parse, ("10.1.0.1", "10.1.0.2"))))
    assert found.groups == (replace(rule, own=members), other)
    told = f"it was taken over and keeps members of its own, as before: {why}"
    assert found.findings == (said, Finding("stays-shared", "web", told))


@pytest.mark.parametrize(
    ("east", "west", "keeps", "expected"),
    [
        ((False, ""), (False, ""), False, (False, "")),
        ((False, ""), (False, ""), True, (True, "")),
        ((True, "a is lost"), (False, ""), False, (True, "a is lost")),
        ((True, "a is lost"), (True, "b is lost"), False, (True, "a is lost; b is lost")),
        ((True, "a is lost"), (True, "a is lost"), False, (True, "a is lost")),
    ],
)
def test_where_one_device_keeps_what_it_has_it_does_as_well(
    east: tuple[bool, str], west: tuple[bool, str], keeps: bool, expected: tuple[bool, str]
) -> None:
    places = {
        EAST: DesiredMembers(frozenset(), *east),
        WEST: DesiredMembers(frozenset(), *west),
    }
    goal = desired(replace(RULE, mappings=places, keeps=keeps))
    (found,) = stays_shared.settle(goal, adom(TAKEN), USED).groups
    assert found.own is not None
    assert (found.own.retain, found.own.because) == expected


def test_groups_of_both_families_are_told_by_their_names() -> None:
    names = ("db", "web", "app")
    rules = [wanted(name, {EAST: set()}, family=family) for name in names for family in (V6, V4)]
    there = [
        replace(
            TAKEN,
            name=rule.name,
            family=rule.family,
            comment=TAKEN.comment.replace("web", rule.name),
        )
        for rule in rules
    ]
    unknown = {(rule.family, rule.name): "whose" for rule in rules}
    found = stays_shared.settle(desired(*rules), adom(*there), Usage(unknown=unknown))
    assert [one.name for one in found.findings] == sorted(names) * 2
