"""Policy blocks: policies that several packages take in, each by a policy that names the block.

"How to FortiManager API", 008: created and listed at `/pm/pblock/adom/{adom}`, filled at
`/pm/config/adom/{adom}/pblock/{block}/firewall/policy`, taken in by `_policy_block`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmgsync.simulator.calls.ordering import adom_of
from fmgsync.simulator.calls.packages import PackageEditor, show_settings
from fmgsync.simulator.calls.place import find_block
from fmgsync.simulator.calls.plain import PlainRow, answer_row, answer_table
from fmgsync.simulator.codes import Refusal, absent, bad_data, exists
from fmgsync.simulator.schema.catalog_packages import BLOCKS, POLICY
from fmgsync.simulator.state.adom import Adom, write
from fmgsync.simulator.state.references import package_of, package_store
from fmgsync.simulator.state.store import Change, Database, Row
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

Rest = tuple[str, ...]


def read(world: World, call: Call, adom: str, rest: Rest = ()) -> Members:
    """All blocks, or one; with `where_used` by which policies of which packages."""
    place = world.enter(adom, call.session)
    database = place.view(call.session.sid)
    users = "where_used" in call.options()
    if rest:
        row = find_block(database, "/".join(rest))
        return answer_row(call, _show(place, database, row, call, users=users))
    rows = [_show(place, database, r, call, users=users) for r in database.rows(BLOCKS)]
    return answer_table(call, rows)


def _show(adom: Adom, database: Database, row: Row, call: Call, *, users: bool) -> PlainRow:
    shown: PlainRow = {
        "name": row.key,
        "obj ver": row.version,
        "oid": row.oid,
        "package settings": show_settings(row, call),
        "type": "pblock",
    }
    if users:
        shown.pop("obj ver")
        shown["where_used"] = _where_used(adom, database, row)
    return shown


def _where_used(adom: Adom, database: Database, row: Row) -> list[dict[str, Any]]:
    packages = {known.oid: str(known.key) for known in adom.packages(database)}
    found = []
    for store, key, _ in sorted(database.uses.of((BLOCKS, row.key)), key=str):
        oid = package_of(store)
        if oid in packages:
            found.append(
                {
                    "category": POLICY.category,
                    "mapping_name": POLICY.name,
                    "mattr": POLICY.key,
                    "mkey": str(key),
                    "pkg": {"name": packages[oid], "oid": oid},
                }
            )
    return [{"data": found, "root": {"name": adom.name, "oid": adom.oid}}] if found else []


def _editor(world: World, call: Call, adom: Adom) -> PackageEditor:
    """Under the ADOM's lock; no finer one covers blocks."""
    return PackageEditor(world, call, adom, None, BLOCKS)


def write_blocks(world: World, call: Call, adom: str, rest: Rest = ()) -> Members:
    """Add, set or update blocks: a name, and settings as a package has them."""
    editor = _editor(world, call, world.enter(adom, call.session))
    for record in call.records():
        _write_one(editor, record, "/".join(rest) or record.get("name"))
    return {}


def _write_one(editor: PackageEditor, record: Mapping[str, Any], name: Any) -> None:
    settings = record.get("package settings")
    if record.get("type", "pblock") not in ("pkg", "pblock"):
        raise bad_data()
    if not isinstance(name, str) or not name or "/" in name or len(name) > 35:
        raise bad_data()
    if not isinstance(settings, dict | None):
        raise bad_data()
    row = editor.database.rows(BLOCKS).get(name)
    method = editor.call.method
    if row is not None and method == "add":
        raise exists()
    if row is None and method == "update":
        raise absent()
    if row is None:
        editor.new(name, "pblock", settings=settings or {})
        return
    editor.change(row, settings={**row.attrs["settings"], **(settings or {})})


def delete(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Delete a block with its policies; not while a package takes it in (-10015)."""
    editor = _editor(world, call, world.enter(adom, call.session))
    row = find_block(editor.database, "/".join(rest))
    if editor.database.uses.any((BLOCKS, row.key)):
        raise Refusal(-10015)
    store = package_store(POLICY.name, row.oid)
    for policy in list(editor.database.rows(store)):
        write(editor.database, Change(store, policy.key, policy, None))
    editor.put(row, None)
    return {}


def clone(world: World, call: Call) -> Members:
    """`/securityconsole/pblock/clone`: a block with its policies, under another name."""
    adom, record = adom_of(world, call), call.record()
    editor = _editor(world, call, adom)
    source = editor.database.rows(BLOCKS).get(str(record.get("pblock")))
    name = record.get("dst_name")
    if source is None or not isinstance(name, str) or not name or "/" in name:
        raise bad_data()
    if name in editor.database.rows(BLOCKS):
        raise exists()
    first = (
        1
        + max(
            int(policy.key)
            for block in editor.database.rows(BLOCKS)
            for policy in editor.database.rows(package_store(POLICY.name, block.oid))
        )
        if source.attrs["order"]
        else 0
    )
    order = tuple(first + at for at in range(len(source.attrs["order"])))
    made = editor.new(name, "pblock", settings=source.attrs["settings"], order=order)
    rows = editor.database.rows(package_store(POLICY.name, source.oid))
    for old, new in zip(source.attrs["order"], order, strict=True):
        policy = rows.get(old)
        if policy is not None:
            copy = Row(new, world.next_oid(), policy.attrs, created=int(call.now))
            editor.put(None, copy, package_store(POLICY.name, made.oid))
    return {}


_BASE = "/pm/pblock/adom/{adom}"
ROUTES = (
    Route("get", _BASE, read),
    Route("get", _BASE + "/{rest*}", read),
    Route("add set update", _BASE, write_blocks),
    Route("set update", _BASE + "/{rest*}", write_blocks),
    Route("delete", _BASE + "/{rest*}", delete),
    Route("exec", "/securityconsole/pblock/clone", clone),
)
