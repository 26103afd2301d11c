"""docs/migrating.md for FortiGates without a FortiManager: from the Calico controller's ConfigMaps,
over both running side by side, to its return."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fmgsync.cli import main
from tests.builders import listing, namespace, node, pod, policy, service_account
from tests.end_to_end.branches import Branches, open_branches, seed

pytestmark = pytest.mark.slow

TIGERA = "Managed by Tigera Calico Enterprise"
SPACE = "tigera-firewall-controller"
GROUP = "dmz.web"
NODES = {"worker-1": "10.1.0.1", "worker-2": "10.1.0.2", "worker-3": "10.1.0.3"}


@pytest.fixture
def branches(tmp_path: Path) -> Iterator[Branches]:
    addresses = [
        {"name": name, "subnet": f"{ip}/32", "comment": TIGERA} for name, ip in NODES.items()
    ]
    made = seed(
        ("branch-1", "branch-2"),
        addresses=addresses,
        addressGroups=[{"name": GROUP, "members": ["worker-1", "worker-2"], "comment": TIGERA}],
        policies=[{"name": "web", "srcaddr": ["all"], "dstaddr": [GROUP]}],
    )
    with open_branches(tmp_path, made) as opened:
        yield opened


def runs(branches: Branches, *nodes: str, old: bool) -> None:
    pods = [
        pod(f"web-{name}", f"10.9.0.{number}", labels={"app": "web"}, node=name)
        for number, name in enumerate(nodes, 1)
    ]
    if old:
        labels = {"k8s-app": SPACE}
        pods.append(pod("fw", "10.9.9.9", namespace=SPACE, labels=labels, node="worker-1"))
    there = [node(name, ip) for name, ip in NODES.items()]
    spaces = [namespace(), namespace(SPACE), service_account("default")]
    web = policy(GROUP, "app == 'web'", tier="dmz")
    branches.run("east", dump=listing(*pods, *there, *spaces, web))


def told(branches: Branches) -> str:
    """The two ConfigMaps of the old controller."""
    units = [
        {
            "name": unit["name"],
            "ip": unit["host"],
            "vdom": "root",
            "apikey": {"secretKeyRef": {"name": "branches", "key": "key"}},
        }
        for unit in branches.config["fortigates"]
    ]
    behaviour = {
        "tigera.firewall.policy.selector": "projectcalico.org/tier == 'dmz'",
        "tigera.firewall.addressSelection": "node",
    }
    lists = {"tigera.firewall.fortigate": json.dumps(units), "tigera.firewall.fortimgr": "# none"}
    return yaml.safe_dump_all(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
        for name, data in ((SPACE, behaviour), (f"{SPACE}-configs", lists))
    )


def run(branches: Branches, *words: str) -> int:
    state = [] if words[0] == "config" else ["--state-dir", str(branches.folder / "state")]
    return main.run([*words, "-c", str(branches.path), *state])


def configured(branches: Branches, capsys: pytest.CaptureFixture[str]) -> None:
    """What a person does with what was imported: the key's file, the authority, the cluster."""
    (branches.folder / "calico.yaml").write_text(told(branches))
    capsys.readouterr()
    assert run(branches, "config", "import-calico", str(branches.folder / "calico.yaml")) == 0
    made = yaml.safe_load(capsys.readouterr().out)
    known = {unit["name"]: unit for unit in branches.config["fortigates"]}
    assert {unit["name"] for unit in made["fortigates"]} == {*known}
    for unit in made["fortigates"]:
        unit |= {key: known[unit["name"]][key] for key in ("apiKey", "tls")}
    made["clusters"] = [{"name": "main", "manifests": "./east.json"}]
    made["install"] = {"windows": "always", "rollout": {"waves": ["100%"], "pause": "0s"}}
    branches.config = made
    branches.write_config()


def rows(branches: Branches, unit: str, table: str) -> dict[str, dict[str, Any]]:
    found = branches.unit.fortigate(unit).rest(f"/api/v2/cmdb/firewall/{table}?vdom=root")
    return {row["name"]: row for row in found["results"]}


def everywhere(branches: Branches) -> list[set[int] | None]:
    return [branches.held(unit, GROUP) for unit in ("branch-1", "branch-2")]


def test_the_page_from_beginning_to_end(
    branches: Branches, capsys: pytest.CaptureFixture[str]
) -> None:
    runs(branches, "worker-1", "worker-2", old=True)
    assert everywhere(branches) == [{1, 2}, {1, 2}]

    # 1. and 2. Translate; look, while both run: nothing is written.
    configured(branches, capsys)
    assert run(branches, "config", "check") == 0
    before = branches.foreign(), len(branches.unit.requests.since(0))
    assert run(branches, "plan") == 1
    assert GROUP in capsys.readouterr().out
    assert run(branches, "apply", "--install", "now") == 1, "mode is observe, and the name is taken"
    assert branches.writes(before[1]) == []
    assert branches.foreign() == before[0]

    # 3. and 4. Stop the old one; take over.
    branches.write_config(policy={"mode": "sync"})
    assert run(branches, "adopt", "--calico", "--apply") == 2, "its pod still runs"
    assert branches.writes(before[1]) == []
    runs(branches, "worker-1", "worker-2", old=False)
    capsys.readouterr()
    assert run(branches, "adopt", "--calico", "--apply") == 0
    assert "left alone: address worker-3" in capsys.readouterr().out
    assert everywhere(branches) == [{1, 2}, {1, 2}]

    # 5. Go on: nothing to do, then the next pod.
    assert run(branches, "apply", "--install", "now") == 0, capsys.readouterr()
    assert everywhere(branches) == [{1, 2}, {1, 2}]
    runs(branches, "worker-2", "worker-3", old=False)
    assert run(branches, "apply", "--install", "now") == 0, capsys.readouterr()
    assert everywhere(branches) == [{2, 3}, {2, 3}]
    assert run(branches, "status") == 0

    # The way back.
    assert run(branches, "adopt", "--release", "--apply") == 0, capsys.readouterr()
    for unit in ("branch-1", "branch-2"):
        assert rows(branches, unit, "addrgrp")[GROUP]["comment"] == TIGERA
        assert not [
            r for r in rows(branches, unit, "address").values() if "fmgsync" in r["comment"]
        ]
    assert everywhere(branches) == [{2, 3}, {2, 3}]
    assert run(branches, "cleanup", "--apply") == 0
    assert everywhere(branches) == [{2, 3}, {2, 3}]
