from __future__ import annotations

from tests.simulator.conftest import Start, small_seed

OBJ = "/pm/config/adom/prod/obj/firewall"
REVISION = "/dvmdb/adom/prod/revision"


def test_a_revision_brings_everything_back(start: Start) -> None:
    simulator, client = start()
    client.data("add", REVISION, {"name": "before", "desc": "all well", "locked": 0})
    client.data("add", f"{OBJ}/address", {"name": "new", "subnet": "10.0.0.1/32"})
    client.data("update", f"{OBJ}/addrgrp/legacy", {"member": ["new"]})
    simulator.console().add_policy("prod", "edge/default", srcaddr=["all"], dstaddr=["all"])

    answer = client.data("clone", f"{REVISION}/1", {"name": "back", "locked": 0})

    assert answer == {"version": 2}
    assert client.get(f"{OBJ}/addrgrp/legacy")["member"] == ["db"]
    assert client.code("get", f"{OBJ}/address/new") == -3
    policies = client.get("/pm/config/adom/prod/pkg/edge/default/firewall/policy")
    assert [row["policyid"] for row in policies] == [1]
    assert client.code("delete", f"{OBJ}/address/db") == -10015
    names = [(row["version"], row["name"], row["created_by"]) for row in client.get(REVISION)]
    assert names == [(1, "before", "fmgsync"), (2, "back", "fmgsync")]


def test_an_install_may_take_one(start: Start) -> None:
    _, client = start()
    data = {"adom": "prod", "pkg": "edge/default", "flags": ["generate_rev"]}

    client.data("exec", "/securityconsole/install/package", {**data, "adom_rev_name": "r"})

    assert [row["name"] for row in client.get(REVISION)] == ["r"]
    client.data("delete", f"{REVISION}/1")
    assert client.get(REVISION) == []
    assert client.code("get", f"{REVISION}/1") == -3


def test_going_back_in_a_workspace_waits_for_the_commit(start: Start) -> None:
    _, client = start(small_seed(workspaceMode="normal"))
    client.data("add", REVISION, {"name": "before"})
    client.data("exec", "/dvmdb/adom/prod/workspace/lock")
    client.data("update", f"{OBJ}/address/db", {"comment": "changed"})
    client.data("exec", "/dvmdb/adom/prod/workspace/commit")

    client.data("clone", f"{REVISION}/1", {"name": "back"})
    draft = client.get(f"{OBJ}/address/db")["comment"]
    client.data("exec", "/dvmdb/adom/prod/workspace/unlock")

    assert draft == "by hand"
    assert client.get(f"{OBJ}/address/db")["comment"] == "changed"


def test_two_states_are_compared(start: Start) -> None:
    simulator, client = start()
    client.data("add", REVISION, {"name": "before"})
    client.data("add", f"{OBJ}/address", {"name": "new", "subnet": "10.0.0.1/32", "color": 3})
    client.data("update", f"{OBJ}/addrgrp/legacy", {"member": ["db", "new"]})
    simulator.console().add_policy("prod", "edge/default", srcaddr=["all"], dstaddr=["all"])
    states = {"src": "adom/prod/revision/1", "dst": "adom/prod"}

    token = client.data("exec", "/cache/diff/start", states)["token"]
    summary = client.data("exec", "/cache/diff/get/summary", token=token)
    policies = client.data("exec", "/cache/diff/get/summary/pkg/edge/default", token=token)
    details = client.data("exec", "/cache/diff/get/detail/obj/all objs", token=token)
    script = client.data("exec", "/cache/diff/get/cli/obj", token=token)["script"]
    client.data("exec", "/cache/diff/end", token=token)

    assert (summary["obj"]["added"], summary["obj"]["changed"]) == (1, 1)
    assert summary["pkg"]["changed"] == 1
    assert policies["obj"]["added"] == 1
    by_category = {entry["category"]: entry["data"][0] for entry in details}
    assert by_category[140]["diff_flag"] == 1
    assert by_category[142]["member"] == {"n": ['"db"', '"new"'], "o": ['"db"']}
    assert 'edit "new"\nset uuid' in script
    assert client.code("exec", "/cache/diff/get/summary", token=token) == -10


def test_object_history_tells_who_did_what_and_why(start: Start) -> None:
    _, client = start()
    url = f"{OBJ}/address"
    row = {"name": "h", "subnet": "10.0.0.1/32"}
    client.envelope("add", {"url": url, "data": row, "revision note": "first"})
    client.envelope("set", {"url": f"{url}/h", "data": {"color": 7}, "revision note": "colour"})

    steps = client.get("/pm/config/adom/prod/_objrev/obj/firewall/address/h")

    assert [(s["act"], s["note"], s["user"]) for s in steps] == [
        (1, "first", "fmgsync"),
        (3, "colour", "fmgsync"),
    ]
    assert '"color": 7' in steps[1]["config"]
    assert steps[0]["config"].startswith("{ ")
    assert client.code("get", "/pm/config/adom/prod/_objrev/obj/firewall/address/no") == -3
