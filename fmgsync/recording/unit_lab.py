"""One VDOM of a lab FortiGate without a FortiManager, as the scenarios use it: reading freely,
writing only what is theirs. What is written is live at once, so nothing ever refers to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from fmgsync import errors
from fmgsync.recording.guarding import COMMENT, TABLES, NotOurs
from fmgsync.recording.lab import Scenario

_CMDB: Final = "cmdb/firewall"
_TRANSACT: Final = frozenset({"transaction-start", "transaction-commit", "transaction-abort"})
_IDS: Final = ("transaction-id", "transaction_id")
_PASSES: Final = 4
TIMEOUT_S: Final = 30
"""After so long the unit itself ends a transaction that we could not."""


class Reply(Protocol):
    """What the unit said. `ok` only if HTTP and the envelope say so."""

    @property
    def ok(self) -> bool:
        """Whether it was carried out."""

    @property
    def results(self) -> Any:
        """Decoded JSON."""


class Line(Protocol):
    """A session with one VDOM of the unit."""

    def send(
        self,
        method: str,
        path: str,
        keys: Sequence[str],
        query: Mapping[str, str | int],
        body: Any,
        transaction: int | None,
    ) -> Reply:
        """One request. Raises TargetError when there is no usable answer."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a first look showed: `title` for people, and why nothing is to be written there."""

    title: str
    no_writes: str | None = None


class UnitLab:
    """Asks the unit. Refusals are answers here, not errors: they are what is being recorded."""

    def __init__(
        self,
        line: Line,
        prefix: str,
        facts: Facts,
        *,
        step: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self.prefix = prefix
        self.facts = facts
        self.step = step
        self._line = line
        self._open: set[int] = set()

    @property
    def title(self) -> str:
        """The VDOM and the unit."""
        return self.facts.title

    def hindrance(self, wanted: Scenario) -> str | None:
        """Why a scenario cannot run here; None if it can."""
        return self.facts.no_writes if wanted.writes else None

    def read(self, path: str, *keys: str, **query: str | int) -> Any:
        """The results of one GET; None if it was refused."""
        reply = self._ask("GET", path, keys, query)
        return reply.results if reply is not None and reply.ok else None

    def table(self, kind: str, **query: str | int) -> Any:
        """Rows of `address`, `addrgrp`, ..."""
        reply = self._ask("GET", f"{_CMDB}/{kind}", (), query)
        return reply.results if reply is not None and reply.ok else None

    def item(self, kind: str, suffix: str) -> Any:
        """One of our objects."""
        return self.read(f"{_CMDB}/{kind}", self.name(suffix))

    def create(self, kind: str, *rows: dict[str, Any], transaction: int | None = None) -> None:
        """One POST; several rows go as a list."""
        body = rows[0] if len(rows) == 1 else list(rows)
        self._ask("POST", f"{_CMDB}/{kind}", (), {}, body, transaction)

    def change(
        self, kind: str, suffix: str, body: dict[str, Any], transaction: int | None = None
    ) -> None:
        """One PUT."""
        self._ask("PUT", f"{_CMDB}/{kind}", (self.name(suffix),), {}, body, transaction)

    def delete(self, kind: str, suffix: str, *below: str) -> None:
        """One DELETE, of an object or of a member."""
        self._ask("DELETE", f"{_CMDB}/{kind}", (self.name(suffix), *below), {})

    def join(self, kind: str, suffix: str, member: str) -> None:
        """One member more."""
        body = {"name": member}
        self._ask("POST", f"{_CMDB}/{kind}", (self.name(suffix), "member"), {}, body)

    @contextmanager
    def transaction(self) -> Iterator[int | None]:
        """One that is aborted in the end, whatever became of it; None: the unit begins none."""
        start, body = {"action": "transaction-start"}, {"timeout": TIMEOUT_S}
        reply = self._ask("POST", "cmdb", (), start, body)
        told = reply.results if reply is not None and isinstance(reply.results, Mapping) else {}
        number = next((told[key] for key in _IDS if isinstance(told.get(key), int)), None)
        if number is None:
            yield None
            return
        self._open.add(number)
        try:
            yield number
        finally:
            self.end("transaction-abort", number)
            self._open.discard(number)

    def show(self, number: int) -> None:
        """What a transaction would do."""
        self._ask("GET", "cmdb", (), {"action": "transaction-show", "transaction-id": number})

    def end(self, action: str, number: int) -> None:
        """Commit or abort."""
        self._ask("POST", "cmdb", (), {"action": action}, {"transaction-id": number})

    def name(self, suffix: str) -> str:
        """A name that is ours."""
        return f"{self.prefix}-{suffix}"

    def address(self, suffix: str, number: int = 1, **more: Any) -> dict[str, Any]:
        """A new address in a documentation range (RFC 5737)."""
        subnet = f"198.51.100.{number} 255.255.255.255"
        return {"name": self.name(suffix), "subnet": subnet, "comment": COMMENT} | more

    def group(self, suffix: str, *members: str) -> dict[str, Any]:
        """A new group; members are full names."""
        listed = [{"name": member} for member in members]
        return {"name": self.name(suffix), "member": listed, "comment": COMMENT}

    def left_over(self) -> dict[str, list[dict[str, Any]]]:
        """Objects whose names begin with our prefix, by table, once nothing of ours is open any
        more. Raises if that cannot be told."""
        while self._open:
            self.end("transaction-abort", self._open.pop())
        found: dict[str, list[dict[str, Any]]] = {}
        for kind in TABLES:
            query = {"filter": f"name=@{self.prefix}", "format": "name|comment"}
            rows = self.table(kind, **query)
            if rows is None:
                raise errors.ProtocolError(f"the unit does not tell what is in {_CMDB}/{kind}")
            own = [row for row in rows if str(row.get("name")).startswith(self.prefix)]
            if own:
                found[kind] = own
        return found

    def sweep(self) -> None:
        """Delete all that begins with our prefix; groups that use groups take several passes."""
        for _ in range(_PASSES):
            left = self.left_over()
            for kind, rows in left.items():
                for row in rows:
                    self._ask("DELETE", f"{_CMDB}/{kind}", (str(row["name"]),), {})
            if not left:
                return

    def _ask(
        self,
        method: str,
        path: str,
        keys: Sequence[str],
        query: Mapping[str, str | int],
        body: Any = None,
        transaction: int | None = None,
    ) -> Reply | None:
        """One request; None if the answer was not usable, which is a finding of its own."""
        refuse_foreign(self.prefix, method, path, keys, query, body)
        try:
            return self._line.send(method, path, keys, query, body, transaction)
        except (errors.OutcomeUnknown, errors.ProtocolError):
            return None


def refuse_foreign(
    prefix: str,
    method: str,
    path: str,
    keys: Sequence[str],
    query: Mapping[str, str | int],
    body: Any,
) -> None:
    """Raise NotOurs unless a request only reads, or only touches what the recording made. A DELETE
    without a key would purge the table."""
    if method == "GET" or (method == "POST" and _is_of_ours(path, query)):
        return
    table = path.removeprefix(f"{_CMDB}/")
    rows = body if isinstance(body, list) else [body] if body is not None else []
    named = [row["name"] for row in rows if isinstance(row, Mapping) and "name" in row]
    is_own = table in TABLES and not query and all(_begins(name, prefix) for name in named)
    if keys:
        is_own &= _begins(keys[0], prefix) and list(keys[1:2]) in ([], ["member"]) and all(keys)
    else:
        marked = all(str(row.get("comment", "")).startswith(COMMENT) for row in rows)
        is_own &= method == "POST" and bool(rows) and len(named) == len(rows) and marked
    if not is_own:
        raise NotOurs(f"{method} {path} is outside what a recording may touch")


def _is_of_ours(path: str, query: Mapping[str, str | int]) -> bool:
    return path == "cmdb" and set(query) == {"action"} and query["action"] in _TRANSACT


def _begins(name: Any, prefix: str) -> bool:
    return isinstance(name, str) and name.startswith(f"{prefix}-")
