"""hfortix-fortimanager: generated from FortiManager's own API description, by attribute access."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from fmgsync.simulator import Simulator
from tests.clients.conftest import Serve

pytestmark = [
    pytest.mark.clients,
    pytest.mark.slow,
    # It leaves its connection open.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def unit(serve: Serve) -> Simulator:
    return serve(
        version="7.6.6", admins=[{"user": "robot", "password": "secret", "superAdmin": True}]
    )


@pytest.fixture
def fmg(unit: Simulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    # It verifies or does not; which certificate to trust is told by the environment.
    monkeypatch.setenv("SSL_CERT_FILE", unit.ca_file)
    library = importlib.import_module("hfortix_fortimanager")
    host, _, port = unit.host.rpartition(":")
    made = library.FortiManager(
        host=host, username="robot", password="secret", port=int(port), verify=True
    )
    made.login()
    yield made
    made.logout()


def test_objects_are_written_and_read(unit: Simulator, fmg: Any) -> None:
    tables = fmg.api.pm.config.adom.obj.firewall
    tables.address.add(adom="prod", name="h1", subnet=["10.1.0.1", "255.255.255.255"])
    tables.address.update(adom="prod", name="h1", comment="by hfortix")
    tables.vip.add(adom="prod", name="v1", extip=["192.0.2.1"], mappedip=["10.0.0.1"])

    console = unit.console()
    assert console.objects("prod", "address")["h1"]["comment"] == "by hfortix"
    assert console.objects("prod", "vip")["v1"]["mappedip"] == ["10.0.0.1"]
    assert {row.raw["name"] for row in tables.address.get(adom="prod")} >= {"h1", "legacy"}
    assert unit.ignored.counts == {}


def test_devices_adoms_and_tasks(unit: Simulator, fmg: Any) -> None:
    devices = fmg.api.dvmdb.adom.device.get(adom="prod")

    assert [row.raw["name"] for row in devices] == ["fgt-1", "fgt-2"]
    assert "prod" in {row.raw["name"] for row in fmg.api.dvmdb.adom.get()}
    assert list(fmg.api.task.task.get()) == []
    assert unit.world.defects == []
