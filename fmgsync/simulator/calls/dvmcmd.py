"""Changes to devices: rename, remove, refresh, VDOMs, and which ADOM they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fmgsync.simulator.calls.baseline import keep_predefined
from fmgsync.simulator.calls.dvmshow import show_adom
from fmgsync.simulator.calls.plain import answer_table
from fmgsync.simulator.calls.records import DEVICE, VDOM, keep
from fmgsync.simulator.codes import absent, bad_data, exists, no_permission
from fmgsync.simulator.state import references
from fmgsync.simulator.state.adom import PACKAGES, Adom, DeviceGroup
from fmgsync.simulator.state.devices import Device, Vdom
from fmgsync.simulator.state.locks import holds
from fmgsync.simulator.state.store import Change
from fmgsync.simulator.state.tasks import STATES
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route


def require_lock(adom: Adom, call: Call) -> None:
    """Adding and removing devices needs the ADOM's lock; no finer one will do (-11)."""
    if call.session.admin.rpc_permit != "read-write":
        raise no_permission()
    if adom.mode != "disabled" and not holds(adom, call.session, "adom"):
        raise no_permission()


def update_device(
    world: World, call: Call, adom: str | None = None, device: str | None = None
) -> Members:
    """A new name, or anything else of the record; the url names the device, or the data do."""
    place = world.enter(adom, call.session) if adom is not None else None
    written = [_update(world, call, place, device, record) for record in call.records()]
    return {"data": {"name": written[0]}} if len(written) == 1 else {}


def _update(
    world: World, call: Call, place: Adom | None, device: str | None, record: Mapping[str, Any]
) -> str:
    name = record.get("name", device)
    known = device or name
    if not isinstance(known, str) or not isinstance(name, str) or not name or "/" in name:
        raise bad_data()
    held = world.devices.get(known)
    if held is None or (place is not None and not place.has(known)):
        raise absent()
    for adom in [place] if place is not None else world.adoms_of(known):
        require_lock(world.enter(adom.name, call.session), call)
    if name != known:
        rename(world, known, name, call.now)
    keep(DEVICE, held.kept, record, call.ignore)
    return name


def write_vdom(
    world: World, call: Call, device: str, adom: str | None = None, vdom: str | None = None
) -> Members:
    """Add a VDOM to a device, or change its record; a new one belongs to the device's ADOM."""
    held = world.device(device)
    place = world.enter(adom, call.session) if adom is not None else _home(world, call, device)
    if not place.has(device):
        raise absent()
    require_lock(place, call)
    record = call.record()
    name = vdom or record.get("name")
    if not isinstance(name, str) or not name or "/" in name or len(name) > VDOM.key_limit:
        raise bad_data()
    known = held.vdoms.get(name)
    if known is not None and call.method == "add":
        raise exists()
    if known is None and call.method == "update":
        raise absent()
    if known is None:
        known = _new_vdom(world, place, held, name)
    keep(VDOM, known.kept, record, call.ignore)
    return {"data": {"name": name}}


def _new_vdom(world: World, adom: Adom, device: Device, name: str) -> Vdom:
    made = device.vdoms[name] = Vdom(name, world.next_oid())
    keep_predefined(adom, made)
    adom.members[device.name].append(name)
    everything = adom.groups.get("All_FortiGate")
    if everything is not None:
        everything.members.append((device.name, name))
    device.pending_global = True
    return made


def delete_vdom(
    world: World, call: Call, device: str, vdom: str, adom: str | None = None
) -> Members:
    """Remove a VDOM; the first one stays."""
    held = world.device(device)
    place = world.enter(adom, call.session) if adom is not None else _home(world, call, device)
    if not place.has(device, vdom):
        raise absent()
    require_lock(place, call)
    if vdom == "root":
        raise bad_data()
    leave(world, device, vdom)
    del held.vdoms[vdom]
    held.pending_global = True
    return {}


def _home(world: World, call: Call, device: str) -> Adom:
    """The first ADOM of a device that the caller may enter."""
    for adom in world.adoms_of(device):
        if call.session.admin.may_enter(adom.name):
            return adom
    raise no_permission()


def rename(world: World, old: str, new: str, at: float) -> None:
    """Groups and packages follow the device; its mappings are dropped."""
    if new in world.devices:
        raise exists()
    device = world.devices.pop(old)
    device.name = new
    device.hostname = device.hostname or old
    world.devices[new] = device
    for adom in world.adoms_of(old):
        adom.members = {new if k == old else k: v for k, v in adom.members.items()}
        for group in adom.groups.values():
            group.members = [(new if n == old else n, v) for n, v in group.members]
        adom.installed = {
            (new if d == old else d, v): known for (d, v), known in adom.installed.items()
        }
        _rescope(adom, old, new, at)
        _drop_mappings(adom, old, at)


def remove(world: World, name: str, at: float) -> None:
    """The device leaves FortiManager: groups, packages and mappings forget it."""
    device = world.devices.pop(name)
    for adom in world.adoms_of(device.name):
        adom.members.pop(name)
        for group in adom.groups.values():
            group.members = [(n, v) for n, v in group.members if n != name or v is None]
        adom.installed = {s: known for s, known in adom.installed.items() if s[0] != name}
        _rescope(adom, name, None, at)
        _drop_mappings(adom, name, at)


def _rescope(adom: Adom, old: str, new: str | None, at: float) -> None:
    for package in list(adom.ground.rows(PACKAGES)):
        scope = package.attrs["scope"]
        if not any(name == old and vdom is not None for name, vdom in scope):
            continue
        kept = [(name, vdom) for name, vdom in scope if name != old or vdom is None or new]
        renamed = tuple((new if n == old and v else n, v) for n, v in kept)
        after = package.changed(now=at, by="system", attrs={**package.attrs, "scope": renamed})
        adom.apply(adom.ground, Change(PACKAGES, package.key, package, after), at)


def _drop_mappings(adom: Adom, device: str, at: float) -> None:
    for table in adom.ground.tables():
        if references.table_of(table) is None:
            continue
        for row in list(adom.ground.rows(table)):
            if any(scope[0] == device for scope in row.maps):
                maps = {scope: m for scope, m in row.maps.items() if scope[0] != device}
                after = row.changed(now=at, by="system", maps=maps)
                adom.apply(adom.ground, Change(table, row.key, row, after), at)


def retrieve(world: World, device: Device) -> None:
    """The device database takes over what the unit runs; its package may be out of sync then."""
    changed = [name for name, vdom in device.vdoms.items() if vdom.drifted or vdom.ahead]
    for name in changed:
        device.vdoms[name].retrieve()
    device.status = "retrieved" if changed else device.status
    device.pending_global = False
    for adom in world.adoms_of(device.name):
        for name in changed:
            known = adom.installed.get((device.name, name))
            if known is not None:
                known.status = world.switches.retrieved_status


def move_members(world: World, call: Call, adom: str) -> Members:
    """`/dvmdb/adom/{a}/object member`: VDOMs join this ADOM and leave the one they were in."""
    place = world.enter(adom, call.session)
    require_lock(place, call)
    for record in call.records():
        device, vdom = record.get("name"), record.get("vdom", "root")
        held = world.devices.get(device) if isinstance(device, str) else None
        if held is None or vdom not in held.vdoms:
            raise absent()
        leave(world, held.name, vdom)
        place.members.setdefault(held.name, []).append(vdom)
        everything = place.groups.get("All_FortiGate")
        if everything is not None:
            everything.members.append((held.name, vdom))
    return {}


def leave(world: World, device: str, vdom: str) -> None:
    """A VDOM is in no ADOM any more."""
    for other in world.adoms_of(device):
        if other.has(device, vdom):
            other.members[device].remove(vdom)
            if not other.members[device]:
                del other.members[device]
            other.installed.pop((device, vdom), None)
            for group in other.groups.values():
                group.members = [m for m in group.members if m != (device, vdom)]


def group_by_task(world: World, call: Call, adom: str) -> Members:
    """A device group of the devices whose lines ended in a given state."""
    place, record = world.enter(adom, call.session), call.record()
    name, state, number = (record.get(key) for key in ("name", "state", "task"))
    if not isinstance(name, str) or not isinstance(number, int) or not isinstance(state, int):
        raise bad_data()
    if name in place.groups:
        raise exists()
    if not 0 <= state < len(STATES):
        raise bad_data()
    group = place.groups[name] = DeviceGroup(name, world.next_oid())
    for line in world.tasks.get(number).lines:
        device = line.name.partition("(")[0]
        if line.state == STATES[state] and place.has(device):
            vdom = line.vdom or place.members[device][0]
            if (device, vdom) not in group.members:
                group.members.append((device, vdom))
    return {"data": {"oid": group.oid}}


def masters(world: World, call: Call, device: str) -> Members:
    """`object master`: the ADOMs a device belongs to."""
    held = world.device(device)
    visible = [a for a in world.adoms_of(held.name) if call.session.admin.may_enter(a.name)]
    unfiltered = replace(call, param=call.param.but(filter=None))  # ["adom"] names the kind
    return answer_table(unfiltered, [show_adom(world, adom, call) for adom in visible])


def is_member(world: World, call: Call, adom: str) -> Members:
    """Whether a device with VDOM, or a group, belongs to the ADOM."""
    place, record = world.enter(adom, call.session), call.record()
    name, vdom = record.get("name"), record.get("vdom")
    if not isinstance(name, str) or not isinstance(vdom, str | None):
        raise bad_data()
    found = place.has(name, vdom) if vdom is not None else name in place.groups
    return {"data": {"is member": int(found)}}


_ADOM = "/dvmdb/adom/{adom}"
ROUTES = (
    *(
        route
        for base in (_ADOM + "/device", "/dvmdb/device")
        for route in (
            Route("set update", base, update_device),
            Route("set update", base + "/{device}", update_device),
            Route("add set update", base + "/{device}/vdom", write_vdom),
            Route("set update", base + "/{device}/vdom/{vdom}", write_vdom),
            Route("delete", base + "/{device}/vdom/{vdom}", delete_vdom),
        )
    ),
    Route("add set", _ADOM + "/object member", move_members),
    Route("exec", _ADOM + "/group/by-task", group_by_task),
    Route("get", "/dvmdb/device/{device}/object master", masters),
    Route("get", "/dvmdb/_is_member/adom/{adom}", is_member),
)
