"""fotoobo: the global ADOM's objects, assigned to ADOMs and deleted everywhere."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from fmgsync.simulator import Simulator
from tests.clients.conftest import Serve

pytestmark = [pytest.mark.clients, pytest.mark.slow]


@pytest.fixture
def unit(serve: Serve) -> Simulator:
    return serve(admins=[{"user": "robot", "password": "secret", "superAdmin": True}])


@pytest.fixture
def fmg(unit: Simulator) -> Any:
    library = importlib.import_module("fotoobo.fortinet.fortimanager")
    host, _, port = unit.host.rpartition(":")
    made = library.FortiManager(
        host, "robot", "secret", https_port=int(port), ssl_verify=unit.ca_file
    )
    assert made.login() == 200
    yield made
    made.logout()
    made.session_key = ""  # or its destructor logs out of a unit that is gone


def test_adoms_and_version(fmg: Any) -> None:
    assert [adom["name"] for adom in fmg.get_adoms() if adom["name"] == "prod"] == ["prod"]
    assert fmg.get_version() == "v7.4.5"


def test_global_objects_are_posted_and_read(unit: Simulator, fmg: Any) -> None:
    """A list of payloads, as its `fmg set` command posts them from a file."""
    payload = {
        "method": "set",
        "params": [
            {
                "url": "/pm/config/{adom}/obj/firewall/address",
                "data": [{"name": "g1", "subnet": "10.3.0.1/32"}],
            }
        ],
    }

    assert fmg.post("global", [payload]) == []
    assert fmg.get_global_address("g1")["data"]["subnet"] == ["10.3.0.1", "255.255.255.255"]
    assert "g1" in {row["name"] for row in fmg.get_global_addresses()["data"]}
    assert fmg.delete_global_address("g1")["status"]["code"] == 0
    assert fmg.get_global_address("g1")["status"]["code"] == -3
    assert unit.world.defects == []


def test_an_address_in_use_stays(fmg: Any) -> None:
    assert fmg.delete_adom_address("prod", "legacy")["status"]["code"] == -10015
    assert fmg.delete_adom_address("prod", "ghost")["status"]["code"] == -3
