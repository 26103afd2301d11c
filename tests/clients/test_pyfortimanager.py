"""pyfortimanager: an API key only; no request id, no session, a new connection every time."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from fmgsync.simulator import Simulator
from tests.clients.conftest import Clock, Serve

pytestmark = [pytest.mark.clients, pytest.mark.slow]
BOTH = pytest.mark.parametrize("mode", ["disabled", "normal"])


def connect(unit: Simulator, token: str = "k3y") -> Any:
    library = importlib.import_module("pyfortimanager")
    return library.api(host=unit.url, token=token, adom="prod", verify=unit.ca_file)


def test_the_readme_lists_devices_and_a_missing_one_says_so(serve: Serve) -> None:
    fmg = connect(serve())

    assert [device["name"] for device in fmg.fortigates.all()["data"]] == ["fgt-1", "fgt-2"]
    missing = fmg.fortigates.all(fortigate="FortiGate-VM64-4")
    assert missing["status"] == {"code": -3, "message": "Object does not exist"}


def test_a_wrong_token_has_no_permission(serve: Serve) -> None:
    fmg = connect(serve(), token="wrong")

    assert fmg.fortigates.all()["status"]["code"] == -11


def test_the_unit_tells_what_it_is(serve: Serve) -> None:
    fmg = connect(serve(version="7.6.6"))

    assert fmg.system.status()["data"]["Version"].startswith("v7.6.6-")
    assert fmg.system.ha()["status"]["code"] == 0


def test_a_firewall_is_asked_through_the_unit(serve: Serve) -> None:
    unit = serve()
    unit.fortigate("fgt-2").go_offline()
    fmg = connect(unit)

    asked = fmg.system.proxy(
        target=["adom/prod/device/fgt-1", "adom/prod/device/fgt-2"],
        resource="/api/v2/cmdb/firewall/addrgrp/shop?vdom=root",
    )

    here, away = asked["data"]
    assert here["target"] == "fgt-1"
    assert [m["name"] for m in here["response"]["results"][0]["member"]] == ["legacy"]
    assert away["status"]["code"] != 0
    assert "response" not in away
    status = fmg.fortigates_proxy.status(fortigate="fgt-1")["data"][0]["response"]
    assert status["status"] == "success"


@BOTH
def test_a_group_is_changed_installed_and_followed(serve: Serve, clock: Clock, mode: str) -> None:
    unit = serve(workspaceMode=mode)
    fmg = connect(unit)
    lock = {"disabled": -9, "normal": 0}[mode]
    base = "/pm/config/adom/prod/obj/firewall"
    assert fmg.adoms.lock("prod")["status"]["code"] == lock
    fmg.system.custom_request(
        method="add",
        params={"url": f"{base}/address", "data": {"name": "new", "subnet": "10.1.0.9/32"}},
    )
    fmg.system.custom_request(
        method="add", params={"url": f"{base}/addrgrp/shop/member", "data": ["new"]}
    )
    assert fmg.adoms.commit("prod")["status"]["code"] == lock

    started = fmg.install_wizard.policy_package("edge/default", "fgt-1")
    task = started["data"]["task"]
    clock.advance(10)

    assert {line["name"] for line in fmg.system.tasks(task)["data"]} == {
        "fgt-1(root)[copy]",
        "fgt-1",
    }
    assert fmg.adoms.unlock("prod")["status"]["code"] == lock
    assert unit.fortigate("fgt-1").members("shop") == {"10.9.0.1", "10.1.0.9"}
    assert unit.fortigate("fgt-2").members("shop", "dmz") == {"10.9.0.1"}


def test_a_device_group_is_made_filled_renamed_and_removed(serve: Serve) -> None:
    unit = serve()
    fmg = connect(unit)

    assert fmg.device_groups.add("Branches")["status"]["code"] == 0
    assert fmg.device_groups.add_member("Branches", "fgt-1")["status"]["code"] == 0
    assert unit.console().get("/dvmdb/adom/prod/group/Branches/object member")[0]["name"] == "fgt-1"
    console = unit.console()
    package, target = "/pm/pkg/adom/prod/edge/default", {"name": "Branches"}
    console.call("add", f"{package}/scope member", target)
    assert fmg.device_groups.update("Branches", rename="Shops")["status"]["code"] == 0
    assert {"name": "Shops"} in console.get(package)["scope member"]
    assert fmg.device_groups.all("Branches")["status"]["code"] == -3
    assert fmg.device_groups.remove_member("Shops", "fgt-1")["status"]["code"] == 0
    assert fmg.device_groups.delete("Shops")["status"]["code"] == 0


def test_a_package_gets_a_target_and_a_policy_is_switched_off(serve: Serve) -> None:
    fmg = connect(serve())

    assert fmg.policy_packages.add("branch")["status"]["code"] == 0
    assert fmg.policy_packages.add_member("branch", "fgt-1")["status"]["code"] == 0
    branch = fmg.policy_packages.all("branch")["data"]
    assert branch["scope member"] == [{"name": "fgt-1", "vdom": "root"}]
    assert fmg.policy_packages.firewall_policy_disable(1, "edge/default")["status"]["code"] == 0
    [policy] = fmg.policy_packages.firewall_policies("edge/default")["data"]
    assert policy["status"] == 0


def test_a_variable_has_its_own_value_on_a_device(serve: Serve) -> None:
    fmg = connect(serve())
    variables = fmg.metadata_variables

    assert variables.add("site", default_value="none")["status"]["code"] == 0
    assert variables.add_member("site", "north", "fgt-1")["status"]["code"] == 0
    assert variables.update_member("site", "south", "fgt-1")["status"]["code"] == 0
    [mapping] = variables.all("site")["data"]["dynamic_mapping"]
    assert mapping["value"] == "south"
    assert mapping["_scope"] == [{"name": "fgt-1", "vdom": "global"}]
    assert variables.remove_member("site", "fgt-1")["status"]["code"] == 0
    assert variables.delete("site")["status"]["code"] == 0
