"""Pods, nodes and namespaces as `kubectl get -o json` prints them, with what fmgsync looks at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Manifest = dict[str, Any]


def pod(
    name: str,
    *addresses: str,
    namespace: str = "default",
    labels: Mapping[str, str] | None = None,
    node: str = "node-1",
    phase: str = "Running",
    host_network: bool = False,
    service_account: str = "default",
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """A pod with these addresses (none yet, if none is given)."""
    metadata: Manifest = {
        "name": name,
        "namespace": namespace,
        "uid": f"pod-{namespace}-{name}",
        "labels": dict(labels or {}),
        "annotations": dict(annotations or {}),
    }
    spec: Manifest = {
        "nodeName": node,
        "serviceAccountName": service_account,
        "containers": [{"name": "main", "image": "example.net/app"}],
    }
    if host_network:
        spec["hostNetwork"] = True
    status: Manifest = {"phase": phase}
    if addresses:
        status |= {"podIP": addresses[0], "podIPs": [{"ip": one} for one in addresses]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def node(name: str, *addresses: str, labels: Mapping[str, str] | None = None) -> Manifest:
    """A node with these internal addresses."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": f"node-{name}", "labels": dict(labels or {})},
        "spec": {},
        "status": {"addresses": [{"type": "InternalIP", "address": one} for one in addresses]},
    }


def namespace(name: str, *, labels: Mapping[str, str] | None = None) -> Manifest:
    """A namespace, with the label the API server itself sets."""
    own = {"kubernetes.io/metadata.name": name}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "uid": f"ns-{name}", "labels": {**own, **(labels or {})}},
        "spec": {},
        "status": {"phase": "Active"},
    }


def dump_text(manifests: list[Manifest]) -> str:
    """What `kubectl get pods,nodes,namespaces -A` prints of a cluster that runs just these.

    Each kind is there, if only as an empty list: an absent kind means that nobody asked for it.
    Namespaces that pods live in exist without being named.
    """
    by_kind: dict[str, list[Manifest]] = {"Pod": [], "Node": [], "Namespace": []}
    for manifest in manifests:
        if manifest.get("kind") not in by_kind:
            raise ValueError(f"fmgsync looks at no {manifest.get('kind')!r}")
        by_kind[manifest["kind"]].append(manifest)
    known = {each["metadata"]["name"] for each in by_kind["Namespace"]}
    lived_in = dict.fromkeys(each["metadata"]["namespace"] for each in by_kind["Pod"])
    by_kind["Namespace"] += [namespace(name) for name in lived_in if name not in known]
    lists = [
        {"apiVersion": "v1", "kind": f"{kind}List", "metadata": {}, "items": items}
        for kind, items in by_kind.items()
    ]
    return "\n".join(json.dumps(each) for each in lists)
