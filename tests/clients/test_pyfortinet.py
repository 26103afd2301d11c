"""pyfortinet: objects with classes of their own, filters as expressions, lists without joints."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from fmgsync.simulator import Simulator
from tests.clients.conftest import Serve

pytestmark = [pytest.mark.clients, pytest.mark.slow]


@pytest.fixture
def unit(serve: Serve) -> Simulator:
    return serve(
        version="7.6.4", admins=[{"user": "robot", "password": "secret", "superAdmin": True}]
    )


@pytest.fixture
def fmg(unit: Simulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    # It verifies or does not; which certificate to trust is told by the environment.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", unit.ca_file)
    library = importlib.import_module("pyfortinet")
    settings = library.FMGSettings(
        base_url=unit.url, username="robot", password="secret", adom="prod", verify=True
    )
    with library.FMG(settings) as opened:
        yield opened


def of(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"pyfortinet.fmg_api.{module}"), name)


def test_an_address_is_added_found_changed_and_deleted(unit: Simulator, fmg: Any) -> None:
    address, where = of("firewall", "Address"), of("common", "F")
    made = fmg.get_obj(address, name="p1", subnet="10.2.0.1/32")
    assert made.add().status["code"] == 0

    one = fmg.get(address, where(name="p1")).first()
    one.comment = "by pyfortinet"
    assert one.update().status["code"] == 0
    assert unit.console().get("/pm/config/adom/prod/obj/firewall/address/p1")["comment"] == (
        "by pyfortinet"
    )
    assert one.delete().status["code"] == 0
    assert unit.console().object("prod", "address", "p1") is None


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda where: where(name="p1") + where(name="legacy"), {"p1", "legacy"}),
        (lambda where: where(name__like="p_"), {"p1", "p2"}),
        (lambda where: ~where(name__like="p%") & where(name__like="leg%"), {"legacy"}),
        (lambda where: where(name="p1") | where(name="p2"), {"p1", "p2"}),
    ],
)
def test_filters(fmg: Any, make: Any, names: set[str]) -> None:
    address, where = of("firewall", "Address"), of("common", "F")
    for name in ("p1", "p2"):
        fmg.get_obj(address, name=name, subnet="10.2.0.1/32").add()

    assert {found.name for found in fmg.get(address, make(where)).data} == names


def test_adoms_and_devices(unit: Simulator, fmg: Any) -> None:
    assert "prod" in fmg.get_adom_list()
    device, where = of("dvmdb", "Device"), of("common", "F")
    [found] = fmg.get(device, where(name="fgt-1")).data

    assert (found.name, found.conn_status, found.vdom[0].name) == ("fgt-1", "up", "root")
    assert unit.world.defects == []
