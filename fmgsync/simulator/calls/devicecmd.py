"""`/dvm/cmd/...`: devices are added, deleted and read anew, at once or by a task.

Forms: "How to FortiManager API", 007; Ansible's `fmgr_dvm_cmd_*`; Fortinet community 351974 for
`reload/dev-list`. With `create_task` the answer has the task's number; a list is always a task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from fmgsync.simulator.calls import newdevices
from fmgsync.simulator.calls.dvmcmd import remove, require_lock, retrieve
from fmgsync.simulator.calls.ordering import flags_of, open_task
from fmgsync.simulator.codes import Refusal, absent, bad_data
from fmgsync.simulator.state.adom import Adom
from fmgsync.simulator.state.devices import Device
from fmgsync.simulator.state.tasks import Line, Task
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

_SRC: Final = "device manager"


def _named(world: World, call: Call) -> tuple[Adom, Mapping[str, Any]]:
    record = call.record()
    name = record.get("adom")
    if not isinstance(name, str) or name not in world.adoms:
        raise bad_data()
    return world.enter(name, call.session), record


def _as_task(record: Mapping[str, Any]) -> bool:
    return bool(flags_of(record) & {"create_task"})


def _pid(world: World) -> int:
    """Of the process that does the work; it means nothing to a client."""
    return 20_000 + world.next_oid() % 10_000


def _find(world: World, adom: Adom, wanted: Any) -> Device:
    """By name, serial number or number."""
    if isinstance(wanted, dict):
        wanted = wanted.get("name")
    for name in adom.members:
        device = world.devices[name]
        if wanted in (name, device.serial) or str(wanted) == str(device.oid):
            return device
    raise absent()


def _listed(record: Mapping[str, Any], member: str) -> list[Any]:
    listed = record.get(member)
    if not isinstance(listed, list) or not listed:
        raise bad_data()
    return listed


def delete_one(world: World, call: Call) -> Members:
    """`del/device`: by name or serial number; nothing is answered unless by a task."""
    adom, record = _named(world, call)
    device = _find(world, adom, record.get("device"))
    require_lock(adom, call)
    if not _as_task(record):
        remove(world, device.name, call.now)
        return {}
    return _delete(world, call, adom, [device])


def delete_list(world: World, call: Call) -> Members:
    """`del/dev-list`."""
    adom, record = _named(world, call)
    devices = [_find(world, adom, item) for item in _listed(record, "del-dev-member-list")]
    require_lock(adom, call)
    return _delete(world, call, adom, devices)


def _delete(world: World, call: Call, adom: Adom, devices: list[Device]) -> Members:
    task = open_task(world, call, adom, "deldevtitle", _SRC)
    for device in dict.fromkeys(d.name for d in devices):
        line = _line(task, world.devices[device])
        remove(world, device, call.now)
        line.tell(call.now, 100, "deletesuccess", "done")
    task.settle(call.now)
    return {"data": {"pid": _pid(world), "taskid": task.id}}


def _line(task: Task, device: Device) -> Line:
    return task.add(Line(device.name, device.oid, device.ip))


def update_one(world: World, call: Call) -> Members:
    """`update/device`: FortiManager asks the unit again; a pid, and a task where wanted."""
    adom, record = _named(world, call)
    device = _asked(world, adom, record.get("device"))
    if not _as_task(record):
        if device.online:
            retrieve(world, device)
        return {"data": {"pid": _pid(world)}}
    task = _refresh(world, call, adom, [device])
    return {"data": {"pid": _pid(world), "taskid": task.id}}


def update_list(world: World, call: Call) -> Members:
    """`update/dev-list`."""
    adom, record = _named(world, call)
    names = _listed(record, "update-dev-member-list")
    task = _refresh(world, call, adom, [_asked(world, adom, name) for name in names])
    return {"data": {"taskid": task.id}}


def reload_list(world: World, call: Call) -> Members:
    """`reload/dev-list`: the units' configuration is read anew; of all units without a list."""
    adom, record = _named(world, call)
    listed = record.get("reload-dev-member-list")
    names = list(adom.members) if listed is None else _listed(record, "reload-dev-member-list")
    task = _refresh(world, call, adom, [_asked(world, adom, name) for name in names])
    return {"data": {"pid": _pid(world), "taskid": task.id}}


def _asked(world: World, adom: Adom, wanted: Any) -> Device:
    try:
        return _find(world, adom, wanted)
    except Refusal:
        raise bad_data() from None


def _refresh(world: World, call: Call, adom: Adom, devices: list[Device]) -> Task:
    task = open_task(world, call, adom, "upddevtitle", _SRC)
    for device in {device.name: device for device in devices}.values():
        line = _line(task, device)
        line.tell(call.now, 0, "update device")
        if device.online:
            retrieve(world, device)
            line.tell(call.now, 100, "updatesuccess", "done")
        else:
            line.tell(call.now, 100, "update failed: device is offline", "error")
    task.settle(call.now)
    return task


def add_one(world: World, call: Call) -> Members:
    """`add/device`: the device's record, or a task."""
    adom, record = _named(world, call)
    require_lock(adom, call)
    if not _as_task(record):
        device = newdevices.add(
            world, adom, record.get("device"), record.get("groups"), call.ignore
        )
        return {"data": {"device": newdevices.show(device)}}
    return _add_by_task(world, call, adom, [(record.get("device"), record.get("groups"))])


def add_list(world: World, call: Call) -> Members:
    """`add/dev-list`."""
    adom, record = _named(world, call)
    require_lock(adom, call)
    return _add_by_task(
        world, call, adom, [(item, None) for item in _listed(record, "add-dev-list")]
    )


def _add_by_task(world: World, call: Call, adom: Adom, wanted: list[tuple[Any, Any]]) -> Members:
    for item, _ in wanted:
        if not isinstance(item, dict):
            raise bad_data()
    task = open_task(world, call, adom, "adddevtitle", _SRC)
    for item, groups in wanted:
        line = Line(str(item.get("name") or item.get("ip") or item.get("sn") or ""), 0)
        task.lines.append(line)
        try:
            device = newdevices.add(world, adom, item, groups, call.ignore)
        except Refusal as refusal:
            line.tell(call.now, 100, refusal.message, "error")
            continue
        line.name, line.oid, line.ip = device.name, device.oid, device.ip
        line.tell(call.now, 100, "addsuccess", "done")
    task.settle(call.now)
    return {"data": {"pid": _pid(world), "taskid": task.id}}


def _routes() -> tuple[Route, ...]:
    table: tuple[tuple[str, Callable[..., Members]], ...] = (
        ("add/device", add_one),
        ("add/dev-list", add_list),
        ("del/device", delete_one),
        ("del/dev-list", delete_list),
        ("update/device", update_one),
        ("reload/dev-list", reload_list),
    )
    routes = [Route("exec", f"/dvm/cmd/{verb}", handler) for verb, handler in table]
    # One recording has `get` here.
    return (*routes, Route("exec get", "/dvm/cmd/update/dev-list", update_list))


ROUTES = _routes()
