"""Which rules select what, and what of it is remembered when other rules come."""

from __future__ import annotations

from itertools import product

import pytest

from fmgsync.grouping.rulebook import NONE, Parts, Picked, RuleBook
from fmgsync.model.address import Family
from fmgsync.model.endpoint import Kind
from fmgsync.model.labels import ANY_KEY, NO_LABELS, Labels
from fmgsync.model.rule import GroupRule, Publish

V4, BOTH = frozenset({Family.IPV4}), frozenset(Family)
RULES = (
    GroupRule("plain", select="app == 'web'"),
    GroupRule("not", select="app != 'web'", families=BOTH),
    GroupRule("spaced", select="app == 'web'", namespaces="env == 'prod'"),
    GroupRule("inherited", select="pcns.env == 'prod'", publish=Publish.NODE),
    GroupRule("account", select="has(app)", accounts="team == 'a'"),
    GroupRule("both", select="has(app)", accounts="team == 'a'", namespaces="env == 'prod'"),
    GroupRule("lan", select="app == 'web'", network="lan", families=BOTH),
)
UNREAD = Labels({}, ANY_KEY)
PODS = [Labels({"app": "web"}), Labels({"app": "db"}), UNREAD]
SPACES = [Labels({"env": "prod"}), Labels({}), UNREAD]
ACCOUNTS = [Labels({"team": "a"}), NO_LABELS, UNREAD]
ASKED = list(product(PODS, SPACES, ACCOUNTS))


def names(book: RuleBook, found: Picked) -> list[list[str]]:
    return [sorted(book.rules[index].name for index in part) for part in found]


def answers(book: RuleBook) -> list[list[list[str]]]:
    return [names(book, book.for_pod(*each)) for each in ASKED]


@pytest.mark.parametrize("before", [RULES, RULES[:2], RULES[:4], RULES[4:], RULES[::-1], ()])
@pytest.mark.parametrize("after", [RULES, RULES[:3], RULES[2:], RULES[::-2], ()])
def test_a_book_that_follows_another_answers_as_a_new_one(
    before: tuple[GroupRule, ...], after: tuple[GroupRule, ...]
) -> None:
    """Each rule once; whatever was asked before need not be asked again."""
    old = RuleBook(before)
    answers(old)
    followed = RuleBook(after, old)
    assert followed.remembered == old.remembered
    assert answers(followed) == answers(RuleBook(after))
    assert {before[i].name: after[now].name for i, now in followed.kept.items()} == {
        rule.name: rule.name for rule in before if rule in after
    }


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ((PODS[0], SPACES[0], ACCOUNTS[0]),
         [["account", "both", "inherited", "lan", "plain", "spaced"], []]),
        ((PODS[0], SPACES[0], ACCOUNTS[2]),
         [["inherited", "lan", "plain", "spaced"], ["account", "both"]]),
        ((PODS[1], SPACES[2], ACCOUNTS[1]), [["not"], ["inherited"]]),
        ((PODS[0], SPACES[2], ACCOUNTS[0]),
         [["account", "lan", "plain"], ["both", "inherited", "spaced"]]),
        ((PODS[2], SPACES[1], ACCOUNTS[0]), [[], ["account", "lan", "not", "plain"]]),
    ],
)  # fmt: skip
def test_which_rules_select_a_pod(
    labels: tuple[Labels, Labels, Labels], told: list[list[str]]
) -> None:
    """Surely, and perhaps."""
    book = RuleBook(RULES)
    assert names(book, book.for_pod(*labels)) == told


def test_of_plain_rules_nobody_asks_for_more_than_the_pods_labels() -> None:
    """Those over accounts alone count as others."""
    assert names(RuleBook(RULES[:2]), RuleBook(RULES[:2]).for_pod(PODS[0], UNREAD, UNREAD)) == [
        ["plain"],
        [],
    ]
    assert RuleBook(RULES).by_account
    assert not RuleBook(RULES[:4]).by_account
    accounts = RuleBook(RULES[4:5])
    assert accounts.for_pod(PODS[0], UNREAD, ACCOUNTS[0]) == Picked((0,))
    assert accounts.needs == [frozenset({Kind.PODS, Kind.ACCOUNTS})]


def test_what_will_not_be_asked_again_is_forgotten() -> None:
    """Of pods, of their namespaces and accounts; the answers stay right."""
    book = RuleBook(RULES)
    whole = answers(book)
    assert book.remembered == len(ASKED)
    book.forget_others([ASKED[0]])
    assert book.remembered == 1
    assert [*book.label_sets()] == [ASKED[0][0]]
    assert answers(book) == whole
    plain = RuleBook(RULES[:2])
    answers(plain)
    assert plain.remembered == len(PODS)
    plain.forget_others([(PODS[1], NO_LABELS, NO_LABELS)])
    assert [*plain.label_sets()] == [PODS[1]]


def test_what_stands_for_a_pod_by_rule() -> None:
    """Its own addresses by family, those of a network, its node."""
    book = RuleBook(RULES)
    assert book.parts((0, 1, 3, 6)) == Parts(
        {Family.IPV4: (0, 1), Family.IPV6: (1,)}, ((6, "lan", BOTH),), (3,), (0, 1)
    )
    assert book.publishing_nodes == {3}
    assert book.networks == {"lan"}
    served = GroupRule("s", select="all()", publish=Publish.NODE, destinations=Kind.SERVICES)
    assert RuleBook([served]).publishing_nodes == frozenset()


def test_destinations_and_sets_belong_to_rules_of_their_kind() -> None:
    rules = [
        GroupRule("services", select="has(app)", destinations=Kind.SERVICES),
        GroupRule("ingresses", select="has(app)", destinations=Kind.INGRESSES),
        GroupRule("spaced", select="has(app)", destinations=Kind.SERVICES, namespaces="has(env)"),
        GroupRule("sets", select="has(app)", network_sets=True),
        GroupRule("nodes", select_nodes="has(app)"),
    ]
    book = RuleBook(rules)
    assert book.for_destination("services", PODS[0], SPACES[2]) == Picked((0,), (2,))
    assert book.for_destination("ingresses", PODS[0], SPACES[0]) == Picked((1,))
    assert book.for_set(PODS[0], SPACES[0]) == Picked((3,))
    assert book.for_pod(PODS[0], SPACES[0]) == Picked((3,))
    assert book.for_node(PODS[0]) == Picked((4,))
    assert book.for_node(UNREAD) == Picked((), (4,))
    assert book.for_node(SPACES[0]) == NONE
    assert book.needs == [
        {Kind.SERVICES},
        {Kind.INGRESSES},
        {Kind.SERVICES, Kind.NAMESPACES},
        {Kind.PODS, Kind.GLOBAL_SETS, Kind.NETWORK_SETS, Kind.NAMESPACES},
        {Kind.NODES},
    ]
