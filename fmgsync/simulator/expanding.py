"""Reads that look further than the row: referenced objects in full, parents by their children."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fmgsync.simulator.attributes import Kind
from fmgsync.simulator.call import Call
from fmgsync.simulator.catalog import TABLES
from fmgsync.simulator.codes import bad_data
from fmgsync.simulator.filters import Column, compile_filter
from fmgsync.simulator.ignored import Heard, Options
from fmgsync.simulator.reading import MAPPING, View, column, show, show_mapping, value_of
from fmgsync.simulator.store import Row, Scope

_HIDDEN = "subfetch hidden"


def expand(view: View, row: Row, shown: dict[str, Any], call: Call) -> None:
    """`expand datasrc`: in the named attributes, objects instead of names."""
    wanted = call.param.get("expand datasrc")
    if wanted is None:
        return
    if not isinstance(wanted, list) or not all(isinstance(item, dict) for item in wanted):
        raise bad_data()
    for item in wanted:
        name = item.get("name")
        attribute = view.table.attributes.get(name) if isinstance(name, str) else None
        if attribute is None or not attribute.targets:
            continue
        sources = _sources(item, attribute.targets)
        shown[str(name)] = [
            _object(view, str(member), attribute.targets, sources, call)
            for member in value_of(view.table, row, str(name))
        ]


def _sources(item: Mapping[str, Any], targets: tuple[str, ...]) -> dict[str, Any]:
    """Fields by table; every table the attribute may refer to when none are named."""
    given = item.get("datasrc")
    if not isinstance(given, list):
        return dict.fromkeys(targets)
    return {
        s["obj type"]: s.get("fields") for s in given if isinstance(s, dict) and "obj type" in s
    }


def _object(
    view: View, name: str, targets: tuple[str, ...], sources: Mapping[str, Any], call: Call
) -> dict[str, Any]:
    for table in targets:
        row = view.database.rows(table).get(name)
        if row is None or table not in sources:
            continue
        fields = sources[table]
        param = Heard({"fields": fields, "loadsub": 0})
        inner = replace(call, param=param, _options=Options())
        found = show(View(TABLES[table], view.database, table, view.version), row, inner)
        if fields is not None:
            found = {key: value for key, value in found.items() if key in fields}
        return {**found, "obj type": table}
    return {"name": name}


class SubFetch:
    """`sub fetch`: which sub-tables come along, which of their rows, which of their fields."""

    def __init__(self, view: View, call: Call) -> None:
        given = call.param.get("sub fetch")
        if given is not None and not isinstance(given, dict):
            raise bad_data()
        self._view = view
        self._call = call
        self._given: dict[str, Any] = given or {}
        mapping = self._given.get(MAPPING)
        self._filter = mapping.get("filter") if isinstance(mapping, dict) else None
        self._test = compile_filter(self._filter, self._column)

    def _column(self, name: Any) -> Column:
        """Columns of a mapping; those it does not have in common with the object match nothing."""
        if name == "_scope":
            return Column(lambda row: str(row.key), Kind.TEXT)
        return column(self._view, name)

    def keeps(self, row: Row) -> bool:
        """Whether the parent has a child that was asked for."""
        return self._filter is None or any(self._test(child) for child in row.maps.values())

    def trim(self, row: Row, shown: dict[str, Any]) -> None:
        """Hide and narrow the sub-tables of a row as it is shown."""
        for name, wanted in self._given.items():
            if not isinstance(wanted, dict):
                raise bad_data()
            if wanted.get(_HIDDEN) == 1:
                shown.pop(name, None)
            elif name == MAPPING and row.maps:
                shown[name] = self._children(row, wanted.get("fields")) or None

    def _children(self, row: Row, fields: Any) -> list[dict[str, Any]]:
        found = []
        for scope, child in row.maps.items():
            if self._test(child):
                found.append(self._child(child, scope, fields))
        return found

    def _child(self, child: Row, scope: Scope, fields: Any) -> dict[str, Any]:
        shown = show_mapping(self._view, child, scope, self._call.verbose)
        if not isinstance(fields, list):
            return shown
        names = [name for name in fields if name in self._view.table.attributes]
        more = {
            name: value_of(self._view.table, child, name) for name in names if name not in shown
        }
        kept = {name: shown[name] for name in ("_scope", "oid", *names) if name in shown}
        plain = {name: list(v) if isinstance(v, tuple) else v for name, v in more.items()}
        if child.attrs.get("type") == "iprange":
            plain.pop("subnet", None)
        return kept | plain
