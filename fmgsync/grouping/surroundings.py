"""What a pod's traffic meets on its way out of the cluster, and the words in which is told what a
firewall sees of it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar, cast

from fmgsync.errors import SelectorError
from fmgsync.grouping import publishable, selectors
from fmgsync.grouping.ip_pools import IPPools
from fmgsync.model.address import Address, Family, family
from fmgsync.model.endpoint import NodeEndpoint, PodEndpoint, PodKey
from fmgsync.model.labels import Labels
from fmgsync.model.platform import Egress, Gateway, PlatformKey, PlatformObject, Setting

T = TypeVar("T", bound=PlatformObject)

_EVERYWHERE: Final = {Family.IPV4: Address("0.0.0.0/0"), Family.IPV6: Address("::/0")}


@dataclass(frozen=True, slots=True)
class Question:
    """What of one family is seen of a pod, by a firewall in front of these destinations (none
    given: of any)."""

    pod: PodEndpoint
    family: Family
    destinations: tuple[Address, ...] = ()

    @property
    def own(self) -> tuple[Address, ...]:
        """The pod's own addresses of the family, or those that it claims."""
        return of_family(self.pod.addresses or self.pod.claimed, self.family)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a firewall sees, `by` whose doing and why; `unknown` says why nobody can tell.

    `rest`: other traffic of the pod leaves otherwise, and counts as well. `derived`: no object of
    the cluster confirms it. `leans` are the nodes it rests on, `by_gateways` says that it rests on
    the pods of egress gateways, `by_author` that the pod's own annotation is why nobody can tell:
    that may cost its author, and nobody else.
    """

    addresses: tuple[Address, ...] = ()
    by: str = ""
    because: str = ""
    unknown: str = ""
    rest: bool = False
    derived: bool = False
    leans: frozenset[str] = frozenset()
    by_gateways: bool = False
    by_author: bool = False


@dataclass(slots=True)
class Surroundings:
    """The cluster's objects that have a say. Whoever keeps them changes them."""

    nodes: Callable[[str], NodeEndpoint | None]
    space: Callable[[str], Labels]
    pools: IPPools = field(default_factory=IPPools)
    objects: dict[PlatformKey, PlatformObject] = field(default_factory=dict)
    gateway_pods: dict[PodKey, PodEndpoint] = field(default_factory=dict)
    _sorted: dict[type, tuple[PlatformObject, ...]] = field(default_factory=dict)
    _selecting: dict[tuple[Labels, Labels], tuple[tuple[Egress, bool | None], ...]] = field(
        default_factory=dict
    )

    def put(self, found: PlatformObject) -> None:
        """Let this be the object of that name."""
        self.objects[found.key] = found
        self._forget()

    def drop(self, key: PlatformKey) -> None:
        """There is none of that name."""
        self.objects.pop(key, None)
        self._forget()

    def _forget(self) -> None:
        self._sorted.clear()
        self._selecting.clear()

    @property
    def remembered(self) -> int:
        """How many answers it remembers."""
        return len(self._selecting)

    def forget_answers(self) -> None:
        """What is asked for again is found out again."""
        self._selecting.clear()

    def egresses(self, pod: Labels, space: Labels) -> tuple[tuple[Egress, bool | None], ...]:
        """Those that may be about a pod with these labels, each with whether it selects it by them.
        Pods of one Deployment share their labels, so that few are asked."""
        known = self._selecting.get((pod, space))
        if known is None:
            found = ((each, _selects(each, pod, space)) for each in self.of(Egress))
            known = tuple(each for each in found if each[1] is not False or each[0].sources)
            self._selecting[pod, space] = known
        return known

    def of(self, kind: type[T]) -> tuple[T, ...]:
        """All objects of one kind, by name."""
        known = self._sorted.get(kind)
        if known is None:
            listed = sorted(self.objects.items())
            known = tuple(each for _, each in listed if isinstance(each, kind))
            self._sorted[kind] = known
        return cast("tuple[T, ...]", known)

    def setting(self, title: str, *names: str) -> Setting | None:
        """The first of these objects that is there."""
        for name in names:
            for space in ("", "kube-system"):
                found = self.objects.get((title, space, name))
                if isinstance(found, Setting):
                    return found
        return None

    def orders_of(self, pod: PodEndpoint) -> list[Gateway]:
        """The orders for gateways that bear out that the pod is one: they stand in its own
        namespace."""
        return [
            order
            for order in self.of(Gateway)
            if order.labels
            and order.namespace == pod.namespace
            and all(pod.labels.get(key) == value for key, value in order.labels)
        ]


def of_family(addresses: Iterable[Address], wanted: Family) -> tuple[Address, ...]:
    """Those of one family."""
    return tuple(each for each in addresses if family(each) is wanted)


def own(question: Question, by: str, because: str, *, derived: bool = False) -> Seen:
    """The pod leaves under its own address."""
    return Seen(question.own, by, because, derived=derived)


def by_node(
    question: Question,
    around: Surroundings,
    by: str,
    because: str,
    *,
    nodes: tuple[str, ...] = (),
    derived: bool = False,
) -> Seen:
    """It leaves under the address of these nodes, by default its own."""
    names = nodes or (question.pod.node,)
    leans, found = frozenset(names), list[Address]()
    for name in names:
        node = around.nodes(name)
        if node is None or node.doubt:
            why = node.doubt if node is not None else "was not read"
            return Seen(by=by, unknown=f"node {name} {why}", leans=leans)
        addresses = of_family(node.addresses, question.family)
        if not addresses:
            lacking = f"node {name} has no {question.family} address"
            return Seen(by=by, unknown=lacking, leans=leans)
        found += addresses
    return Seen(tuple(dict.fromkeys(found)), by, because, derived=derived, leans=leans)


class Part(enum.Enum):
    """How much of what is asked about some ranges hold."""

    ALL = "all"
    NONE = "none"
    SOME = "some"


def part(question: Question, ranges: Iterable[Address], excluded: Iterable[Address] = ()) -> Part:
    """How much of the destinations lies in these ranges and in none that is excluded."""
    wanted = of_family(question.destinations, question.family)
    if question.destinations and not wanted:
        return Part.NONE
    wanted = wanted or (_EVERYWHERE[question.family],)
    listed = [publishable.as_range(each) for each in of_family(ranges, question.family)]
    without = [publishable.as_range(each) for each in of_family(excluded, question.family)]
    if all(_touches(each, without) is Part.ALL for each in wanted):
        return Part.NONE
    found = {_touches(each, listed) for each in wanted}
    if found == {Part.NONE}:
        return Part.NONE
    clean = all(_touches(each, without) is Part.NONE for each in wanted)
    return Part.ALL if found == {Part.ALL} and clean else Part.SOME


def _touches(wanted: Address, ranges: list[publishable.Range]) -> Part:
    if publishable.inside(wanted, ranges):
        return Part.ALL
    network = publishable.as_range(wanted)
    return Part.SOME if any(each.overlaps(network) for each in ranges) else Part.NONE


def both(one: bool | None, other: bool | None) -> bool | None:
    """Whether both are true; None: nobody can tell."""
    return False if False in (one, other) else None if None in (one, other) else True


def _selects(each: Egress, pod: Labels, space: Labels) -> bool | None:
    found = {both(truth(spaces, space), truth(pods, pod)) for spaces, pods in each.selects}
    return True if True in found else None if None in found else False


def truth(text: str, labels: Labels) -> bool | None:
    """Whether a selector of an object matches; None: nobody can tell."""
    try:
        return selectors.parse(text).truth(labels, labels.doubts)
    except SelectorError:
        return None
