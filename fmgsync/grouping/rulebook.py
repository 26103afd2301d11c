"""Rules compiled for asking: which rules select these labels, and what a rule needs to know.

Answers are remembered per label set. Pods of one Deployment share their labels, so a cluster of
150,000 pods asks the selectors a few thousand times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fmgsync.grouping import selectors
from fmgsync.model.endpoint import Kind
from fmgsync.model.labels import Labels
from fmgsync.model.rule import GroupRule, Publish

_NAMESPACE_PREFIX = "pcns."


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


@dataclass(frozen=True, slots=True)
class _PodRule:
    """One rule over pods. `inherits` means its selector mentions namespace labels."""

    index: int
    select: selectors.Selector
    namespaces: selectors.Selector
    inherits: bool

    def matches(self, pod: Labels, namespace: Labels) -> bool:
        labels = _WithNamespace(pod, namespace) if self.inherits else pod
        return self.namespaces.matches(namespace) and self.select.matches(labels)


class RuleBook:
    """The rules that concern one cluster. Rules are known by their place in `rules`.

    A book that follows another remembers its answers; `kept` gives the new place of each rule
    that both have.
    """

    def __init__(self, rules: Iterable[GroupRule], before: RuleBook | None = None) -> None:
        self.rules = tuple(rules)
        self.needs: list[frozenset[Kind]] = []
        self._plain: list[tuple[int, selectors.Selector]] = []
        self._spaced: list[_PodRule] = []
        self._nodes: list[tuple[int, selectors.Selector]] = []
        for index, rule in enumerate(self.rules):
            self.needs.append(self._add(index, rule))
        self.publishing_nodes = frozenset(
            index
            for index, rule in enumerate(self.rules)
            if rule.select_nodes is None and rule.publish is Publish.NODE
        )
        self._known_plain: dict[Labels, tuple[int, ...]] = {}
        self._known_spaced: dict[tuple[Labels, Labels], tuple[int, ...]] = {}
        self.kept: dict[int, int] = {}
        if before is not None:
            self._remember(before)

    def _remember(self, before: RuleBook) -> None:
        places = {rule: index for index, rule in enumerate(self.rules)}
        self.kept = {i: places[rule] for i, rule in enumerate(before.rules) if rule in places}
        known = frozenset(self.kept.values())
        plain = [(index, selector) for index, selector in self._plain if index not in known]
        spaced = [rule for rule in self._spaced if rule.index not in known]
        for labels, found in before._known_plain.items():
            more = tuple(index for index, selector in plain if selector.matches(labels))
            self._known_plain[labels] = self._renumbered(found) + more
        for (labels, space), found in before._known_spaced.items():
            more = tuple(rule.index for rule in spaced if rule.matches(labels, space))
            self._known_spaced[labels, space] = self._renumbered(found) + more

    def _renumbered(self, found: Iterable[int]) -> tuple[int, ...]:
        return tuple(self.kept[index] for index in found if index in self.kept)

    def _add(self, index: int, rule: GroupRule) -> frozenset[Kind]:
        if rule.select_nodes is not None:
            self._nodes.append((index, selectors.parse(rule.select_nodes)))
            return frozenset({Kind.NODES})
        kinds = {Kind.PODS}
        select, namespaces = selectors.parse(rule.select or ""), selectors.parse(rule.namespaces)
        inherits = any(key.startswith(_NAMESPACE_PREFIX) for key in select.keys)
        if inherits or str(namespaces) != "all()":
            self._spaced.append(_PodRule(index, select, namespaces, inherits))
            kinds.add(Kind.NAMESPACES)
        else:
            self._plain.append((index, select))
        if rule.publish is Publish.NODE:
            kinds.add(Kind.NODES)
        return frozenset(kinds)

    def for_pod(self, labels: Labels, namespace: Labels | None) -> tuple[int, ...]:
        """The rules that select a pod. `namespace` None: its labels are not known, so rules that
        depend on them do not select it."""
        plain = self._known_plain.get(labels)
        if plain is None:
            plain = tuple(i for i, selector in self._plain if selector.matches(labels))
            self._known_plain[labels] = plain
        if namespace is None or not self._spaced:
            return plain
        key = (labels, namespace)
        spaced = self._known_spaced.get(key)
        if spaced is None:
            spaced = tuple(rule.index for rule in self._spaced if rule.matches(labels, namespace))
            self._known_spaced[key] = spaced
        return plain + spaced

    def for_node(self, labels: Labels) -> tuple[int, ...]:
        """The rules that select a node itself."""
        return tuple(index for index, selector in self._nodes if selector.matches(labels))
