from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed

OBJ = "/pm/config/adom/prod/obj/firewall"
SEARCH = "/cache/search/where/used"


def search(client: Client, name: str, table: str = "address", **more: Any) -> dict[str, Any]:
    data = {"mkey": name, "obj": f"adom/prod/obj/firewall/{table}", **more}
    token = client.data("exec", f"{SEARCH}/start", data)["token"]
    assert client.data("exec", f"{SEARCH}/get/summary", token=token) == {"percent": 100}
    found: dict[str, Any] = client.data("exec", f"{SEARCH}/get/detail", token=token)
    return found


def users(found: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {
        (entry["mapping_name"], str(entry["mkey"]), entry["attr"])
        for root in found["where_used"]
        for entry in root["data"]
    }


def test_users_are_found_through_groups_up_to_policies(start: Start) -> None:
    _, client = start()

    found = search(client, "db")

    assert users(found) == {
        ("firewall addrgrp", "legacy", "member"),
        ("firewall policy", "1", "srcaddr"),
    }
    assert found["total_num"] == 2
    policy = next(e for e in found["where_used"][0]["data"] if "pkg" in e)
    assert policy["pkg"]["name"] == "edge/default"
    assert found["where_used"][0]["root"]["name"] == "prod"


def test_direct_users_only(start: Start) -> None:
    _, client = start()

    found = search(client, "db", flags=["direct used"])

    assert users(found) == {("firewall addrgrp", "legacy", "member")}


def test_a_mapping_uses_too(start: Start) -> None:
    _, client = start()
    mapping = {"_scope": [{"name": "east-1", "vdom": "root"}], "member": ["spare"]}
    client.data("add", f"{OBJ}/addrgrp/legacy/dynamic_mapping", mapping)

    assert ("firewall addrgrp", "legacy", "member") in users(search(client, "spare"))


def test_unused_means_no_entries(start: Start) -> None:
    _, client = start()

    found = search(client, "spare")

    assert (found["total_num"], found["where_used"]) == (0, [])


def test_the_token_is_a_member_of_the_param_and_dies_with_the_session(start: Start) -> None:
    _, client = start()
    data = {"mkey": "db", "obj": "adom/prod/obj/firewall/address"}
    token = client.data("exec", f"{SEARCH}/start", data)["token"]

    assert client.code("exec", f"{SEARCH}/get/detail", {"token": token}) == -10
    client.log_in()
    assert client.code("exec", f"{SEARCH}/get/detail", token=token) == -10


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"mkey": "ghost", "obj": "adom/prod/obj/firewall/address"}, -3),
        ({"mkey": "db", "obj": "adom/prod/obj/no/such"}, -10),
        ({"mkey": "db", "obj": "adom/other/obj/firewall/address"}, -11),
        ({"mkey": "db"}, -10),
    ],
)
def test_nonsense_is_refused(start: Start, data: dict[str, str], code: int) -> None:
    _, client = start()

    assert client.code("exec", f"{SEARCH}/start", data) == code


def test_what_a_draft_let_go_of_is_free_however_the_draft_is_committed(start: Start) -> None:
    """A group lets go of an address which goes too, and one comes that the group then holds."""
    _, client = start(small_seed(workspaceMode="normal"))

    def commit(*steps: tuple[str, str, Any]) -> None:
        client.data("exec", "/dvmdb/adom/prod/workspace/lock")
        for method, url, data in steps:
            client.data(method, f"{OBJ}/{url}", data)
        client.data("exec", "/dvmdb/adom/prod/workspace/commit")
        client.data("exec", "/dvmdb/adom/prod/workspace/unlock")

    one = {"name": "one", "subnet": "10.7.0.1/32"}
    commit(("add", "address", one), ("add", "addrgrp", {"name": "g", "member": ["one"]}))
    commit(
        ("set", "addrgrp/g", {"member": ["spare"]}),
        ("delete", "address/one", None),
        ("add", "address", {**one, "name": "two"}),
        ("set", "addrgrp/g", {"member": ["two"]}),
    )
    commit(("add", "address", one))

    client.data("exec", "/dvmdb/adom/prod/workspace/lock")
    assert client.code("delete", f"{OBJ}/address/one") == 0
    assert client.code("delete", f"{OBJ}/address/spare") == 0
    assert client.code("delete", f"{OBJ}/address/two") == -10015
