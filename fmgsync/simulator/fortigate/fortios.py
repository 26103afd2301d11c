"""The FortiOS REST API of one FortiGate: firewall objects and a few monitors.

Shapes follow public recordings of `/api/v2/cmdb/firewall/...`: subnets as one text, names wrapped
in objects with `q_origin_key`, the unit's serial and version beside the results.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from fmgsync.simulator.calls.cliconfig import table_named
from fmgsync.simulator.calls.reading import uuid_of
from fmgsync.simulator.calls.writing import attributes_of
from fmgsync.simulator.codes import Refusal
from fmgsync.simulator.fortigate.monitors import MONITORS, SETTINGS, Monitor
from fmgsync.simulator.schema.attributes import Attribute, Kind
from fmgsync.simulator.schema.catalog import POLICY, TABLES
from fmgsync.simulator.schema.tables import Table
from fmgsync.simulator.state.devices import Device, Entry, Vdom
from fmgsync.simulator.state.store import Row, Target

Body = dict[str, Any]
_CMDB: Final = "/api/v2/cmdb/"
_MONITOR: Final = "/api/v2/monitor/"
_NOT_ON_UNIT: Final = frozenset(("_image-base64", "visibility", "install-on"))


def request(
    device: Device,
    method: str,
    resource: Any,
    payload: Any,
    next_oid: Callable[[], int],
    now: float = 0.0,
) -> Body | list[Body]:
    """One REST request to the unit; its answer's body, errors included.

    Several VDOMs (`vdom=*`, `vdom=a,b`) are answered by a list, one body each.
    """
    path, query = _parts(resource)
    wanted = next((value for name, value in query if name == "vdom"), "root")
    each = list(device.vdoms) if wanted == "*" else wanted.split(",")
    ask = _Request(device, method, path, query, payload, next_oid, now)
    bodies = [ask.of(vdom) for vdom in each]
    return bodies if wanted == "*" or len(each) > 1 else bodies[0]


def serves(resource: Any) -> bool:
    """Whether a FortiGate has this resource at all; not whether the object is there."""
    path, _ = _parts(resource)
    if path.startswith(_MONITOR):
        return _monitor_of(path.removeprefix(_MONITOR)) is not None
    return path.startswith(_CMDB) and _place(path.removeprefix(_CMDB))[0] is not None


def _parts(resource: Any) -> tuple[str, list[tuple[str, str]]]:
    parts = urlsplit(resource if isinstance(resource, str) else "")
    try:
        query = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        query = []
    return unquote(parts.path), query


@dataclass(frozen=True, slots=True)
class _Request:
    device: Device
    method: str
    path: str
    query: list[tuple[str, str]]
    payload: Any
    next_oid: Callable[[], int]
    now: float

    def of(self, name: str) -> Body:
        """The answer of one VDOM."""
        vdom = self.device.vdoms.get(name)
        body = _frame(self.device, self.method, name)
        if vdom is None:
            return body | _status(403)
        path, query = self.path, self.query
        if path.startswith(_MONITOR):
            asked = {**dict(query), "now": str(self.now)}
            return body | _monitor(self.device, vdom, path.removeprefix(_MONITOR), asked)
        if not path.startswith(_CMDB):
            return body | _status(404)
        table, key, names = _place(path.removeprefix(_CMDB))
        if isinstance(table, str):
            if self.method != "GET":
                return body | names | _status(405)
            return body | names | _status(200) | {"results": SETTINGS[table](self.device)}
        if table is None:
            return body | names | _status(404)
        if self.method == "GET":
            return body | names | _read(vdom, table, key, query)
        return (
            body | names | _Write(vdom, table, key, self.payload, self.next_oid).answer(self.method)
        )


def _monitor(device: Device, vdom: Vdom, path: str, query: dict[str, str]) -> Body:
    found = _monitor_of(path)
    if found is None:
        return _status(404)
    area, name, action, monitor = found
    body = {"path": area, "name": name, "action": action, "status": "success"}
    if name == "available-interfaces":
        body["revision"] = _revision(vdom, POLICY.name)
    return {**body, "results": monitor(device, vdom, query)}


def _monitor_of(path: str) -> tuple[str, str, str, Monitor] | None:
    area, name, action = (*path.strip("/").split("/"), "", "", "")[:3]
    monitor = MONITORS.get((area, name, action)) or (
        MONITORS.get((area, name, "")) if action == "select" else None
    )
    return None if monitor is None else (area, name, action, monitor)


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


def _place(path: str) -> tuple[Table | str | None, str, Body]:
    """Table (settings without rows: their name), key (empty for a table), and what names them."""
    area, _, rest = path.partition("/")
    name, _, key = rest.rstrip("/").partition("/")
    names = {"path": area, "name": name} | ({"mkey": key} if key else {})
    setting = f"{area} {name}"
    return (setting if setting in SETTINGS else _table(area, name)), key, names


def _table(area: str, name: str) -> Table | None:
    if area == "firewall.service" or area == "firewall.schedule":
        return TABLES.get(f"{area.replace('.', ' ')} {name}")
    return table_named(f"{area} {name}") if area == "firewall" else None


def _read(vdom: Vdom, table: Table, key: str, query: list[tuple[str, str]]) -> Body:
    body = {"revision": _revision(vdom, table.name)}
    if not key:
        rows = [_show(table, found, entry) for found, entry in vdom.running_table(table.name)]
        return body | _status(200) | _select(rows, query)
    wanted = _key(table, key)
    entry = vdom.running((table.name, wanted))
    if entry is None:
        return body | _status(404) | {"error": -3}
    return body | _status(200) | {"results": [_show(table, wanted, entry)]}


def _key(table: Table, key: str) -> str | int:
    return int(key) if table.key != "name" and key.isdecimal() and len(key) < 12 else key


class _Write:
    """A change made on the unit itself, behind FortiManager's back."""

    def __init__(
        self,
        vdom: Vdom,
        table: Table,
        key: str,
        payload: Any,
        next_oid: Callable[[], int],
    ) -> None:
        self._vdom = vdom
        self._table = table
        self._key = key
        self._payload = payload if isinstance(payload, dict) else {}
        self._next_oid = next_oid

    def answer(self, method: str) -> Body:
        """POST creates, PUT changes, DELETE removes."""
        before = _revision(self._vdom, self._table.name)
        name = self._payload.get(self._table.key) if method == "POST" else self._key
        if not isinstance(name, str | int) or not str(name):
            return _status(400)
        target = (self._table.name, _key(self._table, str(name)))
        entry = self._vdom.running(target)
        if (entry is None) != (method == "POST"):
            return {"mkey": name, **_status(500 if method == "POST" else 404), "error": -5}
        try:
            after = None if method == "DELETE" else self._entry(target, entry)
        except Refusal:
            return {"mkey": name, **_status(500), "error": -1}
        self._vdom.set_running(target, after)
        revision = _revision(self._vdom, self._table.name)
        return {
            "mkey": name,
            "old_revision": before,
            "revision": revision,
            "revision_changed": revision != before,
            **_status(200),
        }

    def _entry(self, target: Target, before: Entry | None) -> Entry:
        record = {name: _plain(value) for name, value in self._payload.items()}
        base = before.attrs if before is not None else {}
        attrs = attributes_of(self._table, record, base, (99,), lambda name: None)
        oid = before.oid if before is not None else self._next_oid()
        version = before.version + 1 if before is not None else 1
        return Row(target[1], oid, attrs, version=version)


def _plain(value: Any) -> Any:
    """FortiOS wraps names in objects."""
    if isinstance(value, list) and all(isinstance(item, dict) and "name" in item for item in value):
        return [item["name"] for item in value]
    return value


def _revision(vdom: Vdom, table: str) -> str:
    text = f"{vdom.name} {table} {vdom.revision}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _show(table: Table, key: str | int, entry: Entry) -> Body:
    shown: Body = {table.key: key, "q_origin_key": key, "uuid": uuid_of(entry.oid)}
    attrs = entry.attrs
    for name, attribute in table.attributes.items():
        if name in _NOT_ON_UNIT or attribute.only_mapped:
            continue
        if name == "uuid" or name.startswith("_") or not _applies(table, attrs, name):
            continue
        shown[name] = _value(attribute, attrs.get(name, attribute.default))
    return shown


def _applies(table: Table, attrs: Mapping[str, Any], name: str) -> bool:
    """An address shows the value attributes of its own type only."""
    if not table.by_type:
        return True
    kind = attrs.get("type", table.attributes["type"].default)
    return name not in table.of_types or name in table.by_type.get(kind, ())


def _value(attribute: Attribute, value: Any) -> Any:
    if attribute.kind in (Kind.SUBNET, Kind.WILDCARD):
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
