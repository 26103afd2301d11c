"""One row of a list attribute at a time: `/firewall/addrgrp/{group}/member/{member}`.

The forms are those of Fortinet's Ansible collection and of its own API description.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmgsync.simulator.fortigate.config import Config
from fmgsync.simulator.fortigate.envelope import EXISTS, Body, Failed, refused
from fmgsync.simulator.fortigate.writes import Writes
from fmgsync.simulator.schema.attributes import Kind
from fmgsync.simulator.schema.tables import Table


class Members:
    """The list `child` of one row."""

    def __init__(
        self, table: Table, config: Config, writes: Writes, key: str | int, child: str
    ) -> None:
        attribute = table.attributes.get(child)
        if attribute is None or attribute.kind is not Kind.NAMES or not attribute.targets:
            raise Failed(404)
        self._writes, self._key, self._child = writes, key, child
        entry = config.get((table.name, key))
        if entry is None:
            raise Failed(404)
        self._names: tuple[str, ...] = tuple(entry.attrs.get(child, attribute.default) or ())

    def read(self, name: str) -> Body:
        """All of them, or one."""
        if name and name not in self._names:
            raise Failed(404)
        names = (name,) if name else self._names
        return {"results": [{"name": found, "q_origin_key": found} for found in names]}

    def write(self, method: str, name: str, record: Mapping[str, Any]) -> str:
        """POST adds, PUT says again what is there, DELETE takes out; the member."""
        if method == "POST":
            return self._add(name, record)
        if not name:
            raise Failed(405)
        if method == "DELETE":
            self._remove(name)
        elif name not in self._names:
            raise Failed(404)
        elif str(record.get("name", name)) != name:
            raise refused(-651, f"the key '{name}' cannot be changed")
        return name

    def _add(self, place: str, record: Mapping[str, Any]) -> str:
        name = record.get("name")
        if place:
            raise Failed(405)
        if not isinstance(name, str) or not name:
            raise refused(-56, "name: an empty value is not allowed")
        if name in self._names:
            raise refused(EXISTS, f"a duplicate entry '{name}'")
        self._writes.ignore_but(record, "name")
        self._keep((*self._names, name))
        return name

    def _remove(self, name: str) -> None:
        if name not in self._names:
            raise Failed(404)
        self._keep(tuple(found for found in self._names if found != name))

    def _keep(self, names: tuple[str, ...]) -> None:
        self._writes.change(self._key, {self._child: list(names)})
