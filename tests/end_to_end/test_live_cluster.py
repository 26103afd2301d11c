"""A running cluster as the source: the same story, read from a Kubernetes API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmgsync.cli import main
from fmgsync.clock import SystemClock
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests import builders
from tests.end_to_end.estate import Estate, default_seed, open_estate


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        yield made


@pytest.fixture
def estate(tmp_path: Path, cluster: KubernetesSimulator) -> Iterator[Estate]:
    """East is a live cluster behind a kubeconfig, west a dump."""
    with open_estate(tmp_path, default_seed(install_s=0), clock=SystemClock()) as made:
        made.run("west", builders.pod("web-1", "10.2.0.5", labels={"app": "web"}))
        cluster.kubeconfig(tmp_path / "east.kubeconfig")
        east = {"name": "east", "kubeconfig": {"file": "./east.kubeconfig"}}
        made.write_config(clusters=[east, made.config["clusters"][1]])
        yield made


def command(estate: Estate, *arguments: str) -> int:
    return main.run([arguments[0], "-c", str(estate.path), *arguments[1:]])


def test_a_live_cluster_reaches_its_fortigate(
    estate: Estate, cluster: KubernetesSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.add(builders.pod("web-1", "10.1.0.5", labels={"app": "web"}))
    cluster.add(builders.pod("db-1", "10.1.0.6", labels={"app": "db"}))
    assert command(estate, "apply", "--install", "never") == 0, capsys.readouterr()
    estate.write_policy("k8s-web")
    assert command(estate, "apply", "--install", "now") == 0, capsys.readouterr()
    assert estate.on_device("fgt-east", "k8s-web") == {"10.1.0.5"}
    assert estate.on_device("fgt-west", "k8s-web") == {"10.2.0.5"}


def test_a_kind_that_may_not_be_listed_freezes_what_needs_it(
    estate: Estate, cluster: KubernetesSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """The missing RBAC rule is named, and nothing of this cluster is removed."""
    cluster.add(builders.pod("web-1", "10.1.0.5", labels={"app": "web"}))
    assert command(estate, "apply", "--install", "never") == 0
    cluster.faults.forbid("pods", "list")
    capsys.readouterr()
    assert command(estate, "plan", "--output", "json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["adoms"][0]["changes"] == []
    said = json.dumps(document["sources"])
    assert "pods" in said
    assert "list" in said


def test_a_cluster_that_is_down_freezes_its_part(
    estate: Estate, cluster: KubernetesSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.add(builders.pod("web-1", "10.1.0.5", labels={"app": "web"}))
    estate.run("west", builders.pod("web-1", "10.2.0.8", labels={"app": "web"}))
    assert command(estate, "apply", "--install", "never") == 0
    cluster.down()
    estate.run("west", builders.pod("web-1", "10.2.0.9", labels={"app": "web"}))
    capsys.readouterr()
    assert command(estate, "plan", "--output", "json") == 1
    (adom,) = json.loads(capsys.readouterr().out)["adoms"]
    assert {c.get("device") for c in adom["changes"] if c["kind"] == "mapping"} == {"fgt-west/root"}
