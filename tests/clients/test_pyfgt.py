"""pyfgt, used as its README shows: no VDOM, no login call with a key."""

from __future__ import annotations

import importlib

import pytest

from fmgsync.simulator import Simulator
from tests.clients.conftest import KEY, place_of

pytestmark = [pytest.mark.clients, pytest.mark.slow]


def test_objects_are_written_and_read(branch: Simulator) -> None:
    host, port = place_of(branch)
    library = importlib.import_module("pyFGT.fortigate")

    with library.FortiGate(f"{host}:{port}", apikey=KEY, verify_ssl=branch.ca_file) as fgt:
        new = {"name": "a", "subnet": "10.1.0.1/32"}
        assert fgt.post("/cmdb/firewall/address", **new)[0] == 200
        assert fgt.put("/cmdb/firewall/address/a", comment="seen")[0] == 200
        code, answer = fgt.get("/cmdb/firewall/address/a", "format=name|comment")
        assert (code, answer["results"][0]["comment"]) == (200, "seen")
        assert fgt.get("/monitor/system/status")[0] == "success"
        assert fgt.delete("/cmdb/firewall/address/legacy")[1]["error"] == -23
        assert fgt.delete("/cmdb/firewall/address/a")[0] == 200

    assert "a" not in branch.fortigate("branch").names("firewall address")
