"""Packages and folders are cloned and moved, `/securityconsole/package/{clone,move}`.

Forms of the calls: "How to FortiManager API", 008, and clients' code. Both answer a task. A clone
gets the policies and settings of its source and, unless `scope` names some, no targets: a device
has one package.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmgsync.simulator.calls.ordering import adom_of, open_task
from fmgsync.simulator.calls.packages import PackageEditor, targets_of
from fmgsync.simulator.codes import bad_data, exists
from fmgsync.simulator.schema.catalog_packages import PACKAGE_TABLES
from fmgsync.simulator.state.adom import PACKAGES
from fmgsync.simulator.state.references import package_store
from fmgsync.simulator.state.store import Row
from fmgsync.simulator.state.tasks import Line
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route


def destination(editor: PackageEditor, record: Mapping[str, Any]) -> str:
    """The path `dst_parent` and `dst_name` mean; the folder must be there."""
    name, parent = record.get("dst_name"), record.get("dst_parent") or ""
    if not isinstance(name, str) or not name or "/" in name or not isinstance(parent, str):
        raise bad_data()
    folder = editor.database.rows(PACKAGES).get(parent)
    if parent and (folder is None or folder.attrs["type"] != "folder"):
        raise bad_data()
    return f"{parent}/{name}" if parent else name


def _source(editor: PackageEditor, record: Mapping[str, Any]) -> Row:
    row = editor.database.rows(PACKAGES).get(str(record.get("pkg")))
    if row is None:
        raise bad_data()
    return row


def clone(world: World, call: Call) -> Members:
    """A package with its policies under another name."""
    adom, record = adom_of(world, call), call.record()
    editor = PackageEditor(world, call, adom, None)
    source, path = _source(editor, record), destination(editor, record)
    if source.attrs["type"] != "pkg":
        raise bad_data()
    if path in editor.database.rows(PACKAGES):
        raise exists()
    scope = targets_of(adom, record["scope"]) if record.get("scope") else ()
    user, now = call.session.admin.user, int(call.now)
    attrs = {**source.attrs, "scope": scope}
    made = Row(path, world.next_oid(), attrs, created=now, modified=now, by=user)
    editor.put(None, made)
    for table in PACKAGE_TABLES:
        for policy in list(editor.database.rows(package_store(table, source.oid))):
            copy = Row(policy.key, world.next_oid(), policy.attrs, created=now, by=user)
            editor.put(None, copy, package_store(table, made.oid))
    return _done(world, call, f"Clone package '{source.key}'", made)


def move(world: World, call: Call) -> Members:
    """A package, or a folder with all that is in it, to another folder or name."""
    adom, record = adom_of(world, call), call.record()
    editor = PackageEditor(world, call, adom, None)
    source, path = _source(editor, record), destination(editor, record)
    before = str(source.key)
    if path == before or path.startswith(f"{before}/"):
        raise bad_data()
    if path in editor.database.rows(PACKAGES):
        raise exists()
    moved = [
        row
        for row in editor.database.rows(PACKAGES)
        if row.key == before or str(row.key).startswith(f"{before}/")
    ]
    for row in moved:
        key = path + str(row.key).removeprefix(before)
        after = row.changed(now=call.now, by=call.session.admin.user, key=key)
        editor.put(row, None)
        editor.put(None, after)
    return _done(world, call, f"Move package '{before}'", source)


def _done(world: World, call: Call, title: str, row: Row) -> Members:
    adom = adom_of(world, call)
    task = open_task(world, call, adom, title, "security console")
    line = task.add(Line(str(row.key).rpartition("/")[2], row.oid))
    line.tell(call.now, 100, "done", "done")
    task.settle(call.now)
    return {"data": {"task": task.id}}


ROUTES = (
    Route("exec", "/securityconsole/package/clone", clone),
    Route("exec", "/securityconsole/package/move", move),
)
