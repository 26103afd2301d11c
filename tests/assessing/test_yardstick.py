"""What a device may be given: tables over an ADOM that somebody changed, and what devices have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fmgsync.assessing import yardstick
from fmgsync.assessing.yardstick import Yardstick
from fmgsync.model.address import Address
from fmgsync.model.change import Action, AdomPlan, Change, Hold, ObjectKind
from fmgsync.model.state import ObservedAddress, ObservedAdom, ObservedGroup
from fmgsync.model.target import DeviceVdom
from fmgsync.planning.usage import Usage
from tests.assessing.scenes import on, seen, view
from tests.planning.estates import EAST, REF, V4, V6, WEST, adom, desired, group, own, wanted

ONE, TWO, THREE = own("10.1.0.1"), own("10.1.0.2"), own("10.1.0.3")
THEIRS = ObservedAddress("printer", V4, Address("10.1.0.9"), "", owned=False)
RANGE = ObservedAddress("range", V4, None, "", owned=False)
WEB = group("web", {EAST: {"10.1.0.1", "10.1.0.2"}})
WRITTEN = adom(ONE, TWO, THREE, THEIRS, RANGE, WEB)
SIX = replace(own("2001:db8::1"), family=V6)


def but(*objects: Any, gone: str = "", have: ObservedAdom = WRITTEN) -> ObservedAdom:
    """The ADOM with these objects in place of what they were."""
    new = adom(*objects)
    groups = {key: each for key, each in have.groups.items() if key[1] != gone}
    addresses = {key: each for key, each in have.addresses.items() if key[1] != gone}
    return replace(have, addresses={**addresses, **new.addresses}, groups={**groups, **new.groups})


def web(*names: str, **more: Any) -> ObservedGroup:
    """Our group, with these members on the eastern device."""
    return replace(group("web", {EAST: set(names)}), **more)


ALTERED = (("fabric-object", "enable"),)
MOVED: dict[str, tuple[ObservedAdom, dict[Any, tuple[str, ...]]]] = {
    "nothing": (WRITTEN, {}),
    "it is gone": (but(gone="web"), {EAST: ("web",), WEST: ("web",)}),
    "there is one more": (but(group("db")), {EAST: ("db",), WEST: ("db",)}),
    "one of others": (but(group("db", owned=False)), {}),
    "ours is theirs now": (
        but(replace(WEB, owned=False)),
        {EAST: ("web",), WEST: ("web",)},
    ),
    "a member came, on one device": (
        but(web("10.1.0.1", "10.1.0.2", "10.1.0.3")),
        {EAST: ("web",)},
    ),
    "a member in another order": (
        but(replace(WEB, mappings={EAST: ("prod_10.1.0.2", "prod_10.1.0.1")})),
        {},
    ),
    "its own members are those of the other": (
        but(replace(WEB, members=("prod_10.1.0.3",))),
        {WEST: ("web",)},
    ),
    "another comment": (but(replace(WEB, comment="hello")), {}),
    "a shard counts for its group, once": (
        but(group("web.1", {EAST: {"10.1.0.3"}}), web("10.1.0.1", "web.1")),
        {EAST: ("web",), WEST: ("web",)},
    ),
    "two groups, sorted": (
        but(group("db"), web("10.1.0.1")),
        {EAST: ("db", "web"), WEST: ("db",)},
    ),
    "an excluded member, on the device": (
        but(replace(WEB, excluded={EAST: ("prod_10.1.0.2",)})),
        {EAST: ("web",)},
    ),
    "an excluded member, of those without a mapping": (
        but(replace(WEB, excluded={None: ("prod_10.1.0.2",)})),
        {WEST: ("web",)},
    ),
    "an excluded member, where there is no mapping": (
        but(replace(WEB, excluded={WEST: ("prod_10.1.0.2",)})),
        {},
    ),
    "a field of the whole": (
        but(replace(WEB, altered={None: ALTERED})),
        {EAST: ("web",), WEST: ("web",)},
    ),
    "a field of one mapping": (but(replace(WEB, altered={EAST: ALTERED})), {EAST: ("web",)}),
    "a member says another address": (
        but(replace(TWO, value=Address("10.1.0.8"))),
        {EAST: ("web",)},
    ),
    "a member varies by device": (but(replace(TWO, mapped=True)), {EAST: ("web",)}),
    "a member is somebody else's": (but(replace(TWO, owned=False)), {EAST: ("web",)}),
    "a member has another field": (but(replace(TWO, altered=ALTERED)), {EAST: ("web",)}),
    "a member is gone": (but(gone="prod_10.1.0.2"), {EAST: ("web",)}),
    "an address of the other family has its name": (
        but(replace(TWO, family=V6, value=Address("2001:db8::2"))),
        {},
    ),
    "what is in no group": (but(replace(THREE, value=Address("10.1.0.8"))), {}),
}


@pytest.mark.parametrize("case", MOVED)
def test_what_is_not_any_more_what_it_was(case: str) -> None:
    now, expected = MOVED[case]
    found = yardstick.moved(WRITTEN, now, (WEST, EAST, EAST))
    assert found == expected
    assert list(found) == sorted(expected)
    assert yardstick.moved(now, WRITTEN, (EAST, WEST)) == expected, "either way"


def test_what_moved_is_told_by_device_in_order() -> None:
    many = [DeviceVdom(f"fgt-{number:02}", "root") for number in range(20)]
    assert list(yardstick.moved(WRITTEN, but(gone="web"), reversed(many))) == many


def test_it_counts_which_objects_are_members() -> None:
    """Not only what they let through now."""
    shards = (group("web.1", {EAST: {"10.1.0.1"}}), group("web.2", {EAST: {"10.1.0.1"}}))
    before = but(web("web.1", "10.1.0.2"), *shards)
    for name in ("web.2", "twin"):
        after = but(web(name, "10.1.0.2"), *shards)
        assert yardstick.moved(before, after, [EAST]) == {EAST: ("web",)}
    twin = replace(TWO, name="twin")
    before = but(web("10.1.0.1", "10.1.0.2"), twin)
    assert yardstick.moved(before, but(web("10.1.0.1", "twin"), twin), [EAST]) == {EAST: ("web",)}


def test_what_was_like_that_before_has_not_moved() -> None:
    strange = but(replace(TWO, altered=ALTERED), replace(WEB, altered={None: ALTERED}), gone="none")
    assert yardstick.moved(strange, strange, (EAST, WEST)) == {}


ASKED = seen(desired=desired(wanted("web", {EAST: ["10.1.0.1", "10.1.0.2"]})))
ABOUT = Change(Action.UPDATE, ObjectKind.MAPPING, "web", "", device=EAST)
MET: dict[str, tuple[ObservedAdom, bool]] = {
    "as written": (WRITTEN, True),
    "one is lacking": (but(web("10.1.0.1")), False),
    "one too many": (but(web("10.1.0.1", "10.1.0.2", "10.1.0.3")), False),
    "no group": (but(gone="web"), False),
    "another field of a member": (but(replace(TWO, altered=ALTERED)), False),
    "a member varies by device": (but(replace(TWO, mapped=True)), False),
    "a member is of the other family as well": (
        but(replace(TWO, family=V6, altered=ALTERED)),
        True,
    ),
    "an address that is no member": (but(replace(THREE, altered=ALTERED, mapped=True)), True),
    "a member that is not there": (but(web("10.1.0.1", "10.1.0.2", "lost")), True),
    "a member of another group of ours": (
        but(group("db", {EAST: {"10.1.0.3"}}), replace(THREE, altered=ALTERED)),
        True,
    ),
    "a member of a group of that name which is theirs": (
        but(group("web.1", {EAST: {"10.1.0.3"}}, owned=False), replace(THREE, altered=ALTERED)),
        True,
    ),
    "a member of its shard": (
        but(
            group("web.1", {EAST: {"10.1.0.2"}}),
            web("10.1.0.1", "web.1"),
            replace(TWO, altered=ALTERED),
        ),
        False,
    ),
}


@pytest.mark.parametrize("case", MET)
def test_whether_a_group_is_what_the_rules_ask_for(case: str) -> None:
    now, expected = MET[case]
    assert Yardstick(ASKED).is_met(now, EAST, "web") is expected


@pytest.mark.parametrize(("name", "expected"), [("web", False), ("web.2", False), ("db", True)])
def test_a_group_that_is_still_to_be_changed_is_not(name: str, expected: bool) -> None:
    plan = AdomPlan(REF, (replace(ABOUT, name=name),))
    assert Yardstick(replace(ASKED, plan=plan)).is_met(WRITTEN, EAST, "web") is expected


def test_where_nobody_asks_for_it_nothing_is_met() -> None:
    assert not Yardstick(ASKED).is_met(but(gone="web"), WEST, "web")
    unread = seen(desired=desired(wanted("web", {EAST: ["10.1.0.1"]}, retain=True)))
    assert not Yardstick(unread).is_met(but(gone="web"), EAST, "web")


HELD = Hold("removals", "web", "", EAST, added=(Address("10.1.0.2"),))
EXCESS: dict[str, tuple[str | None, str | None, ObservedAdom, dict[str, Any], str]] = {
    # what is desired, what the device has, the ADOM, what else -> what would be let through
    "all is wanted": ("1 2", "1", WRITTEN, {}, ""),
    "one is not": ("1", "1", WRITTEN, {}, "2"),
    "the device lets it through already": ("1", "1 2", WRITTEN, {}, ""),
    "the device was not asked": ("1", None, WRITTEN, {}, "2"),
    "it is kept back there": ("1", "1", WRITTEN, {"held": (HELD,)}, ""),
    "what leaves is kept back there": (
        "1",
        "1",
        WRITTEN,
        {"held": (replace(HELD, added=(), removed=HELD.added),)},
        "",
    ),
    "it is kept back everywhere": ("1", "1", WRITTEN, {"held": (replace(HELD, device=None),)}, ""),
    "it is kept back elsewhere": ("1", "1", WRITTEN, {"held": (replace(HELD, device=WEST),)}, "2"),
    "another group is kept back": ("1", "1", WRITTEN, {"held": (replace(HELD, name="db"),)}, "2"),
    "nothing is taken away, and it is ours": ("1", "1", WRITTEN, {"removes": False}, ""),
    "nothing is taken away, and it is theirs": (
        "1",
        "1",
        but(web("10.1.0.1", "10.1.0.2", "printer")),
        {"removes": False},
        "9",
    ),
    "what is wanted is not known, and it is ours": (None, "1", WRITTEN, {}, ""),
    "what is wanted is not known, and it is theirs": (
        None,
        "1",
        but(web("10.1.0.1", "printer")),
        {},
        "9",
    ),
    "what is wanted is not known, and they hold what no address is": (
        None,
        "1",
        but(web("10.1.0.1", "range")),
        {},
        "",
    ),
    "theirs in a shard": (
        None,
        "1",
        but(group("web.1", {EAST: {"printer"}}), web("10.1.0.1", "web.1")),
        {},
        "9",
    ),
    "theirs in another group": (
        None,
        "1",
        but(group("db", {EAST: {"printer"}}), web("10.1.0.1", "10.1.0.2")),
        {},
        "",
    ),
    "there is no such group": ("1", "1", but(gone="web"), {}, ""),
    "its rule is in error": ("1", "1", WRITTEN, {"in_error": True}, ""),
    "a family that no policy uses": ("1", "1", WRITTEN, {"families": frozenset({V6})}, ""),
    "an address that is none": ("1 2", "1", but(web("10.1.0.1", "range")), {}, "range"),
    "an address that varies by device": (
        "1 2",
        "1",
        but(replace(TWO, mapped=True)),
        {},
        "prod_10.1.0.2",
    ),
    "an address of others that varies by device": (
        "1 2 9",
        "1",
        but(web("10.1.0.1", "printer"), replace(THEIRS, mapped=True)),
        {},
        "printer",
    ),
    "a name of nothing that was read": ("1 2", "1", but(web("10.1.0.1", "lost")), {}, "lost"),
    "a group of others": (
        "1 2",
        "1",
        but(web("10.1.0.1", "them"), group("them", owned=False)),
        {},
        "them",
    ),
    "a shard of ours": (
        "1 2",
        "1",
        but(web("10.1.0.1", "web.1"), group("web.1", {EAST: {"10.1.0.2"}})),
        {},
        "",
    ),
    "a shard that holds what is none": (
        "1 2",
        "1",
        but(web("10.1.0.1", "web.1"), group("web.1", {EAST: {"range"}})),
        {},
        "range",
    ),
    "what is none, on another device": ("1 2", "1", but(replace(WEB, members=("range",))), {}, ""),
    "what is none, in another group": ("1 2", "1", but(group("db", {EAST: {"range"}})), {}, ""),
    "what is none, in their group of that name": (
        "1 2",
        "1",
        but(group("web.1", {EAST: {"range"}}, owned=False)),
        {},
        "",
    ),
    "both": ("1", "1", but(web("10.1.0.1", "10.1.0.2", "range")), {}, "2 range"),
    "in a group that denies, one is lacking": ("1 2 3", "1 3", WRITTEN, {"denies": True}, "3"),
    "in a group that denies, the device lacks it as well": (
        "1 2 3", "1 2", WRITTEN, {"denies": True}, "",
    ),
    "in a group that denies, the device was not asked": (
        "1 2 3", None, WRITTEN, {"denies": True}, "3",
    ),
    "in a group that denies, one too many": ("1", "1", WRITTEN, {"denies": True}, ""),
    "in a group that denies, what is wanted is not known": (
        None, "1 3", WRITTEN, {"denies": True}, "",
    ),
}  # fmt: skip


def named(text: str) -> frozenset[str]:
    return frozenset(f"10.1.0.{one}" if one.isdigit() else one for one in text.split())


@pytest.mark.parametrize("case", EXCESS)
def test_what_an_install_would_let_through_besides(case: str) -> None:
    asked, device, now, more, expected = EXCESS[case]
    usage = Usage(widening={(V4, "web"): "used in a deny policy"} if more.get("denies") else {})
    measure = Yardstick(
        seen(usage=usage, plan=AdomPlan(REF, held=more.get("held", ()))), more.get("removes", True)
    )
    fields = {key: more[key] for key in ("in_error", "families") if key in more}
    found = measure.excess(now, iter([on(EAST, view("web", asked, device=device, **fields))]))
    assert found == ({EAST: {"web": named(expected)}} if expected else {})


def test_each_group_of_each_device_is_told() -> None:
    now = but(
        group("db", {WEST: {"10.1.0.3"}}),
        replace(WEB, mappings={EAST: WEB.mappings[EAST], WEST: ("range",)}),
    )
    views = [on(WEST, view("app"), view("web"), view("db")), on(EAST, view("web"), view("db"))]
    assert Yardstick(seen()).excess(now, views) == {
        WEST: {"web": {"range"}, "db": {"10.1.0.3"}},
        EAST: {"web": {"10.1.0.2"}},
    }


def test_a_family_that_a_policy_does_not_use_may_hold_what_it_likes() -> None:
    both = but(SIX, replace(WEB, family=V6, mappings={EAST: (SIX.name, "range")}))
    of_four = view("web", "1 2", families=frozenset({V4}))
    assert Yardstick(seen()).excess(both, [on(EAST, of_four)]) == {}
    found = Yardstick(seen()).excess(both, [on(EAST, view("web", "1 2"))])
    assert found == {EAST: {"web": {"2001:db8::1", "range"}}}


LOST: dict[str, tuple[str | None, str | None, ObservedAdom, dict[str, Any], bool]] = {
    "nothing goes": ("1 2", "1 2", WRITTEN, {}, False),
    "what is wanted, and the device has": ("1 2 3", "1 2 3", WRITTEN, {}, True),
    "what the device does not have": ("1 2 3", "1 2", WRITTEN, {}, False),
    "what is not wanted": ("1 2", "1 2 3", WRITTEN, {}, False),
    "the device was not asked": ("1 2 3", None, WRITTEN, {}, False),
    "what is wanted is not known": (None, "1 2 3", WRITTEN, {}, False),
    "there is no such group": ("1 2 3", "1 2 3", but(gone="web"), {}, False),
    "its rule is in error": ("1 2 3", "1 2 3", WRITTEN, {"in_error": True}, False),
    "it denies": ("1 2 3", "1 2 3", WRITTEN, {"denies": True}, False),
    "of a family that no policy uses": (
        "1 2 2001:db8::1", "1 2 2001:db8::1", WRITTEN, {"families": frozenset({V4})}, False,
    ),
    "of one that a policy uses": ("1 2 2001:db8::1", "1 2 2001:db8::1", WRITTEN, {}, True),
}  # fmt: skip


@pytest.mark.parametrize("case", LOST)
def test_what_an_install_would_take_away_although_it_is_asked_for(case: str) -> None:
    asked, device, now, more, expected = LOST[case]
    usage = Usage(widening={(V4, "web"): "used in a deny policy"} if more.get("denies") else {})
    fields = {key: more[key] for key in ("in_error", "families") if key in more}
    views = [on(WEST, view("db")), on(EAST, view("web", asked, device=device, **fields))]
    found = Yardstick(seen(usage=usage)).lost(now, views)
    assert list(found) == ([(EAST, "web")] if expected else [])
