"""What stands in the simulators' own state: whatever is not fmgsync's, and what is held where."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fmgsync import audit
from fmgsync.cli import documents
from fmgsync.clock import ManualClock
from fmgsync.daemon import announcements
from fmgsync.passes.result import Result
from fmgsync.simulator.state.store import Row
from fmgsync.simulator.state.world import World
from fmgsync.state.folder import Folder
from fmgsync.state.heads import AuditHeads
from fmgsync.targets.hooks import releases
from tests.end_to_end.mixed import ALONE, BEHIND, RULES

MARK = "Managed by fmgsync (prod): "
Held = Mapping[tuple[str, str], set[str]]
Objects = dict[tuple[str, str, Any], Any]
"""Place, table and key of objects -> what they are."""
WRITING: Final = frozenset(("add", "set", "update", "replace", "delete", "clone", "move", "exec"))
QUIET: Final = ("sys/login", "sys/proxy", "securityconsole/preview/result")


@dataclass
class Run:
    """One run of fmgsync: what it was told, and what was so when it began."""

    now: bool
    may_install: bool
    begins_at: float
    held: Held
    adom: Held
    lines: int
    mark: int
    was_open: bool
    disturbed: set[str] = field(default_factory=set)
    """Where somebody else did something meanwhile."""
    looked_at: float = 0.0
    stopped: bool = False
    is_deposed: Callable[[], bool] | None = None
    """Of a controller's pass: whether another replica leads by now."""


def writes(url: str, method: str, body: bytes | str | None) -> bool:
    """Whether a request may change anything; not one that only gives back what is held."""
    if "/api/v2/" in url:
        return method != "GET"
    asked = json.loads(body or "{}")
    params = asked.get("params") or []
    urls = [str(param.get("url", "")).strip("/") for param in params]
    quiet = releases(params) or all(one.startswith(QUIET) for one in urls)
    return asked.get("method") in WRITING and not quiet


def pushes(url: str, data: Mapping[str, Any]) -> bool:
    """Whether a call of the security console brings something to devices."""
    if "package/cancel" in url or "preview" in url:
        return False
    return url.endswith("package/commit") or ("/install/" in url and "preview" not in str(data))


def foreign(world: World) -> Objects:
    """Whatever is not ours in the ADOM, and on the FortiGates that stand alone."""
    found: Objects = {}
    with world.lock:
        ground = world.adoms["prod"].ground
        rows = [("prod", t, row) for t in ground.tables() for row in ground.rows(t)]
        for name in ALONE:
            vdom = world.alone[name].vdoms["root"]
            rows += [(name, t, r) for t in vdom.tables for _, r in vdom.running_table(t)]
        for place, table, row in rows:
            if not _is_ours(row):
                found[place, table, row.key] = (dict(row.attrs), _maps(row))
    return found


def on_devices(world: World) -> Objects:
    """What the managed FortiGates run beside what is ours."""
    found: Objects = {}
    with world.lock:
        world.now()
        for name in BEHIND:
            vdom = world.devices[name].vdoms["root"]
            for table in list(vdom.tables):
                for key, row in vdom.running_table(table):
                    if not _has_our_name(str(key)):
                        found[name, table, key] = dict(row.attrs)
    return found


def adom_holds(world: World) -> Held:
    """What the ADOM has for each device, by the addresses' values, in the state itself."""
    ground = world.adoms["prod"].ground
    found: dict[tuple[str, str], set[str]] = {}
    for group in RULES:
        for device in BEHIND:
            found[device, group] = _values(ground, group, device, set())
    return found


def denied(world: World) -> set[str]:
    """Groups whose use in a policy is no plain permission."""
    ground = world.adoms["prod"].ground
    tables = [t for t in ground.tables() if t.startswith("firewall policy")]
    rows = [row for table in tables for row in ground.rows(table)]
    return {
        str(name)
        for row in rows
        if row.attrs.get("action") != "accept" or "enable" in str(row.attrs.get("dstaddr-negate"))
        for name in row.attrs.get("dstaddr", ())
    }


def _is_ours(row: Row) -> bool:
    return str(row.attrs.get("comment", "")).split("\n")[0].startswith(f"{MARK}{row.key}")


def _has_our_name(name: str) -> bool:
    return name.startswith("prod_") or name.partition(".")[0] in RULES


def _maps(row: Row) -> Any:
    return {scope: dict(each.attrs) for scope, each in row.maps.items()}


def _values(ground: Any, group: str, device: str, seen: set[str]) -> set[str]:
    row = ground.rows("firewall addrgrp").get(group)
    if row is None or group in seen:
        return set()
    seen.add(group)
    mapped = row.maps.get((device, "root"))
    found: set[str] = set()
    for name in (mapped or row).attrs.get("member", ()):
        address = ground.rows("firewall address").get(name)
        if address is not None:
            found.add(str(address.attrs.get("subnet", ("",))[0]))
        else:
            found |= _values(ground, name, device, seen)
    return found


def of(addresses: set[str], nets: tuple[str, ...]) -> set[str]:
    """Those that lie in one of these nets."""
    return {each for each in addresses if each.startswith(nets)}


def kept(folder: Path) -> list[str]:
    """Whatever is written in files there."""
    files = [path for path in folder.glob("*") if path.is_file()]
    return [path.read_text(encoding="utf-8", errors="replace") for path in files]


def said(result: Result) -> list[str]:
    """What a run tells scripts, and the cluster's Events."""
    told = [json.dumps(documents.apply_document(result), default=str)]
    return told + [str(notice) for one in result.adoms for notice in announcements.notices(one)]


def audit_is_whole(path: Path, *, ends_well: bool) -> None:
    """No line is odd or missing; where it `ends_well` a last line that is gone would be noticed."""
    lines = audit.read(path)
    assert not (odd := [line.problem for line in lines if line.problem]), odd
    known = AuditHeads(Folder(path.parent, clock=ManualClock())).read_all()
    assert not (gone := audit.missing(audit.ends(lines), known)), gone
    if ends_well and known:
        (cut,) = [audit.ends(lines[:-1])] if len(lines) > 1 else [{}]
        assert audit.missing(cut, known), "nobody would notice that the last line is gone"
