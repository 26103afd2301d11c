"""Writing configuration rows: what comes in is checked, merged, and put in place.

`set` and `update` merge attributes; list attributes and a `dynamic_mapping` inside the parent's
data are complete sets; unknown attributes do no harm ("How to FortiManager API", 001 and 002;
rstierli/fortimanager-mcp), but are told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from fmgsync.simulator.calls.place import Place, scope_of
from fmgsync.simulator.calls.reading import MAPPING, READ_ONLY
from fmgsync.simulator.calls.records import META, meta_of
from fmgsync.simulator.calls.repointing import repointed
from fmgsync.simulator.codes import Refusal, absent, bad_data, exists
from fmgsync.simulator.schema.attributes import Kind, take_in
from fmgsync.simulator.schema.tables import Table
from fmgsync.simulator.state.adom import write
from fmgsync.simulator.state.references import changed_parts, refuse_cycle, require
from fmgsync.simulator.state.store import Change, Database, Key, Row, Scope
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call

_FORBIDDEN: Final = re.compile(r"[<>()#'\"\x00-\x1f\x7f]")


_BESIDE: Final = READ_ONLY | {
    "_if_no_default",
    "after",
    "before",
    "_scope",
    "dynamic_mapping",
    "object position",
    "unset attrs",
}
"""Members of a record that are no attributes."""


class Writer:
    """Writes of one call to one table."""

    def __init__(self, world: World, call: Call, place: Place) -> None:
        self.world = world
        self.call = call
        self.place = place
        self._refusal: Refusal | None = None
        self.database = self._open()
        note = call.param.get("revision note")
        self.note = note[:255] if isinstance(note, str) else ""
        self._staged: Database | None = None

    def _open(self) -> Database:
        """Where writes go. A change to what is so already needs no lock, so refuse it later.

        As measured by ftnt-dspille/connector-fortinet-fortimanager-json-rpc: rewriting a field with
        the value it has is answered 0 without the lock.
        """
        try:
            return self.place.writable(self.call)
        except Refusal as refusal:
            if refusal.code != -10147 or self.call.method not in ("set", "update"):
                raise
            self._refusal = refusal
            return self.place.adom.view(self.call.session.sid)

    def permit(self) -> None:
        """Refuse what may not be written."""
        if self._refusal is not None:
            raise self._refusal

    @property
    def target(self) -> Database:
        """Where rows go: the draft or ground, or a layer over it while a list is tried out."""
        return self._staged if self._staged is not None else self.database

    def stage(self) -> None:
        """From now on write to the side; `keep` makes it so, an exception forgets it."""
        self._staged = Database(self.database)

    def keep(self) -> None:
        """Apply what was staged."""
        if self._staged is not None:
            changes, self._staged = self._staged.changes(), None
            for change in changes:
                self.place.adom.apply(self.database, change, self.call.now)

    def find(self, key: Key) -> Row | None:
        """The row as it is now."""
        return self.target.rows(self.place.store).get(key)

    def put(self, before: Row | None, after: Row | None) -> None:
        """Replace one row by another; both None-able, not both None."""
        row = after if after is not None else before
        if row is None:
            raise absent()
        self.permit()
        self._apply(Change(self.place.store, row.key, before, after))

    def _apply(self, change: Change) -> None:
        if self._staged is not None:
            write(self._staged, change)
        else:
            self.place.adom.apply(self.database, change, self.call.now)

    def repoint(self, old: str, new: str) -> None:
        """All users of one object use the other, both of this table."""
        user = self.call.session.admin.user
        used = (self.place.table.name, old)
        for change in repointed(self.target, used, new, now=self.call.now, by=user):
            self._apply(change)

    def add(self, record: Mapping[str, Any], key: Key) -> Row:
        """Create; -2 when the name is taken, here or in a table of the same name space."""
        self._check_free(key)
        attrs = self.attributes(record, {})
        self._check_together(key, record, attrs)
        row = Row(
            key,
            self.world.next_oid(),
            attrs,
            self.mappings(record, {}, {}),
            created=int(self.call.now),
            modified=int(self.call.now),
            by=self.call.session.admin.user,
            note=self.note,
        )
        self.check(None, row)
        self.put(None, row)
        return row

    def _check_together(
        self, key: Key, record: Mapping[str, Any], attrs: Mapping[str, Any]
    ) -> None:
        check = self.place.table.check
        if check is not None:
            check(str(key), record, attrs)

    def _check_free(self, key: Key) -> None:
        table = self.place.table
        if isinstance(key, str) and (
            not key or len(key) > table.key_limit or _FORBIDDEN.search(key)
        ):
            raise bad_data()
        for name in (self.place.store, *table.rivals):
            if key in self.target.rows(name):
                raise exists()

    def change(self, row: Row, record: Mapping[str, Any], *, fresh: bool = False) -> Row:
        """Merge a record into a row; `fresh` forgets what the record does not mention."""
        base: Mapping[str, Any] = {} if fresh else row.attrs
        attrs: Mapping[str, Any] = self.attributes(record, base)
        if attrs == row.attrs:
            attrs = row.attrs
        maps = self.mappings(record, {} if fresh else row.maps, row.maps)
        if self._refusal is not None and attrs is row.attrs and maps == row.maps:
            return row
        after = row.changed(
            now=self.call.now,
            by=self.call.session.admin.user,
            note=self.note,
            attrs=attrs,
            maps=maps,
        )
        new_name = record.get(self.place.table.key)
        if not self.place.table.numbered and isinstance(new_name, str) and new_name != row.key:
            return self._rename(row, after, new_name)
        self.check(row, after)
        self.put(row, after)
        return after

    def _rename(self, row: Row, after: Row, name: str) -> Row:
        """A new name; whether what uses the object follows, or is protected, is not known."""
        self._check_free(name)
        used = self.target.uses.any((self.place.store, row.key))
        if used and not self.world.switches.rename_used:
            raise Refusal(-10015)
        after = replace(after, key=name)
        self.check(row, after)
        self.put(None, after)
        if used:
            self.repoint(str(row.key), name)
        self.put(row, None)
        return after

    def attributes(self, record: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes a record leads to, over those that were there."""
        return attributes_of(self.place.table, record, base, self.world.version, self.ignore)

    def ignore(self, name: str) -> None:
        """Tell of a member that the table does not have."""
        self.call.ignore("member", name)

    def mappings(
        self, record: Mapping[str, Any], kept: Mapping[Scope, Row], known: Mapping[Scope, Row]
    ) -> Mapping[Scope, Row]:
        """Mappings after a write of the parent: the given list is the complete set."""
        if not self.place.table.mapped or MAPPING not in record:
            return kept
        entries = record[MAPPING] or []
        if not isinstance(entries, list):
            raise bad_data()
        keep_others = self.world.switches.parent_write_keeps_mappings
        maps: dict[Scope, Row] = dict(known) if keep_others else {}
        for entry in entries:
            if not isinstance(entry, dict):
                raise bad_data()
            for scope in self.scopes(entry):
                maps[scope] = self.mapping(entry, scope, known.get(scope))
        return maps

    def scopes(self, entry: Mapping[str, Any]) -> list[Scope]:
        """The DeviceVdoms of a mapping; unknown ones are refused (-10) unless switched off."""
        scopes = scope_of(entry.get("_scope"), self.ignore)
        lenient = self.world.switches.accept_unknown_scope
        if not lenient and not all(map(self._known_scope, scopes)):
            raise bad_data()
        return scopes

    def _known_scope(self, scope: Scope) -> bool:
        adom, (device, vdom) = self.place.adom, scope
        if vdom == "global" and self.place.table.maps_global:
            return adom.has(device)
        return adom.has(device, vdom) or adom.name == "global"

    def mapping(self, entry: Mapping[str, Any], scope: Scope, before: Row | None) -> Row:
        """A mapping, new or merged over the one that was there."""
        base = before.attrs if before is not None else {}
        table, version = self.place.table, self.world.version
        attrs = attributes_of(table, entry, base, version, self.ignore, mapping=True)
        if before is not None:
            if attrs == before.attrs:
                return before
            return before.changed(now=self.call.now, by=self.call.session.admin.user, attrs=attrs)
        return Row("/".join(scope), self.world.next_oid(), attrs)

    def check(self, before: Row | None, after: Row) -> None:
        """Refuse dangling references and groups inside themselves, in the parts that changed."""
        package = self.place.package
        path = str(package.key) if package is not None else None
        for part in changed_parts(before, after):
            require(self.target, self.place.table, part, after.key, path)
            refuse_cycle(self.target, self.place.table, part, after.key)

    def delete(self, row: Row, *, force: bool) -> None:
        """Remove; -10015 while something refers to it."""
        if not force and self.target.uses.any((self.place.store, row.key)):
            raise Refusal(-10015)
        self.put(row, None)


def attributes_of(
    table: Table,
    record: Mapping[str, Any],
    base: Mapping[str, Any],
    version: tuple[int, ...],
    ignore: Callable[[str], None],
    *,
    mapping: bool = False,
) -> dict[str, Any]:
    """Merge a record into attributes; unknown ones are told, `unset attrs` are taken away."""
    attrs = dict(base)
    for name, value in record.items():
        if name == META:
            attrs[META] = meta_of(attrs.get(META, {}), value)
            continue
        attribute = table.known(name, version, mapping=mapping)
        if attribute is None:
            if name not in _BESIDE and name != table.key:
                ignore(name)
            continue
        if attribute.kind is Kind.TABLE and not value:
            attrs.pop(name, None)
            continue
        attrs[name] = take_in(attribute, value)
    for name in _names(record.get("unset attrs")):
        attrs.pop(name, None)
    return attrs


def _names(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise bad_data()
    return value


def key_of(place: Place, record: Mapping[str, Any]) -> Key | None:
    """The key a record names; None when it names none."""
    value = record.get(place.table.key)
    if value is None:
        return None
    if not place.table.numbered:
        if not isinstance(value, str):
            raise bad_data()
        return value
    if isinstance(value, str) and value.isdecimal() and len(value) < 18:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**32:
        raise bad_data()
    return value
