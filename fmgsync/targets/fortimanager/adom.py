"""Reading the object database of an ADOM: our objects, and foreign ones that matter to us."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fmgsync.model import naming
from fmgsync.model.address import Family
from fmgsync.model.change import ObjectKind
from fmgsync.model.state import ObjectKey, ObservedAddress, ObservedAdom, ObservedGroup
from fmgsync.model.target import TargetRef
from fmgsync.targets import relevance, wire
from fmgsync.targets.fortimanager import attributes, change_stamp, tables, urls
from fmgsync.targets.fortimanager.answers import Place
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.fortimanager.tables import Query, Table
from fmgsync.targets.wire import Row

_NAMES_PER_FILTER = 100
_ADDRESS_PAGE = 10_000
_FEW = 20
"""So many groups are read in one request with others."""
_OPTIONS = ("get used", "extra info")

Listed = Mapping[Family, Sequence[str]]
"""The names of an ADOM's groups."""


def read_observed(
    session: Session,
    ref: TargetRef,
    owner: str,
    group_names: Iterable[str],
    *,
    listed: Listed | None = None,
) -> tuple[ObservedAdom, Listed]:
    """Own addresses and groups, foreign ones that bear a name we need or hold one of ours; and the
    names of all groups.

    Addresses are found by name prefix and mark. Groups are listed by name first and then read with
    their mappings, which can be a thousand times the size: somebody's group may hold one of ours on
    one device only. Where there are few, those that were `listed` before, or that rules name, are
    read in the request that lists them.
    """
    rule_names = frozenset(group_names)
    queries = {
        family: [
            *_scan_queries(session, ref, owner, family, rule_names),
            *_expected(session, ref, family, (listed or {}).get(family, sorted(rule_names))),
        ]
        for family in Family
    }
    stamp, read = tables.read_after(
        session, change_stamp.questions(ref), [query for many in queries.values() for query in many]
    )
    scanned = iter(read)
    addresses = {}
    groups: dict[ObjectKey, ObservedGroup] = {}
    used: set[tuple[Family, str]] = set()
    names: dict[Family, Sequence[str]] = {}
    for family in Family:
        everything, *scan = [next(scanned) for _ in queries[family]]
        known = [scan.pop()] if scan[-1].query.url == everything.query.url else []
        for row in _address_rows(scan):
            address = wire.decode_address(row, family, owner)
            if relevance.concerns_us(address, owner, rule_names):
                by = attributes.changed_by(row, session.access.username) if address.owned else ""
                addresses[family, address.name] = replace(address, changed_by=by) if by else address
                if address.owned and attributes.is_used(row):
                    used.add((family, address.name))
        names[family] = sorted(wire.text(row.get("name")) for row in everything.checked())
        found = {}
        for row in _group_rows(session, ref, family, names[family], known):
            group = wire.decode_group(row, family, owner, rule_names)
            by = attributes.changed_by(row, session.access.username)
            found[group.name] = replace(group, changed_by=by) if by else group
            if group.owned and attributes.is_used(row):
                used.add((family, group.name))
        own = {
            name for kind, name in addresses if kind is family and name not in relevance.PREDEFINED
        }
        matter = relevance.groups_that_matter(found.values(), own, rule_names, owner)
        groups.update(((family, name), found[name]) for name in matter)
    beyond = frozenset(used - _held(groups.values()))
    seen = ObservedAdom(ref, addresses, groups, beyond, stamp=change_stamp.stamp_of(stamp))
    return seen, names


def read_part(
    session: Session,
    ref: TargetRef,
    owner: str,
    groups: Iterable[ObjectKey],
    addresses: Iterable[ObjectKey],
) -> ObservedAdom:
    """These objects alone, as far as they are there, and the stamp of the whole from before."""
    groups = tuple(groups)
    asked = {name for _, name in groups}
    wanted = [
        *(("group", family, names) for family, names in _by_family(groups)),
        *(("address", family, names) for family, names in _by_family(addresses)),
    ]
    queries = [
        _by_name(session, ref, kind, family, chunk)
        for kind, family, names in wanted
        for chunk in _chunks(names)
    ]
    kinds = [(kind, family) for kind, family, names in wanted for _ in _chunks(names)]
    found_groups: dict[ObjectKey, ObservedGroup] = {}
    found_addresses: dict[ObjectKey, ObservedAddress] = {}
    stamp, read = tables.read_after(session, change_stamp.questions(ref), queries)
    for (kind, family), table in zip(kinds, read, strict=True):
        for row in table.checked():
            if kind == "group":
                group = wire.decode_group(row, family, owner, asked)
                found_groups[family, group.name] = group
            else:
                address = wire.decode_address(row, family, owner)
                found_addresses[family, address.name] = address
    before = change_stamp.stamp_of(stamp)
    return ObservedAdom(ref, found_addresses, found_groups, stamp=before)


def read_remarked(
    session: Session, ref: TargetRef, remark: str
) -> tuple[tuple[ObjectKind, str], ...]:
    """Addresses and groups whose comment begins so, whosever they are."""
    place = Place(session.access.name, ref.domain)
    tables_of = [
        (ObjectKind(f"{word}{'6' if family is Family.IPV6 else ''}"), url(ref.domain, family))
        for family in Family
        for word, url in (("address", urls.addresses), ("addrgrp", urls.groups))
    ]
    filter_ = ("comment", "like", f"{remark}%")
    queries = [Query(url, ("name", "comment"), place, filter=filter_) for _, url in tables_of]
    return tuple(
        (kind, wire.text(row.get("name")))
        for (kind, _), table in zip(tables_of, tables.read_all(session, queries), strict=True)
        for row in table.checked()
        if wire.text(row.get("comment")).startswith(remark)
    )


def _by_family(keys: Iterable[ObjectKey]) -> Iterator[tuple[Family, list[str]]]:
    names: dict[Family, list[str]] = {}
    for family, name in sorted(keys):
        names.setdefault(family, []).append(name)
    yield from names.items()


def _by_name(
    session: Session, ref: TargetRef, kind: str, family: Family, names: Sequence[str]
) -> Query:
    """Objects with their per-device values, by name."""
    place = Place(session.access.name, ref.domain)
    url = urls.groups(ref.domain, family) if kind == "group" else urls.addresses(ref.domain, family)
    fields = wire.GROUP_FIELDS[family] if kind == "group" else wire.ADDRESS_FIELDS[family]
    filter_ = ("name", "in", *names)
    return Query(url, (*fields, wire.MAPPINGS), place, filter=filter_, subtables=True)


def _held(groups: Iterable[ObservedGroup]) -> set[tuple[Family, str]]:
    """Everything that these groups hold somewhere."""
    return {(group.family, name) for group in groups for name in group.named()}


def _scan_queries(
    session: Session, ref: TargetRef, owner: str, family: Family, rule_names: frozenset[str]
) -> list[Query]:
    """All groups; then addresses: our prefix, names of rules, predefined; last, strays.

    A stray bears our mark and none of our names: a clone, or an own object somebody renamed.
    """
    place = Place(session.access.name, ref.domain)
    prefix = f"{naming.address_prefix(owner)}%"
    named = sorted(rule_names.union(relevance.PREDEFINED))
    filters: list[tuple[Any, ...]] = [
        ("name", "like", prefix),
        *(("name", "in", *chunk) for chunk in _chunks(named)),
        (["comment", "like", f"{naming.older_mark(owner)}%"], "&&", ["name", "!like", prefix]),
    ]
    url = urls.addresses(ref.domain, family)
    fields = (*wire.ADDRESS_FIELDS[family], wire.MAPPINGS)
    return [
        Query(urls.groups(ref.domain, family), ("name",), place),
        *(
            Query(
                url,
                fields,
                place,
                filter=wanted,
                options=_OPTIONS,
                subtables=True,
                page=_ADDRESS_PAGE,
            )
            for wanted in filters
        ),
    ]


def _address_rows(scan: Sequence[Table]) -> Iterator[Row]:
    """All rows; strays are left out where a release refuses to filter on comments."""
    *needed, strays = scan
    for table in needed:
        yield from table.checked()
    yield from strays.rows


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _NAMES_PER_FILTER):
        yield names[start : start + _NAMES_PER_FILTER]


def _expected(
    session: Session, ref: TargetRef, family: Family, names: Sequence[str]
) -> list[Query]:
    """Groups that are likely there, to be read as they are listed."""
    return [_whole(session, ref, family, names)] if 0 < len(names) <= _FEW else []


def _whole(session: Session, ref: TargetRef, family: Family, names: Sequence[str]) -> Query:
    """These groups with their mappings."""
    return Query(
        urls.groups(ref.domain, family),
        (*wire.GROUP_FIELDS[family], wire.MAPPINGS),
        Place(session.access.name, ref.domain),
        filter=("name", "in", *names),
        options=_OPTIONS,
        subtables=True,
    )


def _group_rows(
    session: Session,
    ref: TargetRef,
    family: Family,
    names: Sequence[str],
    known: Sequence[Table],
) -> Iterator[Row]:
    """These groups with their mappings, some of which are `known`; one that has vanished meanwhile
    is left out."""
    wanted = frozenset(names)
    read = [row for table in known for row in table.checked()]
    told = {wire.text(row.get("name")) for row in read}
    left = [name for name in names if name not in told]
    queries = [_whole(session, ref, family, chunk) for chunk in _chunks(left)]
    rest = (row for table in _one_by_one(session, queries) for row in table.checked())
    for row in itertools.chain(read, rest):
        if wire.text(row.get("name")) in wanted:
            yield row


def _one_by_one(session: Session, queries: Sequence[Query]) -> Iterator[Table]:
    """Mappings are large: one request each keeps answers and memory bounded."""
    for query in queries:
        yield from tables.read_all(session, [query])
