"""From rows of FortiManager and FortiOS, which are nearly the same, to our types.

FortiManager is read with `verbose`, which gives words for enumerations; numbers are understood as
well where captures prove them. It tells a subnet as `["10.0.0.0", "255.255.255.0"]` and an empty
child table as null, FortiOS a subnet as `10.0.0.0 255.255.255.0`; host bits are as somebody wrote
them ("How to FortiManager API", 001-002).
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Mapping
from typing import Any

from fmgsync import redaction
from fmgsync.model import address as addresses
from fmgsync.model import naming
from fmgsync.model.address import Address, Family
from fmgsync.model.change import ObjectKind
from fmgsync.model.state import Altered, ObservedAddress, ObservedGroup
from fmgsync.model.target import DeviceVdom
from fmgsync.untrusted import shortened

Row = dict[str, Any]

_HALF = re.compile(r"\\u[dD][89a-fA-F]")

_ALTERING = {
    ObjectKind.ADDRESS: ("associated-interface", "allow-routing", "fabric-object"),
    ObjectKind.ADDRESS6: ("fabric-object",),
    ObjectKind.GROUP: ("type", "category", "allow-routing", "fabric-object"),
    ObjectKind.GROUP6: ("fabric-object",),
}
"""What we never set and what changes where an object may be used, or whose it is. `sub-type` and
`obj-type` mean something for an address of type dynamic only, whose type is put right anyway."""

UNSET = {
    "associated-interface": "any",
    "allow-routing": "disable",
    "fabric-object": "disable",
    "type": "default",
    "category": "default",
}
_MAX_MESSAGE = 400
_NOTHING_SAID = ("", "any", "default", "disable")
_QUIET: tuple[object, ...] = ("disable", "any", "default", "", ["any"], [])
"""How nearly all rows say that."""
_SWITCHES = ("allow-routing", "fabric-object")

ADDRESS_FIELDS = {
    Family.IPV4: ("name", "type", "subnet", "comment", *_ALTERING[ObjectKind.ADDRESS]),
    Family.IPV6: ("name", "type", "ip6", "comment", *_ALTERING[ObjectKind.ADDRESS6]),
}
MAPPINGS = "dynamic_mapping"
_GROUP_FIELDS = ("name", "member", "comment", "exclude", "exclude-member")
GROUP_FIELDS = {
    Family.IPV4: (*_GROUP_FIELDS, *_ALTERING[ObjectKind.GROUP]),
    Family.IPV6: (*_GROUP_FIELDS, *_ALTERING[ObjectKind.GROUP6]),
}

_PLAIN_TYPES = {Family.IPV4: ("ipmask", 0), Family.IPV6: ("ipprefix", 0)}
_TRUE = ("enable", 1, True)


def decode_address(row: Row, family: Family, owner: str) -> ObservedAddress:
    """An address row, with or without its `dynamic_mapping`."""
    name, comment = text(row.get("name")), text(row.get("comment"))
    value = address_value(row, family)
    owned, taken = _is_as_made(name, value, comment, owner), False
    if not owned:
        marked = naming.is_marked(comment, owner, name) or naming.has_older_mark(comment, owner)
        taken = naming.taken_over(comment) is not None
        owned = marked and (taken or naming.is_address_name(owner, name))
    kind = ObjectKind.ADDRESS if family is Family.IPV4 else ObjectKind.ADDRESS6
    return ObservedAddress(
        name=name,
        family=family,
        value=value,
        comment=comment,
        owned=owned,
        mapped=bool(row.get(MAPPINGS)),
        # What was taken over is as others made it, and stays so.
        altered=altered(row, kind) if owned and not taken else (),
    )


def _is_as_made(name: str, value: Address | None, comment: str, owner: str) -> bool:
    """As nearly all own ones are: of a hundred thousand, the patterns would be the longest part."""
    if value is None or name != naming.address_name(owner, value):
        return False
    return comment == naming.mark(owner, name)


def address_value(row: Row, family: Family) -> Address | None:
    """The subnet of a row; None when it is something else (fqdn, range, wildcard, ...)."""
    kind = row.get("type")
    if kind is not None and kind not in _PLAIN_TYPES[family]:
        return None
    raw = row.get("subnet" if family is Family.IPV4 else "ip6")
    if isinstance(raw, str):
        raw = raw.replace(" ", "/")
    elif isinstance(raw, list) and raw:
        host = len(raw) == 2 and raw[1] == "255.255.255.255"
        raw = str(raw[0]) if host else "/".join(str(part) for part in raw)
    try:
        return addresses.parse(raw) if isinstance(raw, str) else None
    except ValueError:
        return None


def decode_group(row: Row, family: Family, owner: str, rules: Container[str] = ()) -> ObservedGroup:
    """A group row with its `dynamic_mapping`. An older mark, which names no object, counts for the
    groups of `rules` alone: any other group that bears it may be a clone."""
    name, comment = text(row.get("name")), text(row.get("comment"))
    asked_for = name in rules or naming.group_of(name) in rules
    mappings = row.get(MAPPINGS) or []
    older = asked_for and naming.has_older_mark(comment, owner)
    owned = naming.is_marked(comment, owner, name) or older
    kind = ObjectKind.GROUP if family is Family.IPV4 else ObjectKind.GROUP6
    return ObservedGroup(
        name=name,
        family=family,
        members=names(row.get("member")),
        mappings={
            target: names(mapping.get("member"))
            for mapping in mappings
            for target in scopes(mapping)
        },
        comment=comment,
        owned=owned,
        excluded={
            place: names(one.get("exclude-member"))
            for one in (row, *mappings)
            if subtracts(one)
            for place in ((None,) if one is row else scopes(one))
        },
        altered={
            place: what
            for one in ((row, *mappings) if owned and naming.taken_over(comment) is None else ())
            if (what := altered(one, kind))
            for place in ((None,) if one is row else scopes(one))
        },
    )


def altered(row: Row, kind: ObjectKind) -> Altered:
    """What somebody has set in an object, or in one of its mappings, that we never do.

    Words alone count, but for switches: another number may be any release's own, and a field that
    cannot be understood is no reason to write to an object in each pass.
    """
    found = []
    if kind in (ObjectKind.ADDRESS, ObjectKind.ADDRESS6):
        of_value = row.get("type")
        if of_value is not None and of_value not in _PLAIN_TYPES[kind.family]:
            found.append(("type", printable(text(of_value))))
    for name in _ALTERING[kind]:
        raw = row.get(name)
        if raw is not None and raw not in _QUIET:
            found.append((name, _said(name, raw)))
    return tuple((name, now) for name, now in found if now) if found else ()


def _said(name: str, raw: Any) -> str:
    """In words; empty where nothing is said."""
    if isinstance(raw, int):
        return "enable" if name in _SWITCHES and raw == 1 else ""
    said = [word for word in names(raw) if word.lower() not in _NOTHING_SAID]
    return printable(", ".join(said)) if said else ""


def subtracts(row: Row) -> bool:
    """Whether a group takes members away again."""
    return row.get("exclude") in _TRUE and bool(names(row.get("exclude-member")))


def scopes(mapping: Row) -> tuple[DeviceVdom, ...]:
    """The DeviceVdoms one mapping is for; an entry may name several."""
    raw = mapping.get("_scope") or []
    entries = [raw] if isinstance(raw, Mapping) else raw
    return tuple(
        DeviceVdom(text(entry.get("name")), text(entry.get("vdom")) or "root") for entry in entries
    )


def names(raw: Any) -> tuple[str, ...]:
    """Member names: a list, one name alone, rows with a `name`, or nothing."""
    if raw is None or raw == "":
        return ()
    if isinstance(raw, list) and set(map(type, raw)) == {str}:
        return tuple(raw)  # As nearly all are, in lists of hundreds.
    entries: Iterable[Any] = raw if isinstance(raw, list) else [raw]
    return tuple(
        text(entry.get("name")) if isinstance(entry, Mapping) else text(entry) for entry in entries
    )


def text(raw: Any) -> str:
    """A text field: absent, null and what is no text are empty, a list of one is its element."""
    while isinstance(raw, list):
        raw = raw[0] if raw else None
    return "" if raw is None or isinstance(raw, dict) else str(raw)


def decoded(text: str) -> Any:
    """JSON without halves of characters, which it can write and no file, digest or log can hold."""
    found = json.loads(text)
    return whole(found) if _HALF.search(text) else found


def whole(value: Any) -> Any:
    """The same for what was decoded already."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def printable(text: object) -> str:
    """Words from outside for people: one line, no control characters, not endless, and no secret of
    ours in them, which a unit or a proxy may repeat."""
    words = redaction.hide(str(text))
    shown = redaction.hide("".join(c if c.isprintable() else " " for c in words).strip())
    return shortened(shown, _MAX_MESSAGE)
