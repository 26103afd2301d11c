"""One rule and one pod: whose labels a key means, what holds, and what nobody can tell."""

from __future__ import annotations

from typing import Any

import pytest

from fmgsync.grouping import selectors
from fmgsync.grouping.judging import Condition, Judgement, _Inheriting, compile_rule, judge_pod
from fmgsync.model.labels import ANY_KEY, Labels
from fmgsync.model.rule import GroupRule

POD = Labels({"app": "web"})
SPACE = Labels({"env": "prod"})
ACCOUNT = Labels({"team": "a"})
UNREAD = Labels({}, ANY_KEY)

# rule, pod, namespace, account, and whether it selects
CASES: list[tuple[dict[str, str], Labels, Labels, Labels, bool | None]] = [
    ({"select": "app == 'web'"}, POD, UNREAD, UNREAD, True),
    ({"select": "app == 'x'"}, POD, UNREAD, UNREAD, False),
    ({"select": "app == 'web'"}, POD, SPACE, UNREAD, True),
    ({"select": "app == 'web'"}, UNREAD, SPACE, ACCOUNT, None),
    ({"select": "pcns.env == 'prod'"}, UNREAD, SPACE, ACCOUNT, True),
    ({"select": "pcns.env == 'prod'"}, POD, Labels({}), ACCOUNT, False),
    ({"select": "env == 'prod'"}, POD, SPACE, ACCOUNT, False),
    ({"select": "pcsa.team == 'a'"}, POD, SPACE, ACCOUNT, True),
    ({"select": "pcsa.team == 'a'"}, POD, SPACE, UNREAD, None),
    ({"select": "pcsa.team == 'a' && app == 'x'"}, POD, SPACE, UNREAD, False),
    ({"select": "has(app)", "accounts": "team == 'a'"}, POD, SPACE, ACCOUNT, True),
    ({"select": "has(app)", "accounts": "team == 'b'"}, POD, SPACE, ACCOUNT, False),
    ({"select": "has(app)", "accounts": "team == 'a'"}, POD, SPACE, UNREAD, None),
    ({"select": "has(app)", "accounts": "team == 'a'", "namespaces": "env == 'x'"}, POD, SPACE,
     UNREAD, False),
    ({"select": "has(app)", "namespaces": "env == 'prod'"}, POD, SPACE, UNREAD, True),
    ({"select": "has(app)", "namespaces": "env == 'prod'"}, POD, UNREAD, UNREAD, None),
    ({"namespaces": "env == 'prod'"}, POD, SPACE, UNREAD, True),
]  # fmt: skip


@pytest.mark.parametrize(("texts", "pod", "namespace", "account", "selects"), CASES)
def test_whether_a_rule_selects_a_pod(
    texts: dict[str, Any], pod: Labels, namespace: Labels, account: Labels, selects: bool | None
) -> None:
    """Whether all is known or not, and whoever asks."""
    rule = GroupRule("g", **texts)
    compiled = compile_rule(3, rule)
    assert compiled.index == 3
    assert compiled.truth(pod, namespace, account) is selects
    assert judge_pod(rule, pod, namespace, account).holds is selects
    if not pod.unknown and not namespace.unknown and not account.unknown:
        assert compiled.matches(pod, namespace, account) is selects


@pytest.mark.parametrize(
    ("texts", "spaced", "by_account"),
    [
        ({"select": "has(app)"}, False, False),
        ({"select": "has(app)", "namespaces": "has(env)"}, True, False),
        ({"select": "has(pcns.env)"}, True, False),
        ({"select": "has(pcsa.team)"}, False, True),
        ({"select": "has(app)", "accounts": "all()"}, False, True),
        ({"select": "has(a.pcns.env) || has(b.pcsa.x)"}, False, False),
    ],
)
def test_what_a_rule_looks_at(texts: dict[str, Any], spaced: bool, by_account: bool) -> None:
    """So that what it does not look at may be unread."""
    compiled = compile_rule(0, GroupRule("g", **texts))
    assert compiled.spaced is spaced
    assert compiled.by_account is by_account


def test_each_condition_says_what_is_true_of_it_and_of_whom() -> None:
    """With the labels that it names, as they are there."""
    rule = GroupRule(
        "g",
        select="app == 'web' && !(pcsa.team == 'b' || has(lost)) && has(pcns.env)",
        namespaces="env in {'prod', 'test'}",
        accounts="has(team) && x == 'y'",
    )
    account = Labels({"team": "a"}, frozenset({"x"}))
    assert judge_pod(rule, POD, SPACE, account) == Judgement(
        None,
        (Condition('env in {"prod", "test"}', True, {"env": "prod"}),),
        (
            Condition('app == "web"', True, {"app": "web"}),
            Condition('!pcsa.team == "b"', True, {"pcsa.team": "a"}),
            Condition("!has(lost)", True, {}),
            Condition("has(pcns.env)", True, {"pcns.env": "prod"}),
        ),
        (Condition("has(team)", True, {"team": "a"}), Condition('x == "y"', None, {})),
    )
    assert judge_pod(GroupRule("g", select="pcsa.team == 'a'"), POD, SPACE, UNREAD) == Judgement(
        None,
        (Condition("all()", True, {}),),
        (Condition('pcsa.team == "a"', None, {}),),
    )


def test_a_pod_inherits_the_labels_of_its_namespace_and_account() -> None:
    inherited = _Inheriting(POD, SPACE, ACCOUNT)
    assert dict(inherited) == {"app": "web", "pcns.env": "prod", "pcsa.team": "a"}
    assert len(inherited) == 3


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("all()", ["all()"]),
        ("has(a) && (b == 'c' || !has(d))", ["has(a)", 'b == "c"', "!has(d)"]),
        ("!(has(a) && !(has(b) || !has(c)))", ["!has(a)", "has(b)", "!has(c)"]),
    ],
)
def test_the_single_conditions_of_a_selector(text: str, parts: list[str]) -> None:
    assert [str(term) for term in selectors.parse(text).terms()] == parts


@pytest.mark.parametrize(
    ("text", "known", "unknown", "truth"),
    [
        ("!has(a)", {"a": ""}, "", False),
        ("!has(a)", {}, "", True),
        ("!has(a)", {}, "a", None),
        ("has(a) && has(b)", {"b": ""}, "a", None),
        ("has(a) && has(b)", {}, "a", False),
        ("has(a) || has(b)", {"b": ""}, "a", True),
        ("has(a) || has(b)", {}, "a", None),
        ("has(a) || has(b)", {}, "", False),
        ("has(a) && all()", {"a": ""}, "", True),
        ("a contains 'x'", {}, "", False),
        ("a startswith 'x'", {}, "", False),
        ("a endswith 'x'", {}, "", False),
        ("a contains 'x'", {"a": "axa"}, "", True),
        ("a startswith 'x'", {"a": "xa"}, "", True),
        ("a endswith 'x'", {"a": "ax"}, "", True),
        ("a contains 'x'", {"a": "a"}, "", False),
        ("a startswith 'x'", {"a": "ax"}, "", False),
        ("a endswith 'x'", {"a": "xa"}, "", False),
        ("has(a) || has(b)", {"a": ""}, "", True),
        ("has(a) || has(b)", {"b": ""}, "", True),
        ("has(a) || has(b) || has(c)", {"b": ""}, "", True),
        ("has(a) || has(b) || has(c)", {}, "", False),
        ("has(a) && has(b) && has(c)", {"a": "", "b": "", "c": ""}, "", True),
        ("has(a) && has(b) && has(c)", {"a": "", "c": ""}, "", False),
    ],
)
def test_what_is_true_where_something_is_not_known(
    text: str, known: dict[str, str], unknown: str, truth: bool | None
) -> None:
    selector = selectors.parse(text)
    assert selector.truth(known, lambda key: key == unknown) is truth
    if not unknown:
        assert selector.matches(known) is truth
