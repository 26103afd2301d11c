"""Devices, VDOMs, device groups and the workspace mode of an ADOM."""

from __future__ import annotations

from typing import Any

import pytest

from fmgsync import errors
from fmgsync.model.adom import AdomTopology, Device, Workspace
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.targets.fortimanager import topology
from fmgsync.targets.fortimanager.target import FortiManagerAdom
from fmgsync.targets.protocol import DEVICES
from tests.targets.conftest import REF, Start, seed
from tests.targets.hardship import Rewriting
from tests.targets.wanted import ONE, TWO


def seen(adom: FortiManagerAdom) -> AdomTopology:
    return adom.look(DEVICES).around().topology


def test_devices_with_their_vdoms_and_groups_expanded(start: Start) -> None:
    found = seen(start(seed()).adom())
    assert found.ref == REF
    assert found.os_version == (7, 4)
    assert found.workspace is Workspace.DISABLED
    assert {name: device.vdoms for name, device in found.devices.items()} == {
        "fgt-1": ("root",),
        "fgt-2": ("root", "dmz"),
        "fgt-3": ("root",),
    }
    assert found.groups["East"] == {ONE, TWO}
    device = found.devices["fgt-1"]
    assert (device.online, device.in_sync, device.database_modified) == (True, True, False)


def test_an_offline_device_is_offline(start: Start) -> None:
    offline = {"devices": [{"name": "fgt-1", "vdoms": ["root"], "online": False}]}
    offline |= {"deviceGroups": [], "packages": []}
    assert seen(start(seed(adom=offline)).adom()).devices["fgt-1"].online is False


def test_serial_numbers_are_those_of_all_units_of_a_cluster(start: Start) -> None:
    units = [{"name": f"unit-{serial}", "serial": serial} for serial in ("FGT1", "FGT2")]
    devices = [
        {"name": "fgt-1", "vdoms": ["root"], "serial": "FGT1", "cluster": units},
        {"name": "fgt-2", "vdoms": ["root"], "serial": "FGT3"},
    ]
    unit = start(seed(adom={"devices": devices, "deviceGroups": [], "packages": []}))
    found = unit.adom().read_serials()
    assert found == {"FGT1": "fgt-1", "FGT2": "fgt-1", "FGT3": "fgt-2"}


@pytest.mark.parametrize(
    ("mode", "workspace"),
    [
        ("disabled", Workspace.DISABLED),
        ("normal", Workspace.NORMAL),
        ("workflow", Workspace.WORKFLOW),
    ],
)
def test_the_workspace_mode(start: Start, mode: str, workspace: Workspace) -> None:
    assert seen(start(seed(workspaceMode=mode)).adom()).workspace is workspace


def test_an_unknown_adom_is_named(start: Start) -> None:
    unit = start(seed(admins=[{"user": "fmgsync", "password": "secret"}]))
    with unit.session() as session, pytest.raises(errors.NotFound, match="no ADOM 'prdo'"):
        topology.read_topology(session, TargetRef("hq", "prdo"))


def test_an_adom_of_others_is_a_missing_right(start: Start) -> None:
    unit = start(seed(adoms=[{"name": "prod"}, {"name": "theirs"}]))
    with unit.session() as session, pytest.raises(errors.PermissionDenied, match="theirs"):
        topology.read_topology(session, TargetRef("hq", "theirs"))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            {"outer": [{"name": "inner"}], "inner": [{"name": "fgt-1", "vdom": "root"}]},
            {"outer": {ONE}, "inner": {ONE}},
        ),
        ({"a": [{"name": "b"}], "b": [{"name": "a"}]}, {"a": set(), "b": set()}),
        ({"a": [{"name": "fgt-2"}]}, {"a": {DeviceVdom("fgt-2", "root"), TWO}}),
        ({"a": [{"name": "elsewhere", "vdom": "root"}]}, {"a": set()}),
        ({"a": None}, {"a": set()}),
    ],
)
def test_nested_device_groups(rows: dict[str, object], expected: dict[str, object]) -> None:
    """A name without VDOM is a group; where there is none of that name, a whole device."""
    devices = {
        "fgt-1": Device("fgt-1", ("root",)),
        "fgt-2": Device("fgt-2", ("root", "dmz")),
    }
    table = [{"name": name, "object member": members} for name, members in rows.items()]
    assert topology.expand_groups(table, devices) == expected


def test_of_a_device_in_several_adoms_only_our_vdoms_count(start: Start) -> None:
    ours = {"name": "prod", "devices": [{"name": "fgt-2", "vdoms": ["root"]}]}
    theirs = {"name": "theirs", "devices": [{"name": "fgt-2", "vdoms": ["dmz"]}]}
    found = seen(start(seed(adoms=[ours, theirs])).adom())
    assert found.devices["fgt-2"].vdoms == ("root",)


@pytest.mark.parametrize(
    ("mode", "workspace"), [("disabled", Workspace.DISABLED), ("normal", Workspace.NORMAL)]
)
def test_the_mode_is_found_without_the_right_to_read_system_settings(
    start: Start, mode: str, workspace: Workspace
) -> None:
    """pyFMG would conclude that there are no workspaces."""

    def deny(body: dict[str, Any]) -> None:
        for element in body["result"]:
            if "system/global" in element["url"]:
                element.pop("data", None)
                element["status"] = {"code": -11, "message": "No permission for the resource"}

    unit = start(seed(workspaceMode=mode))
    assert seen(unit.adom(adapter=Rewriting(deny))).workspace is workspace


def test_the_flags_of_an_adom(start: Start) -> None:
    def backup(body: dict[str, Any]) -> None:
        for element in body["result"]:
            if isinstance(element.get("data"), dict) and "os_ver" in element["data"]:
                element["data"]["flags"] = ["no_vpn_console", "backup"]

    found = seen(start(seed()).adom(adapter=Rewriting(backup)))
    assert found.flags == {"no_vpn_console", "backup"}


def test_what_is_not_a_managed_fortigate_is_left_out(start: Start) -> None:
    def strangers(body: dict[str, Any]) -> None:
        for element in body["result"]:
            for row in element["data"] if isinstance(element.get("data"), list) else []:
                if row.get("name") == "fgt-1" and "mgmt_mode" in row:
                    row["mgmt_mode"] = "unreg"
                if row.get("name") == "fgt-3" and "os_type" in row:
                    row["os_type"] = "fsw"

    found = seen(start(seed()).adom(adapter=Rewriting(strangers)))
    assert set(found.devices) == {"fgt-2"}
    assert found.groups["East"] == {TWO}, "and out of its groups"
