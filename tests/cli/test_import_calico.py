"""`fmgsync config import-calico`: the old controller's ConfigMaps become a configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from fmgsync.cli import main
from fmgsync.settings import load
from fmgsync.simulator.kubernetes import KubernetesSimulator

SPACE = "tigera-firewall-controller"
FORTIGATES = """
- name: fgt-a
  ip: 192.0.2.10:8443
  vdom: edge
  apikey: {secretKeyRef: {name: fgt-a-token, key: token}}
- name: fgt-b
  ip: "[2001:db8::1]"
  apikey:
    secretKeyRef:
      name: fgt-b-token
      key: token
"""
FORTIMANAGERS = """
- name: hq
  ip: 192.0.2.20
  adom: root
  username: k8s_api
  password: {secretKeyRef: {name: hq-login, key: password}}
- name: hq-lab
  ip: 192.0.2.20
  adom: lab
  username: k8s_api
  password: {secretKeyRef: {name: hq-login, key: password}}
"""
TIER = "projectcalico.org/tier == 'dmz'"


def config_map(name: str, data: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": SPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def estate(
    selector: Any = TIER,
    addresses: Any = "node",
    fortigates: Any = FORTIGATES,
    fortimanagers: Any = FORTIMANAGERS,
) -> list[dict[str, Any]]:
    behaviour = {
        "tigera.firewall.policy.selector": selector,
        "tigera.firewall.addressSelection": addresses,
    }
    devices = {"tigera.firewall.fortigate": fortigates, "tigera.firewall.fortimgr": fortimanagers}
    return [
        config_map(SPACE, {k: v for k, v in behaviour.items() if v is not None}),
        config_map(f"{SPACE}-configs", {k: v for k, v in devices.items() if v is not None}),
    ]


def deployment(**env: str) -> dict[str, Any]:
    variables = [{"name": name, "value": value} for name, value in env.items()]
    container = {"name": "controller", "image": "example.net/fw:1", "env": variables}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": SPACE, "namespace": SPACE},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], objects: list[dict[str, Any]], code: int = 0
) -> tuple[dict[str, Any], str]:
    """The configuration and all that was said, in files as kubectl prints them."""
    file = tmp_path / "calico.yaml"
    listed = {"apiVersion": "v1", "kind": "List", "items": objects}
    file.write_text(yaml.safe_dump(listed), encoding="utf-8")
    capsys.readouterr()
    assert main.run(["config", "import-calico", str(file)]) == code
    told = capsys.readouterr()
    return (yaml.safe_load(told.out) or {}), told.err


def test_everything_that_was_told_becomes_a_configuration_that_can_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, said = imported(tmp_path, capsys, estate())
    group = {"fromGlobalNetworkPolicies": TIER, "publish": "node", "mapping": "shared"}
    assert made["groups"] == [{**group, "sites": {"clusters": ["main"]}}]
    assert made["policy"] == {"mode": "observe"}
    assert [unit["host"] for unit in made["fortigates"]] == ["192.0.2.10:8443", "[2001:db8::1]"]
    assert made["fortigates"][0]["apiKey"] == {"file": "/etc/fmgsync/calico/fgt-a-token/token"}
    assert [unit["name"] for unit in made["fortimanagers"]] == ["hq"]
    assert [(s.get("adom"), s.get("fortigates")) for s in made["sites"]] == [
        ("root", None),
        ("lab", None),
        (None, ["fgt-a/edge", "fgt-b"]),
    ]
    for word in ("fgt-b/VDOM", "caFile", "install.windows is a proposal", "mount key token"):
        assert word in said
    config = load.parse(yaml.safe_dump(made), name="made", folder=tmp_path)
    assert config.groups[0].from_global_network_policies == TIER


def test_from_the_cluster_itself_with_what_its_deployment_overrides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with KubernetesSimulator() as cluster:
        cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
        for each in (*estate(), deployment(FW_ADDRESS_SELECTION="POD")):
            cluster.add(each)
        secret = {"kind": "Secret", "apiVersion": "v1", "data": {"password": "c2VjcmV0LXdvcmQ="}}
        cluster.add({**secret, "metadata": {"name": "hq-login", "namespace": SPACE}})
        file = cluster.kubeconfig(tmp_path / "kubeconfig")
        assert main.run(["config", "import-calico", "--kubeconfig", str(file), "-o", "json"]) == 0
    told = capsys.readouterr()
    made = json.loads(told.out)
    assert made["config"]["groups"][0]["publish"] == "pod"
    assert made["config"]["clusters"] == [{"name": "main", "kubeconfig": {"file": str(file)}}]
    notes = " ".join(made["notes"])
    assert "the Deployment sets FW_ADDRESS_SELECTION to 'POD'" in notes
    assert "Secret fgt-a-token was not found" in notes
    assert "secret-word" not in told.out + told.err
    assert "c2VjcmV0" not in told.out + told.err


DEVICE = {"name": "a", "ip": "h", "apikey": {"secretKeyRef": {"name": "s", "key": "k"}}}
MANAGER = {"adom": "x", "username": "u", "password": {"secretKeyRef": {"name": "s", "key": "k"}}}
NEVER_WORKED: dict[str, tuple[dict[str, Any], str]] = {
    "a bare tier": ({"selector": "dmz"}, "write projectcalico.org/tier == 'dmz'"),
    "no quotes": (
        {"selector": "projectcalico.org/tier == fortigate"},
        "write projectcalico.org/tier == 'fortigate'",
    ),
    "one equals sign": (
        {"selector": "projectcalico.org/tier = 'x'"},
        "write projectcalico.org/tier == 'x'",
    ),
    "a placeholder": ({"selector": "<tier name>"}, "placeholder"),
    "no selector": ({"selector": None}, "is missing"),
    "an empty one": ({"selector": "  "}, "is missing"),
    "another notation": ({"selector": "tier in (a)"}, "values stand in quotes"),
    "two without quotes": (
        {"selector": "projectcalico.org/tier == dmz && app = web"},
        "write projectcalico.org/tier == 'dmz' && app == 'web' if",
    ),
    "a set without quotes": (
        {"selector": "projectcalico.org/tier in {dmz, edge}"},
        "write projectcalico.org/tier in {'dmz', 'edge'} if",
    ),
    "quoted once more": ({"selector": f'"{TIER}"'}, f"write {TIER} if"),
    "a placeholder in quotes": ({"selector": "projectcalico.org/tier == '<TIER>'"}, "placeholder"),
    "both modes": ({"addresses": "<POD|NODE>"}, "write node or pod"),
    "no mode": ({"addresses": None}, "say node or pod"),
    "a map of devices": ({"fortigates": "name: a"}, "must be a list"),
    "broken YAML": ({"fortigates": "- name: [a"}, "is no YAML"),
    "aliases": ({"fortigates": "- &a {name: x}\n- *a"}, "aliases repeat more than 0 values"),
    "text among devices": ({"fortigates": "- fgt-a"}, "entry 1 is no device"),
    "no secret": ({"fortigates": "- {name: a, ip: 192.0.2.1, apikey: word}"}, "secretKeyRef"),
    "a key in the clear": ({"fortimanagers": "- {name: a, ip: b, password: hunter2}"}, "adom"),
    "no address": (
        {"fortigates": "- {name: a, apikey: {secretKeyRef: {name: s, key: k}}}"},
        "it has no ip",
    ),
    **{
        f"{key}: {value}": ({where: f"- {json.dumps({**DEVICE, **MANAGER, key: value})}"}, told)
        for where, key, value, told in (
            ("fortigates", "ip", "<ip>", "its ip '<ip>' is a placeholder"),
            ("fortigates", "ip", "${FGT_IP}", "its ip '${FGT_IP}' is a placeholder"),
            ("fortigates", "name", "<NAME>", "its name '<NAME>' is a placeholder"),
            ("fortigates", "vdom", "<VDOM>", "its vdom '<VDOM>' is a placeholder"),
            ("fortigates", "vdom", 10, "its vdom is no text: write it in quotes"),
            ("fortimanagers", "adom", "<ADOM>", "its adom '<ADOM>' is a placeholder"),
            ("fortimanagers", "adom", 7, "its adom is no text: write it in quotes"),
            ("fortimanagers", "username", "$USER", "its username '$USER' is a placeholder"),
        )
    },
    "a placeholder for a Secret": (
        {"fortigates": "- {name: a, ip: h, apikey: {secretKeyRef: {name: <secret>, key: k}}}"},
        "has a name or key that no Secret has",
    ),
    "a Secret that is a path": (
        {"fortigates": "- {name: a, ip: h, apikey: {secretKeyRef: {name: s, key: ../../k}}}"},
        "has a name or key that no Secret has",
    ),
    "an odd name": (
        {"fortigates": "- {name: 'a b', ip: h, apikey: {secretKeyRef: {name: s, key: k}}}"},
        "its name must be",
    ),
}


@pytest.mark.parametrize("what", NEVER_WORKED)
def test_what_never_worked_is_named_with_the_right_spelling(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    spoilt, spelling = NEVER_WORKED[what]
    made, said = imported(tmp_path, capsys, estate(**spoilt), code=2)
    assert made == {}
    assert spelling in said
    assert "hunter2" not in said


@pytest.mark.parametrize("empty", ["", "# none\n# at all\n", "[]", "null", None])
def test_lists_without_a_device_are_no_devices(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], empty: str | None
) -> None:
    made, said = imported(tmp_path, capsys, estate(fortigates=empty))
    assert "fortigates" not in made
    assert ("would not start" in said) is (empty is None)
    assert "nothing to write to" not in said
    _, said = imported(tmp_path, capsys, estate(fortigates=empty, fortimanagers=empty))
    assert "neither list of devices names one" in said


def test_an_address_of_ipv6_gets_its_brackets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = json.dumps([{**DEVICE, "ip": "2001:db8::1"}])
    made, _ = imported(tmp_path, capsys, estate(fortigates=listed))
    assert made["fortigates"][0]["host"] == "[2001:db8::1]"


def test_the_other_direction_is_recognised_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = config_map("tigera-fortimanager-controller-configs", {})
    _, said = imported(tmp_path, capsys, [*estate(), other])
    assert "that controller can stay" in said


def test_a_missing_config_map_and_no_source_at_all_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, said = imported(tmp_path, capsys, estate()[:1], code=2)
    assert f"ConfigMap {SPACE}-configs is missing" in said
    assert main.run(["config", "import-calico"]) == 2
    assert "--kubeconfig" in capsys.readouterr().err
    (tmp_path / "odd.yaml").write_bytes(b"\xff\xfe: [")
    assert main.run(["config", "import-calico", str(tmp_path / "odd.yaml")]) == 2
