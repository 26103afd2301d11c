"""The Ansible collection fortinet.fortimanager, over its httpapi connection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fmgsync.simulator import Simulator
from tests.clients.conftest import Serve
from tests.clients.playing import play

pytestmark = [pytest.mark.clients, pytest.mark.slow]
BOTH = pytest.mark.parametrize("mode", ["disabled", "normal"])
TARGETS = (("fgt-1", "root"), ("fgt-2", "dmz"))


def held(unit: Simulator, table: str, name: str) -> dict[str, Any]:
    """An object that must be in the ADOM."""
    found = unit.console().object("prod", table, name)
    assert found is not None, name
    return found


def words(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Package status by device."""
    return {row["dev"]: row["status"] for row in rows}


@BOTH
def test_objects_are_written_once_and_installed(serve: Serve, tmp_path: Path, mode: str) -> None:
    unit = serve(workspaceMode=mode)

    first = play(unit, "objects", tmp_path)
    assert (first.changed, first.failed) == (5, 0)
    assert held(unit, "address", "shop-1")["subnet"] == ["10.1.0.1", "255.255.255.255"]
    assert held(unit, "address6", "shop-6")["ip6"] == "2001:db8::/64"
    assert held(unit, "addrgrp", "shop")["member"] == ["legacy", "shop-1"]
    [mapping] = held(unit, "addrgrp", "shop")["dynamic_mapping"]
    assert (mapping["_scope"], mapping["member"]) == (
        [{"name": "fgt-2", "vdom": "dmz"}],
        ["shop-net"],
    )
    assert unit.fortigate("fgt-1").members("shop") == {"10.9.0.1"}

    mark = unit.requests.mark()
    second = play(unit, "objects", tmp_path)
    assert (second.changed, second.failed) == (0, 0)
    assert [e.urls for e in unit.requests.since(mark) if e.method in ("set", "update", "add")] == []

    third = play(unit, "install", tmp_path)
    assert third.failed == 0
    assert words(third.data("status before")) == {"fgt-1": "modified", "fgt-2": "modified"}
    task = third.data("wait")
    assert (task["state"], task["num_err"], task["num_lines"]) == ("done", 0, 4)
    assert words(third.data("status after")) == {"fgt-1": "installed", "fgt-2": "installed"}
    assert unit.fortigate("fgt-1").members("shop") == {"10.9.0.1", "10.3.0.1"}
    assert unit.fortigate("fgt-2").members("shop", "dmz") == {"10.2.0.0/24"}
    if mode == "normal":
        assert unit.console().get("/dvmdb/adom/prod/workspace/lockinfo") == []


def test_what_is_in_use_stays_until_its_user_is_gone(serve: Serve, tmp_path: Path) -> None:
    unit = serve()
    console, base = unit.console(), "/pm/config/adom/prod/obj/firewall"
    console.call("add", f"{base}/address", {"name": "spare-1", "subnet": "10.7.0.1/32"})
    console.call("add", f"{base}/addrgrp", {"name": "spare", "member": ["spare-1"]})

    run = play(unit, "removal", tmp_path)

    assert run.code("a member nobody made") == -10131
    assert run.code("the address in use") == -10015
    assert run.code("the group") == 0
    assert run.code("the address") == 0
    assert console.object("prod", "addrgrp", "spare") is None
    assert console.object("prod", "address", "spare-1") is None


def test_a_preview_shows_the_commands_and_changes_nothing(serve: Serve, tmp_path: Path) -> None:
    unit = serve(version="7.4.3")
    console, base = unit.console(), "/pm/config/adom/prod/obj/firewall"
    console.call("add", f"{base}/address", {"name": "new", "subnet": "10.7.0.1/32"})
    console.call("add", f"{base}/addrgrp/shop/member", ["new"])

    run = play(unit, "preview", tmp_path)

    assert run.failed == 0
    text = run.data("read")["message"]
    assert 'edit "new"' in text
    assert "set subnet 10.7.0.1 255.255.255.255" in text
    assert unit.fortigate("fgt-1").members("shop") == {"10.9.0.1"}
    assert words(console.get("/pm/config/adom/prod/_package/status"))["fgt-1"] == "modified"


def test_somebody_elses_lock_keeps_the_play_from_writing(serve: Serve, tmp_path: Path) -> None:
    unit = serve(workspaceMode="normal")
    alice = unit.console("alice")
    alice.lock("prod")

    run = play(unit, "impatient", tmp_path)

    assert run.failed == 1
    assert run.code("an address") == -10147
    assert alice.object("prod", "address", "late") is None
    [lock] = alice.get("/dvmdb/adom/prod/workspace/lockinfo")
    assert (lock["lock_user"], lock["lock_sid"]) == ("alice", alice.sid)


@pytest.mark.parametrize("version", ["7.4.5", "7.6.6"])
def test_an_api_key_is_enough_to_read(serve: Serve, tmp_path: Path, version: str) -> None:
    """The collection sends the key in the url too, which later releases no longer look at."""
    unit = serve(version=version)

    run = play(unit, "facts", tmp_path, user=None)

    assert [(row["name"], row["conn_status"]) for row in run.data("devices")] == [
        ("fgt-1", "up"),
        ("fgt-2", "up"),
    ]
    assert not [entry for entry in unit.requests.since() if "sys/login/user" in entry.urls]
