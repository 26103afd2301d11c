"""A pod becomes an endpoint, by the rules of Calico's Kubernetes datastore.

Public source: projectcalico/calico, `libcalico-go/lib/backend/k8s/conversion` (which pods are
workload endpoints, where their addresses come from, when a terminating pod has released them) and
the Calico documentation's label reference. Floating IPs (`cni.projectcalico.org/floatingIPs`) are
not read: the firewall sees them only as destinations of a 1:1 NAT inside the cluster.
"""

from __future__ import annotations

from sys import intern
from typing import Final

from fmgsync.model import address
from fmgsync.model.address import Address
from fmgsync.model.endpoint import PodEndpoint
from fmgsync.model.labels import Labels
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import (
    NO_ANNOTATIONS,
    Malformed,
    Pod,
    checked_name,
    host_address,
)

_FINISHED: Final = frozenset({"Succeeded", "Failed", "Completed"})
_LONGEST_ACCOUNT: Final = 62  # Calico leaves longer names out: a label value ends at 63


def endpoint(pod: Pod, pool: LabelPool) -> PodEndpoint | None:
    """The pod as an endpoint; None if it owns no address of its own, or no longer.

    A scheduled pod without an address yet is an endpoint without addresses: its node counts.
    Raises `Malformed`.
    """
    name = checked_name(pod.metadata.name)
    namespace = checked_name(pod.metadata.namespace, "metadata.namespace")
    if not pod.status.phase and not _published(pod)[1]:
        raise Malformed("it has neither phase nor address: cut off, or never in a cluster")
    if pod.spec.host_network or not pod.spec.node_name:
        return None
    # A finished pod still shows its address in status, but it may be someone else's by now.
    if pod.status.phase in _FINISHED or _released(pod):
        return None
    return PodEndpoint(
        namespace=intern(namespace),
        name=name,
        labels=_labels(pod, pool),
        addresses=_addresses(pod),
        node=intern(checked_name(pod.spec.node_name, "spec.nodeName")),
    )


def _released(pod: Pod) -> bool:
    """True once the network plug-in has blanked its annotation on a terminating pod.

    Without a deletionTimestamp a blank annotation means nothing: StatefulSet pods have been seen
    running with one. Without the annotation another plug-in is at work, and only the phase counts.
    """
    annotations = pod.metadata.annotations or NO_ANNOTATIONS
    blank = annotations.pod_ip == "" or annotations.aws_pod_ips == ""
    return blank and pod.metadata.deletion_timestamp is not None


def _labels(pod: Pod, pool: LabelPool) -> Labels:
    pairs = dict(pod.metadata.labels or {})
    pairs["projectcalico.org/namespace"] = pod.metadata.namespace
    pairs["projectcalico.org/orchestrator"] = "k8s"
    account = pod.spec.service_account_name
    if account and len(account) <= _LONGEST_ACCOUNT:
        pairs["projectcalico.org/serviceaccount"] = account
    return pool.labels(pairs)


def _addresses(pod: Pod) -> tuple[Address, ...]:
    field, texts = _published(pod)
    found = tuple(host_address(text, field) for text in texts)
    if len(found) < 2:
        return found
    if len({address.family(each) for each in found}) < len(found):
        raise Malformed(f"{field} holds more than one address of a family")
    return tuple(sorted(found, key=address.sort_key))


def _published(pod: Pod) -> tuple[str, list[str]]:
    """Where the addresses stand, and their texts: the first place that holds any wins.

    Calico writes its annotation before the kubelet fills the status.
    """
    status, annotations = pod.status, pod.metadata.annotations or NO_ANNOTATIONS
    if status.pod_ips:
        return "status.podIPs", [entry.ip for entry in status.pod_ips]
    if status.pod_ip:
        return "status.podIP", [status.pod_ip]
    if annotations.pod_ips:
        return "annotation cni.projectcalico.org/podIPs", annotations.pod_ips.split(",")
    if annotations.pod_ip:
        return "annotation cni.projectcalico.org/podIP", [annotations.pod_ip]
    if annotations.aws_pod_ips:
        return "annotation vpc.amazonaws.com/pod-ips", annotations.aws_pod_ips.split(",")
    return "status", []
