"""Policy packages and folders: a tree, with installation targets, addressed by path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from fmgsync.simulator.calls.place import tell_strange
from fmgsync.simulator.calls.plain import answer_row, answer_table
from fmgsync.simulator.codes import absent, bad_data, bad_url, exists
from fmgsync.simulator.schema.catalog_packages import PACKAGE_TABLES
from fmgsync.simulator.state.adom import PACKAGES, Adom, write
from fmgsync.simulator.state.locks import writable
from fmgsync.simulator.state.references import package_store
from fmgsync.simulator.state.store import Change, Database, Row
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members

Rest = tuple[str, ...]
SETTINGS: Final = {
    "central-nat": "disable",
    "consolidated-firewall-mode": "disable",
    "fwpolicy-implicit-log": "disable",
    "fwpolicy6-implicit-log": "disable",
    "hitc-taskid": 0,
    "hitc-timestamp": 0,
    "ngfw-mode": "profile-based",
    "policy-offload-level": "disable",
}
_NUMBERS: Final = {"disable": 0, "enable": 1, "profile-based": 0, "policy-based": 1}
_TARGETS: Final = "scope member"
_MEMBERS: Final = frozenset(
    ("name", "obj ver", "oid", "package settings", "scope member", "subobj", "type")
)


def read(world: World, call: Call, adom: str, rest: Rest = ()) -> Members:
    """The tree, or one package or folder."""
    place = world.enter(adom, call.session)
    database = place.view(call.session.sid)
    if not rest:
        rows = [show(database, row, call) for row in _children(database, "")]
        return answer_table(call, rows)
    if rest[-1] == _TARGETS:
        row = _find(database, rest[:-1])
        return answer_table(call, _show_scope(row), always=("name", "vdom"))
    return answer_row(call, show(database, _find(database, rest), call))


def _find(database: Database, rest: Rest) -> Row:
    row = database.rows(PACKAGES).get("/".join(rest))
    if row is None:
        raise bad_url()
    return row


def _children(database: Database, folder: str) -> list[Row]:
    prefix = f"{folder}/" if folder else ""
    rows = database.rows(PACKAGES)
    found = rows.between(prefix, prefix) if prefix else rows.ordered()
    keys = [str(key) for key in found if "/" not in str(key)[len(prefix) :]]
    return [row for row in map(rows.get, keys) if row is not None]


def show(database: Database, row: Row, call: Call) -> dict[str, Any]:
    """A package or folder; folders hold theirs under `subobj`."""
    name = str(row.key).rpartition("/")[2]
    shown: dict[str, Any] = {"name": name, "oid": row.oid, "type": row.attrs["type"]}
    if row.attrs["type"] == "folder":
        children = [show(database, child, call) for child in _children(database, str(row.key))]
        return shown | ({"subobj": children} if children else {})
    shown |= {"obj ver": row.version, "package settings": show_settings(row, call)}
    scope = _show_scope(row)
    return shown | ({_TARGETS: scope} if scope else {})


def show_settings(row: Row, call: Call) -> dict[str, Any]:
    """The settings of a package or policy block."""
    settings = {**SETTINGS, **row.attrs["settings"]}
    if call.verbose:
        return settings
    return {k: _NUMBERS.get(v, v) if isinstance(v, str) else v for k, v in settings.items()}


def _show_scope(row: Row) -> list[dict[str, Any]]:
    return [
        {"name": name} if vdom is None else {"name": name, "vdom": vdom}
        for name, vdom in row.attrs["scope"]
    ]


class PackageEditor:
    """Writes packages, or blocks, where the session's lock allows."""

    def __init__(
        self, world: World, call: Call, adom: Adom, path: str | None, table: str = PACKAGES
    ) -> None:
        self.world, self.call, self.adom, self.table = world, call, adom, table
        self.database = writable(adom, call.session, package=path)

    def put(self, before: Row | None, after: Row | None, table: str = "") -> None:
        """Write a package, or a row of another table that goes with it."""
        row = after or before
        if row is not None:
            change = Change(table or self.table, row.key, before, after)
            self.adom.apply(self.database, change, self.call.now)

    def change(self, row: Row, **attrs: Any) -> None:
        """Change some of what a package or folder is."""
        user = self.call.session.admin.user
        self.put(row, row.changed(now=self.call.now, by=user, attrs={**row.attrs, **attrs}))

    def new(self, path: str, kind: str, **attrs: Any) -> Row:
        """A package, block or folder, empty but for what is said of it."""
        attrs = {"type": kind, "scope": (), "settings": {}, "order": ()} | attrs
        now, user = int(self.call.now), self.call.session.admin.user
        row = Row(path, self.world.next_oid(), attrs, created=now, modified=now, by=user)
        self.put(None, row)
        return row


def write_tree(world: World, call: Call, adom: str, rest: Rest = ()) -> Members:
    """Add, set or update packages and folders below a place in the tree."""
    place = world.enter(adom, call.session)
    if rest and rest[-1] == _TARGETS:
        return _write_targets(world, call, place, rest[:-1])
    editor = PackageEditor(world, call, place, "/".join(rest) or None)
    existing = editor.database.rows(PACKAGES).get("/".join(rest)) if rest else None
    for record in call.records():
        if rest and existing is not None and _is_itself(editor, existing, record):
            _edit(editor, _rename(editor, existing, record.get("name", rest[-1])), record)
        elif rest and existing is None and record.get("name") in (None, rest[-1]):
            _put_node(editor, "/".join(rest[:-1]), {**record, "name": rest[-1]})
        else:
            _put_node(editor, "/".join(rest), record)
    return {}


def _is_itself(editor: PackageEditor, row: Row, record: Mapping[str, Any]) -> bool:
    """Whether a record written at a package's or folder's url is of that, not of one inside."""
    return row.attrs["type"] == "pkg" or (
        editor.call.method == "update"
        and record.get("type", "folder") == "folder"
        and f"{row.key}/{record.get('name')}" not in editor.database.rows(PACKAGES)
    )


def _put_node(editor: PackageEditor, parent: str, record: Mapping[str, Any]) -> None:
    name, kind = record.get("name"), record.get("type", "pkg")
    if not isinstance(name, str) or not name or kind not in ("pkg", "folder") or "/" in name:
        raise bad_data()
    folder = editor.database.rows(PACKAGES).get(parent) if parent else None
    if parent and (folder is None or folder.attrs["type"] != "folder"):
        raise bad_url()
    path = f"{parent}/{name}" if parent else name
    row = editor.database.rows(PACKAGES).get(path)
    if row is not None and editor.call.method == "add":
        raise exists()
    if row is None and editor.call.method == "update":
        raise absent()
    if row is None:
        row = editor.new(path, kind)
    _edit(editor, row, record)
    children = record.get("subobj") or []
    if not isinstance(children, list) or not all(isinstance(child, dict) for child in children):
        raise bad_data()
    for child in children:
        _put_node(editor, path, child)


def _edit(editor: PackageEditor, row: Row, record: Mapping[str, Any]) -> None:
    changes: dict[str, Any] = {}
    settings = record.get("package settings")
    if isinstance(settings, dict):
        changes["settings"] = {**row.attrs["settings"], **settings}
    if _TARGETS in record:
        changes["scope"] = targets_of(editor.adom, record[_TARGETS], editor.call)
    for name in record:
        if name not in _MEMBERS:
            editor.call.ignore("member", name)
    if changes:
        editor.change(row, **changes)


def _rename(editor: PackageEditor, row: Row, name: Any) -> Row:
    """A new name at the same place; what is in a folder moves along."""
    old = str(row.key)
    if not isinstance(name, str) or not name or "/" in name:
        raise bad_data()
    parent = old.rpartition("/")[0]
    path = f"{parent}/{name}" if parent else name
    if path == old:
        return row
    rows = editor.database.rows(PACKAGES)
    if path in rows:
        raise exists()
    user, renamed = editor.call.session.admin.user, row
    for key in [old, *rows.between(f"{old}/", f"{old}/")]:
        held = rows.get(key)
        if held is not None:
            moved = replace(held, key=path + str(key)[len(old) :])
            after = moved.changed(now=editor.call.now, by=user)
            editor.put(held, None)
            editor.put(None, after)
            renamed = after if key == old else renamed
    return renamed


def targets_of(
    adom: Adom, value: Any, call: Call | None = None
) -> tuple[tuple[str, str | None], ...]:
    """Devices with VDOM and device groups; unknown ones are refused (-10).

    Of an `exec`, what nobody listens to is told by itself; of a write `call` tells it.
    """
    found: dict[tuple[str, str | None], None] = {}
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, dict):
            raise bad_data()
        name, vdom = item.get("name"), item.get("vdom")
        if name is None and vdom is None:
            continue
        if not isinstance(name, str) or not isinstance(vdom, str | None):
            raise bad_data()
        if call is not None:
            tell_strange(item, _TARGETS, partial(call.ignore, "member"))
        known = name in adom.groups if vdom is None else adom.has(name, vdom)
        if not known and adom.name != "global":
            raise bad_data()  # a global package's targets are ADOMs
        found[(name, vdom)] = None
    return tuple(found)


def _write_targets(world: World, call: Call, adom: Adom, rest: Rest) -> Members:
    editor = PackageEditor(world, call, adom, "/".join(rest))
    row = _find(editor.database, rest)
    given = targets_of(adom, call.data, call)
    if call.method == "add":
        given = tuple(dict.fromkeys((*row.attrs["scope"], *given)))
    editor.change(row, scope=given)
    return {}


def delete(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Delete a package with its policies, an (empty or not) folder, or installation targets."""
    place = world.enter(adom, call.session)
    if rest[-1] == _TARGETS:
        editor = PackageEditor(world, call, place, "/".join(rest[:-1]))
        row = _find(editor.database, rest[:-1])
        gone = set(targets_of(place, call.data, call))
        editor.change(row, scope=tuple(t for t in row.attrs["scope"] if t not in gone))
        return {}
    editor = PackageEditor(world, call, place, None)
    _delete_node(editor, _find(editor.database, rest))
    return {}


def _delete_node(editor: PackageEditor, row: Row) -> None:
    for child in _children(editor.database, str(row.key)):
        _delete_node(editor, child)
    for table in PACKAGE_TABLES:
        store = package_store(table, row.oid)
        for policy in list(editor.database.rows(store)):
            write(editor.database, Change(store, policy.key, policy, None))
    editor.put(row, None)
    gone = [s for s, known in editor.adom.installed.items() if known.package == row.oid]
    if editor.database is editor.adom.ground:
        for scope in gone:
            del editor.adom.installed[scope]
