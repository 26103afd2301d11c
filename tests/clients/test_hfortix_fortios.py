"""hfortix-fortios: generated from FortiOS' own description; the one that has transactions."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from fmgsync.simulator import Simulator
from tests.clients.conftest import KEY, place_of

pytestmark = [pytest.mark.clients, pytest.mark.slow]


@pytest.fixture
def fgt(branch: Simulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SSL_CERT_FILE", branch.ca_file)
    host, port = place_of(branch)
    library = importlib.import_module("hfortix_fortios")
    made = library.FortiOS(host=host, port=port, token=KEY, verify=True, vdom="root")
    yield made
    made.close()


def test_objects_are_written_and_read(branch: Simulator, fgt: Any) -> None:
    tables = fgt.api.cmdb.firewall
    tables.address.post(name="a", subnet="10.1.0.1/32")
    tables.addrgrp.put(name="shop", member=[{"name": "legacy"}, {"name": "a"}])

    assert branch.fortigate("branch").members("shop") == {"10.9.0.1", "10.1.0.1"}
    assert tables.address.exists(name="a")
    with pytest.raises(importlib.import_module("hfortix_core").DuplicateEntryError):
        tables.address.post(name="a", subnet="10.1.0.1/32")


def test_a_transaction_is_committed_or_forgotten(branch: Simulator, fgt: Any) -> None:
    tables, gate = fgt.api.cmdb.firewall, branch.fortigate("branch")
    with fgt.transaction():
        tables.address.post(name="a", subnet="10.1.0.1/32")
        tables.addrgrp.put(name="shop", member=[{"name": "a"}])
        assert gate.members("shop") == {"10.9.0.1"}
    assert gate.members("shop") == {"10.1.0.1"}

    def fail() -> None:
        with fgt.transaction():
            tables.addrgrp.put(name="shop", member=[{"name": "legacy"}])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert gate.members("shop") == {"10.1.0.1"}
