"""Hit counts: what the FortiGates count per policy, gathered into a package by a task.

Calls, the task's words and the shape of the result: "How to FortiManager API", 008. A simulated
unit forwards nothing, so it counts what a test says (`FortiGate.hit`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from fmgsync.simulator.calls.copying import policies_for
from fmgsync.simulator.calls.reading import uuid_of
from fmgsync.simulator.codes import absent, bad_data, no_permission
from fmgsync.simulator.schema.catalog_packages import FOOTER, HEADER
from fmgsync.simulator.state.adom import PACKAGES, Adom
from fmgsync.simulator.state.devices import policies_table
from fmgsync.simulator.state.references import package_store
from fmgsync.simulator.state.store import Change, Row
from fmgsync.simulator.state.tasks import Line, Task
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

_TAKES_S: Final = 8.0
"""As long as the recorded one took."""
_EMPTY: Final = ("firewall policy6", "firewall security-policy")


@dataclass(frozen=True, slots=True)
class Hits:
    """What was counted of one policy."""

    hitcount: int = 0
    byte: int = 0
    pkts: int = 0
    first_hit: int = 0
    last_hit: int = 0

    def plus(self, other: Hits) -> Hits:
        """Both together."""
        firsts = [at for at in (self.first_hit, other.first_hit) if at]
        return Hits(
            self.hitcount + other.hitcount,
            self.byte + other.byte,
            self.pkts + other.pkts,
            min(firsts, default=0),
            max(self.last_hit, other.last_hit),
        )


def gather(world: World, call: Call) -> Members:
    """`/sys/hitcount`: a task; its number stands beside the status."""
    adom, package = _asked(world, call)
    name = str(package.key).rpartition("/")[2]
    user = call.session.admin.user
    title = f"get hitcount for policy package {name}"
    task = world.tasks.open(title, "device manager", user, adom.oid, call.now)
    line = task.add(Line(f"retrieve hitcount for adom/package ({adom.name}/{package.key})", 0))
    line.tell(call.now, 0, "", "pending")
    steps = (
        (0.25, lambda at: line.tell(at, 1, "start to update adom hitcount")),
        (1.0, lambda at: line.tell(at, 90, "update adom hitcount in progress")),
        (1.0, lambda at: _finish(world, adom, package, task, line, at)),
    )
    for share, step in steps:
        world.timeline.plan(call.now + share * _TAKES_S, step)
    return {"taskid": task.id}


def _asked(world: World, call: Call) -> tuple[Adom, Row]:
    """ADOM and package, each by name or by number."""
    record = call.record()
    if call.session.admin.rpc_permit != "read-write":
        raise no_permission()
    name, oid = record.get("adom"), record.get("adom_oid")
    adom = next((a for a in world.adoms.values() if name == a.name or oid == a.oid), None)
    if adom is None:
        raise bad_data()
    world.enter(adom.name, call.session)
    path, number = record.get("pkg"), record.get("pkg_oid")
    for package in adom.packages(adom.ground):
        if path == package.key or number == package.oid:
            return adom, package
    raise absent()


def _finish(world: World, adom: Adom, package: Row, task: Task, line: Line, at: float) -> None:
    if task.forced is not None:
        return
    counts = _counts(world, adom, package)
    adom.hits.update({(package.oid, key): hits for key, hits in counts.items()})
    task.details["hitcount"] = _result(adom, package, counts)
    line.tell(at, 100, "update adom hitcount succeed", "done")
    task.settle(at)
    held = adom.ground.rows(PACKAGES).get(package.key)
    if held is not None:
        settings = {"hitc-taskid": task.id, "hitc-timestamp": int(at)}
        attrs = {**held.attrs, "settings": {**held.attrs["settings"], **settings}}
        adom.ground.write(Change(PACKAGES, held.key, held, replace(held, attrs=attrs)))


def _counts(world: World, adom: Adom, package: Row) -> dict[int, Hits]:
    """Of all units that have a tunnel, added up; policy 0 is the implicit denial."""
    found: dict[int, Hits] = {}
    for device, vdom in adom.expand(package.attrs["scope"]):
        unit = world.devices.get(device)
        if unit is None or not unit.online or vdom not in unit.vdoms:
            continue
        for key, hits in unit.hits.items():
            if key[0] == vdom:
                found[key[1]] = found.get(key[1], Hits()).plus(hits)
    return found


def _result(adom: Adom, package: Row, counts: dict[int, Hits]) -> dict[str, Any]:
    tables = {
        "firewall policy": policies_table(package.oid),
        "global footer policy": package_store(FOOTER.name, package.oid),
        "global header policy": package_store(HEADER.name, package.oid),
    }
    found: dict[str, Any] = {name: [] for name in (*tables, *_EMPTY)}
    for name, store in tables.items():
        rows = adom.ground.rows(store)
        found[name] = [_shown(row.key, row, counts.get(int(row.key), Hits())) for row in rows]
    whole = {row.key: row for scope in _scopes(adom, package) for row in scope}
    own = {row["policyid"] for name in tables for row in found[name]}
    taken_in = [row for key, row in whole.items() if key not in own]
    found["firewall policy"] += [_shown(r.key, r, counts.get(int(r.key), Hits())) for r in taken_in]
    found["firewall policy"].insert(0, _shown(0, None, counts.get(0, Hits())))
    found["firewall proxy-policy"] = [_shown(0, None, Hits())]
    return found


def _scopes(adom: Adom, package: Row) -> list[list[Row]]:
    """The policies of blocks are those of the package too."""
    return [list(policies_for(adom, package, s)) for s in adom.expand(package.attrs["scope"])]


def _shown(key: int | str, row: Row | None, hits: Hits) -> dict[str, Any]:
    attrs = row.attrs if row is not None else {"name": "Implicit Deny"}
    shown = {
        "byte": hits.byte,
        "dstintf": ",".join(attrs.get("dstintf", ("any",))),
        "first_hit": hits.first_hit,
        "first_session": hits.first_hit if row is not None else 0,
        "hitcount": hits.hitcount,
        "last_hit": hits.last_hit,
        "last_session": hits.last_hit if row is not None else 0,
        "name": attrs.get("name") or "",
        "pkts": hits.pkts,
        "policyid": key,
        "sesscount": 0,
        "srcintf": ",".join(attrs.get("srcintf", ("any",))),
    }
    return shown if row is None else {**shown, "uuid": uuid_of(row.oid)}


def overlay(adom: Adom, package: Row | None, key: int | str, shown: dict[str, Any]) -> None:
    """Put what was gathered last into a policy as it is shown, where it is asked for."""
    hits = adom.hits.get((package.oid, int(key))) if package is not None else None
    if hits is None:
        return
    gathered = {
        "_byte": hits.byte,
        "_first_hit": hits.first_hit,
        "_hitcount": hits.hitcount,
        "_last_hit": hits.last_hit,
        "_pkts": hits.pkts,
    }
    shown.update({name: value for name, value in gathered.items() if name in shown})


ROUTES = (Route("exec", "/sys/hitcount", gather),)
