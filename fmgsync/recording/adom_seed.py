"""What a recording shows of one ADOM, and that in the words of a seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Seed = dict[str, Any]


Held = frozenset[tuple[str, str]]
"""Objects that are there before any seed, by table and name: `address`, `all`."""


_SIX: Final = frozenset({"address6", "addrgrp6"})


class Adom:
    """What is known of one ADOM."""

    def __init__(self) -> None:
        self.os_version: str | None = None
        self.mode: str | None = None
        self.devices: dict[str, dict[str, Any]] = {}
        self.vdoms: dict[str, dict[str, None]] = {}
        self.groups: dict[str, list[str]] = {}
        self.packages: dict[str, dict[str, Any]] = {}
        self.statuses: dict[str, str] | None = None
        self.objects: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.needed: dict[str, None] = {}
        self.made: set[tuple[str, str]] = set()

    def note_vdom(self, device: str, vdom: str) -> None:
        """The device has this VDOM."""
        self.vdoms.setdefault(device, {})[vdom] = None


def adom_seed(name: str, adom: Adom, mode: str | None, held: Held) -> Seed:
    """All of it; `held` is there before any seed."""
    for package in adom.packages.values():
        for target in package["targets"]:
            device, _, vdom = target.rpartition("/")
            if device:
                adom.note_vdom(device, vdom)
    devices = [_device_seed(device, adom) for device in {**adom.devices, **adom.vdoms}]
    known = {f"{device['name']}/{vdom}" for device in devices for vdom in device["vdoms"]}
    known |= {f"group:{group}" for group in (*adom.groups, "All_FortiGate")}
    made: Seed = {
        "name": name,
        "osVersion": adom.os_version,
        "workspaceMode": adom.mode if mode == "per-adom" else None,
        "devices": devices,
        "deviceGroups": [
            {"name": group, "members": [one for one in members if one in known]}
            for group, members in adom.groups.items()
        ],
        "packages": [
            {"name": path, **package, "targets": [t for t in package["targets"] if t in known]}
            for path, package in adom.packages.items()
        ],
        **_objects_seed(adom, held),
    }
    return {key: value for key, value in made.items() if value}


def _device_seed(name: str, adom: Adom) -> Seed:
    row = adom.devices.get(name, {})
    made: Seed = {
        "name": name,
        "vdoms": list(adom.vdoms.get(name, {"root": None})),
        "online": row.get("conn_status") not in ("down", 2),
        "installed": adom.statuses is None or name in adom.statuses,
        "installSeconds": 2,
    }
    for key, column in (("serial", "sn"), ("platform", "platform_str")):
        if isinstance(row.get(column), str) and row[column]:
            made[key] = row[column]
    return made


def _objects_seed(adom: Adom, held: Held) -> Seed:
    """Objects nobody made during the recording; unknown values are made up."""
    old = {key: row for key, row in adom.objects.items() if key not in adom.made | held}
    named = {name for _, name in (*old, *adom.made, *held)}
    for name in adom.needed:
        if name not in named:
            old["address", name] = {"name": name}
    addresses = [
        _address_seed(table, number, row)
        for number, ((table, _), row) in enumerate(old.items())
        if table.startswith("address")
    ]
    groups = [
        {
            "name": name,
            "members": strings(row.get("member")),
            "family": "ipv6" if table in _SIX else "ipv4",
        }
        for (table, name), row in old.items()
        if table.startswith("addrgrp")
    ]
    return {"addresses": addresses, "addressGroups": groups}


def _address_seed(table: str, number: int, row: Mapping[str, Any]) -> Seed:
    made: Seed = {"name": row["name"]}
    if table in _SIX:
        value = row.get("ip6")
        made["ip6"] = value if isinstance(value, str) else f"2001:db8::{number:x}/128"
    else:
        subnet = row.get("subnet")
        parts = (
            subnet
            if isinstance(subnet, list) and len(subnet) == 2
            else [f"192.0.2.{number % 256}", 32]
        )
        made["subnet"] = "/".join(str(part) for part in parts)
    if isinstance(row.get("comment"), str) and row["comment"]:
        made["comment"] = row["comment"]
    return made


def strings(value: Any) -> list[str]:
    """The texts of a list."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
