"""What Services, Gateways and other destinations add to the rules that publish them.

They are told by whoever serves them, and contend with no pod's address: a Service may well be
reached at a node's. An address that whoever may write the object chose (`asked`) is published only
where somebody else bears it out: the cluster's `allowedRanges`, or `within` of the group.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from fmgsync.grouping import nothing, publishable
from fmgsync.grouping.holdings import Ranges
from fmgsync.grouping.nothing import Note
from fmgsync.grouping.rulebook import RuleBook
from fmgsync.grouping.selected import Selected
from fmgsync.model.address import Address, family
from fmgsync.model.destination import Destination
from fmgsync.model.rule import GroupRule

_SHOWN: Final = 3


class Destinations:
    """Those of one cluster, and which rules publish them."""

    def __init__(self, book: RuleBook, ranges: Ranges | None) -> None:
        self._book: Final = book
        self._ranges: Final = ranges
        self.known: Final = Selected[Destination](
            lambda found, space: book.for_destination(found.of, found.labels, space)
        )

    def having(self, address: Address) -> tuple[Destination, ...]:
        """Those that are reached at the address. Any thread may ask."""
        return tuple(each for each in self.known if any(address == a for _, a in each.addresses))

    def addresses(self, index: int) -> frozenset[Address]:
        """What the rule publishes of them."""
        return frozenset(
            address
            for found in self.known.of(index)
            for address in self._chosen(index, found)
            if address not in found.asked or self._borne_out(index)
        )

    def withheld(self, index: int) -> Iterator[tuple[Address, str]]:
        """What it must not publish of them, and why."""
        if self._borne_out(index):
            return
        for found in self.known.of(index):
            for address in sorted(found.asked.intersection(self._chosen(index, found))):
                yield address, asked_for(found.place)

    def note_on(self, index: int, where: str) -> Note | None:
        """What a rule selects here without an address that can be a member, and why."""
        selected = [*self.known.of(index)]
        rule = self._book.rules[index]
        if not selected:
            return Note(f"{where}: {self._nothing(rule)}")
        published = self.addresses(index)
        told = [f"{each.place}: {text}" for each in selected for text in each.unusable]
        if not published and not told:
            told = [f"what it selects ({_places(selected)}) has no such address"]
        if not told:
            return None
        more = f", and {len(told) - _SHOWN} more like these" if len(told) > _SHOWN else ""
        return Note(f"{where}: {'; '.join(told[:_SHOWN])}{more}", partial=bool(published))

    def _nothing(self, rule: GroupRule) -> str:
        kind = rule.destinations
        return nothing.nothing_among(
            rule, str(kind) if kind else "", [each.labels for each in self.known]
        )

    def _chosen(self, index: int, found: Destination) -> Iterator[Address]:
        rule = self._book.rules[index]
        return chosen(rule, found.addresses)

    def _borne_out(self, index: int) -> bool:
        """What lies outside the ranges is kept out for that, whoever tells it."""
        return self._ranges is not None or bool(self._book.rules[index].within)


def chosen(rule: GroupRule, told: Iterable[tuple[str, Address]]) -> Iterator[Address]:
    """The addresses that a rule asks for, of those that something has by what tells them."""
    wanted = (address for role, address in told if not rule.addresses or role in rule.addresses)
    yield from dict.fromkeys(within(rule, wanted))


def within(rule: GroupRule, addresses: Iterable[Address]) -> Iterator[Address]:
    """Those of the families and in the prefixes that the rule takes."""
    ranges = [publishable.as_range(each) for each in rule.within]
    for address in addresses:
        if family(address) not in rule.families:
            continue
        if not ranges or publishable.inside(address, ranges):
            yield address


def asked_for(place: str) -> str:
    """Why an address that nobody bears out is not published."""
    return (
        f"is what {place} asks for, which whoever may write it chose: give the cluster"
        " allowedRanges, or the group within"
    )


def _places(found: Sequence[Destination]) -> str:
    shown = ", ".join(each.place for each in found[:_SHOWN])
    return f"{shown} and {len(found) - _SHOWN} more" if len(found) > _SHOWN else shown
