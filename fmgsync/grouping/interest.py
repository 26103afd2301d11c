"""What of a cluster its rules can select at all, so that its API server sends nothing else.

Only what holds for every rule can be asked of an API server, which joins its conditions by "and":
what two rules have in common, and of one key the values that any of them takes. The answer is
never too narrow; what it lets through besides, the rules still judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Final, TypeAlias

from fmgsync.grouping import selectors
from fmgsync.grouping.rulebook import RuleBook
from fmgsync.grouping.selector_tree import Combination, Comparison, Has, Membership, Node
from fmgsync.model.endpoint import ALWAYS, Kind
from fmgsync.model.rule import GroupRule, Publish

Demands: TypeAlias = "Mapping[str, frozenset[str] | None]"
"""Label keys that must be there, each with the values it may have; None: any."""

_NAMESPACE: Final = "projectcalico.org/namespace"
_NAMES: Final = ("projectcalico.org/name", "kubernetes.io/metadata.name")
_MADE_UP: Final = ("projectcalico.org/", "pcns.", "pcsa.")
"""Labels that Calico adds itself; the API server has never heard of them."""
_KEY: Final = re.compile(
    r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
_VALUE: Final = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_BY_GATEWAYS: Final = (Publish.AUTO, Publish.EGRESS_GATEWAY)
_MOST_VALUES: Final = 100
_LONGEST: Final = 2_000
"""Characters of a selector: it travels in a url, and proxies cut long ones off."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which objects of a kind are asked for, in an API server's words; empty: all."""

    labels: str = ""
    fields: str = ""


ALL: Final = Narrowing()


@dataclass(frozen=True, slots=True)
class Interest:
    """What must be followed of a cluster; None: no rule needs the kind.

    Namespaces are always followed where rules are: they are few, and show that the cluster is
    there.
    """

    pods: Narrowing | None = ALL
    nodes: Narrowing | None = ALL
    others: frozenset[Kind] = frozenset({Kind.NAMESPACES})

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds to follow."""
        return frozenset(self.narrowings)

    @property
    def narrowings(self) -> Mapping[Kind, Narrowing]:
        """The same, each with what is asked for of it."""
        wanted = {Kind.PODS: self.pods, Kind.NODES: self.nodes, **dict.fromkeys(self.others, ALL)}
        return {kind: narrowing for kind, narrowing in wanted.items() if narrowing is not None}

    def covers(self, other: Interest) -> bool:
        """Whether whoever follows this much has all that the other needs; "no" may be wrong."""
        pairs = ((self.pods, other.pods), (self.nodes, other.nodes))
        covered = all(wanted is None or mine in (ALL, wanted) for mine, wanted in pairs)
        return covered and other.others <= self.others


EVERYTHING: Final = Interest()


def of_policies(kinds: frozenset[Kind]) -> Interest:
    """What rules come from, and nothing else."""
    return Interest(None, None, kinds)


def of_rules(rules: Iterable[GroupRule]) -> Interest:
    """What the rules of one cluster need of it."""
    book = RuleBook(rules)
    needed = frozenset[Kind]().union(*book.needs)
    nodes = ALL
    if not book.publishing_nodes:
        nodes = _narrowing(_common(map(_of_nodes, book.rules)))
    pods = [_of_pods(rule) for rule in book.rules if rule.over_pods]
    if any(rule.publish in _BY_GATEWAYS for rule in book.rules):
        pods.append({})  # the gateways are pods as well
    return Interest(
        _narrowing(_common(pods)) if Kind.PODS in needed else None,
        nodes if Kind.NODES in needed else None,
        frozenset({Kind.NAMESPACES}) | (needed - ALWAYS),
    )


def lets_in(rule: GroupRule) -> bool:
    """Whether whoever may write labels somewhere gets in that way: into a rule over pods that asks
    for labels, and takes pods from other namespaces than those it names.

    A rule that takes every pod there is asks for nothing that could be written.
    """
    asked = (selectors.parse(rule.select or ""), selectors.parse(rule.namespaces))
    return any(each.keys for each in asked) and _of_pods(rule).get(_NAMESPACE) is None


def _of_nodes(rule: GroupRule) -> Demands:
    """Rules over pods do not look at node labels, and so demand nothing that could narrow."""
    if rule.select_nodes is None:
        return {}
    return _demands(selectors.parse(rule.select_nodes).tree)


def _of_pods(rule: GroupRule) -> Demands:
    own = _demands(selectors.parse(rule.select or "").tree)
    space = _demands(selectors.parse(rule.namespaces).tree)
    named = [{_NAMESPACE: space[name]} for name in _NAMES if space.get(name) is not None]
    named += [
        {_NAMESPACE: own[key]} for name in _NAMES if own.get(key := f"pcns.{name}") is not None
    ]
    return reduce(_both, named, own)


def _demands(node: Node) -> Demands:
    """What labels must have for the selector to be true. A negation demands nothing."""
    match node:
        case Has(key):
            return {key: None}
        case Comparison(key, "==", value):
            return {key: frozenset({value})}
        case Comparison(key, operator, _) if operator != "!=":
            return {key: None}
        case Membership(key, values, negated=False):
            return {key: frozenset(values)}
        case Combination("&&", terms):
            return reduce(_both, map(_demands, terms))
        case Combination("||", terms):
            return _common(map(_demands, terms))
        case _:
            return {}


def _both(one: Demands, other: Demands) -> Demands:
    joined = {**one, **other}
    for key in one.keys() & other.keys():
        first, second = one[key], other[key]
        joined[key] = second if first is None else first if second is None else first & second
    return joined


def _common(many: Iterable[Demands]) -> Demands:
    def either(one: Demands, other: Demands) -> Demands:
        found: dict[str, frozenset[str] | None] = {}
        for key in one.keys() & other.keys():
            first, second = one[key], other[key]
            found[key] = None if first is None or second is None else first | second
        return found

    listed = list(many)
    return reduce(either, listed) if listed else {}


def _narrowing(demands: Demands) -> Narrowing:
    spaces = demands.get(_NAMESPACE) or frozenset()
    fields = f"metadata.namespace={min(spaces)}" if len(spaces) == 1 else ""
    words: list[str] = []
    for key, values in sorted(demands.items()):
        if key.startswith(_MADE_UP) or not _KEY.fullmatch(key):
            continue
        word = _word(key, values)
        if len(",".join([*words, word])) <= _LONGEST:
            words.append(word)
    return Narrowing(",".join(words), fields if _VALUE.fullmatch("".join(spaces)) else "")


def _word(key: str, values: frozenset[str] | None) -> str:
    """One condition; only that the key is there where the values are none a label can have."""
    possible = sorted(value for value in values or () if _VALUE.fullmatch(value))
    text = f"{key} in ({','.join(possible)})"
    if not possible or "" in (values or ()) or len(possible) > _MOST_VALUES or len(text) > _LONGEST:
        return key
    return text
