"""Urls of a FortiGate's REST API, all made by one function.

`DELETE` on the url of a table, its key missing or empty, deletes every row that nothing refers to
(DavidChayla/FortigateApi, issue 7): the worst accident on this API. So a key that is empty, or
that something on the way could take for a step up, never becomes a url. `vdom` is always sent:
left out it means the management VDOM, `*` or a list several at once (FortiOS REST API description).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from fmgsync.model.address import Family
from fmgsync.model.change import ObjectKind

ROOT = "/api/v2"
CMDB = f"{ROOT}/cmdb"
MONITOR = f"{ROOT}/monitor"

_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,79}", re.ASCII)
_UPWARDS = frozenset({"", ".", ".."})


class Table(enum.StrEnum):
    """The tables that are written."""

    ADDRESS = "firewall/address"
    ADDRESS6 = "firewall/address6"
    GROUP = "firewall/addrgrp"
    GROUP6 = "firewall/addrgrp6"


ADDRESSES = {Family.IPV4: Table.ADDRESS, Family.IPV6: Table.ADDRESS6}
GROUPS = {Family.IPV4: Table.GROUP, Family.IPV6: Table.GROUP6}


@dataclass(frozen=True, slots=True)
class Url:
    """A url's path and query, and how many keys are in its path."""

    text: str
    keys: int
    vdom: str
    what: str
    """What it names, for people."""


def table(path: str, vdom: str, query: Mapping[str, str | int] | None = None) -> Url:
    """A table: to read rows of, or to create one in."""
    return _build(CMDB, path, (), vdom, query or {})


def item(path: str, vdom: str, key: str) -> Url:
    """One object of a table."""
    return _build(CMDB, path, (key,), vdom, {})


def members(path: str, vdom: str, group: str) -> Url:
    """The members of one group: to add one to."""
    return _build(CMDB, path, (group, "member"), vdom, {})


def member(path: str, vdom: str, group: str, name: str) -> Url:
    """One member of one group."""
    return _build(CMDB, path, (group, "member", name), vdom, {})


def action(name: str, vdom: str) -> Url:
    """Something done to the configuration as a whole: transactions."""
    return _build(CMDB, "", (), vdom, {"action": name})


def monitor(path: str, vdom: str) -> Url:
    """What the unit tells of itself."""
    return _build(MONITOR, path, (), vdom, {})


def anywhere(path: str, keys: Sequence[str], vdom: str, query: Mapping[str, str | int]) -> Url:
    """Whatever lies below the API's root, for who only wants to know what is said to it."""
    return _build(ROOT, path, tuple(keys), vdom, query)


def table_of(kind: ObjectKind) -> Table:
    """The table in which an object of a plan lies."""
    return Table(f"firewall/{kind.table.value}")


def is_plain(name: str) -> bool:
    """Whether every release surely finds an object of this name by its url.

    Foreign names may hold a slash; whether each release takes `%2F` for one is not known.
    """
    return bool(_PLAIN.fullmatch(name)) and name not in _UPWARDS


def is_one_vdom(name: str) -> bool:
    """Whether a name means exactly one VDOM."""
    return bool(name) and name.isprintable() and not set(name) & set("*,/ ") and len(name) <= 31


def _build(
    root: str,
    path: str,
    keys: tuple[str, ...],
    vdom: str,
    query: Mapping[str, str | int],
) -> Url:
    if any(key in _UPWARDS or not key.isprintable() for key in keys):
        raise ValueError(f"not the key of an object: {keys!r}")
    if not is_one_vdom(vdom):
        raise ValueError(f"not the name of one VDOM: {vdom!r}")
    steps = [part for part in path.split("/") if part]
    if _UPWARDS.intersection(steps):
        raise ValueError(f"not a table: {path!r}")
    text = "/".join((root, *steps, *(quote(key, safe="") for key in keys)))
    asked = urlencode({**query, "vdom": vdom}, quote_via=quote)
    what = " ".join((path, *keys[:1]))
    return Url(f"{text}?{asked}", len(keys), vdom, what)
