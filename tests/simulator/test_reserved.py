"""ADOMs that every unit has, and lists in the order of their names."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fmgsync.simulator import Simulator
from fmgsync.simulator.state.reserved import RESERVED
from tests.simulator.client import Client
from tests.simulator.conftest import Start

Connect = Callable[..., Client]


def test_root_is_of_fortigates_and_others_of_other_products(start: Start, connect: Connect) -> None:
    simulator, _ = start()
    client = connect(simulator)
    rows = {row["name"]: row for row in client.get("/dvmdb/adom")}

    assert rows.keys() >= {"root", "rootp", "others", "FortiAnalyzer", "Syslog"}
    assert (rows["root"]["oid"], rows["rootp"]["oid"]) == (3, 10)
    assert len({row["oid"] for row in rows.values()}) == len(rows)
    assert rows["FortiMail"]["restricted_prds"] in ("fml", ["fml"])
    only = client.get("/dvmdb/adom", filter=["restricted_prds", "==", "fos"], fields=["name"])
    assert {row["name"] for row in only} == {"other", "prod", "root", "rootp"}


@pytest.mark.parametrize("name", ["root", "rootp", "FortiWeb"])
def test_they_can_be_neither_deleted_nor_made(start: Start, connect: Connect, name: str) -> None:
    simulator, _ = start()
    client = connect(simulator)
    made = {"name": name, "restricted_prds": "fos"}

    assert client.code("delete", f"/dvmdb/adom/{name}") == -11
    assert client.code("add", "/dvmdb/adom", data=made) == -2


def test_they_can_be_entered_and_are_empty(start: Start, connect: Connect) -> None:
    simulator, _ = start()
    client = connect(simulator)

    assert client.get("/dvmdb/adom/FortiAnalyzer/device") == []
    assert client.code("get", "/pm/config/adom/rootp/obj/firewall/address") == 0


def test_a_seed_may_fill_them() -> None:
    seed = {"adoms": [{"name": "others", "devices": [{"name": "x"}]}]}
    with Simulator(seed) as unit, Client(unit) as client:
        client.log_in("admin", "admin")

        assert [row["name"] for row in client.get("/dvmdb/adom/others/device")] == ["x"]


def test_adoms_and_devices_are_listed_by_name() -> None:
    devices = [{"name": "fgt-b"}, {"name": "fgt-a"}]
    seed = {"adoms": [{"name": "z"}, {"name": "a", "devices": devices}]}
    with Simulator(seed) as unit, Client(unit) as client:
        client.log_in("admin", "admin")
        adoms = [row["name"] for row in client.get("/dvmdb/adom")]

        assert adoms == sorted(["a", "root", "z", *RESERVED])
        for url in ("/dvmdb/device", "/dvmdb/adom/a/device"):
            assert [row["name"] for row in client.get(url)] == ["fgt-a", "fgt-b"]
