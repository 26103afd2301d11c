"""Which meta fields there are: columns that administrators add to devices, ADOMs and objects.

"How to FortiManager API", 023.
"""

from __future__ import annotations

from typing import Any, Final

from fmgsync.simulator.calls.plain import answer_row, answer_table
from fmgsync.simulator.calls.records import META_FIELD, keep, words
from fmgsync.simulator.calls.settings import require_super
from fmgsync.simulator.codes import absent, bad_data, bad_url, exists
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

Rest = tuple[str, ...]

_DEVICE: Final = ("Company/Organization", "Country", "Province/State", "City", "Contact")
PREDEFINED: Final = {"device": _DEVICE}
TABLES: Final = (
    "device/vdom",  # before `device`, of which `vdom` would be a field
    "device",
    "group",
    "adom",
    "system/admin/user",
    "firewall/address",
    "firewall/addrgrp",
    "firewall/service/custom",
    "firewall/service/group",
    "firewall/policy",
    "firewall/central-snat-map",
)
_WORDS: Final = words(META_FIELD)


def _fields(world: World, rest: Rest) -> tuple[dict[str, dict[str, Any]], str | None]:
    """The table's fields and, if the url goes on, the name of one."""
    for table in TABLES:
        path = tuple(table.split("/"))
        if rest[: len(path)] == path and len(rest) <= len(path) + 1:
            return world.meta_fields(table), rest[len(path)] if len(rest) > len(path) else None
    raise bad_url()


def read(world: World, call: Call, rest: Rest) -> Members:
    """All meta fields of a table, or one."""
    fields, name = _fields(world, rest)
    if name is None:
        return answer_table(call, list(fields.values()), always=("name",), words=_WORDS)
    if name not in fields:
        raise absent()
    return answer_row(call, fields[name], always=("name",), words=_WORDS)


def write(world: World, call: Call, rest: Rest) -> Members:
    """Define a meta field, or change one."""
    require_super(call)
    fields, at = _fields(world, rest)
    for record in call.records():
        name = at or record.get("name")
        if not isinstance(name, str) or not name:
            raise bad_data()
        if call.method == "add" and name in fields:
            raise exists()
        if call.method == "update" and name not in fields:
            raise absent()
        made = fields.get(name) or new_field(name)
        keep(META_FIELD, made, record, call.ignore)
        fields[name] = made
    return {}


def new_field(name: str) -> dict[str, Any]:
    """A field as it is when only its name is given."""
    shown = {n: a.default for n, a in META_FIELD.attributes.items()}
    return {"name": name, **shown}


def delete(world: World, call: Call, rest: Rest) -> Members:
    """Remove a meta field."""
    require_super(call)
    fields, name = _fields(world, rest)
    if name is None or fields.pop(name, None) is None:
        raise absent()
    return {}


_BASES = ("/dvmdb/_meta_fields", "/pm/config/_meta_fields", "/cli/global/_meta_fields")
ROUTES = tuple(
    Route(methods, f"{base}/{{rest*}}", handler)
    for base in _BASES
    for methods, handler in (("get", read), ("add set update", write), ("delete", delete))
)
