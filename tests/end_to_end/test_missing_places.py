"""A part of `sites` that is not there any more: an error of that part; the other devices go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import common, main
from fmgsync.simulator.life.console import Console
from tests.end_to_end.estate import UNATTENDED, Estate, default_seed, open_estate
from tests.end_to_end.seen import changes, findings, held, passed, states, web

DVMDB = "/dvmdb/adom/prod"
WRONG = 2
"""The exit code of a configuration that cannot be right."""
GONE: dict[str, tuple[str, Callable[[Console], Any], str]] = {
    "retired": (
        "fgt-third/dmz",
        lambda c: c.call("exec", "/dvm/cmd/del/device", {"adom": "prod", "device": "fgt-third"}),
        "no device 'fgt-third'",
    ),
    "renamed": (
        "fgt-third/dmz",
        lambda c: c.call("update", f"{DVMDB}/device/fgt-third", {"name": "fgt-3rd"}),
        "no device 'fgt-third' (nearest: 'fgt-3rd')",
    ),
    "moved to another ADOM": (
        "fgt-third/dmz",
        lambda c: c.call(
            "add", "/dvmdb/adom/other/object member", {"name": "fgt-third", "vdom": "dmz"}
        ),
        "device 'fgt-third' has no VDOM 'dmz' in this ADOM",
    ),
    "its device group is gone": (
        "group:Branch",
        lambda c: c.call("delete", f"{DVMDB}/group/Branch"),
        "no device group 'Branch'",
    ),
}


def seed() -> dict[str, Any]:
    """A third FortiGate with two VDOMs, which is alone in a device group; a second ADOM."""
    unit = default_seed(install_s=0, workspaceMode="disabled")
    unit["admins"][1]["superAdmin"] = True
    adom = unit["adoms"][0]
    adom["devices"].append({"name": "fgt-third", "vdoms": ["root", "dmz"], "installSeconds": 0})
    adom["deviceGroups"] = [{"name": "Branch", "members": ["fgt-third/dmz"]}]
    adom["packages"][0]["targets"].append("fgt-third/dmz")
    unit["adoms"].append({"name": "other", "osVersion": "7.4"})
    return unit


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with open_estate(tmp_path, seed()) as made:
        yield made


def in_sync(estate: Estate, name: str, **rule: Any) -> None:
    """Everything installed; the eastern cluster is behind the first FortiGate and the third."""
    site = {"clusters": ["east"], "fortimanager": "hq", "adom": "prod"}
    west = {**site, "clusters": ["west"], "devices": ["fgt-west"]}
    estate.write_config(
        sites=[{**site, "devices": ["fgt-east", name]}, west],
        groups=[{"name": "k8s-web", "select": "app == 'web'", "allowEmpty": True, **rule}],
        install=UNATTENDED,
    )
    estate.run("east", web("10.1.0", 5), web("10.1.0", 6))
    estate.run("west", web("10.2.0", 5))
    estate.apply_never()
    estate.write_policy("k8s-web")
    estate.apply("window")
    estate.install_by_hand()
    assert passed_on_third(estate) >= {"10.1.0.5", "10.1.0.6"}


def passed_on_third(estate: Estate) -> set[str]:
    found = estate.unit.fortigate("fgt-third").members("k8s-web", "dmz")
    return {text.removesuffix("/32") for text in found or ()}


@pytest.mark.parametrize("how", GONE)
def test_the_other_devices_go_on_removals_first_of_all(estate: Estate, how: str) -> None:
    name, happen, told = GONE[how]
    in_sync(estate, name)
    happen(estate.unit.console("admin"))
    before = estate.mapped("k8s-web").get("fgt-third")
    estate.run("east", web("10.1.0", 5))
    result = estate.apply("window")
    (lost,) = findings(result, "missing-place")
    assert lost.name == name
    assert told in lost.message
    assert common.apply_code(result) == common.FAILED
    assert passed(estate, "fgt-east") == {"10.1.0.5"}
    assert held(result) == []
    assert changes(estate.plan()) == []
    assert estate.mapped("k8s-web").get("fgt-third") == before, "left as it is"
    assert ("fgt-west", "k8s-web") in states(estate.status())


def test_a_group_that_is_only_for_devices_that_are_gone_is_kept(estate: Estate) -> None:
    """Nobody can tell which devices had it."""
    in_sync(estate, "group:Branch")
    west, east = estate.config["sites"][1], {**estate.config["sites"][0]}
    estate.write_config(
        sites=[{**east, "devices": ["group:Branch"]}, west],
        groups=[
            *estate.config["groups"],
            {"name": "k8s-east", "select": "app == 'web'", "sites": {"clusters": ["east"]}},
        ],
    )
    for hold in held(estate.plan()):
        estate.approve(hold.digest)
    estate.apply()
    assert estate.mapped("k8s-east")["fgt-third"] == ["prod_10.1.0.5", "prod_10.1.0.6"]
    estate.unit.console("admin").call("delete", f"{DVMDB}/group/Branch")
    result = estate.apply()
    assert [found.name for found in findings(result, "missing-place")] == ["group:Branch"]
    assert estate.mapped("k8s-east")["fgt-third"] == ["prod_10.1.0.5", "prod_10.1.0.6"]


def test_a_shared_group_keeps_what_the_clusters_behind_a_lost_device_give(estate: Estate) -> None:
    """Its one value reaches all devices; a pod that goes leaves it all the same."""
    in_sync(estate, "fgt-third/dmz", mapping="shared")
    estate.write_config(
        sites=[
            {**estate.config["sites"][0], "devices": ["fgt-third/dmz"]},
            estate.config["sites"][1],
        ]
    )
    estate.apply("window")
    GONE["retired"][1](estate.unit.console("admin"))
    estate.run("east", web("10.1.0", 5))
    result = estate.apply("window")
    assert common.apply_code(result) == common.FAILED
    assert estate.mapped("k8s-web")[""] == ["prod_10.1.0.5", "prod_10.2.0.5"]


def test_where_no_part_is_there_the_configuration_is_wrong(estate: Estate) -> None:
    site = {"clusters": ["east"], "fortimanager": "hq", "adom": "prod", "devices": ["fgt-eats"]}
    estate.write_config(sites=[site])
    estate.run("east", web("10.1.0", 5))
    estate.run("west", web("10.2.0", 5))
    assert common.apply_code(estate.apply()) == 2


COMMANDS = {
    "windows": 1,
    "forecast": 1,
    "verify": 1,
    "plan": 1,
    "status": 1,
    "doctor": 1,
    "explain device fgt-thrid": 3,
}


def test_every_command_names_it(estate: Estate, capsys: pytest.CaptureFixture[str]) -> None:
    """A list without it would look complete."""
    estate.run("east", web("10.1.0", 5))
    estate.run("west", web("10.2.0", 5))
    (site, *_) = estate.config["sites"]
    estate.write_config(sites=[{**site, "devices": ["fgt-east", "fgt-thrid"]}])
    for command, code in COMMANDS.items():
        for more in ([], ["-o", "json"]):
            capsys.readouterr()
            arguments = [*command.split(), "-c", str(estate.path), *more]
            assert main.run(arguments) == code, command
            told = capsys.readouterr()
            assert "no device 'fgt-thrid' (nearest: 'fgt-third')" in told.out + told.err, command
            assert not more or json.loads(told.out)


def test_one_adom_whose_sites_name_nothing_stops_no_other(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    in_sync(estate, "fgt-third/dmz")
    nothing = {"clusters": ["east"], "fortimanager": "hq", "adom": "other", "devices": ["fgt-9"]}
    estate.write_config(sites=[nothing, *estate.config["sites"]])
    estate.run("east", web("10.1.0", 6))
    result = estate.apply()
    assert common.apply_code(result) == WRONG
    assert passed(estate, "fgt-east") == {"10.1.0.6"}
    for command in ("plan", "status", "verify", "windows", "forecast"):
        capsys.readouterr()
        assert main.run([command, "-c", str(estate.path)]) == WRONG, command
        assert "ADOM other: no device 'fgt-9'" in capsys.readouterr().out
