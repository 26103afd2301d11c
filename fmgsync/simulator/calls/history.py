"""Object revisions: what was done to an object, when, by whom, with which note."""

from __future__ import annotations

import json
from typing import Any

from fmgsync.simulator.calls.place import Place, in_objects, in_package
from fmgsync.simulator.calls.reading import shown_names, value_of
from fmgsync.simulator.codes import absent, bad_url
from fmgsync.simulator.schema.attributes import give_out
from fmgsync.simulator.schema.tables import Table
from fmgsync.simulator.state.store import Key, Row
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route


def spaced(value: Any) -> str:
    """JSON as FortiManager writes it into texts: blanks inside braces and brackets."""
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(k)}: {spaced(v)}" for k, v in sorted(value.items()))
        return f"{{ {inner} }}"
    if isinstance(value, list):
        return f"[ {', '.join(map(spaced, value))} ]" if value else "[ ]"
    return json.dumps(value)


def config_of(table: Table, row: Row, version: tuple[int, ...]) -> dict[str, Any]:
    """An object's configuration with numbers for enumerations."""
    shown: dict[str, Any] = {table.key: row.key, "oid": row.oid}
    for name in shown_names(table, row, version):
        attribute = table.attributes[name]
        if attribute.known_in(version):
            shown[name] = give_out(attribute, value_of(table, row, name), verbose=False)
    if table.mapped:
        shown["dynamic_mapping"] = None
    return shown


def _answer(world: World, place: Place, key: Key | None) -> Members:
    steps = place.adom.history.of(place.store, key)
    if not steps and key is not None:
        raise absent()
    package = place.package.oid if place.package is not None else 0
    shown = [
        {
            "act": step.act,
            "category": place.table.category,
            "config": spaced(config_of(place.table, step.row, world.version)),
            "flags": 0,
            "key": str(found),
            "note": step.row.note,
            "oid": step.row.oid,
            "pkg_oid": package,
            "timestamp": step.at,
            "user": step.user,
        }
        for found, step in steps
    ]
    return {"data": shown} if shown else {}


def read(world: World, call: Call, adom: str, rest: tuple[str, ...]) -> Members:
    """`_objrev/obj/...` and `_objrev/pkg/...`."""
    if len(rest) < 2 or rest[0] not in ("obj", "pkg"):
        raise bad_url()
    find = in_objects if rest[0] == "obj" else in_package
    place = find(world, call, adom, rest[1:])
    if len(place.rest) > 1:
        raise bad_url()
    return _answer(world, place, place.key if place.rest else None)


ROUTES = (Route("get", "/pm/config/adom/{adom}/_objrev/{rest*}", read),)
