"""The copy stage of an install: a package, rendered for one DeviceVdom, goes into its database.

Only objects that the package uses are copied, mapped values take the place of the objects' own,
and what nothing refers to any more is removed. After the first copy only what has changed since is
looked at. A copy that fails is rolled back as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from fmgsync.simulator.schema.catalog import TABLES
from fmgsync.simulator.schema.catalog_packages import (
    BLOCKS,
    FOOTER,
    HEADER,
    INSTALLED,
    PACKAGE_TABLES,
)
from fmgsync.simulator.schema.predefined import KEEPS
from fmgsync.simulator.state.adom import PACKAGES, Adom
from fmgsync.simulator.state.devices import Entry, Vdom, policies_table, same
from fmgsync.simulator.state.references import package_of, package_store
from fmgsync.simulator.state.store import Key, Row, Scope, Target

DEVICE_POLICIES: Final = "firewall policy"
_STAY_HERE: Final = frozenset(("dynamic interface", BLOCKS))
"""Tables that FortiManager resolves itself and does not copy."""


Differences = dict[Target, tuple[Entry | None, Entry | None]]
"""Objects as the unit has them and as it shall have them."""


class CopyFailed(Exception):
    """The copy stage refused; the text is what the task's line shows."""


class Copy:
    """One copy into one VDOM, with what is needed to undo it."""

    def __init__(
        self, adom: Adom, vdom: Vdom, scope: Scope, *, member_limit: int, mapped: bool = True
    ) -> None:
        self._database = adom.ground
        self._adom = adom
        self._vdom = vdom
        self._scope = scope
        self._member_limit = member_limit
        self._mapped = mapped
        self._undo: list[tuple[Target, Entry | None]] = []
        self._counts: dict[Target, int] = {}
        self._unused: set[Target] = set()
        self._orphans = frozenset(vdom.orphans)

    def package(self, package: Row) -> int:
        """Copy a whole package; returns how many objects changed in the device database."""
        try:
            self._policies(package)
            for target in self._stale():
                self._refresh(target)
            self._vdom.orphans |= self._unused
            self._purge()
        except CopyFailed:
            self._roll_back()
            raise
        self._vdom.package = package.oid
        self._vdom.copied_to = len(self._adom.journal)
        self._vdom.tampered.clear()
        return len(self._undo)

    def adjust(self, targets: Iterable[Target]) -> None:
        """Render these objects anew if the device holds them; remove what is unused then."""
        for target in targets:
            if self._holds(target):
                self._refresh(target)
        self._vdom.orphans |= self._unused
        self._purge()

    def objects(self, edits: Iterable[tuple[Target, Entry | None]]) -> set[Target]:
        """Copy single objects and what they refer to; the rest stays, nothing is removed.

        Returns what changed: an object-only install pushes just that.
        """
        try:
            for target, entry in edits:
                self._put(target, entry)
            self._vdom.orphans |= self._unused
        except CopyFailed:
            self._roll_back()
            raise
        return {target for target, _ in self._undo}

    def rendered(self, target: Target) -> Entry | None:
        """An object of the ADOM as this DeviceVdom gets it; None when the ADOM has none."""
        row = self._database.rows(target[0]).get(target[1])
        if row is None or not self._mapped:
            return row
        return row.maps.get(self._scope, row)

    def try_package(self, package: Row) -> Differences:
        """What the unit would be sent by installing the package; nothing stays changed."""
        vdom = self._vdom
        kept = vdom.package, vdom.copied_to, set(vdom.tampered)
        self.package(package)
        found = pending(vdom)
        self._roll_back()
        vdom.package, vdom.copied_to, vdom.tampered = kept
        return found

    def try_objects(self, edits: Iterable[tuple[Target, Entry | None]]) -> Differences:
        """The same for single objects."""
        touched = self.objects(edits)
        found = {target: both for target, both in pending(self._vdom).items() if target in touched}
        self._roll_back()
        return found

    def _policies(self, package: Row) -> None:
        if self._vdom.package == package.oid and not self._touched(package):
            return
        policies = policies_for(self._adom, package, self._scope)
        self._fill(DEVICE_POLICIES, {policy.key: policy for policy in policies})
        for table in INSTALLED:
            rows = self._database.rows(package_store(table.name, package.oid))
            self._fill(table.name, {row.key: row for row in rows})

    def _fill(self, table: str, wanted: dict[Key, Row]) -> None:
        """A table of the device as the package has it."""
        for key in [key for key in self._vdom.table(table) if key not in wanted]:
            self._put((table, key), None)
        for key, row in wanted.items():
            self._put((table, key), row)

    def _touched(self, package: Row) -> bool:
        """Whether anything in the package, or in a block, changed since the last copy."""
        since = self._adom.journal[self._vdom.copied_to :]
        if any(table in PACKAGE_TABLES for table, _ in self._vdom.tampered):
            return True
        oids = {package.oid, *(row.oid for row in self._database.rows(BLOCKS))}
        return any(
            package_of(table) in oids or (table == PACKAGES and key == package.key)
            for table, key in since
        )

    def _stale(self) -> list[Target]:
        """Objects the VDOM holds whose ADOM side may have changed since the last copy."""
        since = dict.fromkeys(self._adom.journal[self._vdom.copied_to :])
        since.update(dict.fromkeys(self._vdom.tampered))
        return [target for target in since if target[0] in TABLES and self._holds(target)]

    def _holds(self, target: Target) -> bool:
        return self._vdom.get(target) is not None or bool(self._vdom.uses.get(target))

    def _refresh(self, target: Target) -> None:
        if self._vdom.uses.get(target):
            self._put(target, self.rendered(target))
        else:
            self._unused.add(target)

    def _put(self, target: Target, entry: Entry | None) -> None:
        before = self._vdom.get(target)
        if same(before, entry):
            return
        self._check(target, entry)
        self._undo.append((target, before))
        self._vdom.put(target, entry)
        # What the old entry needed may be gone from the ADOM by now: look for it on the device.
        old = set(edges(target[0], before, self._on_device))
        new = set(edges(target[0], entry, self._in_adom))
        for used in new - old:
            self._use(used)
        for used in old - new:
            self._leave(used)

    def _in_adom(self, target: Target) -> bool:
        return self._database.rows(target[0]).get(target[1]) is not None

    def _on_device(self, target: Target) -> bool:
        return target in self._vdom.uses

    def _check(self, target: Target, entry: Entry | None) -> None:
        members = len(entry.attrs.get("member", ())) if entry is not None else 0
        if members > self._member_limit:
            raise CopyFailed(
                f'vdom copy error: {target[0]} "{target[1]}": '
                f"{members} members, the limit is {self._member_limit}"
            )

    def _use(self, target: Target) -> None:
        uses = self._vdom.uses
        count = (uses.get(target) or 0) + 1
        uses[target] = count
        self._counts[target] = self._counts.get(target, 0) + 1
        self._unused.discard(target)
        self._vdom.orphans.discard(target)
        if count == 1 or self._vdom.get(target) is None:
            self._put(target, self.rendered(target))

    def _leave(self, target: Target) -> None:
        uses = self._vdom.uses
        left = (uses.get(target) or 0) - 1
        self._counts[target] = self._counts.get(target, 0) - 1
        if left > 0:
            uses[target] = left
        else:
            uses.drop(target)
            self._unused.add(target)

    def _purge(self) -> None:
        """Remove what nothing refers to; that may free further objects."""
        while self._vdom.orphans:
            target = self._vdom.orphans.pop()
            if target in KEEPS or self._vdom.uses.get(target):
                continue
            self._put(target, None)
            self._vdom.orphans |= self._unused
            self._unused.clear()

    def _roll_back(self) -> None:
        for target, entry in reversed(self._undo):
            self._vdom.put(target, entry)
        self._vdom.orphans = set(self._orphans)
        for target, count in self._counts.items():
            left = (self._vdom.uses.get(target) or 0) - count
            if left > 0:
                self._vdom.uses[target] = left
            else:
                self._vdom.uses.drop(target)
        self._undo.clear()


def pending(vdom: Vdom) -> Differences:
    """What the device database is ahead of the unit."""
    return {target: (known, vdom.get(target)) for target, known in vdom.ahead.items()}


def policies_for(adom: Adom, package: Row, scope: Scope) -> Iterator[Row]:
    """The policies that are installed on this DeviceVdom, in order.

    The global header comes first and the footer last; a policy block stands for what it holds.
    """
    yield from adom.ground.rows(package_store(HEADER.name, package.oid))
    yield from _own_policies(adom, package, scope)
    yield from adom.ground.rows(package_store(FOOTER.name, package.oid))


def _own_policies(adom: Adom, package: Row, scope: Scope) -> Iterator[Row]:
    rows = adom.ground.rows(policies_table(package.oid))
    for policy_id in package.attrs["order"]:
        policy = rows.get(policy_id)
        if policy is None:
            continue
        only = policy.attrs.get("install-on")
        if only is not None and scope not in adom.expand(only):
            continue
        for name in policy.attrs.get("_policy_block", ()):
            block = adom.ground.rows(BLOCKS).get(name)
            if block is not None:
                yield from _own_policies(adom, block, scope)
        if not policy.attrs.get("_policy_block"):
            yield policy


def edges(table: str, entry: Entry | None, exists: Callable[[Target], bool]) -> Iterator[Target]:
    """Objects an entry needs beside it on the device, each in the first table that has it."""
    spec = PACKAGE_TABLES.get(table) or TABLES.get(table)
    if entry is None or spec is None:
        return
    for name, value in entry.attrs.items():
        attribute = spec.attributes.get(name)
        if attribute is None or not attribute.targets or attribute.targets[0] in _STAY_HERE:
            continue
        for item in value:
            found = next((t for t in attribute.targets if exists((t, item))), None)
            if found is not None:
                yield found, item
