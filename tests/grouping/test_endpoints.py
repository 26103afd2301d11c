"""Pods and nodes put in one at a time: whose answer may be another, and what is kept of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.grouping.endpoints import Endpoints
from fmgsync.grouping.rulebook import RuleBook
from fmgsync.model.address import Address
from fmgsync.model.endpoint import IPPool, NodeEndpoint, PodEndpoint
from fmgsync.model.labels import NO_LABELS, Labels, unread_account, unread_namespace
from fmgsync.model.platform import Setting
from fmgsync.model.rule import GroupRule, Publish

WEB = Labels({"app": "web"})
A, B, SIX = Address("10.1.0.1"), Address("10.1.0.2"), Address("2001:db8::1")
OWN = GroupRule("own", select="app == 'web'")
NODES = GroupRule("nodes", select="app == 'web'", publish=Publish.NODE)
SEEN = GroupRule("seen", select="app == 'web'", publish=Publish.AUTO)
ROBOT = GroupRule("robot", select="has(app)", accounts="projectcalico.org/name == 'robot'")
NODE = NodeEndpoint("n1", Labels({}), (Address("192.0.2.1"),))


def pod(name: str = "one", *ips: Address, node: str = "n1", account: str = "robot") -> PodEndpoint:
    return PodEndpoint("a", name, WEB, ips, node, account=account)


def empty(*rules: GroupRule) -> tuple[Endpoints, set[int]]:
    """Of a cluster, and the rules whose answer may be another by now."""
    dirty: set[int] = set()
    return Endpoints(RuleBook(rules), None, dirty), dirty


ONE, TWO = pod("one", SIX), pod("two", SIX)
# the rule, and one pod after another that takes the place of the one of its name: whether that
# concerns the rule
CHANGES: dict[str, tuple[GroupRule, list[tuple[str, PodEndpoint | None, bool]]]] = {
    "the first and the last count": (OWN, [("one", ONE, True), ("two", TWO, False),
        ("one", None, False), ("two", None, True), ("two", None, False)]),
    "on each node the first and the last": (NODES, [
        ("one", pod(), True), ("two", pod("two"), False), ("one", pod(node="n2"), True),
        ("two", pod("two", node="n2"), True), ("one", None, False), ("two", None, True)]),
    "other labels that select it as well": (OWN, [("one", ONE, True),
        ("one", replace(ONE, labels=Labels({"app": "web", "x": "y"})), False)]),
    "an address comes and goes": (OWN, [("one", pod(), True), ("one", pod("one", A), True),
        ("one", pod("one", A, B), True), ("one", pod("one", B, A), False),
        ("one", pod(), True)]),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES)
def test_whether_a_pod_concerns_a_rule(case: str) -> None:
    rule, changes = CHANGES[case]
    found, dirty = empty(rule)
    for name, there, expected in changes:
        dirty.clear()
        found.put_pod(("a", name), there)
        assert bool(dirty) is expected, (name, there)


def test_pods_are_counted_by_rule_node_and_namespace() -> None:
    found, _ = empty(OWN, NODES)
    found.put_node("n1", NODE)
    for name in ("one", "two"):
        found.put_pod(("a", name), pod(name, A if name == "one" else B))
    assert (found.selected, found.hosts[1], found.spaces) == ([2, 2], {"n1": 2}, [{"a"}, {"a"}])
    assert found.holdings.held == [{A, B}, set(NODE.addresses)]
    found.put_pod(("a", "one"), None)
    assert (found.selected, found.hosts[1]) == ([1, 1], {"n1": 1})
    assert found.holdings.held[1] == set(NODE.addresses)
    found.put_pod(("a", "two"), pod("two", B, node="n2"))
    assert (found.selected, found.hosts[1]) == ([1, 1], {"n2": 1})
    assert found.holdings.held[1] == set()
    found.put_pod(("a", "two"), None)
    assert (found.selected, found.hosts[1], found.pods) == ([0, 0], {}, {})
    assert found.spaces == [{"a"}, {"a"}]  # no namespace is known: perhaps they were not read
    held = (found._pods_in, found._claiming, found._hosting)
    assert [dict(each) for each in held] == [{}, {}, {"n1": set()}]
    found.put_node("n1", None)
    assert found._hosting == {}


def test_what_is_not_known_of_a_pods_surroundings() -> None:
    """Of what was not read only the name is known, which a rule may go by."""
    found, _ = empty(ROBOT)
    assert found.space("a") == unread_namespace("a")
    found.put_pod(("a", "one"), pod("one", A))
    assert found.selected == [1]
    found.put_pod(("a", "two"), pod("two", B, account="other"))
    assert found.selected == [1]
    assert found._account(pod(account="other")) == unread_account("other")
    assert found._account(pod(account="")) == NO_LABELS
    found.put_account("a/robot", Labels({"team": "x"}))
    assert found.selected == [0]
    found.put_account("a/robot", None)
    assert found.selected == [1]
    found.put_account("b/robot", Labels({"team": "x"}))
    assert found.selected == [1]


def test_who_takes_over_knows_all_of_it() -> None:
    """The labels, pools and objects, whoever is only heard of, and where rules have selected."""
    old, _ = empty(OWN, NODES)
    pool = IPPool("pool", Labels({}), Address("10.1.0.0/16"), nat=True)
    felix = Setting("FelixConfiguration", "", "default", (("natOutgoingAddress", "192.0.2.9"),))
    old.put_namespace("a", Labels({"env": "qa"}))
    old.put_account("a/robot", Labels({"team": "x"}))
    old.exchange_platform([(None, pool)], [(None, felix)])
    old.put_node("n1", NODE)
    old.put_pod(("a", "one"), pod("one", A))
    old.put_pod(("b", "gone"), replace(pod("gone", B), namespace="b"))
    old.put_stranger(None, PodEndpoint("a", "other", Labels({}), (B,), "n1"))
    old.put_pod(("b", "gone"), None)
    old.spaces[0].add("c")
    dirty: set[int] = set()
    book = RuleBook([SEEN, NODES, OWN], old._book)
    new = Endpoints(book, None, dirty)
    new.carry_over(old)
    assert new.space("a") == Labels({"env": "qa"})
    assert new._accounts == {"a/robot": Labels({"team": "x"})}
    assert (list(new.pools), new.seeing.around.objects) == ([pool], {felix.key: felix})
    assert (new.nodes["n1"].node, new.pods["a", "one"].pod) == (NODE, pod("one", A))
    assert [each.name for each in new.holdings.strangers] == ["other"]
    assert new.holdings.uses(B)
    assert new.seeing.addresses(0, ()) == {"192.0.2.9"}
    assert new.spaces == [{"a"}, {"a"}, {"a", "c"}]
    assert dirty == {0, 1, 2}


def test_what_was_only_known_of_pods_that_are_gone_is_forgotten() -> None:
    """Once that is most of it; what may be asked again stays."""
    spaced = GroupRule("spaced", select="app == 'web'", namespaces="has(env)", accounts="has(team)")
    found, _ = empty(OWN, spaced)
    found.put_namespace("a", Labels({"env": "qa"}))
    found.put_account("a/robot", Labels({"team": "x"}))
    for number in range(300):
        job = replace(pod("job", A), labels=Labels({"job": str(number)}))
        found.put_pod(("a", "job"), job)
        if number == 199:
            found.put_pod(("a", "one"), pod("one", B))
            found.tidy()
            assert found._book.remembered == 201  # of two pods: no more than 204 are
    found.tidy()
    assert found._book.remembered == 2
    assert found._book._known_spaced.keys() == {
        (labels, found.space("a"), Labels({"team": "x"}))
        for labels in (WEB, Labels({"job": "299"}))
    }


def test_answers_about_ways_out_are_forgotten_as_well() -> None:
    found, _ = empty(SEEN)
    around = found.seeing.around
    for number in range(201):
        around.egresses(Labels({"job": str(number)}), WEB)
        found.tidy()
        assert around.remembered == (number + 1) % 201


def test_whoever_is_only_heard_of_is_followed_once_a_rule_selects_it() -> None:
    found, _ = empty(OWN)
    other = PodEndpoint("a", "other", Labels({}), (A,), "n1")
    found.put_stranger(None, pod("one", A))
    assert [*found.holdings.strangers] == []
    found.put_stranger(None, other)
    assert [*found.holdings.strangers] == [other]
    found.put_stranger(other, pod("other", A))
    assert ([*found.holdings.strangers], found.holdings.uses(A)) == ([], False)


def test_a_node_concerns_whoever_publishes_it_or_chooses_among_its_addresses() -> None:
    choosing = GroupRule("out", select_nodes="has(out)", addresses=("ExternalIP",))
    found, dirty = empty(OWN, NODES, choosing)
    found.put_pod(("a", "one"), pod("one", A))
    elsewhere = replace(NODE, name="n2", addresses=(Address("192.0.2.2"),))
    for name, there, expected in [
        ("n1", NODE, {1, 2}),
        ("n1", replace(NODE), set()),
        ("n1", replace(NODE, doubt="odd"), {1, 2}),
        ("n1", replace(NODE, doubt="other"), {1, 2}),
        ("n1", replace(NODE, doubt="other", started="2026-01-01T00:00:00Z"), {2}),
        ("n2", elsewhere, {2}),
        ("n2", replace(elsewhere, doubt="odd"), {2}),
        ("n2", None, {2}),
        ("n1", None, {1, 2}),
    ]:
        dirty.clear()
        found.put_node(name, there)
        assert dirty == expected, (name, there)


def test_what_is_not_known_of_a_node_is_told_until_it_is_gone() -> None:
    found, _ = empty(GroupRule("all", select_nodes="all()"), OWN)
    found.put_node("n1", replace(NODE, doubt="odd"))
    found.put_node("n2", replace(NODE, name="n2", doubt="odd"))
    assert found.doubts.of == [{("", "n1"): "node n1: odd", ("", "n2"): "node n2: odd"}, {}]
    assert found.selected == [2, 0]
    found.put_node("n1", NODE)
    found.put_node("n2", None)
    found.put_node("never there", None)
    assert (found.doubts.of, found.selected) == ([{}, {}], [1, 0])


def test_the_first_and_the_last_node_of_a_rule_count_without_an_address() -> None:
    found, dirty = empty(GroupRule("all", select_nodes="all()"))
    for name, expected in [("n1", True), ("n2", False)]:
        dirty.clear()
        found.put_node(name, replace(NODE, name=name, addresses=()))
        assert bool(dirty) is expected
    for name, expected in [("n1", False), ("n2", True)]:
        dirty.clear()
        found.put_node(name, None)
        assert bool(dirty) is expected


def test_why_nobody_can_tell_of_a_pod_is_told_anew() -> None:
    """Although nobody can tell before and after."""
    found, _ = empty(GroupRule("spaced", select="all()", namespaces="env == 'prod'"))
    found.put_pod(("a", "one"), pod("one", A))
    assert found.doubts.of == [{("a", "one"): "namespace a has pods but was not read"}]
    found.put_namespace("a", Labels({}, frozenset({"env"})))
    assert found.doubts.of == [{("a", "one"): "not all labels of namespace a can be read"}]


def test_what_a_firewall_sees_is_asked_again_where_a_node_or_namespace_is_another() -> None:
    found, _ = empty(SEEN)

    def seen() -> tuple[list[str], int]:
        found.seeing.settle()
        return sorted(found.seeing.addresses(0, ())), found.seeing.asked

    found.put_namespace("a", Labels({"env": "qa"}))
    found.exchange_platform(
        [(None, IPPool("pool", Labels({}), Address("10.1.0.0/16"), nat=True))], []
    )
    for name, ip in (("n1", "192.0.2.1"), ("n2", "192.0.2.2")):
        found.put_node(name, replace(NODE, name=name, addresses=(Address(ip),)))
    found.put_pod(("a", "one"), pod("one", A))
    found.put_pod(("a", "two"), pod("two", B, node="n2"))
    assert seen() == (["192.0.2.1", "192.0.2.2"], 2)
    found.put_node("n1", replace(NODE, addresses=(Address("192.0.2.7"),)))
    assert seen() == (["192.0.2.2", "192.0.2.7"], 3)
    found.put_namespace("b", Labels({"env": "qa"}))
    found.put_namespace("a", Labels({}, frozenset({"*"})))
    assert seen() == ([], 5)
