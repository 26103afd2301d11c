"""What a recording may write: only objects it made itself, known by their prefix, and nothing else.

Every request of the scenarios that is not a plain read passes here. A mistake in a scenario thus
ends in an exception on our side and not in somebody's policy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fmgsync.model.target import DeviceVdom

COMMENT: Final = "fmgsync cassette recording, safe to delete"
"""The comment of everything a recording makes; leftovers are known by it."""

TABLES: Final = ("addrgrp", "addrgrp6", "address", "address6")
"""Tables written, those that use others first: the order in which to delete."""

_PREVIEW: Final = 2
_WORKSPACE: Final = frozenset({"lock", "commit", "unlock"})
_SEARCH: Final = re.compile(r"cache/search/where/used/(start|get/summary|get/detail|end)")


class NotOurs(Exception):
    """A scenario tried to write what it did not make: a defect of fmgsync."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the scenarios may write. `install_on` is the only device that may be installed."""

    adom: str
    prefix: str
    targets: frozenset[DeviceVdom] = frozenset()
    install_on: DeviceVdom | None = None

    def objects(self) -> str:
        """Root of the ADOM's firewall objects."""
        return f"/pm/config/adom/{escape(self.adom)}/obj/firewall"


def escape(name: str) -> str:
    """One name as a part of a url ("How to FortiManager API", 002)."""
    return name.replace("/", "\\/")


def refuse_foreign(bounds: Bounds, method: str, param: Mapping[str, Any]) -> None:
    """Raise NotOurs unless a request only reads, or only touches what the recording made."""
    if method == "get":
        return
    url = str(param.get("url", "")).strip("/")
    allowed = _may_execute(bounds, url, param) if method == "exec" else _is_own(bounds, url, param)
    if not allowed:
        raise NotOurs(f"{method} {url} is outside what a recording may touch")


def _is_own(bounds: Bounds, url: str, param: Mapping[str, Any]) -> bool:
    root = bounds.objects().strip("/") + "/"
    if not url.startswith(root):
        return False
    parts = [part.replace("\\/", "/") for part in re.split(r"(?<!\\)/", url[len(root) :])]
    if parts[0] not in TABLES:
        return False
    rows = param.get("data")
    rows = rows if isinstance(rows, list) else [rows]
    names = [row["name"] for row in rows if isinstance(row, Mapping) and "name" in row]
    if not all(isinstance(name, str) and name.startswith(bounds.prefix) for name in names):
        return False
    if len(parts) > 1:
        return parts[1].startswith(bounds.prefix)
    return bool(rows) and len(names) == len(rows) and all(_is_marked(row) for row in rows)


def _is_marked(row: Mapping[str, Any]) -> bool:
    return str(row.get("comment", "")).startswith(COMMENT)


def _may_execute(bounds: Bounds, url: str, param: Mapping[str, Any]) -> bool:
    data = param.get("data")
    data = data if isinstance(data, Mapping) else {}
    workspace = f"dvmdb/adom/{escape(bounds.adom)}/workspace/"
    if url.startswith(workspace):
        return url.removeprefix(workspace) in _WORKSPACE
    if _SEARCH.fullmatch(url):
        return True
    if url == "sys/proxy/json":
        return data.get("action") == "get"
    scope = _scope(data)
    if url in ("securityconsole/install/preview", "securityconsole/preview/result"):
        return data.get("adom") == bounds.adom and bool(scope) and scope <= bounds.targets
    if url == "securityconsole/install/objects/v2":
        # Only what it would do: 2 is the preview, and what is looked at is ours.
        own = all(_is_own_path(bounds, item) for item in data.get("objects") or [None])
        inside = bool(scope) and scope <= bounds.targets
        return data.get("adom") == bounds.adom and data.get("flags") == _PREVIEW and own and inside
    if url == "securityconsole/install/package":
        only = {bounds.install_on} if bounds.install_on is not None else None
        return data.get("adom") == bounds.adom and only is not None and scope == only
    return False


def _is_own_path(bounds: Bounds, item: Any) -> bool:
    """Whether one action of an object install names an object of ours."""
    if not isinstance(item, list) or len(item) < 2 or not isinstance(item[1], str):
        return False
    match re.split(r"(?<!\\)/", item[1]):
        case ["obj", "firewall", table, name]:
            return table in TABLES and name.startswith(bounds.prefix)
    return False


def _scope(data: Mapping[str, Any]) -> set[DeviceVdom]:
    """The devices an exec names, in the form with `scope` or the older one with `device`."""
    rows = data.get("scope")
    if isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows):
        return {DeviceVdom(str(row.get("name")), str(row.get("vdom"))) for row in rows}
    vdoms = data.get("vdoms")
    if isinstance(data.get("device"), str) and isinstance(vdoms, list):
        return {DeviceVdom(str(data["device"]), str(vdom)) for vdom in vdoms}
    return set()
