"""The FortiOS REST API of one FortiGate: whose request it is, what it may, who answers it.

The same for everybody who asks: a client of the unit's own port, and FortiManager's proxy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fmgsync.simulator.codes import Refusal
from fmgsync.simulator.fortigate import described, monitors, settings
from fmgsync.simulator.fortigate.access import group_of
from fmgsync.simulator.fortigate.ask import METHODS, UNREADABLE, Answer, Ask
from fmgsync.simulator.fortigate.config import Config
from fmgsync.simulator.fortigate.envelope import Body, Failed, frame, success
from fmgsync.simulator.fortigate.members import Members
from fmgsync.simulator.fortigate.rows import Reading
from fmgsync.simulator.fortigate.settings import SETTINGS, Setting
from fmgsync.simulator.fortigate.transactions import Transaction, Transactions, vdom_of
from fmgsync.simulator.fortigate.urls import Resource, parse
from fmgsync.simulator.fortigate.writes import Writes, revised
from fmgsync.simulator.schema.catalog_units import exists, table_at
from fmgsync.simulator.schema.tables import Table
from fmgsync.simulator.state.devices import Device, Vdom
from fmgsync.simulator.state.world import World

_PARAMETERS: Final = frozenset(
    (
        "vdom", "filter", "format", "start", "count", "key", "pattern", "with_meta",
        "with_contents_hash", "exclude-default-values", "action", "nkey", "global", "access_token",
        "transaction-id", "sort", "skip", "scope", "datasource", "before", "after",
    )
)  # fmt: skip
_TRANSACTION: Final = frozenset(("timeout", "transaction-id", "transaction_id"))
_STRANGE_MEMBER: Final = -61


def request(world: World, device: Device, ask: Ask) -> Answer:
    """One request, errors included. Several VDOMs (`vdom=*`, `vdom=a,b`) answer a list."""
    resource = parse(ask.url)
    if resource is None:
        body = frame(device, ask.method, device.management_vdom)
        return Answer(404, body | Failed(404).body())
    wanted = resource.last("vdom") or vdom_of(device, ask.transaction) or device.management_vdom
    own = [name for name in device.vdoms if ask.access.enters(name)]
    each = own if wanted == "*" and own else wanted.split(",")
    answers = [_Request(world, device, ask, resource, name).answer() for name in each]
    status = max(status for status, _ in answers)
    if wanted == "*" or len(each) > 1:
        return Answer(status, [body for _, body in answers])
    return Answer(*answers[0])


def serves(url: Any) -> bool:
    """Whether a FortiGate has this resource at all; not whether the object is there."""
    resource = parse(url)
    if resource is None:
        return False
    if resource.area == "monitor":
        return monitors.found(resource.path) is not None
    names = (resource.segment(0), resource.segment(1))
    return resource.area == "cmdb" and (names in SETTINGS or table_at(*names) is not None)


class _Request:
    """One request in one VDOM."""

    def __init__(
        self, world: World, device: Device, ask: Ask, resource: Resource, name: str
    ) -> None:
        self._world = world
        self._device = device
        self._ask = ask
        self._resource = resource
        self._name = name

    def answer(self) -> tuple[int, Body]:
        """HTTP status and envelope."""
        body = frame(self._device, self._ask.method, self._name)
        try:
            found = self._found()
        except Failed as failed:
            return failed.http, body | self._names() | failed.body()
        except Refusal as refusal:
            return 400, body | self._names() | Failed(400, None, cli_error=refusal.message).body()
        status = int(found.get("http_status", 200))
        return status, body | found

    def _found(self) -> Body:
        vdom = self._device.vdoms.get(self._name)
        if vdom is None or not self._ask.access.enters(self._name):
            raise Failed(403)
        if self._ask.method not in METHODS:
            raise Failed(405)
        if self._ask.payload is UNREADABLE:
            raise Failed(424)
        if self._resource.area == "monitor":
            return monitors.answer(self._world, self._device, vdom, self._ask, self._resource)
        if self._resource.area != "cmdb":
            raise Failed(404)
        for name, _ in self._resource.query:
            if name not in _PARAMETERS:
                self._world.ignored.tell("parameter", self._ask.place, name)
        return self._cmdb(vdom)

    def _names(self) -> Body:
        """What the answer says of the url."""
        path = self._resource.path
        if self._resource.area == "monitor":
            return monitors.names(path)
        names: Body = dict(zip(("path", "name"), path, strict=False))
        return names | ({"mkey": path[2]} if len(path) > 2 else {})

    def _cmdb(self, vdom: Vdom) -> Body:
        action = self._resource.last("action") or ""
        if not self._resource.path:
            return self._transact(vdom, action)
        names = (self._resource.segment(0), self._resource.segment(1))
        if names in SETTINGS:
            return self._names() | self._setting(vdom, SETTINGS[names], action)
        table = table_at(*names)
        if table is None or not exists(table.name, self._device.os_version):
            raise Failed(404)
        shrunken = self._permit(group_of(table.name))
        body = self._names()
        if shrunken:
            return body | success() | {"results": []}
        transaction = self._transaction(vdom)
        queue = transaction.queue if transaction is not None else None
        config = Config(self._device, vdom, None if self._ask.method == "GET" else queue)
        if self._ask.method == "GET":
            return body | self._read(config, table, action)
        return body | self._write(config, table, action, transaction)

    def _permit(self, group: str) -> bool:
        """Refuse what the profile does not open; True: the answer is only shrunken instead."""
        if self._ask.access.may(group, self._ask.method):
            return False
        if self._ask.method == "GET" and self._world.switches.missing_right_shrinks:
            return True
        raise Failed(403)

    def _transactions(self) -> Transactions:
        return Transactions(self._device, self._world.timeline, self._world.now())

    def _transact(self, vdom: Vdom, action: str) -> Body:
        wanted = "GET" if action in ("transaction-list", "transaction-show") else "POST"
        if not action:
            raise Failed(404)
        if self._ask.method != wanted:
            raise Failed(405)
        if not self._ask.access.writes:
            raise Failed(403)
        given = dict(self._resource.query) if wanted == "GET" else self._record()
        for name in given.keys() - _PARAMETERS - _TRANSACTION:
            self._ignore(name)
        done = self._transactions().act(action, vdom, given, self._ask.access.user)
        revision = {"revision": Config(self._device, vdom).revision(""), "revision_changed": False}
        return {"action": action} | revision | success() | done

    def _transaction(self, vdom: Vdom) -> Transaction | None:
        if self._ask.transaction is None:
            return None
        return self._transactions().find(self._ask.transaction, vdom.name)

    def _lock(self, vdom: Vdom, table: Table, own: Transaction | None) -> None:
        if own is not None and not self._world.switches.unit_transactions:
            raise Failed(500, -160, f"the table {table.name} does not support transactions")
        if own is not None or self._world.switches.transaction_locks_writes:
            self._transactions().require(vdom.name, table.name, own)

    def _setting(self, vdom: Vdom, setting: Setting, action: str) -> Body:
        """Configuration without rows of its own table."""
        if self._ask.method != "GET":
            return self._written(vdom, setting)
        if action == "schema":
            return success() | {"results": {"category": "complex", "mkey": None}}
        whole = self._ask.access.may(setting.group, "GET")
        if not whole and not setting.shrinks:
            self._permit(setting.group)
            return success() | {"results": []}
        return success() | settings.answer(setting, self._device, self._resource, whole=whole)

    def _written(self, vdom: Vdom, setting: Setting) -> Body:
        self._permit(setting.group)
        if not setting.written or self._ask.method != "PUT":
            raise Failed(405)
        before, api = settings.revision(self._device), self._device.api
        record = settings.checked(self._device, self._record())
        transaction = self._transaction(vdom)
        (api.written if transaction is None else transaction.settings).update(record)
        return success() | revised(before, settings.revision(self._device))

    def _read(self, config: Config, table: Table, action: str) -> Body:
        body: Body = {"revision": config.revision(table.name)} | success()
        if action:
            return body | {"action": action} | described.answer(table, self._device, action)
        key = self._resource.segment(2)
        if not key:
            return body | Reading(table, config, self._resource).many()
        found = key_in(table, key)
        child = self._resource.segment(3)
        if not child:
            return body | self._one(config, table, found)
        writes = self._writes(config, table)
        held = Members(table, config, writes, found, child)
        return body | held.read(self._resource.segment(4))

    def _one(self, config: Config, table: Table, key: str | int) -> Body:
        try:
            return Reading(table, config, self._resource).one(key)
        except Failed as failed:
            failed.members["revision"] = config.revision(table.name)
            raise

    def _write(self, config: Config, table: Table, action: str, own: Transaction | None) -> Body:
        before = config.revision(table.name)
        try:
            self._lock(config.vdom, table, own)
            key = self._done(config, table, action)
        except Failed as failed:
            failed.members |= {"revision": before, "revision_changed": False}
            if failed.http == 405:
                failed.members.clear()
            raise
        mkey = {} if key is None else {"mkey": key}
        return mkey | revised(before, config.revision(table.name)) | success()

    def _done(self, config: Config, table: Table, action: str) -> str | int | None:
        """Carry a write out; the key it was about."""
        method, writes = self._ask.method, self._writes(config, table)
        key, child = self._resource.segment(2), self._resource.segment(3)
        if child:
            held = Members(table, config, writes, key_in(table, key), child)
            return held.write(method, self._resource.segment(4), self._record())
        if method == "DELETE":
            writes.ignore_but(self._record())
            if not key:
                writes.purge()
                return None
            writes.delete(key_in(table, key))
            return key_in(table, key)
        if action == "clone" and method == "POST" and key:
            return writes.clone(key_in(table, key), self._resource.last("nkey") or "")
        if action == "move" and method == "PUT" and key:
            return self._moved(writes, table, key)
        if action:
            raise Failed(400)
        if (method == "POST") == bool(key):
            raise Failed(405)
        if method == "PUT":
            writes.change(key_in(table, key), self._record())
            return key_in(table, key)
        return self._create(writes)

    def _moved(self, writes: Writes, table: Table, key: str) -> str | int:
        """`before` or `after`, one of them, names the row it shall stand next to."""
        before, after = self._resource.last("before"), self._resource.last("after")
        if bool(before) == bool(after):
            raise Failed(400)
        found = key_in(table, key)
        writes.move(found, key_in(table, before or after or ""), behind=bool(after))
        return found

    def _create(self, writes: Writes) -> str | int:
        payload = self._ask.payload
        if isinstance(payload, list) and self._world.switches.unit_takes_lists and payload:
            return [writes.create(_object(item)) for item in payload][-1]
        return writes.create(self._record())

    def _writes(self, config: Config, table: Table) -> Writes:
        return Writes(table, config, self._world.next_oid, self._ignore)

    def _ignore(self, name: str) -> None:
        """A member the table does not have in this release."""
        try:
            self._world.ignored.tell("member", self._ask.place, name)
        except Refusal:
            told = f"command parse error before '{name}'"
            raise Failed(500, _STRANGE_MEMBER, told) from None

    def _record(self) -> Mapping[str, Any]:
        return _object(self._ask.payload)


def _object(payload: Any) -> Mapping[str, Any]:
    """A body that must be one object; `{json: {...}}` is how older clients wrap it."""
    if payload is None:
        return {}
    if not isinstance(payload, dict):
        raise Failed(424)
    wrapped = payload.get("json")
    return wrapped if len(payload) == 1 and isinstance(wrapped, dict) else payload


def key_in(table: Table, key: str) -> str | int:
    """A key of the url as the table has it."""
    return int(key) if table.numbered and key.isdecimal() and len(key) < 12 else key
