"""Which addresses each rule publishes in one cluster, by who has them, kept up to date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from fmgsync.grouping import holders, publishable
from fmgsync.grouping.holders import NOTHING, Holder, NodeHolder, PodHolder, Verdict
from fmgsync.model.address import Address
from fmgsync.model.endpoint import PodEndpoint, PodKey

Ranges = Sequence[publishable.Range]


class Holdings:
    """Who has which address, and what follows for the rules.

    `nodes` are those of the cluster, by name: their ranges bear out what pods claim. `ranges` are
    those the cluster may publish, None: any. `dirty` collects the rules whose answer changes.
    """

    def __init__(
        self,
        rules: int,
        *,
        ranges: Ranges | None,
        networks: frozenset[str],
        nodes: Mapping[str, NodeHolder],
        dirty: set[int],
    ) -> None:
        self.held: Final[list[set[Address]]] = [set() for _ in range(rules)]
        self.denied: Final[list[set[Address]]] = [set() for _ in range(rules)]
        self._holders: Final[dict[Address, tuple[Holder, ...]]] = {}
        self._ranges: Final = ranges
        self._networks: Final = networks
        self._nodes: Final = nodes
        self._dirty: Final = dirty
        self._strangers: Final[dict[PodKey, PodHolder]] = {}

    def uses(self, address: Address) -> bool:
        """Whether anything that runs has the address, selected or not. Any thread may ask."""
        return bool(self.having(address))

    def having(self, address: Address) -> tuple[Holder, ...]:
        """Whatever has the address by what the cluster says. Any thread may ask."""
        found = self._holders.get(address, ())
        return tuple(h for h in found if isinstance(h, NodeHolder) or address in h.pod.addresses)

    def real(self, index: int) -> list[Address]:
        """What a rule publishes that something has, not by its own word alone."""
        return [address for address in self.held[index] if self.having(address)]

    def claimants(self, address: Address) -> str:
        """For messages: who says that it has the address."""
        return " and ".join(sorted(each.place for each in self._holders[address])[:2])

    def withheld(self, index: int) -> tuple[tuple[Address, str], ...]:
        """What a rule must not publish although it selects something that has it, and why."""
        return tuple(
            (address, holders.reason(address, self._holders[address], self._bears_out))
            for address in sorted(self.denied[index])
        )

    @property
    def strangers(self) -> tuple[PodEndpoint, ...]:
        """Pods that have addresses, and stand for no rule."""
        return tuple(holder.pod for holder in self._strangers.values())

    def exchange_strangers(self, before: PodEndpoint | None, after: PodEndpoint | None) -> None:
        """Let one take another's place, or that of nobody."""
        old = self._strangers.pop(before.key, None) if before is not None else None
        new = PodHolder(after) if after is not None else None
        with self.exchanged(old, new):
            if new is not None:
                self._strangers[new.pod.key] = new

    @contextmanager
    def exchanged(
        self, before: Holder | None, after: Holder | None, others: Iterable[Address] = ()
    ) -> Iterator[None]:
        """Let one holder take another's place, together with what is done inside.

        What stays as it was never looks changed. `others` are addresses that are touched besides.
        """
        old, new = self._stakes(before), self._stakes(after)
        verdicts = [(address, self._verdict(address)) for address in {*old, *new, *others}]
        yield
        for address in old:
            left = tuple(each for each in self._holders[address] if each is not before)
            if left:
                self._holders[address] = left
            else:
                del self._holders[address]
        if after is not None:
            for address in new:
                self._holders[address] = (*self._holders.get(address, ()), after)
        for address, verdict in verdicts:
            self._note(address, verdict, self._verdict(address))

    def _stakes(self, holder: Holder | None) -> Iterable[Address]:
        """The addresses that it has, or says it has on a network that matters."""
        if holder is None:
            return ()
        if isinstance(holder, NodeHolder):
            return holder.node.addresses
        pod = holder.pod
        if not pod.networks or not self._networks:
            return pod.addresses or pod.claimed
        further = (a for name in self._networks for a in holders.on_network(pod, name))
        return {*pod.addresses, *pod.claimed, *further}

    def _verdict(self, address: Address) -> Verdict:
        found = self._holders.get(address)
        return holders.judged(address, found, self._bears_out) if found else NOTHING

    def _bears_out(self, holder: PodHolder, address: Address) -> bool:
        """Whether the cluster's own objects, or the configuration, make a claim believable."""
        if self._ranges is not None and publishable.inside(address, self._ranges):
            return True
        node = self._nodes.get(holder.pod.node)
        if node is None or address not in holder.pod.claimed:
            return False
        return publishable.inside(address, map(publishable.as_range, node.node.ranges))

    def _note(self, address: Address, before: Verdict, after: Verdict) -> None:
        for kept, was, now in zip((self.held, self.denied), before, after, strict=True):
            if was != now:
                for index in was - now:
                    kept[index].discard(address)
                for index in now - was:
                    kept[index].add(address)
                self._dirty.update(was ^ now)
        self._dirty.update(after[1])  # for another reason, perhaps
