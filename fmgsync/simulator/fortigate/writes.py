"""Writes to a unit's tables: what the CLI engine checks, in the order it checks it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from fmgsync.simulator.codes import Refusal
from fmgsync.simulator.fortigate.config import Config
from fmgsync.simulator.fortigate.envelope import (
    EXISTS,
    FULL,
    IN_USE,
    NOT_FOUND,
    QUOTA,
    Body,
    Failed,
    missing,
    refused,
)
from fmgsync.simulator.schema.attributes import Attribute, Kind, take_in
from fmgsync.simulator.schema.catalog_units import OWN
from fmgsync.simulator.schema.predefined import KEEPS, PREDEFINED
from fmgsync.simulator.schema.tables import Table
from fmgsync.simulator.state.store import Row

_FORBIDDEN: Final = re.compile(r"[<>()#'\"\x00-\x1f\x7f]")
_NOT_WRITTEN: Final = frozenset(("q_origin_key", "q_ref", "q_hash", "q_static", "q_type"))
_PORT: Final = re.compile(r"port([1-9]|10)", re.ASCII)
EMPTY_GROUPS_SINCE: Final = (7, 2, 0)
"""Fortinet's release notes; of IPv6 groups an empty one was recorded with 6.2.3."""
_GROUPS: Final = ("firewall addrgrp", "firewall addrgrp6")
_ADDRESSES: Final = ("firewall address", "firewall address6")
_RIVALS: Final = {
    "firewall vip": ("firewall address", "firewall addrgrp"),
    "firewall vip6": ("firewall address6", "firewall addrgrp6"),
}
"""Tables that share names with addresses and are described by FortiManager's own."""
_CODES: Final = {
    Kind.INTEGER: -650,
    Kind.WORD: -651,
    Kind.SUBNET: -9,
    Kind.WILDCARD: -9,
    Kind.ADDRESS: -8,
    Kind.ADDRESS6: -254,
    Kind.PREFIX6: -255,
}


class Writes:
    """Writes to one table of one VDOM.

    `next_oid` numbers new objects; `ignore` is told of members the table does not have.
    """

    def __init__(
        self,
        table: Table,
        config: Config,
        next_oid: Callable[[], int],
        ignore: Callable[[str], None],
    ) -> None:
        self._table = table
        self._config = config
        self._next_oid = next_oid
        self._ignore = ignore

    def create(self, record: Mapping[str, Any]) -> str | int:
        """A new row; its key."""
        key = self._new_key(record)
        self._check_free(key)
        self._check_room()
        attrs = self._attributes(record, {})
        self._check(key, attrs, record)
        self._config.put((self._table.name, key), Row(key, self._next_oid(), attrs))
        return key

    def change(self, key: str | int, record: Mapping[str, Any]) -> None:
        """Merge members into a row: what is not sent stays, lists are replaced whole."""
        target = (self._table.name, key)
        before = self._config.get(target)
        if before is None:
            raise Failed(404)
        if str(record.get(self._table.key, key)) != str(key):
            raise refused(-651, f"the key '{key}' cannot be changed")
        attrs = self._attributes(record, before.attrs)
        if attrs == before.attrs:
            return
        self._check(key, attrs, record)
        after = Row(key, before.oid, attrs, version=before.version + 1)
        self._config.put(target, after)

    def clone(self, key: str | int, new: str) -> str | int:
        """Another row with the same members."""
        before = self._config.get((self._table.name, key))
        if before is None:
            raise Failed(404)
        fresh = self._new_key({self._table.key: new})
        self._check_free(fresh)
        self._check_room()
        self._config.put((self._table.name, fresh), Row(fresh, self._next_oid(), before.attrs))
        return fresh

    def move(self, key: str | int, other: str | int, *, behind: bool) -> None:
        """A row stands before or behind another from now on: only policies have an order."""
        name = self._table.name
        if not self._table.numbered:
            raise Failed(400)
        if self._config.get((name, key)) is None:
            raise Failed(404)
        if self._config.get((name, other)) is None:
            raise refused(NOT_FOUND, f"entry {other} is not there")
        if self._config.queue is not None:
            raise refused(-160, "a row is not moved in a transaction")
        self._config.vdom.move(name, key, other, behind=behind)

    def delete(self, key: str | int) -> None:
        """Remove a row that nothing names."""
        target = (self._table.name, key)
        if self._config.get(target) is None:
            raise Failed(404)
        if target in KEEPS:
            raise refused(-37, f"'{key}' cannot be deleted")
        users = self._config.users(target)
        if users:
            raise refused(IN_USE, f"The entry is used by other {users} entries")
        self._config.put(target, None)

    def purge(self) -> None:
        """A DELETE that names no key: every row goes that nothing names."""
        used = self._config.used(self._table.name)
        for key, _ in list(self._config.table(self._table.name)):
            target = (self._table.name, key)
            if key not in used and target not in KEEPS:
                self._config.put(target, None)

    def ignore_but(self, record: Mapping[str, Any], *known: str) -> None:
        """Tell of members that mean nothing here."""
        for name in record:
            if name not in known and name not in _NOT_WRITTEN:
                self._ignore(name)

    def _new_key(self, record: Mapping[str, Any]) -> str | int:
        value = record.get(self._table.key)
        if self._table.numbered:
            return self._number(value)
        if not isinstance(value, str | int) or isinstance(value, bool) or not str(value):
            raise refused(-56, f"{self._table.key}: an empty value is not allowed")
        key = str(value)
        _check_length(key, self._table.key_limit)
        if _FORBIDDEN.search(key):
            raise refused(-173, f"'{key}' holds a character that is not allowed")
        return key

    def _number(self, value: Any) -> int:
        """Of a policy: 0, or none, stands for the next free number."""
        number = int(value) if str(value).isdecimal() and len(str(value)) < 11 else 0
        if number:
            return number
        held = [int(key) for key, _ in self._config.table(self._table.name)]
        return max(held, default=0) + 1

    def _check_free(self, key: str | int) -> None:
        if self._config.get((self._table.name, key)) is not None:
            raise refused(EXISTS, f"a duplicate entry '{key}'")
        for rival in _RIVALS.get(self._table.name, self._table.rivals):
            if self._config.get((rival, key)) is not None:
                name = f"{rival.removeprefix('firewall ')} '{key}'"
                raise refused(-163, f"the name is in use by the {name}")

    def _check_room(self) -> None:
        limits, name = self._config.device.api.limits, self._table.name
        whole, quota = self._table.size, 0
        if name in _ADDRESSES:
            whole, quota = limits.addresses, limits.vdom_addresses
        elif name in _GROUPS:
            whole, quota = limits.groups, limits.vdom_groups
        held = self._config.count(name)
        if quota and held >= quota:
            raise refused(QUOTA, "the quota of this VDOM is used up")
        others = self._config.device.vdoms.values()
        if (
            sum(v is not self._config.vdom and len(v.running_keys(name)) for v in others) + held
            >= whole
        ):
            raise refused(FULL, f"maximum number of entries has been reached: {whole}")

    def _attributes(self, record: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
        attrs, version = dict(base), self._config.device.os_version
        own = self._table.name in OWN
        for name, value in record.items():
            attribute = self._table.attributes.get(name)
            if attribute is None or (own and not attribute.known_in(version)):
                if name not in _NOT_WRITTEN and name != self._table.key:
                    self._ignore(name)
            elif value is None:
                attrs.pop(name, None)
            else:
                attrs[name] = _taken(name, attribute, value, attrs.get(name))
        return attrs

    def _check(self, key: str | int, attrs: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        """What must hold of the row as a whole."""
        self._check_value(attrs)
        for name, attribute in self._table.attributes.items():
            if name in record and attribute.targets:
                for wanted in attrs.get(name, ()):
                    self._require(attribute, wanted, key)
        if self._table.name in _GROUPS:
            self._check_group(key, attrs)

    def _check_value(self, attrs: Mapping[str, Any]) -> None:
        """An address has the value its type asks for, the right way round."""
        if self._table.name not in _ADDRESSES:
            return
        kind = attrs.get("type")
        needed = {"iprange": ("start-ip", "end-ip"), "fqdn": ("fqdn",), "geography": ("country",)}
        for name in needed.get(str(kind), ()):
            if not attrs.get(name):
                raise refused(-56, f"{name}: an empty value is not allowed")
        if kind == "iprange":
            start, end = (ipaddress.ip_address(attrs[name]) for name in ("start-ip", "end-ip"))
            if int(start) > int(end):
                raise refused(-45, "the end of the range lies before its start")

    def _require(self, attribute: Attribute, name: Any, key: str | int) -> None:
        if "dynamic interface" in attribute.targets:
            if not has_interface(str(name)):
                raise _unknown(name)
            return
        if any(self._has(table, name) for table in attribute.targets):
            return
        if self._table.name in _GROUPS:
            raise missing(name)
        raise _unknown(name)

    def _has(self, table: str, name: Any) -> bool:
        if self._config.get((table, name)) is not None:
            return True
        return table not in _ADDRESSES and name in PREDEFINED.get(table, {})

    def _check_group(self, key: str | int, attrs: Mapping[str, Any]) -> None:
        members, version = attrs.get("member", ()), self._config.device.os_version
        if not members and self._table.name == _GROUPS[0] and version < EMPTY_GROUPS_SINCE:
            raise refused(-56, "member: an empty value is not allowed")
        if len(members) > self._config.device.api.limits.members:
            most = self._config.device.api.limits.members
            raise refused(FULL, f"maximum number of entries has been reached: {most}")
        pending, seen = [name for name in members if self._is_group(name, key)], set[Any]()
        while pending:
            name = pending.pop()
            if name == key:
                raise refused(-651, f"the group '{key}' cannot contain itself")
            group = self._config.get((self._table.name, name))
            if group is not None and name not in seen:
                seen.add(name)
                pending.extend(group.attrs.get("member", ()))

    def _is_group(self, name: Any, key: str | int) -> bool:
        return name == key or self._config.get((self._table.name, name)) is not None


def has_interface(name: str) -> bool:
    """`any`, and the ports every simulated unit has."""
    return name == "any" or _PORT.fullmatch(name) is not None


def _unknown(name: object) -> Failed:
    """A reference from another table: recorded of a policy's interface."""
    fault = f"node_check_object fail! for name {name}"
    return refused(-651, f"{fault}\n\nvalue parse error before '{name}'")


def _check_length(text: str, limit: int) -> None:
    if len(text) > limit:
        told = f"string value is too long, the size is {len(text)}, the limit is {limit}"
        raise refused(-1, told)


def _taken(name: str, attribute: Attribute, value: Any, before: Any) -> Any:
    """A value as it is kept; IPv6 prefixes stay as they were written."""
    if isinstance(value, str) and attribute.kind is Kind.TEXT:
        _check_length(value, attribute.limit)
    try:
        taken = take_in(attribute, _plain(attribute, value))
    except Refusal:
        code = _CODES.get(attribute.kind, -651)
        raise refused(code, f"value parse error before '{_short(value)}' in {name}") from None
    if attribute.kind is not Kind.PREFIX6:
        return taken
    return before if before is not None and take_in(attribute, before) == taken else value.strip()


def _short(value: Any) -> str:
    return str(value)[:80]


def _plain(attribute: Attribute, value: Any) -> Any:
    """FortiOS wraps names in objects."""
    if attribute.kind is Kind.NAMES and value == "":
        return []
    if not isinstance(value, list):
        return value
    if attribute.kind is Kind.TABLE:
        return [_without_key(item) if isinstance(item, dict) else item for item in value]
    return [item.get("name") if isinstance(item, dict) else item for item in value]


def _without_key(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "q_origin_key"}


def revised(before: str, after: str) -> Body:
    """What the answer to a write says of the revision."""
    if after == before:
        return {"revision": after, "revision_changed": False}
    return {"revision": after, "revision_changed": True, "old_revision": before}
