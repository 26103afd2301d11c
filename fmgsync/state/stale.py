"""What is remembered of stale grants: since when each was seen. Losing it makes them overdue."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Literal

import msgspec

from fmgsync.assessing.stale import Fault, Key, Since
from fmgsync.model import address
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.state.documents import Documents, Instant, Parsed, encoded, sound, update_soon
from fmgsync.state.units import Units

_NAME = "stale"


class _Row(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    device: str
    vdom: str
    group: str
    address: str
    since: Instant | None
    fault: Fault = Fault.STALE


class _Adom(msgspec.Struct, forbid_unknown_fields=True):
    owner: str
    fortimanager: str
    adom: str
    rows: list[_Row]


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    version: Literal[1] = 1
    adoms: list[_Adom] = []


class StaleSince:
    """Reads and writes since when grants are stale, per ADOM."""

    def __init__(self, documents: Documents, owner: str, *, units: Units) -> None:
        self._documents = documents
        self._owner = owner
        self._units = units
        self._parsed = Parsed(self._decode)

    def read(self, ref: TargetRef) -> Since | None:
        """What is known of one ADOM; None if nothing ever was, or it is lost."""
        ref = self._units.of(ref)
        found = self._find(self._parsed.of(self._documents.read(_NAME)), ref)
        if found is None:
            return None
        with self._sound():
            return {_key(row): row.since for row in found.rows}

    def write(self, ref: TargetRef, since: Mapping[Key, float | None]) -> None:
        """Remember it; nothing is written where nothing is new."""
        ref = self._units.of(ref)
        rows = [
            _Row(k.target.device, k.target.vdom, k.group, k.address, at, k.fault)
            for k, at in sorted(since.items())
        ]
        before = self._find(self._parsed.of(self._documents.read(_NAME)), ref)
        if before is not None and before.rows == rows:
            return

        def changed(text: str | None) -> str:
            document = self._parsed.of(text)
            standing = self._find(document, ref)
            others = [one for one in document.adoms if one is not standing]
            mine = _Adom(self._owner, ref.unit, ref.domain, rows)
            adoms = sorted([*others, mine], key=lambda o: (o.owner, o.fortimanager, o.adom))
            made = _Document(adoms=adoms)
            return self._parsed.made(encoded(made), made)

        update_soon(self._documents, _NAME, changed)

    def _find(self, document: _Document, ref: TargetRef) -> _Adom | None:
        wanted = (self._owner, ref.unit, ref.domain)
        found = (o for o in document.adoms if (o.owner, o.fortimanager, o.adom) == wanted)
        return next(found, None)

    def _decode(self, text: str | None) -> _Document:
        with self._sound():
            return _Document() if text is None else msgspec.json.decode(text, type=_Document)

    def _sound(self) -> AbstractContextManager[None]:
        losing = "move it away: every stale grant then counts as overdue"
        return sound(self._documents.where(_NAME), losing)


def _key(row: _Row) -> Key:
    place = DeviceVdom(row.device, row.vdom)
    return Key(place, row.group, address.parse(row.address), row.fault)
