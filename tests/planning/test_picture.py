"""The picture of an ADOM, object by object: what a part of it holds, and whether a write shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.model import naming
from fmgsync.model.address import Address
from fmgsync.model.change import Action, Change, ObjectKind
from fmgsync.model.state import (
    DesiredGroup,
    DesiredMembers,
    ObjectKey,
    ObservedAddress,
    ObservedAdom,
    ObservedGroup,
)
from fmgsync.planning import adom_cache
from fmgsync.planning.adom_cache import Picture, Touched
from tests.planning.estates import EAST, OWNER, V4, V6, WEST, adom, group, own, shared, wanted
from tests.planning.estates import desired as asking

CREATE, UPDATE, DELETE = Action.CREATE, Action.UPDATE, Action.DELETE
GROUP, MAPPING, ADDRESS = ObjectKind.GROUP, ObjectKind.MAPPING, ObjectKind.ADDRESS
NINE, EIGHT = own("10.1.0.9"), own("10.1.0.8")
HERE = {EAST: {"10.1.0.9"}}
WEB = group("web", HERE)
FOLDER = (("type", "folder"),)
MARK = naming.mark(OWNER, "web")


def web(action: Action, kind: ObjectKind = GROUP, **more: object) -> Change:
    return Change(action, kind, "web", "why", **more)  # type: ignore[arg-type]


def nine(action: Action, **more: object) -> Change:
    return Change(action, ADDRESS, NINE.name, "why", value=NINE.value, **more)  # type: ignore[arg-type]


OWN = web(UPDATE, members=("none",))
MAPPED = web(UPDATE, MAPPING, device=EAST, members=(NINE.name,))


@pytest.mark.parametrize(
    ("change", "there", "shows"),
    [
        (nine(CREATE), NINE, True),
        (nine(CREATE), None, False),
        (nine(UPDATE), own("10.1.0.9", value="10.1.0.8"), False),
        (nine(UPDATE), replace(NINE, mapped=True), False),
        (nine(UPDATE), replace(NINE, owned=False), False),
        (nine(UPDATE), replace(NINE, altered=FOLDER), False),
        (nine(UPDATE, comment=NINE.comment), NINE, True),
        (nine(UPDATE, comment="another"), NINE, False),
        (nine(DELETE), NINE, False),
        (nine(DELETE), None, True),
        (OWN, WEB, True),
        (OWN, None, False),
        (OWN, replace(WEB, members=("all",)), False),
        (OWN, replace(WEB, owned=False), False),
        (OWN, replace(WEB, excluded={None: ("a",)}), False),
        (OWN, replace(WEB, excluded={EAST: ("a",)}), True),
        (OWN, replace(WEB, altered={None: FOLDER}), False),
        (OWN, replace(WEB, altered={EAST: FOLDER}), True),
        (replace(OWN, comment=MARK), WEB, True),
        (replace(OWN, comment="another"), WEB, False),
        (web(UPDATE, members=("b", "a")), replace(WEB, members=("a", "b")), True),
        (MAPPED, WEB, True),
        (MAPPED, None, False),
        (MAPPED, replace(WEB, mappings={}), False),
        (MAPPED, replace(WEB, excluded={EAST: ("a",)}), False),
        (MAPPED, replace(WEB, altered={EAST: FOLDER}), False),
        (web(DELETE), WEB, False),
        (web(DELETE), None, True),
        (web(DELETE, MAPPING, device=EAST), WEB, False),
        (web(DELETE, MAPPING, device=WEST), WEB, True),
        (web(DELETE, MAPPING, device=EAST), None, True),  # Its group is gone, and it with it.
        (web(UPDATE, MAPPING, device=EAST), replace(WEB, mappings={}), True),
    ],
)
def test_what_was_read_back_shows_a_change_or_not(
    change: Change, there: ObservedAddress | ObservedGroup | None, shows: bool
) -> None:
    fresh = adom(*([there] if there else []))
    assert adom_cache.carried_out([change], fresh) is shows
    assert adom_cache.carried_out([nine(DELETE), change], fresh) is (shows and there != NINE)


def test_what_changes_touch() -> None:
    six = Change(CREATE, ObjectKind.ADDRESS6, "six", "why")
    assert adom_cache.touched([OWN, MAPPED, nine(CREATE), six]) == Touched(
        frozenset({(V4, "web")}), frozenset({(V4, NINE.name), (V6, "six")})
    )


def known(have: ObservedAdom, *asked: str) -> Picture:
    return Picture(have, asked, owner=OWNER)


def test_it_tells_what_was_asked_for_and_gives_copies() -> None:
    have = replace(adom(NINE, WEB), stamp="s1", used=frozenset({(V4, "web")}))
    picture = known(have, "web", "db")
    assert picture.covers(["web", "db"])
    assert not picture.covers(["web", "app"])
    assert picture.observed() == have
    part = picture.part(asking(wanted("web", HERE)), ["web"])
    assert (part.ref, part.stamp, part.used) == (have.ref, "s1", have.used)


def test_what_is_read_back_takes_the_place_of_what_was() -> None:
    """What is not in it is gone, from its group's holders as well."""
    picture = known(replace(adom(NINE, EIGHT, WEB, group("db", HERE)), stamp="s1"), "web")
    gone = Touched(
        frozenset({(V4, "db"), (V4, "never"), (V4, "web")}),
        frozenset({(V4, NINE.name), (V4, EIGHT.name)}),
    )
    odd = own("10.1.0.8", value="10.9.9.9")
    new = group("web", {EAST: {"10.1.0.8"}})
    fresh = ObservedAdom(adom().ref, {(V4, EIGHT.name): odd}, {(V4, "web"): new}, stamp="s2")
    picture.replace(gone, fresh)
    assert picture.observed() == replace(adom(odd, new), stamp="s2")
    part = picture.part(asking(wanted("web", {EAST: {"10.1.0.8"}})), ["web"])
    assert part.addresses[V4, EIGHT.name] == odd
    assert part.groups == {(V4, "web"): new}
    assert part.elsewhere == {}
    assert picture.part(asking(wanted("db", HERE)), ["db"]).groups == {}
    picture.replace(gone, replace(fresh, addresses={(V4, EIGHT.name): EIGHT}))
    assert (V4, EIGHT.name) not in picture.part(
        asking(wanted("web", {EAST: {"10.1.0.8"}})), ["web"]
    ).addresses


SEVEN_OWN = DesiredMembers(frozenset({Address("10.1.0.7")}))
SEVEN, SIX = own("10.1.0.7"), own("2001:db8::6")
ODD = own("10.1.0.9", value="10.9.9.9")


@pytest.mark.parametrize(
    ("rule", "web_there", "further", "looked_at"),
    [
        # What stays is left out, but where it is not as its name says.
        (wanted("web", HERE), WEB, [NINE], set()),
        (wanted("web", HERE), WEB, [ODD], {ODD.name}),
        (wanted("web", {WEST: {"10.1.0.9"}}), None, [ODD], {ODD.name}),
        (wanted("web", {}), None, [ODD], set()),
        # What comes and goes, on any device, and by the group's own value.
        (wanted("web", {EAST: {"10.1.0.8"}}), WEB, [NINE, EIGHT], {NINE.name, EIGHT.name}),
        (wanted("web", {}), WEB, [NINE], {NINE.name}),
        (shared("web", {"10.1.0.7"}), None, [SEVEN, NINE], {SEVEN.name}),
        (replace(wanted("web", HERE), own=SEVEN_OWN), WEB, [SEVEN, NINE], {SEVEN.name}),
        # What it excludes, and what is of a family that nobody asks for any more.
        (wanted("web", HERE), replace(WEB, excluded={None: (SEVEN.name,)}), [NINE, SEVEN],
         {SEVEN.name}),
        (wanted("web", {}, family=V6), WEB, [NINE], {NINE.name}),
        # Names of the rules, whoever bears them.
        (wanted("web", HERE), WEB, [NINE, replace(SEVEN, name="web", owned=False)], {"web"}),
        (wanted("web", HERE), WEB, [NINE, replace(SEVEN, name="prod_none")], {"prod_none"}),
    ],
)  # fmt: skip
def test_a_part_holds_what_needs_a_look(
    rule: DesiredGroup,
    web_there: ObservedGroup | None,
    further: list[ObservedAddress],
    looked_at: set[str],
) -> None:
    have = adom(*further, *([web_there] if web_there else []))
    part = known(have).part(asking(rule), ["web"])
    assert {name for _, name in part.addresses} == looked_at | {"none"}


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([group("db", HERE), group("app", HERE)], {(V4, NINE.name): "app"}),
        ([group("hers", HERE, owned=False)], {}),
        ([group("db", HERE), group("a", HERE, owned=False)], {(V4, NINE.name): "db"}),
        ([group("web.1", HERE)], {}),  # A shard is of its group.
    ],
)
def test_it_names_an_own_group_beyond_the_part(
    others: list[ObservedGroup], expected: dict[ObjectKey, str]
) -> None:
    have = adom(NINE, replace(WEB, members=()), *(replace(o, members=()) for o in others))
    part = known(have).part(asking(wanted("web", {})), ["web"])
    assert part.elsewhere == expected
