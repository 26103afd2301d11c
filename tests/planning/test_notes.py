"""What people are told of devices, names and modes, and what is no part of a plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.model.address import Address
from fmgsync.model.adom import AdomTopology, Device, Package, Workspace
from fmgsync.model.change import Action, AdomPlan, Change, Finding, Hold, ObjectKind
from fmgsync.model.rule import Site
from fmgsync.model.target import DeviceVdom, NamedPlace, TargetRef
from fmgsync.planning import (
    backup_mode,
    device_notes,
    misnamed,
    packages,
    provenance,
    workflow_mode,
)
from tests.planning.estates import EAST, REF, WEST
from tests.planning.usages import policy

TOPOLOGY = AdomTopology(
    REF,
    (7, 4),
    Workspace.WORKFLOW,
    {
        "fgt-east": Device("fgt-east", ("root", "dmz"), units_down=("u1", "u2"), kept_by="fmg-2"),
        "fgt-west": Device("fgt-west", ("root",)),
        "fgt-model": Device("fgt-model", ("root",), is_model=True),
        "amodel": Device("amodel", ("root",), is_model=True),
    },
    {"none": frozenset(), "edges": frozenset({EAST, DeviceVdom("amodel", "root")})},
)
MODEL = "a model device has no FortiGate yet; it is left out until it has one"
SAID = Finding("x", "y", "z")
PLAN = AdomPlan(REF, findings=(SAID,), foreign=(SAID,), held=(Hold("h", "web", "why"),))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("fgt-east", "fgt-west/root", "nobody", "group:nobody"), []),
        (("fgt-model",), ["fgt-model"]),
        (("fgt-model/root", "group:edges"), ["amodel", "fgt-model"]),
        (("edges",), []),
        (("none",), []),
    ],
)
def test_model_devices_of_the_sites_are_told(names: tuple[str, ...], expected: list[str]) -> None:
    sites = [Site(frozenset(), TargetRef("hq", "lab"), ("fgt-model",)),
             Site(frozenset(), REF, names)]  # fmt: skip
    found = list(device_notes.of_sites(sites, TOPOLOGY))
    assert found == [Finding("model-device", name, MODEL) for name in expected]


def test_a_device_group_without_devices_is_told() -> None:
    found = list(device_notes.of_sites([Site(frozenset(), REF, ("group:none",))], TOPOLOGY))
    why = "no device of this ADOM is in this device group, so nothing is meant for it"
    assert found == [Finding("empty-device-group", "none", why)]


def test_clusters_without_a_unit_and_copies_are_told() -> None:
    nobody = DeviceVdom("nobody", "root")
    odd = {"fgt-west": Device("fgt-west", ("root",), units_down=("u3",))}
    topology = replace(TOPOLOGY, devices={**TOPOLOGY.devices, **odd})
    found = list(device_notes.of_devices(topology, [WEST, EAST, nobody, EAST]))
    assert [(one.kind, one.name) for one in found] == [
        ("kept-by-fortimanager", "fgt-east"),
        ("ha-unit-down", "fgt-east"),
        ("ha-unit-down", "fgt-east"),
        ("ha-unit-down", "fgt-west"),
    ]
    assert found[0].message == "fmg-2 keeps copies of it and changes nothing (mode backup)"
    assert [one.message.split(" of")[0] for one in found[1:]] == ["unit u1", "unit u2", "unit u3"]


@pytest.mark.parametrize(
    ("name", "matches"),
    [
        ("fgt-east", True),
        ("fgt-east/dmz", True),
        ("fgt-west/dmz", False),
        ("fgt-*", True),
        ("fgt-*/dmz", True),
        ("group:edges", True),
        ("group:e*", True),
        ("edges", False),
        ("fgt-est", False),
    ],
)
def test_a_name_stands_for_what_is_there(name: str, matches: bool) -> None:
    place = NamedPlace("install.canary", name)
    odd = misnamed.unmatched([place], iter(misnamed.known(TOPOLOGY)))
    assert odd == (() if matches else (place,))


@pytest.mark.parametrize(
    ("name", "unread", "told"),
    [
        ("fgt-eats", "", " (nearest: 'fgt-east')"),
        ("router", "", ""),
        ("router", "ADOM lab was not read", "; ADOM lab was not read"),
    ],
)
def test_a_name_that_stands_for_nothing_stops_rollouts(name: str, unread: str, told: str) -> None:
    message = (
        f"install.canary names {name!r}, which is no device or device group here{told}:"
        " no rollout starts until that is put right"
    )
    found = list(misnamed.findings([NamedPlace("install.canary", name)], TOPOLOGY, unread))
    assert found == [Finding("unknown-name", name, message, is_error=True)]
    assert misnamed.told(replace(PLAN, findings=(*found, SAID, *found))) == f"{message}; {message}"
    assert misnamed.told(PLAN) == ""


def test_from_an_adom_in_backup_mode_nothing_is_installed() -> None:
    assert not backup_mode.is_closed(TOPOLOGY)
    assert backup_mode.is_closed(replace(TOPOLOGY, flags=frozenset({"backup"})))
    change = Change(Action.CREATE, ObjectKind.GROUP, "web", "new rule")
    refused = backup_mode.refuse(replace(PLAN, changes=(change,)))
    error = refused.foreign[-1]
    assert refused == AdomPlan(REF, foreign=(SAID, error), findings=(SAID,))
    assert (error.kind, error.name, error.is_error) == ("backup-mode", "prod", True)


def test_what_is_written_at_once_cannot_be_had_in_workflow_mode() -> None:
    wishes = {"install.write": "install.window", "b": "c"}
    found = list(workflow_mode.refused(wishes, TOPOLOGY))
    told = [(one.kind, one.name, f"set '{wishes[one.name]}'" in one.message) for one in found]
    assert told == [("workflow-mode", name, True) for name in wishes]
    assert all(one.is_error for one in found)
    assert not list(workflow_mode.refused(wishes, replace(TOPOLOGY, workspace=Workspace.NORMAL)))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([1], [1], []),
        ([1], [1, 2], [2]),
        ([1, 3, 2], [1], [2, 3]),
        ([1, 1], [1], [1]),
        ([-1], [1], [1]),  # The same number, another policy.
    ],
)
def test_which_policies_somebody_has_edited(
    before: list[int], after: list[int], expected: list[int]
) -> None:
    def looked(numbers: list[int], more: str) -> list[Package]:
        policies = tuple(
            replace(policy("web" if n > 0 else "db"), policy_id=abs(n)) for n in numbers
        )
        other = Package("other", frozenset(), (policy(more),))
        return [other, Package("edge", frozenset(), policies)]

    found = packages.edited(looked(before, "a"), looked(after, "b"), "edge")
    assert found == tuple(f"policy {number} of package edge" for number in expected)


def test_workloads_are_told_of_what_comes_to_groups() -> None:
    """The first of them each, and of the first addresses."""
    many = tuple(Address(f"10.1.{n // 200}.{n % 200}") for n in range(provenance.MOST + 2))
    come = Change(Action.UPDATE, ObjectKind.GROUP, "web", "why", added=many)
    made = Change(Action.CREATE, ObjectKind.ADDRESS, "a", "why", value=many[-1], added=(many[-1],))
    who = {many[0]: ("a", "b", "c", "d"), many[2]: ("e",), many[-3]: ("f",), many[-2]: ("g",)}
    found = provenance.told(replace(PLAN, changes=(made, come, come)), lambda one: who.get(one, ()))
    told = ((many[0], ("a", "b", "c")), (many[2], ("e",)), (many[-3], ("f",)))
    assert found == replace(PLAN, changes=(made, come, come), workloads=told)
