"""Which addresses each rule selects in one cluster, kept up to date change by change.

An event costs what it changes: the rules that select the pod before or after it, not all rules and
not all pods. A one-shot pass is the same thing with one large difference.

A rule needs certain kinds (pods, namespaces, nodes). If one was not read completely, or if what
was read contradicts itself (a pod in a namespace nobody listed), the answer is marked incomplete:
it may add addresses, never remove any.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fmgsync.grouping.rulebook import RuleBook
from fmgsync.model.address import Address, family
from fmgsync.model.endpoint import (
    ClusterDifference,
    ClusterSnapshot,
    Kind,
    NodeEndpoint,
    PodEndpoint,
)
from fmgsync.model.labels import Labels
from fmgsync.model.rule import GroupRule


@dataclass(frozen=True, slots=True)
class ClusterMembers:
    """What one rule selects in one cluster. `because` says why it is not `complete`."""

    addresses: frozenset[Address]
    complete: bool = True
    because: str = ""


def whole(snapshot: ClusterSnapshot) -> ClusterDifference:
    """A snapshot as the difference from nothing."""
    return ClusterDifference(
        snapshot.cluster,
        snapshot.synced,
        tuple((None, pod) for pod in snapshot.pods),
        tuple((None, node) for node in snapshot.nodes),
        tuple((name, None, labels) for name, labels in snapshot.namespaces.items()),
        snapshot.problems,
    )


_PodKey = tuple[str, str]


class ClusterMembership:
    """One cluster's members of every rule, counted by how many endpoints give each address.

    Not safe for threads: its owner applies differences and asks, one at a time.
    """

    def __init__(
        self, cluster: str, rules: Iterable[GroupRule], before: ClusterMembership | None = None
    ) -> None:
        self.cluster = cluster
        self.in_use: Counter[Address] = Counter()
        """How many endpoints have an address, selected or not. Any thread may look one up."""
        self._book: RuleBook = RuleBook(rules, before._book if before is not None else None)
        self._synced: frozenset[Kind] = frozenset()
        self._pods: dict[_PodKey, tuple[PodEndpoint, tuple[int, ...]]] = {}
        self._pods_in: defaultdict[str, set[_PodKey]] = defaultdict(set)
        self._namespaces: dict[str, Labels] = {}
        self._orphaned: set[str] = set()  # namespaces that have pods and were not read
        self._nodes: dict[str, tuple[NodeEndpoint, tuple[int, ...]]] = {}
        self._hosts: dict[int, Counter[str]] = {i: Counter() for i in self._book.publishing_nodes}
        self._held: list[Counter[Address]] = [Counter() for _ in self._book.rules]
        self._spaces: list[set[str]] = [set() for _ in self._book.rules]
        self._dirty: set[int] = set(range(len(self._book.rules)))
        if before is not None:
            self._carry_over(before)

    def under(self, rules: Iterable[GroupRule]) -> ClusterMembership:
        """The same cluster under other rules: what is new is evaluated, the rest carried over.

        This one is used up: it may be asked what is in use, no difference may be applied to it.
        """
        wanted = tuple(rules)
        if wanted == self._book.rules:
            return self
        return ClusterMembership(self.cluster, wanted, self)

    def _carry_over(self, old: ClusterMembership) -> None:
        kept = self._book.kept
        self.in_use, self._synced, self._pods_in = old.in_use, old._synced, old._pods_in
        self._namespaces, self._orphaned = old._namespaces, old._orphaned
        for before, now in kept.items():
            self._held[now], self._spaces[now] = old._held[before], old._spaces[before]
            if now in self._hosts:
                self._hosts[now] = old._hosts[before]
        new = self._dirty.difference(kept.values())
        self._dirty = new | {kept[index] for index in old._dirty if index in kept}
        for name, (node, _) in old._nodes.items():
            self._nodes[name] = (node, self._book.for_node(node.labels))
            for index in new.intersection(self._nodes[name][1]):
                self._count(index, node.addresses, +1)
        for key, (pod, _) in old._pods.items():
            found = self._book.for_pod(pod.labels, self._namespaces.get(pod.namespace))
            self._pods[key] = (pod, found)
            for index in new.intersection(found):
                self._count_pod(index, pod, +1)

    def apply(self, difference: ClusterDifference) -> None:
        """Take in what became different. Namespaces first: pods are judged by their labels."""
        if difference.synced != self._synced:
            changed = difference.synced ^ self._synced
            self._mark(i for i, needs in enumerate(self._book.needs) if needs & changed)
            self._synced = difference.synced
        for name, _, labels in difference.namespaces:
            self._put_namespace(name, labels)
        for _, node in difference.nodes:
            if node is not None:
                self._put_node(node.name, node)
        for pod_before, pod in difference.pods:
            found = pod or pod_before
            if found is not None:
                self._put_pod((found.namespace, found.name), pod)
        for node_before, node in difference.nodes:
            if node is None and node_before is not None:
                self._put_node(node_before.name, None)

    @property
    def needs(self) -> frozenset[Kind]:
        """The kinds without which some rule cannot be answered."""
        return frozenset[Kind]().union(*self._book.needs)

    def doubt(self) -> None:
        """Let every rule count as changed."""
        self._mark(range(len(self._book.rules)))

    def take_dirty(self) -> frozenset[str]:
        """The rules whose answer may be another since the last call, by name."""
        dirty = frozenset(self._book.rules[index].name for index in self._dirty)
        self._dirty.clear()
        return dirty

    def members(self) -> Iterator[tuple[str, ClusterMembers]]:
        """Every rule's answer."""
        for index, rule in enumerate(self._book.rules):
            yield rule.name, self._answer(index)

    def members_of(self, names: frozenset[str]) -> Iterator[tuple[str, ClusterMembers]]:
        """The answers of some rules."""
        for index, rule in enumerate(self._book.rules):
            if rule.name in names:
                yield rule.name, self._answer(index)

    def spaces_of(self, name: str) -> frozenset[str]:
        """The namespaces in which a rule selects pods, or did; safe from any thread."""
        found = (i for i, rule in enumerate(self._book.rules) if rule.name == name)
        return frozenset().union(*(self._spaces[index].copy() for index in found))

    def _answer(self, index: int) -> ClusterMembers:
        gaps = self._gaps(index)
        return ClusterMembers(frozenset(self._held[index]), not gaps, "; ".join(gaps))

    def _gaps(self, index: int) -> list[str]:
        needs = self._book.needs[index]
        gaps: list[str] = []
        missing = sorted(kind.value for kind in needs - self._synced)
        if missing:
            gaps.append(f"cluster {self.cluster}: {', '.join(missing)} not read completely")
        if Kind.NAMESPACES in needs & self._synced and self._orphaned:
            name = min(self._orphaned)
            gaps.append(f"cluster {self.cluster}: namespace {name} has pods but was not read")
        lost = [name for name in self._hosts.get(index, ()) if name not in self._nodes]
        if lost and Kind.NODES in self._synced:
            gaps.append(f"cluster {self.cluster}: node {min(lost)} has pods but was not read")
        return gaps

    # --- pods ---------------------------------------------------------------------------------

    def _put_pod(self, key: _PodKey, pod: PodEndpoint | None) -> None:
        before = self._pods.pop(key, None)
        if pod is None:
            self._pods_in[key[0]].discard(key)
        else:
            self._pods_in[key[0]].add(key)
            rules = self._book.for_pod(pod.labels, self._namespaces.get(pod.namespace))
            self._pods[key] = (pod, rules)
            self._use(pod.addresses, +1)
        if before is not None:
            self._use(before[0].addresses, -1)
        self._exchange(before, self._pods.get(key))
        self._note_orphans(key[0])

    def _exchange(
        self,
        before: tuple[PodEndpoint, tuple[int, ...]] | None,
        after: tuple[PodEndpoint, tuple[int, ...]] | None,
    ) -> None:
        """Hold what is there now, then release what was: what stays never looks changed."""
        for found, by in ((after, +1), (before, -1)):
            if found is not None:
                for index in found[1]:
                    self._count_pod(index, found[0], by)

    def _count_pod(self, index: int, pod: PodEndpoint, by: int) -> None:
        self._spaces[index].add(pod.namespace)
        if index not in self._book.publishing_nodes:
            self._count(index, pod.addresses, by)
            return
        hosts = self._hosts[index]
        held = hosts[pod.node] > 0
        hosts[pod.node] += by
        if hosts[pod.node] <= 0:
            del hosts[pod.node]
        if held != (pod.node in hosts):
            known = self._nodes.get(pod.node)
            self._dirty.add(index)
            self._count(index, known[0].addresses if known else (), by)

    def _count(self, index: int, addresses: Iterable[Address], by: int) -> None:
        held, families = self._held[index], self._book.rules[index].families
        for address in addresses:
            if family(address) not in families:
                continue
            was = address in held
            held[address] += by
            if held[address] <= 0:
                del held[address]
            if was != (address in held):
                self._dirty.add(index)

    # --- namespaces and nodes -----------------------------------------------------------------

    def _put_namespace(self, name: str, labels: Labels | None) -> None:
        """Judge the namespace's pods again, and no others."""
        if labels is None:
            self._namespaces.pop(name, None)
        else:
            self._namespaces[name] = labels
        for key in tuple(self._pods_in.get(name, ())):
            pod, before = self._pods[key]
            after = self._book.for_pod(pod.labels, labels)
            if after != before:
                self._pods[key] = (pod, after)
                self._exchange((pod, before), (pod, after))
        self._note_orphans(name)

    def _note_orphans(self, name: str) -> None:
        were = name in self._orphaned
        if self._pods_in.get(name) and name not in self._namespaces:
            self._orphaned.add(name)
        else:
            self._orphaned.discard(name)
        if were != (name in self._orphaned):
            self._mark(i for i, needs in enumerate(self._book.needs) if Kind.NAMESPACES in needs)

    def _put_node(self, name: str, node: NodeEndpoint | None) -> None:
        before = self._nodes.pop(name, None)
        if node is not None:
            self._nodes[name] = (node, self._book.for_node(node.labels))
            self._use(node.addresses, +1)
        if before is not None:
            self._use(before[0].addresses, -1)
        after = self._nodes.get(name)
        hosting = [index for index, hosts in self._hosts.items() if name in hosts]
        for index in (*(after[1] if after else ()), *hosting):
            self._count(index, after[0].addresses if after else (), +1)
        for index in (*(before[1] if before else ()), *hosting):
            self._count(index, before[0].addresses if before else (), -1)
        if (before is None) != (after is None):
            self._mark(hosting)

    def _use(self, addresses: Iterable[Address], by: int) -> None:
        for address in addresses:
            self.in_use[address] += by
            if self.in_use[address] <= 0:
                del self.in_use[address]

    def _mark(self, indexes: Iterable[int]) -> None:
        self._dirty.update(indexes)
