"""ADOMs: created, changed and deleted, and who stands in the way of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmgsync.simulator.calls.records import ADOM, keep
from fmgsync.simulator.codes import Refusal, absent, bad_data, exists, no_permission
from fmgsync.simulator.schema.predefined import PREDEFINED
from fmgsync.simulator.state.adom import PACKAGES, Adom, DeviceGroup, write
from fmgsync.simulator.state.reserved import RESERVED
from fmgsync.simulator.state.store import Change, Row
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route


def where_used(world: World, call: Call, adom: str) -> Members:
    """Who stands in the way of deleting an ADOM: administrators, devices, groups, packages."""
    place = world.enter(adom, call.session)
    admins = [user for user, admin in world.admins.items() if adom in (admin.adoms or ())]
    own = [group.name for group in place.groups.values() if group.kind == "normal"]
    packages = {row.oid: str(row.key) for row in world.adoms["global"].ground.rows(PACKAGES)}
    given = [packages[oid] for name, oid in world.assigned if name == adom and oid in packages]
    found = {
        "cmdb": [_use("adom", 18, "system admin user", "userid", user) for user in admins],
        "dvmdb": [
            *(_use("object member", 2, "device_group", "name", name) for name in own),
            *(_use("object member", 0, "device", "name", name) for name in place.members),
        ],
        "provider": [_use("assignment", 0, "policy", "name", name) for name in given],
    }
    return {"data": {kind: uses for kind, uses in found.items() if uses}}


def _use(attribute: str, category: int, table: str, key: str, name: str) -> dict[str, Any]:
    return {
        "attr": attribute,
        "category": category,
        "last use": int(attribute == "adom"),
        "mapping_name": table,
        "mattr": key,
        "mkey": name,
    }


def write_adom(world: World, call: Call, adom: str | None = None) -> Members:
    """Create an ADOM, or change its record; the url names it, or the data do."""
    if not call.session.admin.super_admin:
        raise no_permission()
    record = call.record()
    name = adom or record.get("name")
    if not isinstance(name, str) or not name or "/" in name or len(name) > ADOM.key_limit:
        raise bad_data()
    known = world.adoms.get(name)
    if known is not None and call.method == "add":
        raise exists()
    if known is None and (call.method == "update" or adom is not None):
        raise absent()
    if known is None:
        known = _new_adom(world, name, record)
    kept = {key: value for key, value in record.items() if key not in ("os_ver", "mr")}
    keep(ADOM, known.kept, kept, call.ignore)
    return {"data": {"name": name}}


def _new_adom(world: World, name: str, record: Mapping[str, Any]) -> Adom:
    version, minor = record.get("os_ver"), record.get("mr")
    major = int(version[0]) if isinstance(version, str) and version[:1].isdecimal() else None
    os_version = (major or world.version[0], minor if isinstance(minor, int) else world.version[1])
    mode = "normal" if world.mode == "per-adom" else world.mode
    adom = Adom(name, world.next_oid(), os_version, mode)  # type: ignore[arg-type]
    fill(world, adom)
    world.adoms[name] = adom
    return adom


def fill(world: World, adom: Adom) -> None:
    """What every ADOM holds from the start."""
    now = int(world.started)
    for table, rows in PREDEFINED.items():
        for key, attrs in rows.items():
            row = Row(key, world.next_oid(), dict(attrs), created=now, modified=now)
            write(adom.ground, Change(table, key, None, row))
    adom.groups["All_FortiGate"] = DeviceGroup("All_FortiGate", world.next_oid(), kind="default")


def delete_adom(world: World, call: Call, adom: str) -> Members:
    """Delete an ADOM; with devices in it only by force."""
    if adom not in world.adoms:
        raise absent()
    if not call.session.admin.super_admin or adom in ("root", "global", *RESERVED):
        raise no_permission()
    force = call.param.get("confirm") == 1 and "force" in call.options()
    if world.adoms[adom].members and not force:
        raise Refusal(-20063)
    for device, vdoms in list(world.adoms[adom].members.items()):
        world.adoms["root"].members.setdefault(device, []).extend(vdoms)
    del world.adoms[adom]
    return {}


_ADOM = "/dvmdb/adom/{adom}"
ROUTES = (
    Route("add set update", "/dvmdb/adom", write_adom),
    Route("set update", _ADOM, write_adom),
    Route("delete", _ADOM, delete_adom),
    Route("get", _ADOM + "/where used", where_used),
)
