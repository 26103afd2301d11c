"""pyfmg, used as its README shows."""

from __future__ import annotations

from typing import Any

import pytest
from pyFMG.fortimgr import FMGBaseException, FMGConnectionError, FortiManager

from fmgsync.simulator import Simulator
from tests.clients.conftest import Serve

pytestmark = pytest.mark.clients

ADDRESSES = "pm/config/adom/{adom}/obj/firewall/address"
GROUPS = "pm/config/adom/{adom}/obj/firewall/addrgrp"
BOTH = pytest.mark.parametrize("mode", ["disabled", "normal"])


def connect(unit: Simulator, user: str = "robot", password: str = "secret", **more: Any) -> Any:
    return FortiManager(unit.host, user, password, verify_ssl=unit.ca_file, **more)


def test_login_a_get_and_logout_answer_as_the_readme_prints_them(serve: Serve) -> None:
    fmg = connect(serve())

    assert fmg.login() == (0, {"status": {"message": "OK", "code": 0}, "url": "sys/login/user"})
    code, devices = fmg.get("dvmdb/adom/prod/device")
    assert code == 0
    assert [(d["name"], d["mr"], d["conf_status"]) for d in devices] == [
        ("fgt-1", 4, 1),
        ("fgt-2", 4, 1),
    ]
    assert fmg.logout() == (0, {"status": {"message": "OK", "code": 0}, "url": "sys/logout"})


def test_a_wrong_password_opens_no_session(serve: Serve) -> None:
    fmg = connect(serve(), password="guessed", check_adom_workspace=False)

    code, _ = fmg.login()

    assert code == -1
    assert fmg.sid is None


def test_a_certificate_nobody_vouches_for_is_refused(serve: Serve) -> None:
    unit = serve()
    fmg = FortiManager(unit.host, "robot", "secret", verify_ssl=True)

    with pytest.raises(FMGConnectionError):
        fmg.login()
    assert len(unit.requests) == 0


@BOTH
def test_an_address_is_added_the_way_the_readme_does_it(serve: Serve, mode: str) -> None:
    unit = serve(workspaceMode=mode)
    with connect(unit) as fmg:
        fmg.lock_adom("prod")
        code, answer = fmg.add(
            ADDRESSES.format(adom="prod"),
            allow__routing=0,
            associated__interface="any",
            name="add_obj_name",
            subnet=["192.168.1.0", "255.255.255.0"],
            type=0,
            comment="API address obj addition",
        )
        assert (code, answer) == (0, {"name": "add_obj_name"})
        fmg.commit_changes("prod")
        fmg.unlock_adom("prod")

    held = unit.console().object("prod", "address", "add_obj_name")
    assert held is not None
    assert held["subnet"] == ["192.168.1.0", "255.255.255.0"]
    assert held["type"] == "ipmask"
    assert held["comment"] == "API address obj addition"


def test_what_was_not_committed_is_gone_and_the_lock_with_it(serve: Serve) -> None:
    unit = serve(workspaceMode="normal")

    def break_off() -> None:
        with connect(unit) as fmg:
            fmg.lock_adom("prod")
            fmg.add(ADDRESSES.format(adom="prod"), name="half-way", subnet="10.1.1.1/32")
            raise FMGBaseException("an errant exception")

    with pytest.raises(FMGBaseException, match="errant"):
        break_off()

    console = unit.console()
    assert console.object("prod", "address", "half-way") is None
    assert console.get("/dvmdb/adom/prod/workspace/lockinfo") == []


def test_without_the_lock_nothing_is_written(serve: Serve) -> None:
    unit = serve(workspaceMode="normal")
    with connect(unit) as fmg:
        code, answer = fmg.add(ADDRESSES.format(adom="prod"), name="late", subnet="10.1.1.1/32")

    assert code == -10147
    assert answer["status"]["message"] == "no write permission"
    assert unit.console().object("prod", "address", "late") is None


def test_the_lock_of_another_session_stands_in_the_way(serve: Serve) -> None:
    unit = serve(workspaceMode="normal")
    with connect(unit) as first, connect(unit) as second:
        assert first.lock_adom("prod")[0] == 0
        assert second.lock_adom("prod")[0] == -20055
        first.unlock_adom("prod")
        assert second.lock_adom("prod")[0] == 0


def test_members_are_added_by_a_list_and_read_back(serve: Serve) -> None:
    unit = serve()
    with connect(unit) as fmg:
        for name, value in (("membername1", "10.1.0.1/32"), ("membername2", "10.1.0.2/32")):
            fmg.add(ADDRESSES.format(adom="prod"), name=name, subnet=value)
        url = f"{GROUPS.format(adom='prod')}/shop/member"

        code, _ = fmg.add(url, data=["membername1", "membername2"])
        assert code == 0
        assert fmg.get(f"{GROUPS.format(adom='prod')}/shop")[1]["member"] == [
            "legacy",
            "membername1",
            "membername2",
        ]
        assert fmg.delete(f"{ADDRESSES.format(adom='prod')}/membername1")[0] == -10015
        assert fmg.delete(url, data=["membername1"])[0] == 0
        assert fmg.delete(f"{ADDRESSES.format(adom='prod')}/membername1")[0] == 0


def test_several_params_in_one_request_are_answered_one_by_one(serve: Serve) -> None:
    with connect(serve()) as fmg:
        params = [
            {
                "url": f"/pm/config/adom/prod/pkg/edge/default/firewall/policy/{number}",
                "fields": ["name"],
            }
            for number in (1, 7)
        ]
        code, results = fmg.free_form("get", data=params)

    assert code == 200
    assert [result["status"]["code"] for result in results] == [0, -3]
    assert results[0]["data"]["name"] == "web"


@BOTH
def test_a_package_is_installed_and_its_task_tracked(serve: Serve, mode: str) -> None:
    unit = serve(workspaceMode=mode)
    with connect(unit) as fmg:
        fmg.lock_adom("prod")
        fmg.add(ADDRESSES.format(adom="prod"), name="new", subnet="10.1.0.9/32")
        fmg.update(f"{GROUPS.format(adom='prod')}/shop", member=["legacy", "new"])
        fmg.commit_changes("prod")
        assert unit.fortigate("fgt-1").members("shop") == {"10.9.0.1"}

        code, started = fmg.execute(
            "securityconsole/install/package", flags=["none"], adom="prod", pkg="edge/default"
        )
        assert code == 0
        code, task = fmg.track_task(started["task"], sleep_time=0.2)

    assert (code, task["percent"], task["num_err"], task["num_done"]) == (
        0,
        100,
        0,
        task["num_lines"],
    )
    assert "total_task_time" in task
    for device, vdom in (("fgt-1", "root"), ("fgt-2", "dmz")):
        assert unit.fortigate(device).members("shop", vdom) == {"10.9.0.1", "10.1.0.9"}


def test_a_preview_is_prepared_tracked_and_read(serve: Serve) -> None:
    unit = serve()
    scope = [{"name": "fgt-1", "vdom": "root"}]
    with connect(unit) as fmg:
        fmg.add(ADDRESSES.format(adom="prod"), name="new", subnet="10.1.0.9/32")
        fmg.add(f"{GROUPS.format(adom='prod')}/shop/member", data=["new"])

        _, prepared = fmg.execute(
            "securityconsole/install/package", flags=["preview"], adom="prod", pkg="edge/default"
        )
        assert fmg.track_task(prepared["task"], sleep_time=0.2)[1]["num_err"] == 0
        _, computed = fmg.execute("securityconsole/install/preview", adom="prod", scope=scope)
        assert fmg.track_task(computed["task"], sleep_time=0.2)[1]["num_err"] == 0
        code, result = fmg.execute("securityconsole/preview/result", adom="prod", scope=scope)

    assert code == 0
    assert 'set member "legacy" "new"' in result["message"]
    assert unit.fortigate("fgt-1").members("shop") == {"10.9.0.1"}


def test_an_api_key_needs_no_login(serve: Serve) -> None:
    unit = serve()
    with FortiManager(unit.host, apikey="k3y", verify_ssl=unit.ca_file) as fmg:
        code, status = fmg.get("sys/status")
        assert (code, status["Major"]) == (0, 7)
        assert fmg.add(ADDRESSES.format(adom="prod"), name="keyed", subnet="10.1.0.3/32")[0] == 0

    assert unit.console().object("prod", "address", "keyed") is not None
    assert not [entry for entry in unit.requests.since() if "sys/login/user" in entry.urls]


def test_a_wrong_key_is_told_at_the_first_call(serve: Serve) -> None:
    unit = serve()
    with FortiManager(unit.host, apikey="wrong", verify_ssl=unit.ca_file) as fmg:
        code, answer = fmg.get("sys/status")

    assert code == -11
    assert answer["status"]["message"] == "No permission for the resource"


def test_with_verbose_words_come_back_instead_of_numbers(serve: Serve) -> None:
    unit = serve()
    url = f"{ADDRESSES.format(adom='prod')}/legacy"
    with connect(unit, verbose=True) as wordy, connect(unit) as terse:
        assert wordy.get(url)[1]["type"] == "ipmask"
        assert terse.get(url)[1]["type"] == 0
