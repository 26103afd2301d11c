"""Configuration of a unit beside its tables: what the unit is, and what was written of it."""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from fmgsync.simulator.fortigate.access import PROFILES, rights_of
from fmgsync.simulator.fortigate.envelope import Body, Failed, refused
from fmgsync.simulator.fortigate.rows import LIMIT_SINCE, Selection
from fmgsync.simulator.fortigate.urls import Resource
from fmgsync.simulator.state.devices import Device
from fmgsync.simulator.state.store import Key

_FIREWALL: Final = ("policy", "address", "service", "schedule", "others")
_MOST: Final = 65_535
"""The greatest number a setting takes here."""


@dataclass(frozen=True, slots=True)
class Setting:
    """`group`: the access group. Either an object, or rows; `shrinks`: what the profile hides is
    left out of the answer, which is a success all the same. `written`: PUT changes it."""

    group: str
    read: Callable[[Device], Body] | None = None
    rows: Callable[[Device], Sequence[Body]] | None = None
    shrinks: bool = False
    written: bool = False


def answer(setting: Setting, device: Device, resource: Resource, *, whole: bool) -> Body:
    """The answer to a GET; `whole`: the profile shows all of it."""
    if setting.read is not None:
        found = setting.read(device)
        if not whole:
            found = {name: value for name, value in found.items() if name == _PUBLIC}
        return {"results": found}
    rows = setting.rows(device) if setting.rows is not None else []
    selection = Selection(resource, device.os_version)
    body: Body = {"revision": _checksum(rows)}
    key = resource.segment(2)
    if not key:
        return body | selection.many(range(len(rows)), _row_of(rows), selection.cut)
    at = next((at for at, row in enumerate(rows) if row["name"] == key), None)
    if at is None:
        raise Failed(404)
    body["results"] = [selection.cut(rows[at])]
    if device.os_version < LIMIT_SINCE:
        return body
    return body | selection.counts(len(rows), 1, at, reached=False)


def _row_of(rows: Sequence[Body]) -> Callable[[Key], Body]:
    return lambda at: dict(rows[int(at)])


def revision(device: Device) -> str:
    """Moves with what was written of the unit's settings."""
    return _checksum([{"at": device.oid, **device.api.written}])


def checked(device: Device, record: Mapping[str, Any]) -> dict[str, Any]:
    """What a PUT may change: members there are, with values of their kind."""
    known = _global(device)
    for name, value in record.items():
        if name not in known:
            raise refused(-61, f"command parse error before '{name}'")
        kind = type(known[name])
        if type(value) is not kind or (kind is int and not 0 <= value <= _MOST):
            raise refused(-651, f"value parse error before '{str(value)[:80]}'")
    return dict(record)


def _checksum(rows: Sequence[Body]) -> str:
    text = json.dumps(rows, sort_keys=True).encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


@functools.cache
def _defaults(name: str) -> Mapping[str, Any]:
    file = resources.files("fmgsync.simulator.schema") / "unit_settings.json"
    found: Mapping[str, Any] = json.loads(file.read_bytes())[name]
    return found


def _global(device: Device) -> Body:
    """`config system global`: what was installed from FortiManager's device database shows."""
    installed = {} if device.pending_global else device.settings.get("global/system/global", {})
    plain = {k: v for k, v in installed.items() if isinstance(v, str | int)}
    return {
        **_defaults("system global"),
        "cfg-save": device.api.saving,
        "hostname": device.hostname or device.name,
        "management-vdom": device.management_vdom,
        "vdom-mode": "multi-vdom" if len(device.vdoms) > 1 else "no-vdom",
        **plain,
        **device.api.written,
    }


_PUBLIC: Final = "ha-mgmt-interfaces"
"""Recorded of 6.4.4: all that one sees of `system ha` without the right."""


def _ha(device: Device) -> Body:
    found = dict(_defaults("system ha"))
    if not (device.cluster or device.api.standby):
        return found
    network = {"dst": "0.0.0.0 0.0.0.0", "gateway": "192.0.2.254", "gateway6": "::"}
    port = {"id": 1, "q_origin_key": 1, "interface": "port1", **network}
    priority = device.cluster[0].priority if device.cluster else 128
    cluster = {"mode": "a-p", "group-name": "cluster", "priority": priority}
    return {**found, **cluster, "ha-mgmt-status": "enable", "ha-mgmt-interfaces": [port]}


def _vdoms(device: Device) -> list[Body]:
    return [_row(name, {"short-name": name, "vcluster-id": 0, "flag": 0}) for name in device.vdoms]


def _properties(device: Device) -> list[Body]:
    """Each VDOM's own limits, as pairs "maximum guaranteed"; 0 is no limit of its own."""
    limits = device.api.limits
    own = {
        "session": "0 0",
        "firewall-policy": "0 0",
        "firewall-address": f"{limits.vdom_addresses} 0",
        "firewall-addrgrp": f"{limits.vdom_groups} 0",
        "custom-service": "0 0",
        "user": "0 0",
        "log-disk-quota": "0 0",
    }
    return [
        _row(name, {"description": f"property limits for vdom {name}", "snmp-index": at, **own})
        for at, name in enumerate(device.vdoms, 1)
    ]


def _interfaces(device: Device) -> list[Body]:
    more = {"type": "physical", "vdom": device.management_vdom}
    return [_row(f"port{number}", more) for number in range(1, 11)]


def _api_users(device: Device) -> list[Body]:
    """`config system api-user`. No key is ever shown again."""
    return [
        _row(
            user.name,
            {
                "comments": "",
                "api-key": "ENC XXXX",
                "accprofile": user.profile_name,
                "vdom": [_row(name, {}) for name in sorted(user.vdoms or device.vdoms)],
                "schedule": "",
                "cors-allow-origin": "",
                "peer-auth": "disable",
                "peer-group": "",
                "trusthost": [
                    _trusted(at, network) for at, network in enumerate(user.trust_hosts, 1)
                ],
            },
        )
        for user in device.api.users.values()
    ]


def _trusted(at: int, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Body:
    row: Body = {"id": at, "q_origin_key": at, "type": f"ipv{network.version}-trusthost"}
    v4, v6 = "0.0.0.0 0.0.0.0", "::/0"
    if isinstance(network, ipaddress.IPv4Network):
        v4 = f"{network.network_address} {network.netmask}"
    else:
        v6 = str(network)
    return {**row, "ipv4-trusthost": v4, "ipv6-trusthost": v6}


def _profiles(device: Device) -> list[Body]:
    """`config system accprofile`: what of the groups each profile opens."""
    own = {user.profile_name: rights_of(user) for user in device.api.users.values()}
    return [_row(name, _rights(rights)) for name, rights in {**PROFILES, **own}.items()]


def _rights(rights: Mapping[str, str]) -> Body:
    """Groups with sub-rights of their own are `custom` where those differ."""
    firewall = {name: rights.get(name, "none") for name in _FIREWALL}
    system = {name: rights.get(name, "none") for name in ("admin", "cfg")}
    return {
        "scope": "vdom",
        "comments": "",
        "fwgrp": _whole(firewall),
        "sysgrp": _whole(system),
        "netgrp": rights.get("net", "none"),
        "fwgrp-permission": firewall,
        "sysgrp-permission": system,
    }


def _whole(rights: Mapping[str, str]) -> str:
    values = set(rights.values())
    return values.pop() if len(values) == 1 else "custom"


def _row(name: str, rest: Mapping[str, Any]) -> Body:
    return {"name": name, "q_origin_key": name, **rest}


SETTINGS: Final[Mapping[tuple[str, str], Setting]] = {
    ("system", "global"): Setting("cfg", _global, written=True),
    ("system", "ha"): Setting("cfg", _ha, shrinks=True),
    ("system", "vdom"): Setting("cfg", rows=_vdoms),
    ("system", "vdom-property"): Setting("cfg", rows=_properties),
    ("system", "interface"): Setting("net", rows=_interfaces),
    ("system", "api-user"): Setting("admin", rows=_api_users),
    ("system", "accprofile"): Setting("admin", rows=_profiles),
}
