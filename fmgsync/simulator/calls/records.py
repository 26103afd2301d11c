"""Records of the device manager: what clients wrote of a device, a VDOM, an ADOM or a group.

What FortiManager knows by itself (a connection's status, a revision's number) stands beside it and
is not taken from clients; everything else is kept as it was written, in the schema's form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from fmgsync.simulator.codes import bad_data
from fmgsync.simulator.schema.attributes import Kind, take_in
from fmgsync.simulator.schema.tables import Table, read_tables
from fmgsync.simulator.wire.call import Call

TABLES: Final = read_tables("devices")
DEVICE: Final = TABLES["device"]
ADOM: Final = TABLES["adom"]
GROUP: Final = TABLES["group"]
SCRIPT: Final = TABLES["script"]
VDOM: Final = TABLES["vdom"]
META_FIELD: Final = TABLES["meta field"]

META: Final = "meta fields"
Kept = dict[str, Any]
Ignore = Callable[[str, str], None]
"""Tells of something that is not known: what kind of thing, and its name."""

_SECRET: Final = frozenset(("adm_pass", "private_key", "psk"))
_READ_ONLY: Final = frozenset(
    (
        "assignment info",
        "conf_status",
        "conn_status",
        "create_time",
        "db_status",
        "dev_status",
        "devid",
        "expand member",
        "ext_flags",
        "extra info",
        "ha_slave",
        "last_checked",
        "last_resync",
        "name",
        "node_flags",
        "obj ver",
        "object member",
        "oid",
        "onboard_rule",
        "source",
        "tab_status",
        "uuid",
        "vdom",
        "workspace_mode",
    )
)
"""Shown beside what is kept. Clients that write a record back send it, and it changes nothing."""


def keep(table: Table, kept: Kept, record: Mapping[str, Any], ignore: Ignore) -> None:
    """Take over what a record says; members the table does not have are told."""
    for name, value in record.items():
        attribute = table.attributes.get(name)
        if name == META:
            kept[META] = meta_of(kept.get(META, {}), value)
        elif name in _READ_ONLY:
            continue
        elif attribute is None:
            ignore("member", name)
        elif name in _SECRET:
            kept[name] = ["ENC", "*"]
        elif attribute.kind is Kind.FREE or value is None:
            kept[name] = value
        else:
            taken = take_in(attribute, value)
            kept[name] = list(taken) if isinstance(taken, tuple) else taken
    if ("latitude" in record or "longitude" in record) and "location_from" not in record:
        kept["location_from"] = "json"


def meta_of(before: Mapping[str, str], value: Any) -> dict[str, str]:
    """Meta fields are texts; those that are not named keep their value."""
    if not isinstance(value, dict) or not all(isinstance(v, str | int) for v in value.values()):
        raise bad_data()
    return {**before, **{name: str(text) for name, text in value.items()}}


def defaults(table: Table) -> dict[str, Any]:
    """What a read shows of a record of which nothing is known."""
    return {
        name: list(a.default) if isinstance(a.default, tuple) else a.default
        for name, a in table.attributes.items()
        if a.shown
    }


def words(*tables: Table) -> dict[str, Mapping[str, int]]:
    """The enumerations of tables, by member."""
    return {
        name: attribute.words
        for table in tables
        for name, attribute in table.attributes.items()
        if attribute.words
    }


def show_meta(call: Call, row: dict[str, Any], kept: Kept, defined: Mapping[str, Any]) -> None:
    """`get meta`: all fields there are; without it those that were set."""
    if "get meta" in call.options():
        row[META] = {**dict.fromkeys(defined, ""), **kept.get(META, {})}
    elif META in kept:
        row[META] = dict(kept[META])
