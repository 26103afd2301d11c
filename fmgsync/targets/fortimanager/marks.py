"""Whose mark objects bear: in the ADOM, in FortiManager's copies of devices, on the devices.

An install's preview names what it would change, and a name proves nothing. What an owner has
deleted is gone from the ADOM; until that is installed the device's copy has it still, comment and
all. After an install that failed only the device itself has it.

A group's comment is that of its own value, though: what a device gets by a per-device mapping has
none. A shard that is gone is known there by the group of that name, ours in the ADOM, which has it
as a member.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from fmgsync.model import naming
from fmgsync.model.address import Family
from fmgsync.model.preview import Marked
from fmgsync.model.state import ObjectKey, ObservedAdom
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.targets import wire
from fmgsync.targets.fortimanager import tables, urls, verify
from fmgsync.targets.fortimanager.answers import Place
from fmgsync.targets.fortimanager.reads import Read
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.fortimanager.tables import Query
from fmgsync.targets.protocol import Marks
from fmgsync.targets.wire import Row

_NAMES_PER_FILTER = 50
_TABLE = {
    (Family.IPV4, False): "firewall address",
    (Family.IPV6, False): "firewall address6",
    (Family.IPV4, True): "firewall addrgrp",
    (Family.IPV6, True): "firewall addrgrp6",
}


_Rows = Iterable[tuple[Family, bool, DeviceVdom | None, Row]]
"""Family, whether it is a group, and the device whose copy it is (None: the ADOM's own)."""


def reading(session: Session, ref: TargetRef, asked: Marks) -> Read[tuple[Marked, ...]]:
    """All of these objects that bear a valid mark, by owner; those that are `gone` from the ADOM
    are looked for on `targets` as well."""
    gone, targets = {*asked.gone, *_parents(asked.gone)}, asked.targets
    keys = {*asked.keys, *_parents(asked.gone)}
    found: dict[str, Marked] = {}
    copies = [(gone, target) for target in sorted(targets)] if gone else []
    _note(found, ref, (yield from _rows(session, ref, [(keys, None), *copies])))
    if gone:
        for target in sorted(targets):
            copied = (key for one in found.values() for _, key in one.copied.get(target, ()))
            if left := set(asked.gone).difference(copied):
                wanted = left | _parents(left)
                _note(found, ref, _device_rows(session, ref, wanted, target))
    return tuple(found.values())


def _parents(gone: Iterable[ObjectKey]) -> set[ObjectKey]:
    """The groups that these were shards of, if they were shards."""
    return {(family, naming.group_of(name)) for family, name in gone if naming.shard_of(name)}


def _note(found: dict[str, Marked], ref: TargetRef, rows: _Rows) -> None:
    for family, is_group, target, row in rows:
        if is_group and target is not None:
            _note_shards(found, family, row, target)
        owner = naming.owner_of(wire.text(row.get("comment")))
        if owner is not None:
            marked = found.get(owner) or Marked(owner, ObservedAdom(ref, {}, {}))
            found[owner] = (_group if is_group else _address)(marked, family, row, target)


def _note_shards(found: dict[str, Marked], family: Family, row: Row, target: DeviceVdom) -> None:
    """The shards that a group has on a device are of whoever has the group in the ADOM."""
    name = wire.text(row.get("name"))
    shards = [one for one in wire.names(row.get("member")) if _is_shard(one, name)]
    for owner, marked in tuple(found.items()):
        group = marked.adom.groups.get((family, name))
        if group is not None and group.owned:
            for shard in shards:
                found[owner] = _copied(found[owner], (family, True), shard, target, owned=True)


def _is_shard(name: str, group: str) -> bool:
    return naming.shard_of(name) is not None and naming.group_of(name) == group


def _rows(
    session: Session,
    ref: TargetRef,
    wanted: Iterable[tuple[Collection[ObjectKey], DeviceVdom | None]],
) -> Read[_Rows]:
    place = Place(session.access.name, ref.domain)
    asked = [
        (family, is_group, target, query)
        for keys, target in wanted
        for family, is_group in _TABLE
        for names in _chunks(keys, family)
        for query in (_query(place, family, names, target, is_group=is_group),)
    ]
    read = yield from tables.reading([query for *_, query in asked])
    return [
        (family, is_group, target, row)
        for (family, is_group, target, _), table in zip(asked, read, strict=True)
        # A device's copy that cannot be read proves nothing.
        for row in (table.checked() if target is None else table.rows)
    ]


def _device_rows(
    session: Session, ref: TargetRef, keys: Collection[ObjectKey], target: DeviceVdom
) -> _Rows:
    """What the FortiGate itself holds under these names; nothing if it does not answer."""
    asked = [
        (family, is_group, verify.ask_for(ref.domain, target, resource))
        for family, is_group in _TABLE
        for names in _chunks(keys, family)
        for resource in (urls.fortios_named(family, target.vdom, names, is_group=is_group),)
    ]
    answers = session.query("exec", [param for *_, param in asked]) if asked else []
    for (family, is_group, _), answer in zip(asked, answers, strict=True):
        for row in verify.rows_of(answer, session.place, target):
            yield family, is_group, target, row


def _chunks(keys: Collection[ObjectKey], family: Family) -> Iterator[list[str]]:
    names = sorted(name for kind, name in keys if kind is family)
    for start in range(0, len(names), _NAMES_PER_FILTER):
        yield names[start : start + _NAMES_PER_FILTER]


def _query(
    place: Place, family: Family, names: list[str], target: DeviceVdom | None, *, is_group: bool
) -> Query:
    fields = wire.GROUP_FIELDS[family] if is_group else wire.ADDRESS_FIELDS[family]
    named = ("name", "in", *names)
    if target is not None:
        of = urls.device_address_groups if is_group else urls.device_addresses
        return Query(of(target, family), fields, replace(place, device=target.device), named)
    in_adom = urls.groups if is_group else urls.addresses
    url = in_adom(place.adom or "", family)
    return Query(url, (*fields, wire.MAPPINGS), place, named, subtables=True)


def _address(marked: Marked, family: Family, row: Row, target: DeviceVdom | None) -> Marked:
    address = wire.decode_address(row, family, marked.owner)
    if target is not None:
        return _copied(marked, (family, False), address.name, target, owned=address.owned)
    addresses = {**marked.adom.addresses, (family, address.name): address}
    return replace(marked, adom=replace(marked.adom, addresses=addresses))


def _group(marked: Marked, family: Family, row: Row, target: DeviceVdom | None) -> Marked:
    group = wire.decode_group(row, family, marked.owner)
    if target is not None:
        return _copied(marked, (family, True), group.name, target, owned=group.owned)
    groups = {**marked.adom.groups, (family, group.name): group}
    return replace(marked, adom=replace(marked.adom, groups=groups))


def _copied(
    marked: Marked, kind: tuple[Family, bool], name: str, target: DeviceVdom, *, owned: bool
) -> Marked:
    if not owned:
        return marked
    before = marked.copied.get(target, frozenset())
    copied = {**marked.copied, target: before | {(_TABLE[kind], (kind[0], name))}}
    return replace(marked, copied=copied)
