"""A rule that selects nothing says which of its labels nobody has, and what comes nearest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmgsync.grouping import selectors
from fmgsync.grouping.nothing import nothing
from fmgsync.model.labels import Labels
from fmgsync.model.rule import GroupRule

PODS = [Labels({"app": "frontend", "tier": "dmz"}), Labels({"app": "backend", "tier": "db"})]
SPACES = {"a": Labels({"environment": "prod"}), "b": Labels({"environment": "test"})}
HOSTS = [Labels({"node-role.kubernetes.io/ingress": ""})]

CASES = [
    ({"select": "app == 'fronted'"}, "app == 'fronted'; the nearest seen is app == 'frontend'"),
    ({"select": "ap == 'frontend'"}, "a label 'ap'; the nearest seen is 'app'"),
    ({"select": "tier == 'dmz' && app in {'x-1'}"}, "nothing has app == 'x-1'; the nearest seen"),
    ({"select": "has(zzzzzzz)"}, "no pod matches: nothing has a label 'zzzzzzz'"),
    ({"select": "app == 'frontend' && tier == 'db'"}, "no pod matches"),
    ({"select": "all()", "namespaces": "environment == 'prd'"},
     ("no namespace matches: nothing has environment == 'prd'; the nearest seen is"
     " environment == 'prod'")),
    ({"select": "app == 'frontend'", "namespaces": "environment == 'prod'"},
     "the pods that match are in other namespaces"),
    ({}, "the pods that match are in other namespaces"),
    ({"select": "pcns.team != 'a' && has(app)"}, "no pod matches"),
    ({"select_nodes": "has(node-role.kubernetes.io/ingres)"},
     ("no node matches: nothing has a label 'node-role.kubernetes.io/ingres'; the nearest seen is"
     " 'node-role.kubernetes.io/ingress'")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "message"), CASES)
def test_why_nothing_is_selected(rule: dict[str, str], message: str) -> None:
    made = GroupRule("g", **rule)  # type: ignore[arg-type]
    told = nothing(made, HOSTS if made.select_nodes else PODS, SPACES)
    assert message in told
    assert told.isprintable()


TERMS = st.sampled_from(
    [
        "a == 'x'",
        "a != 'x'",
        "has(a)",
        "b in {'x', 'y'}",
        "b not in {'x'}",
        "a contains 'x'",
        "all()",
    ]
)
SELECTORS = st.recursive(
    TERMS,
    lambda inner: (
        st.builds("!({})".format, inner)
        | st.builds("({} && {})".format, inner, inner)
        | st.builds("({} || {})".format, inner, inner)
    ),
    max_leaves=6,
)
VALUES = st.none() | st.sampled_from(["x", "y", ""])


@given(SELECTORS, VALUES, VALUES, st.sets(st.sampled_from(["a", "b"])))
def test_what_is_not_known_decides_only_what_it_cannot_change(
    text: str, a: str | None, b: str | None, hidden: set[str]
) -> None:
    """Whatever an unknown label is, a sure answer holds."""
    selector = selectors.parse(text)
    labels = {key: value for key, value in (("a", a), ("b", b)) if value is not None}
    shown = {key: value for key, value in labels.items() if key not in hidden}
    told = selector.truth(shown, hidden.__contains__)
    assert told in (None, selector.matches(labels))
    assert selector.truth(labels, lambda _: False) is selector.matches(labels)
