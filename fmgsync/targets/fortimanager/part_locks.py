"""Who has a package, a device or a group of an ADOM locked, which keeps others from locking it.

The ADOM's lockinfo does not show locks of its parts, and a held package lock blocks the ADOM's
("How to FortiManager API", 013): each part is asked for its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any

from fmgsync.model.address import Family
from fmgsync.model.adom import HeldLock
from fmgsync.model.state import ObjectKey
from fmgsync.targets import wire
from fmgsync.targets.fortimanager import answers, reads, tables, urls
from fmgsync.targets.fortimanager.answers import Place
from fmgsync.targets.fortimanager.reads import Read
from fmgsync.targets.fortimanager.tables import Query
from fmgsync.targets.wire import Row

_TABLES = {Family.IPV4: "addrgrp", Family.IPV6: "addrgrp6"}

Decode = Callable[[Any, Place], list[HeldLock]]


def reading(
    place: Place, decode: Decode, groups: Collection[ObjectKey] = ()
) -> Read[list[HeldLock]]:
    """Locks of packages, of what is in them, of devices and of these groups, each with the part's
    name. An object is locked by whoever has locked a package or policy, too."""
    adom = place.adom or ""
    (tree,), (devices,) = yield from tables.reading_after(
        [{"url": urls.package_tree(adom)}], [Query(urls.devices(adom), ("name",), place)]
    )
    packages = _paths(tables.decode_rows(answers.checked(tree, place), place), ())
    parts = [
        *((f"package {path}", urls.part_lockinfo(adom, "pkg", path)) for path in packages),
        *(
            (f"device {name}", urls.part_lockinfo(adom, "dev", name))
            for name in sorted(wire.text(row.get("name")) for row in devices.checked())
        ),
        *(
            (f"group {name}", urls.part_lockinfo(adom, f"obj/firewall/{_TABLES[family]}", name))
            for family, name in sorted(groups)
        ),
    ]
    found: dict[HeldLock, None] = {}
    for start in range(0, len(parts), reads.PARAMS_PER_REQUEST):
        some = parts[start : start + reads.PARAMS_PER_REQUEST]
        results = yield [{"url": url} for _, url in some]
        for (what, _), result in zip(some, results, strict=True):
            held = decode(result.data, place) if result.ok else []
            found.update((replace(one, part=True, what=what), None) for one in held)
    return list(found)


def _paths(rows: Iterable[Row], folders: tuple[str, ...]) -> Iterator[str]:
    for row in rows:
        path = (*folders, wire.text(row.get("name")))
        if row.get("type") in ("folder", 1):
            yield from _paths(row.get("subobj") or [], path)
        else:
            yield "/".join(path)
