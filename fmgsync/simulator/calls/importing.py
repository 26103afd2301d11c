"""A device's policies and objects become a package of the ADOM: `/securityconsole/import/dev/objs`.

Members: the Ansible module `fmgr_securityconsole_import_dev_objs` and clients' code, which search
for policies, then for objects, then `do` it. An object that the ADOM holds with another value gets
the device's; a package of that name is overwritten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fmgsync.simulator.calls.copying import edges
from fmgsync.simulator.calls.ordering import adom_of, open_task
from fmgsync.simulator.calls.packagecmd import destination
from fmgsync.simulator.calls.packages import PackageEditor
from fmgsync.simulator.codes import bad_data
from fmgsync.simulator.schema.catalog import TABLES
from fmgsync.simulator.schema.catalog_packages import POLICY
from fmgsync.simulator.state.adom import PACKAGES, Adom, Installed
from fmgsync.simulator.state.devices import Entry, Vdom
from fmgsync.simulator.state.references import package_store
from fmgsync.simulator.state.store import Row, Target
from fmgsync.simulator.state.tasks import Line
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "import_action": ("do", "policy_search", "obj_search"),
    "if_all_policy": ("disable", "enable"),
    "if_all_objs": ("none", "all", "filter"),
    "add_mappings": ("disable", "enable"),
    "position": ("bottom", "top"),
}
"""The first is what counts when nothing is said. Positions and mappings concern interfaces."""


def import_objects(world: World, call: Call) -> Members:
    """Search, or do it; either is a task."""
    adom, record = adom_of(world, call), call.record()
    said = {name: _choice(record, name) for name in _CHOICES}
    device, vdom = record.get("name"), record.get("vdom") or "root"
    if not isinstance(device, str) or not isinstance(vdom, str) or not adom.has(device, vdom):
        raise bad_data()
    editor = PackageEditor(world, call, adom, None)
    path = destination(editor, record)
    held = world.devices[device].vdoms[vdom]
    policies = dict(held.table(POLICY.name).items()) if said["if_all_policy"] == "enable" else {}
    objects = dict(_objects(held, policies, everything=said["if_all_objs"] == "all"))
    if said["import_action"] == "do":
        for target, entry in objects.items():
            _take(editor, target, entry)
        package = _package(editor, path, (device, vdom), policies)
        adom.installed[(device, vdom)] = Installed(package.oid, "imported")
    return _told(world, call, adom, (device, vdom), f"{len(policies)} policies, {len(objects)}")


def _choice(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name, _CHOICES[name][0])
    if value not in _CHOICES[name]:
        raise bad_data()
    return str(value)


def _objects(
    vdom: Vdom, policies: Mapping[str | int, Entry], *, everything: bool
) -> Iterator[tuple[Target, Entry]]:
    """What policies need, or all there is."""
    pending = [
        target
        for entry in policies.values()
        for target in edges(POLICY.name, entry, lambda target: vdom.get(target) is not None)
    ]
    if everything:
        pending += [(table, key) for table in TABLES for key in vdom.table(table)]
    seen: set[Target] = set()
    while pending:
        target = pending.pop()
        entry = vdom.get(target)
        if entry is not None and target not in seen:
            seen.add(target)
            yield target, entry
            pending += edges(target[0], entry, lambda target: vdom.get(target) is not None)


def _take(editor: PackageEditor, target: Target, entry: Entry) -> None:
    before = editor.database.rows(target[0]).get(target[1])
    user, now = editor.call.session.admin.user, editor.call.now
    if before is None:
        made = Row(target[1], editor.world.next_oid(), entry.attrs, created=int(now), by=user)
        editor.put(None, made, target[0])
    elif before.attrs != entry.attrs:
        editor.put(before, before.changed(now=now, by=user, attrs=entry.attrs), target[0])


def _package(
    editor: PackageEditor, path: str, scope: Target, policies: Mapping[str | int, Entry]
) -> Row:
    before = editor.database.rows(PACKAGES).get(path)
    if before is not None and before.attrs["type"] != "pkg":
        raise bad_data()
    row = before or editor.new(path, "pkg")
    store = package_store(POLICY.name, row.oid)
    for old in list(editor.database.rows(store)):
        editor.put(old, None, store)
    user, now = editor.call.session.admin.user, int(editor.call.now)
    for key, entry in policies.items():
        made = Row(key, editor.world.next_oid(), entry.attrs, created=now, modified=now, by=user)
        editor.put(None, made, store)
    targets = dict.fromkeys((*row.attrs["scope"], scope))
    editor.change(row, order=tuple(policies), scope=tuple(targets))
    return row


def _told(world: World, call: Call, adom: Adom, scope: Target, found: str) -> Members:
    task = open_task(world, call, adom, "Import Device Objs/Policy", "import dev objs")
    line = Line(str(scope[0]), world.devices[str(scope[0])].oid)
    line.vdom = str(scope[1])
    task.lines.append(line)
    line.tell(call.now, 100, f"{found} objects", "done")
    task.settle(call.now)
    return {"data": {"task": task.id}}


ROUTES = (Route("exec", "/securityconsole/import/dev/objs", import_objects),)
