"""Which addresses each rule selects in one cluster, kept up to date change by change.

An event costs what it changes: the rules that select the pod before or after it, not all rules and
not all pods. A one-shot pass is the same thing with one large difference.

A rule needs certain kinds (pods, namespaces, nodes). If one was not read completely, or if
something that it selects, or may select, cannot be read, the answer is marked incomplete: it may
add addresses, never remove any. Rules that such an object cannot concern are complete.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fmgsync.grouping import destinations, doubts, node_choice, nothing
from fmgsync.grouping.destinations import Destinations
from fmgsync.grouping.doubts import Key, Told
from fmgsync.grouping.holders import NodeHolder, PodHolder, on_network
from fmgsync.grouping.holdings import Holdings, Ranges
from fmgsync.grouping.ip_pools import IPPools
from fmgsync.grouping.network_sets import NetworkSets
from fmgsync.grouping.nothing import Note
from fmgsync.grouping.rulebook import Picked, RuleBook
from fmgsync.grouping.seeing import Seeing, contradiction
from fmgsync.grouping.surroundings import Surroundings
from fmgsync.model.address import Address
from fmgsync.model.destination import Destination
from fmgsync.model.endpoint import (
    ClusterDifference,
    ClusterSnapshot,
    Kind,
    NodeEndpoint,
    PodEndpoint,
    PodKey,
)
from fmgsync.model.labels import NO_LABELS, Labels, unread_account, unread_namespace
from fmgsync.model.rule import GroupRule, Publish


@dataclass(frozen=True, slots=True)
class ClusterMembers:
    """What one rule selects in one cluster. `because` says why it is not `complete`.

    `withheld` are addresses that something selected has, or says it has, and why they are not
    among the others.
    """

    addresses: frozenset[Address]
    complete: bool = True
    because: str = ""
    withheld: tuple[tuple[Address, str], ...] = ()


class ClusterMembership:
    """One cluster's members of every rule.

    Not safe for threads: its owner applies differences and asks, one at a time. `ranges` are those
    the cluster may publish, None: any.
    """

    def __init__(
        self,
        cluster: str,
        rules: Iterable[GroupRule],
        ranges: Ranges | None = None,
        *,
        before: ClusterMembership | None = None,
    ) -> None:
        self.cluster = cluster
        self._ranges = ranges
        self._book: RuleBook = RuleBook(rules, before._book if before is not None else None)
        count = len(self._book.rules)
        self._synced: frozenset[Kind] = frozenset()
        self._pods: dict[Key, PodHolder] = {}
        self._pods_in: defaultdict[str, set[Key]] = defaultdict(set)
        self._claiming: defaultdict[str, set[Key]] = defaultdict(set)  # by node
        self._namespaces: dict[str, Labels] = {}
        self._accounts: dict[str, Labels] = {}
        self._nodes: dict[str, NodeHolder] = {}
        self._hosts: dict[int, Counter[str]] = {i: Counter() for i in self._book.publishing_nodes}
        self._hosting: defaultdict[str, set[int]] = defaultdict(set)  # the same by node
        self._doubts: Told = Told(count)
        self._bare: Told = Told(count)  # pods without an address
        self._selected: list[int] = [0] * count
        self._spaces: list[set[str]] = [set() for _ in range(count)]
        self._families = [rule.families for rule in self._book.rules]
        self._pools: IPPools = IPPools(before._pools if before is not None else ())
        self._ranged = frozenset(
            i for i, rule in enumerate(self._book.rules) if rule.publish is Publish.IP_POOL
        )
        around = Surroundings(self._node_of, self._space, self._pools)
        if before is not None:
            for each in before._seeing.around.objects.values():
                around.put(each)
        self._sets = NetworkSets(self._book, self._families, ranges)
        self._destinations = Destinations(self._book, ranges)
        self._choosing = frozenset(i for i, rule in enumerate(self._book.rules) if rule.chooses)
        self._of_nodes = [  # what rules publish by default; those that choose do it themselves
            frozenset() if index in self._choosing else families
            for index, families in enumerate(self._families)
        ]
        self._dirty: set[int] = set(range(count))
        self._seeing: Seeing = Seeing(self._book.rules, around, self._pods, self._dirty)
        self.holdings = Holdings(
            count,
            ranges=ranges,
            networks=self._book.networks,
            nodes=self._nodes,
            dirty=self._dirty,
        )
        if before is not None:
            self._carry_over(before)

    def under(self, rules: Iterable[GroupRule], ranges: Ranges | None = None) -> ClusterMembership:
        """The same cluster under other rules: what they have in common has not changed by that.

        This one is used up: it may be asked what is in use, no difference may be applied to it.
        """
        wanted = tuple(rules)
        if wanted == self._book.rules and ranges == self._ranges:
            return self
        return ClusterMembership(self.cluster, wanted, ranges, before=self)

    def _carry_over(self, old: ClusterMembership) -> None:
        """Take in what the other knew. Selectors are asked only for rules that are new."""
        self._synced = old._synced
        self._namespaces = old._namespaces
        self._accounts = old._accounts
        for each in old._sets:
            self._sets.put(each.key, each, self._space)
        known = [(None, each) for each in old._destinations]
        self._mark(self._destinations.exchange(known, self._space))
        for name, node in old._nodes.items():
            self._put_node(name, node.node)
        for key, pod in old._pods.items():
            self._put_pod(key, pod.pod)
        for stranger in old.holdings.strangers:
            self._put_stranger(None, stranger)
        self._seeing.settle()
        kept = self._book.kept
        self._dirty.difference_update(
            now for before, now in kept.items() if before not in old._dirty
        )
        for before, now in kept.items():
            self._spaces[now] |= old._spaces[before]
            if self._answer(now) != old._answer(before):
                self._dirty.add(now)

    def apply(self, difference: ClusterDifference) -> None:
        """Take in what became different. Namespaces first: pods are judged by their labels."""
        if difference.synced != self._synced:
            changed = difference.synced ^ self._synced
            self._mark(i for i, needs in enumerate(self._book.needs) if needs & changed)
            self._synced = difference.synced
        for name, _, labels in difference.namespaces:
            self._put_namespace(name, labels)
        for key, _, labels in difference.accounts:
            self._put_account(key, labels)
        self._mark(self._sets.exchange(difference.network_sets, self._space))
        self._mark(self._destinations.exchange(difference.destinations, self._space))
        self._pools.exchange(difference.ip_pools)
        self._mark(self._ranged if difference.ip_pools else ())
        self._seeing.exchange(difference.ip_pools, difference.platform)
        for _, node in difference.nodes:
            if node is not None:
                self._put_node(node.name, node)
        for pod_before, pod in difference.pods:
            found = pod or pod_before
            if found is not None:
                self._put_pod((found.namespace, found.name), pod)
        for before, stranger in difference.strangers:
            self._put_stranger(before, stranger)
        for node_before, node in difference.nodes:
            if node is None and node_before is not None:
                self._put_node(node_before.name, None)
        self._seeing.settle()

    @property
    def needs(self) -> frozenset[Kind]:
        """The kinds without which some rule cannot be answered."""
        return frozenset[Kind]().union(*self._book.needs)

    @property
    def asked(self) -> int:
        """How often it was found out what a firewall sees of some pod."""
        return self._seeing.asked

    def doubt(self) -> None:
        """Let every rule count as changed."""
        self._mark(range(len(self._book.rules)))

    def about(self, key: PodKey) -> ClusterSnapshot:
        """A snapshot of one pod alone, with its node and namespace. Any thread may ask."""
        found = [held.pod for held in (self._pods.get(key),) if held is not None]
        around = self._seeing.around
        gateways = [pod for pod in (*around.gateway_pods.values(),) if pod.key != key]
        near = {pod.node for pod in (*found, *gateways)}
        if around.objects:  # some traffic leaves by nodes of its own
            near |= {*self._nodes}
        nodes = (self._nodes[name].node for name in sorted(near) if name in self._nodes)
        names = {key[0], *(pod.namespace for pod in gateways)}
        spaces = {n: labels for n in names if (labels := self._namespaces.get(n)) is not None}
        return ClusterSnapshot(
            self.cluster,
            self._synced,
            (*found, *gateways),
            tuple(nodes),
            spaces,
            ip_pools=tuple(self._pools),
            platform=tuple(around.objects.values()),
        )

    def reached_at(self, address: Address) -> tuple[Destination, ...]:
        """The Services and the like that have the address. Any thread may ask."""
        return self._destinations.having(address)

    def chosen_at(self, address: Address) -> tuple[NodeHolder, ...]:
        """The nodes that have it among what some rule chooses. Any thread may ask."""
        if not self._choosing:
            return ()
        known = [*self._nodes.values()]
        return tuple(each for each in known if any(address == a for _, a in each.node.others))

    def selects(self, pod: PodKey) -> bool:
        """Whether some rule selects it."""
        return pod in self._pods and bool(self._pods[pod].picked.sure)

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

    def selected(self, name: str) -> Iterator[tuple[str, tuple[Address, ...], str]]:
        """What a rule selects, the addresses that stand for it, and why where there are none."""
        index = next(i for i, rule in enumerate(self._book.rules) if rule.name == name)
        for each, place in self._sets.selected(index):
            yield place, each.addresses, each.doubt
        rule = self._book.rules[index]
        for found in self._destinations.selected(index):
            addresses = tuple(destinations.chosen(rule, found.addresses))
            yield found.place, addresses, found.doubt or "; ".join(found.unusable)
        for node in self._nodes.values():
            if index in node.picked.sure:
                yield node.node.name, self._of_node(index, node.node), node.node.doubt
        for key, holder in sorted(self._pods.items()):
            if index in holder.picked.sure:
                stands = tuple(self._standing_for(index, holder))
                yield "/".join(key), stands, self._told_of(index, key)

    def _told_of(self, index: int, key: Key) -> str:
        """Why nothing, or not all, stands for a pod; in rules that ask, what a firewall sees."""
        if index in self._seeing.asking and key not in self._doubts.of[index]:
            found = self._seeing.standing[index][key]
            return found.unknown or found.because or self._bare.of[index].get(key, "")
        return {**self._bare.of[index], **self._doubts.of[index]}.get(key, "")

    def _standing_for(self, index: int, holder: PodHolder) -> Iterator[Address]:
        rule, pod = self._book.rules[index], holder.pod
        if index in self._seeing.asking:
            yield from self._seeing.standing[index][pod.key].addresses
        elif index in self._book.publishing_nodes:
            node = self._nodes.get(pod.node)
            yield from self._of_node(index, node.node) if node else ()
        elif rule.network:
            yield from on_network(pod, rule.network)
        else:
            own = pod.addresses or pod.claimed
            yield from self._pools.ranges(own) if index in self._ranged else own

    def _of_node(self, index: int, node: NodeEndpoint) -> tuple[Address, ...]:
        """What a rule takes of a node's addresses."""
        rule = self._book.rules[index]
        return tuple(node_choice.chosen(rule, node)) if rule.chooses else node.addresses

    def _publishing(self, index: int) -> list[NodeEndpoint]:
        """The nodes that a rule publishes."""
        hosts = self._hosts.get(index, ())
        return [
            holder.node
            for name, holder in self._nodes.items()
            if index in holder.picked.sure or name in hosts
        ]

    def spaces_of(self, name: str) -> frozenset[str]:
        """The namespaces in which a rule selects pods, or did; safe from any thread."""
        found = (i for i, rule in enumerate(self._book.rules) if rule.name == name)
        return frozenset().union(*(self._spaces[index].copy() for index in found))

    def note_on(self, name: str) -> Note | None:
        """Why a rule publishes nothing here, or not all that it selects; None if it does."""
        index = next(i for i, rule in enumerate(self._book.rules) if rule.name == name)
        rule, holdings = self._book.rules[index], self.holdings
        if rule.destinations is not None:
            return self._destinations.note_on(index, self._where)
        if index in self._choosing and (found := self._publishing(index)):
            return node_choice.note_on(rule, found, self._where)
        sets = bool(self._sets.addresses(index))
        if index in self._seeing.asking and self._selected[index]:
            told = self._seeing.notes(index)
            return Note(f"{self._where}: {told}", partial=True) if told else None
        if told := self._contradiction(index):
            return Note(f"{self._where}: {told}", partial=True)
        if self._selected[index]:
            bare, count = self._bare.of[index].values(), self._selected[index]
            some = sets or bool(holdings.held[index] or holdings.denied[index])
            if index in self._ranged and (odd := self._pools.doubtful(holdings.held[index])):
                return Note(f"{self._where}: {odd}", partial=True)
            return nothing.note_on_bare(self._where, bare, count, some=some)
        if sets or rule.doubt:
            return None
        nodes = [node.node.labels for node in self._nodes.values()]
        seen = nodes if rule.select_nodes is not None else self._book.label_sets()
        return Note(f"{self._where}: {nothing.nothing(rule, seen, self._namespaces)}")

    def _contradiction(self, index: int) -> str:
        """That a rule publishes what no firewall sees, as far as what is read tells it."""
        rule, around = self._book.rules[index], self._seeing.around
        marked = any(node.node.marks for node in self._nodes.values())
        if rule.select is None or not (around.objects or marked or any(self._pools)):
            return ""
        pods = (each.pod for each in self._pods.values() if index in each.picked.sure)
        found = contradiction(rule, pods, around)
        return f"it publishes the {rule.publish}, but {found}: use publish: auto" if found else ""

    @property
    def _where(self) -> str:
        return f"cluster {self.cluster}"

    def _answer(self, index: int) -> ClusterMembers:
        gaps = self._gaps(index)
        held, withheld = frozenset(self.holdings.held[index]), self.holdings.withheld(index)
        if index in self._ranged:
            held = self._pools.ranges(held)
        rule = self._book.rules[index]
        if index in self._seeing.asking:
            whole = self._book.needs[index] <= self._synced
            held = self._seeing.addresses(index, held) if whole else frozenset()
            withheld = self._seeing.withheld(index, withheld)
        if index in self._choosing:
            held, withheld = node_choice.held(rule, self._publishing(index), self._ranges)
        if rule.destinations is not None:
            held = self._destinations.addresses(index)
            withheld = tuple(self._destinations.withheld(index))
        if rule.network_sets:
            held |= self._sets.addresses(index)
            withheld = (*withheld, *self._sets.withheld(index))
        return ClusterMembers(held, not gaps, "; ".join(gaps), withheld)

    def _gaps(self, index: int) -> list[str]:
        needs = self._book.needs[index]
        missing = sorted(str(kind) for kind in needs - self._synced)
        gaps = [f"{', '.join(missing)} not read completely"] if missing else []
        gaps += filter(None, (self._book.rules[index].doubt, *self._sets.gaps(index)))
        gaps += self._destinations.gaps(index)
        if index in self._ranged and not missing:
            gaps += self._pools.gaps(self.holdings.held[index])
        if index in self._seeing.asking and not missing:
            gaps += self._seeing.gaps(index)
        doubtful = self._doubts.of[index]
        gaps += [doubtful[min(doubtful)]] if doubtful else []
        hosts = self._hosts.get(index, ())
        lost = [name for name in hosts if name not in self._nodes]
        if lost and Kind.NODES in self._synced:
            gaps.append(f"node {min(lost)} has pods but was not read")
        odd = [name for name in hosts if name in self._nodes and self._nodes[name].node.doubt]
        if odd:
            gaps.append(f"node {min(odd)}: {self._nodes[min(odd)].node.doubt}")
        return [f"{self._where}: {gap}" for gap in gaps]

    def _node_of(self, name: str) -> NodeEndpoint | None:
        found = self._nodes.get(name)
        return found.node if found is not None else None

    # --- pods ---------------------------------------------------------------------------------

    def _space(self, name: str) -> Labels:
        return self._namespaces.get(name) or unread_namespace(name)

    def _account(self, pod: PodEndpoint) -> Labels:
        """The labels of the pod's service account, if some rule looks at them."""
        if not self._book.by_account or not pod.account:
            return NO_LABELS
        key = f"{pod.namespace}/{pod.account}"
        return self._accounts.get(key) or unread_account(pod.account)

    def _picked(self, pod: PodEndpoint) -> Picked:
        return self._book.for_pod(pod.labels, self._space(pod.namespace), self._account(pod))

    def _put_pod(self, key: Key, pod: PodEndpoint | None) -> None:
        before = self._pods.pop(key, None)
        after = None
        if before is not None:
            self._pods_in[key[0]].discard(key)
            self._claiming[before.pod.node].discard(key)
        if pod is not None:
            picked = self._picked(pod)
            after = PodHolder(pod, picked, self._book.parts(picked.sure))
            self._pods_in[key[0]].add(key)
            if pod.claimed:
                self._claiming[pod.node].add(key)
        self._replace_pod(key, before, after)

    def _put_stranger(self, before: PodEndpoint | None, after: PodEndpoint | None) -> None:
        """One that a rule selects is followed, and was only heard of the other way first."""
        if after and self._picked(after).sure:
            after = None
        self.holdings.exchange_strangers(before, after)

    def _replace_pod(self, key: Key, before: PodHolder | None, after: PodHolder | None) -> None:
        """Count what is there now, then take back what was: what stays never looks changed."""
        if after is not None:
            self._pods[key] = after
        self._seeing.put_pod(key, after)
        with self.holdings.exchanged(before, after):
            pass
        for holder, by in ((after, +1), (before, -1)):
            if holder is not None:
                self._count_pod(holder, by)
        concerned = doubts.concerns(before)
        for told, now in (
            (self._doubts, doubts.of_pod(after, self._namespaces)),
            (self._bare, doubts.bare(after)),
        ):
            self._mark(told.exchange(key, concerned, now))

    def _count_pod(self, holder: PodHolder, by: int) -> None:
        pod = holder.pod
        for index in holder.picked.sure:
            self._spaces[index].add(pod.namespace)
            self._count(index, by)
        for index in holder.parts.hosting:
            hosts = self._hosts[index]
            held = hosts[pod.node] > 0
            hosts[pod.node] += by
            if hosts[pod.node] <= 0:
                del hosts[pod.node]
            if held != (pod.node in hosts):
                self._host(index, pod.node, hosts=not held)

    def _count(self, index: int, by: int) -> None:
        was = self._selected[index]
        self._selected[index] += by
        if not was or not self._selected[index]:
            self._dirty.add(index)

    def _host(self, index: int, name: str, *, hosts: bool) -> None:
        """A rule that publishes nodes begins or ends to select something on a node."""
        self._dirty.add(index)
        node = self._nodes.get(name)
        with self.holdings.exchanged(None, None, node.node.addresses if node else ()):
            if hosts:
                self._hosting[name].add(index)
            else:
                self._hosting[name].discard(index)

    # --- namespaces and nodes -----------------------------------------------------------------

    def _put_namespace(self, name: str, labels: Labels | None) -> None:
        """Judge the namespace's pods again, and no others."""
        if labels is None:
            self._namespaces.pop(name, None)
        else:
            self._namespaces[name] = labels
        self._judge_again(tuple(self._pods_in.get(name, ())))
        self._seeing.put_namespace(self._pods_in.get(name, ()))
        self._mark(self._sets.judge_again(name, self._space))
        self._mark(self._destinations.judge_again(name, self._space))

    def _put_account(self, key: str, labels: Labels | None) -> None:
        """Judge the pods that run as this account again."""
        if labels is None:
            self._accounts.pop(key, None)
        else:
            self._accounts[key] = labels
        space, _, name = key.partition("/")
        there = self._pods_in.get(space, ())
        self._judge_again([key for key in there if self._pods[key].pod.account == name])

    def _judge_again(self, keys: Iterable[Key]) -> None:
        for key in keys:
            before = self._pods[key]
            picked = self._picked(before.pod)
            if picked != before.picked or picked.unsure:
                after = PodHolder(before.pod, picked, self._book.parts(picked.sure))
                self._replace_pod(key, before, after)

    def _put_node(self, name: str, node: NodeEndpoint | None) -> None:
        before = self._nodes.get(name)
        after = None
        if node is not None:
            picked = self._book.for_node(node.labels)
            after = NodeHolder(node, picked, self._of_nodes, self._hosting[name])
        claims = [a for key in self._claiming.get(name, ()) for a in self._pods[key].pod.claimed]
        with self.holdings.exchanged(before, after, claims):
            if after is not None:
                self._nodes[name] = after
            else:
                self._nodes.pop(name, None)
        self._seeing.put_node(name)
        for holder, by in ((after, +1), (before, -1)):
            for index in holder.picked.sure if holder else ():
                self._count(index, by)
        concerned = doubts.concerns(before)
        self._mark(self._doubts.exchange(("", name), concerned, doubts.of_node(after)))
        if before is None or after is None or before.node != after.node:
            self._mark(self._choosing)
        odd = [holder.node.doubt if holder else None for holder in (before, after)]
        if odd[0] != odd[1]:
            self._mark(self._hosting.get(name, ()))

    def _mark(self, indexes: Iterable[int]) -> None:
        self._dirty.update(indexes)
