"""What each rule selects in one cluster, and why that is not all, or nothing.

A rule needs certain kinds (pods, namespaces, nodes). If one was not read completely, or if
something that it selects, or may select, cannot be read, the answer is marked incomplete: it may
add addresses, never remove any. Rules that such an object cannot concern are complete.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fmgsync.grouping import destinations, node_choice, nothing
from fmgsync.grouping.destinations import Destinations
from fmgsync.grouping.doubts import Key
from fmgsync.grouping.endpoints import Endpoints
from fmgsync.grouping.holders import PodHolder, on_network
from fmgsync.grouping.holdings import Ranges
from fmgsync.grouping.network_sets import NetworkSets
from fmgsync.grouping.nothing import Note
from fmgsync.grouping.rulebook import RuleBook
from fmgsync.grouping.seeing import contradiction
from fmgsync.model.address import Address
from fmgsync.model.endpoint import Kind, NodeEndpoint


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


@dataclass(frozen=True, slots=True)
class Answers:
    """The rules' answers from what is known of a cluster. Rules are known by their place in `book`;
    `ranges` are those the cluster may publish, None: any."""

    cluster: str
    book: RuleBook
    ranges: Ranges | None
    endpoints: Endpoints
    sets: NetworkSets
    destinations: Destinations

    def members(self, index: int, synced: frozenset[Kind]) -> ClusterMembers:
        """What a rule selects, where these kinds were read completely."""
        endpoints, seeing = self.endpoints, self.endpoints.seeing
        gaps = self._gaps(index, synced)
        held = frozenset(endpoints.holdings.held[index])
        withheld = endpoints.holdings.withheld(index)
        if index in endpoints.ranged:
            if Kind.IP_POOLS in synced:
                withheld = (*withheld, *self._poolless(index))
            held = endpoints.pools.ranges(held)
        rule = self.book.rules[index]
        if index in seeing.asking:
            whole = self.book.needs[index] <= synced
            held = seeing.addresses(index, held) if whole else frozenset()
            withheld = seeing.withheld(index, withheld)
        if index in endpoints.choosing:
            held, withheld = node_choice.held(rule, self._publishing(index), self.ranges)
        if rule.destinations is not None:
            held = self.destinations.addresses(index)
            withheld = tuple(self.destinations.withheld(index))
        if rule.network_sets:
            held |= self.sets.addresses(index)
            withheld = (*withheld, *self.sets.withheld(index))
        return ClusterMembers(held, not gaps, "; ".join(gaps), withheld)

    def _poolless(self, index: int) -> Iterator[tuple[Address, str]]:
        """Claims that no pool holds. Whoever writes a pod may claim, so they hold nothing back."""
        holdings = self.endpoints.holdings
        for address in sorted(holdings.held[index] - {*holdings.real(index)}):
            if self.endpoints.pools.of(address) is None:
                by = holdings.claimants(address)
                yield address, f"is claimed only by an annotation of {by}: no IPPool holds it"

    def _gaps(self, index: int, synced: frozenset[Kind]) -> list[str]:
        endpoints, seeing = self.endpoints, self.endpoints.seeing
        needs = self.book.needs[index]
        missing = sorted(str(kind) for kind in needs - synced)
        gaps = [f"{', '.join(missing)} not read completely"] if missing else []
        gaps += filter(None, (self.book.rules[index].doubt, *self.sets.known.gaps(index)))
        gaps += self.destinations.known.gaps(index)
        if index in endpoints.ranged and not missing:
            gaps += endpoints.pools.gaps(endpoints.holdings.real(index))
        if index in seeing.asking and not missing:
            gaps += seeing.gaps(index)
        doubtful = endpoints.doubts.of[index]
        gaps += [doubtful[min(doubtful)]] if doubtful else []
        hosts, nodes = endpoints.hosts.get(index, ()), endpoints.nodes
        lost = [name for name in hosts if name not in nodes]
        if lost and Kind.NODES in synced:
            gaps.append(f"node {min(lost)} has pods but was not read")
        odd = [name for name in hosts if name in nodes and nodes[name].node.doubt]
        if odd:
            gaps.append(f"node {min(odd)}: {nodes[min(odd)].node.doubt}")
        return [f"{self._where}: {gap}" for gap in gaps]

    def selected(self, index: int) -> Iterator[tuple[str, tuple[Address, ...], str]]:
        """What a rule selects, the addresses that stand for it, and why where there are none."""
        for each in self.sets.known.of(index):
            yield each.place, each.addresses, each.doubt
        rule = self.book.rules[index]
        for found in self.destinations.known.of(index):
            addresses = tuple(destinations.chosen(rule, found.addresses))
            yield found.place, addresses, found.doubt or "; ".join(found.unusable)
        for node in self.endpoints.nodes.values():
            if index in node.picked.sure:
                yield node.node.name, self._of_node(index, node.node), node.node.doubt
        for key, holder in sorted(self.endpoints.pods.items()):
            if index in holder.picked.sure:
                stands = tuple(self._standing_for(index, holder))
                yield "/".join(key), stands, self._told_of(index, key)

    def _told_of(self, index: int, key: Key) -> str:
        """Why nothing, or not all, stands for a pod; in rules that ask, what a firewall sees."""
        endpoints, seeing = self.endpoints, self.endpoints.seeing
        if index in seeing.asking and key not in endpoints.doubts.of[index]:
            found = seeing.standing[index][key]
            return found.unknown or found.because or endpoints.bare.of[index].get(key, "")
        return {**endpoints.bare.of[index], **endpoints.doubts.of[index]}.get(key, "")

    def _standing_for(self, index: int, holder: PodHolder) -> Iterator[Address]:
        rule, pod = self.book.rules[index], holder.pod
        if index in self.endpoints.seeing.asking:
            yield from self.endpoints.seeing.standing[index][pod.key].addresses
        elif index in self.book.publishing_nodes:
            node = self.endpoints.nodes.get(pod.node)
            yield from self._of_node(index, node.node) if node else ()
        elif rule.network:
            yield from on_network(pod, rule.network)
        else:
            own = pod.addresses or pod.claimed
            yield from self.endpoints.pools.ranges(own) if index in self.endpoints.ranged else own

    def _of_node(self, index: int, node: NodeEndpoint) -> tuple[Address, ...]:
        """What a rule takes of a node's addresses."""
        rule = self.book.rules[index]
        return tuple(node_choice.chosen(rule, node)) if rule.chooses else node.addresses

    def _publishing(self, index: int) -> list[NodeEndpoint]:
        """The nodes that a rule publishes."""
        hosts = self.endpoints.hosts.get(index, ())
        return [
            holder.node
            for name, holder in self.endpoints.nodes.items()
            if index in holder.picked.sure or name in hosts
        ]

    def note_on(self, index: int) -> Note | None:
        """Why a rule publishes nothing here, or not all that it selects; None if it does."""
        endpoints, seeing = self.endpoints, self.endpoints.seeing
        rule, holdings = self.book.rules[index], endpoints.holdings
        if rule.destinations is not None:
            return self.destinations.note_on(index, self._where)
        if index in endpoints.choosing and (found := self._publishing(index)):
            return node_choice.note_on(rule, found, self._where)
        sets = bool(self.sets.addresses(index))
        if index in seeing.asking and endpoints.selected[index]:
            return self._note_on_seen(index, some=sets)
        if told := self._contradiction(index):
            return Note(f"{self._where}: {told}", partial=True)
        if endpoints.selected[index]:
            bare, count = endpoints.bare.of[index].values(), endpoints.selected[index]
            some = sets or bool(holdings.held[index] or holdings.denied[index])
            pools = endpoints.pools
            if index in endpoints.ranged and (odd := pools.doubtful(holdings.held[index])):
                return Note(f"{self._where}: {odd}", partial=True)
            return nothing.note_on_bare(self._where, bare, count, some=some)
        if sets or rule.doubt:
            return None
        nodes = [node.node.labels for node in endpoints.nodes.values()]
        seen = nodes if rule.select_nodes is not None else self.book.label_sets()
        return Note(f"{self._where}: {nothing.nothing(rule, seen, endpoints.namespaces)}")

    def _note_on_seen(self, index: int, *, some: bool) -> Note | None:
        """The same of a rule that asks what a firewall sees; `some`: it publishes sets as well."""
        endpoints, seeing = self.endpoints, self.endpoints.seeing
        if told := seeing.notes(index):
            return Note(f"{self._where}: {told}", partial=True)
        if some or any(each.addresses for each in seeing.standing[index].values()):
            return None
        bare, count = endpoints.bare.of[index].values(), endpoints.selected[index]
        return nothing.note_on_bare(self._where, bare, count, some=False)

    def _contradiction(self, index: int) -> str:
        """That a rule publishes what no firewall sees, as far as what is read tells it."""
        rule, endpoints = self.book.rules[index], self.endpoints
        around = endpoints.seeing.around
        marked = any(node.node.marks for node in endpoints.nodes.values())
        if rule.select is None or not (around.objects or marked or any(endpoints.pools)):
            return ""
        pods = (each.pod for each in endpoints.pods.values() if index in each.picked.sure)
        found = contradiction(rule, pods, around)
        return f"it publishes the {rule.publish}, but {found}: use publish: auto" if found else ""

    @property
    def _where(self) -> str:
        return f"cluster {self.cluster}"
