"""Device groups and their members."""

from __future__ import annotations

from typing import Any

from fmgsync.simulator.calls.dvmshow import (
    DEVICE_WORDS,
    GROUP_WORDS,
    MEMBERS,
    show_device,
    show_group,
    show_member,
    show_vdom,
)
from fmgsync.simulator.calls.plain import PlainRow, answer_row, answer_table
from fmgsync.simulator.calls.records import GROUP, keep
from fmgsync.simulator.codes import absent, bad_data, exists
from fmgsync.simulator.state.adom import PACKAGES, Adom, DeviceGroup
from fmgsync.simulator.state.store import Change
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

_WORDS = {**DEVICE_WORDS, **GROUP_WORDS}
_ALWAYS = ("name", "oid", MEMBERS, "expand member")


def read_groups(world: World, call: Call, adom: str) -> Members:
    """Device groups of an ADOM."""
    place = world.enter(adom, call.session)
    rows = []
    for group in place.groups.values():
        row = show_group(world, group, call)
        _expand(world, place, group, call, row)
        rows.append(row)
    return answer_table(call, rows, always=_ALWAYS, words=_WORDS)


def _group(world: World, call: Call, adom: str, name: str) -> tuple[Adom, DeviceGroup]:
    place = world.enter(adom, call.session)
    group = place.groups.get(name)
    if group is None:
        raise absent()
    return place, group


def read_group(world: World, call: Call, adom: str, group: str) -> Members:
    """One device group."""
    place, found = _group(world, call, adom, group)
    row = show_group(world, found, call)
    _expand(world, place, found, call, row)
    return answer_row(call, row, always=_ALWAYS, words=_WORDS)


def write_group(world: World, call: Call, adom: str, group: str | None = None) -> Members:
    """Create a device group, or change its name or description."""
    place = world.enter(adom, call.session)
    record = call.record()
    name = group or record.get("name")
    if not isinstance(name, str) or not name:
        raise bad_data()
    known = place.groups.get(name)
    if known is None and call.method == "update":
        raise absent()
    if known is not None and call.method == "add":
        raise exists()
    if known is None:
        known = place.groups[name] = DeviceGroup(name, world.next_oid())
    keep(GROUP, known.kept, record, call.ignore)
    new = record.get("name", name)
    if new != name:
        _rename(place, known, new, call.now)
    return {}


def _rename(adom: Adom, group: DeviceGroup, new: object, at: float) -> None:
    """Groups around it and packages installed on it follow."""
    if not isinstance(new, str) or not new or "/" in new:
        raise bad_data()
    if new in adom.groups:
        raise exists()
    old, group.name = group.name, new
    adom.groups = {held.name: held for held in adom.groups.values()}
    was, now = (old, None), (new, None)
    for held in adom.groups.values():
        held.members = [now if member == was else member for member in held.members]
    for package in list(adom.ground.rows(PACKAGES)):
        if was in package.attrs["scope"]:
            scope = tuple(now if target == was else target for target in package.attrs["scope"])
            after = package.changed(now=at, by="system", attrs={**package.attrs, "scope": scope})
            adom.apply(adom.ground, Change(PACKAGES, package.key, package, after), at)


def delete_group(world: World, call: Call, adom: str, group: str) -> Members:
    """Remove a device group."""
    place, _ = _group(world, call, adom, group)
    del place.groups[group]
    return {}


def write_members(world: World, call: Call, adom: str, group: str) -> Members:
    """Add, set or delete members of a device group."""
    place, known = _group(world, call, adom, group)
    members = [_member(place, record) for record in call.records()]
    if call.method == "delete":
        known.members = [member for member in known.members if member not in members]
    else:
        before = [] if call.method == "set" else known.members
        known.members = list(dict.fromkeys([*before, *members]))
    return {}


def _member(adom: Adom, record: Any) -> tuple[str, str | None]:
    name, vdom = record.get("name"), record.get("vdom")
    if not isinstance(name, str) or not isinstance(vdom, str | None):
        raise bad_data()
    if not (adom.has(name, vdom) if vdom is not None else name in adom.groups):
        raise absent()
    return name, vdom


def read_members(world: World, call: Call, adom: str, group: str) -> Members:
    """Members of a device group as a table."""
    _, known = _group(world, call, adom, group)
    rows = [show_member(world, member) for member in known.members]
    return answer_table(call, rows, always=("name", "vdom"))


def _expand(world: World, adom: Adom, group: DeviceGroup, call: Call, row: PlainRow) -> None:
    """`expand member`: devices (each with the VDOM that is a member) and nested groups."""
    wanted = call.param.get("expand member")
    if wanted is None:
        return
    if not isinstance(wanted, list) or not all(isinstance(item, dict) for item in wanted):
        raise bad_data()
    found: dict[str, list[PlainRow]] = {}
    for item in wanted:
        kind, fields = str(item.get("url")).strip("/"), item.get("fields")
        rows = _devices(world, adom, group) if kind == "device" else _groups(world, group, call)
        keep = ("vdom",) if kind == "device" else ()
        if isinstance(fields, list):
            wanted_names = [name for name in fields if isinstance(name, str)]
            rows = [{n: r[n] for n in (*wanted_names, *keep) if n in r} for r in rows]
        if rows and kind in ("device", "group"):
            found[kind] = rows
    if found:
        row["expand member"] = found


def _devices(world: World, adom: Adom, group: DeviceGroup) -> list[PlainRow]:
    found = []
    for name, vdom in group.members:
        device = world.devices.get(name)
        if vdom is not None and device is not None and vdom in device.vdoms:
            shown = show_vdom(world, device, device.vdoms[vdom])
            found.append({**show_device(world, device, adom), "vdom": shown})
    return found


def _groups(world: World, group: DeviceGroup, call: Call) -> list[PlainRow]:
    adom = next(a for a in world.adoms.values() if a.groups.get(group.name) is group)
    return [
        show_group(world, adom.groups[name], call)
        for name, vdom in group.members
        if vdom is None and name in adom.groups
    ]


_ADOM = "/dvmdb/adom/{adom}"
_GROUP = _ADOM + "/group/{group}"
ROUTES = (
    Route("get", _ADOM + "/group", read_groups),
    Route("add set update", _ADOM + "/group", write_group),
    Route("get", _GROUP, read_group),
    # pyfortimanager creates a group at its own url, with the name in the data as well.
    Route("add set update", _GROUP, write_group),
    Route("delete", _GROUP, delete_group),
    Route("get", _GROUP + "/object member", read_members),
    Route("add set update delete", _GROUP + "/object member", write_members),
)
