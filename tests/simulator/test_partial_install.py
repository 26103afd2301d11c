from __future__ import annotations

from typing import Any

import pytest

from fmgsync.clock import ManualClock
from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed

OBJ = "/pm/config/adom/prod/obj/firewall"
V2 = "/securityconsole/install/objects/v2"
EAST1 = {"name": "east-1", "vdom": "root"}


def push(client: Client, *objects: list[str], **more: Any) -> int:
    data = {"adom": "prod", "objects": list(objects), "scope": [EAST1], "flags": 0, **more}
    return int(client.data("exec", V2, data)["task"])


def test_only_the_listed_objects_and_what_they_need_are_pushed(
    start: Start, clock: ManualClock
) -> None:
    simulator, client = start()
    client.data("add", f"{OBJ}/address", {"name": "new", "subnet": "10.0.0.1/32"})
    client.data("add", f"{OBJ}/addrgrp/legacy/member", ["new"])
    client.data("update", f"{OBJ}/address/db", {"comment": "not to be pushed"})
    simulator.fortigate("east-1").leave_pending()

    task = push(client, ["update", "obj/firewall/addrgrp/legacy", "", ""])
    clock.sleep(10)

    assert client.get(f"/task/task/{task}")["state"] == "done"
    gate = simulator.fortigate("east-1")
    assert gate.members("legacy") == {"10.9.0.1", "10.0.0.1"}
    shown = gate.rest("/api/v2/cmdb/firewall/address/db")["results"][0]
    assert shown["comment"] == "by hand"
    device = client.get("/dvmdb/adom/prod/device/east-1")
    assert device["db_status"] == "mod"  # the pending setting is still pending


def test_the_package_stays_modified_while_more_is_pending(start: Start, clock: ManualClock) -> None:
    _, client = start()
    status = "/pm/config/adom/prod/_package/status/east-1/root"
    client.data("add", f"{OBJ}/addrgrp/legacy/member", ["spare"])
    client.data("update", f"{OBJ}/address/db", {"comment": "more"})

    push(client, ["update", "obj/firewall/addrgrp/legacy", "", ""])
    clock.sleep(10)
    first = client.get(status)["status"]
    push(client, ["update", "obj/firewall/address/db", "", ""])
    clock.sleep(10)

    assert (first, client.get(status)["status"]) == ("modified", "installed")


def test_objects_no_longer_used_stay_until_a_package_install(
    start: Start, clock: ManualClock
) -> None:
    simulator, client = start()
    client.data("update", f"{OBJ}/addrgrp/legacy", {"member": ["spare"]})
    gate = simulator.fortigate("east-1")

    push(client, ["update", "obj/firewall/addrgrp/legacy", "", ""])
    clock.sleep(10)
    left_behind = gate.names("firewall address")
    client.data("update", f"{OBJ}/address/spare", {"comment": "x"})
    install = {"adom": "prod", "pkg": "edge/default", "scope": [EAST1]}
    client.data("exec", "/securityconsole/install/package", install)
    clock.sleep(10)

    assert left_behind == {"all", "none", "db", "spare"}
    assert gate.names("firewall address") == {"all", "none", "spare"}


def test_a_policy_brings_its_groups(start: Start, clock: ManualClock) -> None:
    simulator, client = start()
    client.data("add", f"{OBJ}/addrgrp", {"name": "fresh", "member": ["spare"]})
    number = simulator.console().add_policy(
        "prod", "edge/default", name="p", srcaddr=["fresh"], dstaddr=["all"]
    )

    push(client, ["add", f"pkg/edge/default/firewall/policy/{number}", "after", "1"])
    clock.sleep(10)

    assert simulator.fortigate("east-1").members("fresh") == {"10.9.0.2"}
    push(client, ["delete", f"pkg/edge/default/firewall/policy/{number}", "", ""])
    clock.sleep(10)
    assert str(number) not in simulator.fortigate("east-1").names("firewall policy")


def test_without_scope_the_devices_that_hold_the_object_are_found(
    start: Start, clock: ManualClock
) -> None:
    simulator, client = start()
    client.data("update", f"{OBJ}/address/db", {"subnet": "10.9.0.99/32"})
    data = {"adom": "prod", "objects": [["update", "obj/firewall/address/db", "", ""]]}

    client.data("exec", V2, data)
    clock.sleep(10)

    for name in ("east-1", "east-2"):
        assert simulator.fortigate(name).members("legacy") == {"10.9.0.99"}


@pytest.mark.parametrize(
    "objects",
    [
        None,
        [],
        "obj/firewall/address/db",
        ["obj/firewall/address/db"],
        [["update", "obj/firewall/address/db"]],
        [["explode", "obj/firewall/address/db", "", ""]],
        [["update", "firewall/address/db", "", ""]],
        [["update", "obj/no/such/table", "", ""]],
        [["update", "pkg/edge/default/firewall/policy/x", "", ""]],
    ],
)
def test_other_shapes_are_refused(start: Start, objects: object) -> None:
    _, client = start()

    data = {"adom": "prod", "objects": objects, "scope": [EAST1]}

    assert client.code("exec", V2, data) == -10


def test_it_came_with_7_4_1(start: Start) -> None:
    _, client = start(small_seed(version="7.4.0"))
    data = {"adom": "prod", "objects": [["update", "obj/firewall/address/db", "", ""]]}

    assert client.code("exec", V2, data) == -6


@pytest.mark.parametrize("code", [-9, -11])
def test_it_can_be_switched_off(start: Start, code: int) -> None:
    switches = {"partialInstall": False, "partialInstallRefusal": code}
    _, client = start(small_seed(switches=switches))
    data = {"adom": "prod", "objects": [["update", "obj/firewall/address/db", "", ""]]}

    assert client.get("/cli/global/system/global")["partial-install"] == "disable"
    assert client.code("exec", V2, data) == code


def test_in_a_workspace_the_adom_lock_is_needed(start: Start, clock: ManualClock) -> None:
    _, client = start(small_seed(workspaceMode="normal"))
    client.data("exec", "/dvmdb/adom/prod/workspace/lock/pkg/edge/default")

    task = push(client, ["update", "obj/firewall/address/db", "", ""])
    clock.sleep(10)

    assert client.get(f"/task/task/{task}")["state"] == "error"


def test_a_preview_shows_the_commands_and_changes_nothing(start: Start, clock: ManualClock) -> None:
    _, client = start()
    client.data("update", f"{OBJ}/address/db", {"comment": "soon"})

    task = push(client, ["update", "obj/firewall/address/db", "", ""], flags=2)
    summary = client.data("exec", "/securityconsole/install/summary", {"preview_taskid": task})
    result = client.data(
        "exec", "/securityconsole/preview/result", {"adom": "prod", "scope": [EAST1]}
    )

    assert result["message"] == (
        'config firewall address\n    edit "db"\n        set comment "soon"\n    next\nend\n'
    )
    member = summary["summary"][0]["member"][0]
    assert (member["name"], member["status"]) == ("east-1", "ok")
    assert client.get("/dvmdb/adom/prod/device/east-1")["db_status"] == "nomod"


def test_the_old_call_takes_urls_and_minds_pending_device_changes(
    start: Start, clock: ManualClock
) -> None:
    simulator, client = start()
    client.data("update", f"{OBJ}/address/db", {"subnet": "10.9.0.99/32"})
    data = {"adom": "prod", "scope": [EAST1], "target": [f"{OBJ}/address/db"]}
    simulator.fortigate("east-1").leave_pending()

    task = client.data("exec", "/securityconsole/install/objects", data)["task"]
    held = client.get(f"/task/task/{task}")["state"]
    client.data("exec", "/securityconsole/install/device", {"adom": "prod", "scope": [EAST1]})
    clock.sleep(10)
    client.data("exec", "/securityconsole/install/objects", data)
    clock.sleep(10)

    assert held == "warning"
    assert simulator.fortigate("east-1").members("legacy") == {"10.9.0.99"}
