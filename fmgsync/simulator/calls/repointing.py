"""Whoever uses one object uses another one from now on: in a merge, and after a rename."""

from __future__ import annotations

from collections.abc import Iterator

from fmgsync.simulator.schema.attributes import Kind
from fmgsync.simulator.state.references import table_of
from fmgsync.simulator.state.store import Change, Database, Row, Target


def repointed(
    database: Database, old: Target, new: str, *, now: float, by: str
) -> Iterator[Change]:
    """The changes of all users of an object; apply each before the next is asked for."""
    for store, key, _ in sorted(database.uses.of(old), key=str):
        row = database.rows(store).get(key)
        if row is not None:
            maps = {
                scope: _with(store, row, str(old[1]), new, now=now, by=by)
                for scope, row in row.maps.items()
            }
            after = _with(store, row, str(old[1]), new, now=now, by=by)
            yield Change(store, key, row, after.changed(now=now, by=by, maps=maps))


def _with(store: str, row: Row, old: str, new: str, *, now: float, by: str) -> Row:
    table = table_of(store)
    attrs = dict(row.attrs)
    for name, value in row.attrs.items():
        attribute = table.attributes.get(name) if table is not None else None
        if attribute is not None and attribute.kind is Kind.NAMES and old in value:
            attrs[name] = tuple(dict.fromkeys(new if item == old else item for item in value))
    return row.changed(now=now, by=by, attrs=attrs)
