"""Who had an address when it was last let through: as far as this process wrote it, or the audit
that it can read says so."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from fmgsync.model.address import Address

MOST: Final = 100_000
"""Addresses remembered; the longest forgotten first."""


class Formerly:
    """Address -> what had it, and when that was written. Safe to read from any thread."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[tuple[str, ...], float]] = OrderedDict()

    def note(self, workloads: Iterable[tuple[Address, tuple[str, ...]]], at: float) -> None:
        """These had them when they were written."""
        for address, names in workloads:
            self._known[address] = (names, at)
            self._known.move_to_end(address)
        while len(self._known) > MOST:
            self._known.popitem(last=False)

    def read(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Take in what an audit says of earlier writes."""
        for fields in lines:
            found = fields.get("workloads")
            if fields.get("event") == "write" and isinstance(found, dict):
                self.note(_named(found), _instant(str(fields.get("at"))))

    def about(self, address: Address) -> tuple[tuple[str, ...], float] | None:
        """What had it, and when it was written; None if that is not known."""
        return self._known.get(address)


def _named(found: Mapping[str, Any]) -> Iterable[tuple[Address, tuple[str, ...]]]:
    for address, names in found.items():
        if isinstance(names, list):
            yield Address(address), tuple(map(str, names))


def _instant(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0
