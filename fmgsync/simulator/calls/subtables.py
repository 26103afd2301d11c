"""Sub-tables of an object other than its mappings: rows with a key, kept as they were written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmgsync.simulator.calls.place import Place
from fmgsync.simulator.calls.plain import answer_row, answer_table
from fmgsync.simulator.calls.reading import value_of
from fmgsync.simulator.calls.writing import Writer
from fmgsync.simulator.codes import absent, bad_data, bad_url, exists
from fmgsync.simulator.state.store import Row
from fmgsync.simulator.wire.call import Call, Members

Rows = dict[str, Mapping[str, Any]]


def _rows(place: Place, row: Row) -> Rows:
    """The sub-table by key."""
    key = place.table.attributes[place.rest[1]].sub_key
    return {str(child[key]): child for child in value_of(place.table, row, place.rest[1]) or ()}


def _child(place: Place) -> str | None:
    """The key in the url, if it names a row and not the table."""
    if len(place.rest) > 3:
        raise bad_url()
    return place.rest[2] if len(place.rest) == 3 else None


def read(place: Place, row: Row, call: Call) -> Members:
    """The sub-table, or one row of it."""
    rows, name = _rows(place, row), _child(place)
    key = place.table.attributes[place.rest[1]].sub_key
    if name is None:
        return answer_table(call, [dict(child) for child in rows.values()], always=(key,))
    if name not in rows:
        raise absent()
    return answer_row(call, dict(rows[name]), always=(key,))


def write(writer: Writer, row: Row) -> Members:
    """Add, set, update or replace rows; the others stay."""
    place, call = writer.place, writer.call
    rows, name = _rows(place, row), _child(place)
    key = place.table.attributes[place.rest[1]].sub_key
    records = call.rows()
    written = []
    for record in records:
        found = record.get(key, name)
        if not isinstance(found, str | int) or not str(found):
            raise bad_data()
        _put(rows, str(found), {**record, key: found}, call.method)
        written.append(found)
    _keep(writer, row, rows)
    return {"data": {key: written[0]}} if len(records) == 1 else {}


def _put(rows: Rows, name: str, record: Mapping[str, Any], method: str) -> None:
    if method == "add" and name in rows:
        raise exists()
    if method in ("update", "replace") and name not in rows:
        raise absent()
    rows[name] = record if method == "replace" else {**rows.get(name, {}), **record}


def delete(writer: Writer, row: Row) -> Members:
    """Remove one row, or all with `confirm`."""
    rows, name = _rows(writer.place, row), _child(writer.place)
    if name is None:
        if writer.call.param.get("confirm") != 1:
            raise bad_data()
        rows.clear()
    elif rows.pop(name, None) is None:
        raise absent()
    _keep(writer, row, rows)
    return {}


def _keep(writer: Writer, row: Row, rows: Rows) -> None:
    attrs = {**row.attrs, writer.place.rest[1]: tuple(rows.values())}
    user = writer.call.session.admin.user
    writer.put(row, row.changed(now=writer.call.now, by=user, attrs=attrs))
