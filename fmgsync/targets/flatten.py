"""From groups of names to the addresses a firewall matches: by value, nesting resolved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from fmgsync.model.address import NOWHERE, Address, Family
from fmgsync.model.adom import Reading
from fmgsync.targets import wire
from fmgsync.targets.wire import Row


@dataclass(slots=True)
class FamilyTables:
    """The address and group rows of one family on one DeviceVdom."""

    values: dict[str, Address | None] = field(default_factory=dict)
    members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    subtracting: set[str] = field(default_factory=set)


def family_tables(addresses: Iterable[Row], groups: Iterable[Row], family: Family) -> FamilyTables:
    """Index rows of FortiManager or FortiOS, which differ only in how a subnet is written."""
    found = FamilyTables()
    for row in addresses:
        found.values[wire.text(row.get("name"))] = wire.address_value(row, family)
    for row in groups:
        name = wire.text(row.get("name"))
        found.members[name] = wire.names(row.get("member"))
        if wire.subtracts(row):
            found.subtracting.add(name)
    return found


def reading(wanted: Iterable[str], families: Iterable[FamilyTables]) -> Reading:
    """Members per group over both families; groups that no family has are left out.

    A group that holds anything but plain addresses is `opaque`: its members cannot be told.
    """
    tables = list(families)
    groups: dict[str, frozenset[Address]] = {}
    opaque: set[str] = set()
    for name in wanted:
        having = [table for table in tables if name in table.members]
        if not having:
            continue
        parts = [values_below(name, table) for table in having]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            opaque.add(name)
        else:
            groups[name] = frozenset().union(*known)
    return Reading(groups, opaque=frozenset(opaque))


def values_below(root: str, table: FamilyTables) -> frozenset[Address] | None:
    """All addresses below a group; None if something below it is no plain address."""
    found: set[Address] = set()
    seen: set[str] = set()
    waiting = [root]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in table.members:
            if name in table.subtracting:
                return None
            waiting.extend(table.members[name])
            continue
        value = table.values.get(name)
        if value is None:
            return None
        if value not in NOWHERE.values():
            found.add(value)
    return frozenset(found)
