"""Policies of every kind that decides about traffic: which of our groups they use, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.clock import ManualClock
from fmgsync.model.address import Family
from fmgsync.model.adom import AdomTopology, Device, Package, Workspace
from fmgsync.model.state import ObservedAdom, ObservedGroup
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import usage
from fmgsync.targets.fortimanager import packages, reads
from fmgsync.targets.fortimanager.access import Access
from fmgsync.targets.fortimanager.answers import Place
from fmgsync.targets.fortimanager.session import Session
from tests.targets import scripted
from tests.targets.conftest import REF

EDGE = {
    "name": "edge",
    "type": "pkg",
    "scope member": [{"name": "fgt-1", "vdom": "root"}],
    "package settings": {"ngfw-mode": "policy-based"},
}
Tables = dict[str, list[dict[str, Any]] | int]


def read(folder: Path, tables: Tables, *, version: tuple[int, int] = (7, 4)) -> Package:
    """The package of a unit whose policy tables hold these rows, or answer with this code."""

    def one(param: dict[str, Any]) -> dict[str, Any]:
        url = param["url"]
        if url.endswith("/pm/pkg/adom/prod"):
            return scripted.ok([EDGE])[0]
        found = tables.get(url.partition("/pkg/edge/")[2].removeprefix("firewall/"), -6)
        if isinstance(found, int):
            return scripted.refused(found)
        return scripted.ok(len(found) if "count" in param.get("option", ()) else found)[0]

    def answer(body: dict[str, Any]) -> Any:
        if body["method"] == "exec":
            return {"id": body["id"], "session": "s", "result": scripted.ok(None)}
        return {"id": body["id"], "result": [one(param) for param in body["params"]]}

    with scripted.serve(answer, folder) as unit:
        access = Access("hq", unit.host, "u", "p", ca_file=unit.ca_file)
        devices = {"fgt-1": Device("fgt-1", ("root",))}
        adom = AdomTopology(REF, version, Workspace.DISABLED, devices, {})
        with Session(access, clock=ManualClock()) as session:
            tree = session.call("get", packages.questions(REF))
            read = packages.reading(Place("hq", REF.domain), adom, tree)
            (package,), _ = reads.run(session, read)
    return package


def policy(**attributes: Any) -> dict[str, Any]:
    return {"policyid": 7, "name": "p", "status": "enable", "action": "deny", **attributes}


@pytest.mark.parametrize(
    ("table", "attribute", "family", "kind"),
    [
        ("policy", "srcaddr", Family.IPV4, "policy"),
        ("policy", "dstaddr6", Family.IPV6, "policy"),
        ("security-policy", "dstaddr", Family.IPV4, "security policy"),
        ("proxy-policy", "srcaddr6", Family.IPV6, "proxy policy"),
        ("local-in-policy", "srcaddr", Family.IPV4, "local-in policy"),
        ("local-in-policy6", "srcaddr", Family.IPV6, "local-in policy6"),
        ("policy6", "dstaddr", Family.IPV6, "policy"),
        ("global/header/policy", "srcaddr", Family.IPV4, "header policy"),
        ("global/footer/policy", "dstaddr6", Family.IPV6, "footer policy"),
    ],
)
def test_a_group_that_denies_anywhere_is_known_to_deny(
    tmp_path: Path, table: str, attribute: str, family: Family, kind: str
) -> None:
    """Emptied it would open, wherever the policy stands; and it reaches the device by it."""
    rows: Tables = {"policy": [], table: [policy(**{attribute: ["web"]})]}
    package = read(tmp_path, rows, version=(6, 2))
    group = ObservedGroup("web", family, ("none",), {}, "", owned=True)
    found = usage.find_usage([package], ObservedAdom(REF, {}, {(family, "web"): group}))
    assert found.widening[family, "web"] == f"used in deny {kind} 7 of package edge"
    assert found.reaches([(family, "web")], DeviceVdom("fgt-1", "root"))


def test_a_block_that_is_not_shown_may_use_anything(tmp_path: Path) -> None:
    package = read(tmp_path, {"policy": [policy(_policy_block="shared")]})
    group = ObservedGroup("web", Family.IPV4, ("none",), {}, "", owned=True)
    found = usage.find_usage([package], ObservedAdom(REF, {}, {(Family.IPV4, "web"): group}))
    told = "policy block shared of package edge is not shown, and may use it"
    assert found.unknown == {(Family.IPV4, "web"): told}


@pytest.mark.parametrize("action", ["redirect", "isolate", "", "deny", 0])
def test_only_a_policy_that_lets_through_is_closed_by_an_empty_group(
    tmp_path: Path, action: str | int
) -> None:
    package = read(tmp_path, {"policy": [policy(srcaddr=["web"], action=action)]})
    group = ObservedGroup("web", Family.IPV4, ("none",), {}, "", owned=True)
    found = usage.find_usage([package], ObservedAdom(REF, {}, {(Family.IPV4, "web"): group}))
    assert (Family.IPV4, "web") in found.widening


def test_a_kind_of_policy_that_a_release_does_not_have_is_no_error(tmp_path: Path) -> None:
    assert read(tmp_path, {"policy": [policy(dstaddr=["web"])], "proxy-policy": -9}).policies


@pytest.mark.parametrize("table", ["policy", "local-in-policy"])
def test_a_kind_of_policy_that_may_not_be_read_is_one(tmp_path: Path, table: str) -> None:
    """Whether a group denies there would be guessed at."""
    rows: Tables = {"policy": [], table: -20020}
    with pytest.raises(errors.PermissionDenied):
        read(tmp_path, rows)
