"""One VDOM's running configuration as a request sees it: with what its transaction queued."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fmgsync.simulator.calls.reading import uuid_of
from fmgsync.simulator.schema.attributes import Attribute
from fmgsync.simulator.schema.catalog_units import named
from fmgsync.simulator.state.devices import Device, Entry, Vdom, same
from fmgsync.simulator.state.store import Target


def alike(target: Target, one: Entry | None, other: Entry | None) -> bool:
    """Whether two entries mean the same: what is not set has its default."""
    table = named(target[0])
    if one is None or other is None or table is None or same(one, other):
        return same(one, other)
    if _uuid(one) != _uuid(other):
        return False
    return all(
        _meant(one, name, attribute) == _meant(other, name, attribute)
        for name, attribute in table.attributes.items()
        if name != "uuid"
    )


def _meant(entry: Entry, name: str, attribute: Attribute) -> Any:
    """A value; those that show as nothing are all the same."""
    value = entry.attrs.get(name, attribute.default)
    return None if value in ("", ()) else value


def _uuid(entry: Entry) -> str:
    return str(entry.attrs.get("uuid") or uuid_of(entry.oid))


@dataclass(slots=True)
class Config:
    """Reads and writes of one VDOM. `queue`: a transaction's writes, None to write at once."""

    device: Device
    vdom: Vdom
    queue: dict[Target, Entry | None] | None = None
    written: list[Target] = field(default_factory=list)

    def get(self, target: Target) -> Entry | None:
        """The entry as this request sees it."""
        if self.queue is not None and target in self.queue:
            return self.queue[target]
        return self.vdom.running(target)

    def table(self, name: str) -> Iterator[tuple[str | int, Entry]]:
        """All entries of a table, by key."""
        if not self.queue:
            yield from self.vdom.running_table(name)
            return
        found = dict(self.vdom.running_table(name))
        for (table, key), entry in self.queue.items():
            if table == name and entry is None:
                found.pop(key, None)
            elif table == name and entry is not None:
                found[key] = entry
        yield from found.items()

    def count(self, table: str) -> int:
        """How many rows the table has."""
        if not self.queue:
            return len(self.vdom.running_keys(table))
        return sum(1 for _ in self.table(table))

    def put(self, target: Target, entry: Entry | None) -> None:
        """Write, or queue; what changes nothing moves no revision."""
        before = self.get(target)
        if alike(target, before, entry):
            return
        known = self.vdom.known(target)
        if known is not None and alike(target, known, entry):
            entry = known  # as FortiManager has it: nothing is left that it could notice
        self.written.append(target)
        if self.queue is not None:
            self.queue[target] = entry
            return
        if self.device.api.saving != "automatic":
            self.device.api.unsaved.setdefault((self.vdom.name, target), before)
        self.vdom.set_running(target, entry)

    def revision(self, table: str) -> str:
        """Says whether a table of this VDOM on this unit has changed, and nothing else."""
        stamp = self.vdom.stamps.get(table, 0)
        text = f"{self.device.oid} {self.vdom.name} {table} {stamp}"
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    def users(self, target: Target) -> int:
        """How many entries of the unit name this one."""
        return sum(row["count"] for row in self.naming(target))

    def naming(self, target: Target) -> list[dict[str, Any]]:
        """Which tables' members name an entry, and how many of their rows do."""
        name, key = target
        found = []
        for table, members in self._naming(name):
            rows = [entry for _, entry in self.table(table)]
            count = sum(any(key in (row.attrs.get(m) or ()) for m in members) for row in rows)
            if count:
                area, _, last = table.rpartition(" ")
                found.append({"path": area.replace(" ", "."), "name": last, "count": count})
        return found

    def used(self, name: str) -> set[Any]:
        """The keys of a table that anything on the unit names."""
        found: set[Any] = set()
        for table, members in self._naming(name):
            for _, entry in self.table(table):
                for member in members:
                    found.update(entry.attrs.get(member) or ())
        return found

    def _naming(self, name: str) -> Iterator[tuple[str, list[str]]]:
        """The tables that have rows, and which of their members may name rows of this table."""
        tables = {*self.vdom.tables, *(target[0] for target in self.vdom.drift)}
        tables |= {target[0] for target in self.queue or ()}
        for table in tables:
            described = named(table)
            if described is None:
                continue
            members = [at for at, a in described.attributes.items() if name in a.targets]
            if members:
                yield table, members
