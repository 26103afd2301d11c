"""Another name for an object that is used."""

from __future__ import annotations

from tests.simulator.conftest import Start, small_seed

OBJ = "/pm/config/adom/prod/obj/firewall"


def test_a_used_object_keeps_its_name(start: Start) -> None:
    _, client = start()

    assert client.code("update", f"{OBJ}/address/db", data={"name": "data"}) == -10015
    assert client.code("update", f"{OBJ}/address/spare", data={"name": "rest"}) == 0
    assert client.code("get", f"{OBJ}/address/spare") == -3


def test_with_the_switch_its_users_follow(start: Start) -> None:
    _, client = start(small_seed(switches={"renameUsed": True}))
    scope = [{"name": "east-2", "vdom": "root"}]
    group = {
        "name": "g",
        "member": ["db"],
        "dynamic_mapping": [{"_scope": scope, "member": ["db"]}],
    }
    client.data("add", f"{OBJ}/addrgrp", data=group)

    assert client.code("update", f"{OBJ}/address/db", data={"name": "data"}) == 0
    assert client.code("update", f"{OBJ}/addrgrp/legacy", data={"name": "new"}) == 0

    assert client.code("get", f"{OBJ}/address/db") == -3
    row = client.get(f"{OBJ}/addrgrp/g")
    assert (row["member"], row["dynamic_mapping"][0]["member"]) == (["data"], ["data"])
    assert client.get(f"{OBJ}/addrgrp/new")["member"] == ["data"]
    policy = client.get("/pm/config/adom/prod/pkg/edge/default/firewall/policy")[0]
    assert policy["srcaddr"] == ["new"]
    assert client.code("delete", f"{OBJ}/address/data") == -10015


def test_a_taken_name_is_refused_all_the_same(start: Start) -> None:
    _, client = start(small_seed(switches={"renameUsed": True}))

    assert client.code("update", f"{OBJ}/address/db", data={"name": "legacy"}) == -2
    assert client.get(f"{OBJ}/addrgrp/legacy")["member"] == ["db"]
