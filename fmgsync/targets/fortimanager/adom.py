"""Reading the object database of an ADOM: our objects, and foreign ones that matter to us."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fmgsync.model import naming
from fmgsync.model.address import Family
from fmgsync.model.state import ObservedAddress, ObservedAdom, ObservedGroup
from fmgsync.model.target import AdomRef
from fmgsync.targets.fortimanager import tables, urls, wire
from fmgsync.targets.fortimanager.answers import Place
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.fortimanager.tables import Query, Table

_NAMES_PER_FILTER = 100
_PREDEFINED = (naming.NONE, "all")


def read_observed(
    session: Session, ref: AdomRef, owner: str, group_names: Iterable[str]
) -> ObservedAdom:
    """Own addresses and groups, foreign ones that bear a name we need or hold one of ours.

    Addresses are found by name prefix and mark. Groups are listed without their mappings first,
    which can be a thousand times the size; the mappings then come for the groups that matter.
    """
    place = Place(session.access.name, ref.adom)
    scan = tables.read_all(session, list(_scan_queries(ref, owner, place)))
    addresses = {}
    for family, table in zip(Family, scan[::2], strict=True):
        for row in table.checked():
            address = wire.decode_address(row, family, owner)
            if _concerns_us(address, owner):
                addresses[family, address.name] = address
    groups = {}
    for family, table in zip(Family, scan[1::2], strict=True):
        listed = [wire.decode_group(row, family, owner) for row in table.checked()]
        own = {name for kind, name in addresses if kind is family and name not in _PREDEFINED}
        wanted = _groups_that_matter(listed, own, frozenset(group_names))
        for group in _read_groups(session, ref, owner, family, wanted):
            groups[family, group.name] = group
    return ObservedAdom(ref, addresses, groups)


def _scan_queries(ref: AdomRef, owner: str, place: Place) -> Iterator[Query]:
    """Per family the addresses that concern us with their mappings, and all groups without."""
    own = [
        ["name", "like", f"{naming.address_prefix(owner)}%"],
        "||",
        ["comment", "like", f"{naming.mark(owner)}%"],
        "||",
        ["name", "in", *_PREDEFINED],
    ]
    for family in Family:
        yield Query(
            urls.addresses(ref.adom, family),
            (*wire.ADDRESS_FIELDS[family], wire.MAPPINGS),
            place,
            filter=tuple(own),
            subtables=True,
        )
        yield Query(urls.groups(ref.adom, family), wire.GROUP_FIELDS, place)


def _concerns_us(address: ObservedAddress, owner: str) -> bool:
    """Checked here as well: `like` may know more wildcards than `%`."""
    return (
        address.owned
        or address.name in _PREDEFINED
        or address.name.startswith(naming.address_prefix(owner))
    )


def _groups_that_matter(
    groups: Sequence[ObservedGroup], own_addresses: set[str], rule_names: frozenset[str]
) -> list[str]:
    """Own groups, groups with a rule's name, and whatever holds one of these or our addresses.

    Groups hold groups, so the last part is followed upwards until nothing more is found.
    """
    wanted = {group.name for group in groups if group.owned or group.name in rule_names}
    while True:
        inside = wanted | own_addresses
        found = {
            group.name
            for group in groups
            if group.name not in wanted and not inside.isdisjoint((*group.members, *group.excluded))
        }
        if not found:
            return sorted(wanted)
        wanted |= found


def _read_groups(
    session: Session, ref: AdomRef, owner: str, family: Family, names: Sequence[str]
) -> Iterator[ObservedGroup]:
    """These groups with their mappings; one that has vanished meanwhile is left out."""
    place = Place(session.access.name, ref.adom)
    queries = [
        Query(
            urls.groups(ref.adom, family),
            (*wire.GROUP_FIELDS, wire.MAPPINGS),
            place,
            filter=("name", "in", *names[start : start + _NAMES_PER_FILTER]),
            subtables=True,
        )
        for start in range(0, len(names), _NAMES_PER_FILTER)
    ]
    wanted = frozenset(names)
    for table in _one_by_one(session, queries):
        for row in table.checked():
            group = wire.decode_group(row, family, owner)
            if group.name in wanted:
                yield group


def _one_by_one(session: Session, queries: Sequence[Query]) -> Iterator[Table]:
    """Mappings are large: one request each keeps answers and memory bounded."""
    for query in queries:
        yield from tables.read_all(session, [query])
