"""Rules compiled for asking: which rules select these labels, and what a rule needs to know.

Answers are remembered per label set. Pods of one Deployment share their labels, so a cluster of
150,000 pods asks the selectors a few thousand times. Jobs bring label sets that never return: their
owner lets those be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fmgsync.grouping import selectors
from fmgsync.grouping.judging import PodRule, compile_rule
from fmgsync.model.address import Family
from fmgsync.model.endpoint import EGRESS_KINDS, SEEN_KINDS, Kind
from fmgsync.model.labels import NO_LABELS, Labels
from fmgsync.model.rule import GroupRule, Publish

NEEDED_TO: Mapping[Publish, frozenset[Kind]] = {
    Publish.NODE: frozenset({Kind.NODES}),
    Publish.IP_POOL: frozenset({Kind.IP_POOLS}),
    Publish.EGRESS_GATEWAY: EGRESS_KINDS | {Kind.NODES, Kind.NAMESPACES},
    Publish.AUTO: SEEN_KINDS | {Kind.NODES, Kind.NAMESPACES},
}
"""What must be read, beside pods, to publish this for pods."""


class Picked(NamedTuple):
    """The rules that select something, and those of which nobody can tell, by their place."""

    sure: tuple[int, ...]
    unsure: tuple[int, ...] = ()

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


class RuleBook:
    """The rules that concern one cluster. Rules are known by their place in `rules`.

    A book that follows another remembers its answers; `kept` gives the new place of each rule
    that both have.
    """

    def __init__(self, rules: Iterable[GroupRule], before: RuleBook | None = None) -> None:
        self.rules = tuple(rules)
        self.needs: list[frozenset[Kind]] = []
        self._plain: list[PodRule] = []
        self._spaced: list[PodRule] = []
        self._sets: list[PodRule] = []
        self._destinations: list[PodRule] = []
        self._nodes: list[tuple[int, selectors.Selector]] = []
        for index, rule in enumerate(self.rules):
            self.needs.append(self._add(index, rule))
        self.publishing_nodes = frozenset(
            index
            for index, rule in enumerate(self.rules)
            if rule.over_pods and rule.publish is Publish.NODE
        )
        self.networks = frozenset(rule.network for rule in self.rules if rule.network)
        self._known_plain: dict[Labels, Picked] = {}
        self._known_spaced: dict[tuple[Labels, Labels, Labels], Picked] = {}
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
        for (labels, space, account), found in before._known_spaced.items():
            more = _picked(spaced, labels, space, account)
            self._known_spaced[labels, space, account] = self._renumbered(found) + more

    def _renumbered(self, found: Picked) -> Picked:
        return Picked(*(tuple(self.kept[i] for i in part if i in self.kept) for part in found))

    def _add(self, index: int, rule: GroupRule) -> frozenset[Kind]:
        if rule.select_nodes is not None:
            self._nodes.append((index, selectors.parse(rule.select_nodes)))
            return frozenset({Kind.NODES})
        compiled = compile_rule(index, rule)
        if rule.destinations is not None:
            self._destinations.append(compiled)
            return frozenset({rule.destinations, *([Kind.NAMESPACES] * compiled.spaced)})
        kinds = {Kind.PODS}
        if compiled.spaced:
            kinds.add(Kind.NAMESPACES)
        if compiled.by_account:
            kinds.add(Kind.ACCOUNTS)
        (self._spaced if compiled.spaced or compiled.by_account else self._plain).append(compiled)
        kinds |= NEEDED_TO.get(rule.publish, frozenset())
        if rule.network_sets:
            self._sets.append(compiled)
            kinds |= {Kind.GLOBAL_SETS, Kind.NETWORK_SETS, Kind.NAMESPACES}
        return frozenset(kinds)

    @property
    def by_account(self) -> bool:
        """Whether some rule looks at service accounts."""
        return any(rule.by_account for rule in self._spaced)

    def for_set(self, labels: Labels, namespace: Labels) -> Picked:
        """The rules that take in a network set."""
        found = [(each.index, each.truth(labels, namespace, NO_LABELS)) for each in self._sets]
        return _told_apart(found)

    def for_destination(self, of: str, labels: Labels, namespace: Labels) -> Picked:
        """The rules that select a Service or the like, of this kind."""
        found = [
            (each.index, each.truth(labels, namespace, NO_LABELS))
            for each in self._destinations
            if self.rules[each.index].destinations == of
        ]
        return _told_apart(found)

    def for_pod(self, labels: Labels, namespace: Labels, account: Labels = NO_LABELS) -> Picked:
        """The rules that select a pod whose namespace and service account have these labels."""
        plain = self._known_plain.get(labels)
        if plain is None:
            plain = self._known_plain[labels] = _picked(self._plain, labels)
        if not self._spaced:
            return plain
        key = (labels, namespace, account)
        spaced = self._known_spaced.get(key)
        if spaced is None:
            spaced = self._known_spaced[key] = _picked(self._spaced, labels, namespace, account)
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
        networks = ((index, rule.network, rule.families) for index, rule in listed if rule.network)
        own = [
            (index, rule)
            for index, rule in listed
            if index not in self.publishing_nodes and not rule.network
        ]
        return Parts(
            {each: tuple(i for i, rule in own if each in rule.families) for each in Family},
            tuple(networks),
            tuple(index for index in rules if index in self.publishing_nodes),
            tuple(index for index, _ in own),
        )

    def label_sets(self) -> Iterable[Labels]:
        """The label sets of pods that it remembers, those of pods that are gone among them."""
        return self._known_plain.keys()

    @property
    def remembered(self) -> int:
        """How many answers it remembers."""
        return max(len(self._known_plain), len(self._known_spaced))

    def forget_others(self, asked: Iterable[tuple[Labels, Labels, Labels]]) -> None:
        """Remember only what may be asked again: of these pods, namespaces and accounts."""
        kept = {*asked}
        pods = {labels for labels, _, _ in kept}
        self._known_plain = {k: found for k, found in self._known_plain.items() if k in pods}
        self._known_spaced = {k: found for k, found in self._known_spaced.items() if k in kept}
        self._parts.clear()


def _picked(
    rules: Iterable[PodRule],
    labels: Labels,
    namespace: Labels | None = None,
    account: Labels = NO_LABELS,
) -> Picked:
    """`namespace` None: the rules look neither at it nor at the account."""
    if namespace is None:
        if not labels.unknown:
            return Picked(tuple(rule.index for rule in rules if rule.select.matches(labels)))
        namespace = NO_LABELS
    if not labels.unknown and not namespace.unknown and not account.unknown:
        found = (rule.index for rule in rules if rule.matches(labels, namespace, account))
        return Picked(tuple(found))
    return _told_apart([(rule.index, rule.truth(labels, namespace, account)) for rule in rules])


def _told_apart(found: Iterable[tuple[int, bool | None]]) -> Picked:
    judged = list(found)
    return Picked(
        tuple(index for index, truth in judged if truth),
        tuple(index for index, truth in judged if truth is None),
    )
