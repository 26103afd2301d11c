"""Rules compiled for asking: which rules select these labels, and what a rule needs to know.

Answers are remembered per label set. Pods of one Deployment share their labels, so a cluster of
150,000 pods asks the selectors a few thousand times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fmgsync.grouping import selectors
from fmgsync.model.address import Family
from fmgsync.model.endpoint import Kind
from fmgsync.model.labels import NO_LABELS, Labels
from fmgsync.model.rule import GroupRule, Publish

_NAMESPACE_PREFIX = "pcns."


class Picked(NamedTuple):
    """The rules that select something, and those of which nobody can tell, by their place."""

    sure: tuple[int, ...]
    unsure: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        """Whether any rule surely does."""
        return bool(self.sure)

    def __add__(self, other: object) -> Picked:
        """Both."""
        if not isinstance(other, Picked):
            return NotImplemented
        if not other.sure and not other.unsure:
            return self
        return Picked((*self.sure, *other.sure), (*self.unsure, *other.unsure))


NONE = Picked(())


@dataclass(frozen=True, slots=True)
class Parts:
    """Rules told apart by what stands for a pod: its own addresses, a network's, or its node."""

    own: Mapping[Family, tuple[int, ...]] = field(default_factory=dict)
    networks: tuple[tuple[int, str, frozenset[Family]], ...] = ()
    hosting: tuple[int, ...] = ()
    all_own: tuple[int, ...] = ()


class _WithNamespace(Mapping[str, str]):
    """A pod's labels and, under `pcns.`, those of its namespace, as Calico's profiles give them."""

    __slots__ = ("_namespace", "_pod")

    def __init__(self, pod: Labels, namespace: Labels) -> None:
        self._pod = pod
        self._namespace = namespace

    def __getitem__(self, key: str) -> str:
        if key.startswith(_NAMESPACE_PREFIX):
            return self._namespace[key.removeprefix(_NAMESPACE_PREFIX)]
        return self._pod[key]

    def __iter__(self) -> Iterator[str]:
        yield from self._pod
        for key in self._namespace:
            yield _NAMESPACE_PREFIX + key

    def __len__(self) -> int:
        return len(self._pod) + len(self._namespace)

    def doubts(self, key: str) -> bool:
        """Whether nothing can be said of the key."""
        if key.startswith(_NAMESPACE_PREFIX):
            return self._namespace.doubts(key.removeprefix(_NAMESPACE_PREFIX))
        return self._pod.doubts(key)


@dataclass(frozen=True, slots=True)
class _PodRule:
    """One rule over pods. `inherits` means its selector mentions namespace labels."""

    index: int
    select: selectors.Selector
    namespaces: selectors.Selector
    inherits: bool

    @property
    def spaced(self) -> bool:
        """Whether it looks at namespaces at all."""
        return self.inherits or str(self.namespaces) != "all()"

    def matches(self, pod: Labels, namespace: Labels) -> bool:
        """Whether it selects the pod, whose labels are all known."""
        labels = _WithNamespace(pod, namespace) if self.inherits else pod
        return self.namespaces.matches(namespace) and self.select.matches(labels)

    def truth(self, pod: Labels, namespace: Labels) -> bool | None:
        """The same where something may not be known; None where nobody can tell."""
        labels = _WithNamespace(pod, namespace) if self.inherits else pod
        both = (
            self.namespaces.truth(namespace, namespace.doubts),
            self.select.truth(labels, labels.doubts),
        )
        return False if False in both else None if None in both else True


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule, and what is true of it; None: nobody can tell. `labels` are those
    that it names, as the endpoint has them."""

    text: str
    holds: bool | None
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rule says of an endpoint, condition by condition: of its namespace, of itself."""

    holds: bool | None
    namespaces: tuple[Condition, ...]
    own: tuple[Condition, ...]


def judge_pod(rule: GroupRule, pod: Labels, namespace: Labels) -> Judgement:
    """A rule over pods and one pod."""
    select, spaces = selectors.parse(rule.select or ""), selectors.parse(rule.namespaces)
    labels = _WithNamespace(pod, namespace)
    compiled = _PodRule(0, select, spaces, inherits=True)
    return Judgement(
        compiled.truth(pod, namespace),
        _conditions(spaces, namespace, namespace.doubts),
        _conditions(select, labels, labels.doubts),
    )


def judge_node(rule: GroupRule, node: Labels) -> Judgement:
    """A rule over nodes and one node."""
    select = selectors.parse(rule.select_nodes or "")
    return Judgement(select.truth(node, node.doubts), (), _conditions(select, node, node.doubts))


def _conditions(
    selector: selectors.Selector, labels: Mapping[str, str], doubts: Callable[[str], bool]
) -> tuple[Condition, ...]:
    return tuple(
        Condition(
            str(term), term.truth(labels, doubts), {k: labels[k] for k in term.keys if k in labels}
        )
        for term in selector.terms()
    )


class RuleBook:
    """The rules that concern one cluster. Rules are known by their place in `rules`.

    A book that follows another remembers its answers; `kept` gives the new place of each rule
    that both have.
    """

    def __init__(self, rules: Iterable[GroupRule], before: RuleBook | None = None) -> None:
        self.rules = tuple(rules)
        self.needs: list[frozenset[Kind]] = []
        self._plain: list[_PodRule] = []
        self._spaced: list[_PodRule] = []
        self._nodes: list[tuple[int, selectors.Selector]] = []
        for index, rule in enumerate(self.rules):
            self.needs.append(self._add(index, rule))
        self.publishing_nodes = frozenset(
            index
            for index, rule in enumerate(self.rules)
            if rule.select_nodes is None and rule.publish is Publish.NODE
        )
        self.networks = frozenset(rule.network for rule in self.rules if rule.network)
        self._known_plain: dict[Labels, Picked] = {}
        self._known_spaced: dict[tuple[Labels, Labels], Picked] = {}
        self._parts: dict[tuple[int, ...], Parts] = {}
        self.kept: dict[int, int] = {}
        if before is not None:
            self._remember(before)

    def _remember(self, before: RuleBook) -> None:
        places = {rule: index for index, rule in enumerate(self.rules)}
        self.kept = {i: places[rule] for i, rule in enumerate(before.rules) if rule in places}
        known = frozenset(self.kept.values())
        plain = [rule for rule in self._plain if rule.index not in known]
        spaced = [rule for rule in self._spaced if rule.index not in known]
        for labels, found in before._known_plain.items():
            self._known_plain[labels] = self._renumbered(found) + _picked(plain, labels)
        for (labels, space), found in before._known_spaced.items():
            more = _picked(spaced, labels, space)
            self._known_spaced[labels, space] = self._renumbered(found) + more

    def _renumbered(self, found: Picked) -> Picked:
        return Picked(*(tuple(self.kept[i] for i in part if i in self.kept) for part in found))

    def _add(self, index: int, rule: GroupRule) -> frozenset[Kind]:
        if rule.select_nodes is not None:
            self._nodes.append((index, selectors.parse(rule.select_nodes)))
            return frozenset({Kind.NODES})
        kinds = {Kind.PODS}
        select, namespaces = selectors.parse(rule.select or ""), selectors.parse(rule.namespaces)
        inherits = any(key.startswith(_NAMESPACE_PREFIX) for key in select.keys)
        compiled = _PodRule(index, select, namespaces, inherits)
        if compiled.spaced:
            self._spaced.append(compiled)
            kinds.add(Kind.NAMESPACES)
        else:
            self._plain.append(compiled)
        if rule.publish is Publish.NODE:
            kinds.add(Kind.NODES)
        return frozenset(kinds)

    def for_pod(self, labels: Labels, namespace: Labels) -> Picked:
        """The rules that select a pod whose namespace has these labels."""
        plain = self._known_plain.get(labels)
        if plain is None:
            plain = self._known_plain[labels] = _picked(self._plain, labels)
        if not self._spaced:
            return plain
        key = (labels, namespace)
        spaced = self._known_spaced.get(key)
        if spaced is None:
            spaced = self._known_spaced[key] = _picked(self._spaced, labels, namespace)
        return plain + spaced

    def for_node(self, labels: Labels) -> Picked:
        """The rules that select a node itself."""
        if not labels.unknown:
            return Picked(tuple(index for index, each in self._nodes if each.matches(labels)))
        found = [(index, each.truth(labels, labels.doubts)) for index, each in self._nodes]
        return _told_apart(found)

    def parts(self, rules: tuple[int, ...]) -> Parts:
        """What stands for a pod in each of these rules."""
        known = self._parts.get(rules)
        if known is None:
            known = self._parts[rules] = self._told_apart(rules)
        return known

    def _told_apart(self, rules: tuple[int, ...]) -> Parts:
        listed = [(index, self.rules[index]) for index in rules]
        networks = [(index, rule.network, rule.families) for index, rule in listed if rule.network]
        own = [
            (index, rule)
            for index, rule in listed
            if index not in self.publishing_nodes and not rule.network
        ]
        return Parts(
            {each: tuple(i for i, rule in own if each in rule.families) for each in Family},
            tuple((index, network, families) for index, network, families in networks if network),
            tuple(index for index in rules if index in self.publishing_nodes),
            tuple(index for index, _ in own),
        )

    def label_sets(self) -> Iterable[Labels]:
        """The label sets of pods it was ever asked about."""
        return self._known_plain.keys()


def _picked(rules: Iterable[_PodRule], labels: Labels, namespace: Labels | None = None) -> Picked:
    """`namespace` None: the rules do not look at it."""
    if namespace is None:
        if not labels.unknown:
            return Picked(tuple(rule.index for rule in rules if rule.select.matches(labels)))
        namespace = NO_LABELS
    if not labels.unknown and not namespace.unknown:
        return Picked(tuple(rule.index for rule in rules if rule.matches(labels, namespace)))
    return _told_apart([(rule.index, rule.truth(labels, namespace)) for rule in rules])


def _told_apart(found: Iterable[tuple[int, bool | None]]) -> Picked:
    judged = list(found)
    return Picked(
        tuple(index for index, truth in judged if truth),
        tuple(index for index, truth in judged if truth is None),
    )
