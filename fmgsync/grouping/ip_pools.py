"""The range of the Calico pool that an address is from: it stays when pods come and go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from fmgsync.grouping import publishable
from fmgsync.model.address import Address
from fmgsync.model.endpoint import IPPool


class IPPools:
    """Those of one cluster. Of several that hold an address, the narrowest counts."""

    def __init__(self, pools: Iterable[IPPool] = ()) -> None:
        self._pools: Final = {pool.name: pool for pool in pools}

    def __iter__(self) -> Iterator[IPPool]:
        return iter(self._pools.values())

    def exchange(self, changed: Iterable[tuple[IPPool | None, IPPool | None]]) -> None:
        """Let pools take others' places, or those of nobody."""
        for before, after in changed:
            if before is not None:
                self._pools.pop(before.name, None)
            if after is not None:
                self._pools[after.name] = after

    def of(self, address: Address) -> IPPool | None:
        """The pool that an address of a pod is from; None if no pool holds it."""
        found = self.holding(address)
        return max(found, key=lambda pool: publishable.as_range(pool.cidr).prefixlen, default=None)

    def holding(self, address: Address) -> list[IPPool]:
        """All pools for pods that hold it; Calico keeps them from overlapping, its store does
        not."""
        return [
            pool
            for pool in self
            if pool.workloads
            and pool.cidr
            and publishable.inside(address, [publishable.as_range(pool.cidr)])
        ]

    def ranges(self, addresses: Iterable[Address]) -> frozenset[Address]:
        """The ranges that these addresses are from."""
        found = (self.of(address) for address in addresses)
        return frozenset(pool.cidr for pool in found if pool is not None)

    def gaps(self, addresses: Iterable[Address]) -> Iterator[str]:
        """Why not all ranges are known. What was published of a pool that is gone stays."""
        for pool in sorted(self, key=lambda pool: pool.name):
            if pool.doubt:
                yield f"IPPool {pool.name}: {pool.doubt}"
        lost = sorted(address for address in addresses if self.of(address) is None)
        if lost:
            more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
            yield f"{lost[0]}{more} of selected pods: no IPPool holds it"

    def doubtful(self, addresses: Iterable[Address]) -> str:
        """For people: what is odd about the pools of these addresses; empty if nothing is."""
        listed = sorted(addresses)
        return "; ".join(filter(None, (self.overlapping(listed), self.translated(listed))))

    def overlapping(self, addresses: Iterable[Address]) -> str:
        """For people: that more than one pool holds an address; empty if none does."""
        for address in addresses:
            if len(pools := self.holding(address)) > 1:
                names = ", ".join(sorted(pool.name for pool in pools))
                counts = self.of(address)
                narrowest = counts.name if counts is not None else ""
                return (
                    f"IPPools {names} overlap, and {address} lies in all of them: {narrowest}, the"
                    " narrowest, counts"
                )
        return ""

    def translated(self, addresses: Iterable[Address]) -> str:
        """For people: that these addresses do not leave the cluster as they are; empty if they
        do."""
        found = {pool.name for address in addresses if (pool := self.of(address)) and pool.nat}
        told = "outside of Calico's ranges a firewall sees the node's address: use publish: node"
        return f"natOutgoing is on in IPPool {', '.join(sorted(found))}: {told}" if found else ""
