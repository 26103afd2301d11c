"""The object tables: get, add, set, update, replace, delete, clone, and single list members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fmgsync.simulator.calls import mapping, replacing, subtables, tableoptions
from fmgsync.simulator.calls.cliconfig import object_text
from fmgsync.simulator.calls.expanding import SubFetch, expand
from fmgsync.simulator.calls.place import Place, in_objects
from fmgsync.simulator.calls.reading import (
    MAPPING,
    Shower,
    View,
    checksum,
    heed_table,
    select,
    uuid_of,
    value_of,
)
from fmgsync.simulator.calls.writing import Writer, key_of
from fmgsync.simulator.codes import Refusal, absent, bad_command, bad_data, bad_url
from fmgsync.simulator.schema.attributes import Kind, give_out, take_in
from fmgsync.simulator.schema.catalog import TABLES
from fmgsync.simulator.schema.catalog_packages import PACKAGE_TABLES
from fmgsync.simulator.state.store import Row
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

Rest = tuple[str, ...]
_PRODUCTS = {"FOS": "FortiGate", "LOG": "Sql-report", "FMG": "FortiManager"}


def read(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Get a table, an object, one attribute or the mappings."""
    return read_place(world, call, in_objects(world, call, adom, rest))


def read_place(world: World, call: Call, place: Place) -> Members:
    """Get whatever the place names."""
    if not place.rest:
        return _read_table(world, call, place)
    row = place.row(world, call)
    view = place.view(world, call)
    if len(place.rest) == 1:
        if "chksum" in call.options():
            return {"data": row.version}
        if "cli config" in call.options() and world.version >= (7, 6, 1):
            return {"data": {"cli config": object_text(place.table, row)}}
        heed_table(view, call)
        return {"data": show_fully(view, row, call, SubFetch(view, call))}
    if place.rest[1] == MAPPING and place.table.mapped:
        return mapping.read(view, row, place.rest[2:], call)
    attribute = place.table.attributes.get(place.rest[1])
    if attribute is not None and attribute.kind is Kind.TABLE:
        return subtables.read(place, row, call)
    if attribute is None or len(place.rest) > 2:
        raise bad_url()
    value = value_of(place.table, row, place.rest[1])
    return {"data": give_out(attribute, value, verbose=call.verbose)}


def _read_table(world: World, call: Call, place: Place) -> Members:
    view, options = place.view(world, call), call.options()
    if "syntax" in options:
        stated = world.switches.stated_member_limit
        return tableoptions.syntax(view.table, view.version, most_members=stated)
    if "datasrc" in options:
        return tableoptions.datasrc(view, call)
    if "find duplicates" in options:
        return tableoptions.duplicates(view, call)
    if call.param.get("object template") == 1:
        return tableoptions.template(view.table, view.version)
    if "count" in options and call.param.get("filter") is None:
        return {"data": len(view.database.rows(view.store))}
    if "chksum" in options:
        return {"data": checksum(view)}
    if "devinfo" in options:
        return {"data": {"uuid": uuid_of(checksum(view) + place.adom.oid)}}
    return _read_rows(view, call)


def _read_rows(view: View, call: Call) -> Members:
    fetch = SubFetch(view, call)
    heed_table(view, call)
    rows = [row for row in select(view, call) if fetch.keeps(row)]
    if "count" in call.options():
        return {"data": len(rows)}
    shower = Shower(view, call)
    shown = [show_fully(view, row, call, fetch, shower) for row in rows]
    return {"data": shown} if shown else {}


def show_fully(
    view: View, row: Row, call: Call, fetch: SubFetch, shower: Shower | None = None
) -> dict[str, Any]:
    """A row with what `sub fetch` and `expand datasrc` make of it."""
    shown = (shower or Shower(view, call)).show(row)
    fetch.trim(row, shown)
    expand(view, row, shown, call)
    return shown


def write(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Add, set, update or replace objects, one attribute, list members or mappings."""
    place = in_objects(world, call, adom, rest)
    if "duplicate check" in call.options():
        return replacing.duplicate_check(world, call, place)
    writer = Writer(world, call, place)
    if "merge" in call.param:
        return replacing.merge(writer, place.row(world, call))
    if len(place.rest) < 2:
        return write_rows(writer)
    if place.rest[1] == MAPPING and place.table.mapped:
        return mapping.write(writer, place.row(world, call), place.rest[2:])
    return write_attribute(writer, place.row(world, call))


def write_rows(writer: Writer) -> Members:
    """One record or a list of them; a list is answered without data."""
    call, place = writer.call, writer.place
    records = call.rows()
    if place.rest and len(records) > 1:
        raise bad_data()
    dry = "cli config" in call.options() and writer.world.version >= (7, 6, 0)
    if dry or writer.world.switches.list_writes_all_or_nothing:
        writer.stage()
    rows = [write_record(writer, record) for record in records]
    if dry:
        return {"data": {"cli config": "".join(object_text(place.table, row) for row in rows)}}
    writer.keep()
    return {"data": {place.table.key: rows[0].key}} if len(rows) == 1 else {}


def write_record(writer: Writer, record: Mapping[str, Any]) -> Row:
    """One record by the call's method."""
    place, method = writer.place, writer.call.method
    key = place.key if place.rest else key_of(place, record)
    if key is None:
        raise bad_data()
    row = writer.find(key)
    if method == "add" or (method == "set" and row is None):
        return writer.add(record, key)
    if row is None:
        raise absent()
    return writer.change(row, record, fresh=method == "replace")


def write_attribute(writer: Writer, row: Row) -> Members:
    """`.../{object}/{attribute}`: add or set list members, or set a value."""
    place, call = writer.place, writer.call
    name = place.rest[1]
    attribute = place.table.attributes.get(name)
    if attribute is not None and attribute.kind is Kind.TABLE:
        return subtables.write(writer, row)
    if attribute is None or len(place.rest) > 2:
        raise bad_url()
    value = take_in(attribute, call.data)
    if call.method == "add" and attribute.kind is Kind.NAMES:
        value = tuple(dict.fromkeys((*value_of(place.table, row, name), *value)))
    return _set_attribute(writer, row, name, value)


def _set_attribute(writer: Writer, row: Row, name: str, value: Any) -> Members:
    attrs = {**row.attrs, name: value}
    user = writer.call.session.admin.user
    after = row.changed(now=writer.call.now, by=user, attrs=attrs)
    writer.check(row, after)
    writer.put(row, after)
    return {}


def delete(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Delete an object, list members, a mapping, or (confirmed) what a filter finds."""
    place = in_objects(world, call, adom, rest)
    return delete_place(world, call, place)


def delete_place(world: World, call: Call, place: Place) -> Members:
    """Delete whatever the place names."""
    writer = Writer(world, call, place)
    force = "force" in call.options()
    if not place.rest:
        return _delete_filtered(writer, force=force)
    row = place.row(world, call)
    if len(place.rest) == 1:
        writer.delete(row, force=force)
        return {}
    if place.rest[1] == MAPPING and place.table.mapped:
        return mapping.delete(writer, row, place.rest[2:])
    return _delete_members(writer, row)


def _delete_filtered(writer: Writer, *, force: bool) -> Members:
    call, place = writer.call, writer.place
    if call.param.get("confirm") != 1:
        raise bad_command()
    for row in select(place.view(writer.world, call), call):
        writer.delete(row, force=force)
    return {}


def _delete_members(writer: Writer, row: Row) -> Members:
    place = writer.place
    attribute = place.table.attributes.get(place.rest[1])
    if attribute is not None and attribute.kind is Kind.TABLE:
        return subtables.delete(writer, row)
    if attribute is None or attribute.kind is not Kind.NAMES or len(place.rest) > 2:
        raise bad_url()
    gone = set(take_in(attribute, writer.call.data))
    kept = tuple(n for n in value_of(place.table, row, place.rest[1]) if n not in gone)
    return _set_attribute(writer, row, place.rest[1], kept)


def unset(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Give one attribute its default back."""
    place = in_objects(world, call, adom, rest)
    if len(place.rest) != 2 or place.rest[1] not in place.table.attributes:
        raise bad_url()
    writer, row = Writer(world, call, place), place.row(world, call)
    attrs = {name: value for name, value in row.attrs.items() if name != place.rest[1]}
    user = call.session.admin.user
    writer.put(row, row.changed(now=call.now, by=user, attrs=attrs))
    return {}


def clone(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Copy an object under a new name, mappings included."""
    place = in_objects(world, call, adom, rest)
    if len(place.rest) != 1:
        raise bad_url()
    writer, row = Writer(world, call, place), place.row(world, call)
    name = call.text("name")
    copy = writer.add(call.record(), name)
    after = replace(copy, attrs={**row.attrs, **copy.attrs}, maps={**row.maps, **copy.maps})
    writer.put(copy, after)
    return {"data": {"name": name}}


def devinfo(world: World, call: Call, adom: str) -> Members:
    """`devinfo` on the whole object database: a uuid that changes with every write."""
    if "devinfo" not in call.options():
        raise bad_url()
    place = world.enter(adom, call.session)
    total = place.view(call.session.sid).all_writes()
    return {"data": {"uuid": uuid_of(total + 1000 * place.oid)}}


def table_size(world: World, call: Call, adom: str, rest: Rest = ()) -> Members:
    """How many objects of its tables an ADOM may have: all tables, those of one product, or one.

    Of reports and of FortiManager's own tables it is known that they are listed, not which.
    """
    world.enter(adom, call.session)
    product, name = (rest[0].upper() if rest else ""), " ".join(rest[1:])
    every = {**TABLES, **PACKAGE_TABLES}
    if product not in ("", *_PRODUCTS) or (name and (product != "FOS" or name not in every)):
        raise bad_url()
    tables = [every[name]] if name else [every[one] for one in sorted(every)]
    sizes = [{"name": table.name, "sz": {"adom": table.size}} for table in tables]
    listed = [tag for tag in _PRODUCTS if product in ("", tag)]
    return {
        "data": [
            {"items": sizes if tag == "FOS" else [], "name": _PRODUCTS[tag], "tag": tag}
            for tag in listed
        ]
    }


def refuse_move(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Objects have no order."""
    raise Refusal(-9)


_OBJ = "/pm/config/adom/{adom}/obj/{rest*}"


def _for_global(handler: Any) -> Any:
    def answer(world: World, call: Call, rest: Rest) -> Members:
        members: Members = handler(world, call, "global", rest)
        return members

    return answer


def _routes() -> tuple[Route, ...]:
    table = (
        ("get", read),
        ("add set update replace", write),
        ("delete", delete),
        ("unset", unset),
        ("clone", clone),
        ("move", refuse_move),
    )
    routes = [Route(methods, _OBJ, handler) for methods, handler in table]
    routes += [
        Route(methods, "/pm/config/global/obj/{rest*}", _for_global(handler))
        for methods, handler in table
    ]
    routes.append(Route("get", "/pm/config/adom/{adom}/obj", devinfo))
    size = "/pm/config/adom/{adom}/_data/tablesize"
    routes += [Route("get", size, table_size), Route("get", size + "/{rest*}", table_size)]
    return tuple(routes)


ROUTES = _routes()
