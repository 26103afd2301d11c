"""Assigning a global package: its header and footer become part of an ADOM's packages.

Forms of the call: "How to FortiManager API", 008. `pkg` beside `target` names the global package
(an older form has it in each target); `pkg` in a target lists packages of that ADOM, which with
`excluded` are left out and otherwise are the only ones. What is unpublished is decided here: an
object of the ADOM that has the name of a global one stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from fmgsync.simulator.calls import install
from fmgsync.simulator.calls.ordering import flags_of, open_task, targets_of
from fmgsync.simulator.calls.plain import PlainRow, Words, answer_table
from fmgsync.simulator.codes import bad_data, no_permission
from fmgsync.simulator.schema.catalog import TABLES
from fmgsync.simulator.schema.catalog_packages import FOOTER, HEADER, PACKAGE_TABLES
from fmgsync.simulator.state.adom import PACKAGES, Adom
from fmgsync.simulator.state.references import package_store, references
from fmgsync.simulator.state.store import Change, Database, Row, Target
from fmgsync.simulator.state.tasks import Line, Task
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

_ON: Final = {"disable": 0, "enable": 1}
_SWITCHES: Final[Words] = {"assign_excluded": _ON, "specify_assign_pkg_list": _ON}
_HERE: Final = ("none", "cp_all_objs", "copy_assigned_pkg", "unassign")


def assign(world: World, call: Call) -> Members:
    """`/securityconsole/assign/package`: by task, one line per ADOM."""
    if not call.session.admin.super_admin or call.session.admin.rpc_permit != "read-write":
        raise no_permission()
    record, ground = call.record(), world.adoms["global"].ground
    targets, flags = record.get("target"), flags_of(record)
    if not isinstance(targets, list) or not all(isinstance(item, dict) for item in targets):
        raise bad_data()
    if flags - set(_HERE):
        raise bad_data()
    wanted = [_target(world, record, item) for item in targets]
    said = {(one[0].name, one[1].oid): item for one, item in zip(wanted, targets, strict=True)}
    task = open_task(
        world, call, world.adoms["global"], "Assign Package", "assignment", heeds=_HERE
    )
    for adom, package, chosen in wanted:
        line = task.add(Line(adom.name, adom.oid))
        if any(lock.sid != call.session.sid for lock in adom.locks):
            line.tell(call.now, 100, "failed to lock adom", "error")
            continue
        if "unassign" in flags:
            _take_away(world, adom, package, chosen, call.now)
            adom.assignments.pop(package.oid, None)
        else:
            _copy(world, adom, ground, package, chosen, call.now, everything="cp_all_objs" in flags)
            item = said[(adom.name, package.oid)]
            _remember(world, adom, package, item, listed="pkg" in record)
        word = "unassign" if "unassign" in flags else "assign"
        line.tell(call.now, 100, f"{word} package done", "done")
    if not wanted:
        task.end_at_once(call.now, "No installing devices", "warning")
    task.settle(call.now)
    if "copy_assigned_pkg" in flags:
        _install(world, call, wanted, task)
    return {"data": {"task": task.id}}


def _remember(
    world: World, adom: Adom, package: Row, item: Mapping[str, Any], *, listed: bool
) -> None:
    """What `_adom/options` tells of an assignment."""
    names = item.get("pkg") if listed else None
    wanted = {names} if isinstance(names, str) else set(names or ())
    known = adom.assignments.get(package.oid)
    row = {
        "name": f"__gpkg__{package.oid}",
        "oid": known["oid"] if known is not None else world.next_oid(),
        "pkg list": [
            {"name": str(own.key), "oid": own.oid}
            for own in adom.packages(adom.ground)
            if str(own.key) in wanted
        ],
    }
    if wanted and item.get("excluded") in ("enable", 1):
        row["assign_excluded"] = "enable"
    if wanted:
        row["specify_assign_pkg_list"] = "enable"
    adom.assignments[package.oid] = row


def read_options(world: World, call: Call, adom: str) -> Members:
    """Which global packages the ADOM has, and for which of its packages."""
    rows: list[PlainRow] = list(world.enter(adom, call.session).assignments.values())
    if not call.verbose:
        switched = {"assign_excluded": "disable", "specify_assign_pkg_list": "disable"}
        rows = [{**switched, **row} for row in rows]
    found = answer_table(call, rows, always=("name", "oid"), words=_SWITCHES)
    return found or {"data": []}


Wanted = tuple[Adom, Row, list[Row]]
"""An ADOM, the global package, and those of the ADOM's packages that get it."""


def _target(world: World, record: Mapping[str, Any], item: Mapping[str, Any]) -> Wanted:
    name, path = item.get("adom"), record.get("pkg")
    listed = item.get("pkg")
    if path is None:
        path, listed = listed, None
    ground = world.adoms["global"].ground
    row = ground.rows(PACKAGES).get(path) if isinstance(path, str) else None
    adom = world.adoms.get(name) if isinstance(name, str) and name != "global" else None
    if adom is None or row is None or row.attrs["type"] != "pkg":
        raise bad_data()
    names = [listed] if isinstance(listed, str) else listed or []
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise bad_data()
    packages = adom.packages(adom.ground)
    if any(one not in {str(p.key) for p in packages} for one in names):
        raise bad_data()
    left_out = item.get("excluded") in ("enable", 1)
    chosen = [p for p in packages if not names or (str(p.key) in names) != left_out]
    return adom, row, chosen


def _copy(
    world: World,
    adom: Adom,
    ground: Database,
    package: Row,
    chosen: list[Row],
    at: float,
    *,
    everything: bool,
) -> None:
    """Objects first, then the policies that use them; what was assigned before is replaced."""
    changes = list(_objects(adom, ground, _needed(ground, package, everything=everything)))
    for own in chosen:
        for table in (HEADER, FOOTER):
            store = package_store(table.name, own.oid)
            given = ground.rows(package_store(table.name, package.oid))
            changes += _difference(adom.ground, store, {row.key: row for row in given})
        names = [f"order of {table.name}" for table in (HEADER, FOOTER)]
        orders = {name: package.attrs.get(name, ()) for name in names}
        ordered = own.changed(now=at, by="system", attrs={**own.attrs, **orders})
        changes.append(Change(PACKAGES, own.key, own, ordered))
    adom.from_global |= {(c.table, c.key) for c in changes if c.table in TABLES}
    adom.commit(changes, at)
    world.assigned[(adom.name, package.oid)] = package.version


def _take_away(world: World, adom: Adom, package: Row, chosen: list[Row], at: float) -> None:
    changes: list[Change] = []
    for own in chosen:
        for table in (HEADER, FOOTER):
            changes += _difference(adom.ground, package_store(table.name, own.oid), {})
    adom.commit(changes, at)
    world.assigned.pop((adom.name, package.oid), None)


def _difference(ground: Database, store: str, wanted: dict[Any, Row]) -> Iterator[Change]:
    rows = ground.rows(store)
    for row in list(rows):
        if row.key not in wanted:
            yield Change(store, row.key, row, None)
    for key, row in wanted.items():
        if rows.get(key) is not row:
            yield Change(store, key, rows.get(key), row)


def _needed(ground: Database, package: Row, *, everything: bool) -> Iterable[Target]:
    """What the policies refer to, and what that refers to; or all global objects."""
    if everything:
        return [(name, row.key) for name in TABLES for row in ground.rows(name)]
    found: dict[Target, None] = {}
    pending = [
        target
        for table in (HEADER, FOOTER)
        for row in ground.rows(package_store(table.name, package.oid))
        for _, target in references(ground, PACKAGE_TABLES[table.name], row)
    ]
    while pending:
        target = pending.pop()
        row = ground.rows(target[0]).get(target[1])
        if target not in found and row is not None and target[0] in TABLES:
            found[target] = None
            pending.extend(to for _, to in references(ground, TABLES[target[0]], row))
    return found


def _objects(adom: Adom, ground: Database, targets: Iterable[Target]) -> Iterator[Change]:
    for table, key in targets:
        row, held = ground.rows(table).get(key), adom.ground.rows(table).get(key)
        ours = held is None or (table, key) in adom.from_global
        if row is not None and ours and held is not row:
            yield Change(table, key, held, row)


def _install(world: World, call: Call, wanted: list[Wanted], task: Task) -> None:
    """`copy_assigned_pkg`: the ADOM's packages are installed, in tasks of their own."""
    done = {line.oid for line in task.lines if line.state == "done"}
    for adom, _, chosen in wanted:
        if adom.oid in done:
            parts = [(own, targets_of(world, adom, own, None)) for own in chosen]
            title = "Install Package"
            further = open_task(world, call, adom, title, "security console", heeds=_HERE)
            install.begin(world, call, adom, further, parts, frozenset())


ROUTES = (
    Route("exec", "/securityconsole/assign/package", assign),
    Route("get", "/pm/config/adom/{adom}/_adom/options", read_options),
)
