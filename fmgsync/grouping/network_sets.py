"""What Calico's network sets add to the rules that take them in.

The addresses of a set are what somebody wrote into it, not what runs: they contend with no pod's.
A set of the whole cluster is its administrators'; one in a namespace is written by whoever may work
there, so its addresses are published inside `allowedRanges` only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fmgsync.grouping.doubts import Key
from fmgsync.grouping.holdings import Ranges
from fmgsync.grouping.rulebook import Picked, RuleBook
from fmgsync.model.address import Address, Family, family
from fmgsync.model.endpoint import NetworkSet
from fmgsync.model.labels import Labels

_NO_RANGES: Final = (
    "stands in a network set of a namespace, which whoever works there may write: give the cluster"
    " allowedRanges"
)


@dataclass(frozen=True, slots=True)
class _Holder:
    found: NetworkSet
    picked: Picked

    @property
    def place(self) -> str:
        space = f"{self.found.namespace}/" if self.found.namespace else ""
        return f"network set {space}{self.found.name}"


class NetworkSets:
    """Those of one cluster, and which rules they belong to."""

    def __init__(
        self, book: RuleBook, families: Sequence[frozenset[Family]], ranges: Ranges | None
    ) -> None:
        self._book: Final = book
        self._families: Final = families
        self._ranges: Final = ranges
        self._holders: Final[dict[Key, _Holder]] = {}

    def __iter__(self) -> Iterator[NetworkSet]:
        return (holder.found for holder in self._holders.values())

    def put(self, key: Key, found: NetworkSet | None, space: Callable[[str], Labels]) -> set[int]:
        """Let this be the set of that name (None: none); the rules it concerned or concerns."""
        before, after = self._holders.pop(key, None), None
        if found is not None:
            labels = space(found.namespace) if found.namespace else None
            after = self._holders[key] = _Holder(found, self._book.for_set(found.labels, labels))
        return {
            index
            for holder in (before, after)
            if holder is not None
            for index in (*holder.picked.sure, *holder.picked.unsure)
        }

    def exchange(
        self,
        changed: Iterable[tuple[NetworkSet | None, NetworkSet | None]],
        space: Callable[[str], Labels],
    ) -> set[int]:
        """Let sets take others' places; the rules that this concerns."""
        found: set[int] = set()
        for before, after in changed:
            if (either := after or before) is not None:
                found |= self.put(either.key, after, space)
        return found

    def judge_again(self, namespace: str, space: Callable[[str], Labels]) -> set[int]:
        """The labels of a namespace have changed."""
        found = [each for each in self if each.namespace == namespace]
        return set().union(*(self.put(each.key, each, space) for each in found))

    def selected(self, index: int) -> Iterator[tuple[NetworkSet, str]]:
        """The sets that belong to a rule, and how messages name them."""
        for _, holder in sorted(self._holders.items()):
            if index in holder.picked.sure:
                yield holder.found, holder.place

    def addresses(self, index: int) -> frozenset[Address]:
        """What the rule publishes of them."""
        return frozenset(
            address
            for found, _ in self.selected(index)
            if not found.namespace or self._ranges is not None
            for address in found.addresses
            if family(address) in self._families[index]
        )

    def withheld(self, index: int) -> Iterator[tuple[Address, str]]:
        """What it must not publish of them, and why."""
        if self._ranges is None:
            for found, _ in self.selected(index):
                for address in found.addresses if found.namespace else ():
                    yield address, _NO_RANGES

    def gaps(self, index: int) -> Iterator[str]:
        """Why not all is known that they add to the rule."""
        for _, holder in sorted(self._holders.items()):
            if index in holder.picked.unsure:
                yield f"{holder.place}: nobody can tell whether the rule selects it"
            elif index in holder.picked.sure and holder.found.doubt:
                yield f"{holder.place}: {holder.found.doubt}"
