"""fortigate-api, used as its README shows."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest

from fmgsync.simulator import Simulator
from tests.clients.conftest import KEY, place_of

pytestmark = [pytest.mark.clients, pytest.mark.slow]


@pytest.fixture
def api(branch: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    # It verifies or does not; which certificate to trust is told by the environment.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", branch.ca_file)
    host, port = place_of(branch)
    library = importlib.import_module("fortigate_api")
    made = library.FortiGateAPI(host=host, port=port, token=KEY, verify=True)
    made.login()
    yield made
    made.logout()


def test_objects_are_made_changed_and_removed(branch: Simulator, api: Any) -> None:
    address, group = api.cmdb.firewall.address, api.cmdb.firewall.addrgrp
    new = {"name": "a/1", "type": "ipmask", "subnet": "10.1.0.1 255.255.255.255"}

    assert address.create(new).status_code == 200
    assert address.create(new).status_code == 500
    assert address.is_exist("a/1")
    assert address.update({"name": "a/1", "comment": "seen"}).status_code == 200
    assert [row["comment"] for row in address.get(name="a/1")] == ["seen"]
    assert [row["name"] for row in address.get(filter=["name=@a/", "comment==SEEN"])] == ["a/1"]
    assert group.create({"name": "g", "member": [{"name": "a/1"}]}).status_code == 200
    assert branch.fortigate("branch").members("g") == {"10.1.0.1"}
    assert address.delete("a/1").json()["error"] == -23
    assert group.delete("g").status_code == 200
    assert address.delete("a/1").status_code == 200
    assert not address.is_exist("a/1")
