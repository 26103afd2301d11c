"""What a FortiGate is told of an object. The owner mark is written here."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from fmgsync.model import naming
from fmgsync.model.address import Address
from fmgsync.model.change import Change, ObjectKind
from fmgsync.targets import wire
from fmgsync.targets.wire import Row

ADDRESS_KINDS = frozenset({ObjectKind.ADDRESS, ObjectKind.ADDRESS6})


def new_object(change: Change, owner: str) -> Row:
    """The body that creates what a change names, with the owner mark."""
    return {"name": change.name, **content(change), "comment": naming.mark(owner, change.name)}


def content(change: Change) -> Row:
    """The attributes that a change decides; those not sent keep their value, lists are replaced."""
    if change.instead_of is not None:
        return {"comment": change.comment}
    if change.resets:
        return {name: _unset(name) for name in change.resets}
    data: Row
    if change.kind in ADDRESS_KINDS:
        if change.value is None:
            raise ValueError(f"{change.name}: an address without a value")
        data = _subnet(change.value)
    else:
        data = {"member": members(change.members)}
    if change.clears_exclusion:
        data["exclude"] = "disable"
    if change.comment:
        data["comment"] = change.comment
    return data


def members(names: Iterable[str]) -> list[Row]:
    """A list of members as the unit takes it."""
    return [{"name": name} for name in names]


def _unset(name: str) -> Any:
    """On the unit itself no interface is an empty text, not `any`."""
    return "" if name == "associated-interface" else wire.UNSET[name]


def _subnet(value: Address) -> Row:
    network = ipaddress.ip_network(value)
    if isinstance(network, ipaddress.IPv6Network):
        return {"type": "ipprefix", "ip6": network.with_prefixlen}
    return {"type": "ipmask", "subnet": f"{network.network_address} {network.netmask}"}
