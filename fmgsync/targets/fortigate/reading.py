"""One VDOM of one FortiGate as the planner sees it: four tables, our objects and those in our way.

A unit has its own copy of every group, so a group's own value is here what a mapping is on a
FortiManager. Since FortiOS 7.2.0 a group may be empty; there an empty group stands for what
elsewhere holds the address `none`, and is told as if it did: so planning knows one way only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from fmgsync.model import naming
from fmgsync.model.address import NOWHERE, Address, Family
from fmgsync.model.adom import Reading
from fmgsync.model.change import ObjectKind
from fmgsync.model.state import ObjectKey, ObservedAddress, ObservedAdom, ObservedGroup
from fmgsync.model.target import TargetRef
from fmgsync.targets import flatten, relevance, wire
from fmgsync.targets.fortigate import tables, urls
from fmgsync.targets.fortigate.session import Session
from fmgsync.targets.fortigate.tables import Known, Rows
from fmgsync.targets.fortigate.urls import Table

Release = tuple[int, int, int]

EMPTY_SINCE: Release = (7, 2, 0)
_SINCE: Mapping[tuple[Table, str], Release] = {
    (Table.ADDRESS, "fabric-object"): (6, 4, 4),
    (Table.ADDRESS6, "fabric-object"): (6, 4, 4),
    (Table.GROUP, "fabric-object"): (6, 4, 4),
    (Table.GROUP6, "fabric-object"): (6, 4, 4),
    (Table.GROUP, "exclude"): (6, 2, 0),
    (Table.GROUP, "exclude-member"): (6, 2, 0),
    (Table.GROUP, "type"): (6, 4, 0),
    (Table.GROUP, "category"): (7, 0, 0),
    (Table.GROUP6, "exclude"): (7, 4, 0),
    (Table.GROUP6, "exclude-member"): (7, 4, 0),
}
"""Fields that not every release has (version ranges of the collection fortinet.fortios)."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The four tables of a VDOM as they were read, one after the other."""

    rows: Mapping[Table, Rows]
    may_be_empty: bool

    @property
    def revisions(self) -> Mapping[Table, str]:
        """What to hold the tables against before writing."""
        return {table: rows.revision for table, rows in self.rows.items()}

    @property
    def stamp(self) -> str | None:
        """Stands for all four; None where the release does not tell revisions."""
        told = [self.rows[table].revision for table in Table]
        return ":".join(told) if all(told) else None


def read_tables(session: Session, vdom: str, known: Known | None = None) -> Tables:
    """Addresses and groups of both families, over as many connections as there may be."""

    def read(table: Table) -> Rows:
        return tables.read(session, table, vdom, _fields(table, session.release), known=known)

    # What is asked of the others depends on the release, which the first answer tells.
    first, *others = Table
    rows = {first: read(first)}
    rows |= zip(others, session.each(read, others), strict=True)
    release = session.release
    return Tables(rows, may_be_empty=release is not None and release >= EMPTY_SINCE)


def observed(found: Tables, ref: TargetRef, owner: str, names: Iterable[str]) -> ObservedAdom:
    """Own addresses and groups, foreign ones that bear a name we need or hold one of ours."""
    rule_names = frozenset(names)
    addresses: dict[ObjectKey, ObservedAddress] = {}
    groups: dict[ObjectKey, ObservedGroup] = {}
    for family in Family:
        decoded = (
            wire.decode_address(row, family, owner)
            for row in found.rows[urls.ADDRESSES[family]].rows
        )
        for address in decoded:
            if relevance.concerns_us(address, owner, rule_names):
                addresses[family, address.name] = address
        if found.may_be_empty:
            addresses[family, naming.NONE] = _nothing(family)
        of_family = {
            group.name: _emptied(group) if found.may_be_empty else group
            for group in (
                wire.decode_group(row, family, owner, rule_names)
                for row in found.rows[urls.GROUPS[family]].rows
            )
        }
        own = {name for kind, name in addresses if kind is family} - {*relevance.PREDEFINED}
        matter = relevance.groups_that_matter(of_family.values(), own, rule_names, owner)
        groups.update(((family, name), of_family[name]) for name in matter)
    strange = dict(_strange(found, addresses, groups))
    return ObservedAdom(ref, addresses, groups, stamp=found.stamp, strange=strange)


def _strange(
    found: Tables,
    addresses: Mapping[ObjectKey, ObservedAddress],
    groups: Mapping[ObjectKey, ObservedGroup],
) -> Iterator[tuple[ObjectKey, frozenset[Address]]]:
    """What somebody has put into groups of ours, by value as far as it is plain addresses."""
    for family in Family:
        own = [group for (kind, _), group in groups.items() if kind is family and group.owned]
        names = {name for group in own for name in group.members}
        names = {n for n in names if (family, n) not in addresses and (family, n) not in groups}
        known = _tables(found, family) if names else flatten.FamilyTables()
        for name in sorted(names):
            if (values := flatten.values_below(name, known)) is not None:
                yield (family, name), values


def named(found: Tables, keys: Iterable[ObjectKey], owner: str) -> dict[ObjectKey, ObservedAddress]:
    """The addresses of these names, whosever they are."""
    wanted = set(keys)
    decoded = (
        (family, wire.decode_address(row, family, owner))
        for family in Family
        for row in found.rows[urls.ADDRESSES[family]].rows
    )
    return {(f, one.name): one for f, one in decoded if (f, one.name) in wanted}


def reading(found: Tables, names: Iterable[str]) -> Reading:
    """What the unit holds of these groups, by value, nesting resolved."""
    return flatten.reading(sorted(set(names)), [_tables(found, family) for family in Family])


def _tables(found: Tables, family: Family) -> flatten.FamilyTables:
    addresses, groups = found.rows[urls.ADDRESSES[family]], found.rows[urls.GROUPS[family]]
    return flatten.family_tables(addresses.rows, groups.rows, family)


def _fields(table: Table, release: Release | None) -> list[str]:
    """What is asked of a table. Before the first answer nobody knows the release; what is asked
    first is the table that has changed least."""
    family = Family.IPV6 if table.value.endswith("6") else Family.IPV4
    is_group = table in urls.GROUPS.values()
    every = wire.GROUP_FIELDS[family] if is_group else wire.ADDRESS_FIELDS[family]
    return [
        name for name in every if release is None or _SINCE.get((table, name), release) <= release
    ]


def _nothing(family: Family) -> ObservedAddress:
    return ObservedAddress(naming.NONE, family, NOWHERE[family], "", owned=False)


def _emptied(group: ObservedGroup) -> ObservedGroup:
    """An own group without members as one that holds `none` and nothing else."""
    return replace(group, members=(naming.NONE,)) if group.owned and not group.members else group


def remarked(found: Tables, remark: str) -> tuple[tuple[ObjectKind, str], ...]:
    """Everything whose comment begins so."""
    return tuple(
        (ObjectKind(table.value.rpartition("/")[2]), wire.text(row.get("name")))
        for table in Table
        for row in found.rows[table].rows
        if wire.text(row.get("comment")).startswith(remark)
    )
