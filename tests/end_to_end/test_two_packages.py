"""A device that is target of two packages: the one that is installed there counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fmgsync.cli import common
from fmgsync.model.view import GroupState
from tests.end_to_end.estate import UNATTENDED, Estate, default_seed, open_estate
from tests.end_to_end.seen import findings, passed, said, states, web

POLICY = {
    "name": "spare",
    "srcintf": ["any"],
    "dstintf": ["any"],
    "srcaddr": ["all"],
    "dstaddr": ["k8s-web"],
    "service": ["ALL"],
    "schedule": ["always"],
    "action": "accept",
}


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """In sync down to the FortiGates, one pod in each cluster."""
    with open_estate(tmp_path, default_seed(install_s=0)) as made:
        made.write_config(install={**UNATTENDED, "firstInstall": "allow"})
        made.run("east", web("10.1.0", 5))
        made.run("west", web("10.2.0", 5))
        made.apply_never()
        made.write_policy("k8s-web")
        made.apply()
        yield made


def assign(estate: Estate, name: str) -> None:
    """Another package with a policy for our group, assigned to the eastern device as well."""
    target = [{"name": "fgt-east", "vdom": "root"}]
    with estate.administrator() as console:
        package = {"name": name, "type": "pkg", "scope member": target}
        console.call("add", "/pm/pkg/adom/prod", package)
        console.call("add", f"/pm/config/adom/prod/pkg/{name}/firewall/policy", POLICY)


@pytest.mark.parametrize("name", ["a-spare", "z-spare"])
def test_changes_go_through_the_installed_package(estate: Estate, name: str) -> None:
    """Before it in the tree or after it: another would replace the live policies."""
    assign(estate, name)
    estate.run("east", web("10.1.0", 6))
    result = estate.apply("window")
    assert common.apply_code(result) == common.IN_SYNC
    assert passed(estate, "fgt-east") == {"10.1.0.6"}
    rows = estate.unit.console("admin").get("/pm/config/adom/prod/_package/status")
    assert {row["pkg"] for row in rows} == {"edge/default"}


def test_where_it_cannot_be_told_the_device_is_held_and_named(tmp_path: Path) -> None:
    seed = default_seed(install_s=0)
    for device in seed["adoms"][0]["devices"]:
        device["installed"] = device["name"] != "fgt-east"
    with open_estate(tmp_path, seed) as estate:
        estate.write_config(install={**UNATTENDED, "firstInstall": "allow"})
        estate.run("east", web("10.1.0", 5))
        estate.run("west", web("10.2.0", 5))
        estate.apply_never()
        estate.write_policy("k8s-web")
        assign(estate, "spare")
        result = estate.apply("window")
        told = "packages edge/default and spare are assigned to the device"
        (note,) = findings(result, "disputed-package")
        assert note.name == "fgt-east/root"
        assert told in note.message
        assert "take the device out of the targets" in note.message
        assert states(result)["fgt-east", "k8s-web"] is GroupState.HELD
        assert common.apply_code(result) == common.OUTSTANDING
        assert told in said(result)
        assert passed(estate, "fgt-east") == set(), "nothing was installed there"
        assert passed(estate, "fgt-west") == {"10.2.0.5"}, "the other device goes on"
