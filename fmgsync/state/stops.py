"""What is remembered of stops. A damaged document is an error: guessing could write past a stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from fmgsync import errors
from fmgsync.model.stop import Stop
from fmgsync.model.target import TargetRef
from fmgsync.state.documents import Documents, Instant, encoded, sound

_NAME = "stops"


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    owner: str
    unit: str
    domain: str
    who: str
    reason: str
    at: Instant


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    version: Literal[1] = 1
    stops: list[_Row] = []


class Stops:
    """Reads and writes the stops of one installation. Every method raises StateError."""

    def __init__(self, documents: Documents, owner: str) -> None:
        self._documents = documents
        self._owner = owner

    def where(self) -> str:
        """Where they are kept, for people."""
        return self._documents.where(_NAME)

    def all(self) -> tuple[Stop, ...]:
        """Every stop in force, the widest first."""
        return tuple(sorted(self._mine(self._decode(self._documents.read(_NAME)))))

    def covering(self, ref: TargetRef) -> Stop | None:
        """The widest stop that is about an ADOM."""
        return next((stop for stop in self.all() if stop.covers(ref)), None)

    def check(self, ref: TargetRef) -> None:
        """Raises Stopped where nothing may be written or installed."""
        if (stop := self.covering(ref)) is not None:
            raise errors.Stopped(
                str(stop),
                fortimanager=ref.unit,
                adom=ref.domain,
                next_step="'fmgsync start' lets it go on",
            )

    def stop(self, stop: Stop) -> Stop:
        """Remember a stop. One of the same scope that stands already stays as it is: it is older.

        Gives the one that stands.
        """
        standing: list[Stop] = []

        def add(stops: Iterable[Stop]) -> Iterable[Stop]:
            known = {each.scope: each for each in stops}
            standing[:] = [known.setdefault(stop.scope, stop)]
            return known.values()

        self._change(add)
        return standing[0]

    def start(self, unit: str = "", domain: str = "") -> tuple[Stop, ...]:
        """Lift every stop within this scope. Gives those that were lifted."""
        lifted: list[Stop] = []

        def lift(stops: Iterable[Stop]) -> Iterable[Stop]:
            known = tuple(stops)
            lifted[:] = [each for each in known if each.within(unit, domain)]
            return [each for each in known if each not in lifted]

        self._change(lift)
        return tuple(sorted(lifted))

    def _change(self, change: Callable[[Iterable[Stop]], Iterable[Stop]]) -> None:
        def changed(text: str | None) -> str:
            document = self._decode(text)
            others = [row for row in document.stops if row.owner != self._owner]
            mine = [
                _Row(self._owner, s.unit, s.domain, s.who, s.reason, s.at)
                for s in sorted(change(self._mine(document)))
            ]
            return encoded(_Document(stops=[*others, *mine]))

        self._documents.update(_NAME, changed)

    def _mine(self, document: _Document) -> list[Stop]:
        return [
            Stop(row.unit, row.domain, row.who, row.reason, row.at)
            for row in document.stops
            if row.owner == self._owner
        ]

    def _decode(self, text: str | None) -> _Document:
        losing = (
            "whether something is stopped is not known, so nothing is written:"
            " see who stopped what ('fmgsync history'), move it away and stop anew"
        )
        with sound(self.where(), losing):
            found = _Document() if text is None else msgspec.json.decode(text, type=_Document)
            self._mine(found)
        return found
