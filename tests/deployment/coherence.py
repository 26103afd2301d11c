"""Whether the objects of a deployment fit together: what a schema cannot see.

Public sources: Kubernetes documentation, "Pod Security Standards" (restricted profile) and
"Labels and Selectors"; the Prometheus operator's API reference for ServiceMonitor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tests.deployment.places import Manifest, container, found

_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret",
}  # fmt: skip
OWN_SCHEMA = {"ServiceMonitor", "PrometheusRule"}
"""Kinds of the Prometheus operator, which Kubernetes' schemas do not know."""


def complaints(objects: Iterable[Manifest]) -> list[str]:
    """Everything that does not fit, in words; nothing for a sound deployment."""
    objects = tuple(objects)
    deployment = found(objects, "Deployment")
    return [
        *_twice(objects),
        *_places(objects, deployment["metadata"]["namespace"]),
        *_selectors(objects, deployment),
        *_bindings(objects, deployment),
        *_volumes(objects, deployment),
        *_restricted(deployment["spec"]["template"]["spec"]),
        *_hardened(container(deployment)),
        *_monitored(objects),
    ]


def _twice(objects: tuple[Manifest, ...]) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for each in objects:
        key = (each["kind"], each["metadata"]["name"])
        if key in seen:
            yield f"{key} stands there twice"
        seen.add(key)


def _places(objects: tuple[Manifest, ...], namespace: str) -> Iterator[str]:
    for each in objects:
        wide = each["kind"] in ("Namespace", "ClusterRole", "ClusterRoleBinding")
        if each["metadata"].get("namespace") != (None if wide else namespace):
            yield f"{each['kind']} is in the wrong namespace"


def _selectors(objects: tuple[Manifest, ...], deployment: Manifest) -> Iterator[str]:
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    spec = deployment["spec"]["template"]["spec"]
    asked: list[tuple[str, dict[str, str]]] = [
        ("Deployment", deployment["spec"]["selector"]["matchLabels"])
    ]
    asked += [
        ("topology", each["labelSelector"]["matchLabels"])
        for each in spec["topologySpreadConstraints"]
    ]
    for each in objects:
        if each["kind"] == "Service":
            asked.append(("Service", each["spec"]["selector"]))
        if each["kind"] == "PodDisruptionBudget":
            asked.append(("PodDisruptionBudget", each["spec"]["selector"]["matchLabels"]))
        if each["kind"] == "NetworkPolicy":
            asked.append(("NetworkPolicy", each["spec"]["podSelector"]["matchLabels"]))
    for kind, selector in asked:
        if not selector or not selector.items() <= labels.items():
            yield f"{kind} does not select the pods"


def _bindings(objects: tuple[Manifest, ...], deployment: Manifest) -> Iterator[str]:
    names = {(each["kind"], each["metadata"]["name"]) for each in objects}
    account = deployment["spec"]["template"]["spec"]["serviceAccountName"]
    if ("ServiceAccount", account) not in names:
        yield "the pods' service account is not there"
    for each in objects:
        if each["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        role = each["roleRef"]
        if (role["kind"], role["name"]) not in names:
            yield f"{each['kind']} binds {role['name']}, which is not there"
        for subject in each["subjects"]:
            at = (subject["name"], subject["namespace"])
            if at != (account, deployment["metadata"]["namespace"]):
                yield f"{each['kind']} binds another account than the pods'"


def _volumes(objects: tuple[Manifest, ...], deployment: Manifest) -> Iterator[str]:
    spec = deployment["spec"]["template"]["spec"]
    volumes = {each["name"]: each for each in spec["volumes"]}
    mounts = {each["name"]: each for each in container(deployment)["volumeMounts"]}
    if volumes.keys() != mounts.keys():
        yield "volumes and mounts differ"
    if any("subPath" in each for each in mounts.values()):
        yield "a file mounted by subPath is never renewed"
    configs = {e["metadata"]["name"]: e for e in objects if e["kind"] == "ConfigMap"}
    named = volumes["config"]["configMap"]["name"]
    if configs and "fmgsync.yaml" not in configs.get(named, {}).get("data", {}):
        yield f"ConfigMap {named} with fmgsync.yaml is not there"


def _restricted(spec: dict[str, Any]) -> Iterator[str]:
    """The restricted profile, for a pod with one container and no host access."""
    context = spec["securityContext"]
    (only,) = spec["containers"]
    own = only["securityContext"]
    if any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC", "initContainers")):
        yield "the pod is on the host, or has init containers that are not looked at"
    if not context.get("runAsNonRoot") or not context.get("runAsUser"):
        yield "the pod may run as root"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "the pod has no seccomp profile"
    if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
        yield "the container may gain privileges"
    if own.get("capabilities") != {"drop": ["ALL"]}:
        yield "the container keeps capabilities"
    for volume in spec["volumes"]:
        if not (volume.keys() - {"name"}) <= _VOLUMES:
            yield f"volume {volume['name']} is of a kind that is not allowed"


def _hardened(only: dict[str, Any]) -> Iterator[str]:
    """What the restricted profile does not ask for."""
    if only["securityContext"].get("readOnlyRootFilesystem") is not True:
        yield "the root file system is writable"
    if not only["resources"].get("requests") or "memory" not in only["resources"].get("limits", {}):
        yield "resources are not bounded"
    if only["image"].partition(":")[2] in ("", "latest"):
        yield "the image has no version"
    ports = {each["name"] for each in only["ports"]}
    for probe in ("livenessProbe", "readinessProbe"):
        if only[probe]["httpGet"]["port"] not in ports:
            yield f"{probe} asks a port that is not there"


def _monitored(objects: tuple[Manifest, ...]) -> Iterator[str]:
    monitors = [each for each in objects if each["kind"] == "ServiceMonitor"]
    for monitor in monitors:
        service = found(objects, "Service")
        wanted = monitor["spec"]["selector"]["matchLabels"]
        if not wanted.items() <= service["metadata"]["labels"].items():
            yield "ServiceMonitor does not select the Service"
        ports = {each["name"] for each in service["spec"]["ports"]}
        for endpoint in monitor["spec"]["endpoints"]:
            if endpoint["port"] not in ports or endpoint["path"] != "/metrics":
                yield "ServiceMonitor asks a port that is not there"
        if not any(_lets_in(each) for each in objects if each["kind"] == "NetworkPolicy"):
            yield "no NetworkPolicy lets Prometheus in"


def _lets_in(policy: Manifest) -> bool:
    return any(rule.get("from") and rule.get("ports") for rule in policy["spec"].get("ingress", []))
