"""`sys/proxy/json`: FortiManager passes a REST request on to FortiGates and gathers the answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fmgsync.simulator import fortios
from fmgsync.simulator.call import Call, Members
from fmgsync.simulator.codes import bad_data, no_permission
from fmgsync.simulator.devices import Device
from fmgsync.simulator.route import Route
from fmgsync.simulator.tasks import Line
from fmgsync.simulator.urls import split
from fmgsync.simulator.world import World

_METHODS: Final = {"get": "GET", "post": "POST", "put": "PUT", "delete": "DELETE"}


def proxy(world: World, call: Call) -> Members:
    """One element per device, groups expanded, each device once; the outer code is 0 regardless."""
    record = call.record()
    method = _METHODS.get(record["action"]) if isinstance(record.get("action"), str) else None
    targets = record.get("target")
    if method is None or not isinstance(record.get("resource"), str) or not targets:
        raise bad_data()
    if method != "GET" and call.session.admin.rpc_permit != "read-write":
        raise no_permission()
    names: dict[str, None] = {}
    for target in targets if isinstance(targets, list) else [targets]:
        names.update(dict.fromkeys(_devices(world, call, target)))
    flags = record.get("flags")
    if isinstance(flags, list) and "create_task" in flags:
        return _as_task(world, call, list(names))
    return {
        "data": [
            _ask(world, world.devices[name], method, record)
            for name in names
            if name in world.devices
        ]
    }


def _as_task(world: World, call: Call, names: list[str]) -> Members:
    """`create_task`: the answers stay with the units, a task tells who was asked."""
    user = call.session.admin.user
    task = world.tasks.open("Device proxy", "device manager", user, 0, call.now)
    for name in names:
        device = world.devices[name]
        line = Line(name, device.oid, device.ip)
        task.lines.append(line)
        up = device.online and not device.silent
        line.tell(call.now, 100, "done" if up else "No tunnel", "done" if up else "error")
    task.settle(call.now)
    return {"taskid": task.id}


def _devices(world: World, call: Call, target: Any) -> list[str]:
    """`adom/{a}/device/{d}`, `adom/{a}/group/{g}`, `device/{d}` or `dev_oid/{n}`."""
    if not isinstance(target, str):
        raise bad_data()
    path = split(target)
    if len(path) == 4 and path[0] == "adom":
        adom = world.enter(path[1], call.session)
        if path[2] == "device" and adom.has(path[3]):
            return [path[3]]
        if path[2] == "group" and path[3] in adom.groups:
            return [device for device, _ in adom.expand([(path[3], None)])]
    elif len(path) == 2 and path[0] in ("device", "dev_oid"):
        for device in world.devices.values():
            if path[1] in ((device.name,) if path[0] == "device" else (str(device.oid),)):
                _check(world, call, device)
                return [device.name]
    raise bad_data()


def _check(world: World, call: Call, device: Device) -> None:
    if not any(call.session.admin.may_enter(a.name) for a in world.adoms_of(device.name)):
        raise no_permission()


def _ask(world: World, device: Device, method: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """A device without tunnel has a status and no response."""
    if not device.online or device.silent:
        message = f"{device.name}({device.oid}) error: No tunnel 80.\n"
        return {"status": {"code": -1, "message": message}, "target": device.name}
    response = fortios.request(
        device, method, record["resource"], record.get("payload"), world.next_oid
    )
    return {
        "response": response,
        "status": {"code": 0, "message": "OK"},
        "target": device.name,
    }


ROUTES = (Route("exec", "/sys/proxy/json", proxy),)
