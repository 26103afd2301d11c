from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from fmgsync.clock import ManualClock
from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed

OBJ = "/pm/config/adom/prod/obj/firewall"
CONSOLE = "/securityconsole"
EAST1 = {"name": "east-1", "vdom": "root"}
EAST2 = {"name": "east-2", "vdom": "root"}


def prepare(client: Client) -> None:
    """Change a group and let a preview-flagged install know of it."""
    client.data("update", f"{OBJ}/addrgrp/legacy", {"member": ["spare"]})
    data = {"adom": "prod", "pkg": "edge/default", "flags": ["preview"]}
    client.data("exec", f"{CONSOLE}/install/package", data)


def test_one_device_gets_a_text(start: Start) -> None:
    simulator, client = start()
    prepare(client)
    scope = {"adom": "prod", "scope": [EAST1]}

    client.data("exec", f"{CONSOLE}/install/preview", {**scope, "flags": ["none"]})
    message = client.data("exec", f"{CONSOLE}/preview/result", scope)["message"]

    assert 'edit "spare"\n        set uuid ' in message
    assert "        set subnet 10.9.0.2 255.255.255.255\n" in message
    assert 'edit "legacy"\n        set member "spare"\n    next\nend\n' in message
    assert message.endswith('config firewall address\n    delete "db"\nend\n')
    assert simulator.fortigate("east-1").members("legacy") == {"10.9.0.1"}
    status = client.get("/pm/config/adom/prod/_package/status/east-1/root")["status"]
    assert status == "modified"


def test_several_devices_get_a_text_of_json(start: Start) -> None:
    _, client = start()
    prepare(client)
    scope = {"adom": "prod", "scope": [EAST1, EAST2]}

    client.data("exec", f"{CONSOLE}/install/preview", scope)
    message = client.data("exec", f"{CONSOLE}/preview/result", scope)["message"]

    rows = json.loads(message)
    assert [row["name"] for row in rows] == ["east-1", "east-2"]
    assert all(row["result"].startswith("=== Preview result ===\nconfig") for row in rows)


def test_older_releases_name_a_device(start: Start) -> None:
    _, client = start(small_seed(version="7.2.5"))
    prepare(client)
    device = {"adom": "prod", "device": "east-1"}

    client.data("exec", f"{CONSOLE}/install/preview", {**device, "vdoms": ["root"]})
    message = client.data("exec", f"{CONSOLE}/preview/result", device)["message"]
    newer = client.code("exec", f"{CONSOLE}/install/preview", {"adom": "prod", "scope": [EAST1]})

    assert 'set member "spare"' in message
    assert newer == -10


def test_alone_it_shows_the_device_database_only(start: Start) -> None:
    _, client = start()
    client.data("update", f"{OBJ}/addrgrp/legacy", {"member": ["spare"]})
    url = "/pm/config/device/east-1/vdom/root/firewall/address"
    client.data("add", url, {"name": "local", "subnet": "192.0.2.1/32"})
    scope = {"adom": "prod", "scope": [EAST1]}

    client.data("exec", f"{CONSOLE}/install/preview", scope)
    message = client.data("exec", f"{CONSOLE}/preview/result", scope)["message"]

    assert '    edit "local"\n' in message
    assert "legacy" not in message


def test_nothing_prepared_is_an_error_with_data(start: Start) -> None:
    _, client = start()

    element = client.one("exec", f"{CONSOLE}/preview/result", {"adom": "prod", "scope": [EAST1]})

    assert element["status"] == {"code": -1, "message": "runtime error 0: invalid value"}
    assert element["data"] == {"message": "no devices"}


def test_another_session_sees_nothing_of_it(start: Start, connect: Callable[..., Client]) -> None:
    simulator, client = start()
    prepare(client)
    scope = {"adom": "prod", "scope": [EAST1]}
    client.data("exec", f"{CONSOLE}/install/preview", scope)

    assert connect(simulator).code("exec", f"{CONSOLE}/preview/result", scope) == -1


def test_commit_installs_what_was_prepared(start: Start, clock: ManualClock) -> None:
    simulator, client = start()
    prepare(client)

    client.data("exec", f"{CONSOLE}/package/commit", {"adom": "prod", "scope": [EAST1]})
    clock.sleep(10)
    client.get("/sys/status")

    assert simulator.fortigate("east-1").members("legacy") == {"10.9.0.2"}
    assert simulator.fortigate("east-2").members("legacy") == {"10.9.0.1"}


def test_cancel_forgets_it(start: Start) -> None:
    _, client = start()
    prepare(client)

    client.data("exec", f"{CONSOLE}/package/cancel/install", {"adom": "prod"})
    data = {"adom": "prod", "scope": [EAST1]}
    task = client.data("exec", f"{CONSOLE}/package/commit", data)["task"]

    assert client.get(f"/task/task/{task}")["line"][0]["detail"] == "No installing devices"


def test_as_json_with_new_and_old_values(start: Start) -> None:
    _, client = start()
    prepare(client)
    scope = {"adom": "prod", "scope": [EAST1]}

    client.data("exec", f"{CONSOLE}/install/preview", {**scope, "flags": 1})
    message = client.data("exec", f"{CONSOLE}/preview/result", scope)["message"]

    [categories] = [part["data"] for part in json.loads(message)["result"][0]["data"]]
    groups = next(c["data"] for c in categories if c["category"] == 142)
    assert groups[0]["member"] == {"n": ["spare"], "o": ["db"]}


@pytest.mark.parametrize("url", ["install/preview", "preview/result", "install/summary"])
def test_nonsense_is_refused(start: Start, url: str) -> None:
    _, client = start()

    assert client.code("exec", f"{CONSOLE}/{url}", {"adom": "prod", "scope": "x"}) < 0


class TestACopyThatFails:
    """A preview runs the copy that the install would run, and fails where that would."""

    LINES = ("Copy rollbacked, due to error", "Aborted due to previous error")

    def _changed(self, start: Start) -> Client:
        _, client = start(small_seed(switches={"memberLimit": 1}))
        mapping = {"_scope": [EAST2], "member": ["db", "spare"]}
        client.data("add", f"{OBJ}/addrgrp/legacy/dynamic_mapping", mapping)
        client.data("update", f"{OBJ}/address/db", {"comment": "x"})
        return client

    def _lines(self, client: Client, task: int) -> dict[str, tuple[str, str]]:
        found = client.get(f"/task/task/{task}")
        assert found["percent"] == 100
        return {line["name"]: (line["state"], line["detail"]) for line in found["line"]}

    def test_of_a_package(self, start: Start, clock: ManualClock) -> None:
        client = self._changed(start)
        data = {"adom": "prod", "pkg": "edge/default", "flags": ["preview"]}
        task = client.data("exec", f"{CONSOLE}/install/package", data)["task"]

        assert self._lines(client, task) == {
            "east-1(root)[copy]": ("done", "Write preview done"),
            "east-2(root)[copy]": ("error", self.LINES[1]),
        }
        found = client.get(f"/task/task/{task}")
        assert (found["state"], found["num_err"], found["num_done"]) == ("error", 1, 1)
        steps = [step["detail"] for step in found["line"][1]["history"]]
        assert "2 members, the limit is 1" in steps[0]
        assert [step.partition(":")[2][6:] for step in steps[1:]] == list(self.LINES)
        # What did not fail was prepared, and only that.
        scope = {"adom": "prod", "scope": [EAST1, EAST2]}
        client.data("exec", f"{CONSOLE}/install/preview", scope)
        told = json.loads(client.data("exec", f"{CONSOLE}/preview/result", scope)["message"])
        assert [("comment" in row["result"]) for row in told] == [True, False]
        task = client.data("exec", f"{CONSOLE}/package/commit", scope)["task"]
        clock.sleep(10)
        assert {name.partition("(")[0] for name in self._lines(client, task)} == {"east-1"}

    def test_of_objects(self, start: Start) -> None:
        client = self._changed(start)
        edits = [["update", "obj/firewall/addrgrp/legacy", "", ""]]
        data = {"adom": "prod", "objects": edits, "scope": [EAST1, EAST2], "flags": 2}
        task = client.data("exec", f"{CONSOLE}/install/objects/v2", data)["task"]

        assert self._lines(client, task)["east-2(root)[copy]"] == ("error", self.LINES[1])
