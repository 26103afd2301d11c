"""Questions about a table rather than for its rows: syntax, possible referents, duplicates."""

from __future__ import annotations

from typing import Any, Final

from fmgsync.simulator.calls.reading import View, select, show, value_of
from fmgsync.simulator.codes import bad_data
from fmgsync.simulator.schema.attributes import Attribute, Kind, give_out
from fmgsync.simulator.schema.catalog import TABLES
from fmgsync.simulator.schema.tables import Table
from fmgsync.simulator.state.store import Row
from fmgsync.simulator.wire.call import Call, Members

_TYPES: Final = {
    Kind.TEXT: "string",
    Kind.INTEGER: "uint32",
    Kind.WORD: "uint32",
    Kind.NAMES: "datasrc",
    Kind.WORDS: "string",
    Kind.SUBNET: "ipv4net",
    Kind.WILDCARD: "ipv4net",
    Kind.ADDRESS: "ipv4",
    Kind.ADDRESS6: "ipv6",
    Kind.PREFIX6: "ipv6prefix",
    Kind.FREE: "string",
}


def syntax(table: Table, version: tuple[int, ...], *, most_members: int = -1) -> Members:
    """The table's description, with how many objects an ADOM may have (`alimit`).

    `most_members` is said of lists of members (`max_argv`); -1 means without limit.
    """
    attributes = {
        name: _attribute_syntax(attribute, most_members if name == "member" else -1)
        for name, attribute in table.attributes.items()
        if attribute.known_in(version) and attribute.kind is not Kind.TABLE
    }
    key = {"max": table.key_limit, "sz": table.key_limit + 1, "type": "string"}
    shown: dict[str, Any] = {
        "alimit": table.size,
        "attr": {table.key: key, **attributes},
        "category": table.category,
        "mkey": table.key,
    }
    subtables = [n for n, a in table.attributes.items() if a.kind is Kind.TABLE]
    if table.mapped:
        subtables.append("dynamic_mapping")
    return {"data": {table.name: {**shown, "subobj": {name: {} for name in subtables}}}}


def _attribute_syntax(attribute: Attribute, most: int) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": _TYPES[attribute.kind]}
    if attribute.kind is Kind.TEXT:
        shown |= {"max": attribute.limit, "sz": attribute.limit}
    if attribute.kind is Kind.WORD:
        shown |= {"opts": dict(attribute.words), "sz": 4}
    if attribute.kind is Kind.NAMES:
        shown["max_argv"] = most
        shown["ref"] = [
            {"category": TABLES[name].category, "mkey": TABLES[name].key, "name": name}
            for name in attribute.targets
            if name in TABLES
        ]
    if attribute.default not in (None, ()):
        shown["default"] = give_out(attribute, attribute.default, verbose=True)
    return shown


def datasrc(view: View, call: Call) -> Members:
    """Everything the attribute named by `attr` may refer to, by table."""
    name = call.param.get("attr")
    attribute = view.table.attributes.get(name) if isinstance(name, str) else None
    if attribute is None or not attribute.targets:
        raise bad_data()
    found: dict[str, Any] = {}
    for table in filter(TABLES.__contains__, attribute.targets):
        other = View(TABLES[table], view.database, table, view.version)
        found[table] = [show(other, row, call) for row in view.database.rows(table)]
    return {"data": found}


def duplicates(view: View, call: Call) -> Members:
    """Objects of equal value, each with the names of the others like it."""
    groups: dict[Any, list[Row]] = {}
    for row in select(view, call):
        groups.setdefault(_value(view.table, row), []).append(row)
    shown = []
    for rows in groups.values():
        if len(rows) > 1:
            first = show(view, rows[0], call)
            first.pop("oid", None)
            shown.append({"duplicate entries": [row.key for row in rows[1:]], **first})
    return {"data": shown} if shown else {}


def _value(table: Table, row: Row) -> Any:
    """What makes two objects the same: type, the attributes of that type, and mappings."""
    kind = str(value_of(table, row, "type")) if "type" in table.attributes else ""
    names = table.by_type.get(kind, ()) if table.by_type else ("member", "exclude-member")
    values = tuple(value_of(table, row, name) for name in names)
    maps = tuple(sorted((scope, repr(m.attrs)) for scope, m in row.maps.items()))
    return kind, values, maps


def template(table: Table, version: tuple[int, ...]) -> Members:
    """`object template`: the values an object has when nothing is said."""
    shown = {
        name: give_out(attribute, attribute.default, verbose=True)
        for name, attribute in table.attributes.items()
        if attribute.known_in(version) and attribute.default not in (None, ())
    }
    shown |= {n: {} for n, a in table.attributes.items() if a.kind is Kind.TABLE}
    return {"data": {**shown, "uuid": "00000000-0000-0000-0000-000000000000"}}
