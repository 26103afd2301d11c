"""FortiManager's own scheduled install of a package: `/pm/pkg/adom/{adom}/{pkg}/schedule`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fmgsync.simulator.calls import jobs, packages
from fmgsync.simulator.calls.ordering import scope_of, targets_of
from fmgsync.simulator.calls.place import find_package
from fmgsync.simulator.codes import absent, bad_data
from fmgsync.simulator.state.adom import PACKAGES, Adom, Schedule
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route


def write(world: World, call: Call, adom: str, rest: tuple[str, ...]) -> Members:
    """Plan an install (`.../schedule`), or anything else that packages.write_tree does."""
    if rest[-1] != "schedule":
        return packages.write_tree(world, call, adom, rest)
    place, record = world.enter(adom, call.session), call.record()
    package = find_package(place.ground, "/".join(rest[:-1]))
    text = record.get("datetime")
    try:
        at = datetime.strptime(str(text), "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise bad_data() from None
    name = record.get("adom_rev_name")
    plan = Schedule(
        str(text),
        at,
        scope_of(place, record),
        name if isinstance(name, str) else "",
        call.session.admin.user,
    )
    path = str(package.key)
    place.schedules[path] = plan
    world.timeline.plan(at, lambda now: _run(world, place, path, plan, now))
    return {}


def _run(world: World, adom: Adom, path: str, plan: Schedule, at: float) -> None:
    """The instant has come, unless the plan was cancelled or replaced."""
    package = adom.ground.rows(PACKAGES).get(path)
    if adom.schedules.get(path) is not plan:
        return
    del adom.schedules[path]
    title = f"Scheduled install '{path}'"
    task = world.tasks.open(title, "security console", plan.user, adom.oid, at)
    scopes = targets_of(world, adom, package, plan.scope) if package is not None else []
    if package is None or not scopes:
        task.end_at_once(at, "No installing devices", "warning")
        return
    jobs.start(world, [jobs.Order(adom, task, lambda: True, scopes, package=package)], at)


def delete(world: World, call: Call, adom: str, rest: tuple[str, ...]) -> Members:
    """Cancel a planned install, or delete what packages.delete deletes."""
    if rest[-1] != "schedule":
        return packages.delete(world, call, adom, rest)
    place = world.enter(adom, call.session)
    path = str(find_package(place.ground, "/".join(rest[:-1])).key)
    if place.schedules.pop(path, None) is None:
        raise absent()
    return {}


def read(world: World, call: Call, adom: str, rest: tuple[str, ...] = ()) -> Members:
    """Packages, with their plans when `option: schedule` is given; or one plan."""
    place = world.enter(adom, call.session)
    if rest and rest[-1] == "schedule":
        path = str(find_package(place.ground, "/".join(rest[:-1])).key)
        plan = place.schedules.get(path)
        return {} if plan is None else {"data": _show(plan)}
    members = packages.read(world, call, adom, rest)
    if "schedule" in call.options():
        _add(place, members.get("data"), "")
    return members


def _add(adom: Adom, shown: Any, folder: str) -> None:
    for row in shown if isinstance(shown, list) else [shown]:
        if not isinstance(row, dict):
            continue
        path = f"{folder}/{row.get('name')}" if folder else str(row.get("name"))
        plan = adom.schedules.get(path)
        if plan is not None:
            row["schedule"] = _show(plan)
        _add(adom, row.get("subobj", []), path)


def _show(plan: Schedule) -> dict[str, Any]:
    shown: dict[str, Any] = {"adom_rev_name": plan.revision, "datetime": plan.text}
    if plan.scope is not None:
        shown["scope"] = [{"name": device, "vdom": vdom} for device, vdom in plan.scope]
    return shown


_BASE = "/pm/pkg/adom/{adom}"
ROUTES = (
    Route("get", _BASE, read),
    Route("get", _BASE + "/{rest*}", read),
    Route("add set update", _BASE, packages.write_tree),
    Route("add set update", _BASE + "/{rest*}", write),
    Route("delete", _BASE + "/{rest*}", delete),
)
