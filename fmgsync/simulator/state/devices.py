"""FortiGates: what FortiManager's device database holds of each, and what the unit itself runs.

Three configurations exist per VDOM: the device database, the last one FortiManager knows the unit
to run, and the one it really runs. Only the first is kept whole; the others are kept as what
differs, since most of the time nothing does.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from fmgsync.simulator.state.layered import Layered
from fmgsync.simulator.state.references import package_store
from fmgsync.simulator.state.store import Row, Target
from fmgsync.simulator.state.unitapi import UnitApi

Entry = Row
"""An object on a device: the ADOM's row, or the mapping's row, as it was when it was copied."""


@dataclass(slots=True)
class Vdom:
    """Configuration of one VDOM.

    `ahead`: what FortiManager knows the unit to run where the device database differs.
    `drift`: what the unit really runs where that differs from what FortiManager knows.
    None stands for "not there".
    """

    name: str
    oid: int
    tables: dict[str, Layered[str | int, Entry]] = field(default_factory=dict)
    uses: Layered[Target, int] = field(default_factory=Layered)
    orphans: set[Target] = field(default_factory=set)
    ahead: dict[Target, Entry | None] = field(default_factory=dict)
    drift: dict[Target, Entry | None] = field(default_factory=dict)
    package: int | None = None
    copied_to: int = 0
    tampered: set[Target] = field(default_factory=set)
    """Objects written in the device database by hand: the next copy looks at them again."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What clients wrote of its record."""
    revision: int = 0
    """Moves with every change of what the unit runs or shall run."""
    alone: bool = False
    """No FortiManager knows it: what is written on the unit is all there is."""
    stamps: dict[str, int] = field(default_factory=dict)
    """How often what the unit runs has changed, by table."""
    ordered: dict[str, list[str | int]] = field(default_factory=dict)
    """Keys of what the unit runs, in order, of tables that somebody has read."""
    moved: dict[str, list[str | int]] = field(default_factory=dict)
    """The order of a table whose rows somebody moved on the unit."""
    known_moved: dict[str, list[str | int]] = field(default_factory=dict)
    """The same as FortiManager has read it."""

    def get(self, target: Target) -> Entry | None:
        """The device database's entry."""
        table = self.tables.get(target[0])
        return None if table is None else table.get(target[1])

    def table(self, name: str) -> Layered[str | int, Entry]:
        """A table of the device database, for writing."""
        found = self.tables.get(name)
        if found is None:
            found = self.tables[name] = Layered()
        return found

    def known(self, target: Target) -> Entry | None:
        """What FortiManager believes the unit runs."""
        return self.ahead[target] if target in self.ahead else self.get(target)

    def running(self, target: Target) -> Entry | None:
        """What the unit runs."""
        return self.drift[target] if target in self.drift else self.known(target)

    def running_table(self, table: str) -> Iterator[tuple[str | int, Entry]]:
        """All entries of a table on the unit, by key."""
        for key in list(self.running_keys(table)):
            entry = self.running((table, key))
            if entry is not None:
                yield key, entry

    def running_keys(self, table: str) -> Sequence[str | int]:
        """Keys of a table on the unit, in order. The list is the VDOM's own: do not change it."""
        found = self.ordered.get(table)
        if found is None:
            keys = set(self.table(table))
            keys.update(key for name, key in self.ahead if name == table)
            keys.update(key for name, key in self.drift if name == table)
            held = (key for key in keys if self.running((table, key)) is not None)
            found = self.ordered[table] = sorted(held, key=_order)
            if table in self.moved:
                rank = {key: at for at, key in enumerate(self.moved[table])}
                found.sort(key=lambda key: rank.get(key, len(rank)))
        return found

    def move(self, table: str, key: str | int, other: str | int, *, behind: bool) -> None:
        """On the unit itself, a row stands next to another from now on."""
        before = list(self.running_keys(table))
        after = [found for found in before if found != key]
        after.insert(after.index(other) + behind if key != other else before.index(key), key)
        if after == before:
            return
        self.moved[table] = after
        if after == sorted(after, key=_order):
            del self.moved[table]
        if self.alone:
            self.known_moved = dict(self.moved)
        self.ordered.pop(table, None)
        self.revision += 1
        self._stamp(table)

    def put(self, target: Target, entry: Entry | None) -> None:
        """Change the device database; what the unit ran before is remembered in `ahead`."""
        before = self.get(target)
        known = self.ahead.pop(target) if target in self.ahead else before
        table = self.table(target[0])
        self.revision += 1
        if entry is None:
            table.drop(target[1])
        else:
            table[target[1]] = entry
        if not same(known, entry):
            self.ahead[target] = known

    def push(self, refused: set[Target], only: set[Target] | None = None) -> None:
        """The unit takes the device database's changes, or `only` some, save those it refuses.

        FortiManager does not notice a refusal: it believes the unit runs the new value.
        """
        self.revision += 1
        for target, known in list(self.ahead.items()):
            if only is not None and target not in only:
                continue
            del self.ahead[target]
            runs = self.drift.pop(target, known)
            if target in refused and not same(runs, self.get(target)):
                self.drift[target] = runs
            else:
                self._stamp(target[0])
                self.ordered.pop(target[0], None)
        if only is None and not refused:
            self._in_order()

    @property
    def drifted(self) -> bool:
        """Whether the unit runs something else, or in another order, than FortiManager knows."""
        return bool(self.drift) or self.moved != self.known_moved

    def _in_order(self) -> None:
        """Forget how somebody moved rows on the unit."""
        for table in self.moved:
            self._stamp(table)
            self.ordered.pop(table, None)
        self.moved.clear()
        self.known_moved.clear()

    def _place(self, target: Target, entry: Entry | None) -> None:
        """Keep the order of a table that was read."""
        keys = self.ordered.get(target[0])
        if keys is None or (entry is None) == (self.running(target) is None):
            return
        if target[0] in self.moved:
            del self.ordered[target[0]]
            return
        at = bisect.bisect_left(keys, _order(target[1]), key=_order)
        if entry is None:
            del keys[at]
        else:
            keys.insert(at, target[1])

    def _stamp(self, table: str) -> None:
        self.stamps[table] = self.stamps.get(table, 0) + 1

    def set_running(self, target: Target, entry: Entry | None) -> None:
        """A change made on the unit itself."""
        self.revision += 1
        self._stamp(target[0])
        self._place(target, entry)
        if self.alone:
            table = self.table(target[0])
            if entry is None:
                table.drop(target[1])
            else:
                table[target[1]] = entry
        elif same(self.known(target), entry):
            self.drift.pop(target, None)
        else:
            self.drift[target] = entry

    def retrieve(self) -> None:
        """FortiManager reads the unit's configuration into the device database."""
        self.known_moved = dict(self.moved)
        for target in [*self.ahead, *self.drift]:
            entry = self.running(target)
            self.ahead.pop(target, None)
            self.drift.pop(target, None)
            self.put(target, entry)
            self.ahead.pop(target, None)
            self.tampered.add(target)


def _order(key: str | int) -> tuple[int, str]:
    """Numbers by their value, names by their letters."""
    return (key, "") if isinstance(key, int) else (0, key)


def same(one: Entry | None, other: Entry | None) -> bool:
    """Whether two entries are the same configuration."""
    if one is None or other is None:
        return one is other
    return one is other or (one.attrs is other.attrs or one.attrs == other.attrs)


@dataclass(frozen=True, slots=True)
class ClusterMember:
    """One unit of a FortiGate HA cluster."""

    name: str
    oid: int
    serial: str
    role: str
    priority: int
    up: bool = True


@dataclass(slots=True)
class Device:
    """A managed FortiGate. `frozen` and `refuses` are troubles a test or fault file may set."""

    name: str
    oid: int
    serial: str
    platform: str
    ip: str
    os_version: tuple[int, int, int]
    build: int
    vdoms: dict[str, Vdom]
    online: bool = True
    authorized: bool = True
    model: bool = False
    """Configured before the unit exists."""
    install_seconds: float = 2.0
    status: str = "installed"
    hostname: str = ""
    kept: dict[str, Any] = field(default_factory=dict)
    """What clients wrote of its record."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Device-wide configuration (`/pm/config/device/{dev}/global/...`), by path."""
    frozen: bool = False
    silent: bool = False
    """Does not answer sys/proxy although FortiManager believes the tunnel is up."""
    refuses: set[Target] = field(default_factory=set)
    """Objects whose commands the unit refuses; the install goes on without them."""
    detected: bool = True
    """Whether FortiManager has noticed a drift (auto-update, or a check of the status)."""
    pending_global: bool = False
    cluster: list[ClusterMember] = field(default_factory=list)
    hits: dict[tuple[str, int], Any] = field(default_factory=dict)
    """What the unit counts, by VDOM and policy id; 0 is the implicit denial."""
    api: UnitApi = field(default_factory=UnitApi)
    """Who may use the unit's own REST API, and how it stands there."""

    @property
    def management_vdom(self) -> str:
        """Where requests go that name no VDOM."""
        wanted = self.api.management_vdom
        return wanted if wanted in self.vdoms else next(iter(self.vdoms), wanted)

    def db_status(self) -> str:
        """`mod` while the device database is ahead of what the unit runs."""
        ahead = self.pending_global or any(vdom.ahead for vdom in self.vdoms.values())
        return "mod" if ahead else "nomod"

    def conf_status(self) -> str:
        """`outofsync` when the unit runs something FortiManager did not put there."""
        if self.status == "unknown":
            return "unknown"
        vdoms = self.vdoms.values()
        drifted = self.detected and any(vdom.drifted for vdom in vdoms)
        return "outofsync" if drifted else "insync"


def policies_table(package_oid: int) -> str:
    """The ADOM store of a package's policies."""
    return package_store("firewall policy", package_oid)
