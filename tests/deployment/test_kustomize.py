"""What `kubectl apply -k` would apply: valid for each version of Kubernetes, and of one piece."""

from __future__ import annotations

import copy
import os
import re
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployment import coherence, places, schemas, tools
from tests.deployment.places import CONFIG, SAMPLES, Manifest, container, found
from tests.deployment.rendered import EVERYTHING

pytestmark = pytest.mark.deploy

REAL = os.environ.get("FMGSYNC_TEST_KUBECONFIG", "")
WHOLE = (CONFIG / "default", EVERYTHING, *SAMPLES)


def named(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("folder", WHOLE, ids=named)
def test_it_is_valid_and_fits_together(folder: Path) -> None:
    objects = tools.kustomized(folder)
    assert schemas.validate(objects) >= 13
    assert coherence.complaints(objects) == []


@pytest.mark.parametrize("folder", WHOLE, ids=named)
def test_nothing_is_written_that_an_api_server_stores_as_absent(folder: Path) -> None:
    """An empty list would come back as none, and every `kubectl apply` would change the object."""
    assert [path for each in tools.kustomized(folder) for path in empty_lists(each)] == []


def empty_lists(value: object, path: str = "") -> list[str]:
    """The places of lists without items."""
    if isinstance(value, dict):
        return [found for key in value for found in empty_lists(value[key], f"{path}.{key}")]
    if isinstance(value, list):
        inner = (empty_lists(each, f"{path}[{at}]") for at, each in enumerate(value))
        return [path] if not value else [found for each in inner for found in each]
    return []


@pytest.mark.parametrize("folder", SAMPLES, ids=named)
def test_a_sample_is_the_default_with_its_own_configuration(folder: Path) -> None:
    data = found(tools.kustomized(folder), "ConfigMap")["data"]
    assert data == {"fmgsync.yaml": (folder / "fmgsync.yaml").read_text()}


def test_a_watched_cluster_grants_reading_and_nothing_else() -> None:
    objects = tools.kustomized(CONFIG / "watched")
    schemas.validate(objects)
    assert sorted(each["kind"] for each in objects) == [
        "ClusterRole",
        "ClusterRoleBinding",
        "Namespace",
        "Secret",
        "ServiceAccount",
    ]
    (rule,) = found(objects, "ClusterRole")["rules"]
    assert rule["verbs"] == ["list", "watch"]


def test_the_example_of_the_secret_is_valid_and_part_of_nothing() -> None:
    objects = places.read(CONFIG / "samples" / "credentials.yaml")
    assert schemas.validate(objects) == 1
    assert not [each for each in tools.kustomized(EVERYTHING) if each["kind"] == "Secret"]


def test_fortigates_have_a_secret_of_their_own_and_no_further_right() -> None:
    branches = tools.kustomized(CONFIG / "samples" / "branches")
    plain = tools.kustomized(CONFIG / "default")
    mounts = {
        m["name"]: m["mountPath"] for m in container(found(branches, "Deployment"))["volumeMounts"]
    }
    assert mounts["fortigates"] == "/etc/fmgsync/fortigates"
    example = found(places.read(CONFIG / "samples" / "fortigates.yaml"), "Secret")
    assert example["metadata"]["name"] in str(found(branches, "Deployment"))
    assert schemas.validate(branches)
    assert coherence.complaints(branches) == []
    for kind in ("ClusterRole", "Role"):
        assert [e for e in branches if e["kind"] == kind] == [e for e in plain if e["kind"] == kind]


def test_options_do_what_they_say() -> None:
    plain, all_options = tools.kustomized(CONFIG / "default"), tools.kustomized(EVERYTHING)
    added = {(e["kind"], e["metadata"]["name"]) for e in all_options} - {
        (e["kind"], e["metadata"]["name"]) for e in plain
    }
    assert added == {
        ("ServiceMonitor", "fmgsync"),
        ("PrometheusRule", "fmgsync"),
        ("NetworkPolicy", "fmgsync-metrics"),
    }
    arguments = container(found(all_options, "Deployment"))["args"]
    assert "--listen=[::]:8080" in arguments
    assert len(arguments) == len(container(found(plain, "Deployment"))["args"])


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder of one's own beside a copy of `config/`, with a configuration in it."""
    shutil.copytree(CONFIG, tmp_path / "config")
    folder = tmp_path / "my"
    folder.mkdir()
    shutil.copy(CONFIG / "manager" / "fmgsync.yaml", folder)
    return folder


def test_the_kustomization_of_the_page_does_what_the_page_says(beside: Path) -> None:
    page = (places.ROOT / "docs" / "deployment.md").read_text()
    (example,) = re.findall(
        r"^```yaml\n(# my/kustomization.yaml\n.*?)^```", page, re.DOTALL | re.MULTILINE
    )
    (beside / "kustomization.yaml").write_text(example)
    objects = tools.kustomized(beside)
    assert coherence.complaints(objects) == []
    image = container(found(objects, "Deployment"))["image"]
    assert image.startswith("registry.example.net/fmgsync:")
    assert {"PrometheusRule", "ServiceMonitor"} <= {each["kind"] for each in objects}


def moved(beside: Path, namespace: str) -> Path:
    """A kustomization that puts the default into another namespace."""
    content = {"namespace": namespace, "resources": ["../config/default"]}
    (beside / "kustomization.yaml").write_text(yaml.safe_dump(content))
    return beside


def test_another_namespace_is_taken_by_all(beside: Path) -> None:
    objects = tools.kustomized(moved(beside, "edge"))
    assert found(objects, "Namespace")["metadata"]["name"] == "edge"
    assert found(objects, "Deployment")["metadata"]["namespace"] == "edge"
    assert coherence.complaints(objects) == []


@pytest.mark.skipif(not REAL, reason="FMGSYNC_TEST_KUBECONFIG names no cluster")
def test_a_real_api_server_would_take_it(beside: Path) -> None:
    """Admission included; only the test's own namespace is made, and removed."""
    kubectl = (tools.path_of("kubectl"), f"--kubeconfig={REAL}")
    namespace = f"fmgsync-test-{uuid.uuid4().hex[:8]}"
    tools.output(*kubectl, "create", "namespace", namespace)
    try:
        folder = moved(beside, namespace)
        tools.output(*kubectl, "apply", "--dry-run=server", "-k", str(folder))
    finally:
        tools.output(*kubectl, "delete", "namespace", namespace, "--wait=false")


Damage = Callable[[dict[str, Any]], object]


def pod(objects: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = objects["Deployment"]["spec"]["template"]["spec"]
    return spec


DAMAGES: dict[str, Damage] = {
    "Service does not select the pods": lambda o: o["Service"]["spec"]["selector"].update(app="x"),
    "the pod may run as root": lambda o: pod(o)["securityContext"].pop("runAsNonRoot"),
    "the pod has no seccomp profile": lambda o: pod(o)["securityContext"].pop("seccompProfile"),
    "the root file system is writable": lambda o: pod(o)["containers"][0]["securityContext"].pop(
        "readOnlyRootFilesystem"
    ),
    "the image has no version": lambda o: pod(o)["containers"][0].update(image="fmgsync:latest"),
    "ConfigMap other with fmgsync.yaml is not there": lambda o: pod(o)["volumes"][0].update(
        configMap={"name": "other"}
    ),
    "the pods' service account is not there": lambda o: o.pop("ServiceAccount"),
    "ServiceMonitor asks a port that is not there": lambda o: o["ServiceMonitor"]["spec"][
        "endpoints"
    ][0].update(port="metrics"),
    "Service is in the wrong namespace": lambda o: o["Service"]["metadata"].update(namespace="x"),
}


@pytest.mark.parametrize("complaint", DAMAGES)
def test_damage_is_seen(complaint: str) -> None:
    """The checks above can fail."""
    objects = copy.deepcopy(tools.kustomized(EVERYTHING))
    by_kind: dict[str, Manifest] = {each["kind"]: each for each in objects}
    DAMAGES[complaint](by_kind)
    left = [each for each in objects if each["kind"] in by_kind]
    assert complaint in coherence.complaints(left)
