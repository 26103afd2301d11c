"""All that an owner wrote goes, but for what is not ours to take away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.model import naming
from fmgsync.model.adom import Package
from fmgsync.planning import cleanup, sharding
from fmgsync.planning.usage import Usage
from tests.planning.estates import EAST, OWNER, V4, WEST, adom, group, lines, own
from tests.planning.usages import policy

WEB = (V4, "web")
HERE = {EAST: {"10.1.0.9"}}
TAKEN = replace(group("web", HERE), comment=naming.taking_over(OWNER, "web", "of old"))
FOREIGN = group("hers", {EAST: {"10.1.0.8"}}, owned=False)
HAVE = adom(own("10.1.0.9"), own("10.1.0.8"), own("10.1.0.7"), group("web", HERE), FOREIGN)
LIMITS = sharding.Limits()


@pytest.mark.parametrize(
    ("web", "usage", "why"),
    [
        (group("web", HERE), Usage(), ""),
        (TAKEN, Usage(), "it was taken over: give it back with 'fmgsync adopt --release'"),
        (
            group("web", HERE),
            Usage(widening={WEB: "policy 1 denies it"}),
            "policy 1 denies it: empty would be open there; change the policy first",
        ),
        (
            group("web", HERE),
            Usage(unknown={WEB: "somebody uses it"}),
            "somebody uses it: what empty means there is not known",
        ),
        (
            TAKEN,
            Usage(widening={WEB: "x"}, unknown={WEB: "y"}),
            "it was taken over: give it back with 'fmgsync adopt --release'",
        ),
    ],
)
def test_what_goes_and_what_is_left_alone(web: object, usage: Usage, why: str) -> None:
    """With a group its addresses stay; of a foreign group nothing is said."""
    have = adom(own("10.1.0.9"), own("10.1.0.7"), web, FOREIGN)  # type: ignore[arg-type]
    widening = {**usage.widening, (V4, "hers"): "policy 2 denies it"}
    found = cleanup.make(OWNER, have, [], replace(usage, widening=widening), LIMITS)
    told = [("left-alone", "web", why, True)] if why else []
    assert [(f.kind, f.name, f.message, f.is_error) for f in found.left] == told
    goes = [] if why else ["delete addrgrp web -10.1.0.9"]
    assert lines(found.plan) == [
        *goes,
        "delete address prod_10.1.0.7 -10.1.0.7",
        *(["delete address prod_10.1.0.9 -10.1.0.9"] if goes else []),
    ]


def test_what_is_used_is_emptied_and_the_policies_are_told() -> None:
    outer = group("outer", members=("web",), owned=False)
    have = adom(own("10.1.0.9"), group("web", HERE), group("db", {WEST: set()}), outer)
    uses = [
        Package("edge", frozenset({EAST}), (policy("outer"), policy("hers"))),
        Package("core", frozenset({EAST}), (policy(negated=("web",)), policy("outer"))),
    ]
    usage = Usage(used=frozenset({WEB, (V4, "outer")}))
    found = cleanup.make(OWNER, have, uses, usage, LIMITS)
    assert found.plan.ref == have.ref
    assert lines(found.plan) == [
        "delete mapping web @fgt-east -10.1.0.9",
        "delete addrgrp db",
        "delete address prod_10.1.0.9 -10.1.0.9",
    ]
    told = "policy 1 of package core; policy 1 of package edge"
    assert [(f.kind, f.name, f.message) for f in found.used] == [
        ("still-used", "web", f"emptied and kept, since it is used in {told}")
    ]


def test_what_is_told_is_in_order_and_addresses_of_others_stay_theirs() -> None:
    names = ("db", "web", "app")
    theirs = replace(own("10.1.0.6"), owned=False)
    have = adom(theirs, *(group(name) for name in names))
    unknown = {(V4, name): "whose" for name in names}
    found = cleanup.make(OWNER, have, [], Usage(unknown=unknown), LIMITS)
    assert (found.plan.changes, [one.name for one in found.left]) == ((), sorted(names))
    every = [Package("edge", frozenset(), (policy(*names),))]
    used = cleanup.make(OWNER, have, every, Usage(used=frozenset(unknown)), LIMITS).used
    assert [one.name for one in used] == sorted(names)
