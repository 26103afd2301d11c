"""Per-device mappings: what a parent's list means, and which scopes are taken."""

from __future__ import annotations

from typing import Any

from fmgsync.model.target import DeviceVdom
from fmgsync.recording.lab import Lab


def _mapping(lab: Lab, target: DeviceVdom, *members: str) -> dict[str, Any]:
    return {"_scope": lab.scope(target), "member": list(members)}


def _prepare(lab: Lab) -> tuple[DeviceVdom, DeviceVdom, str, str]:
    """Two addresses, a group with nothing, and two devices (the same one if there is only one)."""
    first, other = lab.facts.targets[0], lab.facts.targets[-1]
    lab.write("add", lab.table("address"), lab.address("one", 1))
    lab.write("add", lab.table("address"), lab.address("two", 2))
    lab.write("add", lab.table("addrgrp"), lab.group("mapped", "none"))
    return first, other, lab.name("one"), lab.name("two")


def entries(lab: Lab) -> None:
    """Mappings one by one: add, add again, set, set what is not there, lists, delete."""
    own = lab.item("addrgrp", "mapped")
    with lab.editing():
        first, other, one, two = _prepare(lab)
        table = f"{own}/dynamic_mapping"
        lab.read(own, fields=["name", "member"])
        lab.write("add", table, _mapping(lab, first, one))
        lab.write("add", table, _mapping(lab, first, two))
        lab.read(table)
        lab.write("set", f"{table}/{first.device}/{first.vdom}", {"member": [two]})
        lab.read(f"{table}/{first.device}/{first.vdom}")
        lab.write("update", f"{table}/{first.device}/{first.vdom}", {"member": [one, two]})
        if other != first:
            lab.write("set", f"{table}/{other.device}/{other.vdom}", {"member": [two]})
            lab.write("delete", f"{table}/{other.device}/{other.vdom}")
            lab.write("set", table, [_mapping(lab, first, one), _mapping(lab, other, two)])
        lab.read(table)
        lab.write("delete", f"{table}/{first.device}/{first.vdom}")
        lab.write("delete", f"{table}/{first.device}/{first.vdom}")
        lab.read(own, fields=["name", "member"])


def complete_set(lab: Lab) -> None:
    """Does a parent's `update` or `set` with one mapping drop the others?"""
    own = lab.item("addrgrp", "mapped")
    table = f"{own}/dynamic_mapping"
    with lab.editing():
        first, other, one, two = _prepare(lab)
        for method in ("update", "set"):
            lab.write("set", table, [_mapping(lab, first, one), _mapping(lab, other, two)])
            lab.write(method, own, {"dynamic_mapping": [_mapping(lab, first, one)]})
            lab.read(table)
            lab.write(method, own, {"color": 3})
            lab.read(table)
        lab.write("update", own, {"dynamic_mapping": []})
        lab.read(table)


def scopes(lab: Lab) -> None:
    """Scopes that name no device, a device group, no VDOM, a dictionary, nothing at all."""
    own = lab.item("addrgrp", "mapped")
    table = f"{own}/dynamic_mapping"
    with lab.editing():
        first, _, one, _ = _prepare(lab)
        nobody = {"name": lab.name("no-such-device"), "vdom": "root"}
        for scope in (
            [nobody],
            [{"name": first.device, "vdom": "no-such-vdom"}],
            [{"name": first.device}],
            [{"name": "All_FortiGate"}],
            {"name": first.device, "vdom": first.vdom},
            [],
            None,
        ):
            lab.write("add", table, {"_scope": scope, "member": [one]})
        lab.read(table)


def traces(lab: Lab) -> None:
    """Does editing a mapping change the table's version and the database's stamp? Who uses what?"""
    own = lab.item("addrgrp", "mapped")
    with lab.editing():
        first, _, one, _ = _prepare(lab)
        _stamps(lab)
        lab.write("add", f"{own}/dynamic_mapping", _mapping(lab, first, one))
        _stamps(lab)
        started = lab.run(
            "/cache/search/where/used/start",
            mkey=one,
            obj=lab.table("address").removeprefix("/pm/config/"),
        )
        token = started.get("token") if isinstance(started, dict) else None
        if token is not None:
            for part in ("get/summary", "get/detail"):
                lab.ask("exec", {"url": f"/cache/search/where/used/{part}", "token": token})
        lab.write("delete", lab.item("address", "one"))


def _stamps(lab: Lab) -> None:
    lab.read(lab.table("addrgrp"), option="chksum")
    lab.read(lab.item("addrgrp", "mapped"), fields=["name"], option="extra info")
