"""A plan as JSON, and the digests by which people approve and canaries prove."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fmgsync.model.address import Address, Family
from fmgsync.model.change import Action, AdomPlan, Change, Finding, Hold, ObjectKind
from fmgsync.model.endpoint import Kind
from fmgsync.model.rule import GroupRule, MappingMode, Publish, Site
from fmgsync.model.target import TargetRef
from fmgsync.planning import summary
from tests.planning.estates import EAST, REF, V6, WEST, desired, shared, wanted

NINE, EIGHT = Address("10.1.0.9"), Address("10.1.0.8")
MAP = Change(
    Action.UPDATE,
    ObjectKind.MAPPING,
    "web",
    "why",
    device=EAST,
    members=("prod_10.1.0.9",),
    added=(NINE,),
    removed=(EIGHT,),
)
HOLD = Hold("held", "web", "why", EAST, digest="d1", added=(NINE,), removed=(EIGHT,))
OWN = Hold("held", "web", "why", digest="d0")
OTHER = Hold("held", "db", "why", digest="d0")
TAKEN = Finding("foreign-name", "web", "taken")
PLAN = AdomPlan(
    REF, (MAP,), (TAKEN,), (HOLD, OWN, OTHER), (Finding("x", "y", "z", WEST),),
    workloads=((NINE, ("pod",)),),
)  # fmt: skip


def test_a_plan_as_scripts_see_it() -> None:
    held = {"kind": "held", "name": "web", "message": "why"}
    both = summary.digest_of([OWN, HOLD])
    assert summary.plan_json(PLAN) == {
        **REF.row,
        "changes": [
            {
                "action": "update",
                "kind": "mapping",
                "name": "web",
                "device": "fgt-east/root",
                "added": ["10.1.0.9"],
                "removed": ["10.1.0.8"],
                "because": "why",
            }
        ],
        "foreign": [
            {
                "kind": "foreign-name",
                "name": "web",
                "message": "taken",
                "next": "three ways out: rename or delete that object; give the rule another name;"
                " or, if it is meant to be fmgsync's, take it over: fmgsync adopt --names web",
            }
        ],
        "held": [
            {
                **held,
                "device": "fgt-east/root",
                "digest": "d1",
                "added": ["10.1.0.9"],
                "removed": ["10.1.0.8"],
                "groupDigest": both,
            },
            {**held, "digest": "d0", "added": [], "removed": [], "groupDigest": both},
            {
                **held,
                "name": "db",
                "digest": "d0",
                "added": [],
                "removed": [],
                "groupDigest": "d0",
            },
        ],
        "findings": [{"kind": "x", "name": "y", "message": "z", "device": "fgt-west/root"}],
        "workloads": {"10.1.0.9": ["pod"]},
    }
    assert summary.digest_of([HOLD, replace(HOLD, device=WEST)]) == "d1"
    assert (both, summary.digest_of([HOLD, OWN])) == ("07d227e30da3d7a8", both)


PLAIN = GroupRule("web", "has(app)")
NODES = GroupRule("web", select_nodes="all()")


@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        (PLAIN, {"name": "db"}),
        (PLAIN, {"select": "has(db)"}),
        (PLAIN, {"namespaces": "has(a)"}),
        (PLAIN, {"publish": Publish.NODE}),
        (PLAIN, {"families": frozenset(Family)}),
        (PLAIN, {"clusters": frozenset({"east"})}),
        (PLAIN, {"clusters": frozenset()}),
        (PLAIN, {"mapping": MappingMode.SHARED}),
        (PLAIN, {"accounts": "has(a)"}),
        (PLAIN, {"network_sets": True}),
        (PLAIN, {"network": "storage"}),
        (PLAIN, {"towards": (NINE,)}),
        (PLAIN, {"destinations": Kind.SERVICES}),
        (replace(PLAIN, destinations=Kind.SERVICES), {"addresses": ("external",)}),
        (PLAIN, {"select": None, "select_nodes": "all()"}),
        (NODES, {"addresses": ("InternalIP",)}),
        (NODES, {"within": (NINE,)}),
    ],
)
def test_another_rule_is_no_longer_what_a_canary_has_proven(
    rule: GroupRule, changed: dict[str, Any]
) -> None:
    was = summary.rules_digest([rule], [])
    assert len(was) == 16
    assert summary.rules_digest([replace(rule, **changed)], []) != was


SITE = Site(frozenset({"east", "west"}), REF, ("fgt-east", "fgt-west"))


@pytest.mark.parametrize(
    "changed",
    [
        {"clusters": frozenset({"east"})},
        {"adom": TargetRef("hq", "lab")},
        {"devices": ("fgt-east",)},
        {"allow_overlap": True},
    ],
)
def test_another_site_is_no_longer_what_a_canary_has_proven(changed: dict[str, Any]) -> None:
    was = summary.rules_digest([], [SITE])
    assert summary.rules_digest([], [replace(SITE, **changed)]) != was


def test_the_order_of_rules_and_sites_says_nothing() -> None:
    rules = [PLAIN, replace(PLAIN, clusters=frozenset("ab")), NODES, replace(PLAIN, name="db")]
    sites = [
        SITE,
        replace(SITE, devices=("fgt-west", "fgt-east")),
        replace(SITE, clusters=frozenset()),
    ]
    assert summary.rules_digest(rules, sites) == summary.rules_digest(rules[::-1], sites[::-1])
    assert summary.rules_digest([PLAIN], [SITE]) == summary.rules_digest([PLAIN], sites[1:2])
    assert summary.rules_digest([PLAIN], [SITE]) == "799cd0d0f00f798e"


def test_what_is_wanted_is_told_apart_by_groups_places_and_addresses() -> None:
    goals = [
        desired(wanted("web", {EAST: texts, WEST: set()}, family=family))
        for texts in ({"10.1.0.9"}, {"10.1.0.9", "10.1.0.8"}, set())
        for family in Family
    ]
    goals += [
        desired(wanted("db", {EAST: {"10.1.0.9"}, WEST: set()})),
        desired(wanted("web", {EAST: {"10.1.0.9"}})),
        desired(wanted("web", {WEST: {"10.1.0.9"}})),
        desired(wanted("web", {WEST: {"10.1.0.9"}, EAST: set()})),
        desired(shared("web", {"10.1.0.9"}, EAST)),
        desired(),
    ]
    found = [summary.wants(goal) for goal in goals]
    assert {len(one) for one in found} == {16}
    # A shared group gives one device what one by device gives it.
    assert len(set(found)) == len(goals) - 1


def test_what_is_wanted_is_not_known_while_a_part_of_it_is_not() -> None:
    rules = [wanted("web", {EAST: {"10.1.0.9"}}), wanted("db", {WEST: set()}, family=V6)]
    assert summary.wants(desired(*rules)) == summary.wants(desired(*reversed(rules)))
    assert summary.wants(desired(*rules, wanted("app", {EAST: set()}, retain=True))) == ""


@pytest.mark.parametrize(
    "other",
    [
        lambda plan: replace(plan, held=()),
        lambda plan: replace(plan, held=(replace(HOLD, digest="d2"), OWN, OTHER)),
        lambda plan: replace(plan, changes=()),
        lambda plan: replace(plan, changes=(replace(MAP, members=("a",)),)),
        lambda plan: replace(plan, changes=(replace(MAP, device=WEST),)),
        lambda plan: replace(plan, ref=TargetRef("hq", "lab")),
        lambda plan: replace(plan, ref=TargetRef("hq", "lab"), changes=()),
    ],
)
def test_what_is_approved_is_what_is_written(other: Callable[[AdomPlan], AdomPlan]) -> None:
    """Reasons may change, and the order in which ADOMs are looked at."""
    lab = replace(PLAN, ref=TargetRef("hq", "lab2"))
    was = summary.digest([PLAN, lab])
    told = replace(PLAN, changes=(replace(MAP, because="else"),), findings=(), foreign=())
    assert summary.digest([lab, told]) == was
    assert summary.digest([other(PLAN), lab]) != was
    for part in (replace(PLAN, changes=()), replace(PLAN, held=())):
        assert summary.digest([part]) != summary.digest([replace(part, ref=lab.ref)])
