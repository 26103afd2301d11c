"""Administrators whose profile does not give everything.

Sources: the administration guide on predefined profiles; codes: "How to FortiManager API", 001, and
`utils/errors.py` of rstierli/fortimanager-mcp.
"""

from __future__ import annotations

from typing import Any

import pytest

from fmgsync.simulator import Simulator
from fmgsync.simulator.state.problems import SeedError
from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed

OBJ = "/pm/config/adom/prod/obj/firewall"
POLICIES = "/pm/config/adom/prod/pkg/edge/default/firewall/policy"
CONSOLE = "/securityconsole"
JOB = {"adom": "prod", "pkg": "edge/default"}
NEW = {"name": "new", "subnet": "10.0.0.1/32"}
OWN = [
    {"name": "Writers", "deployManagement": "none", "policyObjects": "read-write"},
    {"name": "Installers", "policyObjects": "read", "adomPolicyPackages": "read"},
    {"name": "Blind", "policyObjects": "none", "deviceManager": "none"},
]


def as_profile(start: Start, profile: str, **more: Any) -> Client:
    seed = small_seed(profiles=OWN, **more)
    seed["admins"][0]["profile"] = profile
    return start(seed)[1]


CALLS = [
    # method, url, data, Restricted_User, Writers, Installers, Blind
    ("get", f"{OBJ}/address/db", None, 0, 0, 0, -11),
    ("add", f"{OBJ}/address", NEW, -10147, 0, -10147, -11),
    ("delete", f"{OBJ}/address/spare", None, -10147, 0, -10147, -11),
    ("get", POLICIES, None, 0, 0, 0, 0),
    ("update", f"{POLICIES}/1", {"comments": "x"}, -10147, 0, -10147, 0),
    ("add", "/pm/pkg/adom/prod", {"name": "p", "type": "pkg"}, -11, 0, -11, 0),
    ("get", "/pm/pkg/adom/prod", None, 0, 0, 0, 0),
    ("add", "/pm/pblock/adom/prod", {"name": "b"}, -11, 0, -11, 0),
    ("exec", f"{CONSOLE}/install/package", JOB, -11, -11, 0, 0),
    ("exec", f"{CONSOLE}/reinstall/package", JOB, -11, -11, 0, 0),
    ("exec", f"{CONSOLE}/install/device", {"adom": "prod", "scope": []}, -11, -11, 0, 0),
    ("exec", f"{CONSOLE}/install/objects/v2", {"adom": "prod"}, -11, -11, -10, -10),
    ("exec", f"{CONSOLE}/package/commit", {"adom": "prod"}, -11, -11, 0, 0),
    ("exec", f"{CONSOLE}/package/cancel/install", {"adom": "prod"}, 0, 0, 0, 0),
    ("get", "/dvmdb/adom/prod/device", None, 0, 0, 0, 0),
    ("update", "/dvmdb/adom/prod/device/east-1", {"desc": "x"}, -11, 0, 0, -11),
    ("exec", "/dvm/cmd/del/device", {"adom": "prod", "device": "east-2"}, -11, 0, 0, -11),
    ("exec", "/dvm/cmd/update/device", {"adom": "prod", "device": "east-1"}, -11, 0, 0, 0),
    ("get", "/pm/config/device/east-1/vdom/root/firewall/address", None, 0, 0, 0, -11),
    ("get", "/task/task", None, 0, 0, 0, 0),
    ("get", "/sys/status", None, 0, 0, 0, 0),
]


@pytest.mark.parametrize(
    "profile", ["Restricted_User", "Writers", "Installers", "Blind", "Standard_User"]
)
def test_what_a_profile_gives(start: Start, profile: str) -> None:
    at = {"Restricted_User": 3, "Writers": 4, "Installers": 5, "Blind": 6}.get(profile)
    client = as_profile(start, profile)

    told = {(call[0], call[1]): client.code(call[0], call[1], call[2]) for call in CALLS}
    if at is not None:
        assert told == {(call[0], call[1]): call[at] for call in CALLS}
    else:
        assert not {-11, -10147} & set(told.values())


@pytest.mark.parametrize(("profile", "code"), [("Restricted_User", -11), ("Writers", 0)])
def test_locking_is_for_those_who_write(start: Start, profile: str, code: int) -> None:
    client = as_profile(start, profile, workspaceMode="normal")
    workspace = "/dvmdb/adom/prod/workspace"

    assert client.code("get", f"{workspace}/lockinfo") == 0
    assert client.code("exec", f"{workspace}/lock") == code


def test_the_profiles_are_told_to_super_administrators(start: Start, connect: Any) -> None:
    simulator, client = start(small_seed(profiles=OWN))
    url = "/cli/global/system/admin/profile"
    assert client.code("get", url) == -11
    rows = {row["profileid"]: row for row in connect(simulator).get(url)}

    assert set(rows) == {
        "Restricted_User",
        "Standard_User",
        "Super_User",
        "Writers",
        "Installers",
        "Blind",
    }
    assert (rows["Writers"]["deploy-management"], rows["Blind"]["policy-objects"]) == (
        "none",
        "none",
    )
    short = connect(simulator).get(
        url, fields=["deploy-management"], filter=["profileid", "==", "Restricted_User"]
    )
    assert short == [{"profileid": "Restricted_User", "deploy-management": "none"}]


@pytest.mark.parametrize(
    ("seed", "said"),
    [
        ({"profiles": [{"name": "Super_User"}]}, "is there already"),
        ({"profiles": [{"name": "a"}, {"name": "a"}]}, "a second profile"),
        ({"profiles": [{"name": "a", "policyObjects": "write"}]}, "policyObjects"),
        ({"admins": [{"user": "u", "password": "p", "profile": "ghost"}]}, "no profile 'ghost'"),
    ],
)
def test_a_seed_with_profiles_that_cannot_be(seed: dict[str, Any], said: str) -> None:
    with pytest.raises(SeedError, match=said):
        Simulator(seed)
