"""What a firewall sees of the pods of one cluster, kept up to date change by change.

Each answer says what it rests on: its nodes, the pods of egress gateways. What changes there, in
the pod itself or in an object that could concern it is asked again, and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from fmgsync.grouping import publishable
from fmgsync.grouping.doubts import Key
from fmgsync.grouping.holders import PodHolder
from fmgsync.grouping.ip_pools import IPPools
from fmgsync.grouping.seen import seen
from fmgsync.grouping.surroundings import Seen, Surroundings, truth
from fmgsync.model.address import Address, family
from fmgsync.model.endpoint import ClusterSnapshot, IPPool, PodEndpoint
from fmgsync.model.labels import unread_namespace
from fmgsync.model.platform import (
    Egress,
    Gateway,
    GatewayPolicy,
    PlatformObject,
)
from fmgsync.model.rule import GroupRule, Publish

_SHOWN: Final = 3
_TRIED: Final = 500
"""Pods of a rule whose fixed choice is compared with what is seen."""
Exchanged = Iterable[tuple[PlatformObject | None, PlatformObject | None]]


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands for one pod in one rule, by family."""

    answers: tuple[Seen, ...] = ()

    @property
    def addresses(self) -> tuple[Address, ...]:
        """All of it."""
        return tuple(address for each in self.answers for address in each.addresses)

    @property
    def unknown(self) -> str:
        """Why not all is known; empty if it is."""
        return next((each.unknown for each in self.answers if each.unknown), "")

    @property
    def holds(self) -> bool:
        """Whether what is unknown keeps anything from being taken away."""
        return any(each.unknown and not each.by_author for each in self.answers)

    @property
    def because(self) -> str:
        """Who says so, and why."""
        told = (f"{each.by}: {each.because}" for each in self.answers if each.by)
        return "; ".join(dict.fromkeys(told))


class Seeing:
    """The rules that publish what a firewall sees, and those whose choice is held against it."""

    def __init__(
        self,
        rules: Sequence[GroupRule],
        around: Surroundings,
        pods: Mapping[Key, PodHolder],
        dirty: set[int],
    ) -> None:
        self.asking: Final = {
            index: rule
            for index, rule in enumerate(rules)
            if rule.publish in (Publish.AUTO, Publish.EGRESS_GATEWAY) and rule.select is not None
        }
        self.standing: Final[dict[int, dict[Key, Standing]]] = {i: {} for i in self.asking}
        self.around: Final = around
        self._pods: Final = pods
        self._dirty: Final = dirty
        self._stale: Final[set[Key]] = set()
        self._leaning: Final[defaultdict[str, set[Key]]] = defaultdict(set)
        self._leans: Final[dict[Key, frozenset[str]]] = {}
        self._by_gateways: Final[set[Key]] = set()
        self.asked = 0
        """How many pods were asked about, again ones among them."""

    # -- what has changed ------------------------------------------------------------------------

    def put_pod(self, key: Key, after: PodHolder | None) -> None:
        """A pod is another, or is gone."""
        if not self.asking:
            return
        self._stale.add(key)
        pod = after.pod if after is not None else None
        self._put_gateway(key, pod if pod is not None and self.around.orders_of(pod) else None)

    def _put_gateway(self, key: Key, pod: PodEndpoint | None) -> None:
        if self.around.gateway_pods.get(key) == pod:
            return
        self.around.gateway_pods.pop(key, None)
        if pod is not None:
            self.around.gateway_pods[key] = pod
        self._stale.update(self._by_gateways)

    def put_node(self, name: str) -> None:
        """A node is another, or is gone."""
        self._stale.update(self._leaning.get(name, set()))

    def put_namespace(self, keys: Iterable[Key]) -> None:
        """The labels or annotations of these pods' namespace are others."""
        if self.asking:
            self._stale.update(keys)
            self._stale.update(self._by_gateways)

    def exchange(
        self,
        pools: Iterable[tuple[IPPool | None, IPPool | None]],
        objects: Exchanged,
    ) -> None:
        """Objects that have a say are others; the pools themselves are kept by their owner."""
        for before, after in pools:
            self._stale.update(self._near(before, after))
        for old, new in objects:
            for each in (old, new):
                self._touch(each)
            if old is not None:
                self.around.drop(old.key)
            if new is not None:
                self.around.put(new)
            if isinstance(old or new, Gateway):
                self._find_gateways(old, new)

    def _touch(self, found: PlatformObject | None) -> None:
        """What an object could concern, before or after."""
        if found is None or not self.asking:
            return
        match found:
            case Egress():
                self._stale.update(k for k in self._asked() if self._may_select(found, k))
            case Gateway() | GatewayPolicy():
                self._stale.update(self._by_gateways)
            case _:
                self._stale.update(self._asked())

    def _may_select(self, found: Egress, key: Key) -> bool:
        if found.sources:
            return True
        pod = self._pods[key].pod
        space = self.around.space(pod.namespace)
        return any(
            truth(spaces, space) is not False and truth(pods, pod.labels) is not False
            for spaces, pods in found.selects
        )

    def _near(self, *pools: IPPool | None) -> Iterator[Key]:
        """The pods that a pool could concern: those within, all of its family if it spares ranges,
        and whoever leaves by gateways, which have addresses of some pool."""
        known = [pool for pool in pools if pool is not None]
        ranges = [publishable.as_range(pool.cidr) for pool in known if pool.cidr]
        wide = any(pool.disabled for pool in known) or any(r.towards for r in self._rules())
        families = {family(pool.cidr) for pool in known if pool.cidr}
        nowhere = any(not pool.cidr for pool in known)  # it may hold any address
        for key in self._asked():
            pod = self._pods[key].pod
            own = pod.addresses or pod.claimed
            if (
                nowhere
                or key in self._by_gateways
                or any(
                    (wide and family(each) in families) or publishable.inside(each, ranges)
                    for each in own
                )
            ):
                yield key

    def _rules(self) -> Iterable[GroupRule]:
        return self.asking.values()

    def _find_gateways(self, *orders: PlatformObject | None) -> None:
        spaces = {order.namespace for order in orders if order is not None}
        for key, holder in self._pods.items():
            if key[0] in spaces:
                self._put_gateway(key, holder.pod if self.around.orders_of(holder.pod) else None)

    def _asked(self) -> set[Key]:
        return self._leans.keys() & self._pods.keys()

    # -- what follows ----------------------------------------------------------------------------

    def settle(self) -> None:
        """Ask again where an answer may be another."""
        stale, keys = self._stale, [*self._stale]
        stale.clear()
        self.asked += len(keys)
        for key in keys:
            self._ask(key)

    def _ask(self, key: Key) -> None:
        holder = self._pods.get(key)
        chosen = [] if holder is None else [i for i in holder.picked.sure if i in self.asking]
        leans, by_gateways, known = frozenset[str](), False, dict[object, Standing]()
        for index in self.asking:
            found = None
            if holder is not None and index in chosen:
                rule = self.asking[index]
                same = (rule.publish, rule.families, rule.towards)
                found = known.get(same)
                if found is None:
                    found = known[same] = standing(rule, holder.pod, self.around)
                leans = leans.union(*(each.leans for each in found.answers), {holder.pod.node})
                by_gateways = by_gateways or any(each.by_gateways for each in found.answers)
            self._note(index, key, found)
        self._lean(key, leans if chosen else None, by_gateways=by_gateways)

    def _note(self, index: int, key: Key, found: Standing | None) -> None:
        kept = self.standing[index]
        if kept.get(key) != found:
            self._dirty.add(index)
            if found is None:
                kept.pop(key, None)
            else:
                kept[key] = found

    def _lean(self, key: Key, leans: frozenset[str] | None, *, by_gateways: bool) -> None:
        before = self._leans.pop(key, frozenset())
        for name in before - (leans or frozenset()):
            self._leaning[name].discard(key)
            if not self._leaning[name]:
                del self._leaning[name]
        for name in leans or ():
            self._leaning[name].add(key)
        if leans is not None:
            self._leans[key] = leans
        (self._by_gateways.add if by_gateways else self._by_gateways.discard)(key)

    def addresses(self, index: int, held: Iterable[Address]) -> frozenset[Address]:
        """What the rule publishes: of the pods' own addresses those that it holds."""
        mine, found = frozenset(held), set[Address]()
        for key, each in self.standing[index].items():
            pod = self._pods[key].pod
            own = {*pod.addresses, *pod.claimed}
            found.update(a for a in each.addresses if a not in own or a in mine)
        return frozenset(found)

    def withheld(
        self, index: int, found: Iterable[tuple[Address, str]]
    ) -> tuple[tuple[Address, str], ...]:
        """Of what must not be published for it, what it would publish."""
        wanted = {a for each in self.standing[index].values() for a in each.addresses}
        return tuple((address, why) for address, why in found if address in wanted)

    def notes(self, index: int) -> str:
        """What else should be known of what it publishes; empty if nothing."""
        known = self.standing[index].values()
        told = [f"{len(none)} pods use no egress gateway"] if (none := [*self._bare(index)]) else []
        answers = (answer for each in known for answer in each.answers)
        told += (f"{a.by}: {a.because}" for a in answers if a.derived)
        told += (
            f"nothing stands for pod {'/'.join(key)}: {each.unknown}"
            for key, each in sorted(self.standing[index].items())
            if each.unknown and not each.holds
        )
        return "; ".join([*dict.fromkeys(told)][:_SHOWN])

    def _bare(self, index: int) -> Iterator[Key]:
        if self.asking[index].publish is Publish.EGRESS_GATEWAY:
            for key, each in self.standing[index].items():
                if not each.unknown and not each.addresses:
                    yield key

    def gaps(self, index: int) -> Iterator[str]:
        """Why not all is known, beginning with the first pod."""
        unknown = [key for key, each in self.standing[index].items() if each.holds]
        if unknown:
            first = min(unknown)
            more = f" (and of {len(unknown) - 1} more pods)" if len(unknown) > 1 else ""
            why = self.standing[index][first].unknown
            yield f"what a firewall sees of pod {'/'.join(first)}{more} is not known: {why}"


def standing(rule: GroupRule, pod: PodEndpoint, around: Surroundings) -> Standing:
    """What stands for a pod in a rule that asks what a firewall sees."""
    only = rule.publish is Publish.EGRESS_GATEWAY
    return Standing(seen(pod, rule.families, around, rule.towards, gateways_only=only))


def around_of(snapshot: ClusterSnapshot) -> Surroundings:
    """What a snapshot holds of what has a say."""
    nodes = {node.name: node for node in snapshot.nodes}
    found = Surroundings(
        nodes.get,
        lambda name: snapshot.namespaces.get(name) or unread_namespace(name),
        IPPools(snapshot.ip_pools),
        {each.key: each for each in snapshot.platform},
    )
    pods = ((pod.key, pod) for pod in snapshot.pods if found.orders_of(pod))
    found.gateway_pods.update(pods)
    return found


def contradiction(rule: GroupRule, pods: Iterable[PodEndpoint], around: Surroundings) -> str:
    """Where a fixed choice publishes an address that no firewall sees of the pod; empty if it does
    not. Pods in their node's network are told of otherwise."""
    if rule.network or rule.publish not in (Publish.POD, Publish.NODE):
        return ""
    for pod in islice((each for each in pods if not each.host_network), _TRIED):
        found = Standing(seen(pod, rule.families, around))
        node = around.nodes(pod.node) if rule.publish is Publish.NODE else None
        fixed = (*node.addresses,) if node is not None else pod.addresses
        if found.addresses and not found.unknown and not {*found.addresses}.intersection(fixed):
            shown = ", ".join(found.addresses[:2])
            return f"of pod {pod.namespace}/{pod.name} a firewall sees {shown} ({found.because})"
    return ""
