"""The FortiOS REST API of one FortiGate, as far as it reads firewall objects and the status.

Shapes follow public recordings of `/api/v2/cmdb/firewall/...`: subnets as one text, names wrapped
in objects with `q_origin_key`, the unit's serial and version beside the results.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from fmgsync.simulator.attributes import Attribute, Kind
from fmgsync.simulator.catalog import POLICY, TABLES
from fmgsync.simulator.devices import Device, Entry, Vdom
from fmgsync.simulator.reading import uuid_of
from fmgsync.simulator.tables import Table

Body = dict[str, Any]
_CMDB: Final = "/api/v2/cmdb/"
_NOT_ON_UNIT: Final = frozenset(("_image-base64", "visibility", "install-on"))


def request(device: Device, method: str, resource: Any, payload: Any) -> Body:
    """One REST request to the unit; its answer's body, errors included."""
    parts = urlsplit(resource if isinstance(resource, str) else "")
    query = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=100)
    path = unquote(parts.path)
    vdom_name = next((value for name, value in query if name == "vdom"), "root")
    vdom = device.vdoms.get(vdom_name)
    body = _frame(device, method, vdom_name)
    if vdom is None:
        return body | _status(403)
    if path.rstrip("/") == "/api/v2/monitor/system/status":
        return body | _status(200) | {"path": "system", "name": "status", "results": _unit(device)}
    if not path.startswith(_CMDB):
        return body | _status(404)
    return _cmdb(device, vdom, method, path.removeprefix(_CMDB), query, body)


def _frame(device: Device, method: str, vdom: str) -> Body:
    major, minor, patch = device.os_version
    return {
        "http_method": method,
        "vdom": vdom,
        "serial": device.serial,
        "version": f"v{major}.{minor}.{patch}",
        "build": device.build,
    }


def _status(code: int) -> Body:
    return {"status": "success" if code == 200 else "error", "http_status": code}


def _unit(device: Device) -> Body:
    return {
        "model_name": "FortiGate",
        "model_number": device.platform.removeprefix("FortiGate-"),
        "model": device.serial[:6],
        "hostname": device.hostname or device.name,
        "log_disk_status": "available",
    }


def _cmdb(
    device: Device,
    vdom: Vdom,
    method: str,
    path: str,
    query: list[tuple[str, str]],
    body: Body,
) -> Body:
    area, _, rest = path.partition("/")
    name, _, key = rest.rstrip("/").partition("/")
    body |= {"path": area, "name": name}
    table = _table(area, name)
    if table is None:
        return body | _status(404)
    if method != "GET":
        return body | _status(405)
    body["revision"] = _revision(vdom, table.name)
    if key:
        return _one(vdom, table, key, body)
    rows = [_show(table, found, entry) for found, entry in vdom.running_table(table.name)]
    return body | _status(200) | _select(rows, query)


def _table(area: str, name: str) -> Table | None:
    if (area, name) == ("firewall", "policy"):
        return POLICY
    if area == "firewall.service" or area == "firewall.schedule":
        return TABLES.get(f"{area.replace('.', ' ')} {name}")
    return TABLES.get(f"{area} {name}") if area == "firewall" else None


def _one(vdom: Vdom, table: Table, key: str, body: Body) -> Body:
    body["mkey"] = key
    wanted = int(key) if table is POLICY and key.isdecimal() and len(key) < 12 else key
    entry = vdom.running((table.name, wanted))
    if entry is None:
        return body | _status(404) | {"error": -3}
    return body | _status(200) | {"results": [_show(table, wanted, entry)]}


def _revision(vdom: Vdom, table: str) -> str:
    entries = ((key, entry.oid, entry.version) for key, entry in vdom.running_table(table))
    return hashlib.md5(repr(list(entries)).encode(), usedforsecurity=False).hexdigest()


def _show(table: Table, key: str | int, entry: Entry) -> Body:
    shown: Body = {table.key: key, "q_origin_key": key, "uuid": uuid_of(entry.oid)}
    attrs = entry.attrs
    names = [name for name in table.attributes if name not in _NOT_ON_UNIT]
    for name in names:
        attribute = table.attributes[name]
        if name == "uuid" or name.startswith("_") or not _applies(table, attrs, name):
            continue
        shown[name] = _value(attribute, attrs.get(name, attribute.default))
    return shown


def _applies(table: Table, attrs: Mapping[str, Any], name: str) -> bool:
    """An address shows the value attributes of its own type only."""
    if not table.by_type:
        return True
    kind = attrs.get("type", table.attributes["type"].default)
    special = {attribute for names in table.by_type.values() for attribute in names}
    return name not in special or name in table.by_type.get(kind, ())


def _value(attribute: Attribute, value: Any) -> Any:
    if attribute.kind is Kind.SUBNET:
        return " ".join(value)
    if attribute.kind is Kind.NAMES:
        if not attribute.targets:
            return "" if value in ((), ("any",)) else value[0]
        return [{"name": name, "q_origin_key": name} for name in value]
    if attribute.kind is Kind.WORDS:
        return [{"name": item} for item in value]
    if attribute.kind is Kind.TABLE:
        return list(value or ())
    return "" if value is None else value


def _select(rows: list[Body], query: list[tuple[str, str]]) -> Body:
    """`filter` (repeated: and; commas: or), `format`, `start`, `count`."""
    found = rows
    for name, value in query:
        if name == "filter":
            tests = [_test(part) for part in value.split(",")]
            found = [row for row in found if any(test(row) for test in tests)]
    start, count = _number(query, "start", 0), _number(query, "count", -1)
    matched = len(found)
    found = found[start : start + count] if count >= 0 else found[start:]
    formats = [value for name, value in query if name == "format"]
    if formats:
        wanted = {*formats[-1].split("|"), "q_origin_key"}
        found = [{name: row[name] for name in row if name in wanted} for row in found]
    return {
        "size": len(rows),
        "limit_reached": False,
        "matched_count": matched,
        "next_idx": max(0, start + len(found) - 1),
        "results": found,
    }


def _number(query: list[tuple[str, str]], name: str, default: int) -> int:
    for found, value in query:
        if found == name and value.isdecimal() and len(value) < 12:
            return int(value)
    return default


def _test(condition: str) -> Callable[[Body], bool]:
    for operator, matches in _OPERATORS.items():
        name, found, wanted = condition.partition(operator)
        if found:
            return lambda row: matches(_text(row.get(name)), wanted)
    return lambda row: False


def _text(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(item.get("name", "")) for item in value if isinstance(item, dict)]
    return [str(value)]


_OPERATORS: Final[dict[str, Callable[[list[str], str], bool]]] = {
    "!=": lambda values, wanted: wanted not in values,
    "==": lambda values, wanted: wanted in values,
    "=@": lambda values, wanted: any(wanted.lower() in value.lower() for value in values),
    "!@": lambda values, wanted: all(wanted.lower() not in value.lower() for value in values),
}
