"""What FortiManager is told of an object, and what it tells beyond FortiOS: who changed it, and
whether it is used.

The owner mark is written here.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime

from fmgsync.model import naming
from fmgsync.model.address import Address
from fmgsync.model.change import Change, ObjectKind
from fmgsync.targets import wire
from fmgsync.targets.wire import Row, printable, text

_LAST_INSTANT = 253_402_300_800  # the year 10000


def changed_by(row: Row, own: str | None) -> str:
    """Who changed an object last and when, told with option `extra info`; empty for ourselves, and
    where that cannot be told."""
    user, at = text(row.get("_last-modified-by")), row.get("_modified timestamp")
    if not user or own is None or user == own:
        return ""
    told = f"by {printable(user)!r}"
    if isinstance(at, int) and 0 < at < _LAST_INSTANT:
        told += f" at {datetime.fromtimestamp(at, UTC).isoformat().replace('+00:00', 'Z')}"
    return told


def is_used(row: Row) -> bool:
    """Whether something refers to the object; told with option `get used`."""
    flags = row.get("obj flags")
    return isinstance(flags, int) and bool(flags & 1)


def new_object(change: Change, owner: str) -> Row:
    """The data that creates what a change names, with the owner mark."""
    return {"name": change.name, **content(change), "comment": naming.mark(owner, change.name)}


def content(change: Change) -> Row:
    """The attributes a change decides. Attributes not sent keep their value."""
    if change.resets:
        return {name: wire.UNSET[name] for name in change.resets}
    if change.instead_of is not None:
        return {"comment": change.comment}
    if change.kind in (ObjectKind.ADDRESS, ObjectKind.ADDRESS6):
        if change.value is None:
            raise ValueError(f"{change.name}: an address without a value")
        return _subnet(change.value) | _comment(change)
    data: Row = {"member": list(change.members)}
    if change.clears_exclusion:
        data["exclude"] = "disable"
    return data | _comment(change)


def _comment(change: Change) -> Row:
    return {"comment": change.comment} if change.comment else {}


def new_mapping(change: Change) -> Row:
    """The data that adds one per-device mapping."""
    if change.device is None:
        raise ValueError(f"{change.name}: a mapping without a device")
    scope = {"name": change.device.device, "vdom": change.device.vdom}
    return {"_scope": [scope], **content(change)}


def _subnet(value: Address) -> Row:
    network = ipaddress.ip_network(value)
    if isinstance(network, ipaddress.IPv6Network):
        return {"type": "ipprefix", "ip6": network.with_prefixlen}
    return {
        "type": "ipmask",
        "subnet": [str(network.network_address), str(network.netmask)],
    }
