"""docs/migrating.md, walked from the Calico controller's ConfigMaps to its return."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from fmgsync.cli import main
from tests.builders import Manifest, listing, namespace, node, pod, policy, service_account
from tests.end_to_end.estate import Estate, default_seed, open_estate

TIGERA = "Managed by Tigera Calico Enterprise"
SPACE = "tigera-firewall-controller"
NODES = {"node-a": "192.0.2.1", "node-b": "192.0.2.2", "node-c": "192.0.2.3"}


def left_by_the_controller() -> dict[str, Any]:
    seed = default_seed(install_s=0)
    adom = seed["adoms"][0]
    adom["addresses"] += [
        {"name": name, "subnet": f"{ip}/32", "comment": TIGERA} for name, ip in NODES.items()
    ]
    members = ["node-a", "node-b"]
    adom["addressGroups"] = [{"name": "dmz.web", "members": members, "comment": TIGERA}]
    to_web = {"name": "to-web", "srcaddr": ["all"], "dstaddr": ["dmz.web"], "service": ["ALL"]}
    adom["packages"][0]["policies"].append({**to_web, "action": "accept"})
    return seed


def told(estate: Estate) -> list[Manifest]:
    """The two ConfigMaps of the old controller."""
    host = urlsplit(estate.unit.url).netloc
    unit = {"name": "hq", "ip": host, "adom": "prod", "username": "fmgsync"}
    unit["password"] = {"secretKeyRef": {"name": "hq-login", "key": "password"}}  # type: ignore[assignment]
    behaviour = {
        "tigera.firewall.policy.selector": "projectcalico.org/tier == 'dmz'",
        "tigera.firewall.addressSelection": "node",
    }
    devices = {
        "tigera.firewall.fortigate": "# none\n",
        "tigera.firewall.fortimgr": json.dumps([unit]),
    }
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
        for name, data in ((SPACE, behaviour), (f"{SPACE}-configs", devices))
    ]


def runs(estate: Estate, *nodes: str, old: bool = False) -> None:
    pods = [
        pod(f"web-{number}", f"10.1.0.{number}", labels={"app": "web"}, node=name)
        for number, name in enumerate(nodes, 1)
    ]
    if old:
        labels = {"k8s-app": SPACE}
        pods.append(pod("fw", "10.1.9.9", namespace=SPACE, labels=labels, node="node-c"))
    there = [node(name, ip) for name, ip in NODES.items()]
    spaces = [namespace(), namespace(SPACE), service_account("default")]
    web = policy("dmz.web", "app == 'web'", tier="dmz")
    estate.run("east", dump=listing(*pods, *there, *spaces, web))


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with open_estate(tmp_path, left_by_the_controller()) as made:
        runs(made, "node-a", "node-b", old=True)
        made.install_by_hand()
        yield made


def run(estate: Estate, *words: str) -> int:
    state = [] if words[0] == "config" else ["--state-dir", str(estate.folder / "state")]
    return main.run([*words, "-c", str(estate.path), *state])


def test_the_page_from_beginning_to_end(estate: Estate, capsys: pytest.CaptureFixture[str]) -> None:
    def on_devices() -> list[Any]:
        return [estate.on_device(device, "dmz.web") for device in ("fgt-east", "fgt-west")]

    before = on_devices()
    assert before == [{"192.0.2.1", "192.0.2.2"}] * 2

    # 1. Translate. A person does what the notes say: the secret, the authority, the cluster.
    (estate.folder / "calico.yaml").write_text(yaml.safe_dump_all(told(estate)))
    capsys.readouterr()
    assert run(estate, "config", "import-calico", str(estate.folder / "calico.yaml")) == 0
    made = yaml.safe_load(capsys.readouterr().out)
    (unit,) = made["fortimanagers"]
    unit["credentials"]["password"] = estate.config["fortimanagers"][0]["credentials"]["password"]
    unit["tls"] = estate.config["fortimanagers"][0]["tls"]
    made["clusters"] = [{"name": "main", "manifests": str(estate.folder / "east.json")}]
    made["sites"][0]["devices"] = ["fgt-east", "fgt-west"]
    made["install"] = {"windows": "always", "rollout": {"waves": ["100%"], "pause": "0s"}}
    estate.config = made
    estate.write_config()

    # 2. Look, side by side.
    assert run(estate, "config", "check") == 0
    assert run(estate, "plan") == 1
    assert "dmz.web" in capsys.readouterr().out
    assert run(estate, "adopt", "--calico") == 3

    # 3. and 4. Stop the old one, take over.
    estate.write_config(policy={"mode": "sync"})
    assert run(estate, "adopt", "--calico", "--apply") == 2, "its pod still runs"
    runs(estate, "node-a", "node-b")
    assert run(estate, "adopt", "--calico", "--apply") == 0
    estate.install_by_hand()
    assert on_devices() == before

    # 5. Go on: nothing to do, then the next pod.
    capsys.readouterr()
    assert run(estate, "apply", "--install", "now") == 0, capsys.readouterr()
    assert on_devices() == before
    runs(estate, "node-b", "node-c")
    assert run(estate, "apply", "--install", "now") == 0, capsys.readouterr()
    assert on_devices() == [{"192.0.2.2", "192.0.2.3"}] * 2

    # The way back.
    after = on_devices()
    assert run(estate, "adopt", "--release", "--apply") == 0
    group = estate.object("addrgrp", "dmz.web")
    assert group is not None
    assert group["comment"] == TIGERA
    estate.install_by_hand()
    assert on_devices() == after
    assert run(estate, "cleanup", "--apply") == 0
