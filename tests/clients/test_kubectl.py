"""What kubectl itself makes of a simulated cluster: its JSON, its YAML and its table."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import pytest

from fmgsync.kube.client import Access
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.sources import live, manifests
from tests import builders
from tests.deployment.places import CONFIG
from tests.deployment.tools import kustomized, output, path_of

pytestmark = pytest.mark.clients

ODD = [
    "4e12345", "12E999", "0x1f", "1_000", "on", "y", "No", "null", "true", "2026-01-01", "1.5",
    "0o17", "017", "1e3", "0b1", "NaN", "1234567890123456789012", "", "a.b_c-d", "1-2", "12.30",
]  # fmt: skip
NOTES = ["", "~", "a: b", "# no", "- x", "'", '"', "é", " leading", "trailing ", "a\nb", "[1]", "0"]


def test_the_inventory_is_the_same_from_json_from_yaml_and_from_the_server(tmp_path: Path) -> None:
    """Whatever texts look like, and however kubectl quotes them."""
    kubectl = path_of("kubectl")
    with KubernetesSimulator() as cluster:
        config = str(cluster.kubeconfig(tmp_path / "config"))
        cluster.add(
            builders.node("1e3", "10.9.0.1", "fd00::1", labels=dict.fromkeys(ODD[1:9], "y"))
        )
        cluster.add(builders.namespace("0x1f", labels={"on": "null", "x.y/0x1": "1e5"}))
        for number, text in enumerate(ODD):
            notes = {"note": NOTES[number % len(NOTES)], "a.b/on": text}
            labels = {"app": text, f"k{text}k": text, "null": "on"}
            place = "0x1f" if number % 2 else "default"
            made = builders.pod(
                f"{number}e3", f"10.1.0.{number}", namespace=place, labels=labels, annotations=notes
            )
            cluster.add(made)
        asked = live.read_snapshot("east", Access(Path(config)))
        assert len(asked.pods) == len(ODD)
        for form in ("json", "yaml"):
            command = [kubectl, "--kubeconfig", config, "get", "pods,nodes,namespaces", "-A"]
            dump = subprocess.run(
                [*command, "-o", form], capture_output=True, check=True, timeout=60
            )
            found = manifests.read_snapshot("east", "-", stdin=io.BytesIO(dump.stdout))
            assert found == asked
            assert found.problems == ()


def test_kubectl_prints_the_columns_that_the_server_gives(tmp_path: Path) -> None:
    with KubernetesSimulator() as cluster:
        config = str(cluster.kubeconfig(tmp_path / "config"))
        cluster.add(builders.pod("web-1", "10.1.0.1"))
        cluster.terminate("web-1")
        shown = output(
            path_of("kubectl"), "--kubeconfig", config, "get", "pods", "-A", "-o", "wide"
        )
        row = shown.splitlines()[1].split()
        assert row[:5] == ["default", "web-1", "0/1", "Terminating", "0"]
        assert row[6:8] == ["10.1.0.1", "node-1"]
        found = output(
            path_of("kubectl"), "--kubeconfig", config, "get", "pod", "web-1", "-o", "json"
        )
        assert json.loads(found)["metadata"]["deletionTimestamp"]


def test_an_apply_of_the_shipped_policy_changes_nothing_the_second_time(tmp_path: Path) -> None:
    """One with an empty list of rules is another each time, as on a real API server."""
    kubectl = path_of("kubectl")
    (shipped,) = (
        each for each in kustomized(CONFIG / "default") if each["kind"] == "NetworkPolicy"
    )
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": []}
    odd = {**shipped, "metadata": {**shipped["metadata"], "name": "odd"}, "spec": spec}
    with KubernetesSimulator() as cluster:
        cluster.add(builders.namespace("fmgsync"))
        config = str(cluster.kubeconfig(tmp_path / "config"))
        (tmp_path / "both.json").write_text(json.dumps(builders.listing(shipped, odd)))
        apply = (kubectl, "--kubeconfig", config, "apply", "--validate=false", "-f")
        said = [output(*apply, str(tmp_path / "both.json")) for _ in range(2)]
    assert said[0].count("created") == 2
    assert "networkpolicy.networking.k8s.io/fmgsync unchanged" in said[1]
    assert "networkpolicy.networking.k8s.io/odd configured" in said[1]
