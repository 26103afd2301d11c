from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import requests

from fmgsync.clock import ManualClock
from fmgsync.simulator import SeedError, Simulator
from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed

ADDRESSES = "/pm/config/adom/prod/obj/firewall/address"
NEW = {"name": "new", "subnet": "10.0.0.1/32"}


def exists(client: Client) -> bool:
    return client.code("get", f"{ADDRESSES}/new") == 0


@pytest.mark.parametrize(
    ("kind", "took_effect"),
    [("reset-before", False), ("reset-after", True), ("truncate", True)],
)
def test_a_broken_connection_before_or_after_the_effect(
    start: Start, kind: Any, took_effect: bool
) -> None:
    simulator, client = start()
    simulator.faults.add(kind, method="add")

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        client.code("add", ADDRESSES, NEW)

    assert exists(client) is took_effect


@pytest.mark.parametrize(("after", "took_effect"), [(False, False), (True, True)])
def test_a_page_of_html_instead_of_an_answer(start: Start, after: bool, took_effect: bool) -> None:
    simulator, client = start()
    simulator.faults.add("http-error", method="add", status=502, after_effect=after)

    body = {
        "method": "add",
        "params": [{"url": ADDRESSES, "data": NEW}],
        "session": client.session,
    }
    response = requests.post(
        f"{simulator.url}/jsonrpc", json=body, verify=simulator.ca_file, timeout=10
    )

    assert response.status_code == 502
    assert "<html>" in response.text
    assert exists(client) is took_effect


def test_garbage_with_status_200(start: Start) -> None:
    simulator, client = start()
    simulator.faults.add("garbage")

    with pytest.raises(requests.exceptions.JSONDecodeError):
        client.code("get", "/sys/status")

    assert client.code("get", "/sys/status") == 0


def test_half_a_result_list(start: Start) -> None:
    simulator, client = start()
    simulator.faults.add("short-result")

    answer = client.envelope("get", *({"url": "/sys/status"} for _ in range(4)))

    assert len(answer["result"]) == 2


def test_a_session_may_expire_at_any_request(start: Start) -> None:
    simulator, client = start(small_seed(workspaceMode="normal"))
    client.data("exec", "/dvmdb/adom/prod/workspace/lock")
    simulator.faults.add("expire-session", method="add", skip=1)

    first = client.code("add", ADDRESSES, NEW)
    second = client.code("add", ADDRESSES, {"name": "b", "subnet": "10.0.0.2/32"})
    client.log_in()

    assert (first, second) == (0, -11)
    assert not exists(client)  # the draft went with the session


def test_a_failover_keeps_the_configuration_only(start: Start, clock: ManualClock) -> None:
    simulator, client = start()
    client.data("add", ADDRESSES, NEW)
    install = {"adom": "prod", "pkg": "edge/default"}
    task = client.data("exec", "/securityconsole/install/package", install)["task"]

    simulator.fail_over()

    assert client.code("get", "/sys/status") == -11
    client.log_in()
    assert client.get("/sys/status")["HA Mode"] == "HA Primary"
    assert client.code("get", f"/task/task/{task}") == -3
    assert exists(client)


def test_a_status_fault_hits_only_the_params_it_names(start: Start) -> None:
    simulator, client = start()
    simulator.faults.add("status", status=-20055, url="*/address/db")

    answer = client.envelope("get", {"url": f"{ADDRESSES}/db"}, {"url": f"{ADDRESSES}/spare"})

    codes = [element["status"]["code"] for element in answer["result"]]
    assert codes == [-20055, 0]
    assert answer["result"][0]["status"]["message"] == "Workspace is locked by other user"


def test_faults_are_counted(start: Start) -> None:
    simulator, client = start()
    simulator.faults.add("status", status=-1, url="sys/status", skip=1, times=2)

    codes = [client.code("get", "/sys/status") for _ in range(5)]

    assert codes == [0, -1, -1, 0, 0]
    assert simulator.faults.happened() == 2


def test_chances_repeat_with_the_seed() -> None:
    def run(seed: int) -> list[int]:
        trouble = {
            "seed": seed,
            "faults": [
                {"kind": "status", "status": -1, "url": "sys/status", "chance": 0.5, "times": 0}
            ],
        }
        with Simulator(small_seed(), faults=trouble) as simulator, Client(simulator) as client:
            client.log_in()
            return [client.code("get", "/sys/status") for _ in range(40)]

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert set(run(1)) == {0, -1}


def test_unplugged_means_connection_refused(start: Start) -> None:
    simulator, client = start()
    host, port = simulator.host.split(":")

    simulator.unplug()
    with pytest.raises(ConnectionRefusedError), socket.create_connection((host, int(port)), 2):
        pass
    with pytest.raises(requests.ConnectionError):
        client.code("get", "/sys/status")
    simulator.plug()

    assert simulator.host == f"{host}:{port}"
    assert client.code("get", "/sys/status") == 0  # the session outlived it


def test_a_request_may_unplug_the_unit(start: Start) -> None:
    simulator, client = start()
    simulator.faults.add("unplug", url="*/lock*", seconds=3600)

    with pytest.raises(requests.ConnectionError):
        client.code("exec", "/dvmdb/adom/prod/workspace/lock")
    with pytest.raises(requests.ConnectionError):
        client.code("get", "/sys/status")
    simulator.plug()

    assert client.code("get", "/sys/status") == 0


def test_large_bodies_can_be_refused() -> None:
    with Simulator(faults={"maxBody": 1000}) as simulator, Client(simulator) as client:
        client.log_in("admin", "admin")

        small = client.post(b" " * 900 + b"{}")
        large = client.post(b" " * 2000)

    assert (small.status_code, large.status_code) == (200, 413)


def test_params_stop_at_the_first_error_when_switched(start: Start) -> None:
    _, client = start(small_seed(switches={"stopAtFirstError": True}))
    params = [{"url": ADDRESSES, "data": {"name": name}} for name in ("a", "db", "b")]

    answer = client.envelope("add", *params)

    assert [element["status"]["code"] for element in answer["result"]] == [0, -2, -1]
    assert client.code("get", f"{ADDRESSES}/b") == -3


@pytest.mark.parametrize(("switch", "first_written"), [(False, True), (True, False)])
def test_a_data_list_that_fails_half_way(start: Start, switch: bool, first_written: bool) -> None:
    _, client = start(small_seed(switches={"listWritesAllOrNothing": switch}))

    assert client.code("add", ADDRESSES, [NEW, {"name": "db"}, {"name": "z"}]) == -2

    assert exists(client) is first_written
    assert client.code("get", f"{ADDRESSES}/z") == -3


def test_devices_fall_away_in_the_middle_of_a_story(start: Start) -> None:
    simulator, client = start()
    simulator.faults.add("device-offline", url="securityconsole/*", device="east-1")

    assert client.get("/dvmdb/adom/prod/device/east-1")["conn_status"] == "up"
    client.code("exec", "/securityconsole/install/package", {"adom": "prod", "pkg": "x"})

    assert client.get("/dvmdb/adom/prod/device/east-1")["conn_status"] == "down"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("faults: [{kind: explode}]", "1: faults[0].kind"),
        ("seed: 1\nfaults:\n- {kind: stall, secnds: 1}", "3: faults[0].secnds: unknown key; did"),
        ("faults: [{kind: device-offline}]", "needs a device"),
        ("faults:\n- {kind: device-freeze, device: east-9}", "2: faults[0].device: no device 'eas"),
        ("switches: {noSuch: true}", "unknown switch 'noSuch'"),
        ("[]", "a fault file is a mapping"),
    ],
)  # fmt: skip
def test_a_bad_fault_file_is_refused_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(text)

    with pytest.raises(SeedError) as refused:
        Simulator(small_seed(), faults=path)

    assert str(path) in str(refused.value)
    assert problem in str(refused.value)
