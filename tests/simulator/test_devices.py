from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.client import Client
from tests.simulator.conftest import Start

OBJ = "/pm/config/adom/prod/obj/firewall"


def ask(client: Client, resource: str, *targets: str) -> list[dict[str, Any]]:
    data = {"action": "get", "resource": resource, "target": list(targets)}
    answer: list[dict[str, Any]] = client.data("exec", "/sys/proxy/json", data)
    return answer


def test_devices_bring_their_vdoms(start: Start) -> None:
    _, client = start()

    rows = client.get("/dvmdb/adom/prod/device", fields=["name", "conn_status"])

    vdoms = {row["name"]: [vdom["name"] for vdom in row["vdom"]] for row in rows}
    assert vdoms == {"east-1": ["root", "dmz"], "east-2": ["root"]}
    assert {row["conn_status"] for row in rows} == {"up"}
    plain = client.get("/dvmdb/adom/prod/device", fields=["name"], loadsub=0)
    assert all(set(row) == {"name", "oid"} for row in plain)


def test_one_device_and_its_absence(start: Start) -> None:
    _, client = start()

    assert client.get("/dvmdb/adom/prod/device/east-1/vdom/dmz")["devid"] == "east-1"
    assert client.code("get", "/dvmdb/adom/prod/device/ghost") == -3
    assert client.code("get", "/dvmdb/adom/ghost/device") == -6


def test_group_members_on_request(start: Start) -> None:
    _, client = start()

    plain = client.get("/dvmdb/adom/prod/group/East")
    group = client.get("/dvmdb/adom/prod/group/East", option=["object member"])

    assert "object member" not in plain
    members = [(m["name"], m["vdom"]) for m in group["object member"]]
    assert members == [("east-1", "root"), ("east-2", "root")]
    names = [row["name"] for row in client.get("/dvmdb/adom/prod/group")]
    assert names == ["All_FortiGate", "East"]


def test_group_members_can_be_changed(start: Start) -> None:
    _, client = start()
    url = "/dvmdb/adom/prod/group/East/object member"

    client.data("delete", url, {"name": "east-2", "vdom": "root"})
    client.data("add", url, [{"name": "east-1", "vdom": "dmz"}])

    group = client.get("/dvmdb/adom/prod/group/East", option="object member")
    assert [m["vdom"] for m in group["object member"]] == ["root", "dmz"]


def test_the_fortigate_answers_in_its_own_shapes(start: Start) -> None:
    _, client = start()

    [element] = ask(client, "/api/v2/cmdb/firewall/address/db?vdom=root", "adom/prod/device/east-1")

    assert element["target"] == "east-1"
    assert element["status"] == {"code": 0, "message": "OK"}
    response = element["response"]
    assert (response["http_status"], response["status"], response["vdom"]) == (
        200,
        "success",
        "root",
    )
    assert response["results"][0]["subnet"] == "10.9.0.1 255.255.255.255"


def test_group_members_on_the_fortigate_are_objects(start: Start) -> None:
    _, client = start()

    [element] = ask(
        client, "/api/v2/cmdb/firewall/addrgrp?vdom=root&filter=name==legacy", "device/east-1"
    )

    [group] = element["response"]["results"]
    assert group["member"] == [{"name": "db", "q_origin_key": "db"}]


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        ("/api/v2/cmdb/firewall/address/ghost?vdom=root", 404),
        ("/api/v2/cmdb/firewall/address?vdom=ghost", 403),
        ("/api/v2/cmdb/firewall/address6?vdom=root", 200),
        ("/api/v2/cmdb/firewall/addrgrp6/", 200),
    ],
)
def test_rest_errors_come_inside_the_response(start: Start, resource: str, status: int) -> None:
    _, client = start()

    [element] = ask(client, resource, "adom/prod/device/east-1")

    assert element["status"]["code"] == 0
    assert element["response"]["http_status"] == status


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("filter=name==db", {"db"}),
        ("filter=name==db,name==none", {"db", "none"}),
        ("filter=name!=db&filter=name!=all", {"none"}),
        ("filter=name=@O", {"none"}),
        ("start=1&count=1", {"db"}),
    ],
)
def test_rest_filters(start: Start, query: str, names: set[str]) -> None:
    _, client = start()

    [element] = ask(
        client, f"/api/v2/cmdb/firewall/address?vdom=root&{query}", "adom/prod/device/east-1"
    )

    assert {row["name"] for row in element["response"]["results"]} == names


def test_a_device_without_tunnel_has_no_response(start: Start) -> None:
    simulator, client = start()
    simulator.fortigate("east-2").go_offline()

    up, down = ask(client, "/api/v2/monitor/system/status", "adom/prod/group/East")

    assert "response" in up
    assert down.keys() == {"status", "target"}
    assert down["status"]["code"] == -1
    assert "No tunnel" in down["status"]["message"]


def test_a_local_change_is_seen_on_the_device_only(start: Start) -> None:
    simulator, client = start()
    gate = simulator.fortigate("east-1")

    gate.drift("firewall addrgrp", "legacy", member=("none",))

    assert gate.members("legacy") == {"0.0.0.0"}
    copy = client.get("/pm/config/device/east-1/vdom/root/firewall/addrgrp/legacy")
    assert copy["member"] == ["db"]
    assert client.get("/dvmdb/adom/prod/device/east-1")["conf_status"] == "outofsync"
