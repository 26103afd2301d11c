"""What a configuration url means: which ADOM, which table, which object, what inside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fmgsync.simulator.calls.reading import View
from fmgsync.simulator.codes import absent, bad_data, bad_url
from fmgsync.simulator.schema.catalog import TABLES
from fmgsync.simulator.schema.catalog_packages import BLOCKS, PACKAGE_TABLES, POLICY
from fmgsync.simulator.schema.tables import Table
from fmgsync.simulator.state.adom import PACKAGES, Adom
from fmgsync.simulator.state.locks import writable
from fmgsync.simulator.state.references import package_store
from fmgsync.simulator.state.store import Database, Key, Row
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call

_LONGEST = max(name.count(" ") for name in TABLES) + 1


@dataclass(frozen=True, slots=True)
class Place:
    """A table and what of it the url names: `rest` is empty for the table itself."""

    adom: Adom
    table: Table
    store: str
    rest: tuple[str, ...]
    package: Row | None = None

    @property
    def key(self) -> Key:
        """The object's key as the table keeps it; a url that names no object is -6."""
        if not self.rest:
            raise bad_url()
        text = self.rest[0]
        if not self.table.numbered:
            return text
        if not text.isdecimal() or len(text) > 18:
            raise bad_url()
        return int(text)

    def view(self, world: World, call: Call) -> View:
        """The table as the caller's session reads it."""
        meta = tuple(world.meta_fields(self.table.name.replace(" ", "/")))
        return View(self.table, self.adom.view(call.session.sid), self.store, world.version, meta)

    def row(self, world: World, call: Call) -> Row:
        """The object the url names, or -3."""
        found = self.adom.view(call.session.sid).rows(self.store).get(self.key)
        if found is None:
            raise absent()
        return found

    @property
    def in_block(self) -> bool:
        """Whether this is inside a policy block and not a package."""
        return self.package is not None and self.package.attrs["type"] == "pblock"

    @property
    def container(self) -> str:
        """Store name of the package or block itself."""
        return BLOCKS if self.in_block else PACKAGES

    def writable(self, call: Call) -> Database:
        """Where the caller's write goes."""
        package = None if self.package is None or self.in_block else str(self.package.key)
        url = "/".join((*self.store.split(" "), *self.rest[:1])) if self.package is None else ""
        policies = self._policies(call) if package is not None and self.table is POLICY else []
        return writable(self.adom, call.session, package=package, object_url=url, policies=policies)

    def _policies(self, call: Call) -> list[object]:
        """The policies a write changes, and nothing but those: by url, or by their ids in data."""
        if self.rest:
            return [self.rest[0]] if call.method in ("set", "update", "replace", "unset") else []
        if call.method != "update" or not isinstance(call.data, dict | list):
            return []
        items = call.data if isinstance(call.data, list) else [call.data]
        return [item.get(self.table.key) if isinstance(item, dict) else None for item in items]


def in_objects(world: World, call: Call, adom: str, rest: tuple[str, ...]) -> Place:
    """`/pm/config/adom/{adom}/obj/...`: the longest table name the url begins with."""
    place = world.enter(adom, call.session)
    for length in range(min(_LONGEST, len(rest)), 0, -1):
        table = TABLES.get(" ".join(rest[:length]))
        if table is not None:
            return Place(place, table, table.name, rest[length:])
    raise bad_url()


def in_package(world: World, call: Call, adom: str, rest: tuple[str, ...]) -> Place:
    """`/pm/config/adom/{adom}/pkg/{path}/firewall/policy...`; a wrong package path is -6."""
    place = world.enter(adom, call.session)
    table, at, left = _table_in(rest)
    package = find_package(place.view(call.session.sid), "/".join(rest[:at]))
    return Place(place, table, package_store(table.name, package.oid), left, package)


def in_block(world: World, call: Call, adom: str, rest: tuple[str, ...]) -> Place:
    """`/pm/config/adom/{adom}/pblock/{name}/firewall/policy...`."""
    place = world.enter(adom, call.session)
    table, at, left = _table_in(rest)
    block = find_block(place.view(call.session.sid), "/".join(rest[:at]))
    return Place(place, table, package_store(table.name, block.oid), left, block)


def _table_in(rest: tuple[str, ...]) -> tuple[Table, int, tuple[str, ...]]:
    """Which table of a package a url means, where its name begins, and what comes after it."""
    for at in range(len(rest) - 1, 0, -1):
        for length in (2, 3):
            table = PACKAGE_TABLES.get(" ".join(rest[at : at + length]))
            if table is not None and len(rest) >= at + length:
                return table, at, rest[at + length :]
    raise bad_url()


def find_block(database: Database, name: str) -> Row:
    """The policy block with this name; unknown ones are -6, as unknown packages are."""
    row = database.rows(BLOCKS).get(name)
    if row is None:
        raise bad_url()
    return row


def find_package(database: Database, path: str) -> Row:
    """The package with this path; folders and unknown paths are -6."""
    row = database.rows(PACKAGES).get(path)
    if row is None or row.attrs["type"] != "pkg":
        raise bad_url()
    return row


def _unnoticed(name: str) -> None:
    """Where nobody needs to be told."""


def tell_strange(item: dict[str, Any], where: str, ignore: Callable[[str], None]) -> None:
    """Whatever a device or device group is written with besides its name and VDOM."""
    for name in dict.keys(item):
        if name not in ("name", "vdom"):
            ignore(f"{where}.{name}")


def scope_of(value: Any, ignore: Callable[[str], None] = _unnoticed) -> list[tuple[str, str]]:
    """`_scope`: a list of devices with VDOM, or one of them bare; empty ones are refused."""
    items = value if isinstance(value, list) else [value]
    scopes = []
    for item in items:
        if not isinstance(item, dict):
            raise bad_data()
        name, vdom = item.get("name"), item.get("vdom")
        if not isinstance(name, str) or not isinstance(vdom, str) or not name or not vdom:
            raise bad_data()
        tell_strange(item, "_scope", ignore)
        scopes.append((name, vdom))
    if not scopes:
        raise bad_data()
    return scopes
