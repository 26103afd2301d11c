"""Object-only installs: the old call with object urls, the new one (7.4.1) with actions."""

from __future__ import annotations

from typing import Any, Final

from fmgsync.simulator.calls import jobs, preview
from fmgsync.simulator.calls.cliconfig import changes_text
from fmgsync.simulator.calls.copying import DEVICE_POLICIES, Copy, CopyFailed
from fmgsync.simulator.calls.ordering import (
    adom_of,
    flags_of,
    open_task,
    permission,
    scope_of,
)
from fmgsync.simulator.calls.place import find_package
from fmgsync.simulator.codes import Refusal, bad_data, bad_url
from fmgsync.simulator.schema.catalog import TABLES
from fmgsync.simulator.state.adom import Adom
from fmgsync.simulator.state.store import Row, Scope, Target
from fmgsync.simulator.state.tasks import Task
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route
from fmgsync.simulator.wire.urls import split

_ACTIONS: Final = ("add", "update", "delete", "move")
SINCE: Final = (7, 4, 1)
_PREVIEW: Final = 2
MAX_OBJECTS: Final = 10_000


def _require_enabled(world: World) -> None:
    if not world.switches.partial_install:
        raise Refusal(world.switches.partial_install_refusal)


def install_objects_v2(world: World, call: Call) -> Members:
    """`objects`: lists of action, path relative to the ADOM, and where a policy goes."""
    if world.version < SINCE:
        raise bad_url()
    adom, record = adom_of(world, call), call.record()
    _require_enabled(world)
    objects = record.get("objects")
    if not isinstance(objects, list) or not 0 < len(objects) <= MAX_OBJECTS:
        raise bad_data()
    edits = [_edit(adom, item) for item in objects]
    task = open_task(world, call, adom, "Install Objects", "install objects")
    if record.get("flags") in (_PREVIEW, "2"):
        _preview(world, call, adom, task, edits)
    else:
        _install(world, call, adom, task, edits)
    return {"data": {"task": task.id}}


def _edit(adom: Adom, item: Any) -> jobs.ObjectEdit:
    if not isinstance(item, list) or len(item) != 4 or not all(isinstance(x, str) for x in item):
        raise bad_data()
    action, path = item[0], split(item[1])
    if action not in _ACTIONS or len(path) < 3 or path[0] not in ("obj", "pkg"):
        raise bad_data()
    target, package = _object(path[1:]) if path[0] == "obj" else _policy(adom, path[1:])
    return jobs.ObjectEdit(action, target, package)


def _object(path: tuple[str, ...]) -> tuple[Target, Row | None]:
    name, key = " ".join(path[:-1]), path[-1]
    if name not in TABLES:
        raise bad_data()
    return (name, key), None


def _policy(adom: Adom, path: tuple[str, ...]) -> tuple[Target, Row | None]:
    if len(path) < 4 or path[-3:-1] != ("firewall", "policy") or not path[-1].isdecimal():
        raise bad_data()
    package = find_package(adom.ground, "/".join(path[:-3]))
    return (DEVICE_POLICIES, int(path[-1][:12])), package


def _scopes(world: World, call: Call, adom: Adom, edits: list[jobs.ObjectEdit]) -> list[Scope]:
    """The scope given, or the DeviceVdoms that hold one of the objects."""
    given = scope_of(adom, call.record())
    if given is not None:
        return [scope for scope in given if adom.has(*scope)]
    return [
        (name, vdom)
        for name, vdoms in adom.members.items()
        for vdom in vdoms
        if any(world.devices[name].vdoms[vdom].get(edit.target) for edit in edits)
    ]


def _install(
    world: World,
    call: Call,
    adom: Adom,
    task: Task,
    edits: list[jobs.ObjectEdit],
) -> None:
    scopes = _scopes(world, call, adom, edits)
    if not scopes:
        task.end_at_once(call.now, "No installing devices", "warning")
        return
    order = jobs.Order(
        adom,
        task,
        permission(world, call, adom),
        scopes,
        objects=edits,
    )
    jobs.start(world, [order], call.now)


def _preview(
    world: World, call: Call, adom: Adom, task: Task, edits: list[jobs.ObjectEdit]
) -> None:
    scopes = _scopes(world, call, adom, edits)
    results: dict[str, str] = {}
    failed: dict[Scope, str] = {}
    for device, vdom in scopes:
        held = world.devices[device].vdoms[vdom]
        limit = world.switches.member_limit
        copy = Copy(adom, held, (device, vdom), member_limit=limit)
        try:
            found = copy.try_objects(jobs.resolved(adom, copy, edits))
        except CopyFailed as failure:
            failed[(device, vdom)] = str(failure)
            continue
        text = changes_text((target, *both) for target, both in found.items())
        results[device] = results.get(device, "") + text
    preview.store(call, adom, task, results)
    preview.finish(world, task, call.now, scopes, failed)


def install_objects_v1(world: World, call: Call) -> Members:
    """`target`: full object urls. Pending device changes make it fail unless forced along."""
    adom, record = adom_of(world, call), call.record()
    _require_enabled(world)
    targets = record.get("target")
    if not isinstance(targets, list) or not 0 < len(targets) <= MAX_OBJECTS:
        raise bad_data()
    edits = [_edit(adom, ["update", _relative(adom, item), "", ""]) for item in targets]
    task = open_task(world, call, adom, "Install Objects", "install objects")
    if "preview" in flags_of(record):
        _preview(world, call, adom, task, edits)
        return {"data": {"task": task.id}}
    scopes = _scopes(world, call, adom, edits)
    if any(world.devices[device].db_status() == "mod" for device, _ in scopes):
        task.end_at_once(call.now, "device has pending changes", "warning")
    else:
        _install(world, call, adom, task, edits)
    return {"data": {"task": task.id}}


def _relative(adom: Adom, url: Any) -> str:
    prefix = f"pm/config/adom/{adom.name}/"
    if not isinstance(url, str) or not url.strip("/").startswith(prefix):
        raise bad_data()
    return url.strip("/").removeprefix(prefix)


ROUTES = (
    Route("exec", "/securityconsole/install/objects/v2", install_objects_v2),
    Route("exec", "/securityconsole/install/objects", install_objects_v1),
)
