"""Devices that join FortiManager.

One that is added for real must be there: a unit that has called in and was not accepted yet (seeded
with `authorized: false`). Any other is a model, configured before it exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fmgsync.simulator.calls.baseline import keep_predefined
from fmgsync.simulator.calls.dvmcmd import leave
from fmgsync.simulator.calls.records import DEVICE, Ignore, keep
from fmgsync.simulator.codes import Refusal, bad_data
from fmgsync.simulator.state.adom import Adom
from fmgsync.simulator.state.devices import Device, Vdom
from fmgsync.simulator.state.world import World

_OWN: Final = frozenset(
    ("device action", "flags", "ip", "mr", "name", "os_ver", "patch", "platform_str", "sn")
)
"""What makes the device itself; the rest of what is said of it is its record."""


def add(world: World, adom: Adom, given: Any, groups: Any, ignore: Ignore) -> Device:
    """A model, or a unit that is there; in the ADOM and its device groups from now on."""
    if not isinstance(given, dict):
        raise bad_data()
    if given.get("device action") == "add_model":
        device = _model(world, adom, given)
    else:
        device = _accepted(world, adom, given)
    record = {name: value for name, value in given.items() if name not in _OWN}
    keep(DEVICE, device.kept, record, ignore)
    _join(adom, device, groups)
    return device


def _accepted(world: World, adom: Adom, given: Mapping[str, Any]) -> Device:
    """A unit that called in (seeded with `authorized: false`), found by address or serial."""
    asked = {given.get("ip"), given.get("sn")} - {None, ""}
    for device in world.devices.values():
        if device.authorized or not asked & {device.ip, device.serial}:
            continue
        if not device.online:
            break
        device.authorized = True
        for vdom in device.vdoms:
            if not adom.has(device.name, vdom):
                leave(world, device.name, vdom)
                adom.members.setdefault(device.name, []).append(vdom)
        name = given.get("name")
        if isinstance(name, str) and name not in ("", device.name):
            if name in world.devices:
                raise Refusal(-20008)
            _rename(world, device, name)
        return device
    raise Refusal(-20010 if _known(world, given) else -20042)


def _known(world: World, given: Mapping[str, Any]) -> bool:
    return any(given.get("sn") == device.serial for device in world.devices.values())


def _rename(world: World, device: Device, name: str) -> None:
    old = device.name
    for adom in world.adoms_of(old):
        adom.members = {name if k == old else k: v for k, v in adom.members.items()}
        for group in adom.groups.values():
            group.members = [(name if n == old else n, v) for n, v in group.members]
    device.name = name
    world.devices[name] = world.devices.pop(old)


def _model(world: World, adom: Adom, given: Mapping[str, Any]) -> Device:
    name, serial = given.get("name") or given.get("sn"), given.get("sn") or ""
    if not isinstance(name, str) or not name or "/" in name or len(name) > 48:
        raise bad_data()
    if not isinstance(serial, str):
        raise bad_data()
    if name in world.devices:
        raise Refusal(-20008)
    if serial and _known(world, given):
        raise Refusal(-20010)
    number = len(world.devices) + 1
    device = Device(
        name,
        world.next_oid(),
        serial or f"FGVMMODEL{number:07}",
        str(given.get("platform_str") or "FortiGate-VM64"),
        "0.0.0.0",  # noqa: S104 - a model has no address yet, nothing listens here
        _version(adom, given),
        0,
        {},
        online=False,
        status="unknown",
        model=True,
    )
    vdom = device.vdoms["root"] = Vdom("root", 3)
    keep_predefined(adom, vdom)
    world.devices[name] = device
    adom.members[name] = ["root"]
    return device


def _version(adom: Adom, given: Mapping[str, Any]) -> tuple[int, int, int]:
    """`os_ver` as a number or `"7.0"`, `mr` and `patch`; the ADOM's where nothing is said."""
    major, minor, patch = (given.get(name) for name in ("os_ver", "mr", "patch"))
    if isinstance(major, str) and major[:1].isdecimal():
        major = int(major[0])
    numbers = [n if isinstance(n, int) and 0 <= n < 100 else None for n in (major, minor, patch)]
    own = (*adom.os_version, 0)
    return (numbers[0] or own[0], own[1] if numbers[1] is None else numbers[1], numbers[2] or 0)


def _join(adom: Adom, device: Device, groups: Any) -> None:
    """All devices are in `All_FortiGate`; more groups may be named."""
    names = ["All_FortiGate"]
    for item in groups if isinstance(groups, list) else []:
        if not isinstance(item, dict) or item.get("name") not in adom.groups:
            raise bad_data()
        names.append(item["name"])
    for name in names:
        members = adom.groups[name].members
        members.extend((device.name, v) for v in device.vdoms if (device.name, v) not in members)


def show(device: Device) -> dict[str, Any]:
    """The device as `add/device` answers it: numbers, whatever `verbose` says."""
    major, minor, patch = device.os_version
    return {
        "beta": -1,
        "branch_pt": device.build,
        "build": device.build,
        "conn_mode": 1,
        "dev_status": 1,
        "flags": 67_371_040,
        "hostname": device.hostname or device.name,
        "maxvdom": 10,
        "mgmt_id": device.oid,
        "mgmt_mode": 3,
        "mr": minor,
        "name": device.name,
        "oid": device.oid,
        "os_type": 0,
        "os_ver": major,
        "patch": patch,
        "platform_id": 0,
        "platform_str": device.platform,
        "sn": device.serial,
        "source": 1,
        "tab_status": "<unknown>",
        "version": major * 100 + minor,
    }
