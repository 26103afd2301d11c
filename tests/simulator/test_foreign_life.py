from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.clock import ManualClock
from fmgsync.simulator import Simulator
from fmgsync.simulator.calls.baseline import keep_predefined
from fmgsync.simulator.calls.copying import Copy
from fmgsync.simulator.state.devices import Vdom
from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed

OBJ = "/pm/config/adom/prod/obj/firewall"
INSTALL = {"adom": "prod", "pkg": "edge/default"}


def change_and_install(client: Client, clock: ManualClock) -> dict[str, Any]:
    """A new member in `legacy`, installed everywhere; the task at its end."""
    client.data("add", f"{OBJ}/addrgrp/legacy/member", ["spare"])
    task = client.data("exec", "/securityconsole/install/package", INSTALL)["task"]
    clock.sleep(10)
    found: dict[str, Any] = client.get(f"/task/task/{task}")
    return found


def test_a_refused_command_shows_only_on_the_device(start: Start, clock: ManualClock) -> None:
    simulator, client = start()
    gate = simulator.fortigate("east-1")
    gate.refuse("firewall addrgrp", "legacy")

    task = change_and_install(client, clock)

    assert (task["state"], task["num_err"]) == ("done", 0)
    assert client.get("/dvmdb/adom/prod/device/east-1")["db_status"] == "nomod"
    assert gate.members("legacy") == {"10.9.0.1"}
    assert simulator.fortigate("east-2").members("legacy") == {"10.9.0.1", "10.9.0.2"}


def test_an_install_carries_other_peoples_changes(start: Start, clock: ManualClock) -> None:
    simulator, client = start()
    bob = simulator.console("bob")
    bob.add_policy("prod", "edge/default", name="theirs", srcaddr=["RFC1918-10"], dstaddr=["all"])
    simulator.fortigate("east-1").leave_pending()
    assert client.get("/dvmdb/adom/prod/device/east-1")["db_status"] == "mod"

    change_and_install(client, clock)

    gate = simulator.fortigate("east-1")
    assert gate.names("firewall policy") == {"1", "2"}
    assert "RFC1918-10" in gate.names("firewall address")
    assert client.get("/dvmdb/adom/prod/device/east-1")["db_status"] == "nomod"


def test_a_frozen_install_can_be_cancelled_and_tried_again(
    start: Start, clock: ManualClock
) -> None:
    simulator, client = start()
    simulator.fortigate("east-1").freeze_installs()
    client.data("add", f"{OBJ}/addrgrp/legacy/member", ["spare"])
    task = client.data("exec", "/securityconsole/install/package", INSTALL)["task"]
    clock.sleep(3600)
    assert client.get(f"/task/task/{task}")["state"] == "running"

    client.data("delete", f"/task/task/{task}")
    simulator.fortigate("east-1").come_back()
    client.data("exec", "/securityconsole/install/package", INSTALL)
    clock.sleep(10)
    client.get("/sys/status")

    assert simulator.fortigate("east-1").members("legacy") == {"10.9.0.1", "10.9.0.2"}


def test_abort_stops_the_adoms_task(start: Start, clock: ManualClock) -> None:
    _, client = start()
    client.data("add", f"{OBJ}/addrgrp/legacy/member", ["spare"])
    task = client.data("exec", "/securityconsole/install/package", INSTALL)["task"]

    client.data("exec", "/securityconsole/abort", {"adom": "prod"})
    clock.sleep(20)

    assert client.get(f"/task/task/{task}")["state"] == "aborted"


def test_a_renamed_device_loses_its_mappings_and_keeps_its_package(start: Start) -> None:
    simulator, client = start()
    scope = [{"name": "east-2", "vdom": "root"}]
    client.data("add", f"{OBJ}/addrgrp/legacy/dynamic_mapping", {"_scope": scope, "member": ["db"]})

    answer = client.data("update", "/dvmdb/adom/prod/device/east-2", {"name": "west-1"})

    assert answer == {"name": "west-1"}
    assert client.get(f"{OBJ}/addrgrp/legacy")["dynamic_mapping"] is None
    assert client.code("get", "/dvmdb/adom/prod/device/east-2") == -3
    devices = {row["dev"] for row in client.get("/pm/config/adom/prod/_package/status")}
    assert devices == {"east-1", "west-1"}
    assert simulator.fortigate("west-1").members("legacy") == {"10.9.0.1"}


def test_a_removed_device_is_gone_everywhere(start: Start) -> None:
    _, client = start()

    client.data("exec", "/dvm/cmd/del/device", {"adom": "prod", "device": "east-2"})

    group = client.get("/dvmdb/adom/prod/group/East", option="object member")
    assert [m["name"] for m in group["object member"]] == ["east-1"]
    assert [row["name"] for row in client.get("/dvmdb/adom/prod/device")] == ["east-1"]
    target = {"action": "get", "resource": "/", "target": ["adom/prod/device/east-2"]}
    assert client.code("exec", "/sys/proxy/json", target) == -11


def test_removing_a_device_needs_the_adom_lock_in_a_workspace(start: Start) -> None:
    _, client = start(small_seed(workspaceMode="normal"))

    delete = {"adom": "prod", "device": "east-2"}
    assert client.code("exec", "/dvm/cmd/del/device", delete) == -11
    client.data("exec", "/dvmdb/adom/prod/workspace/lock/dev/east-2")
    assert client.code("exec", "/dvm/cmd/del/device", delete) == -11


def test_a_local_change_comes_in_by_a_refresh(start: Start) -> None:
    simulator, client = start()
    gate = simulator.fortigate("east-1")
    gate.drift("firewall addrgrp", "legacy", member=("none",))
    data = {"adom": "prod", "update-dev-member-list": [{"name": "east-1"}]}

    task = client.data("exec", "/dvm/cmd/update/dev-list", data)["taskid"]

    assert client.get(f"/task/task/{task}")["state"] == "done"
    copy = client.get("/pm/config/device/east-1/vdom/root/firewall/addrgrp/legacy")
    assert copy["member"] == ["none"]
    device = client.get("/dvmdb/adom/prod/device/east-1")
    assert (device["dev_status"], device["conf_status"]) == ("retrieved", "insync")
    status = client.get("/pm/config/adom/prod/_package/status/east-1/root")["status"]
    assert status == "modified"


def test_a_package_install_puts_a_retrieved_change_right(start: Start, clock: ManualClock) -> None:
    simulator, client = start()
    gate = simulator.fortigate("east-1")
    gate.drift("firewall addrgrp", "legacy", member=("none",))
    gate.retrieve()

    client.data("exec", "/securityconsole/install/package", INSTALL)
    clock.sleep(10)
    client.get("/sys/status")

    assert gate.members("legacy") == {"10.9.0.1"}


def test_a_killed_session_is_a_stale_one(start: Start) -> None:
    simulator, client = start(small_seed(workspaceMode="normal"))
    client.data("exec", "/dvmdb/adom/prod/workspace/lock")
    [held] = client.get("/dvmdb/adom/prod/workspace/lockinfo")

    assert simulator.kill_session(held["lock_sid"])

    assert client.code("get", "/sys/status") == -11
    client.log_in()
    assert client.get("/dvmdb/adom/prod/workspace/lockinfo") == []


def rendered_afresh(simulator: Simulator, name: str) -> dict[tuple[str, str | int], Any]:
    """What a first install would put on the device now."""
    world = simulator.world
    adom = world.adoms["prod"]
    [package] = adom.packages(adom.ground)
    vdom = Vdom("root", 3)
    keep_predefined(adom, vdom)
    Copy(adom, vdom, (name, "root"), member_limit=1000).package(package)
    return contents(vdom)


def contents(vdom: Vdom) -> dict[tuple[str, str | int], Any]:
    return {
        (table, key): dict(entry.attrs)
        for table, rows in vdom.tables.items()
        for key, entry in rows.items()
    }


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), steps=st.integers(1, 60))
def test_incremental_installs_end_where_a_first_install_would(seed: int, steps: int) -> None:
    """Whatever others do meanwhile: after an install a device holds what the package says."""
    clock = ManualClock()
    with Simulator(small_seed(), clock=clock.now) as simulator, Client(simulator) as client:
        client.log_in()
        life = simulator.life("prod", seed)
        for at in range(steps):
            life.step()
            if at % 7 == 3:
                client.data("exec", "/securityconsole/install/package", INSTALL)
                clock.sleep(11)
        life.end()
        client.data("exec", "/securityconsole/abort", {"adom": "prod"})
        bob = simulator.console("bob")
        policies = bob.get("/pm/config/adom/prod/pkg/edge/default/firewall/policy")
        url = f"/pm/config/adom/prod/pkg/edge/default/firewall/policy/{policies[0]['policyid']}"
        bob.call("update", url, {"comments": "the last change"})
        client.data("exec", "/securityconsole/install/package", INSTALL)
        clock.sleep(11)
        client.get("/sys/status")

        for name in ("east-1", "east-2"):
            held = simulator.world.devices[name].vdoms["root"]
            assert contents(held) == rendered_afresh(simulator, name)
            assert not held.ahead
        assert simulator.world.defects == []


def test_words_that_only_the_gui_has_are_behind_a_switch(start: Start) -> None:
    seed = small_seed(switches={"allStatusWords": True})
    seed["adoms"][0]["devices"][1]["installed"] = False
    simulator, client = start(seed)
    gate = simulator.fortigate("east-1")
    status = "/pm/config/adom/prod/_package/status"

    def words() -> dict[str, str]:
        return {row["dev"]: row["status"] for row in client.get(status)}

    assert words() == {"east-1": "installed", "east-2": "never"}
    gate.drift("firewall addrgrp", "legacy", member=("none",))
    assert words()["east-1"] == "out of sync"
    client.data("update", f"{OBJ}/address/db", {"comment": "x"})
    assert words()["east-1"] == "conflict"
    gate.go_offline()
    assert words()["east-1"] == "unknown"
    assert client.get(f"{status}/east-1/root")["status"] == "unknown"
    assert client.get(f"{status}/east-2/root")["status"] == "never"


def test_auto_push_sends_what_a_device_missed(start: Start, clock: ManualClock) -> None:
    simulator, client = start(
        small_seed(switches={"autoPush": True, "unreachableInstallFails": True})
    )
    gate = simulator.fortigate("east-1")
    gate.go_offline()
    change_and_install(client, clock)
    assert client.get("/cli/global/system/admin/setting")["auto_push_cfg"] == "enable"

    gate.come_back()

    assert gate.members("legacy") == {"10.9.0.1", "10.9.0.2"}


def test_mapped_devices_differ_from_the_first_install_on(start: Start) -> None:
    seed = small_seed()
    seed["adoms"][0]["addressGroups"][0]["mappings"] = [{"device": "east-2", "members": ["spare"]}]
    simulator, _ = start(seed)

    assert simulator.fortigate("east-1").members("legacy") == {"10.9.0.1"}
    assert simulator.fortigate("east-2").members("legacy") == {"10.9.0.2"}
    assert simulator.fortigate("east-2").names("firewall address") == {"all", "none", "spare"}
