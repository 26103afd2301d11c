"""Rows, tables and whole databases, each of which may lie as a thin layer over another one.

A workspace draft is a layer: it holds the changed rows and nothing else, so taking a lock costs
nothing, and commit and discard cost what was changed. Rows are never altered in place: a change
puts a new row where the old one was, so readers, layers and revisions can share them.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Scope = tuple[str, str]
"""Device and VDOM."""
Key = str | int
User = tuple[str, Key, Scope | None]
"""Who refers to an object: table, key, and the mapping's scope (None: the object's own value)."""
Target = tuple[str, Key]
"""Which object is referred to: table and key."""
References = Iterable[tuple[Target, User]]


@dataclass(frozen=True, slots=True)
class Row:
    """One object. `attrs` holds what was set, in canonical form; defaults are not stored."""

    key: Key
    oid: int
    attrs: Mapping[str, Any]
    maps: Mapping[Scope, Row] = field(default_factory=dict)
    created: int = 0
    modified: int = 0
    by: str = "admin"
    version: int = 1
    note: str = ""

    def changed(self, *, now: float, by: str, **fields: Any) -> Row:
        """This row with other fields, one version on."""
        return replace(self, modified=int(now), by=by, version=self.version + 1, **fields)


class Rows:
    """One table: rows by key and in key order."""

    __slots__ = ("_below", "_order", "_own", "_seen", "_shift", "stamp")

    def __init__(self, below: Rows | None = None) -> None:
        self._below = below
        self._own: dict[Key, Row | None] = {}
        self._order: list[Key] | None = None
        self._shift = 0  # rows this layer adds to the count below
        self.stamp: int = 0
        """Moves with every write, so that a layer above notices."""
        self._seen: int = below.stamp if below is not None else 0

    def __len__(self) -> int:
        if self._below is None:
            return len(self._own)
        self._follow(self._below)
        return len(self._below) + self._shift

    def _follow(self, below: Rows) -> None:
        """Another session committed beneath this draft: count and order are to be made afresh."""
        if self._seen == below.stamp:
            return
        self._seen = below.stamp
        self._order = None
        self._shift = sum(
            (row is not None) - (below.get(key) is not None) for key, row in self._own.items()
        )

    def __contains__(self, key: Key) -> bool:
        return self.get(key) is not None

    def get(self, key: Key) -> Row | None:
        """The row, None when there is none."""
        if key in self._own:
            return self._own[key]
        return self._below.get(key) if self._below is not None else None

    def without(self, keys: Iterable[Key]) -> list[Key]:
        """Those of the keys that have no row; many are asked for at once faster than one by one."""
        own = self._own
        left = [key for key in keys if own.get(key) is None]
        if not left or self._below is None:
            return left
        gone = [key for key in left if key in own]
        return gone + self._below.without([key for key in left if key not in own])

    def put(self, row: Row) -> None:
        """Add or replace."""
        if row.key not in self:
            self._shift += 1
            if self._order is not None:
                bisect.insort(self._order, row.key)
        self._own[row.key] = row
        self.stamp += 1

    def drop(self, key: Key) -> None:
        """Remove; absent keys are no error."""
        if key not in self:
            return
        self._shift -= 1
        if self._below is not None and self._below.get(key) is not None:
            self._own[key] = None
        else:
            del self._own[key]
        if self._order is not None:
            del self._order[bisect.bisect_left(self._order, key)]
        self.stamp += 1

    def ordered(self) -> list[Key]:
        """All keys in order. The list is the table's own: do not change it."""
        if self._below is not None:
            self._follow(self._below)
        if self._order is None:
            self._order = self._make_order()
        return self._order

    def _make_order(self) -> list[Key]:
        if self._below is None:
            return sorted(self._own)
        below = [key for key in self._below.ordered() if self._own.get(key, key) is not None]
        own = self._own.items()
        added = [key for key, row in own if row is not None and self._below.get(key) is None]
        return sorted(below + added) if added else below

    def __iter__(self) -> Iterator[Row]:
        for key in self.ordered():
            row = self.get(key)
            if row is not None:
                yield row

    def between(self, first: str, last: str) -> list[Key]:
        """Text keys from `first` up to and with those that begin with `last`."""
        keys = self.ordered()
        low = bisect.bisect_left(keys, first)
        high = bisect.bisect_right(keys, last + "\U0010ffff")
        return keys[low:high]

    def own(self) -> Mapping[Key, Row | None]:
        """What this layer changes; None for a removed row."""
        return self._own


class Uses:
    """Which objects are referred to by whom, kept up to date with every write."""

    __slots__ = ("_added", "_below", "_gone")

    def __init__(self, below: Uses | None = None) -> None:
        self._below = below
        self._added: dict[Target, set[User]] = {}
        self._gone: dict[Target, set[User]] = {}

    def add(self, references: References) -> None:
        """Note references: a group may have hundreds on each of many devices."""
        every, known = self._gone, self._added
        for target, user in references:
            gone = every.get(target) if every else None
            if gone and user in gone:
                gone.remove(user)
            elif (users := known.get(target)) is None:
                known[target] = {user}
            else:
                users.add(user)

    def remove(self, target: Target, user: User) -> None:
        """Forget one reference."""
        added = self._added.get(target)
        if added and user in added:
            added.remove(user)
            if not added:
                del self._added[target]
        elif self._below is not None:
            self._gone.setdefault(target, set()).add(user)

    def of(self, target: Target) -> set[User]:
        """All users of an object; a fresh set."""
        users = self._below.of(target) if self._below is not None else set()
        users -= self._gone.get(target, set())
        users |= self._added.get(target, set())
        return users

    def any(self, target: Target) -> bool:
        """Whether the object is used at all."""
        if self._added.get(target):
            return True
        if self._below is None:
            return False
        return bool(self.of(target)) if self._gone.get(target) else self._below.any(target)


@dataclass(frozen=True, slots=True)
class Change:
    """One row before and after; None where it did not or does not exist."""

    table: str
    key: Key
    before: Row | None
    after: Row | None


class Selection:
    """The rows that a filter lets through, found as far as anybody asked."""

    def __init__(self, name: str, stamp: int, rows: Iterator[Row]) -> None:
        self.made_for = name, stamp
        self._found: list[Row] = []
        self._rest = rows

    def upto(self, end: int) -> list[Row]:
        """At least the first `end` of them. The list is the selection's own: do not change it."""
        self._found += itertools.islice(self._rest, max(0, end - len(self._found)))
        return self._found

    def whole(self) -> list[Row]:
        """All of them; the list is the caller's."""
        self._found += self._rest
        return list(self._found)


class Database:
    """The tables of one ADOM (or a draft of them)."""

    def __init__(self, below: Database | None = None) -> None:
        self._below = below
        self._tables: dict[str, Rows] = {}
        self.uses: Uses = Uses(below.uses if below is not None else None)
        self._counters: dict[str, int] = {}
        self._selection: Selection | None = None

    def rows(self, table: str) -> Rows:
        """The table's rows for reading."""
        rows = self._tables.get(table)
        if rows is not None:
            return rows
        if self._below is not None:
            return self._below.rows(table)
        return self._tables.setdefault(table, Rows())

    def _writable(self, table: str) -> Rows:
        rows = self._tables.get(table)
        if rows is None:
            below = self._below.rows(table) if self._below is not None else None
            rows = self._tables[table] = Rows(below)
        return rows

    def write(self, change: Change) -> None:
        """Apply a change; the references it takes away and brings are told to `refer`."""
        rows = self._writable(change.table)
        if change.after is None:
            rows.drop(change.key)
        else:
            rows.put(change.after)
        self._counters[change.table] = self._counters.get(change.table, 0) + 1

    def refer(self, *, removed: References, added: References) -> None:
        """Note references that changes took away and brought."""
        for target, user in removed:
            self.uses.remove(target, user)
        self.uses.add(added)

    def writes(self, table: str) -> int:
        """How often the table was written, drafts included: a cheap version number."""
        below = self._below.writes(table) if self._below is not None else 0
        return below + self._counters.get(table, 0)

    def all_writes(self) -> int:
        """The same for all tables together."""
        return sum(self.writes(table) for table in self.tables())

    def selection(self, name: str, rows: Callable[[], Iterator[Row]]) -> Selection:
        """These rows, unless the last that were selected are the same and nothing was written
        since: who reads a table in pages goes on where the page before ended."""
        stamp = self.all_writes()
        if self._selection is None or self._selection.made_for != (name, stamp):
            self._selection = Selection(name, stamp, rows())
        return self._selection

    def changes(self) -> list[Change]:
        """What this layer changes in the one below, in no particular order."""
        if self._below is None:
            return []
        found = []
        for table, rows in self._tables.items():
            ground = self._below.rows(table)
            for key, after in rows.own().items():
                before = ground.get(key)
                if before is not after:
                    found.append(Change(table, key, before, after))
        return found

    def tables(self) -> list[str]:
        """Names of the tables that have ever been written."""
        names = dict.fromkeys(self._below.tables() if self._below is not None else ())
        names.update(dict.fromkeys(self._tables))
        return list(names)
