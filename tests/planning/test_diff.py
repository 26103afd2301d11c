"""Desired and observed state become changes: one table row per situation."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.model import address, naming
from fmgsync.model.address import NOWHERE, Address, Family
from fmgsync.model.change import Action, AdomPlan, Change, ObjectKind
from fmgsync.model.rule import MappingMode
from fmgsync.model.state import (
    DesiredAdom,
    DesiredGroup,
    DesiredMembers,
    ObservedAddress,
    ObservedAdom,
    ObservedGroup,
)
from fmgsync.model.target import AdomRef, DeviceVdom
from fmgsync.planning import diff

REF = AdomRef("hq", "prod")
OWNER = "prod"
MINE = naming.mark(OWNER)
EAST = DeviceVdom("fgt-east", "root")
WEST = DeviceVdom("fgt-west", "root")
V4, V6 = Family.IPV4, Family.IPV6


def wanted(
    name: str, mappings: Mapping[DeviceVdom, set[str]], *, retain: bool = False, family: Family = V4
) -> DesiredGroup:
    members = {
        place: DesiredMembers(frozenset(map(address.parse, texts)), retain)
        for place, texts in mappings.items()
    }
    return DesiredGroup(name, family, MappingMode.PER_DEVICE, members)


def desired(*groups: DesiredGroup) -> DesiredAdom:
    return DesiredAdom(REF, OWNER, groups)


def adom(*objects: ObservedAddress | ObservedGroup) -> ObservedAdom:
    """An ADOM with the predefined `none` of both families and the given objects."""
    nothing = [ObservedAddress("none", f, NOWHERE[f], "", owned=False) for f in Family]
    everything = [*nothing, *objects]
    return ObservedAdom(
        REF,
        {(o.family, o.name): o for o in everything if isinstance(o, ObservedAddress)},
        {(o.family, o.name): o for o in everything if isinstance(o, ObservedGroup)},
    )


def own(text: str, *, value: str | None = None, mapped: bool = False) -> ObservedAddress:
    plain = address.parse(text)
    return ObservedAddress(
        naming.address_name(OWNER, plain),
        address.family(plain),
        address.parse(value) if value else plain,
        MINE,
        owned=True,
        mapped=mapped,
    )


def group(
    name: str,
    mappings: Mapping[DeviceVdom, set[str]] | None = None,
    *,
    members: tuple[str, ...] = ("none",),
    owned: bool = True,
) -> ObservedGroup:
    named = {
        place: tuple(
            sorted(
                naming.address_name(OWNER, address.parse(t)) if t[0].isdigit() else t for t in texts
            )
        )
        for place, texts in (mappings or {}).items()
    }
    return ObservedGroup(name, V4, members, named, MINE if owned else "by hand", owned)


def lines(plan: AdomPlan) -> list[str]:
    """One line per change: what a person would write down."""
    return [
        " ".join(
            filter(
                None,
                [
                    change.action.value,
                    change.kind.value,
                    change.name,
                    f"@{change.device.device}" if change.device else "",
                    *(f"+{a}" for a in change.added),
                    *(f"-{a}" for a in change.removed),
                ],
            )
        )
        for change in plan.changes
    ]


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
        ["update addrgrp web"],
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
        ["update mapping web @fgt-east"],
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


def test_a_foreign_address_in_our_name_space_fails_the_rules_that_need_it() -> None:
    """We neither overwrite it nor trust what it will be tomorrow."""
    foreign = ObservedAddress("prod_10.1.0.9", V4, Address("10.1.0.9"), "by hand", owned=False)
    plan = diff.make_plan(desired(wanted("web", {EAST: {"10.1.0.9"}})), adom(foreign))
    assert [finding.kind for finding in plan.foreign] == ["foreign-name"]
    assert plan.changes == ()


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


addresses = st.sampled_from([f"10.1.0.{i}" for i in range(6)])
estates = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.dictionaries(st.sampled_from([EAST, WEST]), st.sets(addresses), min_size=1),
)


def carry_out(have: ObservedAdom, changes: tuple[Change, ...]) -> ObservedAdom:
    """What an ADOM holds after the changes; refuses dangling references as FortiManager does."""
    held = dict(have.addresses)
    groups = dict(have.groups)
    for change in changes:
        key = (change.kind.family, change.name)
        if change.kind is ObjectKind.ADDRESS:
            if change.action is Action.DELETE:
                users = [
                    g
                    for g in groups.values()
                    for m in (g.members, *g.mappings.values())
                    if change.name in m
                ]
                assert not users, f"{change.name} deleted while used"
                del held[key]
            else:
                held[key] = ObservedAddress(change.name, V4, change.value, MINE, owned=True)
            continue
        assert all((V4, member) in held for member in change.members), change
        if change.device is None and change.action is Action.DELETE:
            del groups[key]
        elif change.device is None:
            mappings = groups[key].mappings if key in groups else {}
            groups[key] = ObservedGroup(change.name, V4, change.members, mappings, MINE, owned=True)
        else:
            mappings = dict(groups[key].mappings)
            mappings.pop(change.device, None)
            if change.action is not Action.DELETE:
                mappings[change.device] = change.members
            groups[key] = ObservedGroup(
                change.name, V4, groups[key].members, mappings, MINE, owned=True
            )
    return ObservedAdom(REF, held, groups)


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
