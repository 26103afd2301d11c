"""Previews, and installs on the one device that was named for it."""

from __future__ import annotations

from typing import Any

from fmgsync.model.target import DeviceVdom
from fmgsync.recording.guarding import escape
from fmgsync.recording.lab import Lab

_SCOPE_SINCE = (7, 4, 4)
"""Release from which a preview names its devices in `scope`."""


def preview(lab: Lab) -> None:
    """What an install of pending device settings would do; nothing is installed."""
    for target in lab.facts.targets[:1]:
        where = _where(lab, target)
        started = lab.run("/securityconsole/install/preview", **where, flags=["none"])
        lab.wait(started)
        lab.run("/securityconsole/preview/result", **where)


def _where(lab: Lab, target: DeviceVdom) -> dict[str, Any]:
    adom = {"adom": lab.bounds.adom}
    if lab.facts.version >= _SCOPE_SINCE:
        return adom | {"scope": lab.scope(target)}
    return adom | {"device": target.device, "vdoms": [target.vdom]}


def partial(lab: Lab) -> None:
    """What an install of one new group of fifty members would do; nothing is installed."""
    table = lab.table("address")
    with lab.editing():
        lab.write("add", table, [lab.address(f"m{number}", number) for number in range(1, 51)])
        members = [lab.name(f"m{number}") for number in range(1, 51)]
        lab.write("add", lab.table("addrgrp"), lab.group("many", *members))
        if lab.facts.workspace:
            lab.run(lab.workspace("commit"))  # an install sees only what is committed
        for target in lab.facts.targets[:1]:
            started = lab.run(
                "/securityconsole/install/objects/v2",
                adom=lab.bounds.adom,
                scope=lab.scope(target),
                objects=[["add", f"obj/firewall/addrgrp/{lab.name('many')}", "", ""]],
                flags=2,
            )
            lab.wait(started)
            where = {"adom": lab.bounds.adom, "scope": lab.scope(target)}
            lab.run("/securityconsole/preview/result", **where)
        if lab.facts.workspace:
            lab.clean()
            lab.run(lab.workspace("commit"))


def install(lab: Lab) -> None:
    """Install the package of the named device, follow the task, ask the device; then once more.

    The second install has nothing to do, which is an answer of its own.
    """
    target = lab.bounds.install_on
    path = _package_of(lab, target)
    if target is None or path is None:
        return
    _look_at_package(lab, path)
    with lab.editing():  # the lock must be held until the task has ended
        for _ in range(2):
            started = lab.run("/securityconsole/install/package", **_order(lab, path, target))
            lab.wait(started)
            _look(lab, target)


def two_installs(lab: Lab) -> None:
    """A second install while the first one runs."""
    target = lab.bounds.install_on
    path = _package_of(lab, target)
    if target is None or path is None:
        return
    _look_at_package(lab, path)
    with lab.editing():  # the lock must be held until the task has ended
        tasks = [
            lab.run("/securityconsole/install/package", **_order(lab, path, target))
            for _ in range(2)
        ]
        for started in tasks:
            lab.wait(started)
        _look(lab, target)


def _look_at_package(lab: Lab, path: str) -> None:
    """Which objects the package uses: without them nobody can tell what the install should do."""
    adom = escape(lab.bounds.adom)
    folders = "/".join(escape(part) for part in path.split("/"))
    fields = ["policyid", "srcaddr", "dstaddr", "action"]
    rows = lab.read(f"/pm/config/adom/{adom}/pkg/{folders}/firewall/policy", fields=fields)
    used = {str(name) for row in rows or [] for key in fields[1:3] for name in row.get(key) or []}
    if used:
        filter_ = ["name", "in", *sorted(used)]
        lab.read(lab.table("addrgrp"), fields=["name", "member"], filter=filter_, loadsub=0)


def _order(lab: Lab, path: str, target: DeviceVdom) -> dict[str, Any]:
    return {
        "adom": lab.bounds.adom,
        "pkg": path,
        "scope": lab.scope(target),
        "flags": ["none"],
    }


def _package_of(lab: Lab, target: DeviceVdom | None) -> str | None:
    """The package the device is a target of by itself."""
    return next((path for path, own in lab.facts.packages.items() if target in own), None)


def _look(lab: Lab, target: DeviceVdom) -> None:
    """Status and the device's own answer afterwards."""
    adom, device = escape(lab.bounds.adom), escape(target.device)
    lab.read(f"/pm/config/adom/{adom}/_package/status/{device}/{escape(target.vdom)}")
    lab.read(
        f"/dvmdb/adom/{adom}/device/{device}",
        fields=["name", "conn_status", "conf_status", "db_status", "dev_status"],
    )
    lab.run(
        "/sys/proxy/json",
        action="get",
        resource=f"/api/v2/cmdb/firewall/addrgrp?vdom={target.vdom}&format=name&count=3",
        target=[f"adom/{adom}/device/{device}"],
    )
