"""Putting one object in the place of others: merge, find and replace, is a name free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmgsync.simulator.calls.place import Place
from fmgsync.simulator.calls.writing import Writer
from fmgsync.simulator.codes import absent, bad_data, bad_url
from fmgsync.simulator.schema.attributes import Kind
from fmgsync.simulator.state.store import Row
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.urls import split


def duplicate_check(world: World, call: Call, place: Place) -> Members:
    """Null when the name is free, else the table that has it."""
    if len(place.rest) != 1:
        raise bad_url()
    database = place.view(world, call).database
    for table in (place.table.name, *place.table.rivals):
        if place.rest[0] in database.rows(table):
            return {"data": table}
    return {"data": None}


def merge(writer: Writer, kept: Row) -> Members:
    """All users of the named objects use the one in the url from now on; the others go."""
    place, names = writer.place, writer.call.param.get("merge")
    if len(place.rest) != 1 or not isinstance(names, list):
        raise bad_data()
    for name in names:
        if not isinstance(name, str):
            raise bad_data()
        other = writer.find(name)
        if other is None:
            raise absent()
        if other is not kept:
            writer.repoint(str(other.key), str(kept.key))
            writer.delete(other, force=False)
    return {}


def find_and_replace(writer: Writer, row: Row, wanted: Any) -> Members:
    """`used objs`: in the named attributes one object is replaced by others."""
    if not isinstance(wanted, Mapping):
        raise bad_data()
    names, source, targets = (wanted.get(key) for key in ("attr", "from", "to"))
    if not isinstance(source, str) or not isinstance(names, list) or not isinstance(targets, list):
        raise bad_data()
    old, attrs = split(source)[-1], dict(row.attrs)
    for name in names:
        attribute = writer.place.table.attributes.get(name) if isinstance(name, str) else None
        if attribute is None or attribute.kind is not Kind.NAMES:
            raise bad_data()
        value = row.attrs.get(name, ())
        new: list[str] = []
        for item in value:
            new.extend(map(str, targets) if item == old else [item])
        attrs[name] = tuple(dict.fromkeys(new))
    user = writer.call.session.admin.user
    after = row.changed(now=writer.call.now, by=user, attrs=attrs)
    writer.check(row, after)
    writer.put(row, after)
    return {}
