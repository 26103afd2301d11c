"""What cannot be read holds the rules it concerns, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.grouping.clusters import memberships
from fmgsync.grouping.doubts import Told
from fmgsync.model.endpoint import ClusterSnapshot, NodeEndpoint, PodEndpoint
from fmgsync.model.labels import ANY_KEY, Labels
from fmgsync.model.rule import GroupRule, Publish
from tests.builders import namespace_labels, node_endpoint, pod_endpoint, snapshot

RULES = (
    GroupRule("web", select="app == 'web'"),
    GroupRule("db", select="app == 'db'"),
    GroupRule("web-prod", select="app == 'web'", namespaces="environment == 'prod'"),
    GroupRule("web-default", select="app == 'web'", namespaces="projectcalico.org/name == 'x'"),
    GroupRule("web-nodes", select="app == 'web'", publish=Publish.NODE),
    GroupRule("web-lan", select="app == 'web'", network="lan"),
    GroupRule("no-web", select="app != 'web' && tier == 'dmz'"),
    GroupRule("ingress", select_nodes="has(ingress)"),
    GroupRule("others", select_nodes="!has(ingress)"),
)
NAMES = {rule.name for rule in RULES}
WEB = pod_endpoint("web-1", "10.1.0.9", labels={"app": "web"})
NODE = node_endpoint("node-1", "10.0.0.1", labels={"ingress": ""})
ODD = "an odd value"


def held(found: ClusterSnapshot) -> set[str]:
    members = memberships(RULES, {"east": found}, {}).members
    return {name for (name, _), each in members.items() if not each.complete}


def unknown(endpoint: PodEndpoint, keys: frozenset[str]) -> PodEndpoint:
    pairs = {k: v for k, v in endpoint.labels.items() if k not in keys and keys != ANY_KEY}
    return replace(endpoint, labels=Labels(pairs, keys))


def spaced(labels: Labels | None) -> ClusterSnapshot:
    found = snapshot(WEB, NODE)
    return replace(found, namespaces={"default": labels} if labels else {})


CASES = {
    "all is well": (snapshot(WEB, NODE), set()),
    "a pod's addresses":
        (snapshot(replace(WEB, addresses=(), doubt=ODD), NODE), {"web", "web-lan"}),
    "a pod's addresses, and its node":
        (snapshot(replace(WEB, addresses=(), node="", doubt=ODD), NODE),
         {"web", "web-lan", "web-nodes"}),
    "a label no rule looks at": (snapshot(unknown(WEB, frozenset({"x"})), NODE), set()),
    "a label that decides":
        (snapshot(unknown(WEB, frozenset({"app"})), NODE), {"web", "db", "web-nodes", "web-lan"}),
    "a label that decides together with one that is not there":
        (snapshot(unknown(WEB, frozenset({"tier"})), NODE), set()),
    "all labels of a pod":
        (snapshot(unknown(WEB, ANY_KEY), NODE), {"web", "db", "web-nodes", "web-lan", "no-web"}),
    "all labels of a namespace": (spaced(Labels(namespace_labels("default"), ANY_KEY)),
                                  {"web-prod"}),
    "a label of a namespace no rule looks at":
        (spaced(Labels(namespace_labels("default"), frozenset({"team"}))), set()),
    "a namespace that was not read": (spaced(None), {"web-prod"}),
    "an address of a node": (snapshot(WEB, replace(NODE, doubt=ODD)), {"ingress", "web-nodes"}),
    "an address of a node that nothing runs on":
        (snapshot(WEB, NODE, replace(node_endpoint("n2"), doubt=ODD)), {"others"}),
    "a label of a node":
        (snapshot(WEB, replace(NODE, labels=Labels({}, frozenset({"ingress"})))),
         {"ingress", "others"}),
    "the networks of a pod":
        (snapshot(replace(WEB, networks=(("", ()),)), NODE), {"web-lan"}),
}  # fmt: skip


@pytest.mark.parametrize(("found", "expected"), CASES.values(), ids=CASES.keys())
def test_only_rules_that_it_concerns_are_held(found: ClusterSnapshot, expected: set[str]) -> None:
    assert held(found) == expected


@pytest.mark.parametrize(("found", "expected"), CASES.values(), ids=CASES.keys())
def test_why_names_the_object(found: ClusterSnapshot, expected: set[str]) -> None:
    members = memberships(RULES, {"east": found}, {}).members
    for name in expected:
        because = members[name, "east"].because
        assert because.startswith("cluster east: ")
        assert any(each in because for each in ("web-1", "node-1", "node n2", "namespace default"))


def test_what_is_surely_selected_is_published_whatever_else_is_unknown() -> None:
    odd = unknown(WEB, frozenset({"x"}))
    found = memberships(RULES, {"east": snapshot(odd, NODE)}, {}).members["web", "east"]
    assert found.addresses == {"10.1.0.9"}
    good: NodeEndpoint = replace(NODE, doubt=ODD)
    found = memberships(RULES, {"east": snapshot(good)}, {}).members["ingress", "east"]
    assert found.addresses == {"10.0.0.1"}


def test_what_was_told_goes_with_its_object_and_no_other() -> None:
    """Else a rule would be held by something that is gone."""
    told, one, other = Told(3), ("", "one"), ("", "other")
    assert told.exchange(one, (), {0: "why", 1: "why"}) == {0, 1}
    assert told.exchange(other, (), {0: "too"}) == {0}
    assert told.exchange(one, (0, 1), {1: "why", 2: "more"}) == {0, 2}
    assert told.of == [{other: "too"}, {one: "why"}, {one: "more"}]
    assert told.exchange(one, (1, 2), {}) == {1, 2}
    assert told.of == [{other: "too"}, {}, {}]
