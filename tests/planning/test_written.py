"""What an ADOM holds after a plan, change by change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.model.address import Address
from fmgsync.model.change import Action, Change, ObjectKind
from fmgsync.model.state import ObservedAddress, ObservedAdom, ObservedGroup
from fmgsync.planning import written
from tests.planning.estates import EAST, V4, V6, WEST, adom, group, own

FOLDER, BOUND = (("type", "folder"),), (("associated-interface", "dmz"),)
WEB = replace(
    group("web", {EAST: {"10.1.0.9"}, WEST: {"10.1.0.9"}}),
    excluded={None: ("x",), EAST: ("y",)},
    altered={None: FOLDER, EAST: FOLDER},
)
NINE = replace(own("10.1.0.9"), altered=(*BOUND, ("type", "fqdn")))
SIX = ObservedGroup("web", V6, ("a",), {}, "", owned=True)
NEW = ("prod_10.1.0.8",)
UPDATE, DELETE, CREATE = Action.UPDATE, Action.DELETE, Action.CREATE
GROUP, MAPPING, ADDRESS = ObjectKind.GROUP, ObjectKind.MAPPING, ObjectKind.ADDRESS


def web(action: Action, kind: ObjectKind = GROUP, **more: object) -> Change:
    return Change(action, kind, "web", "why", **more)  # type: ignore[arg-type]


def nine(action: Action, kind: ObjectKind = ADDRESS, **more: object) -> Change:
    return Change(action, kind, "prod_10.1.0.9", "why", **more)  # type: ignore[arg-type]


EIGHT = Address("10.1.0.8")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([web(UPDATE, members=NEW)], replace(WEB, members=NEW)),
        ([web(UPDATE, members=NEW, clears_exclusion=True)],
         replace(WEB, members=NEW, excluded={EAST: ("y",)})),
        ([web(UPDATE, members=NEW, resets=("type",))], replace(WEB, altered={EAST: FOLDER})),
        ([web(UPDATE, MAPPING, device=EAST, members=NEW)],
         replace(WEB, mappings={**WEB.mappings, EAST: NEW})),
        ([web(UPDATE, MAPPING, device=EAST, members=NEW, clears_exclusion=True)],
         replace(WEB, mappings={**WEB.mappings, EAST: NEW}, excluded={None: ("x",)})),
        ([web(UPDATE, MAPPING, device=EAST, members=NEW, resets=("type",))],
         replace(WEB, altered={None: FOLDER})),
        ([web(DELETE, MAPPING, device=EAST)],
         replace(WEB, mappings={WEST: WEB.mappings[WEST]}, excluded={None: ("x",)},
                 altered={None: FOLDER})),
        ([web(UPDATE, members=NEW), web(DELETE, MAPPING, device=WEST)],
         replace(WEB, members=NEW, mappings={EAST: WEB.mappings[EAST]})),
        ([web(DELETE)], None),
        ([web(UPDATE, members=NEW), web(DELETE)], None),
        ([web(DELETE), web(CREATE, members=NEW)],
         ObservedGroup("web", V4, NEW, {}, "", owned=True)),
    ],
)  # fmt: skip
def test_a_group(changes: list[Change], expected: ObservedGroup | None) -> None:
    """Its namesake of the other family stays as it is."""
    have = replace(adom(WEB, SIX), stamp="as it was")
    found = written.after(have, changes)
    assert found == replace(
        have,
        groups={key: one for key, one in [((V4, "web"), expected), ((V6, "web"), SIX)] if one},
        stamp=None,
    )


@pytest.mark.parametrize(
    ("have", "change", "expected"),
    [
        (adom(), nine(CREATE, value=EIGHT), replace(own("10.1.0.9", value="10.1.0.8"), comment="")),
        (adom(NINE), nine(UPDATE, value=EIGHT),
         replace(own("10.1.0.9", value="10.1.0.8"), comment="", altered=BOUND)),
        (adom(NINE), nine(UPDATE, value=EIGHT, resets=("associated-interface",)),
         replace(NINE, altered=(("type", "fqdn"),))),
        (adom(), nine(UPDATE, value=EIGHT, resets=("associated-interface",)),
         replace(own("10.1.0.9", value="10.1.0.8"), comment="")),
        (adom(NINE), nine(DELETE), None),
        (adom(), nine(DELETE), None),
        (adom(NINE), nine(DELETE, ObjectKind.ADDRESS6), NINE),
        (adom(NINE), web(DELETE), NINE),
    ],
)  # fmt: skip
def test_an_address(have: ObservedAdom, change: Change, expected: ObservedAddress | None) -> None:
    assert written.after(have, [change]).addresses.get((V4, "prod_10.1.0.9")) == expected


def test_a_group_that_is_new_to_its_family_is_of_it() -> None:
    there = written.after(adom(WEB), [web(CREATE, ObjectKind.GROUP6, members=("a",))]).groups
    assert there == {(V4, "web"): WEB, (V6, "web"): SIX}
