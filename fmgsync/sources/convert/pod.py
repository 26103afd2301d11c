"""A pod becomes an endpoint, by the rules of Calico's Kubernetes datastore.

Public source: projectcalico/calico, `libcalico-go/lib/backend/k8s/conversion` (which pods are
workload endpoints, where their addresses come from, when a terminating pod has released them) and
the Calico documentation's label reference. Two things differ. What only an annotation says is kept
apart, as a claim: whoever may edit a pod writes its annotations. And a pod in its node's network
is kept, without addresses: it runs on a node. Floating IPs (`cni.projectcalico.org/floatingIPs`)
are not read: the firewall sees them only as destinations of a 1:1 NAT inside the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern
from typing import Final

import msgspec

from fmgsync.model import address
from fmgsync.model.address import Address
from fmgsync.model.endpoint import Network, PodEndpoint
from fmgsync.model.labels import ANY_KEY, Labels
from fmgsync.sources.convert import notes
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import (
    NO_ANNOTATIONS,
    NO_FLAWS,
    Annotations,
    Flaws,
    Malformed,
    Pod,
    checked_name,
    given_name,
    host_address,
    instant,
)

_FINISHED: Final = frozenset({"Succeeded", "Failed", "Completed"})
_LONGEST_ACCOUNT: Final = 62  # Calico leaves longer names out: a label value ends at 63
_NAMESPACE: Final = "projectcalico.org/namespace"
_CUT_OFF: Final = "it has neither phase nor address: cut off, or never in a cluster"
_NETWORKS_UNREADABLE: Final[tuple[Network, ...]] = (("", ()),)


class _NetworkStatus(msgspec.Struct, frozen=True, gc=False):
    """One entry of Multus' annotation (Network Plumbing Working Group, de-facto standard 4.1)."""

    name: str = ""
    ips: list[str] | None = None


_networks_decoder: Final = msgspec.json.Decoder(list[_NetworkStatus])


def endpoint(pod: Pod, pool: LabelPool, flaws: Flaws = NO_FLAWS) -> PodEndpoint | None:
    """The pod as an endpoint; None if it does not run, or no longer.

    A scheduled pod without an address yet is an endpoint without addresses: its node counts.
    Raises `Malformed` if the pod cannot even be named.
    """
    status, annotations = pod.status, pod.metadata.annotations or NO_ANNOTATIONS
    node, unknown, doubts = pod.spec.node_name or "", flaws.labels, [flaws.doubt]
    if not status.phase and not flaws.doubt and not _published(pod) and not _claimed(annotations):
        # A dump that ends inside an object: what came before the end may be incomplete as well.
        unknown, doubts = ANY_KEY, [_CUT_OFF]
    elif not node and not flaws.doubt:
        return None
    # A finished pod still shows its address in status, but it may be someone else's by now.
    if status.phase in _FINISHED or _released(pod, annotations):
        return None
    namespace, node = _checked(pod.metadata.namespace, node, doubts)
    found: tuple[Address, ...] = ()
    claimed: tuple[Address, ...] = ()
    own_network = not pod.spec.host_network and not any(doubts)
    if own_network:
        found = _addresses(_published(pod), doubts)
        if not found and not any(doubts):
            claimed = _addresses(_claimed(annotations), doubts)
            claimed = () if any(doubts) else claimed
    return PodEndpoint(
        namespace=intern(namespace),
        name=given_name(pod.metadata),
        labels=_labels(pod, pool, namespace, unknown),
        addresses=found,
        node=intern(node),
        claimed=claimed,
        networks=_networks(annotations) if own_network else (),
        host_network=bool(pod.spec.host_network),
        terminating=pod.metadata.deletion_timestamp is not None,
        lost=status.phase == "Unknown",
        started=instant(status.start_time) or instant(pod.metadata.creation_timestamp),
        doubt="; ".join(filter(None, doubts)),
        account=intern(pod.spec.service_account_name or ""),
        notes=notes.of(pod.metadata),
    )


def _checked(namespace: str, node: str, doubts: list[str]) -> tuple[str, str]:
    """Namespace and node, each empty if it is no name; notes why."""
    found = []
    for name, what in ((namespace, "metadata.namespace"), (node, "spec.nodeName")):
        try:
            found.append(checked_name(name, what) if name or what != "spec.nodeName" else "")
        except Malformed as error:
            doubts.append(str(error))
            found.append("")
    return found[0], found[1]


def _released(pod: Pod, annotations: Annotations) -> bool:
    """True once the network plug-in has blanked its annotation on a terminating pod.

    Without a deletionTimestamp a blank annotation means nothing: StatefulSet pods have been seen
    running with one. Without the annotation another plug-in is at work, and only the phase counts.
    """
    blank = annotations.pod_ip == "" or annotations.aws_pod_ips == ""
    return blank and pod.metadata.deletion_timestamp is not None


def _labels(pod: Pod, pool: LabelPool, namespace: str, unknown: frozenset[str]) -> Labels:
    pairs = dict(pod.metadata.labels or {})
    if namespace:
        pairs[_NAMESPACE] = namespace
    elif unknown != ANY_KEY:
        pairs.pop(_NAMESPACE, None)
        unknown |= {_NAMESPACE}
    pairs["projectcalico.org/orchestrator"] = "k8s"
    account = pod.spec.service_account_name
    if account and len(account) <= _LONGEST_ACCOUNT:
        pairs["projectcalico.org/serviceaccount"] = account
    return pool.labels(pairs, unknown)


_Told = tuple[str, list[str]]
"""A field, for messages, and the addresses in it as they stand there."""


def _addresses(told: _Told | None, doubts: list[str]) -> tuple[Address, ...]:
    """The addresses of a field; what is none of them is a doubt."""
    if told is None:
        return ()
    field, texts = told
    found: list[Address] = []
    for text in texts:
        try:
            found.append(host_address(text, field))
        except Malformed as error:
            doubts.append(str(error))
    if len(found) < 2:
        return tuple(found)
    if len({address.family(each) for each in found}) < len(found):
        doubts.append(f"{field} holds more than one address of a family")
        return ()
    return tuple(sorted(found, key=address.sort_key))


def _published(pod: Pod) -> _Told | None:
    """What the kubelet says: the first place that holds any wins."""
    if pod.status.pod_ips:
        return "status.podIPs", [entry.ip for entry in pod.status.pod_ips]
    if pod.status.pod_ip:
        return "status.podIP", [pod.status.pod_ip]
    return None


def _claimed(annotations: Annotations) -> _Told | None:
    """What annotations say: Calico writes its own before the kubelet fills the status."""
    if annotations.pod_ips:
        return "annotation cni.projectcalico.org/podIPs", annotations.pod_ips.split(",")
    if annotations.pod_ip:
        return "annotation cni.projectcalico.org/podIP", [annotations.pod_ip]
    if annotations.aws_pod_ips:
        return "annotation vpc.amazonaws.com/pod-ips", annotations.aws_pod_ips.split(",")
    return None


def _networks(annotations: Annotations) -> tuple[Network, ...]:
    """The networks Multus says the pod is in; one without a name stands for what is unreadable."""
    text = annotations.networks or annotations.old_networks
    if not text:
        return ()
    try:
        return tuple(_network(each) for each in _networks_decoder.decode(text) if each.ips)
    except (msgspec.DecodeError, RecursionError, Malformed):
        return _NETWORKS_UNREADABLE


def _network(status: _NetworkStatus) -> Network:
    ips: Iterable[str] = status.ips or ()
    found = (host_address(text, "annotation k8s.v1.cni.cncf.io/network-status") for text in ips)
    return intern(status.name), tuple(sorted(found, key=address.sort_key))
