"""One cluster followed change by change: each kind of object alone, with the rules it concerns."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from fmgsync.grouping.answers import ClusterMembers
from fmgsync.grouping.membership import ClusterMembership
from fmgsync.model.address import Address, Family
from fmgsync.model.destination import Destination
from fmgsync.model.endpoint import (
    ClusterDifference,
    ClusterSnapshot,
    IPPool,
    Kind,
    NetworkSet,
    NodeEndpoint,
    PodEndpoint,
    whole,
)
from fmgsync.model.labels import ANY_KEY, Labels
from fmgsync.model.platform import Gateway
from fmgsync.model.rule import GroupRule, Publish

BOTH = frozenset(Family)
ALL = frozenset(Kind)
WEB = Labels({"app": "web"})
RULES = (
    GroupRule("accounts", select="has(app)", accounts="team == 'a'"),
    GroupRule("ingress", select_nodes="has(ingress)", addresses=("ExternalIP",)),
    GroupRule("nodes", select="app == 'web'", publish=Publish.NODE),
    GroupRule("pools", select="app == 'web'", publish=Publish.IP_POOL),
    GroupRule("services", select="has(app)", namespaces="env == 'prod'",
              destinations=Kind.SERVICES),
    GroupRule("sets", select="has(app)", namespaces="env == 'prod'", network_sets=True,
              families=BOTH),
    GroupRule("web", select="app == 'web'"),
)  # fmt: skip
RANGES = (ipaddress.ip_network("10.0.0.0/8"),)
NOTHING: Any = ClusterMembers(frozenset())
PROD = Labels({"env": "prod"})
OUT = Address("10.9.0.1")

POD = PodEndpoint("a", "web", WEB, (Address("10.1.0.1"),), "n1", account="robot")
NODE = NodeEndpoint(
    "n1", Labels({"ingress": ""}), (Address("10.0.0.1"),), others=(("ExternalIP", OUT),)
)
POOL = IPPool("pool", Labels({}), Address("10.1.0.0/16"))
SET = NetworkSet("a", "set", WEB, (Address("10.7.0.1"),))
SERVICE = Destination(
    "services", "Service", "a", "web", WEB, (("loadBalancer", Address("10.8.0.1")),)
)
STRANGER = PodEndpoint("a", "other", Labels({}), POD.addresses, "n1")
CLUSTER = ClusterSnapshot(
    "east",
    ALL,
    (POD,),
    (NODE,),
    {"a": PROD},
    accounts={"a/robot": Labels({"team": "a"})},
    network_sets=(SET,),
    ip_pools=(POOL,),
    destinations=(SERVICE,),
)
PUBLISHED = {
    "accounts": {"10.1.0.1"},
    "ingress": {"10.9.0.1"},
    "nodes": {"10.0.0.1"},
    "pools": {"10.1.0.0/16"},
    "services": {"10.8.0.1"},
    "sets": {"10.1.0.1", "10.7.0.1"},
    "web": {"10.1.0.1"},
}
# what happens, the rules that may answer otherwise then, and what else of them is published
HAPPENINGS: list[tuple[dict[str, Any], set[str], dict[str, set[str]]]] = [
    ({"pods": ((POD, None),)}, {"accounts", "nodes", "pools", "sets", "web"},
     {"accounts": set(), "nodes": set(), "pools": set(), "sets": {"10.7.0.1"}, "web": set()}),
    ({"pods": ((POD, replace(POD, labels=Labels({"app": "x"}))),)}, {"nodes", "pools", "web"},
     {"nodes": set(), "pools": set(), "web": set()}),
    ({"nodes": ((NODE, None),)}, {"ingress", "nodes"}, {"ingress": set(), "nodes": set()}),
    ({"nodes": ((NODE, replace(NODE, addresses=(Address("10.0.0.9"),))),)}, {"ingress", "nodes"},
     {"nodes": {"10.0.0.9"}}),
    ({"namespaces": (("a", PROD, Labels({"env": "test"})),)}, {"services", "sets"},
     {"services": set(), "sets": set()}),
    ({"accounts": (("a/robot", Labels({"team": "a"}), Labels({"team": "b"})),)}, {"accounts"},
     {"accounts": set()}),
    ({"network_sets": ((SET, None),)}, {"sets"}, {"sets": {"10.1.0.1"}}),
    ({"network_sets": ((SET, replace(SET, addresses=(OUT,))),)}, {"sets"},
     {"sets": {"10.1.0.1", "10.9.0.1"}}),
    ({"destinations": ((SERVICE, None),)}, {"services"}, {"services": set()}),
    ({"ip_pools": ((POOL, None),)}, {"pools"}, {"pools": set()}),
    ({"ip_pools": ((POOL, replace(POOL, cidr=Address("10.1.0.0/24"))),)}, {"pools"},
     {"pools": {"10.1.0.0/24"}}),
    ({"pods": ((POD, replace(POD, doubt="odd")),)}, {"accounts", "pools", "sets", "web"}, {}),
    ({"pods": ((POD, replace(POD, node="n2")),)}, {"nodes"}, {"nodes": set()}),
    ({"pods": ((POD, replace(POD, host_network=True)),)}, set(), {}),
    ({"pods": ((None, replace(POD, name="twin", started="2026-01-01T00:00:00Z")),)},
     {"pools"}, {}),
    ({"pods": ((None, replace(POD, name="b", addresses=(Address("10.1.0.2"),))),)},
     {"accounts", "pools", "sets", "web"},
     {"accounts": {"10.1.0.1", "10.1.0.2"}, "sets": {"10.1.0.1", "10.1.0.2", "10.7.0.1"},
      "web": {"10.1.0.1", "10.1.0.2"}}),
    ({"pods": ((None, replace(POD, name="b", addresses=())),)},
     {"accounts", "pools", "sets", "web"}, {}),
    ({"nodes": ((NODE, replace(NODE, doubt="odd")),)}, {"ingress", "nodes"}, {}),
    ({"nodes": ((NODE, replace(NODE, labels=Labels({}, ANY_KEY))),)}, {"ingress"},
     {"ingress": set()}),
    ({"nodes": ((None, replace(NODE, name="n2", addresses=(), others=(), labels=Labels({}))),)},
     {"ingress"}, {}),
    ({"namespaces": (("a", PROD, None),)}, {"services", "sets"},
     {"services": set(), "sets": set()}),
    ({"namespaces": (("b", None, PROD),)}, set(), {}),
    ({"accounts": (("a/robot", Labels({"team": "a"}), None),)}, {"accounts"}, {"accounts": set()}),
    ({"accounts": (("b/robot", None, Labels({"team": "b"})),)}, set(), {}),
    ({"accounts": (("a/other", None, Labels({"team": "b"})),)}, set(), {}),
    ({"strangers": ((None, STRANGER),)}, {"accounts", "pools", "sets", "web"},
     {"accounts": set(), "pools": set(), "sets": {"10.7.0.1"}, "web": set()}),
    ({"strangers": ((None, replace(POD, name="followed")),)}, set(), {}),
    ({}, set(), {}),
    ({"synced": ALL - {Kind.NAMESPACES}}, {"services", "sets"}, {}),
]  # fmt: skip


def follow(rules: tuple[GroupRule, ...] = RULES, ranges: Any = RANGES) -> ClusterMembership:
    membership = ClusterMembership("east", rules, ranges)
    membership.apply(whole(CLUSTER))
    return membership


def published(membership: ClusterMembership) -> dict[str, set[str]]:
    return {name: {*found.addresses} for name, found in membership.members()}


def reversed_pairs(happening: dict[str, Any]) -> dict[str, Any]:
    """The same, undone."""
    named = ("namespaces", "accounts")
    return {
        what: tuple((*each[:-2], each[-1], each[-2]) for each in pairs)
        for what, pairs in happening.items()
        if what != "synced" and (what in named or pairs)
    }


@pytest.mark.parametrize(("happening", "dirty", "otherwise"), HAPPENINGS)
def test_a_change_concerns_the_rules_that_look_at_it(
    happening: dict[str, Any], dirty: set[str], otherwise: dict[str, set[str]]
) -> None:
    """And when it is undone, all is as it was."""
    membership = follow()
    assert membership.take_dirty() == {rule.name for rule in RULES}
    membership.apply(ClusterDifference("east", **{"synced": ALL, **happening}))
    assert membership.take_dirty() == dirty
    assert published(membership) == {**PUBLISHED, **otherwise}
    membership.apply(ClusterDifference("east", ALL, **reversed_pairs(happening)))
    assert membership.take_dirty() == dirty
    assert published(membership) == PUBLISHED


@pytest.mark.parametrize(("happening", "dirty", "otherwise"), HAPPENINGS)
def test_other_rules_find_the_same_cluster(
    happening: dict[str, Any], dirty: set[str], otherwise: dict[str, set[str]]
) -> None:
    """What changed before they came is neither lost nor told twice; what changes later, counted."""
    old = follow(RULES[1:])
    old.take_dirty()
    old.apply(ClusterDifference("east", **{"synced": ALL, **happening}))
    membership = old.under(RULES, RANGES)
    assert membership is not old
    assert published(membership) == {**PUBLISHED, **otherwise}
    assert membership.take_dirty() == {"accounts", *dirty}
    membership.apply(ClusterDifference("east", ALL, **reversed_pairs(happening)))
    assert membership.take_dirty() == dirty
    assert published(membership) == PUBLISHED


def test_the_same_rules_over_the_same_ranges_are_nothing_new() -> None:
    """Other ranges are: without any, what whoever works in a namespace wrote is not published."""
    old = follow()
    old.take_dirty()
    assert old.under(iter(RULES), RANGES) is old
    without = old.under(RULES)
    assert published(without) == {**PUBLISHED, "sets": {"10.1.0.1"}}
    assert without.take_dirty() == {"sets"}
    again = without.under(RULES, RANGES)
    assert published(again) == PUBLISHED
    assert again.take_dirty() == {"sets"}


def test_questions_about_what_is_followed() -> None:
    """By address, by pod and by rule."""
    membership = follow()
    assert membership.needs == {
        Kind.PODS, Kind.NODES, Kind.NAMESPACES, Kind.ACCOUNTS, Kind.IP_POOLS, Kind.SERVICES,
        Kind.GLOBAL_SETS, Kind.NETWORK_SETS,
    }  # fmt: skip
    assert membership.reached_at(Address("10.8.0.1")) == (SERVICE,)
    assert membership.reached_at(OUT) == ()
    assert [each.node for each in membership.chosen_at(OUT)] == [NODE]
    assert membership.chosen_at(Address("10.8.0.1")) == ()
    assert follow(RULES[6:]).chosen_at(OUT) == ()
    assert membership.selects(POD.key)
    assert not membership.selects(("a", "x"))
    other = PodEndpoint("a", "x", Labels({}), (), "n1")
    membership.apply(ClusterDifference("east", ALL, ((None, other),)))
    assert not membership.selects(("a", "x"))
    assert membership.spaces_of("web") == {"a"}
    assert membership.spaces_of("services") == frozenset()
    assert membership.spaces_of("unheard of") == frozenset()
    asked = frozenset({"web", "accounts", "nodes"})
    assert [name for name, _ in membership.members_of(asked)] == ["accounts", "nodes", "web"]
    assert list(membership.selected("web")) == [("a/web", ("10.1.0.1",), "")]


def test_all_that_is_known_about_one_pod() -> None:
    """Its node, its namespace and the pools; nothing of other pods."""
    membership = follow()
    other = PodEndpoint("b", "x", WEB, (), "n2")
    node = NodeEndpoint("n2", Labels({}), ())
    membership.apply(
        ClusterDifference("east", ALL, ((None, other),), ((None, node),), (("b", None, PROD),))
    )
    about = membership.about(POD.key)
    assert about == ClusterSnapshot("east", ALL, (POD,), (NODE,), {"a": PROD}, ip_pools=(POOL,))
    assert membership.about(("b", "gone")) == ClusterSnapshot(
        "east", ALL, (), (), {"b": PROD}, ip_pools=(POOL,)
    )


def test_what_leaves_by_other_nodes_is_known_with_all_of_them() -> None:
    """And with the pods that are gateways, and their namespaces."""
    asked = (GroupRule("seen", select="has(app)", publish=Publish.AUTO),)
    membership = ClusterMembership("east", asked)
    gate = PodEndpoint("g", "gate", Labels({"gate": ""}), (Address("10.1.0.8"),), "n3")
    nodes = tuple(NodeEndpoint(name, Labels({}), ()) for name in ("n3", "n2", "n1"))
    order = Gateway("EgressGateway", "g", "gate", labels=(("gate", ""),))
    membership.apply(
        whole(
            ClusterSnapshot(
                "east", ALL, (POD, gate), nodes, {"a": PROD, "g": PROD, "b": PROD},
                platform=(order,),
            )
        )
    )  # fmt: skip
    about = membership.about(POD.key)
    assert about.pods == (POD, gate)
    assert [each.name for each in about.nodes] == ["n1", "n2", "n3"]
    assert about.namespaces == {"a": PROD, "g": PROD}
    assert about.platform == (order,)
    assert membership.about(gate.key).pods == (gate,)
    assert membership.asked >= 1


def test_another_reason_to_publish_nothing_is_told() -> None:
    """Of the same addresses, in their order, by who has them now."""
    membership = ClusterMembership("east", RULES[6:])
    twice = replace(POD, addresses=(Address("10.1.0.2"), Address("10.1.0.1")))
    others = [replace(twice, name=name, labels=Labels({})) for name in ("x", "y")]
    membership.apply(ClusterDifference("east", ALL, ((None, twice),)))
    for number, other in enumerate(others):
        membership.take_dirty()
        membership.apply(ClusterDifference("east", ALL, strangers=((None, other),)))
        assert membership.take_dirty() == {"web"}
        ((_, found),) = membership.members()
        names = " and ".join(["pod a/web", "pod a/x", "pod a/y"][: number + 2])
        why = f"is the address of {names}, and nothing tells which of them has it"
        assert found.withheld == (("10.1.0.1", why), ("10.1.0.2", why))


def test_a_claim_stands_and_falls_with_its_nodes_ranges() -> None:
    """Whichever of the two comes first, and wherever the pod goes."""
    membership = ClusterMembership("east", RULES[6:])
    claim = replace(POD, addresses=(), claimed=(Address("10.1.0.7"),), node="n1")
    near = replace(NODE, ranges=(Address("10.1.0.0/24"),))
    far = replace(near, ranges=(Address("10.2.0.0/24"),))
    other = replace(near, name="n2", addresses=())
    steps: list[tuple[dict[str, Any], set[str]]] = [
        ({"pods": ((None, claim),)}, set()),
        ({"nodes": ((None, near),)}, {"10.1.0.7"}),
        ({"nodes": ((near, far),)}, set()),
        ({"nodes": ((far, near),)}, {"10.1.0.7"}),
        ({"pods": ((claim, replace(claim, node="n2")),)}, set()),
        ({"nodes": ((None, other),)}, {"10.1.0.7"}),
        ({"nodes": ((near, None),)}, {"10.1.0.7"}),
        ({"nodes": ((other, None),)}, set()),
        ({"pods": ((replace(claim, node="n2"), None),)}, set()),
        ({"nodes": ((None, other),)}, set()),
    ]
    known: set[str] = set()
    membership.take_dirty()
    for happening, expected in steps:
        membership.apply(ClusterDifference("east", ALL, **happening))
        assert published(membership)["web"] == expected, happening
        assert known == expected or membership.take_dirty() == {"web"}
        membership.take_dirty()
        known = expected


def test_a_namespace_is_forgotten_with_the_last_of_it() -> None:
    """Where a rule selects is known for as long as the namespace, or a pod of it, is there."""
    membership = ClusterMembership("east", RULES[6:])
    where = partial(membership.spaces_of, "web")
    for happening, expected in [
        ({"pods": ((None, POD),)}, {"a"}),
        ({"pods": ((POD, None),)}, {"a"}),  # no namespace is known: perhaps they were not read
        ({"namespaces": (("b", None, PROD), ("a", None, PROD)), "pods": ((None, POD),)}, {"a"}),
        ({"pods": ((POD, None),)}, {"a"}),
        ({"namespaces": (("a", PROD, None),)}, set()),
        ({"pods": ((None, POD),)}, {"a"}),
        ({"namespaces": (("a", None, PROD),)}, {"a"}),
        ({"namespaces": (("a", PROD, None),)}, {"a"}),
        ({"pods": ((POD, None),)}, set()),
    ]:
        membership.apply(ClusterDifference("east", ALL, **happening))  # type: ignore[arg-type]
        assert where() == expected, happening


def test_label_sets_that_never_return_are_forgotten() -> None:
    """Twice as many as there are pods, and 200 more, are remembered."""
    membership = ClusterMembership("east", RULES[6:])
    sets = [Labels({"s": str(number)}) for number in range(10)]
    stay = [replace(POD, name=f"s{n}", labels=each, addresses=()) for n, each in enumerate(sets)]
    membership.apply(ClusterDifference("east", ALL, tuple((None, pod) for pod in stay)))
    most = 0
    for number in range(250):
        job = replace(POD, name="job", labels=Labels({"job": str(number)}))
        membership.apply(ClusterDifference("east", ALL, ((None, job),)))
        membership.apply(ClusterDifference("east", ALL, ((job, None),)))
        most = max(most, membership._book.remembered)
    assert most == 220
    assert membership._book.remembered < 60
    membership.apply(ClusterDifference("east", ALL, ((stay[0], replace(POD, name="s0")),)))
    assert published(membership)["web"] == {"10.1.0.1"}


def test_doubt_concerns_every_rule() -> None:
    """Whoever has lost sight of a cluster asks all again."""
    membership = follow()
    membership.take_dirty()
    membership.doubt()
    assert membership.take_dirty() == {rule.name for rule in RULES}
