"""Devices are added, deleted and read anew.

Sources: "How to FortiManager API", 007; the Ansible modules `fmgr_dvm_cmd_*`; Fortinet community
351974 (`reload/dev-list`); the outputs in the documentation of BESTSELLER/pyfortimanager.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed

CMD = "/dvm/cmd"
TASK = {"flags": ["create_task", "nonblocking"]}
DEVICES = "/dvmdb/adom/prod/device"
MODEL = {
    "name": "spoke",
    "sn": "FGT60FTK1234ABCD",
    "device action": "add_model",
    "os_ver": "7.0",
    "mr": 4,
    "platform_str": "FortiGate-60F",
    "desc": "to come",
}


def run(client: Client, verb: str, **data: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.data("exec", f"{CMD}/{verb}", {"adom": "prod", **data})
    return found


def line(client: Client, told: dict[str, Any]) -> tuple[str, str, str]:
    task = client.get(f"/task/task/{told['taskid']}")
    [only] = task["line"]
    assert task["percent"] == 100
    return task["title"], only["state"], only["detail"]


class TestDeleting:
    def test_at_once_nothing_is_answered(self, start: Start) -> None:
        _, client = start()
        answer = client.one("exec", f"{CMD}/del/device", {"adom": "prod", "device": "east-2"})

        assert answer.keys() == {"status", "url"}
        assert client.code("get", f"{DEVICES}/east-2") == -3

    def test_by_a_task(self, start: Start) -> None:
        _, client = start()
        told = run(client, "del/device", device="east-2", **TASK)

        assert line(client, told) == ("deldevtitle", "done", "deletesuccess")
        assert client.code("get", f"{DEVICES}/east-2") == -3

    def test_a_list(self, start: Start) -> None:
        _, client = start()
        members = [{"name": "east-1", "vdom": "root"}, {"name": "east-2"}]
        told = run(client, "del/dev-list", **{"del-dev-member-list": members})

        assert client.get(f"/task/task/{told['taskid']}")["num_done"] == 2
        assert client.get(DEVICES) == []

    @pytest.mark.parametrize("verb", ["del/device", "del/dev-list"])
    def test_what_is_not_there(self, start: Start, verb: str) -> None:
        _, client = start()
        data = {"adom": "prod", "device": "ghost", "del-dev-member-list": [{"name": "ghost"}]}

        assert client.code("exec", f"{CMD}/{verb}", {**data, **TASK}) == -3
        assert client.code("exec", f"{CMD}/{verb}", {"adom": "ghost"}) == -10


class TestReadingAnew:
    def test_one_answers_a_pid_and_a_task_where_wanted(self, start: Start) -> None:
        simulator, client = start()
        simulator.fortigate("east-1").drift("firewall addrgrp", "legacy", member=("none",))
        told = run(client, "update/device", device="east-1")

        assert told.keys() == {"pid"}
        copy = client.get("/pm/config/device/east-1/vdom/root/firewall/addrgrp/legacy")
        assert copy["member"] == ["none"]
        told = run(client, "update/device", device="east-1", **TASK)
        assert told.keys() == {"pid", "taskid"}
        assert line(client, told) == ("upddevtitle", "done", "updatesuccess")

    def test_a_list_is_a_task(self, start: Start) -> None:
        _, client = start()
        told = run(client, "update/dev-list", **{"update-dev-member-list": [{"name": "east-1"}]})

        assert told.keys() == {"taskid"}

    @pytest.mark.parametrize("named", [["east-1", "east-2"], None])
    def test_reload(self, start: Start, named: list[str] | None) -> None:
        simulator, client = start()
        simulator.fortigate("east-2").go_offline()
        more = {} if named is None else {"reload-dev-member-list": [{"name": n} for n in named]}
        told = run(client, "reload/dev-list", **{"from": "dvm", **more, **TASK})

        assert told.keys() == {"pid", "taskid"}
        task = client.get(f"/task/task/{told['taskid']}")
        assert (task["state"], task["num_err"], task["num_done"]) == ("error", 1, 1)

    @pytest.mark.parametrize(
        ("verb", "data"),
        [
            ("update/device", {"device": "ghost"}),
            ("update/dev-list", {"update-dev-member-list": [{"name": "ghost"}]}),
            ("update/dev-list", {}),
            ("reload/dev-list", {"reload-dev-member-list": "east-1"}),
            ("reload/dev-list", {"reload-dev-member-list": [7]}),
        ],
    )
    def test_what_does_not_fit(self, start: Start, verb: str, data: dict[str, Any]) -> None:
        _, client = start()

        assert client.code("exec", f"{CMD}/{verb}", {"adom": "prod", **data}) == -10


class TestAdding:
    def test_a_model(self, start: Start) -> None:
        _, client = start()
        told = run(client, "add/device", device=MODEL)["device"]

        assert (told["name"], told["mr"], told["os_ver"], told["mgmt_mode"]) == ("spoke", 4, 7, 3)
        row = client.get(f"{DEVICES}/spoke")
        assert (row["sn"], row["platform_str"], row["desc"]) == (
            "FGT60FTK1234ABCD",
            "FortiGate-60F",
            "to come",
        )
        assert (row["conn_status"], row["oid"]) == ("down", told["oid"])
        assert "is_model" in row["flags"]
        group = client.get("/dvmdb/adom/prod/group/All_FortiGate", option="object member")
        assert "spoke" in [member["name"] for member in group["object member"]]
        # It takes mappings and packages like any other.
        scope = {"name": "spoke", "vdom": "root"}
        client.data("add", "/pm/pkg/adom/prod/edge/default/scope member", scope)

    def test_by_a_task_into_groups(self, start: Start) -> None:
        _, client = start()
        told = run(client, "add/device", device=MODEL, groups=[{"name": "East"}], **TASK)

        assert told.keys() == {"pid", "taskid"}
        assert line(client, told) == ("adddevtitle", "done", "addsuccess")
        group = client.get("/dvmdb/adom/prod/group/East", option="object member")
        assert "spoke" in [member["name"] for member in group["object member"]]

    def test_a_list_tells_each_outcome(self, start: Start) -> None:
        _, client = start()
        listed = [MODEL, {**MODEL, "sn": "X"}, {**MODEL, "name": "other"}]
        told = run(client, "add/dev-list", **{"add-dev-list": listed})
        task = client.get(f"/task/task/{told['taskid']}")

        assert [row["detail"] for row in task["line"]] == [
            "addsuccess",
            "Name already in use",
            "Serial number already in use",
        ]

    @pytest.mark.parametrize("by", ["ip", "sn"])
    def test_a_unit_that_has_called_in(self, start: Start, by: str) -> None:
        seed = small_seed()
        seed["adoms"][0]["devices"][1]["authorized"] = False
        _, client = start(seed)
        row = client.get(f"{DEVICES}/east-2")
        assert row["mgmt_mode"] == "unreg"
        run(client, "add/device", device={by: row[by], "adm_usr": "admin", "name": "west"})

        assert client.get(f"{DEVICES}/west")["mgmt_mode"] == "fmgfaz"
        assert client.code("get", f"{DEVICES}/east-2") == -3

    @pytest.mark.parametrize(
        ("device", "code"),
        [
            ({"ip": "203.0.113.9", "adm_usr": "admin", "adm_pass": "x"}, -20042),
            ({}, -20042),
            ({"sn": "FGVMSIM000000001"}, -20010),
            ({**MODEL, "name": "east-1"}, -20008),
            ({**MODEL, "sn": "FGVMSIM000000001"}, -20010),
            ({**MODEL, "name": "a/b"}, -10),
            ({**MODEL, "name": 7}, -10),
            ("east-1", -10),
            (None, -10),
        ],
    )
    def test_what_cannot_be_added(self, start: Start, device: object, code: int) -> None:
        _, client = start()
        data = {"adom": "prod", "device": device}

        assert client.code("exec", f"{CMD}/add/device", data) == code

    @pytest.mark.parametrize("verb", ["add/device", "del/device", "add/dev-list"])
    def test_in_a_workspace_it_needs_the_lock_of_the_adom(self, start: Start, verb: str) -> None:
        _, client = start(small_seed(workspaceMode="normal"))
        device = MODEL if verb == "add/device" else "east-2"
        data = {"adom": "prod", "device": device, "add-dev-list": [MODEL]}

        assert client.code("exec", f"{CMD}/{verb}", data) == -11
        client.data("exec", "/dvmdb/adom/prod/workspace/lock")
        assert client.code("exec", f"{CMD}/{verb}", data) == 0
