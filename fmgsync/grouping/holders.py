"""Who has an address, and which rules may publish it for that.

An address stands for one workload: a firewall cannot tell two apart. Where several say they have
it, it goes to the one that the newer facts support (something that runs before what is being
deleted, what started later before what started earlier); where nothing supports one, it is
published only for rules that select all of them, which lets nobody through whom a rule does not
select. What only an annotation says counts where the cluster's own objects bear it out, and never
against what they say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from fmgsync.grouping.rulebook import NONE, Parts, Picked
from fmgsync.model.address import Address, Family, family
from fmgsync.model.endpoint import NodeEndpoint, PodEndpoint

_CLAIM, _TERMINATING, _LOST, _RUNNING, _NODE = range(5)


@dataclass(eq=False, slots=True)
class PodHolder:
    """A pod, and the rules that select it."""

    pod: PodEndpoint
    picked: Picked = NONE
    parts: Parts = field(default_factory=Parts)

    @property
    def place(self) -> str:
        """For messages."""
        return f"pod {self.pod.namespace or '?'}/{self.pod.name}"

    @property
    def started(self) -> str:
        """When it did; empty if that is not known."""
        return self.pod.started

    def rules(self, address: Address) -> tuple[int, ...]:
        """The rules that would publish the address for this pod."""
        pod = self.pod
        found: tuple[int, ...] = ()
        if address in pod.addresses or address in pod.claimed:
            found = self.parts.own.get(family(address), ())
        for index, network, families in self.parts.networks:
            if family(address) in families and address in on_network(pod, network):
                found = (*found, index)
        return found

    def rank(self, address: Address) -> int:
        """The higher, the better is it supported that the pod has the address."""
        if address not in self.pod.addresses:
            return _CLAIM
        if self.pod.host_network:
            return _NODE
        if self.pod.terminating:
            return _TERMINATING
        return _LOST if self.pod.lost else _RUNNING


@dataclass(eq=False, slots=True)
class NodeHolder:
    """A node, the rules that select it, and those that select pods on it and publish nodes."""

    node: NodeEndpoint
    picked: Picked
    families: Sequence[frozenset[Family]]
    hosting: set[int]

    @property
    def place(self) -> str:
        """For messages."""
        return f"node {self.node.name}"

    @property
    def started(self) -> str:
        """When it was registered."""
        return self.node.started

    def rules(self, address: Address) -> tuple[int, ...]:
        """The rules that would publish the address for this node."""
        found = {*self.picked.sure, *self.hosting}
        return tuple(index for index in found if family(address) in self.families[index])

    def rank(self, address: Address) -> int:
        """A node's address is never a pod's own."""
        del address
        return _NODE


Holder: TypeAlias = PodHolder | NodeHolder
BearsOut: TypeAlias = Callable[[PodHolder, Address], bool]
Verdict: TypeAlias = tuple[frozenset[int], frozenset[int]]
"""The rules that publish an address, and those that would but must not."""

NOTHING: Final[Verdict] = (frozenset(), frozenset())


def on_network(pod: PodEndpoint, network: str) -> tuple[Address, ...]:
    """A pod's addresses on a network; a name without namespace is of the pod's own, as Multus'."""
    wanted = network if "/" in network else f"{pod.namespace}/{network}"
    return tuple(
        address
        for name, addresses in pod.networks
        if (name if "/" in name else f"{pod.namespace}/{name}") == wanted
        for address in addresses
    )


def judged(address: Address, holders: Sequence[Holder], bears_out: BearsOut) -> Verdict:
    """Which rules publish the address."""
    if len(holders) == 1 and holders[0].rank(address) != _CLAIM:
        return frozenset(holders[0].rules(address)), frozenset()
    wanted = frozenset(rule for holder in holders for rule in holder.rules(address))
    if not wanted:
        return NOTHING
    granted = _shared(address, _supported(address, holders, bears_out))
    return granted, wanted - granted


def _supported(
    address: Address, holders: Sequence[Holder], bears_out: BearsOut
) -> Sequence[Holder]:
    """Those of the holders that may have the address by now."""
    real = [each for each in holders if _counts(each, address, bears_out)]
    best = max((each.rank(address) for each in real), default=_CLAIM)
    top = [each for each in real if each.rank(address) == best]
    times = sorted(each.started for each in top)
    if best != _CLAIM and len(top) > 1 and times[0] and times[-1] > times[-2]:
        return [each for each in top if each.started == times[-1]]
    return top


def _counts(holder: Holder, address: Address, bears_out: BearsOut) -> bool:
    return (
        isinstance(holder, NodeHolder)
        or holder.rank(address) != _CLAIM
        or bears_out(holder, address)
    )


def _shared(address: Address, holders: Iterable[Holder]) -> frozenset[int]:
    """The rules that select all of them."""
    sets = [frozenset(each.rules(address)) for each in holders]
    return frozenset.intersection(*sets) if sets else frozenset()


def reason(address: Address, holders: Sequence[Holder], bears_out: BearsOut) -> str:
    """Why a rule must not publish the address that one of these would give it."""
    real = [each for each in holders if _counts(each, address, bears_out)]
    if not real:
        places = " and ".join(sorted(each.place for each in holders)[:2])
        return (
            f"is claimed only by an annotation of {places}: neither the status, nor the node's"
            " podCIDRs, nor allowedRanges of the cluster bear it out"
        )
    first, *more = _supported(address, holders, bears_out)
    others = sorted(each.place for each in holders if each is not first)
    if more:
        told = " and ".join(sorted([first.place, *(each.place for each in more)])[:3])
        return f"is the address of {told}, and nothing tells which of them has it"
    return f"belongs to {first.place} by now, and also stands in {', '.join(others[:2])}"
