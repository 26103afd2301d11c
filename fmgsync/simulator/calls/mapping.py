"""The `dynamic_mapping` sub-table: the value an object takes on one DeviceVdom."""

from __future__ import annotations

from typing import Any

from fmgsync.simulator.calls.place import scope_of
from fmgsync.simulator.calls.reading import View, show_mapping, show_mappings
from fmgsync.simulator.calls.writing import Writer
from fmgsync.simulator.codes import absent, bad_data, bad_url, exists
from fmgsync.simulator.state.store import Row, Scope
from fmgsync.simulator.wire.call import Call, Members


def read(view: View, row: Row, rest: tuple[str, ...], call: Call) -> Members:
    """All mappings, or the one of a DeviceVdom."""
    if not rest:
        shown = show_mappings(view, row, call.verbose)
        return {"data": shown} if shown else {}
    scope = _scope(rest)
    if scope not in row.maps and view.table.maps_global and scope[1] == "root":
        scope = (scope[0], "global")  # what is said of the whole device holds for its first VDOM
    found = row.maps.get(scope)
    if found is None:
        raise absent()
    return {"data": show_mapping(view, found, scope, call.verbose)}


def _scope(rest: tuple[str, ...]) -> Scope:
    if len(rest) != 2:
        raise bad_url()
    return rest[0], rest[1]


def write(writer: Writer, row: Row, rest: tuple[str, ...]) -> Members:
    """Add, set, update or replace mappings; others stay as they are."""
    if len(rest) == 3 and rest[2] == "_scope":
        return _move(writer, row, (rest[0], rest[1]))
    if rest:
        return _write_one(writer, row, _scope(rest))
    maps, records = dict(row.maps), writer.call.rows()
    scopes: list[Scope] = []
    for record in records:
        for scope in writer.scopes(record):
            _put(writer, maps, scope, record)
            scopes.append(scope)
    _replace(writer, row, maps)
    if len(records) > 1:
        return {}
    return {"data": {"_scope": _shown(scopes) if _echoes(writer) else None}}


def _echoes(writer: Writer) -> bool:
    """Some tables answer null ("How to FortiManager API", 002 and 009)."""
    when = writer.place.table.echoes_scope
    return when == "always" or (when == "object" and isinstance(writer.call.data, dict))


def _shown(scopes: list[Scope]) -> list[dict[str, str]]:
    return [{"name": device, "vdom": vdom} for device, vdom in scopes]


def _put(writer: Writer, maps: dict[Scope, Row], scope: Scope, record: Any) -> None:
    method, before = writer.call.method, maps.get(scope)
    if method == "add" and before is not None:
        raise exists()
    if method in ("update", "replace") and before is None:
        raise absent()
    maps[scope] = writer.mapping(record, scope, None if method == "replace" else before)


def _write_one(writer: Writer, row: Row, scope: Scope) -> Members:
    maps = dict(row.maps)
    record = writer.call.record()
    if scope not in maps:
        writer.scopes({"_scope": _shown([scope])})
    _put(writer, maps, scope, record)
    _replace(writer, row, maps)
    return {"data": {"_scope": _shown([scope])}}


def _move(writer: Writer, row: Row, scope: Scope) -> Members:
    """`_scope` itself is written: the mapping goes over to another DeviceVdom."""
    if scope not in row.maps:
        raise absent()
    targets = writer.scopes({"_scope": writer.call.data})
    if len(targets) != 1:
        raise bad_data()
    maps = dict(row.maps)
    moved = maps.pop(scope)
    if targets[0] in maps:
        raise exists()
    maps[targets[0]] = moved
    _replace(writer, row, maps)
    return {}


def delete(writer: Writer, row: Row, rest: tuple[str, ...]) -> Members:
    """Delete the mapping of one DeviceVdom (by url or by data), or all with `confirm`."""
    maps = dict(row.maps)
    if rest:
        scopes = [_scope(rest)]
    elif writer.call.data is not None:
        scopes = [s for record in writer.call.records() for s in scope_of(record.get("_scope"))]
    elif writer.call.param.get("confirm") == 1:
        scopes = list(maps)
    else:
        raise bad_data()
    for scope in scopes:
        if maps.pop(scope, None) is None:
            raise absent()
    _replace(writer, row, maps)
    return {}


def _replace(writer: Writer, row: Row, maps: dict[Scope, Row]) -> None:
    user = writer.call.session.admin.user
    after = row.changed(now=writer.call.now, by=user, maps=maps)
    writer.check(row, after)
    writer.put(row, after)
