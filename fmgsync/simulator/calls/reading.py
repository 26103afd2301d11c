"""Reading a configuration table: which rows, in which order, and what of each row is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from fmgsync.simulator.calls.filters import Column, compile_filter, conditions
from fmgsync.simulator.codes import bad_data
from fmgsync.simulator.schema.attributes import Attribute, Kind, give_out
from fmgsync.simulator.schema.catalog_packages import PACKAGE_TABLES, POLICY
from fmgsync.simulator.schema.tables import Table
from fmgsync.simulator.state.store import Database, Key, Row
from fmgsync.simulator.wire.call import Call

MAPPING: Final = "dynamic_mapping"
_HIDES_SUBNET: Final = frozenset(
    ("iprange", "fqdn", "wildcard", "geography", "wildcard-fqdn", "mac", "dynamic")
)
_STAMPS: Final = {
    "_created timestamp": "created",
    "_modified timestamp": "modified",
    "_last-modified-by": "by",
    "obj ver": "version",
}

READ_ONLY: Final = frozenset(
    (*_STAMPS, "meta fields", "obj flags", "obj seq", "oid", "scope member", "uuid")
)
"""What reads show beside the attributes; clients write it back, and it changes nothing."""


@dataclass(frozen=True, slots=True)
class View:
    """One table of one database as one request reads it; `store` is its name in there."""

    table: Table
    database: Database
    store: str
    version: tuple[int, ...]
    meta: tuple[str, ...] = ()
    """Names of the meta fields that objects of the table have."""


def uuid_of(oid: int) -> str:
    """The uuid FortiManager assigned: made from the oid, so it need not be kept."""
    return f"{oid * 2654435761 % 2**32:08x}-5a4b-51ef-9c1d-{oid:012x}"


def value_of(table: Table, row: Row, name: str) -> Any:
    """A row's value in canonical form, its default when nothing was set."""
    if name in row.attrs:
        return row.attrs[name]
    if name == table.key:
        return row.key
    if name == "oid":
        return row.oid
    if name == "uuid":
        return uuid_of(row.oid)
    if name in _STAMPS:
        return getattr(row, _STAMPS[name])
    attribute = table.attributes.get(name)
    return attribute.default if attribute is not None else None


def select(view: View, call: Call) -> list[Row]:
    """The rows a get (or filtered delete) means, filtered, sorted and cut to the range."""
    filter_, range_ = call.param.get("filter"), call.param.get("range")
    if filter_ is None and call.param.get("sortings") is None and range_ is not None:
        table = view.database.rows(view.store)
        return [row for row in map(table.get, cut(table.ordered(), range_)) if row is not None]
    test = compile_filter(filter_, lambda name: column(view, name))
    found = view.database.selection(
        f"{view.store} {filter_}", lambda: (row for row in _candidates(view, filter_) if test(row))
    )
    if call.param.get("sortings") is None and range_ is not None:
        first, end = bounds(range_)
        return found.upto(end)[first:end]
    rows = sort(
        found.whole(), call.param.get("sortings"), lambda row, name: value_of(view.table, row, name)
    )
    return cut(rows, range_)


def _candidates(view: View, filter_: Any) -> Iterable[Row]:
    """Only the rows that can match: by key, by key prefix, or by the reference index."""
    rows = view.database.rows(view.store)
    for condition in conditions(filter_):
        keys = _indexed(view, condition)
        if keys is not None:
            return (row for row in map(rows.get, keys) if row is not None)
    return rows


def _indexed(view: View, condition: list[Any]) -> list[Key] | None:
    name, operator, *operands = condition if len(condition) > 2 else (None, None)
    if name == view.table.key:
        return _by_key(view, operator, operands)
    attribute = view.table.attributes.get(name) if isinstance(name, str) else None
    if operator == "contain" and attribute is not None and attribute.targets:
        wanted = operands[0] if isinstance(operands[0], list) else operands
        users = {
            user
            for item in wanted
            if isinstance(item, str)
            for target in attribute.targets
            for user in view.database.uses.of((target, item))
        }
        return sorted({user[1] for user in users if user[0] == view.store}, key=str)
    return None


def _by_key(view: View, operator: Any, operands: list[Any]) -> list[Key] | None:
    if operator == "==" and isinstance(operands[0], (str, int)):
        return [operands[0]]
    if operator == "in":
        items = operands[0] if isinstance(operands[0], list) else operands
        wanted = {item for item in items if isinstance(item, (str, int))}
        return sorted(wanted, key=str)
    if operator == "like" and isinstance(operands[0], str) and view.table.key == "name":
        prefix = operands[0].split("%")[0].split("_")[0]
        return view.database.rows(view.store).between(prefix, prefix) if prefix else None
    return None


def column(view: View, name: Any) -> Column:
    """A column of the table for filters; unknown ones are refused (-10)."""
    table = view.table
    if name == "object used":
        uses = view.database.uses
        return Column(lambda row: int(uses.any((view.store, row.key))))
    if not isinstance(name, str):
        raise bad_data()
    attribute = table.attributes.get(name)
    if attribute is None:
        if name not in (table.key, "oid", *_STAMPS):
            raise bad_data()
        return Column(lambda row: value_of(table, row, name))
    kind = attribute.kind
    if kind is Kind.WORD:
        return Column(
            lambda row: value_of(table, row, name), kind, lambda value: _as_word(attribute, value)
        )
    if name == "subnet":
        return Column(
            lambda row: None if _without_subnet(row) else value_of(table, row, name), kind
        )
    return Column(lambda row: value_of(table, row, name), kind)


def _without_subnet(row: Row) -> bool:
    """Ranges, names and the like have none, not even a default."""
    return row.attrs.get("type") in _HIDES_SUBNET


def _as_word(attribute: Attribute, value: Any) -> Any:
    for word, number in attribute.words.items():
        if value in (word, number) and not isinstance(value, bool):
            return word
    return value


def sort(rows: list[Any], sortings: Any, value: Any) -> list[Any]:
    """Rows by `[{"name": 1}, {"oid": -1}]`: 1 ascending, -1 descending."""
    if sortings is None:
        return rows
    if not isinstance(sortings, list) or not all(isinstance(item, dict) for item in sortings):
        raise bad_data()
    for sorting in reversed(sortings):
        for name, direction in sorting.items():
            if direction not in (1, -1):
                raise bad_data()
            rows = sorted(
                rows,
                key=lambda row, name=name: _sortable(value(row, name)),  # type: ignore[misc]
                reverse=direction == -1,
            )
    return rows


def _sortable(value: Any) -> tuple[bool, float, str]:
    if isinstance(value, (int, float)):
        return (False, value, "")
    return (value is not None, 0, str(value))


def cut(rows: list[Any], range_: Any) -> list[Any]:
    """`range: [a, n]`: n rows from the a-th; nothing beyond the end."""
    if range_ is None:
        return rows
    first, end = bounds(range_)
    return rows[first:end]


def bounds(range_: Any) -> tuple[int, int]:
    """The first row of a `range`, and the one after its last."""
    if not isinstance(range_, list) or len(range_) != 2:
        raise bad_data()
    if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in range_):
        raise bad_data()
    return range_[0], range_[0] + range_[1]


def field_names(call: Call) -> list[str] | None:
    """`fields`, flat or nested in one more list; None when everything is wanted."""
    fields = call.param.get("fields")
    if fields is None:
        return None
    if isinstance(fields, list) and len(fields) == 1 and isinstance(fields[0], list):
        fields = fields[0]
    if not isinstance(fields, list):
        raise bad_data()
    return [name for name in fields if isinstance(name, str)]


def wants_subtables(call: Call) -> bool:
    """Whether sub-tables come along: `loadsub` is not 0 and `no loadsub` not given."""
    wanted = call.param.get("loadsub", 1) not in (0, "0")
    return "no loadsub" not in call.options() and wanted


def heed(call: Call, known: Callable[[str], bool]) -> None:
    """How a read is to look was asked, whether or not there is a row; unknown fields are told."""
    wants_subtables(call)
    for name in field_names(call) or ():
        if not known(name):
            call.ignore("field", name)


_SHOWN: Final = ("extra info", "get meta", "get used", "loadsub", "search all adoms")
"""Options of a read that a table without rows has heard as well. An ADOM's objects are used in
that ADOM alone, so that a search through all of them finds the same."""


def heed_table(view: View, call: Call) -> None:
    """The same for a configuration table."""
    call.options().asked.update(_SHOWN)
    if view.table.numbered:
        call.options().asked.add("scope member")
    heed(call, lambda name: _readable(view, name))


def _readable(view: View, name: str) -> bool:
    table = view.table
    attribute = table.attributes.get(name)
    if attribute is not None:
        return attribute.known_in(view.version)
    if table.name in PACKAGE_TABLES and name in POLICY.attributes:
        return True  # clients ask all kinds of policies alike
    return name in (table.key, MAPPING, *READ_ONLY)


def show(view: View, row: Row, call: Call) -> dict[str, Any]:
    """A row as a get answers it; sub-tables come along whatever fields were named."""
    return Shower(view, call).show(row)


class Shower:
    """What a get shows of each row: what was asked is worked out once for all of them."""

    def __init__(self, view: View, call: Call) -> None:
        self._view, self._verbose = view, call.verbose
        self._deep = wants_subtables(call)
        fields, options = field_names(call), call.options()
        self._extra, self._meta, self._used = (
            word in options for word in ("extra info", "get meta", "get used")
        )
        named = fields and [*fields, *(view.table.subtables if self._deep else ())]
        self._asked = None if named is None else self._attributes(named)

    def show(self, row: Row) -> dict[str, Any]:
        """One row."""
        table, attrs, verbose = self._view.table, row.attrs, self._verbose
        shown: dict[str, Any] = {table.key: row.key, "oid": row.oid}
        asked = self._asked
        if asked is None:
            asked = self._attributes(shown_names(table, row, self._view.version))
        for name, attribute in asked:
            value = attrs[name] if name in attrs else value_of(table, row, name)
            shown[name] = give_out(attribute, value, verbose=verbose)
        if "subnet" in shown and _without_subnet(row):
            del shown["subnet"]
        if self._deep and table.mapped:
            shown[MAPPING] = show_mappings(self._view, row, verbose)
        return self._with_options(row, shown)

    def _attributes(self, names: Iterable[str]) -> list[tuple[str, Attribute]]:
        """Those that this release has, as deep as was asked."""
        known, version = self._view.table.attributes, self._view.version
        return [
            (name, found)
            for name in names
            if (found := known.get(name)) is not None and found.known_in(version)
            if self._deep or found.kind is not Kind.TABLE
        ]

    def _with_options(self, row: Row, shown: dict[str, Any]) -> dict[str, Any]:
        view = self._view
        if self._extra:
            shown.update({name: getattr(row, slot) for name, slot in _STAMPS.items()})
        if self._meta or "meta fields" in row.attrs:
            own = row.attrs.get("meta fields", {})
            shown["meta fields"] = {**dict.fromkeys(view.meta, ""), **own}
        if self._used and view.database.uses.any((view.store, row.key)):
            shown["obj flags"] = 1
        return shown


def shown_names(table: Table, row: Row, version: tuple[int, ...]) -> list[str]:
    """Attribute names of a read without `fields`: some depend on the type, some on being set."""
    names = [name for name, attribute in table.attributes.items() if attribute.shown]
    if table.by_type:
        names.extend(table.by_type.get(value_of(table, row, "type"), ()))
    held = table.of_types.union(names)
    names.extend(name for name in row.attrs if name in table.attributes and name not in held)
    return names


def show_mappings(view: View, row: Row, verbose: bool) -> list[dict[str, Any]] | None:
    """The per-device mappings as a sub-table; null when there is none."""
    if not row.maps:
        return None
    return [show_mapping(view, mapping, scope, verbose) for scope, mapping in row.maps.items()]


def show_mapping(view: View, mapping: Row, scope: tuple[str, str], verbose: bool) -> dict[str, Any]:
    """One mapping with its `_scope`."""
    table = view.table
    shown: dict[str, Any] = {"_scope": [{"name": scope[0], "vdom": scope[1]}], "oid": mapping.oid}
    unset = []
    for name in shown_names(table, mapping, view.version):
        attribute = table.known(name, view.version, mapping=True)
        if attribute is None or attribute.kind is Kind.TABLE:
            continue
        if attribute.kind is Kind.NAMES and attribute.default and name not in mapping.attrs:
            unset.append(name)
            continue
        value = value_of(table, mapping, name)
        if value is not None:
            shown[name] = give_out(attribute, value, verbose=verbose)
    return {**shown, "unset attrs": unset} if unset else shown


def checksum(view: View) -> int:
    """A number that changes with every write to the table."""
    return view.database.writes(view.store)
