"""Asking FortiGates through FortiManager.

Forms of targets and of tasks: "How to FortiManager API", 016. Monitor shapes: the test data of
prometheus-community/fortigate_exporter.
"""

from __future__ import annotations

from typing import Any

import pytest

from fmgsync.clock import ManualClock
from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed

STATUS = "/api/v2/monitor/system/status"
EAST1, EAST2 = "adom/prod/device/east-1", "adom/prod/device/east-2"


def ask(
    client: Client, resource: str = STATUS, *targets: object, action: str = "get", **more: Any
) -> dict[str, Any]:
    data = {"action": action, "resource": resource, "target": list(targets or (EAST1,)), **more}
    return client.one("exec", "/sys/proxy/json", data)


def results(client: Client, resource: str) -> Any:
    answer = ask(client, resource)
    assert answer["status"]["code"] == 0, answer
    return answer["data"][0]["response"]["results"]


@pytest.mark.parametrize(
    ("targets", "named"),
    [
        ([EAST1, "adom/prod/device/ghost"], ["east-1"]),
        (["/adom/prod/group/East", "adom/prod/group/ghost"], ["east-1", "east-2"]),
        (["adom/nowhere/device/x", "device/east-2"], ["east-2"]),
        (["adom/other/device/east-1", EAST2], ["east-2"]),  # it is not in that ADOM
        (["nonsense", "", "device/east-1/vdom", "dev_oid/0", EAST1], ["east-1"]),
        (["group/All_FortiGate"], ["east-1", "east-2"]),
        (["/group/East", EAST1], ["east-1", "east-2"]),
        ([EAST1, EAST1, "device/east-1"], ["east-1"]),
        (["adom/other/group/All_FortiGate"], -11),  # not an ADOM of this administrator
        (["adom/prod/device/ghost"], -11),
        (["adom/nowhere/group/All_FortiGate"], -11),
        (["nowhere", ""], -11),
        ([7], -10),
        ([EAST1, {"name": "east-1"}], -10),
        ([], -10),
    ],
)
def test_a_target_that_is_not_there_is_left_out_unless_none_is(
    start: Start, targets: list[object], named: list[str] | int
) -> None:
    _, client = start()
    data = {"action": "get", "resource": STATUS, "target": targets}
    answer = client.one("exec", "/sys/proxy/json", data)

    if isinstance(named, int):
        assert answer["status"]["code"] == named
    else:
        assert [element["target"] for element in answer["data"]] == named


def test_a_group_without_devices_is_there(start: Start, connect: Any) -> None:
    simulator, _ = start()
    admin = connect(simulator)

    assert ask(admin, STATUS, "adom/other/group/All_FortiGate")["data"] == []


@pytest.mark.parametrize(
    "resource",
    [
        "/elsewhere",
        "/",
        "/api/v2/cmdb/no/such",
        "/api/v2/monitor/no/such",
        "/api/v2/monitor/system/status/shutdown",
        "/api/v2/log/memory",
    ],
)
@pytest.mark.parametrize("action", ["get", "post"])
def test_a_resource_that_fortios_does_not_have(start: Start, resource: str, action: str) -> None:
    _, client = start()

    assert ask(client, resource, action=action)["status"] == {"code": -6, "message": "Invalid url"}


def test_an_object_that_is_not_there_is_the_units_answer(start: Start) -> None:
    _, client = start()
    [element] = ask(client, "/api/v2/cmdb/firewall/address/ghost?vdom=root")["data"]

    assert (element["status"]["code"], element["response"]["http_status"]) == (0, 404)


class TestSeveralVdoms:
    @pytest.mark.parametrize(
        ("vdom", "answered"), [("*", ["root", "dmz"]), ("root,dmz", ["root", "dmz"])]
    )
    def test_each_answers_for_itself(self, start: Start, vdom: str, answered: list[str]) -> None:
        _, client = start()
        for resource in ("cmdb/firewall/address", "monitor/system/time"):
            [element] = ask(client, f"/api/v2/{resource}?vdom={vdom}")["data"]
            assert [body["vdom"] for body in element["response"]] == answered

    def test_a_star_is_a_list_even_of_one(self, start: Start) -> None:
        _, client = start()
        [element] = ask(client, "/api/v2/cmdb/firewall/address?vdom=*", EAST2)["data"]

        assert [body["vdom"] for body in element["response"]] == ["root"]


class TestMonitors:
    def test_performance(self, start: Start) -> None:
        _, client = start()
        found = results(client, "/api/v2/monitor/system/performance/status")

        parts = {"user", "system", "nice", "idle", "iowait"}
        assert set(found["cpu"]) == {"cores", *parts}
        assert set(found["cpu"]["cores"][0]) == parts
        assert set(found["mem"]) == {"total", "used", "free", "freeable"}

    def test_time_and_state(self, start: Start, clock: ManualClock) -> None:
        _, client = start()

        assert results(client, "/api/v2/monitor/system/time") == {"time": int(clock.now())}
        state = results(client, "/api/v2/monitor/web-ui/state")
        assert (state["hostname"], state["vdom_mode"]) == ("east-1", "multi-vdom")
        assert state["snapshot_utc_time"] == int(clock.now()) * 1000

    @pytest.mark.parametrize("name", ["vpn/ipsec", "vpn/ssl", "user/banned"])
    def test_what_nothing_fills_is_empty(self, start: Start, name: str) -> None:
        _, client = start()

        assert results(client, f"/api/v2/monitor/{name}?vdom=root") == []
        assert results(client, f"/api/v2/monitor/{name}/select") == []

    def test_dynamic_addresses_are_told_by_name(self, start: Start) -> None:
        _, client = start()

        assert results(client, "/api/v2/monitor/firewall/address-dynamic?vdom=root") == {}

    def test_sessions_and_settings(self, start: Start) -> None:
        _, client = start()

        assert results(client, "/api/v2/monitor/firewall/session?count=20")["details"] == []
        found = results(client, "/api/v2/cmdb/system/global")
        assert (found["hostname"], found["vdom-mode"]) == ("east-1", "multi-vdom")

    def test_units_of_a_cluster(self, start: Start) -> None:
        seed = small_seed()
        seed["adoms"][0]["devices"][0]["cluster"] = [
            {"name": "a", "role": "master", "priority": 200},
            {"name": "b", "serial": "FGVMSIM000000043", "up": False},
        ]
        _, client = start(seed)

        peers = results(client, "/api/v2/monitor/system/ha-peer")
        assert [(peer["hostname"], peer["master"]) for peer in peers] == [("a", True)]


class TestAsTask:
    FLAGS = ("create_task", "nonblocking")

    def test_the_answers_come_without_result(self, start: Start) -> None:
        simulator, client = start(small_seed(version="8.0.1"))
        simulator.fortigate("east-2").go_offline()
        answer = ask(client, STATUS, EAST1, EAST2, flags=list(self.FLAGS))
        assert "data" not in answer
        task = client.get(f"/task/task/{answer['taskid']}")
        assert (task["state"], task["num_err"], task["percent"]) == ("error", 1, 100)

        param = {"url": "/sys/task/result", "data": {"taskid": answer["taskid"]}}
        told = client.envelope("exec", param)
        assert set(told) == {"id", "cid", "data", "status", "taskid", "url"}
        assert [element["target"] for element in told["data"]] == ["east-1", "east-2"]
        assert told["data"][0]["response"]["results"]["model_name"] == "FortiGate"
        assert "response" not in told["data"][1]
        # Several in one request need their places.
        both = client.envelope("exec", param, param)["result"]
        assert [element["taskid"] for element in both] == [answer["taskid"]] * 2

    def test_older_releases_answer_at_once(self, start: Start) -> None:
        _, client = start(small_seed(version="7.6.6"))

        assert ask(client, flags=list(self.FLAGS))["data"][0]["target"] == "east-1"


class TestHitCounts:
    def test_they_are_gathered_by_a_task(self, start: Start, clock: ManualClock) -> None:
        simulator, client = start()
        policies = "/pm/config/adom/prod/pkg/edge/default/firewall/policy"
        simulator.fortigate("east-1").hit(1, 3)
        clock.sleep(60)
        simulator.fortigate("east-2").hit(1, 2)
        simulator.fortigate("east-2").hit(0)
        job = {"adom": "prod", "pkg": "edge/default"}
        answer = client.one("exec", "/sys/hitcount", job)
        number = answer["taskid"]
        assert client.code("exec", "/sys/task/result", {"taskid": number}) == -13
        clock.sleep(8)
        task = client.get(f"/task/task/{number}")

        assert task["title"] == "get hitcount for policy package default"
        assert [(step["percent"], step["state"]) for step in task["line"][0]["history"]] == [
            (0, 0),
            (1, 1),
            (90, 1),
            (100, 4),
        ]
        told = client.one("exec", "/sys/task/result", {"taskid": number})
        assert told["taskid"] == number
        denied, web = told["data"]["firewall policy"]
        assert (denied["policyid"], denied["name"], denied["hitcount"]) == (0, "Implicit Deny", 1)
        assert (web["policyid"], web["hitcount"], web["pkts"]) == (1, 5, 5)
        assert web["last_hit"] - web["first_hit"] == 60
        assert sorted(told["data"]) == [
            "firewall policy",
            "firewall policy6",
            "firewall proxy-policy",
            "firewall security-policy",
            "global footer policy",
            "global header policy",
        ]
        [row] = client.get(policies, fields=["policyid", "_last_hit", "_hitcount"])
        assert (row["_last_hit"], row["_hitcount"]) == (web["last_hit"], 5)
        settings = client.get("/pm/pkg/adom/prod/edge/default")["package settings"]
        assert settings["hitc-taskid"] == number
        # Counting changes nothing that an install would bring.
        status = client.get("/pm/config/adom/prod/_package/status")
        assert {row["status"] for row in status} == {"installed"}

    def test_the_unit_tells_its_own(self, start: Start) -> None:
        simulator, client = start()
        simulator.fortigate("east-1").hit(1, 2, size=100)
        found = results(client, "/api/v2/monitor/firewall/policy")

        assert [(row["policyid"], row["bytes"], row["packets"]) for row in found] == [
            (0, 0, 0),
            (1, 200, 2),
        ]

    @pytest.mark.parametrize(
        ("job", "code"),
        [
            ({}, -10),
            ({"adom": "ghost", "pkg": "edge/default"}, -10),
            ({"adom": "prod", "pkg": "ghost"}, -3),
            ({"adom": "prod"}, -3),
            ({"adom": "other", "pkg": "x"}, -11),
        ],
    )
    def test_what_is_not_there(self, start: Start, job: dict[str, str], code: int) -> None:
        _, client = start()

        assert client.code("exec", "/sys/hitcount", job) == code


class TestSessionLabel:
    URL = "/sys/session/custom_session_label"

    def test_it_is_set_and_told(self, start: Start, connect: Any) -> None:
        simulator, client = start(small_seed(version="8.0.0"))
        client.data("set", self.URL, {"custom_session_label": "SR #00001"})

        assert client.get("/sys/session")["custom_session_label"] == "SR #00001"
        assert connect(simulator).get("/sys/session")["custom_session_label"] == ""
        assert client.code("set", self.URL, {"custom_session_label": 7}) == -10

    def test_older_releases_have_none(self, start: Start) -> None:
        _, client = start(small_seed(version="7.6.6"))

        assert client.code("set", self.URL, {"custom_session_label": "x"}) == -6
        assert "custom_session_label" not in client.get("/sys/session")


def test_build_and_branch_point_are_texts(start: Start) -> None:
    _, client = start()
    for url in ("/sys/status", "/cli/global/system/status"):
        shown = client.get(url)
        assert {type(shown[name]) for name in ("Build", "Branch Point")} == {str}
        assert f"build{int(shown['Build']):04}" in shown["Version"]
