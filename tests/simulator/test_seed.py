from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fmgsync.errors import ConfigError
from fmgsync.simulator import SeedError, Simulator
from fmgsync.simulator.state.reserved import RESERVED
from tests.simulator.client import Client

EXAMPLE = """\
version: 7.4.5
workspaceMode: normal
admins:
  - {user: fmgsync, password: secret, rpcPermit: read-write, adoms: [prod], superAdmin: false}
  - {user: robot, apiKey: k3y, rpcPermit: read-write}
adoms:
  - name: prod
    osVersion: "7.4"
    devices:
      - {name: fgt-east-1, vdoms: [root, dmz], platform: FortiGate-100F, online: true, installSeconds: 2, installed: true}
    deviceGroups: [{name: East, members: [fgt-east-1/root]}]
    addresses: [{name: legacy-db, subnet: 10.9.0.1/32, comment: "by hand"}]
    addressGroups: [{name: legacy, members: [legacy-db]}]
    packages:
      - name: edge/default
        targets: [fgt-east-1/root, "group:East"]
        policies: [{name: web, srcaddr: [legacy], dstaddr: [all], service: [ALL], action: accept}]
"""  # noqa: E501


def test_the_documented_example_is_served(tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text(EXAMPLE)

    with Simulator(path) as simulator, Client(simulator) as client:
        assert client.log_in("fmgsync", "secret") == 0
        device = client.get("/dvmdb/adom/prod/device/fgt-east-1")
        package = client.get("/pm/pkg/adom/prod/edge/default")

    assert device["platform_str"] == "FortiGate-100F"
    assert [vdom["name"] for vdom in device["vdom"]] == ["root", "dmz"]
    assert package["scope member"] == [{"name": "fgt-east-1", "vdom": "root"}, {"name": "East"}]


def test_without_a_seed_there_is_a_small_world() -> None:
    with Simulator() as simulator, Client(simulator) as client:
        assert client.log_in("admin", "admin") == 0
        names = [row["name"] for row in client.get("/dvmdb/adom")]
        assert names == sorted(["root", *RESERVED])
        assert len(client.get("/dvmdb/adom/root/device")) == 2
        assert [row["name"] for row in client.get("/pm/pkg/adom/root")] == ["default"]
    with Simulator() as simulator, Client(simulator, key="simulator") as client:
        assert client.code("get", "/sys/status") == 0


def test_a_device_may_lend_its_vdoms_to_two_adoms() -> None:
    adoms = [
        {"name": "a", "devices": [{"name": "fgt", "vdoms": ["root"]}]},
        {"name": "b", "devices": [{"name": "fgt", "vdoms": ["dmz"]}]},
    ]
    with Simulator({"adoms": adoms}) as simulator, Client(simulator) as client:
        client.log_in("admin", "admin")
        vdoms = {
            adom: [v["name"] for v in client.get(f"/dvmdb/adom/{adom}/device/fgt/vdom")]
            for adom in ("a", "b")
        }

    assert vdoms == {"a": ["root"], "b": ["dmz"]}


def adom(**content: Any) -> dict[str, Any]:
    return {"adoms": [{"name": "prod", **content}]}


@pytest.mark.parametrize(
    ("seed", "problem"),
    [
        ({"verison": "7.4.5"}, "verison: unknown key; did you mean version?"),
        ({"version": "5.6"}, "version: FortiManager 7.2 to 8.0 is simulated"),
        ({"version": "latest"}, "version: write a release such as"),
        ({"adoms": [{"name": "a", "osVersion": "7.4.5"}]}, "osVersion: an ADOM has a version"),
        ({"admins": [{"user": "a"}]}, "admins[0].user: 'a' has neither password nor apiKey"),
        (
            {"admins": [{"user": "a", "password": "1"}, {"user": "a", "password": "2"}]},
            "admins[1].user: a second administrator 'a'",
        ),
        (
            {"admins": [{"user": "a", "apiKey": "k"}, {"user": "b", "apiKey": "k"}]},
            "admins[1].apiKey: 'a' has the same key",
        ),
        (
            {"admins": [{"user": "a", "password": "1", "adoms": ["nowhere"]}]},
            "admins[0].adoms[0]: no ADOM 'nowhere' in this seed",
        ),
        ({"adoms": [{"name": "global"}]}, "adoms[0].name: the global ADOM is always there"),
        ({"adoms": [{"name": "a\x1b[2J"}]}, "adoms[0].name: holds a character that cannot be"),
        (adom(devices=[{"name": "a/b"}]), "devices[0].name: this name cannot hold a slash"),
        (adom(devices=[{"name": "f"}, {"name": "f"}]), "devices[1].name: a second device 'f'"),
        (
            adom(deviceGroups=[{"name": "g"}, {"name": "g"}]),
            "deviceGroups[1].name: a second device group 'g'",
        ),
        (adom(workspaceMode="normal"), "only if the unit's workspaceMode is per-adom"),
        (adom(addresses=[{"name": "x", "subnet": "10.0.0.1", "ip6": "::1"}]), "exclude each other"),
        (
            adom(
                devices=[{"name": "f"}],
                addresses=[{"name": "x", "mappings": [{"device": "f", "members": ["all"]}]}],
            ),
            "addresses[0].mappings[0]: member: not an attribute of a firewall address",
        ),
        (
            adom(packages=[{"name": "a"}, {"name": "a/b"}]),
            "[1].name: 'a' is a package, not a folder",
        ),
        ({"adoms": None}, "adoms: write a list"),
        ({"adoms": [None]}, "adoms[0]: write a mapping of keys"),
        (adom(device=[]), "adoms[0].device: unknown key; did you mean devices?"),
        (
            adom(addressGroups=[{"name": "g", "members": ["h"]}, {"name": "h", "members": ["g"]}]),
            "would be a member of itself",
        ),
        ({"workspaceMode": "sometimes"}, "workspaceMode:"),
        ({"adoms": [{"name": ""}]}, "adoms[0].name:"),
        ({"adoms": [{"name": "a"}, {"name": "a"}]}, "adoms[1].name: a second ADOM 'a'"),
        (adom(addresses=[{"name": "x", "subnet": "10.0.0.999"}]), "adoms[0].addresses[0]: subnet"),
        (adom(addresses=[{"name": "all"}]), "'all' exists already"),
        (adom(addressGroups=[{"name": "g", "members": ["ghost"]}]), "detail: ghost"),
        (adom(deviceGroups=[{"name": "g", "members": ["fgt"]}]), "no device, VDOM or device group"),
        (
            adom(
                devices=[{"name": "f", "vdoms": ["a", "b"]}],
                packages=[{"name": "p", "targets": ["f"]}],
            ),
            "packages[0].targets[0]: 'f' has several VDOMs: write f/a",
        ),
        (adom(packages=[{"name": "p", "policies": [{"srcaddr": ["no"]}]}]), "detail: no"),
        (
            {"adoms": [{"name": n, "devices": [{"name": "f"}]} for n in ("a", "b")]},
            "f/root is in an ADOM already",
        ),
        ({"switches": {"partialInstall": "yes"}}, "takes a value of type bool"),
    ],
)
def test_a_seed_that_does_not_fit_together_is_refused(seed: dict[str, Any], problem: str) -> None:
    with pytest.raises(SeedError) as refused:
        Simulator(seed)

    assert problem in str(refused.value)


def test_a_seed_file_is_refused_with_path_and_line(tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text(EXAMPLE.replace("members: [legacy-db]", "membrs: [legacy-db]"))

    with pytest.raises(SeedError) as refused:
        Simulator(path)

    expected = "adoms[0].addressGroups[0].membrs: unknown key; did you mean members?"
    assert str(refused.value) == f"{path}:13: {expected}"


def test_everything_wrong_is_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text("versoin: 7.4.5\nadoms:\n- device: []\n  devices: [{name: a, vdom: [x]}]\n")

    with pytest.raises(SeedError) as refused:
        Simulator(path)

    lines = [
        problem.removeprefix(f"{path}:").partition(":")[0] for problem in refused.value.problems
    ]
    assert lines == ["1", "3", "3", "4"]


def test_a_release_without_quotes_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text("version: 7.6\nadoms: [{name: prod, osVersion: 7.4}]\n")

    with Simulator(path) as simulator, Client(simulator, key="simulator") as client:
        assert client.get("/sys/status", fields=["Major", "Minor"]) == {"Major": 7, "Minor": 6}
        assert client.get("/dvmdb/adom/prod", fields=["mr"])["mr"] == 4


def test_a_seed_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text("adoms: [")

    with pytest.raises(ConfigError) as refused:
        Simulator(path)

    assert f"{path}:" in str(refused.value)
    assert "not YAML" in str(refused.value)


def test_a_seed_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match="No such file"):
        Simulator(tmp_path / "none.yaml")
