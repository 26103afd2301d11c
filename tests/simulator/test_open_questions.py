"""What no public source settles: each such behaviour with its switch off and on.

Elsewhere: a refused param and those after it, lists that fail half-way (test_faults); mappings that
a parent's write does not list (test_objects); object installs that are switched off
(test_partial_install); devices that cannot be reached (test_install); words of the GUI
(test_foreign_life).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fmgsync.clock import ManualClock
from fmgsync.simulator import Simulator
from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed

OBJ = "/pm/config/adom/prod/obj/firewall"
WS = "/dvmdb/adom/prod/workspace"
STATUS = "/pm/config/adom/prod/_package/status/east-1/root"
LEGACY = f"{OBJ}/addrgrp/legacy"
GHOST = [{"name": "ghost", "vdom": "root"}]
Connect = Callable[..., Client]


def install(client: Client, *devices: str) -> int:
    scope = [{"name": name, "vdom": "root"} for name in devices]
    data = {"adom": "prod", "pkg": "edge/default", **({"scope": scope} if scope else {})}
    return int(client.data("exec", "/securityconsole/install/package", data)["task"])


def ended(client: Client, clock: ManualClock, task: int) -> dict[str, Any]:
    """The task, after all the time that installs of both devices take."""
    clock.sleep(30)
    found: dict[str, Any] = client.get(f"/task/task/{task}")
    return found


@pytest.mark.parametrize(("accepted", "code"), [(False, -10), (True, 0)])
def test_a_mapping_for_a_device_that_is_not_there(start: Start, accepted: bool, code: int) -> None:
    _, client = start(small_seed(switches={"acceptUnknownScope": accepted}))

    entry = {"_scope": GHOST, "member": ["db"]}

    assert client.code("add", f"{LEGACY}/dynamic_mapping", entry) == code
    assert client.code("get", f"{LEGACY}/dynamic_mapping/ghost/root") == (0 if accepted else -3)


@pytest.mark.parametrize("switch", [False, True])
def test_a_second_install_while_one_runs(start: Start, clock: ManualClock, switch: bool) -> None:
    simulator, client = start(small_seed(switches={"secondInstallFails": switch}))
    client.data("add", f"{LEGACY}/member", ["spare"])
    install(client, "east-1")

    task = ended(client, clock, install(client, "east-2"))

    reached = simulator.fortigate("east-2").members("legacy") == {"10.9.0.1", "10.9.0.2"}
    if switch:
        assert (task["state"], reached) == ("error", False)
        assert {line["detail"] for line in task["line"]} == {"failed to lock adom"}
    else:
        assert (task["state"], reached) == ("done", True)


@pytest.mark.parametrize("word", ["installed", "modified"])
def test_package_status_after_a_push_that_failed(
    start: Start, clock: ManualClock, word: str
) -> None:
    switches = {"unreachableInstallFails": True, "failedPushStatus": word}
    simulator, client = start(small_seed(switches=switches))
    simulator.fortigate("east-1").go_offline()
    client.data("add", f"{LEGACY}/member", ["spare"])

    assert ended(client, clock, install(client))["state"] == "error"

    assert client.get(STATUS)["status"] == word


@pytest.mark.parametrize("word", ["modified", "unknown"])
def test_package_status_after_a_retrieval(start: Start, word: str) -> None:
    simulator, client = start(small_seed(switches={"retrievedStatus": word}))
    gate = simulator.fortigate("east-1")
    gate.drift("firewall addrgrp", "legacy", member=("none",))

    gate.retrieve()

    assert client.get(STATUS)["status"] == word


@pytest.mark.parametrize(("limit", "state"), [(1, "error"), (2, "done")])
def test_too_many_members_fail_in_the_copy_stage(
    start: Start, clock: ManualClock, limit: int, state: str
) -> None:
    """The object database takes them; the install does not and leaves the device database."""
    simulator, client = start(small_seed(switches={"memberLimit": limit}))
    client.data("add", f"{LEGACY}/member", ["spare"])

    assert ended(client, clock, install(client))["state"] == state

    copy = client.get("/pm/config/device/east-1/vdom/root/firewall/addrgrp/legacy")
    assert len(copy["member"]) == limit
    assert client.get("/dvmdb/adom/prod/device/east-1")["db_status"] == "nomod"
    assert len(simulator.fortigate("east-1").members("legacy") or ()) == limit


@pytest.mark.parametrize("limit", [-1, 300])
def test_the_limit_that_syntax_states(start: Start, limit: int) -> None:
    _, client = start(small_seed(switches={"statedMemberLimit": limit}))

    syntax = client.get(f"{OBJ}/addrgrp", option=["syntax"])["firewall addrgrp"]

    assert syntax["attr"]["member"]["max_argv"] == limit


@pytest.mark.parametrize("switch", [False, True])
def test_a_commit_may_answer_a_task(start: Start, switch: bool) -> None:
    _, client = start(small_seed(workspaceMode="normal", switches={"commitAnswersTask": switch}))
    client.data("exec", f"{WS}/lock")
    client.data("add", f"{LEGACY}/member", ["spare"])

    answer = client.one("exec", f"{WS}/commit")

    assert answer["status"]["code"] == 0
    assert ("taskid" in answer) is switch
    if switch:
        assert client.get(f"/task/task/{answer['taskid']}")["state"] == "done"


def test_a_key_is_one_session_that_holds_its_lock_from_request_to_request(
    start: Start, connect: Connect
) -> None:
    simulator, _ = start(small_seed(workspaceMode="normal"))
    other = connect(simulator)
    with Client(simulator, key="k3y") as one, Client(simulator, key="k3y") as same:
        one.data("exec", f"{WS}/lock")

        assert same.code("add", f"{LEGACY}/member", ["spare"]) == 0
        assert other.code("exec", f"{WS}/lock") == -20055
        [held] = other.get(f"{WS}/lockinfo")
        assert (held["lock_user"], held["dirty"]) == ("robot", 1)


def test_who_may_only_read_may_ask_a_device(start: Start, connect: Connect) -> None:
    simulator, _ = start()
    reader = connect(simulator, "reader", "books")
    ask = {
        "resource": "/api/v2/cmdb/firewall/addrgrp/legacy?vdom=root",
        "target": ["adom/prod/device/east-1"],
    }

    [answer] = reader.data("exec", "/sys/proxy/json", {"action": "get", **ask})

    assert answer["response"]["results"][0]["name"] == "legacy"
    assert reader.code("exec", "/sys/proxy/json", {"action": "put", "payload": {}, **ask}) == -11
    assert reader.code("exec", "/securityconsole/install/package", {"adom": "prod"}) == -11


def test_without_rpc_permit_nothing_is_answered(start: Start) -> None:
    simulator, _ = start()
    with Client(simulator) as nobody:
        nobody.log_in("nobody", "nothing")

        assert nobody.code("get", "/sys/status") == -11
        assert nobody.code("get", f"{OBJ}/address") == -11


def test_a_range_beyond_the_end_is_empty(start: Start) -> None:
    _, client = start()

    assert client.get(f"{OBJ}/address", range=[10_000, 10]) == []


def test_a_failover_loses_locks_and_what_was_not_committed(start: Start, connect: Connect) -> None:
    simulator, client = start(small_seed(workspaceMode="normal"))
    client.data("exec", f"{WS}/lock")
    client.data("add", f"{LEGACY}/member", ["spare"])

    simulator.fail_over()

    other = connect(simulator)
    assert other.get(f"{WS}/lockinfo") == []
    assert other.code("exec", f"{WS}/lock") == 0
    assert other.get(LEGACY)["member"] == ["db"]


def test_a_stall_is_a_late_answer_to_a_request_that_took_effect(start: Start) -> None:
    simulator, client = start()
    simulator.faults.add("stall", seconds=0.3, method="add")

    answer = client.post(_adding(client, "spare"))

    assert answer.elapsed.total_seconds() >= 0.3
    assert client.get(LEGACY)["member"] == ["db", "spare"]


def _adding(client: Client, name: str) -> bytes:
    param = {"url": f"{LEGACY}/member", "data": [name]}
    return json.dumps({"method": "add", "params": [param], "session": client.session}).encode()


def _asked(simulator: Simulator, client: Client) -> list[dict[str, Any]]:
    data = {
        "action": "get",
        "resource": "/api/v2/cmdb/firewall/addrgrp/legacy?vdom=root",
        "target": ["adom/prod/device/east-1"],
    }
    answer: list[dict[str, Any]] = client.data("exec", "/sys/proxy/json", data)
    return answer


def test_a_device_falls_silent_and_comes_back_by_faults(start: Start) -> None:
    """Silent: FortiManager believes that it is there, and hears nothing."""
    simulator, client = start()
    simulator.faults.add("device-silent", url="sys/status", device="east-1")
    simulator.faults.add("device-online", url="sys/status", skip=1, device="east-1")

    client.get("/sys/status")
    assert client.get("/dvmdb/adom/prod/device/east-1")["conn_status"] == "up"
    assert "response" not in _asked(simulator, client)[0]

    client.get("/sys/status")
    assert "response" in _asked(simulator, client)[0]


def test_a_device_drifts_and_freezes_by_faults(start: Start, clock: ManualClock) -> None:
    simulator, client = start()
    gate = simulator.fortigate("east-1")
    simulator.faults.add("device-drift", url="sys/status", device="east-1", group="legacy")
    simulator.faults.add("device-freeze", url="*/install/package", device="east-1")

    client.get("/sys/status")
    assert gate.members("legacy") == {"0.0.0.0"}  # the value of `none`

    client.data("add", f"{LEGACY}/member", ["spare"])
    assert ended(client, clock, install(client, "east-1"))["state"] == "running"
