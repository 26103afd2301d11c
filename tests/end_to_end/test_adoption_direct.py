"""What the Calico controller left on FortiGates without a FortiManager is taken over as well."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import main
from fmgsync.model import naming
from tests.end_to_end.branches import GROUP, Branches, open_branches, seed

TIGERA = "Managed by Tigera Calico Enterprise"


def left_behind() -> dict[str, Any]:
    addresses = [
        {"name": f"worker-{n}", "subnet": f"10.1.0.{n}/32", "comment": TIGERA} for n in (1, 2)
    ]
    return seed(
        ("branch-1", "branch-2"),
        addresses=addresses,
        addressGroups=[{"name": GROUP, "members": ["worker-1", "worker-2"], "comment": TIGERA}],
        policies=[{"name": "web", "srcaddr": ["all"], "dstaddr": [GROUP]}],
    )


@pytest.fixture
def branches(tmp_path: Path) -> Iterator[Branches]:
    with open_branches(tmp_path, left_behind()) as made:
        made.pods(1, 2)
        yield made


def command(branches: Branches, *words: str) -> int:
    state = str(branches.folder / "state")
    return main.run([*words, "-c", str(branches.path), "--state-dir", state])


def rows(branches: Branches, table: str) -> dict[str, dict[str, Any]]:
    found = branches.unit.fortigate("branch-1").rest(f"/api/v2/cmdb/firewall/{table}?vdom=root")
    return {row["name"]: row for row in found["results"]}


def members(branches: Branches) -> list[str]:
    return sorted(one["name"] for one in rows(branches, "addrgrp")[GROUP]["member"])


def test_taken_over_followed_and_given_back(
    branches: Branches, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(branches, "adopt", "--calico") == 3
    assert rows(branches, "addrgrp")[GROUP]["comment"] == TIGERA
    assert command(branches, "adopt", "--calico", "--apply") == 0, capsys.readouterr()
    for table, name in (("addrgrp", GROUP), ("address", "worker-1")):
        comment = rows(branches, table)[name]["comment"]
        assert naming.is_marked(comment, "prod", name)
        assert naming.taken_over(comment) == TIGERA
    assert members(branches) == ["worker-1", "worker-2"]

    capsys.readouterr()
    assert command(branches, "plan", "-o", "json") == 0
    assert all(not a["changes"] for a in json.loads(capsys.readouterr().out)["adoms"])
    branches.pods(2, 3)
    branches.apply("now")
    assert members(branches) == ["prod_10.1.0.3", "worker-2"]
    assert "worker-1" not in rows(branches, "address")
    assert branches.everywhere() == [{2, 3}, {2, 3}]

    assert command(branches, "adopt", "--release", "--apply") == 0
    assert rows(branches, "addrgrp")[GROUP]["comment"] == TIGERA
    assert rows(branches, "address")["prod_10.1.0.3"]["comment"] == TIGERA
    assert branches.everywhere() == [{2, 3}, {2, 3}]
    assert not any("fmgsync" in row["comment"] for row in rows(branches, "address").values())


def test_it_waits_for_a_window(branches: Branches, capsys: pytest.CaptureFixture[str]) -> None:
    branches.write_config(install={"windows": []})
    assert command(branches, "adopt", "--calico") == 3
    assert command(branches, "adopt", "--calico", "--apply") == 1
    assert "no window is open" in capsys.readouterr().out
    assert rows(branches, "addrgrp")[GROUP]["comment"] == TIGERA


def test_cleanup_takes_everything_away_here_too(branches: Branches) -> None:
    branches.write_config(groups=[{"name": "k8s-free", "select": "app == 'web'"}])
    branches.apply("now")
    assert "k8s-free" in rows(branches, "addrgrp")
    assert command(branches, "cleanup", "--apply") == 0
    assert "k8s-free" not in rows(branches, "addrgrp")
    assert members(branches) == ["worker-1", "worker-2"]
    assert not [name for name in rows(branches, "address") if name.startswith("prod_")]
    assert command(branches, "cleanup") == 0
