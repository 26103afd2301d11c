"""Installs of packages and device settings: answered 0 and a task; what fails, fails in there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmgsync.simulator.calls import jobs, preview, revisions
from fmgsync.simulator.calls.ordering import (
    adom_of,
    flags_of,
    lock_for_task,
    open_task,
    package_of,
    permission,
    scope_of,
    targets_of,
)
from fmgsync.simulator.codes import Refusal, bad_data
from fmgsync.simulator.state.adom import Adom
from fmgsync.simulator.state.locks import may_install
from fmgsync.simulator.state.store import Row, Scope
from fmgsync.simulator.state.tasks import Line, Task
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route


def install_package(world: World, call: Call) -> Members:
    """Policies, objects and pending device settings, to all targets or to those in the scope."""
    adom, record = adom_of(world, call), call.record()
    package, flags = package_of(adom, record), flags_of(record)
    scopes = targets_of(world, adom, package, scope_of(adom, record))
    task = open_task(world, call, adom, f"Install Package '{package.key}'", "security console")
    if "generate_rev" in flags:
        name, comment = (task.comments.get(f"adom_rev_{word}", "") for word in ("name", "comments"))
        revisions.create(world, adom, call, name, comment)
    begin(world, call, adom, task, [(package, scopes)], flags)
    return {"data": {"task": task.id}}


def begin(
    world: World,
    call: Call,
    adom: Adom,
    task: Task,
    parts: list[tuple[Row, list[Scope]]],
    flags: frozenset[str],
) -> None:
    """Start a task over packages, one after the other; warn or fail when there is none to do."""
    packages = [str(package.key) for package, _ in parts]
    if not any(scopes for _, scopes in parts):
        task.end_at_once(call.now, "No installing devices", "warning")
        return
    if "preview" in flags:
        preview.prepare(world, call, adom, task, parts)
        return
    if not any(has_changes(world, adom, p, scope) for p, scopes in parts for scope in scopes):
        task.end_at_once(call.now, "no installing devices/no changes on package", "warning")
        return
    if "auto_lock_ws" in flags and not lock_for_task(adom, call, task):
        task.end_at_once(call.now, "failed to lock adom", "error")
        return
    allowed = permission(world, call, adom, packages=packages)
    orders = [
        jobs.Order(adom, task, allowed, scopes, package=p, copy_only="copy_only" in flags)
        for p, scopes in parts
        if scopes
    ]
    jobs.start(world, orders, call.now)


def has_changes(world: World, adom: Adom, package: Row, scope: Scope) -> bool:
    """Whether an install would do anything there."""
    known = adom.installed.get(scope)
    device = world.devices[scope[0]]
    current = known is not None and known.package == package.oid and known.status == "installed"
    return not current or device.db_status() == "mod"


def reinstall(world: World, call: Call) -> Members:
    """Several packages one after the other; -1 without the lock, not a failing task."""
    adom, record = adom_of(world, call), call.record()
    targets = record.get("target")
    if targets is None:
        # Given the shape of install/package, FortiManager takes it and never begins.
        task = open_task(world, call, adom, "Reinstall Package", "security console")
        task.lines.append(Line("", 0))
        return {"data": {"task": task.id}}
    if not isinstance(targets, list) or not all(isinstance(item, dict) for item in targets):
        raise bad_data()
    parts = [_part(world, adom, item) for item in targets]
    packages = [str(package.key) for package, _ in parts]
    if not may_install(adom, call.session, packages=packages, devices=[]):
        raise Refusal(-1)
    task = open_task(world, call, adom, "Reinstall Package", "security console")
    begin(world, call, adom, task, parts, flags_of(record) | {"again"})
    return {"data": {"task": task.id}}


def _part(world: World, adom: Adom, item: Mapping[str, Any]) -> tuple[Row, list[Scope]]:
    package = package_of(adom, item)
    return package, targets_of(world, adom, package, scope_of(adom, item))


def install_device(world: World, call: Call) -> Members:
    """What the device database has ahead of the units, and nothing from the ADOM."""
    adom, record = adom_of(world, call), call.record()
    scopes = [s for s in scope_of(adom, record) or [] if adom.has(*s)]
    task = open_task(world, call, adom, "Install Device", "install device")
    flags = flags_of(record)
    if not scopes:
        task.end_at_once(call.now, "No installing devices", "warning")
    elif "auto_lock_ws" in flags and not lock_for_task(adom, call, task):
        task.end_at_once(call.now, "failed to lock adom", "error")
    elif "preview" in flags:
        preview.finish(world, task, call.now, scopes)
    else:
        names = sorted({device for device, _ in scopes})
        allowed = permission(world, call, adom, devices=names)
        jobs.start(world, [jobs.Order(adom, task, allowed, scopes)], call.now)
    return {"data": {"task": task.id}}


def commit(world: World, call: Call) -> Members:
    """Push what this session's preview-flagged install has prepared."""
    adom, record = adom_of(world, call), call.record()
    prepared = preview.cache(call, adom).packages
    wanted = scope_of(adom, record)
    task = open_task(world, call, adom, "Install Package", "security console")
    parts = [
        (package, [s for s in scopes if (wanted is None or s in wanted) and adom.has(*s)])
        for package, scopes in prepared
    ]
    preview.forget(call, adom)
    begin(world, call, adom, task, parts, flags_of(record))
    return {"data": {"task": task.id}}


def cancel(world: World, call: Call) -> Members:
    """Forget what a preview has prepared."""
    preview.forget(call, adom_of(world, call))
    return {}


def abort(world: World, call: Call) -> Members:
    """Stop the ADOM's running security console task."""
    for task in world.tasks.running(adom_of(world, call).oid):
        task.stop("aborted", call.now)
    return {}


_BASE = "/securityconsole"
ROUTES = (
    Route("exec", _BASE + "/install/package", install_package),
    Route("exec", _BASE + "/install/device", install_device),
    Route("exec", _BASE + "/reinstall/package", reinstall),
    Route("exec", _BASE + "/package/commit", commit),
    Route("exec", _BASE + "/package/cancel/install", cancel),
    Route("exec", _BASE + "/abort", abort),
)
