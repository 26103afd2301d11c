"""Who refers to whom: the references in a row, and what a change of a row adds and takes away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from fmgsync.simulator.codes import bad_data, missing_reference
from fmgsync.simulator.schema.catalog import TABLES
from fmgsync.simulator.schema.catalog_packages import PACKAGE_TABLES
from fmgsync.simulator.schema.tables import Table
from fmgsync.simulator.state.store import Database, Key, Row, Rows, Scope, Target, User


def package_store(table: str, oid: int) -> str:
    """Store name of a table inside a package or policy block."""
    return f"{table} of {oid}"


@lru_cache(maxsize=1 << 12)
def package_of(store: str) -> int | None:
    """The oid of the package or block a store belongs to; None for the object tables."""
    name, of, oid = store.rpartition(" of ")
    return int(oid) if of and name in PACKAGE_TABLES else None


def table_of(store: str) -> Table | None:
    """The table a store holds; None for what has no references (packages)."""
    name = store.rpartition(" of ")[0]
    return PACKAGE_TABLES.get(name) or TABLES.get(store)


def references(
    database: Database, table: Table, row: Row, names: set[str] | None = None
) -> Iterator[tuple[str, Target]]:
    """Attribute and object of every reference in a row's own value; of these names alone, if given.

    Names that do not exist are left out; `require` refuses them.
    """
    for attribute_name, value in row.attrs.items():
        attribute = table.attributes.get(attribute_name)
        if attribute is None or not attribute.targets:
            continue
        left: Sequence[Key] = [*(value if names is None else names.intersection(value))]
        for store in attribute.targets:
            absent = database.rows(store).without(left)
            there = left if not absent else [*{*left}.difference(absent)]
            yield from ((attribute_name, (store, name)) for name in there)
            left = absent


def held(
    database: Database, store: str, row: Row | None, *, beside: Row | None, moving: set[Key]
) -> set[tuple[Target, User]]:
    """References of a row, as far as they may differ from those of `beside`.

    What is named in both leads to the same object in both, unless that is `moving`: an object of
    this name comes or goes as well.
    """
    table = table_of(store)
    if table is None or row is None:
        return set()
    found: set[tuple[Target, User]] = set()
    for scope in _changed_scopes(row, beside):
        part, other = _part(row, scope), _part(beside, scope)
        if part is not None:
            names = None if other is None else _differing(table, part, other, moving)
            user = (store, row.key, scope)
            found.update((to, user) for _, to in references(database, table, part, names))
    return found


def _differing(table: Table, part: Row, other: Row, moving: set[Key]) -> set[str]:
    """Names that the two do not use in the same attributes, and those of what is moving."""
    found: set[str] = set()
    for attribute_name in part.attrs.keys() | other.attrs.keys():
        attribute = table.attributes.get(attribute_name)
        if attribute is not None and attribute.targets:
            here = set(part.attrs.get(attribute_name, ()))
            found |= here.symmetric_difference(other.attrs.get(attribute_name, ()))
            found |= here & moving
    return found


def _changed_scopes(before: Row | None, after: Row | None) -> Iterator[Scope | None]:
    if before is None or after is None or before.attrs is not after.attrs:
        yield None
    old = before.maps if before is not None else {}
    new = after.maps if after is not None else {}
    if old is new:
        return
    for scope in old.keys() | new.keys():
        if old.get(scope) is not new.get(scope):
            yield scope


def _part(row: Row | None, scope: Scope | None) -> Row | None:
    if row is None or scope is None:
        return row
    return row.maps.get(scope)


def require(
    database: Database, table: Table, part: Row, key: Key, package: str | None = None
) -> None:
    """Refuse a row that names objects which do not exist (-10131)."""
    for attribute_name, value in part.attrs.items():
        attribute = table.attributes.get(attribute_name)
        if attribute is None or not attribute.targets:
            continue
        missing: Sequence[Key] = value
        for target in attribute.targets:
            missing = database.rows(target).without(missing)
        if missing:
            first = next(name for name in value if name in missing)
            _refuse(table, attribute_name, key, first, package)


def _refuse(table: Table, attribute: str, key: Key, name: str, package: str | None) -> None:
    if package is None:
        raise missing_reference(f"{table.name} {attribute} {key}", name)
    where = f'policy package "{package}" - {table.name}.{key}:{attribute}'
    raise missing_reference(where, name, data={table.key: key})


def changed_parts(before: Row | None, after: Row) -> Iterator[Row]:
    """The own value and the mappings of a row that differ from what was there before."""
    for scope in _changed_scopes(before, after):
        part = _part(after, scope)
        if part is not None:
            yield part


def refuse_cycle(database: Database, table: Table, part: Row, key: Key) -> None:
    """Refuse a group whose new members contain the group itself (-10)."""
    rows = database.rows(table.name)
    pending, seen = _groups_in(rows, part), set[str]()
    while pending:
        name = pending.pop()
        if name == key:
            raise bad_data()
        group = rows.get(name)
        if name in seen or group is None:
            continue
        seen.add(name)
        pending.extend(_groups_in(rows, group))
        for mapping in group.maps.values():
            pending.extend(_groups_in(rows, mapping))


def _groups_in(rows: Rows, part: Row) -> list[str]:
    """Members of a group that are groups of the same table (or the group that is being made)."""
    members = part.attrs.get("member", ())
    others = set(rows.without(members))
    return [name for name in members if name not in others]
