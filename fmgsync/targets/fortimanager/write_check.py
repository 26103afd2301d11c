"""Looking at what is there now: before touching an object, and after an unsure outcome."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fmgsync.model import naming
from fmgsync.model.change import Action, Change, ObjectKind
from fmgsync.targets import wire
from fmgsync.targets.fortimanager import answers, tables, urls
from fmgsync.targets.fortimanager.answers import Place, Result
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.fortimanager.tables import Query
from fmgsync.targets.wire import Row

Existing = Mapping[tuple[ObjectKind, str], Row]

_NAMES_PER_FILTER = 100
_OBJECTS_PER_REQUEST = 100
"""A write may have failed because its request was too large: what asks after it is smaller."""
_ADDRESSES = (ObjectKind.ADDRESS, ObjectKind.ADDRESS6)
_MAPPINGS = (ObjectKind.MAPPING, ObjectKind.MAPPING6)


def existing(session: Session, place: Place, wanted: Iterable[tuple[ObjectKind, str]]) -> Existing:
    """Comment of these objects, and the mappings of addresses; absent ones are left out."""
    by_kind: dict[ObjectKind, list[str]] = {}
    for kind, name in wanted:
        by_kind.setdefault(kind, []).append(name)
    queries = [
        (kind, _query(kind, names[start : start + _NAMES_PER_FILTER], place))
        for kind, names in by_kind.items()
        for start in range(0, len(names), _NAMES_PER_FILTER)
    ]
    read = tables.read_all(session, [query for _, query in queries])
    return {
        (kind, wire.text(row.get("name"))): row
        for (kind, _), table in zip(queries, read, strict=True)
        for row in table.checked()
    }


def carried_out(
    session: Session, place: Place, changes: Sequence[Change], owner: str
) -> frozenset[Change]:
    """Which of these changes FortiManager shows as done."""
    found: set[Change] = set()
    for start in range(0, len(changes), _OBJECTS_PER_REQUEST):
        some = changes[start : start + _OBJECTS_PER_REQUEST]
        results = session.call("get", [_param(place.adom or "", change) for change in some])
        found.update(
            change
            for change, result in zip(some, results, strict=True)
            if _shows(change, result, place, owner)
        )
    return frozenset(found)


def is_ours(row: Row, change: Change, owner: str) -> bool:
    """Whether it bears the mark of what a plan took for ours, be it an older one."""
    if change.instead_of is not None:
        return wire.text(row.get("comment")) == change.instead_of
    older = naming.has_older_mark(wire.text(row.get("comment")), owner)
    return older or _is_marked(row, change, owner)


def _is_marked(row: Row, change: Change, owner: str) -> bool:
    return naming.is_marked(wire.text(row.get("comment")), owner, change.name)


def _shows(change: Change, result: Result, place: Place, owner: str) -> bool:
    if change.action is Action.DELETE:
        return result.code == answers.ABSENT
    if not result.ok:
        return False
    rows = tables.decode_rows(result.data, place)
    if len(rows) != 1:
        return False
    row = rows[0]
    if change.resets:
        return not any(name in change.resets for name, _ in wire.altered(row, change.kind.table))
    if change.instead_of is not None:
        return wire.text(row.get("comment")) == change.comment
    if change.kind in _MAPPINGS:
        return set(wire.names(row.get("member"))) == set(change.members)
    if not is_ours(row, change, owner) or (change.comment and not _is_marked(row, change, owner)):
        return False
    if change.kind in _ADDRESSES:
        return wire.address_value(row, change.kind.family) == change.value
    return set(wire.names(row.get("member"))) == set(change.members)


def _param(adom: str, change: Change) -> Row:
    family = change.kind.family
    if change.kind in _ADDRESSES:
        return {"url": urls.item(urls.addresses(adom, family), change.name)}
    table = urls.groups(adom, family)
    if change.device is not None:
        return {"url": urls.mapping(table, change.name, change.device)}
    return {"url": urls.item(table, change.name), "loadsub": 0}


def _query(kind: ObjectKind, names: Sequence[str], place: Place) -> Query:
    """Mappings are only asked for addresses, where there should be none."""
    adom, family = place.adom or "", kind.family
    named = ("name", "in", *names)
    if kind in _ADDRESSES:
        table, fields = urls.addresses(adom, family), ("name", "comment", wire.MAPPINGS)
        return Query(table, fields, place, filter=named, subtables=True)
    return Query(urls.groups(adom, family), ("name", "comment"), place, filter=named)
