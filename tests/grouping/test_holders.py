"""One address, one workload: who has it, and what only annotations say."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from fmgsync.grouping.clusters import Memberships, memberships
from fmgsync.grouping.holders import NodeHolder, PodHolder, judged, reason
from fmgsync.grouping.rulebook import Parts, Picked
from fmgsync.model.address import Address, Family
from fmgsync.model.endpoint import ClusterSnapshot, NodeEndpoint, PodEndpoint
from fmgsync.model.rule import GroupRule, Publish
from tests.builders import node_endpoint, pod_endpoint, snapshot

OLD, NEW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
RULES = (
    GroupRule("web", select="app == 'web'"),
    GroupRule("db", select="app == 'db'"),
    GroupRule("both", select="has(app)"),
    GroupRule("nodes", select_nodes="all()"),
)
RANGES = {"east": (ipaddress.ip_network("10.1.0.0/16"),)}


def of(snapshot: ClusterSnapshot, ranges: Any = None) -> Memberships:
    return memberships(RULES, {"east": snapshot}, ranges or {})


def members(found: Memberships, *names: str) -> list[set[str]]:
    return [set(found.members[name, "east"].addresses) for name in names]


def web(name: str = "web", *ips: str, **further: Any) -> PodEndpoint:
    return pod_endpoint(name, *ips, labels={"app": "web"}, **further)


def db(*ips: str, **further: Any) -> PodEndpoint:
    return pod_endpoint("db", *ips, labels={"app": "db"}, **further)


IP = "10.1.0.9"
CONTESTS = {
    # two pods, of which one is selected by "web" and one by "db": who gets the address
    "one is being deleted": (web("w", IP, terminating=True), db(IP), "db"),
    "one is on a lost node": (web("w", IP, lost=True), db(IP), "db"),
    "one started later": (web("w", IP, started=OLD), db(IP, started=NEW), "db"),
    "the one being deleted started later":
        (web("w", IP, terminating=True, started=NEW), db(IP, started=OLD), "db"),
    "both are being deleted, one started later":
        (web("w", IP, terminating=True, started=NEW), db(IP, terminating=True), "web"),
    "nothing tells them apart": (web("w", IP), db(IP), None),
    "a start is not known": (web("w", IP, started=""), db(IP, started=NEW), None),
    "one only claims it": (web("w", claimed=(IP,), started=NEW), db(IP), "db"),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other", "winner"), CONTESTS.values(), ids=CONTESTS.keys())
@pytest.mark.parametrize("turned", [False, True])
def test_an_address_of_two_pods_goes_to_the_one_that_newer_facts_support(
    one: PodEndpoint, other: PodEndpoint, winner: str | None, turned: bool
) -> None:
    pods = (other, one) if turned else (one, other)
    found = of(snapshot(*pods), RANGES)
    got = dict(zip(("web", "db"), members(found, "web", "db"), strict=True))
    assert got == {name: {IP} if name == winner else set() for name in got}
    # A rule that selects both lets nobody through whom it does not select.
    assert members(found, "both") == [{IP}]
    told = [f.message for f in found.findings if f.kind == "withheld" and IP in f.message]
    assert told
    assert all("pod default/w" in text and "pod default/db" in text for text in told)


def test_a_workload_no_rule_selects_is_not_let_through_with_another() -> None:
    found = of(snapshot(web("w", IP), pod_endpoint("tool", IP)))
    assert members(found, "web", "both") == [set(), set()]
    later = of(snapshot(web("w", IP, started=NEW), pod_endpoint("tool", IP, started=OLD)))
    assert members(later, "web", "both") == [{IP}, {IP}]


def test_pods_in_their_nodes_network_share_its_address_rightly() -> None:
    pods = [web(f"w{n}", host_network=True) for n in range(2)]
    found = of(snapshot(*pods, node_endpoint("node-1", "10.0.0.1")))
    assert members(found, "nodes", "web") == [{"10.0.0.1"}, set()]
    assert not [each for each in found.findings if each.kind == "withheld"]


def test_the_address_of_a_node_is_no_pods_own() -> None:
    found = of(snapshot(web("w", "10.0.0.1"), node_endpoint("node-1", "10.0.0.1")))
    assert members(found, "nodes", "web") == [{"10.0.0.1"}, set()]


def test_of_two_nodes_with_one_address_a_rule_gets_it_that_selects_both() -> None:
    rules = (GroupRule("a", select_nodes="pool == 'a'"), GroupRule("all", select_nodes="all()"))
    twins = [node_endpoint(f"n-{p}", "10.0.0.1", labels={"pool": p}) for p in ("a", "b")]
    found = memberships(rules, {"east": snapshot(*twins)}, {})
    assert members(found, "a", "all") == [set(), {"10.0.0.1"}]


NODE = NodeEndpoint("node-1", node_endpoint().labels, ("10.0.0.1",), ranges=("10.1.0.0/24",))  # type: ignore[arg-type]
CLAIMS = {
    "nothing bears it out": ((), None, False),
    "its node's prefixes hold it": ((NODE,), None, True),
    "allowedRanges hold it": ((), RANGES, True),
    "allowedRanges do not hold it":
        ((), {"east": (ipaddress.ip_network("10.2.0.0/16"),)}, False),
}  # fmt: skip


@pytest.mark.parametrize(("nodes", "ranges", "believed"), CLAIMS.values(), ids=CLAIMS.keys())
def test_a_claim_is_published_where_the_clusters_own_objects_bear_it_out(
    nodes: tuple[NodeEndpoint, ...], ranges: Any, believed: bool
) -> None:
    found = of(snapshot(web("w", claimed=(IP,)), *nodes), ranges)
    assert members(found, "web") == [{IP} if believed else set()]
    assert found.members["web", "east"].complete
    told = [each.message for each in found.findings if each.kind == "withheld"]
    assert bool(told) is not believed
    assert all("only by an annotation of pod default/w" in text for text in told)


@pytest.mark.parametrize("ip", ["203.0.113.66", "10.0.0.1", "10.1.0.7"])
def test_a_claim_widens_no_group(ip: str) -> None:
    """A foreign address, a node's own, another pod's own."""
    pods = (web("w", claimed=(ip,), started=NEW), pod_endpoint("other", "10.1.0.7"))
    found = of(snapshot(*pods, NODE), RANGES)
    assert members(found, "web") == [set()]


def test_two_claims_to_one_address_are_both_withheld() -> None:
    found = of(snapshot(web("w", claimed=(IP,), started=NEW), db(claimed=(IP,))), RANGES)
    assert members(found, "web", "db", "both") == [set(), set(), {IP}]


LAN = (("default/lan", ("10.1.0.5",)), ("cbr0", (IP,)))


@pytest.mark.parametrize(
    ("network", "ranges", "expected"),
    [
        ("lan", RANGES, {"10.1.0.5"}),
        ("default/lan", RANGES, {"10.1.0.5"}),
        ("other/lan", RANGES, set()),
        ("lan", None, set()),  # an annotation alone; node prefixes say nothing of other networks
        ("cbr0", None, {IP}),  # its status has it as well
    ],
)
def test_a_rule_may_name_a_network(network: str, ranges: Any, expected: set[str]) -> None:
    rule = GroupRule("lan", select="app == 'web'", network=network)
    pod = web("w", IP, networks=LAN)
    found = memberships([rule, *RULES], {"east": snapshot(pod, NODE)}, ranges or {})
    assert members(found, "lan", "web") == [expected, {IP}]


def test_a_node_stands_for_its_host_network_pods_in_publish_node() -> None:
    rule = GroupRule("ingress", select="app == 'web'", publish=Publish.NODE)
    found = memberships([rule], {"east": snapshot(web("w", host_network=True), NODE)}, {})
    assert members(found, "ingress") == [{"10.0.0.1"}]


def holder(name: str, *rules: int, **parts: Any) -> PodHolder:
    """A pod that has the address, and the rules over pods that select it."""
    pod = web(name, *parts.pop("ips", (IP,)), **parts)
    return PodHolder(pod, parts=Parts(own={Family.IPV4: rules}))


def bears_out(held: PodHolder, address: Address) -> bool:
    """Whoever says so in its name."""
    return "true" in held.pod.name and bool(address)


CLAIM: dict[str, Any] = {"ips": (), "claimed": (IP,)}
NEITHER = (
    ": neither the status, nor the node's podCIDRs, nor allowedRanges of the cluster bear it out"
)
# who has the address, the rules that publish it, those that must not, and why
VERDICTS: list[tuple[list[PodHolder], set[int], set[int], str]] = [
    ([holder("a", 1, 2)], {1, 2}, set(), ""),
    ([holder("a", 1, **CLAIM)], set(), {1},
     f"is claimed only by an annotation of pod default/a{NEITHER}"),
    ([holder("true", 1, **CLAIM)], {1}, set(), ""),
    ([holder(name, 1, **CLAIM) for name in "cba"], set(), {1},
     f"is claimed only by an annotation of pod default/a and pod default/b{NEITHER}"),
    ([holder("a"), holder("b")], set(), set(), ""),
    ([holder(name, number) for number, name in enumerate("dcba")], set(), {0, 1, 2, 3},
     ("is the address of pod default/a and pod default/b and pod default/c, and nothing tells which"
     " of them has it")),
    ([holder("b", 1), holder("a", 2)], set(), {1, 2},
     "is the address of pod default/a and pod default/b, and nothing tells which of them has it"),
    ([holder("d", 1, started=OLD), holder("c", 2, started=OLD), holder("b", 3, started=OLD),
      holder("a", 4, started=NEW)], {4}, {1, 2, 3},
     "belongs to pod default/a by now, and also stands in pod default/b, pod default/c"),
    ([holder("a", 1, started=OLD), holder("b", 1, 2, started=NEW), holder("c", 1, 3, started=NEW)],
     {1}, {2, 3},
     ("is the address of pod default/a and pod default/b and pod default/c, and nothing tells which"
     " of them has it")),
    ([holder("true-1", 1, started=OLD, **CLAIM), holder("true-2", 2, started=NEW, **CLAIM)],
     set(), {1, 2},
     ("is the address of pod default/true-1 and pod default/true-2, and nothing tells which of them"
     " has it")),
    ([holder("a", 1, lost=True), holder("b", 2, terminating=True)], {1}, {2},
     "belongs to pod default/a by now, and also stands in pod default/b"),
]  # fmt: skip


@pytest.mark.parametrize(("holders", "published", "withheld", "why"), VERDICTS)
def test_who_has_an_address_and_why_others_do_not_get_it(
    holders: list[PodHolder], published: set[int], withheld: set[int], why: str
) -> None:
    granted, refused = judged(Address(IP), holders, bears_out)
    assert granted == published
    assert refused == withheld
    if withheld:
        assert reason(Address(IP), holders, bears_out) == why


def test_of_a_network_and_of_a_node_a_rule_takes_its_families() -> None:
    six = Address("2001:db8::5")
    pod = web("w", networks=(("default/lan", (Address(IP), six)),))
    lan = (0, "lan", frozenset({Family.IPV4}))
    held = PodHolder(pod, parts=Parts(networks=(lan,)))
    assert [held.rules(each) for each in (Address(IP), six)] == [(0,), ()]
    node = NodeHolder(NODE, Picked((0,)), [frozenset({Family.IPV4}), frozenset(Family)], {1})
    assert [{*node.rules(each)} for each in (Address(IP), six)] == [{0, 1}, {1}]
    assert PodHolder(pod_endpoint("w", namespace="")).place == "pod ?/w"
