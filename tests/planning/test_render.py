"""What is wanted becomes objects; where nothing may go, what a device holds stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.model import naming
from fmgsync.model.address import NOWHERE, parse
from fmgsync.model.rule import MappingMode
from fmgsync.model.state import DesiredGroup, DesiredMembers, ObservedAddress, ObservedGroup
from fmgsync.model.target import DeviceVdom
from fmgsync.planning.render import none_member, render
from tests.planning.estates import EAST, OWNER, V4, V6, WEST, adom, group, shared, wanted

NEW, OLD = "prod_10.1.0.9", "prod_10.1.0.5"
UPSERT = "policy mode upsert never removes"
WISH = {EAST: {"10.1.0.9"}}
RULE = wanted("web", WISH)
LOST = wanted("web", WISH, retain=True)
BOTH = group("web", {EAST: {"10.1.0.5", "hers"}, WEST: {"10.1.0.5"}}, members=("hers", OLD))
OWN = group("web", members=("hers", OLD))
TAKEN = replace(OWN, comment=naming.taking_over(OWNER, "web", "of old"))
NINE = DesiredMembers(frozenset({parse("10.1.0.9")}))
WHY = DesiredMembers(NINE.addresses, True, "east is lost")


@pytest.mark.parametrize(
    ("rule", "before", "own", "east", "west"),
    [
        (RULE, None, "none", NEW, None),
        (RULE, BOTH, "none", NEW, None),
        (LOST, BOTH, "none", f"{OLD} {NEW}", None),
        (LOST, OWN, "none", f"{OLD} {NEW}", None),
        (LOST, None, "none", NEW, None),
        (replace(RULE, keeps=True), BOTH, "none", NEW, OLD),
        (replace(RULE, keeps=True), None, "none", NEW, None),
        (replace(RULE, own=NINE), OWN, NEW, NEW, None),
        (replace(RULE, own=WHY), OWN, f"{OLD} {NEW}", NEW, None),
        (wanted("web", {EAST: set()}), BOTH, "none", "none", None),
        (shared("web", {"10.1.0.9"}), BOTH, NEW, None, None),
        (shared("web", {"10.1.0.9"}, retain=True), BOTH, f"{OLD} {NEW}", f"{OLD} {NEW}",
         f"{OLD} {NEW}"),
        (shared("web", {"10.1.0.9"}, retain=True), None, NEW, None, None),
        (DesiredGroup("web", V4, MappingMode.SHARED), BOTH, "none", None, None),
    ],
)  # fmt: skip
def test_what_each_place_gets(
    rule: DesiredGroup, before: ObservedGroup | None, own: str, east: str | None, west: str | None
) -> None:
    have = adom(*([before] if before else []))
    rendering = render((rule,), have, owner=OWNER, keep_all=False)
    found = rendering.groups[V4, "web"]
    places = {EAST: east, WEST: west}
    assert " ".join(found.members) == own
    assert {place: " ".join(names) for place, names in found.mappings.items()} == {
        place: names for place, names in places.items() if names is not None
    }
    assert rendering.values.get((V4, NEW)) == ("10.1.0.9" if NEW in f"{own} {east}" else None)


@pytest.mark.parametrize(
    ("rule", "before", "own", "east", "west"),
    [
        (RULE, None, "none", NEW, None),
        # Members of its own reach every device without a mapping: of those only ours stay.
        (RULE, BOTH, OLD, f"hers {OLD} {NEW}", OLD),
        (RULE, OWN, OLD, f"{OLD} {NEW}", None),
        # But what a group had when it was taken over it had on these devices.
        (RULE, TAKEN, f"hers {OLD}", f"hers {OLD} {NEW}", None),
        (replace(RULE, own=NINE), TAKEN, f"hers {OLD} {NEW}", f"hers {OLD} {NEW}", None),
        (RULE, group("web", {EAST: {"none"}}), "none", NEW, None),
        (shared("web", {"10.1.0.9"}), BOTH, f"hers {OLD} {NEW}", f"hers {OLD} {NEW}",
         f"{OLD} {NEW}"),
        (shared("web", {"10.1.0.9"}), None, NEW, None, None),
    ],
)  # fmt: skip
def test_upsert_takes_nothing_away_and_adds_everywhere(
    rule: DesiredGroup, before: ObservedGroup | None, own: str, east: str | None, west: str | None
) -> None:
    have = adom(*([before] if before else []))
    found = render((rule,), have, owner=OWNER, keep_all=True).groups[V4, "web"]
    places = {EAST: east, WEST: west}
    assert " ".join(found.members) == own
    assert {place: " ".join(names) for place, names in found.mappings.items()} == {
        place: names for place, names in places.items() if names is not None
    }
    assert set(found.reasons.values()) == {UPSERT}


@pytest.mark.parametrize(
    ("rule", "keep_all", "expected"),
    [
        (replace(RULE, mappings={EAST: WHY, WEST: NINE}), False, {EAST: "east is lost"}),
        (replace(RULE, mappings={EAST: WHY, WEST: NINE}), True,
         {EAST: "east is lost", WEST: UPSERT, None: UPSERT}),
        (replace(RULE, own=WHY), False, {None: "east is lost"}),
        (RULE, False, {}),
    ],
)  # fmt: skip
def test_why_something_stays_is_told_by_place(
    rule: DesiredGroup, keep_all: bool, expected: dict[DeviceVdom | None, str]
) -> None:
    found = render((rule,), adom(OWN), owner=OWNER, keep_all=keep_all)
    assert found.groups[V4, "web"].reasons == expected


@pytest.mark.parametrize(
    ("there", "name"),
    [
        (ObservedAddress("none", V4, NOWHERE[V4], "", False), "none"),
        (ObservedAddress("none", V4, parse("0.0.0.0/0"), "", False), "prod_none"),
        (ObservedAddress("none", V4, None, "", False), "prod_none"),
        (ObservedAddress("none", V4, NOWHERE[V4], "", False, mapped=True), "prod_none"),
        (None, "prod_none"),
    ],
)
def test_none_is_the_predefined_one_where_it_matches_nothing(
    there: ObservedAddress | None, name: str
) -> None:
    six = ObservedAddress("none", V6, NOWHERE[V6], "", False)
    have = replace(adom(), addresses={(o.family, o.name): o for o in (six, there) if o})
    assert none_member(have, V4, OWNER) == name
    found = render((wanted("web", {}),), have, owner=OWNER, keep_all=False)
    assert found.groups[V4, "web"].members == (name,)
    assert found.values == ({} if name == "none" else {(V4, name): NOWHERE[V4]})
