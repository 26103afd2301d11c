"""Own objects in which somebody has set what we never do: set back; nothing else waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from fmgsync.model.change import AdomPlan
from fmgsync.model.state import Altered, ObservedAddress, ObservedAdom, ObservedGroup
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import adom_cache, diff, summary, written
from fmgsync.planning.adom_cache import Picture
from tests.planning.estates import EAST, OWNER, WEST, adom, desired, group, lines, own, wanted

WISH = desired(wanted("web", {EAST: {"10.1.0.9"}}))
BOUND: Altered = (("associated-interface", "dmz"),)
FOLDER: Altered = (("type", "folder"),)


def address(altered: Altered, *, by: str = "", value: str | None = None) -> ObservedAddress:
    return replace(own("10.1.0.9", value=value), altered=altered, changed_by=by)


def web(
    altered: Mapping[DeviceVdom | None, Altered], places: Mapping[DeviceVdom, set[str]]
) -> ObservedGroup:
    return replace(group("web", places), altered=altered, changed_by="by 'alice' at noon")


def told(plan: AdomPlan) -> list[tuple[str, tuple[str, ...], str]]:
    return [
        (line, change.resets, change.because)
        for line, change in zip(lines(plan), plan.changes, strict=True)
    ]


HERE = {EAST: {"10.1.0.9"}}
HAND = "changed by hand by 'alice' at noon"
CASES: dict[str, tuple[ObservedAdom, list[tuple[str, tuple[str, ...], str]]]] = {
    "an address": (
        adom(address(BOUND, by="by 'alice' at noon"), group("web", HERE)),
        [
            (
                "update address prod_10.1.0.9",
                ("associated-interface",),
                f"{HAND}: associated-interface is dmz",
            )
        ],
    ),
    "several fields, and nobody knows by whom": (
        adom(address((*BOUND, ("fabric-object", "enable"))), group("web", HERE)),
        [
            (
                "update address prod_10.1.0.9",
                ("associated-interface", "fabric-object"),
                "changed by hand: associated-interface is dmz, fabric-object is enable",
            )
        ],
    ),
    "an address of another type is written with its value": (
        adom(
            replace(address((("type", "fqdn"),), by="by 'alice' at noon"), value=None),
            group("web", HERE),
        ),
        [
            (
                "update address prod_10.1.0.9 +10.1.0.9",
                (),
                f"tampered with: is of type fqdn, its name says 10.1.0.9; {HAND}",
            )
        ],
    ),
    "a field and the value": (
        adom(address(BOUND, value="0.0.0.0/0"), group("web", HERE)),
        [
            (
                "update address prod_10.1.0.9",
                ("associated-interface",),
                "changed by hand: associated-interface is dmz",
            ),
            (
                "update address prod_10.1.0.9 +10.1.0.9 -0.0.0.0/0",
                (),
                "tampered with: is 0.0.0.0/0, its name says 10.1.0.9",
            ),
        ],
    ),
    "a group": (
        adom(own("10.1.0.9"), web({None: FOLDER}, HERE)),
        [("update addrgrp web", ("type",), f"{HAND}: type is folder")],
    ),
    "a group for one device": (
        adom(own("10.1.0.9"), web({EAST: FOLDER}, HERE)),
        [("update mapping web @fgt-east", ("type",), f"{HAND}: type is folder")],
    ),
    "a mapping that goes anyway": (
        adom(own("10.1.0.9"), web({WEST: FOLDER}, {**HERE, WEST: {"legacy"}})),
        [
            (
                "delete mapping web @fgt-west -legacy",
                (),
                f"no site of the rule names this device; {HAND}: foreign members go: legacy",
            )
        ],
    ),
    "a group whose members change as well": (
        adom(own("10.1.0.5"), web({EAST: FOLDER}, {EAST: {"10.1.0.5"}})),
        [
            ("create address prod_10.1.0.9 +10.1.0.9", (), "needed by web"),
            ("update mapping web @fgt-east", ("type",), f"{HAND}: type is folder"),
            (
                "update mapping web @fgt-east +10.1.0.9 -10.1.0.5",
                (),
                "what runs has changed; the group was last changed by 'alice' at noon",
            ),
            ("delete address prod_10.1.0.5 -10.1.0.5", (), "no own group holds it any more"),
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_set_back_and_told(case: str) -> None:
    have, expected = CASES[case]
    assert told(diff.make_plan(WISH, have)) == expected


@pytest.mark.parametrize("case", CASES)
def test_what_is_written_is_as_it_should_be(case: str) -> None:
    """Part by part, too; and what a unit refuses to set back stays told."""
    have, expected = CASES[case]
    known = Picture(have, ["web"], owner=OWNER)
    plan = diff.make_plan(WISH, known.part(WISH, ["web"]))
    assert told(plan) == expected
    after = written.after(have, plan.changes)
    assert not any(one.altered for one in after.addresses.values())
    assert not any(one.altered for one in after.groups.values())
    assert adom_cache.carried_out(plan.changes, after)
    refused = [change for change in plan.changes if not change.resets]
    if len(refused) < len(plan.changes):
        left = written.after(have, refused)
        assert not adom_cache.carried_out(plan.changes, left)
        again = diff.make_plan(WISH, left).changes
        assert [c.resets for c in again] == [c.resets for c in plan.changes if c.resets]


def test_what_a_foreign_object_says_is_its_own_business() -> None:
    hers = replace(group("hers", HERE, owned=False), altered={None: FOLDER})
    have = adom(own("10.1.0.9"), group("web", HERE), hers)
    assert diff.make_plan(WISH, have).changes == ()


def test_the_digest_of_a_plan_tells_what_is_set_back() -> None:
    plans = [diff.make_plan(WISH, CASES[case][0]) for case in ("an address", "a group")]
    more = diff.make_plan(WISH, CASES["several fields, and nobody knows by whom"][0])
    assert len({summary.digest([plan]) for plan in (*plans, more)}) == 3
    assert summary.change_json(plans[1].changes[0])["resets"] == ["type"]


def test_the_digest_of_other_plans_is_what_it_was() -> None:
    plan = diff.make_plan(WISH, adom())
    assert summary.digest([plan]) == "58e352a6d461dda2"
    assert all("resets" not in summary.change_json(change) for change in plan.changes)
