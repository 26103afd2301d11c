"""CLI scripts of an ADOM: kept, run, and what a run left."""

from __future__ import annotations

from typing import Any

import pytest

from fmgsync.clock import ManualClock
from fmgsync.simulator import Simulator
from tests.simulator.client import Client
from tests.simulator.conftest import small_seed

SCRIPT = "/dvmdb/adom/prod/script"
LOG = f"{SCRIPT}/log"
CLI = "config system global\n set hostname x\n end"


@pytest.fixture
def client(clock: ManualClock) -> Any:
    with Simulator(small_seed(), clock=clock.now, strict=False) as unit, Client(unit) as made:
        made.log_in()
        yield made


def add(client: Client, **more: Any) -> Any:
    data = {"name": "one", "content": CLI, "desc": "text", "target": "device_database", **more}
    return client.data("add", SCRIPT, data=data)


def run(client: Client, **more: Any) -> tuple[int, dict[str, Any]]:
    data = {"adom": "prod", "script": "one", **more}
    number = client.data("exec", f"{SCRIPT}/execute", data=data)["task"]
    return number, client.get(f"/task/task/{number}")


def test_scripts_are_kept_as_written(client: Client) -> None:
    assert add(client, type="cli") == {"name": "one"}
    assert client.code("add", SCRIPT, data={"name": "one"}) == -2
    client.data("update", f"{SCRIPT}/one", data={"desc": "new"})

    row = client.get(f"{SCRIPT}/one")
    assert (row["content"], row["desc"], row["target"], row["type"]) == (
        CLI, "new", "device_database", "cli",
    )  # fmt: skip
    named = client.get(SCRIPT, fields=["name", "oid"], filter=["name", "like", "on%"])
    assert named == [{"name": "one", "oid": row["oid"], "script_schedule": None}]
    assert client.code("delete", f"{SCRIPT}/one") == 0
    assert client.code("get", f"{SCRIPT}/one") == -3
    assert client.code("update", f"{SCRIPT}/one", data={"desc": "x"}) == -3


def test_a_run_on_a_database_leaves_a_log_with_the_tasks_number(client: Client) -> None:
    add(client, target="adom_database")
    number, task = run(client, package="edge/default")

    assert (task["state"], len(task["line"])) == ("done", 1)
    latest = client.get(f"{LOG}/latest")
    assert (latest["log_id"], latest["script_name"]) == (number * 10 + 1, "one")
    assert CLI in latest["content"]
    assert "Running script(one) on DB success" in latest["content"]
    assert [row["seq"] for row in client.get(f"{LOG}/summary")] == [1]
    assert client.get(f"{LOG}/output/logid/{number * 10 + 1}") == latest
    assert client.code("get", f"{LOG}/output/logid/7") == -3
    assert client.code("get", f"{LOG}/latest/device/east-1") == -3


@pytest.mark.parametrize(
    "scope",
    [
        [{"name": "east-1", "vdom": "global"}, {"name": "east-2", "vdom": "root"}],
        [{"name": "East"}],
        {"name": "East"},
    ],
)
def test_a_run_on_devices_has_a_line_for_each(client: Client, scope: Any) -> None:
    add(client, target="remote_device")
    number, task = run(client, scope=scope)

    assert [line["name"] for line in task["line"]] == ["east-1", "east-2"]
    latest = client.get(f"{LOG}/latest/device/east-2")
    assert latest["log_id"] == number * 10
    assert client.get(f"{LOG}/output/device/east-1/logid/{number * 10}")["content"]
    assert len(client.get(f"{LOG}/summary/device/east-1")) == 1


def test_what_cannot_be_run_is_refused(client: Client) -> None:
    add(client)
    for data in (
        {"script": "two"},
        {"script": "one", "scope": [{"name": "west", "vdom": "root"}]},
        {"script": "one", "scope": [{"name": "east-1"}]},
    ):
        answer = client.code("exec", f"{SCRIPT}/execute", data={"adom": "prod", **data})
        assert answer == -10


def test_that_the_commands_are_not_carried_out_is_told(clock: ManualClock) -> None:
    with Simulator(small_seed(), clock=clock.now, strict=True) as unit, Client(unit) as client:
        client.log_in()
        add(client)

        data = {"adom": "prod", "script": "one"}
        assert client.code("exec", f"{SCRIPT}/execute", data=data) != 0


@pytest.mark.parametrize("version", ["7.6.5", "8.0.0"])
def test_from_7_6_5_on_they_are_elsewhere(version: str) -> None:
    with Simulator(small_seed(version=version)) as unit, Client(unit) as client:
        client.log_in()

        assert client.code("add", SCRIPT, data={"name": "one", "content": CLI}) == -6
