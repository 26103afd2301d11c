"""Which groups change hands, which do not and why, and how they are given back: tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fmgsync.model import naming
from fmgsync.model.address import Address
from fmgsync.model.change import Action, AdomPlan, Change, Finding, ObjectKind
from fmgsync.model.state import ObservedAddress, ObservedAdom, ObservedGroup
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import adoption
from fmgsync.planning.adoption import Adoption, Choice, Taking
from fmgsync.planning.usage import Usage
from tests.planning.estates import (
    EAST,
    OWNER,
    REF,
    V4,
    V6,
    WEST,
    adom,
    desired,
    group,
    own,
    shared,
    wanted,
)

TIGERA = "Managed by Tigera: a policy"
OLD = naming.mark("old", "web")
CALICO, NAMED = Choice(calico=True), Choice(names=frozenset({"web"}))
WEB = (V4, "web")


def theirs(name: str = "web", *members: str, comment: str = TIGERA, **more: Any) -> ObservedGroup:
    return ObservedGroup(name, V4, members, more.pop("mappings", {}), comment, False, **more)


def thing(name: str, value: str | None, comment: str = TIGERA, **more: Any) -> ObservedAddress:
    plain = Address(value) if value else None
    return ObservedAddress(name, more.pop("family", V4), plain, comment, owned=False, **more)


NODE, HAND = thing("node-a", "10.1.0.1"), thing("printer", "10.1.0.9", "by hand")
ODD = [thing("range", None), thing("by-device", "10.1.0.7", mapped=True)]
THINGS = {(each.family, each.name): each for each in (NODE, HAND, *ODD)}
RULES = desired(wanted("web", {EAST: ["10.1.0.1", "10.1.0.2"]}), wanted("db", {EAST: []}))

MEANT: dict[str, tuple[Choice, str, str, bool]] = {
    "by name": (NAMED, "web", "whatever", True),
    "another name": (NAMED, "db", TIGERA, False),
    "by pattern": (Choice(pattern="w*"), "web", "", True),
    "another pattern": (Choice(pattern="d*"), "web", "", False),
    "a pattern is no other case": (Choice(pattern="W*"), "web", "", False),
    "by either": (Choice(pattern="d*", names=frozenset({"web"})), "web", "", True),
    "Calico's": (CALICO, "web", TIGERA, True),
    "not Calico's": (CALICO, "web", "by hand", False),
    "Calico's, and named": (replace(CALICO, names=NAMED.names), "web", TIGERA, True),
    "Calico's, not named": (replace(CALICO, names=NAMED.names), "db", TIGERA, False),
    "named, not Calico's": (replace(CALICO, names=NAMED.names), "web", "by hand", False),
    "Calico's, and it fits": (replace(CALICO, pattern="w*"), "web", TIGERA, True),
    "Calico's, it does not fit": (replace(CALICO, pattern="w*"), "db", TIGERA, False),
    "of an owner": (Choice(from_owner="old"), "web", OLD, True),
    "of another owner": (Choice(from_owner="older"), "web", OLD, False),
    "of none": (Choice(from_owner="old"), "web", "by hand", False),
    "nobody is meant": (Choice(), "web", "", False),
}


@pytest.mark.parametrize("case", MEANT)
def test_which_are_meant(case: str) -> None:
    """The same of those that were taken over: they were somebody's by the comment they had."""
    choice, name, comment, expected = MEANT[case]
    assert choice.means(name, comment) is expected
    standing = adom(theirs(name, comment=comment))
    keys = adoption.members_of(choice, adom(theirs(name, "a", comment=comment)), RULES)
    assert keys == ({(V4, "a")} if expected else set())
    mine = replace(group(name), comment=naming.taking_over(OWNER, name, comment))
    given = adoption.release(choice, adom(mine), Usage()).plan.changes
    assert bool(given) is (expected or choice == Choice())
    assert adoption.settled(choice, standing, RULES) == RULES


def take(
    choice: Choice, *groups: ObservedGroup, ambiguous: tuple[str, ...] = (), **more: Any
) -> Adoption:
    users = more.pop("users", {})
    return adoption.take_over(choice, RULES, adom(*groups), THINGS, users, ambiguous)


def taken(kind: ObjectKind, name: str, comment: str = TIGERA) -> Change:
    told = "taken over: its comment alone changes"
    mark = naming.taking_over(OWNER, name, comment)
    return Change(Action.UPDATE, kind, name, told, comment=mark, instead_of=comment)


def test_a_group_changes_hands_with_the_addresses_of_the_same_hand() -> None:
    """What the next plan changes is told, and where it is used."""
    made = take(
        CALICO,
        theirs("web", "printer", "none", mappings={EAST: ("node-a", "printer"), WEST: ("none",)}),
        theirs("db", comment="by hand"),
        theirs("app"),
        users={WEB: {WEST: "edge", EAST: "edge"}},
    )
    assert made.plan == AdomPlan(
        REF, (taken(ObjectKind.ADDRESS, "node-a"), taken(ObjectKind.GROUP, "web"))
    )
    (taking,) = made.takings
    assert taking == Taking(
        WEB,
        TIGERA,
        frozenset({Address("10.1.0.1"), Address("10.1.0.9")}),
        ("node-a",),
        frozenset({Address("10.1.0.2")}),
        frozenset({Address("10.1.0.9")}),
        (EAST, WEST),
    )
    assert made.refused == ()


def test_only_the_stand_in_of_who_had_it_stands_for_nothing() -> None:
    """It stays theirs, since other groups of theirs may hold it."""
    named = {
        (V4, name): thing(name, text, naming.mark("old", name))
        for name, text in (("old_none", "0.0.0.0"), ("dmz_none", "10.9.0.0/16"))
    }
    found = adom(theirs("web", *(name for _, name in named), comment=OLD))
    made = adoption.take_over(Choice(from_owner="old"), RULES, found, named, {}, ())
    assert [each.name for each in made.plan.changes] == ["dmz_none", "web"]
    assert made.refused == ()


def test_groups_are_taken_in_order() -> None:
    made = take(CALICO, theirs("web", "node-a"), theirs("db", "node-a"))
    assert [each.key for each in made.takings] == [(V4, "db"), WEB]
    assert [each.name for each in made.plan.changes] == ["node-a", "db", "web"]


def test_nothing_goes_while_what_is_wanted_is_not_known() -> None:
    rules = desired(wanted("web", {EAST: []}, retain=True))
    made = adoption.take_over(CALICO, rules, adom(theirs("web", "node-a")), THINGS, {}, ())
    assert (made.takings[0].coming, made.takings[0].going) == (frozenset(), frozenset())


def test_an_address_whose_name_no_mark_can_say_stays_theirs() -> None:
    odd = thing("node a", "10.1.0.1")
    found = adom(theirs("web", "node a"))
    made = adoption.take_over(CALICO, RULES, found, {(V4, "node a"): odd}, {}, ())
    assert [each.name for each in made.plan.changes] == ["web"]
    assert made.takings[0].members == {"10.1.0.1"}


REFUSED: dict[str, tuple[Choice, list[ObservedGroup], str]] = {
    "it is another installation's": (
        NAMED,
        [theirs("web", comment=OLD)],
        "installation 'old': take it over with --from-owner old",
    ),
    "it holds a group": (CALICO, [theirs("web", "db"), theirs("db")], "holds groups (db)"),
    "it excludes": (CALICO, [theirs(excluded={None: ("node-a",)})], "it excludes members"),
    "a range": (CALICO, [theirs("web", "range", "node-a")], "by device): range"),
    "an address by device": (CALICO, [theirs("web", "by-device")], "by device): by-device"),
    "a range that is named like nothing": (CALICO, [theirs("web", "dmz_none")], "dmz_none"),
    "what is not there": (CALICO, [theirs("web", mappings={EAST: ("lost",)})], "device): lost"),
    "three of them are told": (
        CALICO,
        [theirs("web", "d", "c", "b", "a")],
        "values by device): a, b, c",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_not_be_the_same_is_refused(case: str) -> None:
    """The others go on."""
    choice, groups, why = REFUSED[case]
    made = take(choice, *groups)
    assert [(each.kind, each.name) for each in made.refused] == [(adoption.REFUSED, "web")]
    assert made.refused[0].message.endswith(why) or why in made.refused[0].message
    assert made.refused[0].is_error
    assert [each.key for each in made.takings] == [(V4, g.name) for g in groups[1:]]


def test_a_name_that_no_mark_can_say_is_refused() -> None:
    found = adom(theirs("web site"))
    rules = desired(wanted("web site", {EAST: []}))
    (why,) = adoption.take_over(CALICO, rules, found, {}, {}, ()).refused
    assert why.message == "its name has characters that a mark cannot name"


@pytest.mark.parametrize(
    ("choice", "ambiguous", "expected"),
    [
        (CALICO, ("web",), True),
        (CALICO, ("db",), False),
        (replace(CALICO, names=NAMED.names), ("web",), False),
        (NAMED, ("web",), False),
    ],
)
def test_whose_it_is_must_be_clear(
    choice: Choice, ambiguous: tuple[str, ...], expected: bool
) -> None:
    made = take(choice, theirs(), ambiguous=ambiguous)
    assert ["more than one cluster" in each.message for each in made.refused] == [True] * expected


@pytest.mark.parametrize(
    ("choice", "groups", "expected"),
    [
        (NAMED, [], True),
        (NAMED, [theirs()], False),
        (NAMED, [group("web")], False),  # ours already
        (NAMED, [theirs("web", "db"), theirs("db")], False),  # it was told why
        (Choice(names=frozenset({"dmz"})), [theirs("dmz", "web")], True),
        (replace(CALICO, names=NAMED.names), [theirs(comment="by hand")], True),
    ],
    ids=["none", "taken", "ours", "refused", "no rule", "of another hand"],
)
def test_a_name_with_which_nothing_is_done_is_told(
    choice: Choice, groups: list[ObservedGroup], expected: bool
) -> None:
    told = [each for each in take(choice, *groups).refused if "give it a rule" in each.message]
    assert [(each.name, each.is_error) for each in told] == [(n, True) for n in choice.names][
        : int(expected)
    ]


def test_what_bears_the_old_comment_and_stays() -> None:
    kind = ObjectKind
    made = Adoption(
        AdomPlan(REF, (taken(kind.GROUP, "web"),)), refused=(Finding("", "db", "", is_error=True),)
    )
    listed = [(kind.GROUP, "web"), (kind.GROUP, "db"), (kind.ADDRESS, "web"), (kind.ADDRESS, "in"),
              (kind.ADDRESS6, "in"), (kind.GROUP, "gone")]  # fmt: skip
    assert adoption.left_over(made, listed, {(V4, "in")}) == (
        (kind.ADDRESS, "web"),
        (kind.ADDRESS6, "in"),
        (kind.GROUP, "gone"),
    )


# --- giving back ----------------------------------------------------------------------------------


def ours(name: str = "web", mappings: Any = None, **more: Any) -> ObservedGroup:
    """A group that was Calico's."""
    made = replace(group(name, mappings), comment=naming.taking_over(OWNER, name, TIGERA))
    return replace(made, **more)


ONE, TWO = own("10.1.0.1"), own("10.1.0.2")
FORMER = naming.taking_over(OWNER, "web", OLD)
OTHER = DeviceVdom("fgt-other", "root")


def steps(made: Adoption) -> list[str]:
    """What is done, in order."""
    return [
        " ".join(
            [each.action, each.kind, each.name, *([each.device.device] if each.device else []),
             *each.members, *([each.comment] if each.comment else [])]
        )
        for each in made.plan.changes
    ]  # fmt: skip


COMMENTS = [f"update address prod_10.1.0.1 {TIGERA}", f"update addrgrp web {TIGERA}"]
COLLAPSED = [
    "update addrgrp web prod_10.1.0.1",
    "delete mapping web fgt-east",
    "delete mapping web fgt-west",
    *COMMENTS,
]
SAME = {EAST: {"10.1.0.1"}, WEST: {"10.1.0.1"}}
BACK: dict[str, tuple[ObservedAdom, Usage, list[str], bool]] = {
    # the ADOM, who uses it -> what is done, and whether its mappings stay
    "all devices alike": (adom(ONE, ours(mappings=SAME)), Usage(), COLLAPSED, False),
    "and they use it": (
        adom(ONE, ours(mappings=SAME)),
        Usage(devices={WEB: {EAST: "edge", WEST: "edge"}}),
        COLLAPSED,
        False,
    ),
    "another device uses it, and has nothing": (
        adom(ONE, ours(mappings=SAME)),
        Usage(devices={WEB: {OTHER: "edge"}}),
        COMMENTS,
        True,
    ),
    "another device may use it": (
        adom(ONE, ours(mappings=SAME)),
        Usage(disputed={WEB: frozenset({OTHER})}),
        COMMENTS,
        True,
    ),
    "another device uses something else": (
        adom(ONE, ours(mappings=SAME)),
        Usage(devices={(V6, "web"): {OTHER: "edge"}}),
        COLLAPSED,
        False,
    ),
    "each has its own": (
        adom(ONE, ours(mappings={EAST: {"10.1.0.1"}, WEST: {"none"}})),
        Usage(),
        COMMENTS,
        True,
    ),
    "it has members of its own besides": (
        adom(ONE, ours(mappings=SAME, members=(ONE.name,))),
        Usage(),
        COMMENTS,
        True,
    ),
    "what it has of its own is named like nothing": (
        adom(ONE, ours(mappings=SAME, members=("dmz_none",))),
        Usage(),
        COMMENTS,
        True,
    ),
    "of its own it has what stood for nothing": (
        adom(ONE, replace(ours(mappings=SAME, members=("old_none",)), comment=FORMER)),
        Usage(),
        [*COLLAPSED[:3], f"update address prod_10.1.0.1 {OLD}", f"update addrgrp web {OLD}"],
        False,
    ),
    "it has only its own": (adom(ONE, ours(members=(ONE.name,))), Usage(), COMMENTS, False),
    "and a device uses it": (
        adom(ONE, ours(members=(ONE.name,))),
        Usage(devices={WEB: {OTHER: "edge"}}),
        COMMENTS,
        False,
    ),
    "an address is in a group that stays ours": (
        adom(ONE, TWO, ours(members=(ONE.name, TWO.name)), group("db", members=(TWO.name,))),
        Usage(),
        COMMENTS,
        False,
    ),
    "an address is in a group of others": (
        adom(ONE, ours(members=(ONE.name,)), theirs("x", ONE.name)),
        Usage(),
        COMMENTS,
        False,
    ),
    "an address is somebody's": (
        adom(ONE, HAND, ours(members=(ONE.name, "printer", "lost"))),
        Usage(),
        COMMENTS,
        False,
    ),
    "what stands for nothing stays": (
        adom(
            ONE,
            ObservedAddress("prod_none", V4, Address("0.0.0.0"), "", owned=True),
            ours(members=(ONE.name, "prod_none")),
        ),
        Usage(),
        COMMENTS,
        False,
    ),
    "an address goes with the first of two": (
        adom(ONE, ours(members=(ONE.name,)), ours("db", members=(ONE.name,))),
        Usage(),
        [COMMENTS[0], f"update addrgrp db {TIGERA}", COMMENTS[1]],
        False,
    ),
    "an address had another comment": (
        adom(
            replace(ONE, comment=naming.taking_over(OWNER, ONE.name, "a node")),
            ours(members=(ONE.name,)),
        ),
        Usage(),
        ["update address prod_10.1.0.1 a node", COMMENTS[1]],
        False,
    ),
    "it was never taken over": (adom(ONE, group("web", SAME)), Usage(), [], False),
    "it is not ours": (adom(replace(ours(mappings=SAME), owned=False)), Usage(), [], False),
}


@pytest.mark.parametrize("case", BACK)
def test_what_is_given_back_is_what_devices_have(case: str) -> None:
    """No device gets a member that it had not."""
    have, usage, expected, stays = BACK[case]
    made = adoption.release(Choice(), have, usage)
    assert steps(made) == expected
    assert [(f.kind, f.name, f.is_error) for f in made.refused] == (
        [("keeps-mappings", "web", False)] if stays else []
    )


def test_what_is_given_back_says_whose_it_must_still_be() -> None:
    have = adom(ONE, ours(members=(ONE.name,)))
    made = adoption.release(Choice(), have, Usage())
    address, last = made.plan.changes
    assert (address.value, address.instead_of) == (ONE.value, ONE.comment)
    assert last.instead_of == have.groups[WEB].comment
    assert made.takings == (Taking(WEB, TIGERA, frozenset({Address("10.1.0.1")}), (ONE.name,)),)


@pytest.mark.parametrize(
    ("choice", "there", "name"),
    [
        (NAMED, theirs("web", comment="by hand"), "web"),
        (NAMED, theirs("app", comment="by hand"), "default.web"),
        (CALICO, theirs("web", comment="by hand"), "default.web"),
        (CALICO, group("web"), "web"),
        (Choice(from_owner="old"), theirs("web", comment="by hand"), "default.web"),
    ],
)
def test_what_is_meant_is_wanted_by_the_name_that_it_has(
    choice: Choice, there: ObservedGroup, name: str
) -> None:
    """A policy's name may have gained its tier since; what is ours has its name anyway."""
    goal = replace(desired(wanted("default.web", {EAST: []})), aliases={"default.web": "web"})
    assert [g.name for g in adoption.settled(choice, adom(there), goal).groups] == [name]


def test_only_what_is_not_ours_and_is_meant_counts_for_a_name() -> None:
    """An own group beside it keeps its name, though somebody means it by a pattern."""
    goal = replace(desired(wanted("default.web", {EAST: []})), aliases={"default.web": "web"})
    have = adom(group("web"), group("default.web"))
    every = Choice(pattern="*")
    assert adoption.settled(every, have, goal).groups == goal.groups
    made = adoption.take_over(every, RULES, adom(group("web")), THINGS, {}, ())
    assert (made.takings, made.refused) == ((), ())


def test_another_hands_word_says_nothing_where_nobody_asks_for_it() -> None:
    assert not NAMED.made_by(TIGERA)
    assert not CALICO.made_by("by hand")
    assert not Choice(from_owner="").made_by(OLD)
    (back,) = take(Choice(from_owner="old"), theirs("web", comment=OLD)).takings
    assert back.comment == OLD


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        (
            [theirs("web", *"dcba"), *(theirs(n) for n in "abcd")],
            "it holds groups (a, b, c): a rule",
        ),
        ([theirs("web", *"dcba")], "(a group, a range, a name, values by device): a, b, c"),
    ],
)
def test_of_many_in_the_way_three_are_told(groups: list[ObservedGroup], told: str) -> None:
    (why,) = take(CALICO, *groups).refused
    assert told in why.message
    assert not why.message.endswith("d")


def test_a_name_with_which_nothing_is_done_is_told_as_not_taken_over() -> None:
    (why,) = take(NAMED).refused
    assert (why.kind, why.name) == (adoption.REFUSED, "web")


def test_a_shared_rule_gives_each_of_its_places_the_same() -> None:
    rules = desired(shared("web", ["10.1.0.2"], EAST))
    made = adoption.take_over(CALICO, rules, adom(theirs("web", "node-a")), THINGS, {}, ())
    (taking,) = made.takings
    assert [taking.coming, taking.going] == [{Address("10.1.0.2")}, {Address("10.1.0.1")}]


def test_giving_back_says_where_and_why() -> None:
    made = adoption.release(Choice(), adom(ONE, ours(mappings=SAME)), Usage())
    because = ["given back: the members that every device has become its own"] * 3
    assert [each.because for each in made.plan.changes] == [
        *because,
        "given back with its group",
        "given back: its comment is what it was",
    ]
    assert made.plan.ref == REF
    apart = adoption.release(Choice(), adom(ONE, ours(mappings={**SAME, WEST: {"none"}})), Usage())
    (why,) = apart.refused
    assert why.message.endswith("its mappings stay: whoever has it back must know of them")


def test_members_that_every_device_has_may_be_those_of_a_device_without_a_mapping() -> None:
    """It has nothing, as they have: then nothing is different."""
    usage = Usage(devices={WEB: {OTHER: "edge"}})
    nothing = ours(mappings={EAST: {"none"}, WEST: {"none"}})
    assert adoption.release(Choice(), adom(nothing), usage).refused == ()


def test_addresses_of_one_name_go_back_in_each_family() -> None:
    four, six = (
        replace(thing("node", text, naming.taking_over(OWNER, "node", f"{text}"), family=family),
                owned=True)
        for text, family in (("10.1.0.1", V4), ("2001:db8::1", V6))
    )  # fmt: skip
    range_ = replace(
        four, name="range", value=None, comment=naming.taking_over(OWNER, "range", "r")
    )
    groups = [
        ours(members=("node", "range")),
        ours(members=("node",), family=V6),
        ours("db", members=("node",)),
    ]
    made = adoption.release(Choice(), adom(four, six, range_, *groups), Usage())
    gone = [
        (c.kind, c.name, c.comment) for c in made.plan.changes if c.kind.table.value[:4] == "addr"
    ]
    addresses = [row for row in gone if row[1] in ("node", "range")]
    assert addresses == [
        (ObjectKind.ADDRESS, "node", "10.1.0.1"),
        (ObjectKind.ADDRESS, "range", "r"),
        (ObjectKind.ADDRESS6, "node", "2001:db8::1"),
    ]
    assert {t.key: t.members for t in made.takings}[WEB] == {"10.1.0.1"}
