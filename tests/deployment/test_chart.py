"""The Helm chart, by Helm's own library: it is linted, equals kustomize, refuses mistakes."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import pytest
import yaml

from tests.deployment import coherence, places, schemas, tools
from tests.deployment.places import CHART, CONFIG, RULES, Manifest, found
from tests.deployment.rendered import EVERYTHING, rendered

pytestmark = pytest.mark.deploy

CONFIGURATION = (CONFIG / "manager" / "fmgsync.yaml").read_text()
SINGLE = CONFIGURATION.replace("lease: {namespace: fmgsync}", "")
MONITORED = {"monitoring": {"serviceMonitor": True, "rules": True}}
HELM_LABELS = {
    "app.kubernetes.io/instance",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
}


def refusal(values: dict[str, Any], *, namespace: str = "fmgsync") -> str:
    import helm_python

    with pytest.raises(helm_python.HelmError) as caught:
        rendered(values, namespace=namespace)
    return str(caught.value)


VALUES: dict[str, dict[str, Any]] = {
    "default": {"config": CONFIGURATION},
    "monitored": {"config": CONFIGURATION, **MONITORED},
    "one replica": {"config": SINGLE, "replicas": 1},
    "existing": {"existingConfigMap": "mine"},
    "fortigates": {
        "config": (CONFIG / "samples" / "branches" / "fmgsync.yaml").read_text(),
        "fortigates": {"secretNames": ["fmgsync-fortigates", "more-of-them"]},
    },
    "everything": {
        "config": CONFIGURATION,
        **MONITORED,
        "image": {"repository": "registry.example.net/fmgsync", "tag": "0.1.0@sha256:" + "0" * 64},
        "imagePullSecrets": [{"name": "registry"}],
        "listen": "[::]:9000",
        "extraArgs": ["-v"],
        "extraEnv": [{"name": "TZ", "value": "UTC"}],
        "serviceAccount": {"name": "firewalls", "annotations": {"a": "b"}},
        "podAnnotations": {"a": "b"},
        "podLabels": {"team": "network"},
        "priorityClassName": "system-cluster-critical",
        "tolerations": [{"key": "infra", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "networkPolicy": {"ports": [443, 8443], "ranges": ["192.0.2.0/24", "2001:db8::/64"]},
    },
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_lint_finds_nothing(values: dict[str, Any]) -> None:
    """But that an icon would be nice, which is no more than information."""
    import helm_python

    report = helm_python.lint(CHART, values, strict=True, namespace="fmgsync")
    assert report["errors"] == []
    assert [each for each in report["messages"] if each["severity"] > 1] == []


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_it_is_valid_and_fits_together(values: dict[str, Any]) -> None:
    objects = rendered(values)
    assert schemas.validate(objects) >= 11
    assert coherence.complaints(objects) == []


def plain(objects: Iterable[Manifest]) -> dict[tuple[str, str], Manifest]:
    """By kind and name, without what Helm adds to labels, and without the namespace itself."""
    found = {}
    for each in copy.deepcopy(tuple(objects)):
        if each["kind"] != "Namespace":
            _without_labels(each)
            found[each["kind"], each["metadata"]["name"]] = each
    return found


def _without_labels(part: Any) -> None:
    if isinstance(part, dict):
        for key in HELM_LABELS & part.keys():
            del part[key]
        part = part.values()
    if not isinstance(part, str | int | float | None):
        for each in part:
            _without_labels(each)


def test_it_is_the_same_as_kustomize() -> None:
    chart = plain(rendered({"config": CONFIGURATION, "listen": "[::]:8080", **MONITORED}))
    folder = plain(tools.kustomized(EVERYTHING))
    assert chart.keys() == folder.keys()
    for key, expected in folder.items():
        assert chart[key] == expected, key


def test_its_alerts_are_those_of_kustomize() -> None:
    """Also as a rule file for a Prometheus without the operator."""
    rules = yaml.safe_load((CHART / "files" / "rules.yaml").read_text())
    assert rules == found(places.read(RULES), "PrometheusRule")["spec"]


def test_its_alerts_lead_to_a_copy_of_the_pages() -> None:
    at = "https://git.example.net/fmgsync/"
    values = {"monitoring": {"rules": True, "runbooks": at}}
    made = found(rendered({"config": CONFIGURATION, **values}), "PrometheusRule")
    (group,) = made["spec"]["groups"]
    for each in group["rules"]:
        page = f"docs/alerts.md#{each['alert'].lower()}"
        assert each["annotations"]["runbook_url"] == at + page
    assert "runbooks" in refusal({"config": CONFIGURATION, "monitoring": {"runbooks": "here"}})


def test_the_configuration_arrives_byte_for_byte() -> None:
    odd = CONFIGURATION + "\n# trailing   \n#\ttab {{ .Values.image }} 'quoted' \"twice\"\n\n"
    data = found(rendered({"config": odd}), "ConfigMap")["data"]
    assert data == {"fmgsync.yaml": odd}


def test_without_a_lease_the_old_pod_ends_first() -> None:
    deployment = found(rendered({"config": SINGLE, "replicas": 1}), "Deployment")
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_two_releases_share_no_object_of_the_whole_cluster() -> None:
    lease = "lease: {namespace: %s}"
    names = []
    for namespace in ("one", "two"):
        config = CONFIGURATION.replace(lease % "fmgsync", lease % namespace)
        objects = rendered({"config": config}, namespace=namespace)
        assert coherence.complaints(objects) == []
        names += [e["metadata"]["name"] for e in objects if e["kind"] == "ClusterRoleBinding"]
    assert len(set(names)) == len(names) == 4


def test_a_long_name_stays_within_what_kubernetes_takes() -> None:
    objects = rendered({"config": CONFIGURATION}, name="f" * 53)
    schemas.validate(objects)
    assert max(len(each["metadata"]["name"]) for each in objects) <= 63


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "--set-file config=fmgsync.yaml"),
        ({"config": "owner: ["}, "no YAML mapping"),
        ({"config": SINGLE}, "two would write the same ADOM"),
        ({"config": CONFIGURATION, "replica": 3}, "replica"),
        ({"config": CONFIGURATION, "image": {"tga": "1"}}, "tga"),
        ({"config": CONFIGURATION, "monitoring": {"interval": "often"}}, "interval"),
    ],
    ids=["no configuration", "no yaml", "no lease", "unknown", "unknown inside", "no duration"],
)
def test_a_mistake_is_refused_with_its_name(values: dict[str, Any], said: str) -> None:
    assert said in refusal(values)


def test_a_lease_in_another_namespace_is_refused() -> None:
    assert 'release\'s namespace "edge"' in refusal({"config": CONFIGURATION}, namespace="edge")
