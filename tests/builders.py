"""Builders shared by all tests: Kubernetes-shaped objects, and the endpoints made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from fmgsync.model.address import Address, parse
from fmgsync.model.endpoint import (
    ALWAYS,
    ClusterSnapshot,
    Kind,
    NodeEndpoint,
    PodEndpoint,
)
from fmgsync.model.labels import Labels

Manifest = dict[str, Any]

CREATED = "2026-01-01T00:00:00Z"


def pod(
    name: str = "web-1",
    *ips: str,
    namespace: str = "default",
    labels: Mapping[str, str] | None = None,
    node: str | None = "node-1",
    phase: str = "Running",
    annotations: Mapping[str, str] | None = None,
    host_network: bool = False,
    deleting: bool = False,
    service_account: str = "default",
    started: str = CREATED,
) -> Manifest:
    """A pod as `kubectl get pod -o json` prints it, with its addresses in status."""
    metadata: Manifest = {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-{namespace}-{name}",
        "resourceVersion": "1",
        "creationTimestamp": started,
    }
    if labels:
        metadata["labels"] = dict(labels)
    if annotations is not None:
        metadata["annotations"] = dict(annotations)
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-02T00:00:00Z"
    spec: Manifest = {
        "containers": [{"name": "main", "image": "registry.example.net/app:1"}],
        "serviceAccountName": service_account,
    }
    if node is not None:
        spec["nodeName"] = node
    if host_network:
        spec["hostNetwork"] = True
    status: Manifest = {"phase": phase}
    if ips:
        status |= {"podIP": ips[0], "podIPs": [{"ip": ip} for ip in ips]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def node(
    name: str = "node-1",
    *ips: str,
    labels: Mapping[str, str] | None = None,
    addresses: Iterable[Mapping[str, str]] = (),
    ranges: Iterable[str] = (),
) -> Manifest:
    """A node; `ips` are its InternalIPs, `addresses` further entries of status.addresses.

    `ranges` are its podCIDRs.
    """
    metadata: Manifest = {"name": name, "uid": f"uid-{name}", "resourceVersion": "1"}
    if labels:
        metadata["labels"] = dict(labels)
    found = [{"type": "InternalIP", "address": ip} for ip in ips]
    found += [dict(each) for each in addresses]
    found.append({"type": "Hostname", "address": name})
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": metadata,
        "spec": {"podCIDRs": [*ranges]} if ranges else {},
        "status": {"addresses": found, "nodeInfo": {"kubeletVersion": "v1.36.2"}},
    }


def namespace(name: str = "default", *, labels: Mapping[str, str] | None = None) -> Manifest:
    """A namespace, with the label the API server itself sets."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "resourceVersion": "1",
            "labels": {"kubernetes.io/metadata.name": name, **(labels or {})},
        },
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def policy(
    name: str,
    selector: str | None = None,
    *,
    tier: str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    raw: bool = False,
    staged: bool = False,
    **spec: Any,
) -> Manifest:
    """A Calico policy of the whole cluster; `raw`: as the store behind Calico's API has it."""
    metadata: Manifest = {"name": name, "resourceVersion": "1", "uid": f"uid-{name}"}
    if labels:
        metadata["labels"] = dict(labels)
    if annotations:
        metadata["annotations"] = dict(annotations)
    wanted = {"egress": [{"action": "Allow"}], **spec}
    wanted |= {"selector": selector} if selector is not None else {}
    wanted |= {"tier": tier} if tier is not None else {}
    wanted["types"] = ["Egress"]
    return {
        "apiVersion": "crd.projectcalico.org/v1" if raw else "projectcalico.org/v3",
        "kind": "StagedGlobalNetworkPolicy" if staged else "GlobalNetworkPolicy",
        "metadata": metadata,
        "spec": wanted,
    }


def network_set(
    name: str,
    *nets: str,
    namespace: str = "",
    labels: Mapping[str, str] | None = None,
    raw: bool = False,
) -> Manifest:
    """A Calico network set, of a namespace or of the whole cluster."""
    metadata: Manifest = {"name": name, "resourceVersion": "1", "labels": dict(labels or {})}
    if namespace:
        metadata["namespace"] = namespace
    return {
        "apiVersion": "crd.projectcalico.org/v1" if raw else "projectcalico.org/v3",
        "kind": "NetworkSet" if namespace else "GlobalNetworkSet",
        "metadata": metadata,
        "spec": {"nets": list(nets)},
    }


def ip_pool(name: str, cidr: str, *, raw: bool = False, **spec: Any) -> Manifest:
    """A Calico IPPool."""
    return {
        "apiVersion": "crd.projectcalico.org/v1" if raw else "projectcalico.org/v3",
        "kind": "IPPool",
        "metadata": {"name": name, "resourceVersion": "1"},
        "spec": {"cidr": cidr, **spec},
    }


def exposed(
    kind: str,
    name: str,
    *,
    namespace: str = "default",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **parts: Any,
) -> Manifest:
    """A Service, EndpointSlice, Gateway or Ingress; `parts` are what stands beside metadata."""
    versions = {
        "Service": "v1",
        "EndpointSlice": "discovery.k8s.io/v1",
        "Gateway": "gateway.networking.k8s.io/v1",
        "Ingress": "networking.k8s.io/v1",
    }
    metadata: Manifest = {"name": name, "namespace": namespace, "resourceVersion": "1"}
    if labels:
        metadata["labels"] = dict(labels)
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": versions[kind], "kind": kind, "metadata": metadata, **parts}


def service_account(
    name: str, *, namespace: str = "default", labels: Mapping[str, str] | None = None
) -> Manifest:
    """A service account."""
    metadata: Manifest = {"name": name, "namespace": namespace, "resourceVersion": "1"}
    if labels:
        metadata["labels"] = dict(labels)
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def listing(*items: Manifest, kind: str = "List") -> Manifest:
    """The list around objects, its keys in kubectl's order."""
    return {
        "apiVersion": "v1",
        "items": list(items),
        "kind": kind,
        "metadata": {"resourceVersion": ""},
    }


def pod_endpoint(
    name: str = "web-1",
    *ips: str,
    namespace: str = "default",
    labels: Mapping[str, str] | None = None,
    node: str = "node-1",
    **further: Any,
) -> PodEndpoint:
    """A pod's endpoint, with the labels Calico adds; `further` are other fields of it."""
    calico = {
        "projectcalico.org/namespace": namespace,
        "projectcalico.org/orchestrator": "k8s",
        "projectcalico.org/serviceaccount": "default",
    }
    return PodEndpoint(
        namespace,
        name,
        Labels({**(labels or {}), **calico}),
        _parsed(ips),
        node,
        **{"started": CREATED, "account": "default", **further},
    )


def node_endpoint(
    name: str = "node-1", *ips: str, labels: Mapping[str, str] | None = None
) -> NodeEndpoint:
    """A node's endpoint."""
    return NodeEndpoint(name, Labels(labels), _parsed(ips))


def namespace_labels(name: str = "default", labels: Mapping[str, str] | None = None) -> Labels:
    """What a namespace selector sees of a namespace."""
    named = {"projectcalico.org/name": name, "kubernetes.io/metadata.name": name}
    return Labels({**(labels or {}), **named})


def snapshot(
    *endpoints: PodEndpoint | NodeEndpoint,
    cluster: str = "east",
    namespaces: Mapping[str, Mapping[str, str]] | None = None,
    synced: Iterable[Kind] = ALWAYS,
) -> ClusterSnapshot:
    """A cluster with these endpoints; `namespaces` are label maps by name.

    The namespaces of the pods exist even when not named.
    """
    pods = tuple(each for each in endpoints if isinstance(each, PodEndpoint))
    known: dict[str, Mapping[str, str]] = {each.namespace: {} for each in pods}
    known |= namespaces or {}
    return ClusterSnapshot(
        cluster=cluster,
        synced=frozenset(synced),
        pods=tuple(sorted(pods, key=lambda each: (each.namespace, each.name))),
        nodes=tuple(each for each in endpoints if isinstance(each, NodeEndpoint)),
        namespaces=MappingProxyType(
            {name: namespace_labels(name, labels) for name, labels in sorted(known.items())}
        ),
    )


def _parsed(ips: Iterable[str]) -> tuple[Address, ...]:
    return tuple(parse(ip) for ip in ips)
