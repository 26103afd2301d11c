"""Devices, VDOMs and device groups of an ADOM, its FortiOS version and its workspace mode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fmgsync import errors
from fmgsync.model.adom import AdomTopology, Device, Workspace
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.targets import wire
from fmgsync.targets.fortimanager import answers, reads, tables, urls
from fmgsync.targets.fortimanager.answers import Place, Result
from fmgsync.targets.fortimanager.reads import Read
from fmgsync.targets.fortimanager.session import Param, Session
from fmgsync.targets.fortimanager.tables import Query
from fmgsync.targets.wire import Row

_ADOM_FIELDS = ("name", "os_ver", "mr", "flags", "workspace_mode")
_DEVICE_FIELDS = (
    "name",
    "conn_status",
    "conf_status",
    "db_status",
    "mgmt_mode",
    "os_type",
    "last_checked",
    "flags",
)
_UNIT_DOWN = 2
_MODEL = "is_model"
_FAR = 2**32
_NOT_MANAGED = ("unreg", "faz")
_MODES = {
    0: Workspace.DISABLED,
    "disabled": Workspace.DISABLED,
    1: Workspace.NORMAL,
    "normal": Workspace.NORMAL,
    2: Workspace.WORKFLOW,
    "workflow": Workspace.WORKFLOW,
}


def read_topology(session: Session, ref: TargetRef) -> AdomTopology:
    """Everything sites and packages are expanded with; one request for a small ADOM."""
    return reads.run(session, reading(Place(session.access.name, ref.domain), ref, ()))[0]


def reading(
    place: Place, ref: TargetRef, also: Sequence[Param]
) -> Read[tuple[AdomTopology, Sequence[Result]]]:
    """The same, and what is answered to other questions of the same request."""
    (settings, row, members, *told), (devices_there, device_groups) = yield from (
        tables.reading_after(
            [
                {"url": urls.GLOBAL_SETTINGS, "fields": ["workspace-mode"]},
                {"url": urls.adom(ref.domain), "fields": list(_ADOM_FIELDS)},
                {"url": urls.adom(ref.domain), "fields": ["name"], "option": ["object member"]},
                *also,
            ],
            [
                Query(urls.devices(ref.domain), _DEVICE_FIELDS, place, subtables=True, page=500),
                Query(urls.device_groups(ref.domain), ("name",), place, options=("object member",)),
            ],
        )
    )
    adom = _adom_row(row, place)
    group_rows = device_groups.checked()
    devices = _devices(devices_there.checked(), _members(members))
    found = AdomTopology(
        ref=ref,
        os_version=_os_version(adom),
        workspace=(yield from _mode(settings, adom, place)),
        devices=devices,
        groups=expand_groups(group_rows, devices),
        flags=frozenset(wire.names(adom.get("flags"))),
    )
    return found, told


def read_workspace(session: Session, adom: str) -> Workspace:
    """How this ADOM wants its changes made."""
    return reads.run(session, reading_workspace(Place(session.access.name, adom)))


def reading_workspace(place: Place) -> Read[Workspace]:
    """The same, to be read together with something else."""
    adom = place.adom or ""
    settings, row = yield [
        {"url": urls.GLOBAL_SETTINGS, "fields": ["workspace-mode"]},
        {"url": urls.adom(adom), "fields": ["name", "workspace_mode"]},
    ]
    return (yield from _mode(settings, _adom_row(row, place), place))


def read_oid(session: Session, place: Place) -> int:
    """The ADOM's own number, by which tasks name it; 0 if it is not told."""
    data = session.read(
        {"url": urls.adom(place.adom or ""), "fields": ["name", "oid"]}, place=place
    )
    rows = tables.decode_rows(data, place)
    oid = rows[0].get("oid") if rows else None
    return oid if isinstance(oid, int) else 0


def read_serials(session: Session, ref: TargetRef) -> dict[str, str]:
    """The serial numbers of the ADOM's FortiGates, units of clusters among them -> device."""
    place = Place(session.access.name, ref.domain)
    asked = Query(urls.devices(ref.domain), ("name", "sn"), place, subtables=True, page=500)
    found = {}
    for row in tables.read(session, asked):
        for unit in (row, *(row.get("ha_slave") or ())):
            if serial := wire.text(unit.get("sn")):
                found[serial] = wire.text(row.get("name"))
    return found


def expand_scope(
    scope: Any, devices: Mapping[str, Device], groups: Mapping[str, frozenset[DeviceVdom]]
) -> frozenset[DeviceVdom]:
    """A `scope member` list as DeviceVdoms.

    A name without VDOM is a device group ("How to FortiManager API", 001); where no group has it
    but a device does, all the device's VDOMs are meant.
    """
    found: set[DeviceVdom] = set()
    for entry in scope or []:
        name, vdom = wire.text(entry.get("name")), wire.text(entry.get("vdom"))
        if vdom:
            found.add(DeviceVdom(name, vdom))
        elif name in groups:
            found.update(groups[name])
        elif name in devices:
            found.update(DeviceVdom(name, own) for own in devices[name].vdoms)
    return frozenset(found)


def expand_groups(
    rows: Iterable[Row], devices: Mapping[str, Device]
) -> dict[str, frozenset[DeviceVdom]]:
    """Device groups with nested ones flattened; groups that contain each other end the walk."""
    members = {wire.text(row.get("name")): row.get("object member") or [] for row in rows}

    def flatten(name: str, above: frozenset[str]) -> frozenset[DeviceVdom]:
        if name in above:
            return frozenset()
        nested = {
            inner: flatten(inner, above | {name})
            for entry in members[name]
            if not wire.text(entry.get("vdom"))
            and (inner := wire.text(entry.get("name"))) in members
        }
        known = expand_scope(members[name], devices, nested)
        return frozenset(t for t in known if t.device in devices)

    return {name: flatten(name, frozenset()) for name in members}


def _adom_row(result: Result, place: Place) -> Row:
    if result.code in (answers.ABSENT, answers.INVALID_URL):
        raise errors.NotFound(
            f"there is no ADOM {place.adom!r}",
            fortimanager=place.fortimanager,
            adom=place.adom,
            code=result.code,
            next_step="correct 'adom' in 'sites'; names are case-sensitive",
        )
    rows = tables.decode_rows(answers.checked(result, place), place)
    return rows[0] if rows else {}


def _members(result: Result) -> dict[str, set[str]]:
    """The VDOMs that belong to this ADOM, by device, where FortiManager lists them.

    The VDOMs of one FortiGate may lie in several ADOMs; its row in the device table shows all.
    """
    found: dict[str, set[str]] = {}
    data = result.data if result.ok else None
    rows = data.get("object member") if isinstance(data, dict) else data
    for entry in rows if isinstance(rows, list) else []:
        if isinstance(entry, dict) and (vdom := wire.text(entry.get("vdom"))):
            found.setdefault(wire.text(entry.get("name")), set()).add(vdom)
    return found


def _devices(rows: Iterable[Row], members: Mapping[str, set[str]]) -> dict[str, Device]:
    devices = {}
    for row in rows:
        if row.get("mgmt_mode") in _NOT_MANAGED or row.get("os_type", "fos") not in ("fos", 0):
            continue
        name = wire.text(row.get("name"))
        vdoms = wire.names(row.get("vdom")) or ("root",)
        own = members.get(name)
        devices[name] = Device(
            name=name,
            vdoms=tuple(vdom for vdom in vdoms if own is None or vdom in own),
            online=_said(row.get("conn_status"), yes=("up", 1), no=("down", 2)),
            in_sync=_said(row.get("conf_status"), yes=("insync", 1), no=("outofsync", 2)),
            database_modified=_said(row.get("db_status"), yes=("mod", 2), no=("nomod", 1)),
            units_down=_units_down(row.get("ha_slave")),
            last_checked=_instant(row.get("last_checked")),
            is_model=_MODEL in wire.names(row.get("flags")),
        )
    return devices


def _instant(raw: Any) -> int | None:
    """Epoch seconds that can be written as a date."""
    return raw if isinstance(raw, int) and 0 < raw < _FAR else None


def _units_down(units: Any) -> tuple[str, ...]:
    """The units of an HA cluster whose status is 2, down ("How to FortiManager API", 007)."""
    down = (unit for unit in units or () if unit.get("status") == _UNIT_DOWN)
    return tuple(wire.text(unit.get("name")) for unit in down)


def _said(value: Any, *, yes: tuple[Any, ...], no: tuple[Any, ...]) -> bool | None:
    if value in yes:
        return True
    return False if value in no else None


def _os_version(adom: Row) -> tuple[int, int]:
    major = wire.text(adom.get("os_ver")).partition(".")[0]
    minor = adom.get("mr")
    return (int(major) if major.isdigit() else 0, minor if isinstance(minor, int) else 0)


def _mode(settings: Result, adom: Row, place: Place) -> Read[Workspace]:
    """The ADOM's mode: the unit's setting, or the ADOM's own where that says `per-adom`.

    An administrator who may not read the system settings gets no answer there. Then the ADOM's
    own flag and the lock url decide, which exists only where locks do.
    """
    data = settings.data if settings.ok and isinstance(settings.data, dict) else {}
    mode = data.get("workspace-mode")
    if isinstance(mode, str | int) and mode in _MODES:
        return _MODES[mode]
    own = adom.get("workspace_mode")
    if mode is not None or own not in (None, 0):
        known = isinstance(own, str | int)
        return _MODES.get(own, Workspace.NORMAL) if known else Workspace.NORMAL
    (lock,) = yield [{"url": urls.workspace(place.adom or "", "lockinfo")}]
    return Workspace.DISABLED if lock.code == answers.NOT_FOR_URL else Workspace.NORMAL
