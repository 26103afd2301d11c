"""Installing objects only: whether the unit can, what is pushed, what is left behind.

`install/objects/v2` (7.4.1 and later, with `partial-install` enabled) pushes the objects named and
what they need, and leaves policies and device settings alone. What becomes unused stays on the
device until a whole package is installed ("How to FortiManager API", 008).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from fmgsync.model import naming
from fmgsync.model.address import Family
from fmgsync.model.rollout import InstallRequest
from fmgsync.model.target import DeviceVdom
from fmgsync.targets import wire
from fmgsync.targets.fortimanager import preview, tables, unit_version, urls
from fmgsync.targets.fortimanager.answers import Place
from fmgsync.targets.fortimanager.reads import Read
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.fortimanager.tables import Query

_SINCE = (7, 4, 1)
_ENABLED = ("enable", 1)
_INSTALL = 0
_INSTEAD = "or set install.mode: package"


def refusal(session: Session) -> str | None:
    """Why this unit cannot install objects only, with what to do; None if it can."""
    version = unit_version.read_version(session)
    if version is None:
        return f"FortiManager does not tell its release; give the right to read it, {_INSTEAD}"
    if version < _SINCE:
        told = ".".join(map(str, version))
        return f"objects alone need FortiManager 7.4.1, this one is {told}; update it, {_INSTEAD}"
    param = {"url": urls.GLOBAL_SETTINGS, "fields": ["partial-install"]}
    result = session.call("get", [param])[0]
    setting = result.data.get("partial-install") if isinstance(result.data, dict) else None
    if not result.ok or setting is None:
        return f"whether 'partial-install' is enabled cannot be read; grant that, {_INSTEAD}"
    if setting not in _ENABLED:
        return (
            "'partial-install' is disabled; config system global, set partial-install enable,"
            f" {_INSTEAD}"
        )
    return None


def install_data(request: InstallRequest) -> dict[str, Any]:
    """Groups by their paths; the addresses they need come along. The scope is always explicit."""
    return {
        "adom": request.adom.domain,
        "objects": [
            ["update", urls.relative_group(family, name), "", ""]
            for family, name in request.objects
        ],
        "scope": preview.scope_of(request.targets),
        "flags": _INSTALL,
    }


def reading_unused(
    place: Place, owner: str, targets: Iterable[DeviceVdom]
) -> Read[dict[DeviceVdom, int]]:
    """How many own addresses each device database holds that no group there has as a member."""
    wanted = sorted(set(targets))
    queries = [query for target in wanted for query in _queries(place, owner, target)]
    read = yield from tables.reading(queries)
    each = len(queries) // len(wanted) if wanted else 0
    found: dict[DeviceVdom, int] = {}
    for position, target in enumerate(wanted):
        rows = [table.checked() for table in read[position * each : (position + 1) * each]]
        names = {wire.text(row.get("name")) for part in rows[::2] for row in part}
        used = {
            name for part in rows[1::2] for row in part for name in wire.names(row.get("member"))
        }
        own = {name for name in names if naming.address_of(owner, name) is not None}
        found[target] = len(own - used)
    return found


def _queries(place: Place, owner: str, target: DeviceVdom) -> Iterable[Query]:
    place = replace(place, device=target.device)
    begins = ("name", "like", f"{naming.address_prefix(owner)}%")
    for family in Family:
        yield Query(urls.device_addresses(target, family), ("name",), place, filter=begins)
        yield Query(urls.device_address_groups(target, family), ("name", "member"), place)
