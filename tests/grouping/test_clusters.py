"""Rules on several clusters: what is told of them, who has an address, what is new."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from fmgsync.grouping import publishable
from fmgsync.grouping.clusters import Memberships, memberships, split_publishable
from fmgsync.model.address import Address
from fmgsync.model.change import Finding
from fmgsync.model.destination import Destination
from fmgsync.model.endpoint import ClusterDifference, ClusterSnapshot, Kind, NodeEndpoint
from fmgsync.model.labels import Labels
from fmgsync.model.rule import GroupRule, Publish
from tests.builders import pod_endpoint

ALL = frozenset(Kind)
WEB = {"app": "web"}
OUT = Address("192.0.2.7")
POD = pod_endpoint("web", "10.1.0.1", labels=WEB)
WAITING = pod_endpoint("new", labels=WEB)
NODE = NodeEndpoint("n1", Labels({}), (Address("10.0.0.1"),), others=(("ExternalIP", OUT),))
SERVICE = Destination("services", "Service", "a", "s", Labels(WEB), (("loadBalancer", OUT),))
RULE = GroupRule("g", select="app == 'web'")
SERVICES = GroupRule("s", select="has(app)", destinations=Kind.SERVICES, publish=Publish.SERVICE)
CHOOSING = GroupRule("n", select_nodes="all()", addresses=("ExternalIP",))
BARE = "what it selects has no address: 1 without an address yet"
NOT_THERE = "no pod matches: nothing has a label 'app'"
LAN = GroupRule("g", select="app == 'web'", network="default/lan")


def of(*pods: Any, synced: frozenset[Kind] = ALL, **parts: Any) -> dict[str, Any]:
    parts.setdefault("namespaces", {"default": Labels({})})
    return {"synced": synced, "pods": pods, **parts}


def made(rules: list[GroupRule], ranges: Any = None, **clusters: Any) -> Memberships:
    snapshots = {name: ClusterSnapshot(name, **parts) for name, parts in clusters.items()}
    return memberships(rules, snapshots, ranges or {})


def attached(name: str) -> Any:
    return pod_endpoint(name, labels=WEB, networks=(("default/lan", (Address("10.2.0.1"),)),))


@pytest.mark.parametrize(
    ("rule", "east", "west", "told"),
    [
        (RULE, of(POD), of(POD), []),
        (RULE, of(POD), of(), []),  # a cluster where nothing runs yet is no news
        (RULE, of(), of(), [f"cluster east: {NOT_THERE}; cluster west: {NOT_THERE}"]),
        (RULE, of(), of(synced=frozenset()), []),
        (RULE, of(WAITING), of(POD), []),
        (RULE, of(WAITING), of(), [f"cluster east: {BARE}; cluster west: {NOT_THERE}"]),
        (LAN, of(POD, attached("two")), of(attached("one")),
         ["cluster east: of 2 pods 1 not in that network"]),
        (LAN, of(POD, attached("two")), of(POD),
         [("cluster east: of 2 pods 1 not in that network; cluster west: what it selects has no"
          " address: 1 not in that network")]),
        (LAN, of(POD), of(POD, attached("two")),
         [("cluster east: what it selects has no address: 1 not in that network; cluster west: of 2"
          " pods 1 not in that network")]),
        (LAN, of(POD, attached("two")), of(), [(f"cluster east: of 2 pods 1 not in that network;"
                                               f" cluster west: {NOT_THERE}")]),
        (GroupRule("g", select="app == 'web'", clusters=frozenset({"east"})), of(), of(POD),
         [f"cluster east: {NOT_THERE}"]),
        (GroupRule("g", select="app == 'web'", clusters=frozenset({"west"})), of(), of(POD), []),
    ],
)  # fmt: skip
def test_a_rule_that_publishes_nothing_anywhere_is_told_of(
    rule: GroupRule, east: Any, west: Any, told: list[str]
) -> None:
    """Or that cannot publish all that it selects in one of them."""
    found = [f for f in made([rule], east=east, west=west).findings if f.kind != "withheld"]
    assert found == [Finding("publishes-nothing", "g", text) for text in told]


def follow() -> Memberships:
    """One that has been asked already."""
    found = made([RULE], east=of(POD))
    assert not found.findings
    assert found.refresh() == frozenset()
    return found


def test_what_changes_is_told_and_nothing_else() -> None:
    """By rule and cluster; what is told to people follows."""
    found = follow()
    found.apply(ClusterDifference("east", ALL, ((POD, None),)))
    assert found.refresh() == {("g", "east")}
    (told,) = found.findings
    assert told.kind == "publishes-nothing"
    assert found.findings is found.findings
    found.apply(ClusterDifference("east", ALL, ((None, WAITING),)))
    assert found.refresh() == frozenset()
    assert [each.message for each in found.findings] == [f"cluster east: {BARE}"]
    loop = pod_endpoint("loop", "127.0.0.1", labels=WEB)
    found.apply(ClusterDifference("east", ALL, ((None, loop), (WAITING, None))))
    assert found.refresh() == frozenset()
    assert [each.message for each in found.findings] == [
        "127.0.0.1 of cluster east is loopback; not published"
    ]
    before = found.findings
    found.apply(ClusterDifference("east", ALL, ((None, POD),)))
    assert found.refresh() == {("g", "east")}
    assert found.findings is before


def test_other_rules_start_from_what_was_told() -> None:
    """Findings of rules that stay are there at once, those of rules that go are not."""
    gone = GroupRule("gone", select="app == 'x'")
    before = made([RULE, gone], east=of(WAITING, pod_endpoint("l", "127.0.0.1", labels=WEB)))
    assert {each.name for each in before.findings} == {"g", "gone"}
    after = Memberships([RULE], ["east"], {})
    assert not after.findings
    after.succeed(before, ["east"])
    assert [each.name for each in after.findings] == ["g"]
    assert after.refresh() == frozenset()


def test_rules_that_follow_know_the_ranges_that_bear_claims_out() -> None:
    """What a pod says of itself lies within them: it is published as before, and no change."""
    ranges = {"east": (ipaddress.ip_network("10.1.0.0/16"),)}
    claim = pod_endpoint("c", labels=WEB, claimed=(Address("10.1.0.7"),))
    before = made([RULE], ranges, east=of(claim))
    assert before.members["g", "east"].addresses == {"10.1.0.7"}
    after = Memberships([RULE], ["east"], ranges)
    after.succeed(before, ["east"])
    after.apply(
        ClusterDifference("east", ALL, ((None, pod_endpoint("d", "10.1.0.8", labels=WEB)),))
    )
    assert after.refresh() == {("g", "east")}
    assert after.members["g", "east"].addresses == {"10.1.0.7", "10.1.0.8"}


def test_other_ranges_are_looked_at_again() -> None:
    before = made([RULE], east=of(POD))
    ranges = {"east": (ipaddress.ip_network("10.2.0.0/16"),)}
    after = Memberships([RULE], ["east"], ranges)
    after.succeed(before, ["east"])
    assert after.refresh() == {("g", "east")}
    assert after.members["g", "east"].addresses == frozenset()
    assert [each.message for each in after.findings] == [
        "10.1.0.1 of cluster east lies outside the cluster's allowedRanges; not published"
    ]


def test_who_has_an_address_and_what_is_known_of_it() -> None:
    """Pods, nodes and destinations, of each cluster that has it."""
    east = of(POD, nodes=(NODE,), destinations=(SERVICE,))
    found = made([RULE, SERVICES, CHOOSING], east=east, west=of())
    assert found.who(OUT) == ("Service a/s of cluster east", "node n1 of cluster east")
    assert found.who(POD.addresses[0]) == ("pod default/web of cluster east",)
    assert found.who(NODE.addresses[0]) == ("node n1 of cluster east",)
    assert found.who(Address("10.9.9.9")) == ()
    assert found.about(None, OUT) == {
        "east": ClusterSnapshot("east", frozenset(), (), (NODE,), destinations=(SERVICE,))
    }
    assert found.about(None, POD.addresses[0]) == {
        "east": ClusterSnapshot("east", frozenset(), (POD,))
    }
    assert found.about(None, None) == {}
    of_pod = found.about(POD.key, None)
    assert [len(each.pods) for each in of_pod.values()] == [1, 0]
    assert of_pod["west"].cluster == "west"
    only = made([SERVICES], east=of(destinations=(SERVICE,)))
    assert [*only.about(None, OUT)] == ["east"]
    assert found.in_use("east", POD.addresses[0])
    assert not found.in_use("east", OUT)
    assert not found.in_use("elsewhere", OUT)
    assert found.selects("east", POD.key)
    assert not found.selects("west", POD.key)
    assert found.spaces_of("g") == {"east": {"default"}, "west": set()}
    assert found.needs("west") == {Kind.PODS, Kind.SERVICES, Kind.NODES}


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "is loopback"),
        ("169.254.1.1", "is link-local"),
        ("169.253.1.1", None),
        ("224.0.0.1", "is multicast"),
        ("255.255.255.255", "is the broadcast address"),
        ("0.0.0.0", "is unspecified"),
        ("0.0.0.0/0", "is unspecified"),
        ("::/0", "is unspecified"),
        ("0.0.0.0/1", "is unspecified"),
        ("2001:db8::/1", "is unspecified"),
        ("::ffff:10.0.0.1", "is an IPv4-mapped IPv6 address"),
        ("10.0.0.1", None),
        ("2001:db8::1", None),
    ],
)
def test_why_an_address_is_never_published(address: str, why: str | None) -> None:
    if address == "2001:db8::/1":  # host bits: no prefix of ours is written so
        address = "::/1"
    assert publishable.refusal(Address(address)) == why


def test_what_is_refused_is_told_in_one_order() -> None:
    """The first reason is the one that no range could heal."""
    ranges = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32"))
    told = ["192.0.2.9", "127.0.0.1", "10.0.0.1", "2001:db8::1", "2001:db9::1"]
    outside = "lies outside the cluster's allowedRanges"
    kept, refused = split_publishable(map(Address, told), ranges)
    assert kept == {"10.0.0.1", "2001:db8::1"}
    reasons = [("127.0.0.1", "is loopback"), ("192.0.2.9", outside), ("2001:db9::1", outside)]
    assert list(refused) == reasons
