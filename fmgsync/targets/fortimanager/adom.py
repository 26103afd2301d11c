"""Reading the object database of an ADOM: our objects, and foreign ones that matter to us."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fmgsync.model import naming
from fmgsync.model.address import Family
from fmgsync.model.change import ObjectKind
from fmgsync.model.state import ObjectKey, ObservedAddress, ObservedAdom, ObservedGroup
from fmgsync.model.target import TargetRef
from fmgsync.targets import relevance, wire
from fmgsync.targets.fortimanager import attributes, tables, urls
from fmgsync.targets.fortimanager.answers import Place, Result
from fmgsync.targets.fortimanager.reads import Read
from fmgsync.targets.fortimanager.session import Param, Session
from fmgsync.targets.fortimanager.tables import Query, Table
from fmgsync.targets.wire import Row

_NAMES_PER_FILTER = 100
_ADDRESS_PAGE = 10_000
_FEW = 20
"""So many groups are read in one request with others."""
_PREDEFINED = ("G Suite", "Microsoft Office 365")
"""Groups that an ADOM has before anybody has made one."""
_OPTIONS = ("get used", "extra info")

Listed = Mapping[Family, Sequence[str]]
"""The names of an ADOM's groups."""


def reading(
    session: Session,
    ref: TargetRef,
    owner: str,
    group_names: Iterable[str],
    *,
    listed: Listed | None = None,
) -> Read[tuple[ObservedAdom, Listed]]:
    """Own addresses and groups, foreign ones that bear a name we need or hold one of ours; and the
    names of all groups.

    Addresses are found by name prefix and mark. Groups are listed by name first and then read with
    their mappings, which can be a thousand times the size: somebody's group may hold one of ours on
    one device only. The first few of those that were `listed` before, or that rules name, are read
    in the request that lists them.
    """
    rule_names = frozenset(group_names)
    likely = (*_PREDEFINED, *sorted(rule_names))
    queries = {
        family: [
            *_scan_queries(session, ref, owner, family, rule_names),
            *_expected(session, ref, family, (listed or {}).get(family, likely)),
        ]
        for family in Family
    }
    stamp, read = yield from tables.reading_after(
        _stamp_questions(ref), [query for many in queries.values() for query in many]
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
        found: dict[str, ObservedGroup] = {}
        for query in (None, *_unread(session, ref, family, names[family], known)):
            known = known if query is None else (yield from tables.reading([query]))
            for row in _listed_rows(known, names[family]):
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
    seen = ObservedAdom(ref, addresses, groups, beyond, stamp=_stamp_of(stamp))
    return seen, names


def reading_part(
    session: Session,
    ref: TargetRef,
    owner: str,
    groups: Iterable[ObjectKey],
    addresses: Iterable[ObjectKey],
) -> Read[ObservedAdom]:
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
    stamp, read = yield from tables.reading_after(_stamp_questions(ref), queries)
    for (kind, family), table in zip(kinds, read, strict=True):
        for row in table.checked():
            if kind == "group":
                group = wire.decode_group(row, family, owner, asked)
                found_groups[family, group.name] = group
            else:
                address = wire.decode_address(row, family, owner)
                found_addresses[family, address.name] = address
    return ObservedAdom(ref, found_addresses, found_groups, stamp=_stamp_of(stamp))


def reading_stamp(ref: TargetRef) -> Read[str | None]:
    """What stands for everything that the ADOM's objects and policies are now: cheap to ask. None
    where the unit does not tell.

    `devinfo` of the object database is a uuid that changes whenever anything in it does, and a
    package's `obj ver` grows with each of its policies' changes ("How to FortiManager API", 008 and
    012). Whether an edit of a dynamic mapping moves either is not known, so nothing relies on a
    stamp for longer than until the next comparison in full.
    """
    return _stamp_of((yield _stamp_questions(ref)))


def _stamp_questions(ref: TargetRef) -> list[Param]:
    """What to ask for it; where tables are read in the same request, ask it first."""
    return [
        {"url": urls.objects(ref.domain), "option": "devinfo"},
        {"url": urls.package_tree(ref.domain)},
    ]


def _stamp_of(answered: Sequence[Result]) -> str | None:
    """The stamp that the answers make; None where the unit does not tell."""
    objects, packages = answered
    told = objects.data if objects.ok and isinstance(objects.data, dict) else {}
    if not told.get("uuid") or not packages.ok:
        return None
    text = json.dumps([told["uuid"], packages.data], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def reading_remarked(place: Place, remark: str) -> Read[tuple[tuple[ObjectKind, str], ...]]:
    """Addresses and groups whose comment begins so, whosever they are."""
    tables_of = [
        (ObjectKind(f"{word}{'6' if family is Family.IPV6 else ''}"), url(place.adom or "", family))
        for family in Family
        for word, url in (("address", urls.addresses), ("addrgrp", urls.groups))
    ]
    filter_ = ("comment", "like", f"{remark}%")
    queries = [Query(url, ("name", "comment"), place, filter=filter_) for _, url in tables_of]
    read = yield from tables.reading(queries)
    return tuple(
        (kind, wire.text(row.get("name")))
        for (kind, _), table in zip(tables_of, read, strict=True)
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
    return [_whole(session, ref, family, names[:_FEW])] if names else []


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


def _unread(
    session: Session, ref: TargetRef, family: Family, names: Sequence[str], known: Sequence[Table]
) -> list[Query]:
    """What is left to ask of these groups. Mappings are large: one request each keeps answers and
    memory bounded."""
    told = {wire.text(row.get("name")) for table in known for row in table.checked()}
    left = [name for name in names if name not in told]
    return [_whole(session, ref, family, chunk) for chunk in _chunks(left)]


def _listed_rows(read: Sequence[Table], names: Sequence[str]) -> Iterator[Row]:
    """The rows of these groups; one that has vanished meanwhile is left out."""
    wanted = frozenset(names)
    return (
        row for table in read for row in table.checked() if wire.text(row.get("name")) in wanted
    )
