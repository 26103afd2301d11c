"""The global database: packages that are assigned to ADOMs instead of devices."""

from __future__ import annotations

from fmgsync.simulator import packages
from fmgsync.simulator.adom import PACKAGES
from fmgsync.simulator.call import Call, Members
from fmgsync.simulator.codes import bad_data, no_permission
from fmgsync.simulator.ordering import warn
from fmgsync.simulator.plain import PlainRow, answer_table
from fmgsync.simulator.route import Route
from fmgsync.simulator.tasks import Line
from fmgsync.simulator.world import World

Rest = tuple[str, ...]


def read(world: World, call: Call, rest: Rest = ()) -> Members:
    """Global packages."""
    return packages.read(world, call, "global", rest)


def write(world: World, call: Call, rest: Rest = ()) -> Members:
    """Create global packages, or say to which ADOMs one belongs."""
    return packages.write_tree(world, call, "global", rest)


def delete(world: World, call: Call, rest: Rest) -> Members:
    """Delete a global package or take it from ADOMs."""
    return packages.delete(world, call, "global", rest)


def assign(world: World, call: Call) -> Members:
    """`/securityconsole/assign/package`: global packages become part of ADOMs."""
    if not call.session.admin.super_admin:
        raise no_permission()
    targets = call.record().get("target")
    if not isinstance(targets, list) or not all(isinstance(item, dict) for item in targets):
        raise bad_data()
    user, oid = call.session.admin.user, world.adoms["global"].oid
    task = world.tasks.open("Assign Package", "assignment", user, oid, call.now)
    for item in targets:
        adom, package = item.get("adom"), item.get("pkg")
        row = world.adoms["global"].ground.rows(PACKAGES).get(package or "")
        if adom not in world.adoms or row is None:
            raise bad_data()
        world.assigned[(str(adom), row.oid)] = "installed"
        line = Line(str(adom), world.adoms[adom].oid)
        task.lines.append(line)
        line.tell(call.now, 100, "assign package done", "done")
    if not targets:
        warn(task, call.now, "No installing devices")
    task.settle(call.now)
    return {"data": {"task": task.id}}


def read_status(world: World, call: Call) -> Members:
    """Where global packages are assigned, and whether that is current."""
    names = {row.oid: str(row.key) for row in world.adoms["global"].ground.rows(PACKAGES)}
    rows: list[PlainRow] = [
        {
            "adom": adom,
            "flags": 0,
            "pkg": names[oid],
            "status": status,
            "stype": 0,
            "type": 1,
        }
        for (adom, oid), status in world.assigned.items()
        if oid in names and adom in world.adoms
    ]
    return answer_table(call, rows, always=("adom", "pkg"))


ROUTES = (
    Route("get", "/pm/pkg/global", read),
    Route("get", "/pm/pkg/global/{rest*}", read),
    Route("add set update", "/pm/pkg/global", write),
    Route("add set update", "/pm/pkg/global/{rest*}", write),
    Route("delete", "/pm/pkg/global/{rest*}", delete),
    Route("get", "/pm/config/global/_package/status", read_status),
    Route("exec", "/securityconsole/assign/package", assign),
)
