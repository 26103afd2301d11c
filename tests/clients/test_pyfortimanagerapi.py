"""pyFortiManagerAPI: urls without a leading slash, no request id, numbers for enumerations."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from fmgsync.simulator import Simulator
from tests.clients.conftest import Clock, Serve

pytestmark = [
    pytest.mark.clients,
    pytest.mark.slow,
    # It never closes its connections, and leaves certificates unverified in half of its methods.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
]
BOTH = pytest.mark.parametrize("mode", ["disabled", "normal"])


def connect(unit: Simulator, password: str = "secret") -> Any:
    library = importlib.import_module("pyFortiManagerAPI")
    return library.FortiManager(
        host=unit.host, username="robot", password=password, adom="prod", verify=unit.ca_file
    )


def code(answer: Any) -> int:
    """The status code of an answer; some of its methods give the list, some the envelope."""
    results = answer["result"] if isinstance(answer, dict) else answer
    assert len(results) == 1
    return int(results[0]["status"]["code"])


@BOTH
def test_an_address_lives_from_its_creation_to_its_end(serve: Serve, mode: str) -> None:
    unit = serve(workspaceMode=mode)
    fmg = connect(unit)
    lock = {"disabled": -9, "normal": 0}[mode]
    assert code(fmg.lock_adom()) == lock

    assert (
        code(fmg.add_firewall_address_object("TestObject", subnet=["1.1.1.1", "255.255.255.255"]))
        == 0
    )
    assert (
        code(fmg.add_firewall_address_object("TestObject", subnet=["1.1.1.1", "255.255.255.255"]))
        == -2
    )
    changes = {"comment": "Updated using API", "subnet": ["2.2.2.2", "255.255.255.255"]}
    url = "pm/config/adom/prod/obj/firewall/address/TestObject"
    assert (
        code(fmg.custom_api({"method": "update", "params": [{"url": url, "data": changes}]})) == 0
    )
    [read] = fmg.get_firewall_address_objects(name="TestObject")
    assert read["data"]["subnet"] == ["2.2.2.2", "255.255.255.255"]
    assert read["data"]["comment"] == "Updated using API"
    assert read["data"]["type"] == 0
    assert code(fmg.delete_firewall_address_object("TestObject")) == 0
    assert code(fmg.get_firewall_address_objects(name="TestObject")) == -3

    assert code(fmg.unlock_adom()) == lock
    assert code(fmg.logout()) == 0


def test_an_ipv6_address_is_read_as_it_was_written(serve: Serve) -> None:
    fmg = connect(serve())

    assert code(fmg.add_firewall_address_v6_object("six", subnet6="2001:db8:1::2/128")) == 0
    [read] = fmg.get_firewall_address_v6_objects(name="six")

    assert read["data"]["ip6"] == "2001:db8:1::2/128"


def test_an_update_that_is_not_json_changes_nothing(serve: Serve) -> None:
    """Its own update methods post Python's notation: single quotes, which JSON does not have."""
    unit = serve()

    answer = connect(unit).update_firewall_address_object("legacy", comment="changed")

    assert code(answer) == -1
    held = unit.console().object("prod", "address", "legacy")
    assert held is not None
    assert not held.get("comment")


def test_a_group_gains_and_loses_members_and_takes_others_on_one_device(serve: Serve) -> None:
    unit = serve()
    fmg = connect(unit)
    for name, value in (("one", "10.1.0.1"), ("two", "10.1.0.2")):
        assert code(fmg.add_firewall_address_object(name, subnet=[value, "255.255.255.255"])) == 0

    assert code(fmg.add_address_group("Test_Group", members=["one"])) == 0
    assert code(fmg.add_address_group("Broken", members=["nobody"])) == -10131
    assert code(fmg.update_address_group("Test_Group", "two", do="add")) == 0
    assert code(fmg.update_address_group("Test_Group", "one", do="remove")) == 0
    assert code(fmg.add_dynamic_group("Test_Group", "fgt-2", "dmz", ["one"])) == 0
    assert code(fmg.delete_firewall_address_object("one")) == -10015

    held = unit.console().object("prod", "addrgrp", "Test_Group")
    assert held is not None
    assert held["member"] == ["two"]
    [mapping] = held["dynamic_mapping"]
    assert mapping["_scope"] == [{"name": "fgt-2", "vdom": "dmz"}]
    assert mapping["member"] == ["one"]
    assert code(fmg.delete_address_group("Test_Group")) == 0


def test_what_an_administrator_looks_up_is_there(serve: Serve) -> None:
    fmg = connect(serve())

    assert fmg.get_adoms(name="prod")[0]["data"]["name"] == "prod"
    assert [device["name"] for device in fmg.get_devices()["result"][0]["data"]] == [
        "fgt-1",
        "fgt-2",
    ]
    [package] = fmg.get_policy_packages(name="edge/default")
    assert package["data"]["scope member"] == [
        {"name": "fgt-1", "vdom": "root"},
        {"name": "fgt-2", "vdom": "dmz"},
    ]
    [policies] = fmg.get_firewall_policies("edge/default")
    assert [(policy["policyid"], policy["srcaddr"]) for policy in policies["data"]] == [
        (1, ["shop"])
    ]


@BOTH
def test_a_new_policy_reaches_the_device_with_its_group(
    serve: Serve, clock: Clock, mode: str
) -> None:
    unit = serve(workspaceMode=mode)
    fmg = connect(unit)
    fmg.lock_adom()
    assert code(fmg.add_firewall_address_object("one", subnet=["10.1.0.1", "255.255.255.255"])) == 0
    assert code(fmg.add_address_group("counter", members=["one"])) == 0
    added = fmg.add_firewall_policy(
        "edge/default", "till", "any", "counter", "any", "all", "ALL", nat="disable"
    )
    assert code(added) == 0
    commit = {"method": "exec", "params": [{"url": "dvmdb/adom/prod/workspace/commit"}]}
    fmg.custom_api(commit)

    [started] = fmg.install_policy_package_to_device("edge/default", "fgt-2", "dmz")
    clock.advance(10)
    task = unit.console().get(f"/task/task/{started['data']['task']}")

    assert (task["state"], task["num_err"]) == ("done", 0)
    assert unit.fortigate("fgt-2").members("counter", "dmz") == {"10.1.0.1"}
    assert unit.fortigate("fgt-1").members("counter") is None


def test_a_wrong_password_gives_no_session(serve: Serve) -> None:
    fmg = connect(serve(), password="guessed")

    fmg.login()

    assert fmg.sessionid is None
