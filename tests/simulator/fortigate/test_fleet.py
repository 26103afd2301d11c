"""Many FortiGates at once: ports, connections that wait, TLS, what the seed must not say."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from fmgsync.clock import ManualClock
from fmgsync.simulator import SeedError, Simulator
from tests.simulator.conftest import small_seed
from tests.simulator.fortigate.conftest import Rest, unit

Boot = Callable[..., tuple[Simulator, Rest]]
STATUS = "/api/v2/monitor/system/status"


def test_connections_that_wait_hold_no_thread() -> None:
    """There are more of them than threads to serve them."""
    users = [{"name": "a", "key": "k3y"}]
    units = [{"name": f"unit-{at}", "apiUsers": users} for at in range(140)]
    key, before = {"Authorization": "Bearer k3y"}, threading.active_count()
    with Simulator({"fortigates": units}, plain_http=True) as simulator, ExitStack() as opened:
        places = [urlsplit(url).netloc for url in simulator.fortigates.values()]
        assert len(set(places)) == 140
        connections = [http.client.HTTPConnection(place, timeout=30) for place in places]
        for connection in connections:
            opened.callback(connection.close)
        for connection in connections * 2:
            connection.request("GET", STATUS, headers=key)
            assert connection.getresponse().read()
        assert threading.active_count() < before + 140
        assert len(simulator.requests) == 280
        assert {entry.device for entry in simulator.requests.since()} == {u["name"] for u in units}
    assert simulator.world.defects == []


def test_tls_is_verified_with_the_simulators_authority() -> None:
    with Simulator({"fortigates": [unit()]}) as simulator:
        rest = Rest(simulator)
        assert rest.base.startswith("https://127.0.0.1:")
        assert rest.names("address")


def test_units_follow_a_port_of_choice() -> None:
    with ExitStack() as stack:
        simulator = stack.enter_context(on_a_port())
        first = int(simulator.host.rpartition(":")[2])
        ports = [int(url.rpartition(":")[2]) for url in simulator.fortigates.values()]
        assert len({first, *ports}) == 3
        assert simulator.fortigates == simulator.fortigates


def on_a_port() -> Simulator:
    """Running at a port that was chosen beforehand; others may be quicker to take one."""
    for _ in range(20):
        with Simulator(plain_http=True) as first:
            place = first.host
        with suppress(OSError):
            return Simulator(plain_http=True, listen=place).start()
    raise AssertionError("no port is free")


def test_a_simulator_that_is_not_running_has_no_urls() -> None:
    simulator = Simulator()
    with pytest.raises(RuntimeError):
        _ = simulator.fortigates


def test_the_default_units_know_the_default_key() -> None:
    with Simulator(plain_http=True) as simulator:
        rest = Rest(simulator, "fgt-1", key="simulator")
        assert rest.get("cmdb/firewall/address/all")


def test_what_an_install_writes_is_what_the_unit_answers(boot: Boot, clock: ManualClock) -> None:
    users = [{"name": "a", "key": "k3y"}]
    simulator, rest = boot(seed=small_seed(fortigates=[{"name": "east-1", "apiUsers": users}]))
    console, path = simulator.console("alice"), "/pm/config/adom/prod/obj/firewall/addrgrp/legacy"
    before = rest.ask("GET", "cmdb/firewall/addrgrp")["revision"]
    console.call("update", path, {"member": ["db", "spare"]})
    assert rest.members("legacy") == ["db"]

    scope = [{"name": "east-1", "vdom": "root"}]
    task = {"adom": "prod", "pkg": "edge/default", "scope": scope}
    console.call("exec", "/securityconsole/install/package", task)
    clock.sleep(60)

    told = rest.ask("GET", "cmdb/firewall/addrgrp/legacy")
    assert [row["name"] for row in told["results"][0]["member"]] == ["db", "spare"]
    assert told["revision"] != before


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ([unit(), unit()], "fortigates[1].name: a second FortiGate 'branch'"),
        ([unit(addresses=[{"name": "x", "subnet": "10.0.0.0/99"}])], "fortigates[0].addresses[0]"),
        ([unit(addresses=[{"name": "x", "vdom": "no"}])], "no VDOM 'no' on 'branch'"),
        ([unit(addressGroups=[{"name": "g", "members": ["ghost"]}])], "addressGroups[0]"),
        (
            [unit(policies=[{"srcaddr": ["ghost"], "dstaddr": ["all"]}])],
            "fortigates[0].policies[0]",
        ),
        ([unit(managementVdom="no")], "fortigates[0].managementVdom"),
        ([unit(apiUsers=[{"name": "a", "key": "k", "vdoms": ["no"]}])], "apiUsers[0]"),
        ([unit(apiUsers=[{"name": "a", "key": "k", "trustHosts": ["no"]}])], "trustHosts[0]"),
        ([unit(apiUsers=[{"name": "a", "key": "k", "profile": "no"}])], "apiUsers[0].profile"),
        ([unit(managed="perhaps")], "fortigates[0].managed"),
        ([{"name": "east-1", "version": "7.4.1"}], "'east-1' is a device of an ADOM: say it there"),
        ([{"name": "east-1", "managed": "no"}], "so it is managed"),
        ([unit(nonsense=1)], "fortigates[0].nonsense"),
    ],
)
def test_a_seed_that_cannot_be(wrong: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(SeedError) as raised:
        Simulator(small_seed(fortigates=wrong))

    assert told in str(raised.value)
