"""What an API server is asked for is never narrower than what a rule selects."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.grouping import interest
from fmgsync.grouping.interest import ALL, Interest, Narrowing
from fmgsync.grouping.rulebook import RuleBook
from fmgsync.model.endpoint import Kind
from fmgsync.model.rule import GroupRule, Publish
from fmgsync.simulator.kubernetes import resources, selection
from tests import builders
from tests.grouping.trees import LABELS, TREES, written


def pods(*selectors: str, namespaces: str = "all()") -> Narrowing | None:
    rules = [
        GroupRule(f"g{number}", select=text, namespaces=namespaces)
        for number, text in enumerate(selectors)
    ]
    return interest.of_rules(rules).pods


@pytest.mark.parametrize(
    ("selectors", "labels"),
    [
        (["app == 'web'"], "app in (web)"),
        (["app == 'web'", "app in {'db', 'cache'}"], "app in (cache,db,web)"),
        (["app == 'web' && tier == 'dmz'"], "app in (web),tier in (dmz)"),
        (["app == 'web' && tier == 'dmz'", "app == 'db'"], "app in (db,web)"),
        (["app == 'web' || app == 'db'"], "app in (db,web)"),
        (["app == 'web' || tier == 'dmz'"], ""),
        (["app == 'web' && app in {'web', 'db'}"], "app in (web)"),
        (["has(app)", "app == 'web'"], "app"),
        (["app starts with 'we'"], "app"),
        (["app != 'web'"], ""),  # true of pods without the label
        (["!(app == 'web')"], ""),
        (["!has(app)"], ""),
        (["app == 'web'", "all()"], ""),
        (["app == ''"], "app"),  # an empty value cannot be listed safely
        (["app == 'no label value'"], "app"),  # the API server would refuse the request
        (["pcns.team == 'a' && app == 'web'"], "app in (web)"),  # no pod has namespace labels
        (["projectcalico.org/orchestrator == 'k8s'"], ""),  # nor those that Calico makes up
    ],
)
def test_labels_that_all_rules_ask_for(selectors: list[str], labels: str) -> None:
    assert pods(*selectors) == Narrowing(labels)


@pytest.mark.parametrize(
    ("select", "namespaces", "fields"),
    [
        ("all()", "projectcalico.org/name == 'shop'", "metadata.namespace=shop"),
        ("all()", "kubernetes.io/metadata.name == 'shop'", "metadata.namespace=shop"),
        ("projectcalico.org/namespace == 'shop'", "all()", "metadata.namespace=shop"),
        ("pcns.projectcalico.org/name == 'shop'", "all()", "metadata.namespace=shop"),
        ("all()", "projectcalico.org/name in {'shop', 'bank'}", ""),  # fields know no "or"
        ("all()", "projectcalico.org/name == 'a,b'", ""),
        ("all()", "team == 'a'", ""),
    ],
)
def test_a_single_namespace(select: str, namespaces: str, fields: str) -> None:
    assert pods(select, namespaces=namespaces) == Narrowing("", fields)


def test_what_no_rule_needs_is_not_followed() -> None:
    assert interest.of_rules([]) == Interest(None, None)
    assert interest.of_rules([]).kinds == {Kind.NAMESPACES}
    nodes = GroupRule("ingress", select_nodes="has(ingress)")
    assert interest.of_rules([nodes]) == Interest(None, Narrowing("ingress"))
    hosts = GroupRule("hosts", select="app == 'web'", publish=Publish.NODE)
    # A rule that publishes nodes needs any node, since its pods may run there.
    assert interest.of_rules([nodes, hosts]) == Interest(Narrowing("app in (web)"), ALL)


def test_many_values_are_too_many_for_a_url() -> None:
    assert pods(*(f"app == 'a{number}'" for number in range(101))) == Narrowing("app")
    assert pods(*(f"app == '{number:060}'" for number in range(90))) == Narrowing("app")


SPACES = st.sampled_from(("shop", "bank"))


@settings(max_examples=300, deadline=None)
@given(st.lists(TREES, min_size=1, max_size=3), LABELS, SPACES, st.none() | SPACES)
def test_whatever_a_rule_selects_is_asked_for(
    trees: list[Any], labels: dict[str, str], space: str, only: str | None
) -> None:
    """The API server's answer is told by an evaluator of its selectors that was written apart."""
    namespaces = f"projectcalico.org/name == '{only}'" if only else "all()"
    rules = [
        GroupRule(f"g{number}", select=written(tree, " "), namespaces=namespaces)
        for number, tree in enumerate(trees)
    ]
    found = builders.pod_endpoint(labels=labels, namespace=space)
    selected = RuleBook(rules).for_pod(found.labels, builders.namespace_labels(space))
    asked = interest.of_rules(rules).pods
    assert asked is not None
    sent = selection.matcher(resources.PODS, asked.labels, asked.fields)
    if selected.sure:
        assert sent(builders.pod(namespace=space, labels=labels))


NODES_TOO = Interest(ALL, Narrowing("a"), frozenset({Kind.NAMESPACES, Kind.SERVICES}))


@pytest.mark.parametrize(
    ("mine", "wanted", "covered"),
    [
        (NODES_TOO, NODES_TOO, True),
        (Interest(Narrowing("a"), None), Interest(Narrowing("a"), None), True),
        (Interest(ALL, None), Interest(Narrowing("a"), None), True),
        (Interest(Narrowing("b"), None), Interest(Narrowing("a"), None), False),
        (Interest(Narrowing("a"), None), Interest(ALL, None), False),
        (Interest(None, ALL), Interest(None, Narrowing("a")), True),
        (Interest(ALL, None), Interest(None, None), True),
        (Interest(None, None), Interest(ALL, None), False),
        (Interest(ALL, None), Interest(ALL, ALL), False),
        (NODES_TOO, Interest(ALL, Narrowing("a")), True),
        (Interest(ALL, ALL), NODES_TOO, False),
    ],
)
def test_who_follows_enough_for_another(mine: Interest, wanted: Interest, covered: bool) -> None:
    """Both of pods and of nodes, and of all other kinds."""
    assert mine.covers(wanted) is covered


@pytest.mark.parametrize(
    ("select", "namespaces", "anybody"),
    [
        ("app == 'web'", "all()", True),
        ("all()", "all()", False),
        (None, "all()", False),
        (None, "team == 'a'", True),
        ("app == 'web'", "team == 'a'", True),
        ("app == 'web'", "projectcalico.org/name == 'shop'", False),
        ("app == 'web'", "projectcalico.org/name in {'shop', 'bank'}", False),
        ("app == 'web' && projectcalico.org/namespace == 'shop'", "all()", False),
        ("app == 'web'", "has(projectcalico.org/name)", True),
    ],
)
def test_a_rule_whom_anybody_with_labels_may_enter(
    select: str | None, namespaces: str, anybody: bool
) -> None:
    assert interest.lets_in(GroupRule("g", select=select, namespaces=namespaces)) is anybody


def test_what_policies_are_asked_of_is_policies_alone() -> None:
    kinds = frozenset({Kind.POLICIES})
    assert interest.of_policies(kinds) == Interest(None, None, kinds)


@pytest.mark.parametrize("publish", [Publish.AUTO, Publish.EGRESS_GATEWAY])
def test_gateways_are_pods_that_no_label_tells(publish: Publish) -> None:
    """One rule that looks for them is enough."""
    rules = [
        GroupRule("auto", select="app == 'web'", publish=publish),
        GroupRule("web", select="app == 'web'"),
    ]
    assert interest.of_rules(rules[1:]).pods == Narrowing("app in (web)")
    assert interest.of_rules(rules).pods == ALL


LONG = "v" * 60


@pytest.mark.parametrize(
    ("selectors", "labels"),
    [
        (["app in {'', 'web'}"], "app"),
        (["app in {'no value', 'web'}"], "app in (web)"),
        (["has(b) && has(a) && has(c)"], "a,b,c"),
        (["has(pcns.x) && has(z)"], "z"),
        (["has(-x) && has(z)"], "z"),
        (["has(a) && app == 'web'", "has(a) && app == 'db'"], "a,app in (db,web)"),
        (["app == 'web' && has(app)"], "app in (web)"),
        (["has(app) && app == 'web'"], "app in (web)"),
        (["has(app)", "app == 'web'"], "app"),
        (["app == 'web'", "has(app)"], "app"),
        (["app in {'a', 'b'} && app in {'b', 'c'}"], "app in (b)"),
        ([f"app in {{{', '.join(repr(f'v{n:03}') for n in range(100))}}}"],
         f"app in ({','.join(f'v{n:03}' for n in range(100))})"),
        ([" && ".join(f"k{n:02} in {{{', '.join(repr(f'{n}{i:02}{LONG}') for i in range(9))}}}"
                      for n in range(4)) + " && has(z)"], None),
    ],
)  # fmt: skip
def test_what_is_asked_stays_within_a_url(selectors: list[str], labels: str | None) -> None:
    """What is too long for it goes, what comes after it stays."""
    found = pods(*selectors)
    assert found is not None
    if labels is None:
        assert len(found.labels) <= 2_000
        assert [word.partition(" ")[0] for word in found.labels.split("),")][:3] == [
            "k00", "k01", "k02"
        ]  # fmt: skip
        assert "k03" not in found.labels
        assert found.labels.endswith(",z")
    else:
        assert found.labels == labels
