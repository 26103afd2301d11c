"""Stand-ins that stay the same: one value, one stand-in, through all sessions of a recording."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from fmgsync.recording import addresses, vocabulary
from fmgsync.recording.vocabulary import Kind

_CASELESS: Final = frozenset({Kind.HOST, Kind.ADMIN, Kind.MAIL, Kind.UUID, Kind.SERIAL})


class Pseudonyms:
    """Gives out stand-ins in the order in which values are first seen.

    A value that already is a stand-in keeps it, so scrubbing twice changes nothing.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Kind, str], str] = {}
        self._taken: set[str] = set()
        self._given: Counter[Kind] = Counter()

    def reserve(self, kind: Kind, value: str) -> None:
        """Note a value that is a stand-in already, before any is given out."""
        if kind in vocabulary.STAND_IN and vocabulary.is_stand_in(kind, value):
            self._known[kind, _folded(kind, value)] = value
            self._taken.add(value)

    def of(self, kind: Kind, value: str) -> str:
        """The stand-in for a value."""
        key = (kind, _folded(kind, value))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._fresh(kind, value)
        return known

    def _fresh(self, kind: Kind, value: str) -> str:
        if kind is Kind.MANAGEMENT:
            return self._address(value)
        if kind in (Kind.SECRET, Kind.PLACE):
            return vocabulary.stand_in(kind, 0)
        while True:
            self._given[kind] += 1
            candidate = vocabulary.stand_in(kind, self._given[kind])
            if candidate not in self._taken or kind is Kind.HARDWARE:
                return candidate

    def _address(self, value: str) -> str:
        """A documentation address of the same family; one that is one already stays."""
        host = ipaddress.ip_address(value)
        if addresses.is_documentation(host):
            return value
        self._given[Kind.MANAGEMENT] += 1
        number = self._given[Kind.MANAGEMENT]
        if host.version == 6:
            return str(ipaddress.IPv6Address("2001:db8:ffff::") + number)
        # The first 254 in 192.0.2.0/24 (RFC 5737), the rest where nothing was ever routed.
        base = "192.0.2.0" if number < 255 else "240.0.0.0"
        return str(ipaddress.IPv4Address(base) + number)

    def known(self, kind: Kind) -> dict[str, str]:
        """Every value of a kind seen so far, folded, with its stand-in."""
        return {value: stand_in for (of, value), stand_in in self._known.items() if of is kind}


def _folded(kind: Kind, value: str) -> str:
    return value.casefold() if kind in _CASELESS else value


def words_pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    """One pattern for many words at once, as a tree, so that thousands of names stay fast.

    A name with a digit or a dash in it is found where no letter or digit touches it: `fgt-1` in
    `fgt-1(root)`, not in `fgt-12`. A plain word is found only where it stands by itself: `lab`
    not in `lab-east`, since it may well be another's name.
    """
    folded = sorted({word.casefold() for word in words if word})
    plain = [word for word in folded if word.isalpha()]
    distinct = [word for word in folded if not word.isalpha()]
    patterns = []
    if distinct:
        patterns.append(rf"(?<![A-Za-z0-9])(?:{_tree_pattern(_tree(distinct))})(?![A-Za-z0-9])")
    if plain:
        alone = _tree_pattern(_tree(plain))
        patterns.append(rf"(?<![\w.-])(?:{alone})(?![\w-]|\.\w)")
    return re.compile("|".join(patterns), re.IGNORECASE) if patterns else None


_Tree = dict[str, "_Tree"]


def _tree(words: Iterable[str]) -> _Tree:
    tree: _Tree = {}
    for word in words:
        node = tree
        for char in word:
            node = node.setdefault(char, {})
        node[""] = {}
    return tree


def _tree_pattern(node: _Tree) -> str:
    """Longer words first: the end of a word is the last alternative."""
    branches = [re.escape(char) + _tree_pattern(below) for char, below in node.items() if char]
    if "" in node:
        branches.append("")
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
