"""What FortiManager would install, by value; and what the rules ask for: tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.assessing import rendered
from fmgsync.model.address import Address
from fmgsync.model.state import DesiredGroup, ObservedAddress, ObservedAdom
from tests.assessing.scenes import members
from tests.planning.estates import EAST, V4, V6, WEST, adom, desired, group, own, shared, wanted

ONE, TWO, SIX = own("10.1.0.1"), own("10.1.0.2"), own("2001:db8::1")
RANGE = ObservedAddress("range", V4, None, "", owned=False)
STRANGER = replace(TWO, family=V6, value=Address("2001:db8::2"))
OF_SIX = replace(group("web", members=(SIX.name, "none")), family=V6)
OBJECTS = (ONE, TWO, SIX, RANGE, STRANGER)
WEB = group("web", {EAST: {"10.1.0.1"}})
NESTED = (
    group("web", {EAST: {"10.1.0.1", "web.1"}}),
    group("web.1", {EAST: {"10.1.0.2"}}, members=(ONE.name,)),
)

HELD: dict[str, tuple[ObservedAdom, str | None, str | None]] = {
    # the ADOM -> what the eastern and the western device get
    "a mapping, and nothing": (adom(*OBJECTS, WEB), "1", ""),
    "its own members": (adom(*OBJECTS, replace(WEB, members=(TWO.name,))), "1", "2"),
    "no group": (adom(*OBJECTS, group("db")), None, None),
    "a group of others": (adom(*OBJECTS, replace(WEB, owned=False)), None, None),
    "both families": (adom(*OBJECTS, WEB, OF_SIX), "1 2001:db8::1", "2001:db8::1"),
    "one is of others": (adom(*OBJECTS, WEB, replace(OF_SIX, owned=False)), "1", ""),
    "of six alone": (adom(*OBJECTS, OF_SIX), "2001:db8::1", "2001:db8::1"),
    "what is no address": (adom(*OBJECTS, group("web", {EAST: {"10.1.0.1", "range"}})), "1", ""),
    "what is not there": (adom(*OBJECTS, group("web", {EAST: {"10.1.0.1", "lost"}})), "1", ""),
    "a name of the other family": (adom(STRANGER, group("web", {EAST: {"10.1.0.2"}})), "", ""),
    "a group in it": (adom(*OBJECTS, *NESTED), "1 2", ""),
    "of others in it": (adom(*OBJECTS, NESTED[0], replace(NESTED[1], owned=False)), "1 2", ""),
    "a group in it of the other family": (
        adom(*OBJECTS, NESTED[0], replace(NESTED[1], family=V6)),
        "1",
        "",
    ),
    "a group in it, with its own members there": (
        adom(*OBJECTS, group("web", members=("web.1",)), NESTED[1]),
        "2",
        "1",
    ),
    "groups within each other": (
        adom(
            *OBJECTS,
            group("web", members=("web.1", ONE.name)),
            group("web.1", members=("web", TWO.name)),
        ),
        "1 2",
        "1 2",
    ),
    "what foreign members let through": (
        replace(
            adom(*OBJECTS, group("web", {EAST: {"10.1.0.1", "range"}})),
            strange={
                (V4, "range"): frozenset({Address("10.1.0.7")}),
                (V6, "range"): frozenset({Address("2001:db8::7")}),
                (V4, "lost"): frozenset({Address("10.1.0.8")}),
            },
        ),
        "1 7",
        "",
    ),
}


@pytest.mark.parametrize("case", HELD)
def test_what_devices_get(case: str) -> None:
    have, east, west = HELD[case]
    found = rendered.from_adom(have, iter([EAST, WEST]), iter(["web"]))
    expected = {EAST: members(east), WEST: members(west)}
    assert found == {place: {} if e is None else {"web": e} for place, e in expected.items()}


def test_each_group_is_told() -> None:
    have = adom(*OBJECTS, WEB, group("db", {EAST: {"10.1.0.2"}}), group("app"))
    assert rendered.from_adom(have, [EAST], ["web", "db"]) == {
        EAST: {"web": members("1"), "db": members("2")}
    }


SIX_WANTED = wanted("web", {EAST: ["2001:db8::1"]}, family=V6)
WANTED: dict[str, tuple[list[DesiredGroup], dict[object, str | None]]] = {
    "nothing": ([], {}),
    "by device": ([wanted("web", {EAST: ["10.1.0.1"], WEST: []})], {EAST: "1", WEST: ""}),
    "everywhere the same": ([shared("web", ["10.1.0.1"])], {EAST: "1", WEST: "1"}),
    "both families": (
        [wanted("web", {EAST: ["10.1.0.1"], WEST: ["10.1.0.2"]}), SIX_WANTED],
        {EAST: "1 2001:db8::1", WEST: "2"},
    ),
    "a source is not read": (
        [wanted("web", {EAST: ["10.1.0.1"]}, retain=True)],
        {EAST: None},
    ),
    "of one family not": (
        [wanted("web", {EAST: ["10.1.0.1"]}, retain=True), SIX_WANTED],
        {EAST: None},
    ),
    "of the other": (
        [
            wanted("web", {EAST: ["10.1.0.1"]}),
            wanted("web", {EAST: []}, family=V6, retain=True),
        ],
        {EAST: None},
    ),
    "nobody says what": (
        [replace(shared("web", []), shared=None), SIX_WANTED],
        {EAST: None, WEST: None},
    ),
}


@pytest.mark.parametrize("case", WANTED)
def test_what_the_rules_ask_for(case: str) -> None:
    groups, expected = WANTED[case]
    found = rendered.from_desired(desired(*groups))
    assert found == {place: {"web": members(text)} for place, text in expected.items()}


def test_a_set_that_devices_share_is_kept_once() -> None:
    """Of a hundred thousand addresses on a thousand devices there is one."""
    found = rendered.from_desired(desired(shared("web", ["10.1.0.1"])))
    assert found[EAST]["web"] is found[WEST]["web"]
    many = adom(ONE, group("web", members=(ONE.name,)))
    held = rendered.from_adom(many, [EAST, WEST], ["web"])
    assert held[EAST]["web"] is held[WEST]["web"]
