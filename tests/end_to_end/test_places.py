"""Where a change goes and where it does not: device groups, VDOMs, clusters, policies, ADOM modes.

Whatever is decided is shown in plan and status with its reason.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import common, documents, main
from fmgsync.model.view import GroupState
from fmgsync.passes.result import Result
from tests import builders
from tests.end_to_end.estate import PACKAGE, Estate, default_seed, open_estate
from tests.end_to_end.seen import changes, findings, passed, states, web

EAST, WEST = ("fgt-east", "k8s-web"), ("fgt-west", "k8s-web")


def seed(**adom: Any) -> dict[str, Any]:
    """The usual unit with another ADOM."""
    made = default_seed(install_s=0)
    made["adoms"][0].update(adom)
    return made


def pods(estate: Estate) -> None:
    estate.run("east", web("10.1.0", 5))
    estate.run("west", web("10.2.0", 5))


def because(result: Result) -> dict[tuple[str, str], str]:
    """The reason of each state, as scripts read it."""
    return {
        (device["device"], group["name"]): group.get("because", "")
        for device in documents.status_document(result)["devices"]
        for group in device["groups"]
    }


# --- what a policy brings to a device, and what it does not ---------------------------------------


def test_a_group_no_policy_uses_is_not_referenced(estate: Estate) -> None:
    """It is written, no install is started for it, and nothing is outstanding."""
    pods(estate)
    result = estate.apply()
    assert result.adoms[0].outcomes == ()
    assert states(result)[EAST] is GroupState.NOT_REFERENCED
    assert because(estate.status())[EAST] == "no policy uses it"
    assert common.status_code(result) == 0
    (silent, _) = documents.plan_document(estate.plan())["installs"]
    assert (silent["package"], silent["notReferenced"]) == (None, ["k8s-web"])


def test_a_policy_with_install_on_brings_it_to_those_devices_only(estate: Estate) -> None:
    pods(estate)
    estate.apply_never()
    only_east = [{"name": "fgt-east", "vdom": "root"}]
    estate.write_policy("k8s-web", **{"scope member": only_east})
    result = estate.apply()
    assert states(result) == {EAST: GroupState.IN_SYNC, WEST: GroupState.NOT_REFERENCED}
    assert "is installed on other devices only" in because(result)[WEST]
    assert passed(estate, "fgt-east") == {"10.1.0.5"}
    assert estate.on_device("fgt-west", "k8s-web") is None


def test_a_package_that_is_not_assigned_to_a_device_never_reaches_it(tmp_path: Path) -> None:
    packages = [{"name": PACKAGE, "targets": ["fgt-east/root"], "policies": []}]
    with open_estate(tmp_path, seed(packages=packages)) as estate:
        pods(estate)
        estate.apply_never()
        estate.write_policy("k8s-web")
        result = estate.apply()
        assert states(result) == {EAST: GroupState.IN_SYNC, WEST: GroupState.NOT_REFERENCED}
        assert "the package is not assigned to this device" in because(result)[WEST]


def test_a_group_in_a_foreign_group_that_a_policy_uses_is_referenced(estate: Estate) -> None:
    """Nesting in somebody else's group brings it to the device; that group stays as it is."""
    pods(estate)
    estate.apply_never()
    with estate.administrator() as console:
        url = "/pm/config/adom/prod/obj/firewall/addrgrp"
        console.call("add", url, {"name": "apps", "member": ["k8s-web", "legacy-db"]})
    before = estate.object("addrgrp", "apps")
    estate.write_policy("apps")
    result = estate.apply()
    assert states(result) == {EAST: GroupState.IN_SYNC, WEST: GroupState.IN_SYNC}
    assert passed(estate, "fgt-west") == {"10.2.0.5"}
    assert estate.object("addrgrp", "apps") == before


def test_a_foreign_group_may_hold_ours_on_some_devices_only(estate: Estate) -> None:
    """Its per-device mapping decides what goes along; nothing is outstanding where it lacks."""
    pods(estate)
    estate.apply_never()
    without = {"_scope": [{"name": "fgt-west", "vdom": "root"}], "member": ["legacy-db"]}
    members = {"member": ["k8s-web", "legacy-db"], "dynamic_mapping": [without]}
    with estate.administrator() as console:
        console.call(
            "add", "/pm/config/adom/prod/obj/firewall/addrgrp", {"name": "apps", **members}
        )
    estate.write_policy("apps")
    result = estate.apply()
    assert states(result) == {EAST: GroupState.IN_SYNC, WEST: GroupState.NOT_REFERENCED}
    assert "through a group that holds it on other devices only" in because(result)[WEST]
    assert estate.on_device("fgt-west", "k8s-web") is None
    assert estate.apply().adoms[0].outcomes == ()


# --- what stands behind the names of a site -------------------------------------------------------


def test_device_groups_in_device_groups_are_expanded(tmp_path: Path) -> None:
    groups = [
        {"name": "All", "members": ["East", "fgt-west/root"]},
        {"name": "East", "members": ["fgt-east/root"]},
    ]
    with open_estate(tmp_path, seed(deviceGroups=groups)) as estate:
        site = {"clusters": ["east"], "fortimanager": "hq", "adom": "prod"}
        estate.write_config(sites=[{**site, "devices": ["group:All"]}])
        estate.run("east", web("10.1.0", 5))
        estate.run("west")
        estate.apply_never()
        estate.write_policy("k8s-web")
        assert set(states(estate.apply()).values()) == {GroupState.IN_SYNC}
        assert passed(estate, "fgt-east") == passed(estate, "fgt-west") == {"10.1.0.5"}


def split_device() -> dict[str, Any]:
    """One FortiGate whose VDOMs lie in two ADOMs, each with a package of its own."""
    made = default_seed(install_s=0, workspaceMode="disabled")
    made["adoms"] = [
        {
            "name": name,
            "osVersion": "7.4",
            "devices": [{"name": "fgt-both", "vdoms": [vdom], "installSeconds": 0}],
            "packages": [{"name": PACKAGE, "targets": [f"fgt-both/{vdom}"], "policies": []}],
        }
        for name, vdom in (("prod", "root"), ("lab", "dmz"))
    ]
    return made


def test_the_vdoms_of_one_device_may_lie_in_several_adoms(tmp_path: Path) -> None:
    """Each ADOM writes and installs its own VDOM."""
    with open_estate(tmp_path, split_device()) as estate:
        estate.write_config(
            sites=[
                {"clusters": [c], "fortimanager": "hq", "adom": adom, "devices": ["fgt-both"]}
                for c, adom in (("east", "prod"), ("west", "lab"))
            ]
        )
        pods(estate)
        estate.apply_never()
        console = estate.unit.console("admin")
        for adom in ("prod", "lab"):
            policy = {"name": "web", "srcaddr": ["all"], "dstaddr": ["k8s-web"]}
            console.add_policy(adom, PACKAGE, **policy)
        result = estate.apply()
        seen = [view for adom in result.adoms for view in adom.views]
        assert {
            (view.adom.domain, view.target.vdom, *(view.groups[0].device or ())) for view in seen
        } == {("prod", "root", "10.1.0.5"), ("lab", "dmz", "10.2.0.5")}
        assert set(states(result).values()) == {GroupState.IN_SYNC}


def test_a_vdom_of_another_adom_is_refused(tmp_path: Path) -> None:
    with open_estate(tmp_path, split_device()) as estate:
        site = {"clusters": ["east"], "fortimanager": "hq", "adom": "prod"}
        estate.write_config(sites=[{**site, "devices": ["fgt-both/dmz"]}])
        pods(estate)
        result = estate.apply()
        assert "no VDOM 'dmz' in this ADOM, which has of it: root" in str(result.adoms[0].error)
        assert common.apply_code(result) == 2
        assert estate.object("addrgrp", "k8s-web") is None


def test_an_ha_cluster_is_one_device(tmp_path: Path) -> None:
    """It is installed and asked once; a unit that is down is shown."""
    made = seed()
    units = [{"name": "east-a"}, {"name": "east-b", "up": False}]
    made["adoms"][0]["devices"][0]["cluster"] = units
    with open_estate(tmp_path, made) as estate:
        pods(estate)
        estate.apply_never()
        estate.write_policy("k8s-web")
        result = estate.apply()
        assert states(result) == {EAST: GroupState.IN_SYNC, WEST: GroupState.IN_SYNC}
        assert [o.target.device for o in result.adoms[0].outcomes] == ["fgt-east", "fgt-west"]
        for shown in (result, estate.plan(), estate.status()):
            (note,) = findings(shown, "ha-unit-down")
            assert (note.name, "east-b" in note.message) == ("fgt-east", True)


# --- where nothing is installed -------------------------------------------------------------------


def test_an_adom_in_backup_mode_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written, every group is held, and the reason is in plan, apply and status."""
    with open_estate(tmp_path, seed(backup=True)) as estate:
        pods(estate)
        mark = estate.unit.requests.mark()
        for arguments in (["plan"], ["status"], ["apply", "--install", "now"]):
            code = main.run([*arguments, "-c", str(estate.path), "--output", "json"])
            document = json.loads(capsys.readouterr().out)
            assert code == 1
            (told,) = (
                document["foreign"] if "foreign" in document else document["adoms"][0]["foreign"]
            )
            assert (told["kind"], told["name"]) == ("backup-mode", "prod")
        assert {g["state"] for d in document["devices"] for g in d["groups"]} == {"held"}
        assert "backup mode" in document["devices"][0]["groups"][0]["because"]
        assert estate.unit.requests.writing(since=mark) == []
        assert changes(estate.plan()) == []


# --- what a device holds that is no plain address -------------------------------------------------


def test_a_group_that_holds_more_than_plain_addresses_is_never_equal(estate: Estate) -> None:
    """Not even where it should hold nothing: what a name resolves to is not known."""
    estate.run("east", builders.pod("idle", "10.1.0.99", labels={"app": "other"}))
    estate.run("west", web("10.2.0", 5))
    estate.apply_never()
    estate.write_policy("k8s-web")
    assert states(estate.apply())[EAST] is GroupState.IN_SYNC
    fortigate = estate.unit.fortigate("fgt-east")
    fortigate.drift("firewall address", "anybody", type="fqdn", fqdn="example.org")
    fortigate.drift("firewall addrgrp", "k8s-web", member=("anybody",))
    result = estate.status()
    assert states(result) == {EAST: GroupState.DRIFTED, WEST: GroupState.IN_SYNC}
    assert because(result)[EAST] == "it holds something else than plain addresses there"
    assert common.status_code(result) == common.OUTSTANDING
    fortigate.retrieve()
    result = estate.status()
    assert states(result)[EAST] is GroupState.INSTALL_PENDING
    (east, _) = documents.status_document(result)["devices"]
    assert (east["groups"][0]["deviceDatabase"], east["groups"][0]["device"]) == (None, None)


@pytest.mark.parametrize("name", ["fgt(1)", "fgt (old)", "fgt(root)", "fgt [x]", "fgt(1)[copy]"])
def test_a_name_with_brackets_is_a_name(tmp_path: Path, name: str) -> None:
    made = seed_with_device(name)
    with open_estate(tmp_path, made) as estate:
        estate.write_config(sites=[sites_of(name)])
        pods(estate)
        estate.apply_never()
        estate.write_policy("k8s-web")
        result = estate.apply()
        assert common.apply_code(result) == 0
        assert estate.on_device(name, "k8s-web") == {"10.1.0.5"}


def seed_with_device(name: str) -> dict[str, Any]:
    """One FortiGate of this name, in the package."""
    made = default_seed()
    (adom,) = made["adoms"]
    adom["devices"] = [{"name": name, "vdoms": ["root"], "installSeconds": 2}]
    adom["packages"][0]["targets"] = [f"{name}/root"]
    return made


def sites_of(*devices: str) -> dict[str, Any]:
    return {"clusters": ["east"], "fortimanager": "hq", "adom": "prod", "devices": [*devices]}


def test_parts_of_a_site_without_a_fortigate_are_named(tmp_path: Path) -> None:
    """A model device has no tunnel and a first install pending; an empty group is no device."""
    made = default_seed()
    made["adoms"][0]["deviceGroups"] = [{"name": "Later", "members": []}]
    with open_estate(tmp_path, made) as estate:
        estate.write_config(sites=[sites_of("fgt-east", "fgt-west", "group:Later")])
        estate.unit.world.devices["fgt-west"].model = True
        pods(estate)
        estate.apply_never()
        estate.write_policy("k8s-web")
        result = estate.apply()
        assert [one.name for one in findings(result, "model-device")] == ["fgt-west"]
        assert [one.name for one in findings(result, "empty-device-group")] == ["Later"]
        assert list(estate.mapped("k8s-web")) == ["", "fgt-east"]
        assert common.apply_code(result) == 0
