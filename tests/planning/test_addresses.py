"""Addresses come when groups hold them, are repaired while groups do, and go with the last one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.model import naming
from fmgsync.model.address import NOWHERE, Address
from fmgsync.model.state import DesiredAdom, ObservedAddress, ObservedAdom
from fmgsync.planning import addresses, diff
from fmgsync.planning.adom_cache import Picture
from tests.planning.estates import EAST, OWNER, V4, V6, adom, desired, group, lines, own, wanted

NINE = naming.mark(OWNER, "prod_10.1.0.9")
OLDER = f"{naming.older_mark(OWNER)} of hers"
HERE = {EAST: {"10.1.0.9"}}
WISH = desired(wanted("web", HERE))
OLD = replace(own("10.1.0.9"), comment=OLDER)
BOUND = replace(own("10.1.0.9"), altered=(("associated-interface", "dmz"),))
OPEN = ObservedAddress("none", V4, NOWHERE[V6], "", owned=False)
OUR_NONE = ObservedAddress("prod_none", V4, NOWHERE[V4], naming.mark(OWNER, "prod_none"), True)


def told(want: DesiredAdom, have: ObservedAdom) -> list[tuple[str, str, str]]:
    """Of each address: what is done, why, and the comment that is written."""
    plan = diff.make_plan(want, have)
    return [
        (line, change.because, change.comment)
        for line, change in zip(lines(plan), plan.changes, strict=True)
        if "address" in line
    ]


@pytest.mark.parametrize(
    ("want", "have", "expected"),
    [
        # Which groups it is for: one of several, in the order of their names; shards are one group.
        (
            desired(*(wanted(name, HERE) for name in ("db", "web", "app"))),
            adom(),
            [("create address prod_10.1.0.9 +10.1.0.9", "needed by app and 2 more", "")],
        ),
        (
            desired(wanted("web", HERE), wanted("db", HERE)),
            adom(),
            [("create address prod_10.1.0.9 +10.1.0.9", "needed by db and 1 more", "")],
        ),
        (
            desired(wanted("web", {EAST: {"10.1.0.9", "10.1.0.10", "2001:db8::9"}})),
            adom(),
            [
                (f"create address prod_{name} +{text}", "needed by web", "")
                for name, text in [
                    ("10.1.0.9", "10.1.0.9"),
                    ("10.1.0.10", "10.1.0.10"),
                    ("2001-db8--9", "2001:db8::9"),
                ]
            ],
        ),
        # A mark of an older release is written anew: alone, or with what is repaired.
        (
            WISH,
            adom(OLD, group("web", HERE)),
            [("update address prod_10.1.0.9", naming.MARK_NAMES_IT, f"{NINE} of hers")],
        ),
        (
            WISH,
            adom(replace(OLD, mapped=True), group("web", HERE)),
            [
                (
                    "update address prod_10.1.0.9 +10.1.0.9",
                    "tampered with: has per-device mappings, its name says 10.1.0.9",
                    f"{NINE} of hers",
                )
            ],
        ),
        (WISH, adom(replace(OLD, comment=f"{NINE} of hers"), group("web", HERE)), []),
        # It is held without being wanted: a cluster cannot be read.
        (
            desired(wanted("web", {EAST: set()}, retain=True)),
            adom(own("10.1.0.9", value="0.0.0.0/0"), group("web", HERE)),
            [
                (
                    "update address prod_10.1.0.9 +10.1.0.9 -0.0.0.0/0",
                    "tampered with: is 0.0.0.0/0, its name says 10.1.0.9",
                    "",
                )
            ],
        ),
        # Nobody holds it any more: it goes, and is not repaired before.
        (
            desired(),
            adom(own("10.1.0.9", value="0.0.0.0/0")),
            [("delete address prod_10.1.0.9 -0.0.0.0/0", "no own group holds it any more", "")],
        ),
        # What stands in for `none` has no value in its name.
        (
            desired(wanted("web", {EAST: set()})),
            adom(
                OPEN,
                replace(OUR_NONE, value=Address("0.0.0.0/0")),
                group("web", members=("prod_none",)),
            ),
            [
                (
                    "update address prod_none +0.0.0.0 -0.0.0.0/0",
                    "tampered with: is 0.0.0.0/0, its name says 0.0.0.0",
                    "",
                )
            ],
        ),
    ],
)
def test_what_is_written_of_addresses(
    want: DesiredAdom, have: ObservedAdom, expected: list[tuple[str, str, str]]
) -> None:
    assert told(want, have) == expected


@pytest.mark.parametrize("there", [BOUND, OLD, own("10.1.0.9", value="10.9.9.9")])
def test_what_only_groups_beyond_the_part_hold_is_repaired_as_well(there: ObservedAddress) -> None:
    """The rule of the part had it and gives it up."""
    have = adom(there, group("web", HERE), group("db", HERE))
    want = desired(wanted("web", {EAST: set()}))
    part = Picture(have, ["web"], owner=OWNER).part(want, ["web"])
    assert part.elsewhere[V4, "prod_10.1.0.9"] == "db"
    whole = told(desired(*want.groups, wanted("db", HERE)), have)
    assert whole
    assert told(want, part) == whole


@pytest.mark.parametrize(
    ("there", "sound"),
    [
        (own("10.1.0.9"), True),
        (replace(own("10.1.0.9"), owned=False), False),
        (own("10.1.0.9", value="10.1.0.8"), False),
        (own("10.1.0.9", mapped=True), False),
        (BOUND, False),
        (OLD, False),
        (replace(OUR_NONE, value=None), False),
    ],
)
def test_sound_is_what_needs_no_look(there: ObservedAddress, sound: bool) -> None:
    assert addresses.is_sound(there, OWNER) is sound


def test_an_address_that_somebody_uses_is_told() -> None:
    plan = diff.make_plan(desired(), adom(own("10.1.0.9")), used={(V4, "prod_10.1.0.9")})
    assert [(one.kind, one.name, one.message) for one in plan.findings] == [
        (
            "kept-in-use",
            "prod_10.1.0.9",
            "no own group holds it any more, but a policy or a foreign group does: kept",
        )
    ]
