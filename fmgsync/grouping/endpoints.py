"""The pods and nodes of one cluster, by the rules that select them, kept up to date by change.

What a rule publishes of them follows: by who has an address (`holdings`), or by what a firewall
sees (`seeing`). What cannot be read of one holds only the rules that it may concern.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from fmgsync.grouping import doubts
from fmgsync.grouping.doubts import Key, Told
from fmgsync.grouping.holders import NodeHolder, PodHolder
from fmgsync.grouping.holdings import Holdings, Ranges
from fmgsync.grouping.ip_pools import IPPools
from fmgsync.grouping.rulebook import Picked, RuleBook
from fmgsync.grouping.seeing import Exchanged, Seeing
from fmgsync.grouping.surroundings import Surroundings
from fmgsync.model.endpoint import IPPool, NodeEndpoint, PodEndpoint
from fmgsync.model.labels import NO_LABELS, Labels, unread_account, unread_namespace
from fmgsync.model.rule import Publish

Each = TypeVar("Each")

_SPARE: Final = 200
"""So many answers more than twice as many as there are pods are remembered."""


class Endpoints:
    """Those of one cluster, and what is counted of them for each rule.

    `dirty` collects the rules whose answer may be another. Whoever puts something in calls
    `seeing.settle` after the last.
    """

    def __init__(self, book: RuleBook, ranges: Ranges | None, dirty: set[int]) -> None:
        count = len(book.rules)
        self.pods: Final[dict[Key, PodHolder]] = {}
        self.nodes: Final[dict[str, NodeHolder]] = {}
        self.namespaces: dict[str, Labels] = {}
        self.pools: Final = IPPools()
        self.hosts: Final[dict[int, Counter[str]]] = {i: Counter() for i in book.publishing_nodes}
        self.doubts: Final = Told(count)
        self.bare: Final = Told(count)  # pods without an address
        self.selected: Final[list[int]] = [0] * count
        self.spaces: Final[list[set[str]]] = [set() for _ in range(count)]
        self.choosing: Final = frozenset(i for i, rule in enumerate(book.rules) if rule.chooses)
        self.ranged: Final = frozenset(
            i for i, rule in enumerate(book.rules) if rule.publish is Publish.IP_POOL
        )
        around = Surroundings(self._node_of, self.space, self.pools)
        self.seeing: Final = Seeing(book.rules, around, self.pods, dirty)
        self.holdings: Final = Holdings(
            count, ranges=ranges, networks=book.networks, nodes=self.nodes, dirty=dirty
        )
        self._book: Final = book
        self._dirty: Final = dirty
        self._accounts: dict[str, Labels] = {}
        self._pods_in: Final[defaultdict[str, set[Key]]] = defaultdict(set)
        self._claiming: Final[defaultdict[str, set[Key]]] = defaultdict(set)  # by node
        self._hosting: Final[defaultdict[str, set[int]]] = defaultdict(set)  # `hosts` by node
        self._of_nodes: Final = [  # what rules publish by default; others choose themselves
            frozenset() if rule.chooses else rule.families for rule in book.rules
        ]

    def carry_over(self, old: Endpoints) -> None:
        """Take in what the other knew, which is used up by that."""
        self.namespaces = old.namespaces
        self._accounts = old._accounts
        self.pools.exchange((None, pool) for pool in old.pools)
        for each in old.seeing.around.objects.values():
            self.seeing.around.put(each)
        for name, node in old.nodes.items():
            self.put_node(name, node.node)
        for key, pod in old.pods.items():
            self.put_pod(key, pod.pod)
        for stranger in old.holdings.strangers:
            self.put_stranger(None, stranger)
        self.seeing.settle()
        for before, now in self._book.kept.items():
            self.spaces[now] |= old.spaces[before]

    def exchange_platform(
        self, pools: Sequence[tuple[IPPool | None, IPPool | None]], objects: Exchanged
    ) -> None:
        """Let what has a say in what a firewall sees take others' places."""
        self.pools.exchange(pools)
        self._dirty.update(self.ranged if pools else ())
        self.seeing.exchange(pools, objects)

    def _node_of(self, name: str) -> NodeEndpoint | None:
        found = self.nodes.get(name)
        return found.node if found is not None else None

    # --- pods ---------------------------------------------------------------------------------

    def space(self, name: str) -> Labels:
        """The labels of a namespace, as far as they are known."""
        return self.namespaces.get(name) or unread_namespace(name)

    def _account(self, pod: PodEndpoint) -> Labels:
        """The labels of the pod's service account, if some rule looks at them."""
        if not self._book.by_account or not pod.account:
            return NO_LABELS
        key = f"{pod.namespace}/{pod.account}"
        return self._accounts.get(key) or unread_account(pod.account)

    def _picked(self, pod: PodEndpoint) -> Picked:
        return self._book.for_pod(pod.labels, self.space(pod.namespace), self._account(pod))

    def put_pod(self, key: Key, pod: PodEndpoint | None) -> None:
        """Let this be the pod of that name; None: there is none."""
        before = self.pods.pop(key, None)
        after = None
        if before is not None:
            _discard(self._pods_in, key[0], key)
            _discard(self._claiming, before.pod.node, key)
        if pod is not None:
            picked = self._picked(pod)
            after = PodHolder(pod, picked, self._book.parts(picked.sure))
            self._pods_in[key[0]].add(key)
            if pod.claimed:
                self._claiming[pod.node].add(key)
        self._replace_pod(key, before, after)
        if after is None and self.namespaces and key[0] not in self.namespaces:
            self._forget_space(key[0])

    def tidy(self) -> None:
        """Forget what was only known of pods that are gone, once that is most of it."""
        around = self.seeing.around
        if max(self._book.remembered, around.remembered) > 2 * len(self.pods) + _SPARE:
            around.forget_answers()
            pods = (each.pod for each in self.pods.values())
            self._book.forget_others(
                (pod.labels, self.space(pod.namespace), self._account(pod)) for pod in pods
            )

    def put_stranger(self, before: PodEndpoint | None, after: PodEndpoint | None) -> None:
        """One that a rule selects is followed, and was only heard of the other way first."""
        if after and self._picked(after).sure:
            after = None
        self.holdings.exchange_strangers(before, after)

    def _replace_pod(self, key: Key, before: PodHolder | None, after: PodHolder | None) -> None:
        """Count what is there now, then take back what was: what stays never looks changed."""
        if after is not None:
            self.pods[key] = after
        self.seeing.put_pod(key, after)
        with self.holdings.exchanged(before, after):
            pass
        has, had = (each.pod.addresses if each is not None else () for each in (after, before))
        for holder, by in ((after, +1), (before, -1)):
            if holder is not None:
                self._count_pod(holder, by)
                if has != had:  # what was claimed may be had by now: it weighs otherwise there
                    self._dirty.update(self.ranged.intersection(holder.picked.sure))
        concerned = doubts.concerns(before)
        for told, now in (
            (self.doubts, doubts.of_pod(after, self.namespaces)),
            (self.bare, doubts.bare(after)),
        ):
            self._dirty.update(told.exchange(key, concerned, now))

    def _count_pod(self, holder: PodHolder, by: int) -> None:
        pod = holder.pod
        for index in holder.picked.sure:
            if by > 0:
                self.spaces[index].add(pod.namespace)
            self._count(index, by)
        for index in holder.parts.hosting:
            hosts = self.hosts[index]
            held = hosts[pod.node] > 0
            hosts[pod.node] += by
            if hosts[pod.node] <= 0:
                del hosts[pod.node]
            if held != (pod.node in hosts):
                self._host(index, pod.node, hosts=not held)

    def _count(self, index: int, by: int) -> None:
        was = self.selected[index]
        self.selected[index] += by
        if not was or not self.selected[index]:
            self._dirty.add(index)

    def _host(self, index: int, name: str, *, hosts: bool) -> None:
        """A rule that publishes nodes begins or ends to select something on a node."""
        self._dirty.add(index)
        node = self.nodes.get(name)
        with self.holdings.exchanged(None, None, node.node.addresses if node else ()):
            if hosts:
                self._hosting[name].add(index)
            else:
                self._hosting[name].discard(index)
        self._forget_node(name)

    def _forget_node(self, name: str) -> None:
        """Of a node that is gone, once nothing is selected there. One that is there shares what is
        known with its holder."""
        if name not in self.nodes and not self._hosting.get(name, True):
            del self._hosting[name]

    # --- namespaces and nodes -----------------------------------------------------------------

    def put_namespace(self, name: str, labels: Labels | None) -> None:
        """Judge the namespace's pods again, and no others."""
        if labels is None:
            self.namespaces.pop(name, None)
            self._forget_space(name)
        else:
            self.namespaces[name] = labels
        self._judge_again(tuple(self._pods_in.get(name, ())))
        self.seeing.put_namespace(self._pods_in.get(name, ()))

    def _forget_space(self, name: str) -> None:
        """Of a namespace that is gone nobody asks what was selected there, once it is empty."""
        if name not in self._pods_in:
            for spaces in self.spaces:
                spaces.discard(name)

    def put_account(self, key: str, labels: Labels | None) -> None:
        """Judge the pods that run as this account again."""
        if labels is None:
            self._accounts.pop(key, None)
        else:
            self._accounts[key] = labels
        space, _, name = key.partition("/")
        there = self._pods_in.get(space, ())
        self._judge_again([key for key in there if self.pods[key].pod.account == name])

    def _judge_again(self, keys: Iterable[Key]) -> None:
        for key in keys:
            before = self.pods[key]
            picked = self._picked(before.pod)
            if picked != before.picked or picked.unsure:
                after = PodHolder(before.pod, picked, self._book.parts(picked.sure))
                self._replace_pod(key, before, after)

    def put_node(self, name: str, node: NodeEndpoint | None) -> None:
        """Let this be the node of that name; None: there is none."""
        before = self.nodes.get(name)
        after = None
        if node is not None:
            picked = self._book.for_node(node.labels)
            after = NodeHolder(node, picked, self._of_nodes, self._hosting[name])
        claims = [a for key in self._claiming.get(name, ()) for a in self.pods[key].pod.claimed]
        with self.holdings.exchanged(before, after, claims):
            if after is not None:
                self.nodes[name] = after
            else:
                self.nodes.pop(name, None)
        self._forget_node(name)
        self.seeing.put_node(name)
        for holder, by in ((after, +1), (before, -1)):
            for index in holder.picked.sure if holder else ():
                self._count(index, by)
        concerned = doubts.concerns(before)
        self._dirty.update(self.doubts.exchange(("", name), concerned, doubts.of_node(after)))
        if before is None or after is None or before.node != after.node:
            self._dirty.update(self.choosing)
        odd = [holder.node.doubt if holder else None for holder in (before, after)]
        if odd[0] != odd[1]:
            self._dirty.update(self._hosting.get(name, ()))


def _discard(sets: dict[str, set[Each]], name: str, each: Each) -> None:
    """Names come and go: one that has nothing any more is not kept."""
    found = sets.get(name)
    if found is not None:
        found.discard(each)
        if not found:
            del sets[name]
