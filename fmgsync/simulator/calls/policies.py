"""Firewall policies inside packages: rows with an order, and with an "install on" of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from fmgsync.simulator.calls import hitcounts
from fmgsync.simulator.calls.expanding import SubFetch
from fmgsync.simulator.calls.objects import (
    delete_place,
    read_place,
    show_fully,
    write_attribute,
)
from fmgsync.simulator.calls.packages import targets_of
from fmgsync.simulator.calls.place import Place, in_block, in_package
from fmgsync.simulator.calls.reading import cut, heed_table, select, value_of
from fmgsync.simulator.calls.replacing import find_and_replace
from fmgsync.simulator.calls.status import is_package_status, read_package
from fmgsync.simulator.calls.writing import Writer, key_of
from fmgsync.simulator.codes import Refusal, absent, bad_command, bad_data, bad_url
from fmgsync.simulator.schema.catalog_packages import (
    BLOCKS,
    FIRST_ID,
    FIRST_IN_BLOCK,
    FOOTER,
    HEADER,
    POLICY,
)
from fmgsync.simulator.schema.tables import Table
from fmgsync.simulator.state.references import package_store
from fmgsync.simulator.state.store import Change, Key, Row
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route
from fmgsync.simulator.wire.urls import split

Rest = tuple[str, ...]
INSTALL_ON = "install-on"
_TARGETS = "scope member"
_BLOCK = "_policy_block"
_RESTRICTED = 16
"""The flag of a policy with an "install on" of its own."""


def _within(world: World, call: Call, adom: str, rest: Rest) -> Place:
    """The table a url means; which tables there are depends on whose package it is.

    The global database has the header and the footer alone. In an ADOM they are what was assigned
    to it, to be read.
    """
    inside = in_block if call.path[4:5] == ("pblock",) else in_package
    place = inside(world, call, adom, rest)
    assigned = place.table in (HEADER, FOOTER)
    if assigned != (adom == "global") and (adom == "global" or place.in_block):
        raise bad_url()
    if place.in_block and place.table is not POLICY:
        raise bad_url()
    if assigned and adom != "global" and call.method != "get":
        raise bad_command()
    return place


def read(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Policies in their order, one policy, its install targets, or the package's status."""
    if is_package_status(rest):
        return read_package(world, call, adom, rest)
    if rest[-4:-2] == ("_query", "interface_pair_view"):
        return _pair_view(world, call, adom, rest)
    place = _within(world, call, adom, rest)
    if len(place.rest) == 2 and place.rest[1] == _TARGETS:
        shown = _show_targets(place.row(world, call))
        return {"data": shown} if shown else {}
    if len(place.rest) == 1:
        row = place.row(world, call)
        heed_table(place.view(world, call), call)
        return {"data": _show(world, call, place, row)}
    options = call.options()
    asked = any(word in options for word in ("count", "chksum", "syntax", "datasrc", "devinfo"))
    if place.rest or asked or "object template" in call.param:
        return read_place(world, call, place)
    heed_table(place.view(world, call), call)
    shown_rows = [_show(world, call, place, row) for row in _ordered(world, call, place)]
    return {"data": shown_rows} if shown_rows else {}


def _pair_view(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Whether policies can be shown by interface pair: none has several, or any."""
    place = _within(world, call, adom, (*rest[:-4], *rest[-2:]))
    heed_table(place.view(world, call), call)
    rows = place.view(world, call).database.rows(place.store)
    sides = [value_of(place.table, r, side) for r in rows for side in ("srcintf", "dstintf")]
    plain = all(len(side) == 1 and side != ("any",) for side in sides)
    return {"interface_pair_view": int(plain)}


def _ordered(world: World, call: Call, place: Place) -> list[Row]:
    """Rows as asked for; in package order unless sorted otherwise."""
    if call.param.get("sortings") is not None:
        return select(place.view(world, call), call)
    order = {key: at for at, key in enumerate(_order(place))}
    rows = select(place.view(world, call), replace(call, param=call.param.but(range=None)))
    rows.sort(key=lambda row: order.get(int(row.key), len(order)))
    return cut(rows, call.param.get("range"))


def _order(place: Place) -> tuple[int, ...]:
    order: tuple[int, ...] = ()
    if place.package is not None:
        order = place.package.attrs.get(_order_name(place), ())
    return order


def _order_name(place: Place) -> str:
    """Which attribute of the package keeps the order of this table."""
    return "order" if place.table is POLICY else f"order of {place.table.name}"


def _show(world: World, call: Call, place: Place, row: Row) -> dict[str, Any]:
    view = place.view(world, call)
    shown = show_fully(view, row, call, SubFetch(view, call))
    shown = {name: value for name, value in shown.items() if value is not None}
    order = _order(place)
    hitcounts.overlay(place.adom, place.package, row.key, shown)
    block = row.attrs.get(_BLOCK)
    if block:
        shown[_BLOCK] = block[0]
    shown["obj seq"] = order.index(int(row.key)) + 1 if row.key in order else 0
    if _TARGETS in call.options() and INSTALL_ON in row.attrs:
        shown[_TARGETS] = _show_targets(row)
        shown["obj flags"] = shown.get("obj flags", 0) | _RESTRICTED
    return shown


def _show_targets(row: Row) -> list[dict[str, Any]]:
    return [
        {"name": name} if vdom is None else {"name": name, "vdom": vdom}
        for name, vdom in row.attrs.get(INSTALL_ON, ())
    ]


def write(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Add, set, update or replace policies, an attribute, or the install targets of one."""
    place = _within(world, call, adom, rest)
    writer = Writer(world, call, place)
    if len(place.rest) == 2 and place.rest[1] == _TARGETS:
        return _write_targets(writer, place.row(world, call))
    if len(place.rest) == 2 and place.rest[1] == "section value":
        return _write_section(writer, place.row(world, call))
    if len(place.rest) == 1 and "used objs" in call.param:
        return find_and_replace(writer, place.row(world, call), call.param["used objs"])
    if len(place.rest) == 2:
        return write_attribute(writer, place.row(world, call))
    if len(place.rest) > 2:
        raise bad_url()
    records = call.rows()
    keys = [_write_record(writer, record) for record in records]
    return {"data": {place.table.key: keys[0]}} if len(keys) == 1 else {}


def _write_record(writer: Writer, record: Mapping[str, Any]) -> Key:
    place, method = writer.place, writer.call.method
    key = place.key if place.rest else key_of(place, record)
    if key in (None, 0) and method in ("add", "set"):
        key = _next_id(writer)
    if key is None:
        raise bad_data()
    if record.get(_BLOCK) and place.in_block:
        raise bad_data()  # blocks do not nest
    row = writer.find(key)
    if method == "add" or (method == "set" and row is None):
        order = _with(writer, int(key), _position(writer.call, record))
        _require_interfaces(writer, key, _filled(place.table, record))
        row = writer.add(_filled(place.table, record), key)
        _set_order(writer, order)
    elif row is None:
        raise absent()
    else:
        _require_interfaces(writer, key, {**row.attrs, **record})
        before, row = row, writer.change(row, record, fresh=method == "replace")
        if row is not before:
            _touch(writer)
    if _TARGETS in record:
        _set_targets(writer, row, targets_of(place.adom, record[_TARGETS], writer.call))
    return key


_INTERFACES = ("srcintf", "dstintf")


def _require_interfaces(writer: Writer, key: Key, attrs: Mapping[str, Any]) -> None:
    """A policy is between interfaces; one that stands for a block has none of its own."""
    place, gone = writer.place, attrs.get("unset attrs") or ()
    if place.table is not POLICY or attrs.get(_BLOCK) or place.package is None:
        return
    for name in _INTERFACES:
        if not attrs.get(name) or name in gone:
            text = f'{name} in Policy "{key}" Package "{place.package.key}" cannot be empty'
            raise Refusal(-9998, text)


def _position(call: Call, record: Mapping[str, Any]) -> Any:
    """`object position`, or `before` and `after` with a policy's number."""
    for where in ("before", "after"):
        target = record.get(where, call.param.get(where))
        if target is not None:
            return [where, target]
    return record.get("object position")


def _filled(table: Table, record: Mapping[str, Any]) -> dict[str, Any]:
    """A new policy matches on something: schedule always, as FortiManager fills in."""
    if record.get(_BLOCK) or "schedule" not in table.attributes:
        return dict(record)
    return {"schedule": ["always"], **record}


def _next_id(writer: Writer) -> int:
    """After the greatest in use; blocks share one range, since a package may take in several."""
    place, stores = writer.place, [writer.place.store]
    first = FIRST_ID.get(place.table.name, 1)
    if place.in_block:
        first = FIRST_IN_BLOCK
        blocks = writer.target.rows(BLOCKS)
        stores = [package_store(place.table.name, row.oid) for row in blocks]
    used = (int(key) for store in stores for key in writer.target.rows(store).ordered())
    return max((key for key in used if key >= first), default=first - 1) + 1


def _package(writer: Writer) -> Row:
    package = writer.place.package
    rows = writer.target.rows(writer.place.container)
    found = rows.get(package.key) if package is not None else None
    if found is None:
        raise bad_url()
    return found


def _touch(writer: Writer) -> None:
    """The package's `obj ver` moves with each of its policies."""
    writer.permit()
    _set_order(writer, _kept_order(writer))


def _kept_order(writer: Writer) -> tuple[int, ...]:
    order: tuple[int, ...] = _package(writer).attrs.get(_order_name(writer.place), ())
    return order


def _set_order(writer: Writer, order: tuple[int, ...]) -> None:
    package = _package(writer)
    user = writer.call.session.admin.user
    attrs = {**package.attrs, _order_name(writer.place): order}
    after = package.changed(now=writer.call.now, by=user, attrs=attrs)
    change = Change(writer.place.container, package.key, package, after)
    writer.place.adom.apply(writer.database, change, writer.call.now)


def _insert(writer: Writer, key: int, position: Any) -> None:
    _set_order(writer, _with(writer, key, position))


def _with(writer: Writer, key: int, position: Any) -> tuple[int, ...]:
    """The order with a policy at the end, or before or after another (`object position`)."""
    order = [other for other in _kept_order(writer) if other != key]
    at = len(order)
    if position is not None:
        if not isinstance(position, list) or len(position) != 2:
            raise bad_data()
        at = _index(order, *position)
    order.insert(at, key)
    return tuple(order)


def _index(order: list[int], where: Any, target: Any) -> int:
    text = str(target)
    if where not in ("before", "after") or not text.isdecimal() or int(text) not in order:
        raise bad_data()
    return order.index(int(text)) + int(where == "after")


def _write_targets(writer: Writer, row: Row) -> Members:
    call = writer.call
    data = call.data
    given = targets_of(writer.place.adom, data if data is not None else [], call)
    if call.method == "add":
        given = tuple(dict.fromkeys((*row.attrs.get(INSTALL_ON, ()), *given)))
    _set_targets(writer, row, given)
    return {}


def _write_section(writer: Writer, row: Row) -> Members:
    """A section begins at this policy, under a name and with a colour."""
    record = writer.call.record()
    label = {"global-label": record.get("name"), **record}
    writer.change(row, {k: v for k, v in label.items() if k != "name" and v is not None})
    _touch(writer)
    return {}


def _set_targets(writer: Writer, row: Row, targets: tuple[tuple[str, str | None], ...]) -> None:
    user = writer.call.session.admin.user
    attrs = {**row.attrs, INSTALL_ON: targets}
    writer.put(row, row.changed(now=writer.call.now, by=user, attrs=attrs))
    _touch(writer)


def delete(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Delete a policy, install targets of one, or (confirmed) what a filter finds."""
    place = _within(world, call, adom, rest)
    writer = Writer(world, call, place)
    if len(place.rest) == 2 and place.rest[1] == _TARGETS:
        row = place.row(world, call)
        gone = set(targets_of(place.adom, call.data, call))
        kept = tuple(t for t in row.attrs.get(INSTALL_ON, ()) if t not in gone)
        _set_targets(writer, row, kept)
        return {}
    delete_place(world, call, place)
    rows = writer.target.rows(place.store)
    _set_order(writer, tuple(key for key in _kept_order(writer) if key in rows))
    return {}


def unset(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Give an attribute its default back, or take the install restriction away."""
    place = _within(world, call, adom, rest)
    if len(place.rest) != 2:
        raise bad_url()
    name = INSTALL_ON if place.rest[1] == _TARGETS else place.rest[1]
    if name != INSTALL_ON and name not in place.table.attributes:
        raise bad_url()
    writer, row = Writer(world, call, place), place.row(world, call)
    attrs = {known: value for known, value in row.attrs.items() if known != name}
    writer.put(row, row.changed(now=call.now, by=call.session.admin.user, attrs=attrs))
    _touch(writer)
    return {}


def move(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Put a policy before or after another one."""
    place = _within(world, call, adom, rest)
    if len(place.rest) != 1:
        raise bad_command()
    writer, row = Writer(world, call, place), place.row(world, call)
    _insert(writer, int(row.key), [call.param.get("option"), call.param.get("target")])
    return {"data": {place.table.key: row.key}}


def clone(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Copy a policy, under the given or the next free id; it stands at the end.

    Data is not required; a `new parent` in it is the package or block the copy goes to.
    """
    place = _within(world, call, adom, rest)
    if len(place.rest) != 1:
        raise bad_url()
    row, record = place.row(world, call), call.record() if call.data else {}
    parent = record.get("new parent")
    writer = Writer(world, call, place if parent is None else _parent(world, call, place, parent))
    key = key_of(place, record) or _next_id(writer)
    names = place.table.attributes.keys() - {"uuid"}
    copied = {name: value_of(place.table, row, name) for name in row.attrs if name in names}
    given = {name: list(v) if isinstance(v, tuple) else v for name, v in copied.items()}
    made = writer.add({**given, **record}, key)
    if INSTALL_ON in row.attrs and parent is None:
        _set_targets(writer, made, row.attrs[INSTALL_ON])
    _insert(writer, int(key), None)
    return {"data": {place.table.key: key}}


def _parent(world: World, call: Call, place: Place, parent: Any) -> Place:
    """`pkg/{path}` or `pblock/{name}`: the same table there."""
    path = split(parent) if isinstance(parent, str) else ()
    if len(path) < 2 or path[0] not in ("pkg", "pblock"):
        raise bad_data()
    inside = in_block if path[0] == "pblock" else in_package
    return inside(world, call, place.adom.name, (*path[1:], *place.table.name.split(" ")))


_HANDLERS: tuple[tuple[str, Callable[..., Members]], ...] = (
    ("get", read),
    ("add set update replace", write),
    ("delete", delete),
    ("unset", unset),
    ("move", move),
    ("clone", clone),
)
_ADOM = "/pm/config/adom/{adom}"


def _routes() -> Iterator[Route]:
    for methods, handler in _HANDLERS:
        yield Route(methods, f"{_ADOM}/pkg/{{rest*}}", handler)
        yield Route(methods, f"{_ADOM}/pblock/{{rest*}}", handler)
        yield Route(methods, "/pm/config/global/pkg/{rest*}", partial(handler, adom="global"))


ROUTES = tuple(_routes())
