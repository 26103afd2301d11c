"""FortiOS command line text of objects: what an install would send, what `cli config` answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from fmgsync.simulator.calls.reading import uuid_of
from fmgsync.simulator.schema.attributes import Attribute, Kind
from fmgsync.simulator.schema.catalog import TABLES
from fmgsync.simulator.schema.catalog_packages import PACKAGE_TABLES
from fmgsync.simulator.schema.tables import Table
from fmgsync.simulator.state.devices import Entry
from fmgsync.simulator.state.store import Row, Target

Difference = tuple[Target, Entry | None, Entry | None]
"""An object as the unit has it, and as it shall be."""

_NOT_SENT: Final = frozenset(
    ("_image-base64", "dirty", "install-on", "global-label", "list", "tagging", "uuid")
)
_ORDER: Final = {
    name: at
    for at, name in enumerate(
        (
            "firewall service category",
            "firewall service custom",
            "firewall service group",
            "firewall schedule onetime",
            "firewall schedule recurring",
            "firewall schedule group",
            "firewall address",
            "firewall address6",
            "firewall addrgrp",
            "firewall addrgrp6",
            "firewall policy",
            "firewall local-in-policy",
            "firewall local-in-policy6",
        )
    )
}


def table_named(name: str) -> Table | None:
    """The table an object on a device is in."""
    return PACKAGE_TABLES.get(name) or TABLES.get(name)


def changes_text(differences: Iterable[Difference]) -> str:
    """The commands that turn one configuration into the other; what is used comes first."""
    found = sorted(differences, key=lambda d: (_ORDER.get(d[0][0], 99), str(d[0][1])))
    written = [d for d in found if d[2] is not None]
    removed = [d for d in reversed(found) if d[2] is None]
    return "".join([*_blocks(written), *_blocks(removed)])


def _blocks(differences: list[Difference]) -> Iterator[str]:
    """One `config ... end` per table, in the order given."""
    open_table = None
    for (name, key), before, after in differences:
        table = table_named(name)
        if table is None:
            continue
        if name != open_table:
            if open_table is not None:
                yield "end\n"
            yield f"config {name}\n"
            open_table = name
        yield _edit(table, key, before, after)
    if open_table is not None:
        yield "end\n"


def _edit(table: Table, key: str | int, before: Entry | None, after: Entry | None) -> str:
    if after is None:
        return f"    delete {_key(key)}\n"
    lines = [f"        {line}\n" for line in _set_lines(table, before, after)]
    return f"    edit {_key(key)}\n{''.join(lines)}    next\n"


def _key(key: str | int) -> str:
    return str(key) if isinstance(key, int) else _quoted(key)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _set_lines(table: Table, before: Entry | None, after: Entry) -> Iterator[str]:
    old: Mapping[str, Any] = before.attrs if before is not None else {}
    if before is None and "uuid" in table.attributes:
        yield f"set uuid {uuid_of(after.oid)}"
    for name, attribute in table.attributes.items():
        if name in _NOT_SENT or attribute.kind in (Kind.TABLE, Kind.FREE):
            continue
        value = after.attrs.get(name, attribute.default)
        if value == old.get(name, attribute.default):
            continue
        text = _value(attribute, value)
        yield f"set {name} {text}" if text else f"unset {name}"


def _value(attribute: Attribute, value: Any) -> str:
    if value is None or value == ():
        return ""
    if attribute.kind in (Kind.SUBNET, Kind.WILDCARD):
        return " ".join(value)
    if isinstance(value, tuple):
        return " ".join(_quoted(str(item)) for item in value)
    return _quoted(value) if attribute.kind is Kind.TEXT else str(value)


def object_text(table: Table, row: Row) -> str:
    """A whole object without indentation, as `cli config` shows it."""
    return difference_text(table, None, row)


def difference_text(table: Table, before: Row | None, after: Row | None) -> str:
    """What turns one state of an object into the other, as diffs show it."""
    row = after or before
    if row is None:
        return ""
    lines = [f"delete {_key(row.key)}"]
    if after is not None:
        lines = [f"edit {_key(row.key)}", *_set_lines(table, before, after), "next"]
    return "\n".join([f"config {table.name}", *lines, "end"]) + "\n"
