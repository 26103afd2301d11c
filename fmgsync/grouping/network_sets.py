"""What Calico's network sets add to the rules that take them in.

The addresses of a set are what somebody wrote into it, not what runs: they contend with no pod's.
A set of the whole cluster is its administrators'; one in a namespace is written by whoever may work
there, so its addresses are published inside `allowedRanges` only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from fmgsync.grouping.holdings import Ranges
from fmgsync.grouping.rulebook import RuleBook
from fmgsync.grouping.selected import Selected
from fmgsync.model.address import Address, Family, family
from fmgsync.model.endpoint import NetworkSet

_NO_RANGES: Final = (
    "stands in a network set of a namespace, which whoever works there may write: give the cluster"
    " allowedRanges"
)


class NetworkSets:
    """Those of one cluster, and what rules publish of them."""

    def __init__(
        self, book: RuleBook, families: Sequence[frozenset[Family]], ranges: Ranges | None
    ) -> None:
        self._families: Final = families
        self._ranges: Final = ranges
        self.known: Final = Selected[NetworkSet](
            lambda found, space: book.for_set(found.labels, space)
        )

    def addresses(self, index: int) -> frozenset[Address]:
        """What the rule publishes of them."""
        return frozenset(
            address
            for found in self.known.of(index)
            if not found.namespace or self._ranges is not None
            for address in found.addresses
            if family(address) in self._families[index]
        )

    def withheld(self, index: int) -> Iterator[tuple[Address, str]]:
        """What it must not publish of them, and why."""
        if self._ranges is None:
            for found in self.known.of(index):
                for address in found.addresses if found.namespace else ():
                    yield address, _NO_RANGES
