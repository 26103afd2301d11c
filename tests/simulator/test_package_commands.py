"""Packages cloned, moved and imported from devices."""

from __future__ import annotations

from typing import Any

import pytest

from fmgsync.clock import ManualClock
from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed

PKG = "/pm/pkg/adom/prod"


def run(client: Client, what: str, **data: Any) -> dict[str, Any]:
    """The task of an exec that has ended."""
    number = client.data("exec", f"/securityconsole/{what}", data={"adom": "prod", **data})["task"]
    found: dict[str, Any] = client.get(f"/task/task/{number}")
    return found


def code(client: Client, what: str, **data: Any) -> int:
    return client.code("exec", f"/securityconsole/{what}", data={"adom": "prod", **data})


def run_install(client: Client) -> None:
    data = {"adom": "prod", "pkg": "edge/default", "flags": ["none"]}
    client.data("exec", "/securityconsole/install/package", data=data)


def policies(client: Client, path: str) -> list[tuple[int, str]]:
    url = f"/pm/config/adom/prod/pkg/{path}/firewall/policy"
    return [(row["policyid"], row["name"]) for row in client.get(url)]


def test_a_clone_has_the_policies_of_its_source_and_the_targets_it_is_given(start: Start) -> None:
    _, client = start()

    task = run(client, "package/clone", pkg="edge/default", dst_name="copy", dst_parent="")
    assert (task["state"], task["percent"]) == ("done", 100)
    scope = [{"name": "east-2", "vdom": "root"}]
    run(client, "package/clone", pkg="edge/default", dst_name="two", dst_parent="edge", scope=scope)

    assert policies(client, "copy") == policies(client, "edge/default") != []
    assert policies(client, "edge/two") == policies(client, "edge/default")
    assert "scope member" not in client.get(f"{PKG}/copy")
    assert client.get(f"{PKG}/edge/two")["scope member"] == scope
    client.code("update", "/pm/config/adom/prod/pkg/copy/firewall/policy/1", data={"name": "new"})
    assert policies(client, "copy") != policies(client, "edge/default")


@pytest.mark.parametrize("what", ["package/clone", "package/move"])
def test_places_that_are_not_there_or_taken_are_refused(start: Start, what: str) -> None:
    _, client = start()

    assert code(client, what, pkg="nowhere", dst_name="x") == -10
    assert code(client, what, pkg="edge/default", dst_name="x", dst_parent="nowhere") == -10
    assert code(client, what, pkg="edge/default", dst_parent="edge") == -10
    assert code(client, what, pkg="edge/default", dst_name="x", dst_parent="edge/default") == -10
    assert code(client, what, pkg="edge/default", dst_name="edge", dst_parent="") == -2


def test_a_folder_is_moved_with_what_is_in_it(start: Start) -> None:
    _, client = start()
    client.code("add", PKG, data={"name": "world", "type": "folder"})
    before = policies(client, "edge/default")

    task = run(client, "package/move", pkg="edge", dst_name="emea", dst_parent="world")

    assert task["state"] == "done"
    assert policies(client, "world/emea/default") == before
    assert [row["name"] for row in client.get(PKG)] == ["world"]
    assert code(client, "package/move", pkg="world", dst_name="x", dst_parent="world/emea") == -10


def test_a_moved_package_stays_installed(start: Start, clock: ManualClock) -> None:
    _, client = start()
    run_install(client)
    clock.sleep(60)

    run(client, "package/move", pkg="edge/default", dst_name="moved", dst_parent="")

    rows = client.get("/pm/config/adom/prod/_package/status")
    assert {(row["dev"], row["pkg"]) for row in rows} == {("east-1", "moved"), ("east-2", "moved")}


def test_what_a_device_runs_is_imported(start: Start, clock: ManualClock) -> None:
    _, client = start()
    run_install(client)
    clock.sleep(60)
    for action in ("policy_search", "obj_search"):
        said = {"if_all_policy": "enable", "if_all_objs": "all", "add_mappings": "enable"}
        task = run(client, "import/dev/objs", name="east-2", vdom="root", dst_name="read",
                   import_action=action, **said)  # fmt: skip
        assert task["state"] == "done"
    assert client.code("get", f"{PKG}/read") == -6
    client.code(
        "set", "/pm/config/adom/prod/obj/firewall/address/db", data={"subnet": "10.9.9.9/32"}
    )

    run(
        client,
        "import/dev/objs",
        name="east-2",
        vdom="root",
        dst_name="read",
        if_all_policy="enable",
    )

    assert policies(client, "read") == policies(client, "edge/default")
    scope = client.get(f"{PKG}/read")["scope member"]
    assert scope == [{"name": "east-2", "vdom": "root"}]
    address = client.get("/pm/config/adom/prod/obj/firewall/address/db")
    assert address["subnet"] == ["10.9.0.1", "255.255.255.255"]
    status = client.get("/pm/config/adom/prod/_package/status/east-2/root")
    assert (status["pkg"], status["status"]) == ("read", "imported")


def test_only_devices_of_the_adom_are_imported(start: Start) -> None:
    _, client = start(small_seed())

    assert code(client, "import/dev/objs", name="west", vdom="root", dst_name="x") == -10
    assert code(client, "import/dev/objs", name="east-1", vdom="nope", dst_name="x") == -10
    assert code(client, "import/dev/objs", name="east-1", vdom="dmz") == -10
    assert (
        code(client, "import/dev/objs", name="east-1", vdom="dmz", dst_name="x", import_action="go")
        == -10
    )
