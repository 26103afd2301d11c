"""`sys/proxy/json`: FortiManager passes a REST request on to FortiGates and gathers the answers.

Forms of targets: "How to FortiManager API", 016. A target that is not there is left out; when none
is, the answer is -11, and -6 when FortiOS has no such resource (probed by client projects).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fmgsync.simulator.codes import bad_data, bad_url, no_permission
from fmgsync.simulator.fortigate import fortios
from fmgsync.simulator.fortigate.ask import Ask
from fmgsync.simulator.state.adom import Adom
from fmgsync.simulator.state.devices import Device
from fmgsync.simulator.state.tasks import Line
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route
from fmgsync.simulator.wire.urls import split

_METHODS: Final = {"get": "GET", "post": "POST", "put": "PUT", "delete": "DELETE"}
TASKS_SINCE: Final = (8, 0, 1)
"""From here on `flags: ["create_task", ...]` answers a task, whose result is asked for later."""


def proxy(world: World, call: Call) -> Members:
    """One element per device, groups expanded, each device once; the outer code is 0 regardless."""
    record = call.record()
    method = _METHODS.get(record["action"]) if isinstance(record.get("action"), str) else None
    targets, resource = record.get("target"), record.get("resource")
    if method is None or not isinstance(resource, str) or not targets:
        raise bad_data()
    if method != "GET" and call.session.admin.rpc_permit != "read-write":
        raise no_permission()
    _check_timeout(record.get("timeout", 60))
    devices = _asked(world, call, targets if isinstance(targets, list) else [targets])
    if not fortios.serves(resource):
        raise bad_url()
    payload = record.get("payload")
    flags = record.get("flags")
    as_task = isinstance(flags, list) and "create_task" in flags and world.version >= TASKS_SINCE
    ask = _Proxied(world, Ask(method, resource, payload))
    answers = [ask.of(device) for device in devices]
    return _as_task(world, call, devices, answers) if as_task else {"data": answers}


def _check_timeout(seconds: Any) -> None:
    """How long FortiManager waits for its units: 60 s unless told, 8 hours at most."""
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 <= seconds <= 28_800:
        raise bad_data()


def _asked(world: World, call: Call, targets: list[Any]) -> list[Device]:
    """The devices of all targets; targets that are not there are left out, unless all are."""
    if not all(isinstance(target, str) for target in targets):
        raise bad_data()
    found: dict[str, None] = {}
    known = False
    for target in targets:
        names = _devices(world, call, split(target))
        known = known or names is not None
        found.update(dict.fromkeys(names or ()))
    if not known:
        raise no_permission()
    return [world.devices[name] for name in found if name in world.devices]


def _devices(world: World, call: Call, path: tuple[str, ...]) -> Iterable[str] | None:
    """`adom/{a}/device/{d}`, `adom/{a}/group/{g}`, `device/{d}`, `group/{g}` or `dev_oid/{n}`."""
    admin = call.session.admin
    adoms = [adom for adom in world.adoms.values() if admin.may_enter(adom.name)]
    if len(path) == 4 and path[0] == "adom":
        adoms, path = [adom for adom in adoms if adom.name == path[1]], path[2:]
    if len(path) != 2:
        return None
    kind, name = path
    if kind == "group":
        groups = [adom for adom in adoms if name in adom.groups]
        return [device for adom in groups for device in _members(adom, name)] if groups else None
    if kind not in ("device", "dev_oid"):
        return None
    here = [world.devices[d] for adom in adoms for d in adom.members if d in world.devices]
    named = [d.name for d in here if name == (d.name if kind == "device" else str(d.oid))]
    return named or None


def _members(adom: Adom, group: str) -> list[str]:
    return [device for device, _ in adom.expand([(group, None)])]


class _Proxied:
    """One request to each of several units."""

    def __init__(self, world: World, ask: Ask) -> None:
        self._world, self._ask = world, ask

    def of(self, device: Device) -> dict[str, Any]:
        """A device without tunnel has a status and no response."""
        if not device.online or device.silent:
            message = f"{device.name}({device.oid}) error: No tunnel 80.\n"
            return {"status": {"code": -1, "message": message}, "target": device.name}
        return {
            "response": fortios.request(self._world, device, self._ask).body,
            "status": {"code": 0, "message": "OK"},
            "target": device.name,
        }


def _as_task(
    world: World, call: Call, devices: list[Device], answers: Sequence[Mapping[str, Any]]
) -> Members:
    """`create_task`: the answers are kept with the task, which tells who was asked."""
    user = call.session.admin.user
    task = world.tasks.open("Device proxy", "device manager", user, 0, call.now)
    for device, answer in zip(devices, answers, strict=True):
        line = task.add(Line(device.name, device.oid, device.ip))
        up = answer["status"]["code"] == 0
        line.tell(call.now, 100, "done" if up else "No tunnel", "done" if up else "error")
    task.settle(call.now)
    task.details["proxy"] = answers
    return {"taskid": task.id}


ROUTES = (Route("exec", "/sys/proxy/json", proxy),)
