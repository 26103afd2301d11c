"""Annotations that say how traffic leaves a cluster.

Public sources: docs.tigera.io, "Configure egress gateways" (`egress.projectcalico.org/...`); the
Kube-OVN documentation, "EIP and SNAT"; OVN-Kubernetes, "External gateway"; the
annotations that OVN-Kubernetes, flannel and Antrea write on nodes.
"""

from __future__ import annotations

from typing import Final

from fmgsync.model.labels import Notes
from fmgsync.sources.convert.objects import Annotations, Metadata, Node

_KEYS: Final = dict(
    zip(Annotations.__struct_fields__, Annotations.__struct_encode_fields__, strict=True)
)
_WAY_OUT: Final = (
    "egress_selector",
    "egress_spaces",
    "egress_policy",
    "kube_ovn_eip",
    "kube_ovn_snat",
    "external_gateways",
)
_MARKS: Final = {"ovn_subnets": "ovn-kubernetes", "flannel_ip": "flannel", "antrea_ip": "antrea"}
_PROVIDERS: Final = ("aws", "azure", "gce", "ibm", "kind")


def of(metadata: Metadata, doubt: str = "") -> Notes:
    """Those of a pod or namespace; an empty one says nothing. One without a key says why not all
    can be read."""
    if doubt:
        return (("", doubt),)
    found = metadata.annotations
    if found is None:
        return ()
    told = ((field, getattr(found, field)) for field in _WAY_OUT)
    return tuple((_KEYS[field], text) for field, text in told if text)


def marks(node: Node) -> frozenset[str]:
    """Who has written on a node: its network plug-in, and the cloud that it is from."""
    found = node.metadata.annotations
    written = {mark for field, mark in _MARKS.items() if found and found.get(_KEYS[field])}
    cloud, _, _ = (node.spec.provider_id or "").partition(":")
    return frozenset(written | ({cloud} & {*_PROVIDERS}))
