"""Install calls of the security console: answered 0 and a task; what fails, fails in there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmgsync.simulator import jobs
from fmgsync.simulator.adom import PACKAGES, Adom
from fmgsync.simulator.call import Call, Members
from fmgsync.simulator.codes import bad_data, no_permission
from fmgsync.simulator.route import Route
from fmgsync.simulator.store import Row, Scope
from fmgsync.simulator.tasks import Line, Task
from fmgsync.simulator.workspace import may_install
from fmgsync.simulator.world import World


def adom_of(world: World, call: Call) -> Adom:
    """The ADOM an exec names in its data; the caller must be allowed to write there."""
    record = call.record()
    name = record.get("adom")
    if not isinstance(name, str) or name not in world.adoms:
        raise bad_data()
    if call.session.admin.rpc_permit != "read-write":
        raise no_permission()
    return world.enter(name, call.session)


def package_of(adom: Adom, record: Mapping[str, Any]) -> Row:
    """The package by its path."""
    path = record.get("pkg")
    row = adom.ground.rows(PACKAGES).get(path) if isinstance(path, str) else None
    if row is None or row.attrs["type"] != "pkg":
        raise bad_data()
    return row


def flags_of(record: Mapping[str, Any]) -> frozenset[str]:
    """Flags as a set of words."""
    flags = record.get("flags")
    if flags is None or isinstance(flags, int):
        return frozenset()
    words = [flags] if isinstance(flags, str) else flags
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise bad_data()
    return frozenset(words) - {"none"}


def scope_of(adom: Adom, record: Mapping[str, Any]) -> list[Scope] | None:
    """DeviceVdoms of a scope, groups expanded; None when no scope was given.

    A name without VDOM is a device group; a device named so is not found.
    """
    given = record.get("scope")
    if given is None:
        return None
    members: list[tuple[str, str | None]] = []
    for item in given if isinstance(given, list) else [given]:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            raise bad_data()
        vdom = item.get("vdom")
        if not isinstance(vdom, str | None):
            raise bad_data()
        members.append((item["name"], vdom))
    return adom.expand(members)


def install_package(world: World, call: Call) -> Members:
    """Policies, objects and pending device settings, to all targets or to those in the scope."""
    adom, record = adom_of(world, call), call.record()
    package, flags = package_of(adom, record), flags_of(record)
    targets = adom.expand(package.attrs["scope"])
    wanted = scope_of(adom, record)
    scopes = targets if wanted is None else [scope for scope in wanted if scope in targets]
    scopes = [scope for scope in scopes if scope[0] in world.devices]
    title = f"Install Package '{package.key}'"
    task = world.tasks.open(title, "security console", call.session.admin.user, adom.oid, call.now)
    _begin(world, call, adom, package, task, scopes, flags)
    return {"data": {"task": task.id}}


def _begin(
    world: World,
    call: Call,
    adom: Adom,
    package: Row,
    task: Task,
    scopes: list[Scope],
    flags: frozenset[str],
) -> None:
    if not scopes:
        warn(task, call.now, "No installing devices")
        return
    if not any(has_changes(world, adom, package, scope) for scope in scopes):
        warn(task, call.now, "no installing devices/no changes on package")
        return
    order = jobs.Order(
        adom,
        task,
        permission(world, call, adom, packages=[str(package.key)]),
        package=package,
        copy_only="copy_only" in flags,
    )
    jobs.start(world, order, scopes, call.now)


def permission(world: World, call: Call, adom: Adom, *, packages: list[str]) -> Any:
    """Asked at every step: the lock must be held, by a living session, until the task ends."""
    session = call.session

    def allowed() -> bool:
        if adom.mode == "disabled":
            return True
        alive = world.sessions.find(session.token) is session
        return alive and may_install(adom, session, packages=packages, devices=[])

    return allowed


def has_changes(world: World, adom: Adom, package: Row, scope: Scope) -> bool:
    """Whether an install would do anything there."""
    known = adom.installed.get(scope)
    device = world.devices[scope[0]]
    current = known is not None and known.package == package.oid and known.status == "installed"
    return not current or device.db_status() == "mod"


def warn(task: Task, at: float, detail: str) -> None:
    """A task that had nothing to do: one line, state warning, no error."""
    line = Line("", 0)
    task.lines.append(line)
    line.tell(at, 100, detail, "warning")
    task.settle(at)


def install_device(world: World, call: Call) -> Members:
    """What the device database has ahead of the units, and nothing from the ADOM."""
    adom, record = adom_of(world, call), call.record()
    scopes = [s for s in scope_of(adom, record) or [] if adom.has(*s)]
    user = call.session.admin.user
    task = world.tasks.open("Install Device", "install device", user, adom.oid, call.now)
    if not scopes:
        warn(task, call.now, "No installing devices")
        return {"data": {"task": task.id}}
    names = sorted({device for device, _ in scopes})
    session = call.session

    def allowed() -> bool:
        return may_install(adom, session, packages=[], devices=names)

    jobs.start(world, jobs.Order(adom, task, allowed), scopes, call.now)
    return {"data": {"task": task.id}}


ROUTES = (
    Route("exec", "/securityconsole/install/package", install_package),
    Route("exec", "/securityconsole/install/device", install_device),
)
