"""Transactions of a unit: writes queued under a number, until they are committed or time is up.

Exchanges and rules: Fortinet Developer Network, "Batch transactions"; `transaction-show`: FortiOS
7.4.1 release notes. That one locks whole tables is what that page says of policies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fmgsync.simulator.calls.cliconfig import changes_text
from fmgsync.simulator.fortigate.envelope import Body, Failed, refused
from fmgsync.simulator.state.devices import Device, Entry, Vdom
from fmgsync.simulator.state.store import Target
from fmgsync.simulator.state.timeline import Timeline

_NUMBER: Final = re.compile(r"\d{1,9}", re.ASCII)
SINCE: Final = (6, 4, 0)
SHOWN_SINCE: Final = (7, 4, 1)
_LOCKED: Final = -160
LONGEST_S: Final = 3600


@dataclass(slots=True)
class Transaction:
    """What one client queued in one VDOM."""

    number: int
    vdom: str
    ends_at: float
    user: str
    queue: dict[Target, Entry | None] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    reserved: set[str] = field(default_factory=set)
    """Tables it holds without having written to them."""

    @property
    def tables(self) -> set[str]:
        """The tables it holds."""
        return {*self.reserved, *(table for table, _ in self.queue)}


class Transactions:
    """All that are open on a unit."""

    def __init__(self, device: Device, timeline: Timeline, now: float) -> None:
        self._device = device
        self._timeline = timeline
        self._now = now
        self._open: dict[int, Transaction] = device.api.open

    def act(self, action: str, vdom: Vdom, body: Mapping[str, Any], user: str) -> Body:
        """One of the `transaction-` actions."""
        found = _ACTIONS.get(action)
        if found is None or self._device.os_version < SINCE:
            raise Failed(400)
        return found(self, vdom, body, user)

    def find(self, number: str, vdom: str) -> Transaction:
        """The one a write belongs to; none if it was ended, ran out or belongs elsewhere."""
        found = self._open.get(int(number)) if _NUMBER.fullmatch(number) else None
        if found is None or found.vdom != vdom:
            raise Failed(424, _LOCKED, f"no transaction {number[:20]} in this VDOM")
        return found

    def holder(self, vdom: str, table: str, own: Transaction | None) -> Transaction | None:
        """Who else holds a table."""
        for other in self._open.values():
            if other is not own and other.vdom == vdom and table in other.tables:
                return other
        return None

    def require(self, vdom: str, table: str, own: Transaction | None) -> None:
        """Refuse a write to a table that another transaction holds."""
        other = self.holder(vdom, table, own)
        if other is not None:
            told = f"the table {table} is locked by transaction {other.number}"
            raise refused(_LOCKED, told)

    def _start(self, vdom: Vdom, body: Mapping[str, Any], user: str) -> Body:
        seconds = body.get("timeout", 60)
        if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 1:
            raise Failed(424)
        return {"results": {"transaction-id": self.open(vdom.name, seconds, user).number}}

    def open(self, vdom: str, seconds: int, user: str) -> Transaction:
        """A new one."""
        api = self._device.api
        api.last_transaction += 1
        number = api.last_transaction
        ends_at = self._now + min(seconds, LONGEST_S)
        self._timeline.plan(ends_at, lambda _: self._expire(number, ends_at))
        made = self._open[number] = Transaction(number, vdom, ends_at, user)
        return made

    def _expire(self, number: int, ends_at: float) -> None:
        held = self._open.get(number)
        if held is not None and held.ends_at == ends_at:
            del self._open[number]

    def _commit(self, vdom: Vdom, body: Mapping[str, Any], user: str) -> Body:
        """All of it, at once."""
        transaction = self._named(vdom, body)
        for target, entry in transaction.queue.items():
            if self._device.api.saving != "automatic":
                before = vdom.running(target)
                self._device.api.unsaved.setdefault((vdom.name, target), before)
            vdom.set_running(target, entry)
        self._device.api.written.update(transaction.settings)
        del self._open[transaction.number]
        return {}

    def _abort(self, vdom: Vdom, body: Mapping[str, Any], user: str) -> Body:
        del self._open[self._named(vdom, body).number]
        return {}

    def _named(self, vdom: Vdom, body: Mapping[str, Any]) -> Transaction:
        number = body.get("transaction-id", body.get("transaction_id"))
        return self.find(str(number), vdom.name)

    def _list(self, vdom: Vdom, body: Mapping[str, Any], user: str) -> Body:
        held = [t for t in self._open.values() if t.vdom == vdom.name]
        return {"results": [self._told(transaction) for transaction in held]}

    def _told(self, transaction: Transaction) -> Body:
        return {
            "transaction-id": transaction.number,
            "vdom": transaction.vdom,
            "user": transaction.user,
            "expires-in": max(0, int(transaction.ends_at - self._now)),
        }

    def _show(self, vdom: Vdom, body: Mapping[str, Any], user: str) -> Body:
        """The commands that wait, as the CLI would be told."""
        if self._device.os_version < SHOWN_SINCE:
            raise Failed(400)
        transaction = self._named(vdom, body)
        changes = [(t, vdom.running(t), entry) for t, entry in transaction.queue.items()]
        commands = changes_text(changes).splitlines()
        return {"results": [{**self._told(transaction), "commands": commands}]}


def vdom_of(device: Device, number: str | None) -> str | None:
    """The VDOM of an open transaction: recorded of a write that named none (7.4.2)."""
    held = device.api.open.get(int(number)) if number and _NUMBER.fullmatch(number) else None
    return held.vdom if held is not None else None


_Action = Callable[[Transactions, Vdom, Mapping[str, Any], str], Body]
_ACTIONS: Final[Mapping[str, _Action]] = {
    "transaction-start": Transactions._start,
    "transaction-commit": Transactions._commit,
    "transaction-abort": Transactions._abort,
    "transaction-list": Transactions._list,
    "transaction-show": Transactions._show,
}
