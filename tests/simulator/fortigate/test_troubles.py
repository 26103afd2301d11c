"""Trouble at a FortiGate: on order, and what can happen to a unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from fmgsync.simulator import SeedError, Simulator
from tests.simulator.conftest import small_seed
from tests.simulator.fortigate.conftest import Rest, unit

Boot = Callable[..., tuple[Simulator, Rest]]
ADDRESS, GROUP = "cmdb/firewall/address", "cmdb/firewall/addrgrp"
NEW = {"name": "new", "subnet": "10.0.0.1/32"}


@pytest.mark.parametrize(("kind", "there"), [("reset-before", False), ("reset-after", True)])
def test_a_connection_breaks_before_or_after_the_effect(boot: Boot, kind: Any, there: bool) -> None:
    simulator, rest = boot()
    simulator.faults.add(kind, device="branch", method="POST")

    with pytest.raises(requests.ConnectionError):
        rest.ask("POST", ADDRESS, NEW)

    assert ("new" in rest.names("address")) == there


@pytest.mark.parametrize(
    ("fault", "status", "there"),
    [
        ({"kind": "http-error", "status": 502}, 502, False),
        ({"kind": "http-error", "status": 503, "after_effect": True}, 503, True),
        ({"kind": "http-error", "status": 429, "retry_after": 7}, 429, False),
        ({"kind": "status", "status": -4}, 500, False),
        ({"kind": "other-serial"}, 403, False),
        ({"kind": "expire-session"}, 401, False),
        ({"kind": "garbage"}, 200, True),
        ({"kind": "stall", "seconds": 0.01}, 200, True),
    ],
)
def test_answers_on_order(boot: Boot, fault: dict[str, Any], status: int, there: bool) -> None:
    simulator, rest = boot()
    simulator.faults.add(**fault, url="*firewall/address", user="fmgsync")

    found = rest.http.post(f"{rest.base}/api/v2/{ADDRESS}?vdom=root", json=NEW, timeout=30)

    assert found.status_code == status
    assert found.headers.get("Retry-After") == ("7" if status == 429 else None)
    assert ("new" in Rest(simulator, key="wonder").names("address")) == there


def test_a_fault_of_a_unit_leaves_others_alone(boot: Boot) -> None:
    simulator, rest = boot(seed=small_seed(fortigates=[unit(), unit(name="other")]))
    simulator.faults.add("http-error", device="bra*", times=0)

    assert Rest(simulator, "other").names("address")
    assert simulator.console("alice").get("/sys/status")["Hostname"]
    with pytest.raises(requests.JSONDecodeError):
        rest.ask("GET", ADDRESS)


def test_a_fault_for_nobody_is_refused() -> None:
    with pytest.raises(SeedError, match="no device 'ghost-"):
        Simulator(faults={"faults": [{"kind": "stall", "device": "ghost-*"}]})


def test_pages_may_be_short_and_change_their_order(boot: Boot) -> None:
    simulator, rest = boot()
    whole = rest.names("address")
    simulator.faults.add("short-result")
    short = rest.ask("GET", f"{ADDRESS}?format=name")
    assert len(short["results"]) == len(whole) // 2 < short["size"]

    simulator.faults.add("reorder")

    assert rest.names("address") == whole[::-1]


def test_a_commit_may_be_answered_and_lost(boot: Boot) -> None:
    simulator, rest = boot()
    simulator.faults.add("lost-commit", url="*transaction-commit*")
    number = rest.ask("POST", "cmdb?action=transaction-start", {})["results"]["transaction-id"]
    rest.ask("POST", ADDRESS, NEW, headers={"X-TRANSACTION-ID": str(number)})

    told = rest.ask("POST", "cmdb?action=transaction-commit", {"transaction-id": number})

    assert (told["status"], told["action"]) == ("success", "transaction-commit")
    assert "new" not in rest.names("address")


@pytest.mark.parametrize("by", ["fault", "hand"])
def test_another_unit_of_the_cluster_takes_over(boot: Boot, by: str) -> None:
    simulator, rest = boot(serial="FGT0000000000001", standby=["FGT0000000000002"])
    rest.ask("POST", ADDRESS, NEW)
    assert rest.ask("GET", ADDRESS)["serial"] == "FGT0000000000001"

    if by == "fault":
        simulator.faults.add("unit-failover")
    else:
        simulator.fortigate("branch").fail_over()

    told = rest.ask("GET", ADDRESS)
    assert told["serial"] == "FGT0000000000002"
    assert "new" in [row["name"] for row in told["results"]]
    assert Rest(simulator, key="wonder").get("monitor/system/ha-history")["history"]
    simulator.fortigate("branch").fail_over()
    assert simulator.fortigate("branch").serial == "FGT0000000000001"


@pytest.mark.parametrize(
    ("saving", "saved", "there"),
    [("automatic", False, True), ("manual", False, False), ("manual", True, True)],
)
def test_what_is_not_saved_is_lost_at_a_restart(
    boot: Boot, saving: str, saved: bool, there: bool
) -> None:
    simulator, rest = boot(saving=saving)
    before = rest.ask("GET", GROUP)["results"]
    alice = Rest(simulator, key="wonder")
    rest.ask("POST", ADDRESS, NEW)
    rest.ask("PUT", f"{GROUP}/legacy", {"member": [{"name": "new"}]})
    number = rest.ask("POST", "cmdb?action=transaction-start", {})["results"]["transaction-id"]
    revisions = alice.get("monitor/system/config-revision")
    assert revisions["current_config_unsaved"] == (saving == "manual")

    if saved:
        simulator.fortigate("branch").save()
    simulator.fortigate("branch").restart()

    assert ("new" in rest.names("address")) == there
    assert (rest.ask("GET", GROUP)["results"] == before) != there
    gone = rest.ask("POST", "cmdb?action=transaction-abort", {"transaction-id": number})
    assert gone["status"] == "error"


@pytest.mark.parametrize(("version", "outcome"), [("6.4.4", 200), ("7.4.5", 404)])
def test_saving_by_the_api_went_away(boot: Boot, version: str, outcome: int) -> None:
    simulator, rest = boot(saving="manual", version=version)
    alice = Rest(simulator, key="wonder")
    rest.ask("POST", ADDRESS, NEW)

    alice.ask("POST", "monitor/system/config/save")
    assert alice.last.status_code == outcome
    simulator.fortigate("branch").restart()

    assert ("new" in rest.names("address")) == (outcome == 200)


def test_a_restart_on_order_takes_it_off_the_network(boot: Boot) -> None:
    simulator, rest = boot(saving="manual")
    rest.ask("POST", ADDRESS, NEW)
    simulator.faults.add("unit-restart", seconds=60, method="GET")

    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            rest.ask("GET", ADDRESS)
    simulator.fortigate("branch").plug()

    assert "new" not in rest.names("address")


def test_a_units_requests_may_be_what_breaks_it_for_its_fortimanager(boot: Boot) -> None:
    users = [{"name": "a", "key": "k3y"}]
    simulator, rest = boot(seed=small_seed(fortigates=[{"name": "east-1", "apiUsers": users}]))
    simulator.faults.add("device-offline", device="east-1", url="*system/status")
    simulator.faults.add("failover")

    assert rest.get("monitor/system/status")

    console = simulator.console("alice")
    assert console.get("/dvmdb/adom/prod/device/east-1")["conn_status"] == "down"
    assert simulator.faults.happened() == 1


def test_unplugged_before_anybody_asked_where_it_is() -> None:
    with Simulator({"fortigates": [unit()]}, plain_http=True) as simulator:
        simulator.fortigate("branch").unplug()
        rest = Rest(simulator)
        with pytest.raises(requests.ConnectionError):
            rest.names("address")


def test_unplugged_it_refuses_connections_and_comes_back_at_its_port(boot: Boot) -> None:
    simulator, rest = boot()
    assert rest.names("address")

    simulator.fortigate("branch").unplug()
    with pytest.raises(requests.ConnectionError):
        rest.names("address")
    simulator.fortigate("branch").plug()

    assert rest.names("address")


@pytest.mark.parametrize(
    ("managed", "version", "url", "told"),
    [
        (
            "yes", "7.6.2", "system/central-management/status",
            {"mode": "normal", "registration_status": "registered", "status": "up"},
        ),
        ("backup", "7.6.2", "system/central-management/status", {"mode": "backup"}),
        (
            "no", "7.6.2", "system/central-management/status",
            {"registration_status": "unknown", "server": "", "sn": ""},
        ),
        (
            "yes", "7.4.5", "system/fortimanager/status",
            {"fortimanager_status_id": 2, "fortimanager_registration_status_id": 2},
        ),
        ("no", "7.4.5", "system/fortimanager/status", {"fortimanager_status_id": 0}),
    ],
)  # fmt: skip
def test_who_manages_it(
    boot: Boot, managed: str, version: str, url: str, told: dict[str, Any]
) -> None:
    simulator, rest = boot(managed=managed, version=version)
    alice = Rest(simulator, key="wonder")

    assert told.items() <= alice.get(f"monitor/{url}").items()
    other = "system/fortimanager/status" if "central" in url else "system/central-management/status"
    assert alice.outcome("GET", f"monitor/{other}") == 404
    assert rest.outcome("GET", f"monitor/{url}") == 403
    # A managed unit takes writes all the same.
    assert rest.outcome("POST", ADDRESS, NEW) == 200


def test_a_unit_of_an_adom_says_who_manages_it(boot: Boot) -> None:
    users = [{"name": "a", "key": "k3y", "profile": "advised"}]
    _, rest = boot(seed=small_seed(fortigates=[{"name": "east-1", "apiUsers": users}]))

    assert rest.get("monitor/system/fortimanager/status")["fortimanager_status_id"] == 2
