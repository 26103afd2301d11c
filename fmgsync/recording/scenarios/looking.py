"""Looking without touching: the unit, the ADOM, its devices, packages and limits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fmgsync import errors
from fmgsync.model.target import DeviceVdom
from fmgsync.recording.guarding import escape
from fmgsync.recording.lab import Facts, Lab, Line

_WORKSPACE_OFF = (0, "disabled")
_SETTINGS = ["workspace-mode", "adom-status", "partial-install", "per-policy-lock"]


def survey(line: Line, adom: str, wanted: Sequence[DeviceVdom]) -> Facts:
    """What the other scenarios must know. Raises if the ADOM or a wanted device is not there."""
    name = escape(adom)
    unit, settings = line.call(
        "get",
        [{"url": "/sys/status"}, {"url": "/cli/global/system/global", "fields": _SETTINGS}],
    )
    place, devices = line.call(
        "get",
        [
            {"url": f"/dvmdb/adom/{name}", "fields": ["name", "os_ver", "mr", "workspace_mode"]},
            {
                "url": f"/dvmdb/adom/{name}/device",
                "fields": ["name", "sn", "conn_status", "conf_status", "db_status", "platform_str"],
            },
        ],
    )
    if place.code != 0 or not isinstance(place.data, Mapping):
        raise errors.NotFound(
            f"the unit answers {place.code} for ADOM {adom}",
            adom=adom,
            next_step="name an ADOM of a lab with --adom, one this administrator may enter",
        )
    known = tuple(_device_vdoms(devices.data or []))
    for target in wanted:
        if target not in known:
            raise errors.UnknownDevice(
                f"no VDOM {target.vdom!r} on a device of that name", adom=adom, device=target.device
            )
    tree, _ = line.call(
        "get",
        [{"url": f"/pm/pkg/adom/{name}"}, {"url": f"/pm/config/adom/{name}/_package/status"}],
    )
    mode = settings.data.get("workspace-mode") if isinstance(settings.data, Mapping) else None
    in_use = place.data.get("workspace_mode") not in _WORKSPACE_OFF
    return Facts(
        version=_version(unit.data),
        workspace=in_use and mode not in _WORKSPACE_OFF,
        workflow=mode in (2, "workflow"),
        targets=tuple(wanted) or known[:2],
        packages=dict(_packages(tree.data or [], "", known)),
    )


def unit(lab: Lab) -> None:
    """The session, high availability, device groups, newer status tables."""
    adom = escape(lab.bounds.adom)
    lab.read("/sys/session")
    lab.read("/sys/ha/status")
    lab.read("/cli/global/system/admin/setting", fields=["auto_push_cfg"])
    lab.read(f"/dvmdb/adom/{adom}/group", fields=["name"], option=["object member"])
    lab.read(f"/pm/config/adom/{adom}/_vdom/status")
    lab.read("/task/task", range=[0, 1], sortings=[{"id": -1}], loadsub=0)


def status(lab: Lab) -> None:
    """Package status: of one device, of one package, filtered by word, of a package not there."""
    base = f"/pm/config/adom/{escape(lab.bounds.adom)}"
    lab.read(f"{base}/_package/status", filter=["status", "==", "modified"])
    for target in lab.facts.targets:
        lab.read(f"{base}/_package/status/{escape(target.device)}/{escape(target.vdom)}")
    for path in list(lab.facts.packages)[:1]:
        folders = "/".join(escape(part) for part in path.split("/"))
        lab.read(f"{base}/pkg/{folders}/_package/status")
    lab.read(f"{base}/pkg/{lab.name('no-such-package')}/_package/status")


def reading(lab: Lab) -> None:
    """Ranges beyond the end, unknown fields, counts, table versions, limits of the tables."""
    table = lab.table("addrgrp")
    lab.read(table, option="count")
    lab.read(table, fields=["name"], range=[1_000_000, 5], loadsub=0)
    lab.read(table, fields=["name", "no-such-field"], filter=["name", "==", "all"], loadsub=0)
    lab.read(table, fields=["name"], filter=["no-such-field", "==", "x"], range=[0, 1])
    lab.read(f"{table}/{lab.name('no-such-group')}")
    lab.read(lab.table("no-such-table"))
    lab.read("/pm/config/adom/fmgsync-no-such-adom/obj/firewall/address")
    lab.read(f"/pm/config/adom/{escape(lab.bounds.adom)}/_data/tablesize/fos/firewall/addrgrp")


def on_device(lab: Lab) -> None:
    """The same table three times: ADOM, FortiManager's copy of the device, the device itself."""
    for target in lab.facts.targets[:1]:
        device, vdom = escape(target.device), escape(target.vdom)
        lab.read(
            f"/pm/config/device/{device}/vdom/{vdom}/firewall/addrgrp",
            fields=["name"],
            range=[0, 3],
        )
        lab.run(
            "/sys/proxy/json",
            action="get",
            resource=f"/api/v2/cmdb/firewall/addrgrp?vdom={target.vdom}&format=name&count=3",
            target=[f"adom/{escape(lab.bounds.adom)}/device/{device}"],
        )


def _device_vdoms(rows: Iterable[Any]) -> Iterator[DeviceVdom]:
    for row in rows:
        for vdom in row.get("vdom") or []:
            yield DeviceVdom(str(row["name"]), str(vdom["name"]))


def _packages(
    rows: Iterable[Any], path: str, known: tuple[DeviceVdom, ...]
) -> Iterator[tuple[str, tuple[DeviceVdom, ...]]]:
    """Packages by full path with the devices that are targets by themselves."""
    for row in rows:
        full = f"{path}{row.get('name')}"
        if row.get("type") in ("folder", 1):
            yield from _packages(row.get("subobj") or [], f"{full}/", known)
            continue
        members = row.get("scope member") or []
        named = {(str(one.get("name")), str(one.get("vdom"))) for one in members}
        yield full, tuple(one for one in known if (one.device, one.vdom) in named)


def _version(data: Any) -> tuple[int, int, int]:
    text = str(data.get("Version", "")) if isinstance(data, Mapping) else ""
    found = re.match(r"v(\d+)\.(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else (0, 0, 0)
