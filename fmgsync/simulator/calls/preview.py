"""Install previews: prepared by a task, computed on request, read in the same session only."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fmgsync.simulator.calls.cliconfig import changes_text, table_named
from fmgsync.simulator.calls.copying import Copy, CopyFailed, Differences, pending
from fmgsync.simulator.calls.ordering import adom_of, open_task, scope_of
from fmgsync.simulator.calls.reading import shown_names
from fmgsync.simulator.codes import Refusal, bad_data
from fmgsync.simulator.state.adom import Adom
from fmgsync.simulator.state.store import Row, Scope
from fmgsync.simulator.state.tasks import Line, Task
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

Parts = list[tuple[Row, list[Scope]]]


@dataclass(slots=True)
class Cache:
    """What one session has prepared in one ADOM."""

    packages: Parts = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)
    """Result text by device."""
    tasks: dict[int, list[Scope]] = field(default_factory=dict)


def cache(call: Call, adom: Adom) -> Cache:
    """The session's preview cache of the ADOM."""
    key = f"preview {adom.oid}"
    found = call.session.caches.get(key)
    if not isinstance(found, Cache):
        found = call.session.caches[key] = Cache()
    return found


def forget(call: Call, adom: Adom) -> None:
    """Drop the cache."""
    call.session.caches.pop(f"preview {adom.oid}", None)


def prepare(world: World, call: Call, adom: Adom, task: Task, parts: Parts) -> None:
    """The preview-flagged install: nothing changes, the cache knows what would be installed.

    It runs the install's own copy, so it fails where that would; the cache has what did not fail.
    """
    failed: dict[Scope, str] = {}
    for package, scopes in parts:
        for scope in scopes:
            try:
                _tried(world, adom, package, scope)
            except CopyFailed as failure:
                failed[scope] = str(failure)
    left = [(package, [s for s in scopes if s not in failed]) for package, scopes in parts]
    cache(call, adom).packages = [(package, scopes) for package, scopes in left if scopes]
    told = {} if world.switches.preview_hides_failed_copy else failed
    finish(world, task, call.now, [s for _, scopes in parts for s in scopes], told)


def _tried(world: World, adom: Adom, package: Row, scope: Scope) -> Differences:
    held = world.devices[scope[0]].vdoms[scope[1]]
    copy = Copy(adom, held, scope, member_limit=world.switches.member_limit)
    return copy.try_package(package)


def finish(
    world: World,
    task: Task,
    at: float,
    scopes: Iterable[Scope],
    failed: Mapping[Scope, str] | None = None,
) -> None:
    """The lines of a preview task; where the copy failed, told as an install tells it."""
    for device, vdom in scopes:
        unit = world.devices.get(device)
        line = task.add(
            Line(f"{device}({vdom})[copy]", unit.oid if unit is not None else 0, vdom=vdom)
        )
        reason = (failed or {}).get((device, vdom))
        if reason is not None:
            line.tell(at, 50, reason)
            line.tell(at, 50, "Copy rollbacked, due to error")
            line.tell(at, 100, "Aborted due to previous error", "error")
            continue
        line.tell(at, 50, "Write summary[preview]")
        line.tell(at, 100, "Write preview done", "done")
    task.settle(at)


def takes_scope(version: tuple[int, ...]) -> bool:
    """From 7.4.4 on a preview names a scope, before that one device and its VDOMs."""
    return version >= (7, 4, 4)


def _asked(world: World, call: Call, adom: Adom) -> list[Scope]:
    record = call.record()
    if takes_scope(world.version):
        scopes = scope_of(adom, record)
    else:
        name, vdoms = record.get("device"), record.get("vdoms")
        wanted = [vdoms] if isinstance(vdoms, str) else vdoms
        held = adom.members.get(name) if isinstance(name, str) else None
        scopes = [(str(name), v) for v in held or () if not wanted or v in wanted]
    if not scopes:
        raise bad_data()
    return scopes


def install_preview(world: World, call: Call) -> Members:
    """Compute the difference for devices. One that is not there is never done."""
    adom = adom_of(world, call)
    scopes = _asked(world, call, adom)
    task = open_task(world, call, adom, "Install Preview", "device manager")
    known = [scope for scope in scopes if adom.has(*scope)]
    held = cache(call, adom)
    as_json = call.record().get("flags") in (1, "1")
    for device in dict.fromkeys(device for device, _ in known):
        vdoms = [vdom for name, vdom in known if name == device]
        held.results[device] = _result(world, adom, held.packages, device, vdoms, as_json=as_json)
    finish(world, task, call.now, known)
    task.lines.extend(Line(f"{d}({v})[copy]", 0, vdom=v) for d, v in scopes if (d, v) not in known)
    return {"data": {"task": task.id}}


def _result(
    world: World, adom: Adom, parts: Parts, device: str, vdoms: list[str], *, as_json: bool
) -> str:
    found = [_differences(world, adom, parts, (device, vdom)) for vdom in vdoms]
    if as_json:
        return _as_json(found)
    return "".join(changes_text((t, *both) for t, both in each.items()) for each in found)


def _differences(world: World, adom: Adom, parts: Parts, scope: Scope) -> Differences:
    """With a prepared package what it would change, else only what the device database has."""
    held = world.devices[scope[0]].vdoms[scope[1]]
    for package, scopes in parts:
        if scope in scopes:
            with contextlib.suppress(CopyFailed):  # the ADOM may have changed since
                return _tried(world, adom, package, scope)
    return pending(held)


def _as_json(found: list[Differences]) -> str:
    """Objects by category, each changed attribute with its new and old value."""
    categories: dict[int, list[Any]] = {}
    for differences in found:
        for (name, key), (before, after) in differences.items():
            table = table_named(name)
            if table is None:
                continue
            flag = 1 if before is None else 3 if after is None else 2
            shown: dict[str, Any] = {table.key: key, "diff_flag": flag}
            row = after or before
            names = shown_names(table, row, (99,)) if row is not None else []
            for attribute in names:
                spec = table.attributes[attribute]
                old = before.attrs.get(attribute, spec.default) if before is not None else None
                new = after.attrs.get(attribute, spec.default) if after is not None else None
                shown[attribute] = new if old == new else {"n": new, "o": old}
            categories.setdefault(table.category, []).append(shown)
    data = [{"category": number, "data": rows} for number, rows in categories.items()]
    return json.dumps({"result": [{"data": [{"data": data}]}]})


def preview_result(world: World, call: Call) -> Members:
    """The text for one device; for several a JSON text of their texts."""
    adom = adom_of(world, call)
    asked = [device for device, _ in _asked_for_result(world, call, adom)]
    held = cache(call, adom)
    devices = [name for name in dict.fromkeys(asked) if name in held.results]
    if not devices:
        raise Refusal(-1, data={"message": "no devices"})
    if len(devices) == 1:
        return {"data": {"message": held.results[devices[0]]}}
    several = [
        {
            "name": name,
            "oid": world.devices[name].oid,
            "result": f"=== Preview result ===\n{held.results[name]}",
        }
        for name in devices
        if name in world.devices
    ]
    return {"data": {"message": json.dumps(several)}}


def _asked_for_result(world: World, call: Call, adom: Adom) -> list[Scope]:
    try:
        return _asked(world, call, adom)
    except Refusal:
        return []


def store(call: Call, adom: Adom, task: Task, results: Mapping[str, str]) -> None:
    """Keep the results of an object-only preview."""
    held = cache(call, adom)
    held.results.update(results)
    held.tasks[task.id] = []


def install_summary(world: World, call: Call) -> Members:
    """Which devices a preview task went over."""
    number = call.record().get("preview_taskid")
    if not isinstance(number, int) or isinstance(number, bool):
        raise bad_data()
    task = world.tasks.get(number)
    adom = next((a for a in world.adoms.values() if a.oid == task.adom), None)
    if adom is None or not call.session.admin.may_enter(adom.name):
        raise Refusal(-11)
    members: dict[str, dict[str, Any]] = {}
    for line in task.lines:
        name, state = line.name.partition("(")[0], "ok" if line.state == "done" else "error"
        device = world.devices.get(name)
        if device is None or line.vdom is None:
            continue
        entry = members.setdefault(
            name, {"name": name, "oid": device.oid, "status": state, "vdom": []}
        )
        vdom = device.vdoms.get(line.vdom)
        oid = vdom.oid if vdom is not None else 0
        entry["vdom"].append({"name": line.vdom, "oid": oid, "status": state})
    summary = {"adom_name": adom.name, "adom_oid": adom.oid, "member": list(members.values())}
    return {"data": {"summary": [summary]}}


ROUTES = (
    Route("exec", "/securityconsole/install/preview", install_preview),
    Route("exec", "/securityconsole/preview/result", preview_result),
    Route("exec", "/securityconsole/install/summary", install_summary),
)
