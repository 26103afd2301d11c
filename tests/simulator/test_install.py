from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fmgsync.clock import ManualClock
from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed
from tests.simulator.installing import EAST1, OBJ, STATUS, install, statuses

EAST2 = {"name": "east-2", "vdom": "root"}


def add_member(client: Client, name: str, value: str) -> None:
    """A new address in the group `legacy`, on all devices."""
    client.data("add", f"{OBJ}/address", {"name": name, "subnet": value})
    client.data("add", f"{OBJ}/addrgrp/legacy/member", [name])


def line(client: Client, task: int, name: str) -> dict[str, Any]:
    lines = client.get(f"/task/task/{task}")["line"]
    return next(found for found in lines if found["name"] == name)


def test_devices_start_in_sync_with_their_package(start: Start) -> None:
    simulator, client = start()

    assert statuses(client) == {"east-1": "installed", "east-2": "installed"}
    assert simulator.fortigate("east-1").members("legacy") == {"10.9.0.1"}
    assert client.get("/dvmdb/adom/prod/device/east-1")["db_status"] == "nomod"


def test_nothing_reaches_a_device_but_by_an_install(start: Start, clock: ManualClock) -> None:
    simulator, client = start()
    add_member(client, "new", "10.0.0.1/32")
    clock.sleep(3600)
    client.get(STATUS)

    assert statuses(client) == {"east-1": "modified", "east-2": "modified"}
    assert simulator.fortigate("east-1").members("legacy") == {"10.9.0.1"}
    install(client, EAST1)
    clock.sleep(10)

    assert statuses(client) == {"east-1": "installed", "east-2": "modified"}
    assert simulator.fortigate("east-1").members("legacy") == {"10.9.0.1", "10.0.0.1"}
    assert simulator.fortigate("east-2").members("legacy") == {"10.9.0.1"}


def test_a_mapping_changes_its_own_device_only(start: Start, clock: ManualClock) -> None:
    simulator, client = start()
    mapping = {"_scope": [EAST2], "member": ["spare"]}
    client.data("add", f"{OBJ}/addrgrp/legacy/dynamic_mapping", mapping)

    assert statuses(client) == {"east-1": "installed", "east-2": "modified"}
    install(client)
    clock.sleep(10)
    client.get(STATUS)

    assert simulator.fortigate("east-1").members("legacy") == {"10.9.0.1"}
    assert simulator.fortigate("east-2").members("legacy") == {"10.9.0.2"}
    assert simulator.fortigate("east-2").names("firewall address") == {"all", "none", "spare"}


def test_the_device_database_changes_before_the_device(start: Start, clock: ManualClock) -> None:
    simulator, client = start()
    add_member(client, "new", "10.0.0.1/32")
    url = "/pm/config/device/east-1/vdom/root/firewall/addrgrp/legacy"
    task = install(client, EAST1)

    clock.sleep(4)
    copied = client.get(url)["member"]
    state = client.get("/dvmdb/adom/prod/device/east-1")["db_status"]
    running = simulator.fortigate("east-1").members("legacy")
    clock.sleep(6)

    assert (copied, state, running) == (["db", "new"], "mod", {"10.9.0.1"})
    assert client.get(f"/task/task/{task}")["state"] == "done"
    assert client.get("/dvmdb/adom/prod/device/east-1")["db_status"] == "nomod"


def test_a_task_has_two_lines_per_device_that_move(start: Start, clock: ManualClock) -> None:
    _, client = start()
    add_member(client, "new", "10.0.0.1/32")
    task = install(client)
    percents = []
    for _ in range(11):
        percents.append(client.get(f"/task/task/{task}")["percent"])
        clock.sleep(1)
    done = client.get(f"/task/task/{task}")

    assert percents == sorted(percents)
    assert percents[-1] == 100
    names = [found["name"] for found in done["line"]]
    assert names == ["east-1(root)[copy]", "east-1", "east-2(root)[copy]", "east-2"]
    assert (done["state"], done["num_err"], done["num_lines"]) == ("done", 0, 4)
    assert done["line"][1]["detail"] == "install and save finished status=OK"
    assert done["end_tm"] == done["start_tm"] + 10
    assert done["title"] == "Install Package 'edge/default'"


@pytest.mark.parametrize(
    ("scope", "detail"),
    [
        ([{"name": "east-1", "vdom": "dmz"}], "No installing devices"),  # no target
        ([{"name": "east-1"}], "No installing devices"),  # a name alone is a device group
        ([{"name": "ghost", "vdom": "root"}], "No installing devices"),
        ([EAST1], "no installing devices/no changes on package"),
    ],
)
def test_nothing_to_do_is_a_warning(start: Start, scope: list[dict[str, str]], detail: str) -> None:
    _, client = start()

    task = client.get(f"/task/task/{install(client, *scope)}")

    assert (task["state"], task["num_err"]) == ("warning", 0)
    assert [found["detail"] for found in task["line"]] == [detail]


def test_a_device_group_may_be_the_scope(start: Start, clock: ManualClock) -> None:
    simulator, client = start()
    add_member(client, "new", "10.0.0.1/32")

    install(client, {"name": "East"})
    clock.sleep(10)
    client.get(STATUS)

    for name in ("east-1", "east-2"):
        assert simulator.fortigate(name).members("legacy") == {"10.9.0.1", "10.0.0.1"}


def test_an_unused_group_never_reaches_a_device(start: Start, clock: ManualClock) -> None:
    simulator, client = start()
    client.data("add", f"{OBJ}/addrgrp", {"name": "unused", "member": ["spare"]})
    assert statuses(client) == {"east-1": "installed", "east-2": "installed"}

    simulator.console().add_policy(
        "prod", "edge/default", name="p", srcaddr=["unused"], dstaddr=["all"]
    )
    assert statuses(client) == {"east-1": "modified", "east-2": "modified"}
    install(client)
    clock.sleep(10)
    client.get(STATUS)

    assert simulator.fortigate("east-1").members("unused") == {"10.9.0.2"}


def test_unreferenced_objects_are_removed_from_the_device(start: Start, clock: ManualClock) -> None:
    simulator, client = start()
    client.data("update", f"{OBJ}/addrgrp/legacy", {"member": ["none"]})
    client.data("delete", f"{OBJ}/address/db")

    install(client)
    clock.sleep(10)
    client.get(STATUS)

    assert simulator.fortigate("east-1").names("firewall address") == {"all", "none"}
    assert simulator.fortigate("east-1").members("legacy") == {"0.0.0.0"}


def test_install_on_restricts_a_policy(start: Start, clock: ManualClock) -> None:
    simulator, client = start()
    client.data("add", f"{OBJ}/addrgrp", {"name": "west", "member": ["spare"]})
    bob = simulator.console("bob")
    number = bob.add_policy("prod", "edge/default", name="p", srcaddr=["west"], dstaddr=["all"])
    policy = f"/pm/config/adom/prod/pkg/edge/default/firewall/policy/{number}"
    bob.call("set", f"{policy}/scope member", [EAST2])

    install(client)
    clock.sleep(10)
    client.get(STATUS)

    assert simulator.fortigate("east-1").members("west") is None
    assert simulator.fortigate("east-2").members("west") == {"10.9.0.2"}


def test_nested_groups_come_along(start: Start, clock: ManualClock) -> None:
    simulator, client = start()
    client.data("add", f"{OBJ}/addrgrp", {"name": "inner", "member": ["spare"]})
    client.data("add", f"{OBJ}/addrgrp/legacy/member", ["inner"])
    install(client)
    clock.sleep(10)
    client.get(STATUS)

    client.data("update", f"{OBJ}/addrgrp/inner", {"member": ["spare", "RFC1918-10"]})
    assert statuses(client)["east-1"] == "modified"
    install(client)
    clock.sleep(10)
    client.get(STATUS)

    expected = {"10.9.0.1", "10.9.0.2", "10.0.0.0/8"}
    assert simulator.fortigate("east-1").members("legacy") == expected


def test_an_unreachable_device_freezes_its_line(start: Start, clock: ManualClock) -> None:
    simulator, client = start()
    simulator.fortigate("east-1").go_offline()
    add_member(client, "new", "10.0.0.1/32")
    task = install(client)
    clock.sleep(100_000 - 100_000 % 10)
    client.log_in()
    found = client.get(f"/task/task/{task}")

    assert found["state"] == "running"
    assert line(client, task, "east-1")["percent"] == 35
    assert line(client, task, "east-2")["state"] == "done"
    client.data("delete", f"/task/task/{task}")
    assert client.get(f"/task/task/{task}")["state"] == "cancelled"
    client.data("delete", f"/task/task/{task}")
    assert client.code("get", f"/task/task/{task}") == -3


def test_the_switch_lets_an_unreachable_device_fail(start: Start, clock: ManualClock) -> None:
    simulator, client = start(small_seed(switches={"unreachableInstallFails": True}))
    simulator.fortigate("east-1").go_offline()
    add_member(client, "new", "10.0.0.1/32")
    task = install(client)
    clock.sleep(10)
    found = client.get(f"/task/task/{task}")

    assert (found["state"], found["num_err"]) == ("error", 1)
    assert "tunnel down" in line(client, task, "east-1")["detail"]
    assert line(client, task, "east-2")["state"] == "done"
    device = client.get("/dvmdb/adom/prod/device/east-1")
    assert (device["conn_status"], device["db_status"]) == ("down", "mod")


class TestEveryTaskThatEndsIsAt100Percent:
    """Clients poll until `percent` is 100 and only then read the state.

    Sources: `track_task` of pyfmg; the FortiSOAR automation workshop's recording of a copy that
    failed: state error, percent 100, num_err 1, and the copy's line alone.
    """

    def _ended(self, client: Client, clock: ManualClock, task: int) -> tuple[Any, ...]:
        clock.sleep(10)
        found = client.get(f"/task/task/{task}")
        assert found["tot_percent"] == 100 * found["num_lines"] == 100 * len(found["line"])
        assert all(
            line["percent"] == line["history"][-1]["percent"] == 100 for line in found["line"]
        )
        assert client.get("/task/task", filter=["id", "==", task])[0]["percent"] == 100
        return (found["state"], found["percent"], found["num_err"], found["num_lines"])

    def test_a_copy_that_failed(self, start: Start, clock: ManualClock) -> None:
        _, client = start(small_seed(switches={"memberLimit": 1}))
        add_member(client, "new", "10.0.0.1/32")

        assert self._ended(client, clock, install(client, EAST1)) == ("error", 100, 1, 1)
        assert self._ended(client, clock, install(client)) == ("error", 100, 2, 2)

    def test_a_copy_that_failed_on_one_of_two_devices(
        self, start: Start, clock: ManualClock
    ) -> None:
        _, client = start(small_seed(switches={"memberLimit": 1}))
        client.data("add", f"{OBJ}/address", {"name": "new", "subnet": "10.0.0.1/32"})
        mapping = {"_scope": [EAST2], "member": ["db", "new"]}
        client.data("add", f"{OBJ}/addrgrp/legacy/dynamic_mapping", mapping)

        assert self._ended(client, clock, install(client)) == ("error", 100, 1, 3)

    def test_a_copy_for_several_vdoms_of_one_device(self, start: Start, clock: ManualClock) -> None:
        _, client = start(small_seed(switches={"memberLimit": 1}))
        dmz = {"name": "east-1", "vdom": "dmz"}
        client.data("add", "/pm/pkg/adom/prod/edge/default/scope member", dmz)
        add_member(client, "new", "10.0.0.1/32")

        assert self._ended(client, clock, install(client, EAST1, dmz)) == ("error", 100, 1, 2)

    def test_without_the_lock(self, start: Start, clock: ManualClock) -> None:
        _, client = start(small_seed(workspaceMode="normal"))
        workspace = "/dvmdb/adom/prod/workspace"
        client.data("exec", f"{workspace}/lock")
        add_member(client, "new", "10.0.0.1/32")
        client.data("exec", f"{workspace}/commit")
        client.data("exec", f"{workspace}/unlock")

        assert self._ended(client, clock, install(client)) == ("error", 100, 2, 2)

    def test_a_push_that_failed(self, start: Start, clock: ManualClock) -> None:
        simulator, client = start(small_seed(switches={"unreachableInstallFails": True}))
        simulator.fortigate("east-1").go_offline()
        add_member(client, "new", "10.0.0.1/32")
        task = install(client)

        assert self._ended(client, clock, task) == ("error", 100, 1, 4)
        assert line(client, task, "east-1(root)[copy]")["detail"] == "Copy to device done"

    def test_a_second_install_that_may_not_wait(self, start: Start, clock: ManualClock) -> None:
        _, client = start(small_seed(switches={"secondInstallFails": True}))
        add_member(client, "new", "10.0.0.1/32")
        install(client, EAST1)

        assert self._ended(client, clock, install(client, EAST2)) == ("error", 100, 1, 1)

    def test_a_refresh_of_a_device_without_tunnel(self, start: Start, clock: ManualClock) -> None:
        simulator, client = start()
        simulator.fortigate("east-1").go_offline()
        job = {"adom": "prod", "update-dev-member-list": [{"name": "east-1"}]}
        task = client.data("exec", "/dvm/cmd/update/dev-list", job)["taskid"]

        assert self._ended(client, clock, task) == ("error", 100, 1, 1)

    def test_one_that_was_cancelled(self, start: Start, clock: ManualClock) -> None:
        simulator, client = start()
        simulator.fortigate("east-1").go_offline()
        add_member(client, "new", "10.0.0.1/32")
        task = install(client, EAST1)
        clock.sleep(10)
        client.data("delete", f"/task/task/{task}")
        found = client.get(f"/task/task/{task}")

        assert (found["state"], found["percent"]) == ("cancelled", 100)
        # Its lines tell how far it came.
        assert line(client, task, "east-1")["percent"] == 35


def test_a_second_install_waits_for_the_first(start: Start, clock: ManualClock) -> None:
    simulator, client = start()
    add_member(client, "new", "10.0.0.1/32")
    first, second = install(client, EAST1), install(client, EAST2)

    clock.sleep(10)
    states = [client.get(f"/task/task/{task}")["state"] for task in (first, second)]
    clock.sleep(10)

    assert states == ["done", "pending"] or states == ["done", "running"]
    assert client.get(f"/task/task/{second}")["state"] == "done"
    assert simulator.fortigate("east-2").members("legacy") == {"10.9.0.1", "10.0.0.1"}


class TestInWorkspace:
    def test_without_the_lock_the_task_fails_not_the_call(
        self, start: Start, clock: ManualClock
    ) -> None:
        simulator, client = start(small_seed(workspaceMode="normal"))
        self._commit_change(client)
        task = install(client)
        clock.sleep(10)

        assert client.get(f"/task/task/{task}")["state"] == "error"
        assert line(client, task, "east-1(root)[copy]")["detail"] == "no write permission"
        assert simulator.fortigate("east-1").members("legacy") == {"10.9.0.1"}

    @pytest.mark.parametrize("end", ["unlock", "logout"])
    def test_a_lock_released_too_early_fails_the_task(
        self, start: Start, clock: ManualClock, connect: Callable[..., Client], end: str
    ) -> None:
        simulator, client = start(small_seed(workspaceMode="normal"))
        self._commit_change(client)
        client.data("exec", "/dvmdb/adom/prod/workspace/lock")
        task = install(client)
        clock.sleep(5)

        if end == "unlock":
            client.data("exec", "/dvmdb/adom/prod/workspace/unlock")
        else:
            client.data("exec", "/sys/logout")
        clock.sleep(5)
        other = connect(simulator)

        assert other.get(f"/task/task/{task}")["state"] == "error"
        detail = line(other, task, "east-1")["detail"]
        assert detail == "install and save finished status=FAILED"
        assert simulator.fortigate("east-1").members("legacy") == {"10.9.0.1"}
        assert other.get("/dvmdb/adom/prod/device/east-1")["db_status"] == "mod"

    def test_held_to_the_end_it_succeeds(self, start: Start, clock: ManualClock) -> None:
        simulator, client = start(small_seed(workspaceMode="normal"))
        self._commit_change(client)
        client.data("exec", "/dvmdb/adom/prod/workspace/lock")
        task = install(client)
        clock.sleep(10)

        assert client.get(f"/task/task/{task}")["state"] == "done"
        assert simulator.fortigate("east-1").members("legacy") == {"10.9.0.1", "10.0.0.1"}

    def _commit_change(self, client: Client) -> None:
        workspace = "/dvmdb/adom/prod/workspace"
        client.data("exec", f"{workspace}/lock")
        add_member(client, "new", "10.0.0.1/32")
        client.data("exec", f"{workspace}/commit")
        client.data("exec", f"{workspace}/unlock")


def test_a_task_is_told_by_its_number_too(start: Start, clock: ManualClock) -> None:
    _, client = start()
    job = {"adom": "prod", "pkg": "edge/default"}
    task = client.data("exec", "/securityconsole/install/package", job)["task"]
    clock.sleep(60)

    told = client.data("exec", "/sys/task/result", {"taskid": task})

    assert told == client.get(f"/task/task/{task}")
    assert told["state"] in ("done", "warning")
    assert client.code("exec", "/sys/task/result", {"taskid": 999}) == -3
    assert client.code("exec", "/sys/task/result", {}) == -10
