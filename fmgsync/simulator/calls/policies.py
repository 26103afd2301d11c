"""Firewall policies inside packages: rows with an order, and with an "install on" of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from fmgsync.simulator.calls.objects import delete_place, write_attribute
from fmgsync.simulator.calls.packages import targets_of
from fmgsync.simulator.calls.place import Place, in_block, in_package
from fmgsync.simulator.calls.policy_reading import (
    BLOCK,
    INSTALL_ON,
    TARGETS,
    Rest,
    order_name,
    read,
    within,
)
from fmgsync.simulator.calls.reading import value_of
from fmgsync.simulator.calls.replacing import find_and_replace
from fmgsync.simulator.calls.writing import Writer, key_of
from fmgsync.simulator.codes import Refusal, absent, bad_command, bad_data, bad_url
from fmgsync.simulator.schema.catalog_packages import BLOCKS, FIRST_ID, FIRST_IN_BLOCK, POLICY
from fmgsync.simulator.schema.tables import Table
from fmgsync.simulator.state.references import package_store
from fmgsync.simulator.state.store import Change, Key, Row
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route
from fmgsync.simulator.wire.urls import split


def write(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Add, set, update or replace policies, an attribute, or the install targets of one."""
    place = within(world, call, adom, rest)
    writer = Writer(world, call, place)
    if len(place.rest) == 2 and place.rest[1] == TARGETS:
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
    if record.get(BLOCK) and place.in_block:
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
    if TARGETS in record:
        _set_targets(writer, row, targets_of(place.adom, record[TARGETS], writer.call))
    return key


_INTERFACES = ("srcintf", "dstintf")


def _require_interfaces(writer: Writer, key: Key, attrs: Mapping[str, Any]) -> None:
    """A policy is between interfaces; one that stands for a block has none of its own."""
    place, gone = writer.place, attrs.get("unset attrs") or ()
    if place.table is not POLICY or attrs.get(BLOCK) or place.package is None:
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
    if record.get(BLOCK) or "schedule" not in table.attributes:
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
    order: tuple[int, ...] = _package(writer).attrs.get(order_name(writer.place), ())
    return order


def _set_order(writer: Writer, order: tuple[int, ...]) -> None:
    package = _package(writer)
    user = writer.call.session.admin.user
    attrs = {**package.attrs, order_name(writer.place): order}
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
    place = within(world, call, adom, rest)
    writer = Writer(world, call, place)
    if len(place.rest) == 2 and place.rest[1] == TARGETS:
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
    place = within(world, call, adom, rest)
    if len(place.rest) != 2:
        raise bad_url()
    name = INSTALL_ON if place.rest[1] == TARGETS else place.rest[1]
    if name != INSTALL_ON and name not in place.table.attributes:
        raise bad_url()
    writer, row = Writer(world, call, place), place.row(world, call)
    attrs = {known: value for known, value in row.attrs.items() if known != name}
    writer.put(row, row.changed(now=call.now, by=call.session.admin.user, attrs=attrs))
    _touch(writer)
    return {}


def move(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Put a policy before or after another one."""
    place = within(world, call, adom, rest)
    if len(place.rest) != 1:
        raise bad_command()
    writer, row = Writer(world, call, place), place.row(world, call)
    _insert(writer, int(row.key), [call.param.get("option"), call.param.get("target")])
    return {"data": {place.table.key: row.key}}


def clone(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Copy a policy, under the given or the next free id; it stands at the end.

    Data is not required; a `new parent` in it is the package or block the copy goes to.
    """
    place = within(world, call, adom, rest)
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
