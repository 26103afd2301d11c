"""What a table says of itself: `?action=schema`, `default` and `meta`."""

from __future__ import annotations

from typing import Any, Final

from fmgsync.simulator.fortigate.envelope import Body, Failed
from fmgsync.simulator.fortigate.rows import show
from fmgsync.simulator.schema.attributes import Attribute, Kind
from fmgsync.simulator.schema.catalog_units import OWN
from fmgsync.simulator.schema.tables import Table
from fmgsync.simulator.state.devices import Device
from fmgsync.simulator.state.store import Row

_TYPES: Final = {
    Kind.INTEGER: "integer",
    Kind.WORD: "option",
    Kind.SUBNET: "ipv4-classnet-any",
    Kind.WILDCARD: "ipv4-classnet-any",
    Kind.ADDRESS: "ipv4-address-any",
    Kind.ADDRESS6: "ipv6-address",
    Kind.PREFIX6: "ipv6-network",
}


def answer(table: Table, device: Device, action: str) -> Body:
    """One of the actions; others cannot be processed."""
    if action == "schema":
        return {"results": _schema(table, device)}
    if action == "default":
        row = show(table, 0 if table.numbered else "", Row("", 0, {}), device.os_version)
        return {"results": {name: value for name, value in row.items() if name != "uuid"}}
    if action == "meta":
        return {"results": {"mkey": table.key, "size": table.size}}
    if action == "revision":
        return {"results": {}}
    raise Failed(400)


def _schema(table: Table, device: Device) -> Body:
    area, _, name = table.name.rpartition(" ")
    own = table.name in OWN
    known = {
        member: _member(attribute)
        for member, attribute in table.attributes.items()
        if not member.startswith("_") and (not own or attribute.known_in(device.os_version))
    }
    key: Body = {"name": table.key, "type": "integer" if table.numbered else "string"}
    key["category"] = "unitary"
    if not table.numbered:
        key["size"] = table.key_limit
    return {
        "name": name,
        "path": area.replace(" ", "."),
        "category": "table",
        "mkey": table.key,
        "mkey_type": key["type"],
        "max_table_size_global": table.size,
        "children": {table.key: key, **known},
    }


def _member(attribute: Attribute) -> Body:
    if attribute.kind in (Kind.TABLE, Kind.WORDS) or attribute.targets:
        key = attribute.sub_key if attribute.kind is Kind.TABLE else "name"
        sources = [target.replace(" ", ".") for target in attribute.targets]
        child: Body = {"name": key, "type": "string", "category": "unitary"}
        return {
            "category": "table",
            "mkey": key,
            "children": {key: {**child, "datasource": sources} if sources else child},
        }
    told: dict[str, Any] = {"category": "unitary", "type": _TYPES.get(attribute.kind, "string")}
    if attribute.kind is Kind.WORD:
        told["options"] = [{"name": word} for word in attribute.words]
    elif attribute.kind is Kind.INTEGER:
        told |= {"min-value": attribute.bounds[0], "max-value": attribute.bounds[1]}
    elif attribute.kind is Kind.TEXT:
        told["size"] = attribute.limit
    return told
