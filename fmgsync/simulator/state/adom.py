"""One ADOM: its object database, drafts, locks, members, and what its installs have reached."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from fmgsync.simulator.state import impact, references
from fmgsync.simulator.state.steps import History
from fmgsync.simulator.state.store import Change, Database, Key, Row, Scope, Target
from fmgsync.simulator.state.worksession import WorkSession

Mode = Literal["disabled", "normal", "workflow"]

PACKAGES = "package"
"""Store name of packages and folders, keyed by path."""

Snapshot = dict[str, dict[Key, Row]]
"""Rows by table; rows are never altered, so a snapshot shares them with the database."""


@dataclass(slots=True)
class Lock:
    """A workspace lock of one session; `kind` adom, pkg, policy, dev or obj, `name` which one."""

    kind: str
    name: str
    sid: int
    user: str
    since: float


@dataclass(slots=True)
class DeviceGroup:
    """Named set of devices; a member without VDOM is another group."""

    name: str
    oid: int
    members: list[tuple[str, str | None]] = field(default_factory=list)
    kind: str = "normal"
    kept: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Installed:
    """What FortiManager knows of a package on one DeviceVdom: which, and whether it is current."""

    package: int
    status: str = "installed"


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision."""

    version: int
    oid: int
    name: str
    description: str
    user: str
    at: int
    locked: int
    rows: Snapshot


@dataclass(slots=True)
class Schedule:
    """One planned install; `text` is its instant as it was written, in the unit's time (UTC)."""

    text: str
    at: float
    scope: list[Scope] | None
    revision: str
    user: str


class Adom:
    """State of one ADOM. `ground` is the committed database; a draft lies over it per session."""

    def __init__(self, name: str, oid: int, os_version: tuple[int, int], mode: Mode) -> None:
        self.name = name
        self.oid = oid
        self.os_version = os_version
        self.mode: Mode = mode
        self.kept: dict[str, Any] = {}
        self.backup = False
        self.ground = Database()
        self.drafts: dict[int, Database] = {}
        self.locks: list[Lock] = []
        self.workflow: list[WorkSession] = []
        self.members: dict[str, list[str]] = {}
        self.groups: dict[str, DeviceGroup] = {}
        self.installed: dict[Scope, Installed] = {}
        self.revisions: list[Revision] = []
        self.schedules: dict[str, Schedule] = {}
        self.history = History()
        self.scripts: dict[str, dict[str, Any]] = {}
        self.runs: list[Any] = []
        """What running scripts left, oldest first."""
        self.assignments: dict[int, dict[str, Any]] = {}
        """Global packages by oid: the ADOM's packages named with it, and whether as exceptions."""
        self.from_global: set[Target] = set()
        """Objects that came with a global package, and change with it."""
        self.hits: dict[tuple[int, int], Any] = {}
        """What was counted of a package's policies when it was gathered last."""
        self.journal: list[tuple[str, str | int]] = []
        """Objects changed, oldest first; installs read it from where they stopped last."""

    def view(self, sid: int) -> Database:
        """The database as this session sees it: with its own uncommitted changes."""
        return self.drafts.get(sid, self.ground)

    def draft(self, sid: int) -> Database:
        """Where this session writes while it holds a lock."""
        found = self.drafts.get(sid)
        if found is None:
            found = self.drafts[sid] = Database(self.ground)
        return found

    def apply(self, database: Database, change: Change, at: float) -> None:
        """Write one row; in the ground it counts as committed at once."""
        write(database, change)
        if database is self.ground:
            self.committed((change,), at)

    def commit(self, changes: Iterable[Change], at: float) -> None:
        """Make draft changes the ADOM's own."""
        done = list(changes)
        write_all(self.ground, done)
        self.committed(done, at)

    def committed(self, changes: Iterable[Change], at: float) -> None:
        """The ground has changed: note it for installs and flip packages to modified."""
        listed = list(changes)
        self.journal.extend((change.table, change.key) for change in listed)
        for change in listed:
            self.history.add(change, int(at))
        for scope in impact.affected(self, listed):
            known = self.installed.get(scope)
            if known is not None:
                known.status = "modified"

    def packages(self, database: Database) -> list[Row]:
        """Policy packages without the folders, in path order."""
        return [row for row in database.rows(PACKAGES) if row.attrs["type"] == "pkg"]

    def expand(self, scope: Iterable[tuple[str, str | None]]) -> list[Scope]:
        """DeviceVdoms a scope means: groups expanded, nested ones too, each once."""
        found: dict[Scope, None] = {}
        for name, vdom in scope:
            if vdom is not None:
                found[(name, vdom)] = None
            elif name in self.groups:
                found.update(dict.fromkeys(self._group_members(name, set())))
        return list(found)

    def _group_members(self, name: str, seen: set[str]) -> list[Scope]:
        if name in seen or name not in self.groups:
            return []
        seen.add(name)
        found: list[Scope] = []
        for member, vdom in self.groups[name].members:
            if vdom is None:
                found.extend(self._group_members(member, seen))
            else:
                found.append((member, vdom))
        return found

    def has(self, device: str, vdom: str | None = None) -> bool:
        """Whether the device (and VDOM) belongs to the ADOM."""
        vdoms = self.members.get(device)
        return vdoms is not None and (vdom is None or vdom in vdoms)


def write(database: Database, change: Change) -> None:
    """Put a change into a database and keep its reference index right."""
    write_all(database, (change,))


def write_all(database: Database, changes: Sequence[Change]) -> None:
    """Put changes that belong together into a database, in whatever order they come.

    A reference is known by the object it leads to: what goes is looked up while everything is still
    there, what comes once everything is.
    """
    moving = {c.key for c in changes if c.before is None or c.after is None}
    before = [
        references.held(database, c.table, c.before, beside=c.after, moving=moving) for c in changes
    ]
    for change in changes:
        database.write(change)
    for change, old in zip(changes, before, strict=True):
        new = references.held(
            database, change.table, change.after, beside=change.before, moving=moving
        )
        database.refer(removed=old - new, added=new - old)
