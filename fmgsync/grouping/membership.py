"""Which addresses each rule selects in one cluster, kept up to date change by change.

An event costs what it changes: the rules that select the pod before or after it, not all rules and
not all pods. A one-shot pass is the same thing with one large difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fmgsync.grouping.answers import Answers, ClusterMembers
from fmgsync.grouping.destinations import Destinations
from fmgsync.grouping.endpoints import Endpoints
from fmgsync.grouping.holders import NodeHolder
from fmgsync.grouping.holdings import Ranges
from fmgsync.grouping.network_sets import NetworkSets
from fmgsync.grouping.nothing import Note
from fmgsync.grouping.rulebook import RuleBook
from fmgsync.model.address import Address
from fmgsync.model.destination import Destination
from fmgsync.model.endpoint import ClusterDifference, ClusterSnapshot, Kind, PodKey
from fmgsync.model.rule import GroupRule


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
        self._places = {rule.name: index for index, rule in enumerate(self._book.rules)}
        self._synced: frozenset[Kind] = frozenset()
        self._dirty: set[int] = set(range(len(self._book.rules)))
        self._endpoints: Endpoints = Endpoints(self._book, ranges, self._dirty)
        families = [rule.families for rule in self._book.rules]
        self._sets: NetworkSets = NetworkSets(self._book, families, ranges)
        self._destinations: Destinations = Destinations(self._book, ranges)
        self._answers: Answers = Answers(
            cluster, self._book, ranges, self._endpoints, self._sets, self._destinations
        )
        self.holdings = self._endpoints.holdings
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
        self._endpoints.carry_over(old._endpoints)
        space = self._endpoints.space
        self._sets.known.exchange([(None, each) for each in old._sets.known], space)
        others = [(None, each) for each in old._destinations.known]
        self._destinations.known.exchange(others, space)
        kept = self._book.kept
        self._dirty.difference_update(
            now for before, now in kept.items() if before not in old._dirty
        )
        for before, now in kept.items():
            if self._answer(now) != old._answer(before):
                self._dirty.add(now)

    def apply(self, difference: ClusterDifference) -> None:
        """Take in what became different. Namespaces first: pods are judged by their labels."""
        endpoints, space = self._endpoints, self._endpoints.space
        if difference.synced != self._synced:
            changed = difference.synced ^ self._synced
            self._dirty.update(i for i, needs in enumerate(self._book.needs) if needs & changed)
            self._synced = difference.synced
        for name, _, labels in difference.namespaces:
            endpoints.put_namespace(name, labels)
            self._dirty.update(self._sets.known.judge_again(name, space))
            self._dirty.update(self._destinations.known.judge_again(name, space))
        for key, _, labels in difference.accounts:
            endpoints.put_account(key, labels)
        self._dirty.update(self._sets.known.exchange(difference.network_sets, space))
        self._dirty.update(self._destinations.known.exchange(difference.destinations, space))
        endpoints.exchange_platform(difference.ip_pools, difference.platform)
        for _, node in difference.nodes:
            if node is not None:
                endpoints.put_node(node.name, node)
        for pod_before, pod in difference.pods:
            found = pod or pod_before
            if found is not None:
                endpoints.put_pod((found.namespace, found.name), pod)
        for before, stranger in difference.strangers:
            endpoints.put_stranger(before, stranger)
        for node_before, node in difference.nodes:
            if node is None and node_before is not None:
                endpoints.put_node(node_before.name, None)
        endpoints.seeing.settle()
        endpoints.tidy()

    @property
    def needs(self) -> frozenset[Kind]:
        """The kinds without which some rule cannot be answered."""
        return frozenset[Kind]().union(*self._book.needs)

    @property
    def asked(self) -> int:
        """How often it was found out what a firewall sees of some pod."""
        return self._endpoints.seeing.asked

    def doubt(self) -> None:
        """Let every rule count as changed."""
        self._dirty.update(range(len(self._book.rules)))

    def about(self, key: PodKey) -> ClusterSnapshot:
        """A snapshot of one pod alone, with its node and namespace. Any thread may ask."""
        endpoints = self._endpoints
        found = [held.pod for held in (endpoints.pods.get(key),) if held is not None]
        around = endpoints.seeing.around
        gateways = [pod for pod in (*around.gateway_pods.values(),) if pod.key != key]
        near = {pod.node for pod in (*found, *gateways)}
        if around.objects:  # some traffic leaves by nodes of its own
            near |= {*endpoints.nodes}
        nodes = (endpoints.nodes[name].node for name in sorted(near) if name in endpoints.nodes)
        names = {key[0], *(pod.namespace for pod in gateways)}
        spaces = {n: labels for n in names if (labels := endpoints.namespaces.get(n)) is not None}
        return ClusterSnapshot(
            self.cluster,
            self._synced,
            (*found, *gateways),
            tuple(nodes),
            spaces,
            ip_pools=tuple(endpoints.pools),
            platform=tuple(around.objects.values()),
        )

    def reached_at(self, address: Address) -> tuple[Destination, ...]:
        """The Services and the like that have the address. Any thread may ask."""
        return self._destinations.having(address)

    def chosen_at(self, address: Address) -> tuple[NodeHolder, ...]:
        """The nodes that have it among what some rule chooses. Any thread may ask."""
        if not self._endpoints.choosing:
            return ()
        known = [*self._endpoints.nodes.values()]
        return tuple(each for each in known if any(address == a for _, a in each.node.others))

    def selects(self, pod: PodKey) -> bool:
        """Whether some rule selects it."""
        return pod in self._endpoints.pods and bool(self._endpoints.pods[pod].picked.sure)

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
        for index in sorted(self._places[name] for name in names):
            yield self._book.rules[index].name, self._answer(index)

    def spaces_of(self, name: str) -> frozenset[str]:
        """The namespaces in which a rule selects pods, or did; safe from any thread."""
        index = self._places.get(name)
        return frozenset() if index is None else frozenset(self._endpoints.spaces[index].copy())

    def selected(self, name: str) -> Iterator[tuple[str, tuple[Address, ...], str]]:
        """What a rule selects, the addresses that stand for it, and why where there are none."""
        return self._answers.selected(self._places[name])

    def note_on(self, name: str) -> Note | None:
        """Why a rule publishes nothing here, or not all that it selects; None if it does."""
        return self._answers.note_on(self._places[name])

    def _answer(self, index: int) -> ClusterMembers:
        return self._answers.members(index, self._synced)
