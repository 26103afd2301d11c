"""Reads that look further than the row: referenced objects in full, parents by their children."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fmgsync.simulator.calls.filters import Column, compile_filter
from fmgsync.simulator.calls.plain import choose
from fmgsync.simulator.calls.reading import MAPPING, View, column, show, show_mapping, value_of
from fmgsync.simulator.calls.subfetch import wanted_of
from fmgsync.simulator.codes import bad_data
from fmgsync.simulator.schema.attributes import Kind
from fmgsync.simulator.schema.catalog import TABLES
from fmgsync.simulator.state.ignored import Heard, Options
from fmgsync.simulator.state.store import Row, Scope
from fmgsync.simulator.wire.call import Call


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
    """What `sub fetch` makes of a configuration table: of its mappings and of its sub-tables."""

    def __init__(self, view: View, call: Call) -> None:
        self._view, self._call = view, call
        subtables = [n for n, a in view.table.attributes.items() if a.kind is Kind.TABLE]
        self._wanted = wanted_of(call, (MAPPING, *subtables) if view.table.mapped else subtables)
        mapping = self._wanted.get(MAPPING)
        self._scopes = mapping.scopes if mapping is not None else None
        filter_ = mapping.filter if mapping is not None else None
        self._test = compile_filter(filter_, self._column)

    def _column(self, name: Any) -> Column:
        """Columns of a mapping; those it does not have in common with the object match nothing."""
        if name == "_scope":
            return Column(lambda row: str(row.key), Kind.TEXT)
        return column(self._view, name)

    def keeps(self, row: Row) -> bool:
        """Whether the parent has as many children of the kind as were asked for."""
        return not self._wanted or all(
            wanted.enough(len(self._matching(row, name))) for name, wanted in self._wanted.items()
        )

    def _matching(self, row: Row, name: str) -> list[Any]:
        if name == MAPPING:
            return [
                (scope, child)
                for scope, child in row.maps.items()
                if (self._scopes is None or scope in self._scopes) and self._test(child)
            ]
        rows = [dict(child) for child in value_of(self._view.table, row, name) or ()]
        inner = replace(self._call, param=Heard({"filter": self._wanted[name].filter}))
        return choose(inner, rows, {})

    def trim(self, row: Row, shown: dict[str, Any]) -> None:
        """Hide and narrow the sub-tables of a row as it is shown."""
        for name, wanted in self._wanted.items():
            if wanted.hidden:
                shown.pop(name, None)
            elif name in shown and name == MAPPING:
                found = self._matching(row, name)
                shown[name] = [self._child(c, scope, wanted.fields) for scope, c in found] or None
            elif name in shown:
                found = self._matching(row, name)
                shown[name] = [_only(child, wanted.fields) for child in found] or None

    def _child(self, child: Row, scope: Scope, fields: list[str] | None) -> dict[str, Any]:
        shown = show_mapping(self._view, child, scope, self._call.verbose)
        if fields is None:
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


def _only(row: dict[str, Any], fields: list[str] | None) -> dict[str, Any]:
    return row if fields is None else {name: row[name] for name in fields if name in row}
