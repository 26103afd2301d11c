"""One rule and one pod, node or the like: whether it is selected, and which conditions hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fmgsync.grouping import selectors
from fmgsync.grouping.selector_tree import (
    Combination,
    Comparison,
    Everything,
    Has,
    Membership,
    Node,
    Not,
)
from fmgsync.model.labels import NO_LABELS, Labels
from fmgsync.model.rule import GroupRule

_NAMESPACE_PREFIX = "pcns."
_ACCOUNT_PREFIX = "pcsa."
_ORCHESTRATOR: Final = "projectcalico.org/orchestrator"
_ON_EVERYTHING: Final = (
    "projectcalico.org/namespace",
    _ORCHESTRATOR,
    "projectcalico.org/name",
    "kubernetes.io/metadata.name",
)
"""What every pod has, or every namespace."""


class _Inheriting(Mapping[str, str]):
    """A pod's labels, those of its namespace under `pcns.`, and those of its service account under
    `pcsa.`, as Calico's profiles give them."""

    __slots__ = ("_account", "_namespace", "_pod")

    def __init__(self, pod: Labels, namespace: Labels, account: Labels) -> None:
        self._pod = pod
        self._namespace = namespace
        self._account = account

    def _told(self, key: str) -> tuple[Labels, str]:
        """Whose label a key is, and what it is called there."""
        if key.startswith(_NAMESPACE_PREFIX):
            return self._namespace, key.removeprefix(_NAMESPACE_PREFIX)
        if key.startswith(_ACCOUNT_PREFIX):
            return self._account, key.removeprefix(_ACCOUNT_PREFIX)
        return self._pod, key

    def __getitem__(self, key: str) -> str:
        labels, name = self._told(key)
        return labels[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._pod
        for prefix, labels in self._inherited():
            for key in labels:
                yield prefix + key

    def _inherited(self) -> Iterator[tuple[str, Labels]]:
        yield _NAMESPACE_PREFIX, self._namespace
        yield _ACCOUNT_PREFIX, self._account

    def __len__(self) -> int:
        return len(self._pod) + len(self._namespace) + len(self._account)

    def doubts(self, key: str) -> bool:
        """Whether nothing can be said of the key."""
        labels, name = self._told(key)
        return labels.doubts(name)


@dataclass(frozen=True, slots=True)
class PodRule:
    """One rule over pods. `accounts` None: it does not ask for a service account."""

    index: int
    select: selectors.Selector
    namespaces: selectors.Selector
    accounts: selectors.Selector | None = None

    @property
    def spaced(self) -> bool:
        """Whether it looks at namespaces at all."""
        return self._mentions(_NAMESPACE_PREFIX) or str(self.namespaces) != "all()"

    @property
    def by_account(self) -> bool:
        """Whether it looks at service accounts at all."""
        return self.accounts is not None or self._mentions(_ACCOUNT_PREFIX)

    @property
    def inherits(self) -> bool:
        """Whether its selector mentions labels that are not the pod's own."""
        return self._mentions(_NAMESPACE_PREFIX) or self._mentions(_ACCOUNT_PREFIX)

    def _mentions(self, prefix: str) -> bool:
        return any(key.startswith(prefix) for key in self.select.keys)

    def matches(self, pod: Labels, namespace: Labels, account: Labels) -> bool:
        """Whether it selects the pod, whose labels are all known."""
        labels = _Inheriting(pod, namespace, account) if self.inherits else pod
        return (
            self.namespaces.matches(namespace)
            and (self.accounts is None or self.accounts.matches(account))
            and self.select.matches(labels)
        )

    def truth(self, pod: Labels, namespace: Labels, account: Labels) -> bool | None:
        """The same where something may not be known; None where nobody can tell."""
        labels = _Inheriting(pod, namespace, account) if self.inherits else pod
        found = [
            self.namespaces.truth(namespace, namespace.doubts),
            self.select.truth(labels, labels.doubts),
        ]
        if self.accounts is not None:
            found.append(self.accounts.truth(account, account.doubts))
        return False if False in found else None if None in found else True


def compile_rule(index: int, rule: GroupRule) -> PodRule:
    """The rule over pods, ready to be asked."""
    accounts = selectors.parse(rule.accounts) if rule.accounts is not None else None
    select, spaces = selectors.parse(rule.select or ""), selectors.parse(rule.namespaces)
    return PodRule(index, select, spaces, accounts)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule, and what is true of it; None: nobody can tell. `labels` are those
    that it names, as the endpoint has them."""

    text: str
    holds: bool | None
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rule says of an endpoint, condition by condition: of its namespace, of itself, of its
    service account."""

    holds: bool | None
    namespaces: tuple[Condition, ...]
    own: tuple[Condition, ...]
    accounts: tuple[Condition, ...] = ()


def judge_pod(
    rule: GroupRule, pod: Labels, namespace: Labels, account: Labels = NO_LABELS
) -> Judgement:
    """A rule over pods and one pod."""
    labels, compiled = _Inheriting(pod, namespace, account), compile_rule(0, rule)
    accounts = compiled.accounts
    return Judgement(
        compiled.truth(pod, namespace, account),
        _conditions(compiled.namespaces, namespace, namespace.doubts),
        _conditions(compiled.select, labels, labels.doubts),
        _conditions(accounts, account, account.doubts) if accounts is not None else (),
    )


def _conditions(
    selector: selectors.Selector, labels: Mapping[str, str], doubts: Callable[[str], bool]
) -> tuple[Condition, ...]:
    return tuple(
        Condition(
            str(term), term.truth(labels, doubts), {k: labels[k] for k in term.keys if k in labels}
        )
        for term in selector.terms()
    )


def is_everything(node: Node) -> bool:
    """Whether it is true of every pod, whatever labels anybody gives it."""
    return _always(node, True)


def _always(node: Node, value: bool) -> bool:
    """Whether the answer is this one for every pod; "no" may be wrong of long combinations."""
    match node:
        case Everything():
            return value
        case Not(term):
            return _always(term, not value)
        case Combination(operator, terms):
            if (operator == "||") is not value:
                return all(_always(term, value) for term in terms)
            plain, opposites = (
                {_plain(term, is_not) for term in terms} for is_not in (False, True)
            )
            return any(_always(term, value) for term in terms) or not plain.isdisjoint(opposites)
        case Has(key):
            return value and key in _ON_EVERYTHING
        case Comparison(key) | Membership(key) if key == _ORCHESTRATOR:
            return node.matcher()({_ORCHESTRATOR: "k8s"}) is value
        case Membership(_, (), negated):
            return negated is value
        case _:
            return False


def _plain(node: Node, is_not: bool) -> Node:
    """A condition, or its opposite, in the one form that it shares with others of its meaning."""
    match node:
        case Not(term):
            return _plain(term, not is_not)
        case Comparison(key, ("==" | "!=") as operator, value):
            return Membership(key, (value,), (operator == "!=") is not is_not)
        case Membership(key, values, negated):
            return Membership(key, values, negated is not is_not)
        case _:
            return Not(node) if is_not else node
