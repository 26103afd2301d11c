"""The few fields of pods, nodes and namespaces that matter, decoded by msgspec.

The generated models of the `kubernetes` library cost twenty times the processor time and memory,
nearly all of it for fields nobody looks at. `gc=False`: these structs cannot form cycles, and the
collector need not walk a hundred thousand of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fmgsync.model.address import Address, parse

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_SHOWN: Final = 80


class Malformed(ValueError):
    """A value that no API server would have stored, or that says nothing; the text names it."""


@dataclass(frozen=True, slots=True)
class Flaws:
    """What of one object cannot be read: the values of these labels, and its addresses because.

    Only what a rule can see counts. `told` says it all, for people.
    """

    labels: frozenset[str] = frozenset()
    doubt: str = ""
    told: str = ""


NO_FLAWS: Final = Flaws()


class Annotations(msgspec.Struct, frozen=True, gc=False):
    """The annotations by which network plug-ins tell a pod's addresses.

    None means absent, which differs from present and empty: an empty one on a terminating pod
    says that the address was released.
    """

    pod_ips: str | None = msgspec.field(name="cni.projectcalico.org/podIPs", default=None)
    pod_ip: str | None = msgspec.field(name="cni.projectcalico.org/podIP", default=None)
    aws_pod_ips: str | None = msgspec.field(name="vpc.amazonaws.com/pod-ips", default=None)
    networks: str | None = msgspec.field(name="k8s.v1.cni.cncf.io/network-status", default=None)
    old_networks: str | None = msgspec.field(
        name="k8s.v1.cni.cncf.io/networks-status", default=None
    )
    egress_selector: str | None = msgspec.field(
        name="egress.projectcalico.org/selector", default=None
    )
    egress_spaces: str | None = msgspec.field(
        name="egress.projectcalico.org/namespaceSelector", default=None
    )
    egress_policy: str | None = msgspec.field(
        name="egress.projectcalico.org/egressGatewayPolicy", default=None
    )
    kube_ovn_eip: str | None = msgspec.field(name="ovn.kubernetes.io/eip", default=None)
    kube_ovn_snat: str | None = msgspec.field(name="ovn.kubernetes.io/snat", default=None)
    external_gateways: str | None = msgspec.field(
        name="k8s.ovn.org/routing-external-gws", default=None
    )
    ovn_subnets: str | None = msgspec.field(name="k8s.ovn.org/node-subnets", default=None)
    flannel_ip: str | None = msgspec.field(name="flannel.alpha.coreos.com/public-ip", default=None)
    antrea_ip: str | None = msgspec.field(name="node.antrea.io/transport-addresses", default=None)


NO_ANNOTATIONS: Final = Annotations()


class Metadata(msgspec.Struct, frozen=True, gc=False):
    """`metadata` of any object."""

    name: str = ""
    namespace: str = ""
    labels: dict[str, str] | None = None
    annotations: Annotations | None = None
    creation_timestamp: str | None = msgspec.field(name="creationTimestamp", default=None)
    deletion_timestamp: str | None = msgspec.field(name="deletionTimestamp", default=None)
    resource_version: str = msgspec.field(name="resourceVersion", default="")


class PodSpec(msgspec.Struct, frozen=True, gc=False):
    """`spec` of a pod."""

    node_name: str | None = msgspec.field(name="nodeName", default=None)
    host_network: bool | None = msgspec.field(name="hostNetwork", default=None)
    service_account_name: str | None = msgspec.field(name="serviceAccountName", default=None)


class PodIP(msgspec.Struct, frozen=True, gc=False):
    """One entry of a pod's `status.podIPs`."""

    ip: str = ""


class PodStatus(msgspec.Struct, frozen=True, gc=False):
    """`status` of a pod."""

    phase: str | None = None
    pod_ip: str | None = msgspec.field(name="podIP", default=None)
    pod_ips: list[PodIP] | None = msgspec.field(name="podIPs", default=None)
    start_time: str | None = msgspec.field(name="startTime", default=None)


class Pod(msgspec.Struct, frozen=True, gc=False):
    """A pod of `v1`."""

    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class CustomMetadata(msgspec.Struct, frozen=True, gc=False):
    """`metadata` of an object whose annotations are looked at one by one."""

    name: str = ""
    namespace: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    creation_timestamp: str | None = msgspec.field(name="creationTimestamp", default=None)
    resource_version: str = msgspec.field(name="resourceVersion", default="")


class NodeSpec(msgspec.Struct, frozen=True, gc=False):
    """`spec` of a node."""

    pod_cidr: str | None = msgspec.field(name="podCIDR", default=None)
    pod_cidrs: list[str] | None = msgspec.field(name="podCIDRs", default=None)
    provider_id: str | None = msgspec.field(name="providerID", default=None)


class NodeAddress(msgspec.Struct, frozen=True, gc=False):
    """One entry of a node's `status.addresses`."""

    type: str = ""
    address: str = ""


class NodeStatus(msgspec.Struct, frozen=True, gc=False):
    """`status` of a node."""

    addresses: list[NodeAddress] | None = None


class Node(msgspec.Struct, frozen=True, gc=False):
    """A node of `v1`."""

    metadata: CustomMetadata
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class Namespace(msgspec.Struct, frozen=True, gc=False):
    """A namespace of `v1`."""

    metadata: Metadata


class Account(msgspec.Struct, frozen=True, gc=False):
    """A service account of `v1`."""

    metadata: Metadata


class PolicyStep(msgspec.Struct, frozen=True, gc=False):
    """One rule of a policy."""

    action: str | None = None


class PolicySpec(msgspec.Struct, frozen=True, gc=False):
    """`spec` of a Calico policy of the whole cluster."""

    tier: str | None = None
    selector: str | None = None
    namespace_selector: str | None = msgspec.field(name="namespaceSelector", default=None)
    account_selector: str | None = msgspec.field(name="serviceAccountSelector", default=None)
    pre_dnat: bool | None = msgspec.field(name="preDNAT", default=None)
    do_not_track: bool | None = msgspec.field(name="doNotTrack", default=None)
    staged_action: str | None = msgspec.field(name="stagedAction", default=None)
    ingress: list[PolicyStep] | None = None
    egress: list[PolicyStep] | None = None


class GlobalNetworkPolicy(msgspec.Struct, frozen=True, gc=False):
    """A policy of Calico's, of either API group, enforced or staged."""

    metadata: CustomMetadata
    spec: PolicySpec = PolicySpec()


class SetSpec(msgspec.Struct, frozen=True, gc=False):
    """`spec` of a network set."""

    nets: list[str] | None = None


class GlobalNetworkSet(msgspec.Struct, frozen=True, gc=False):
    """A network set of the whole cluster."""

    metadata: CustomMetadata
    spec: SetSpec = SetSpec()


class PoolSpec(msgspec.Struct, frozen=True, gc=False):
    """`spec` of an IPPool."""

    cidr: str | None = None
    nat: bool | None = msgspec.field(name="natOutgoing", default=None)
    uses: list[str] | None = msgspec.field(name="allowedUses", default=None)
    disabled: bool | None = None


class IPPool(msgspec.Struct, frozen=True, gc=False):
    """A pool of addresses of Calico's."""

    metadata: CustomMetadata
    spec: PoolSpec = PoolSpec()


class NetworkSet(msgspec.Struct, frozen=True, gc=False):
    """A network set in a namespace."""

    metadata: CustomMetadata
    spec: SetSpec = SetSpec()


class PlatformRaw(msgspec.Struct, frozen=True, gc=False):
    """An object of any kind that says how traffic leaves a cluster, to be looked at piece by
    piece."""

    metadata: CustomMetadata
    spec: dict[str, Any] | None = None
    status: dict[str, Any] | None = None
    data: dict[str, Any] | None = None


class Service(msgspec.Struct, frozen=True, gc=False):
    """A Service of `v1`; what is in its parts is looked at by its converter."""

    metadata: CustomMetadata
    spec: Any = None
    status: Any = None


class Ingress(msgspec.Struct, frozen=True, gc=False):
    """An Ingress."""

    metadata: CustomMetadata
    status: Any = None


class Gateway(msgspec.Struct, frozen=True, gc=False):
    """A Gateway of the Gateway API."""

    metadata: CustomMetadata
    spec: Any = None
    status: Any = None


class EndpointSlice(msgspec.Struct, frozen=True, gc=False):
    """An EndpointSlice."""

    metadata: CustomMetadata
    address_type: Any = msgspec.field(name="addressType", default=None)
    endpoints: Any = None


class Described(msgspec.Struct, frozen=True, gc=False):
    """An object of a kind that a configuration describes; the parts it names come on top."""

    metadata: CustomMetadata


def checked_name(name: str, what: str = "metadata.name") -> str:
    """The name, if it is one Kubernetes allows; so it is safe to print and to put in a url."""
    if not _NAME.fullmatch(name):
        raise Malformed(f"{what} {quoted(name)} is not a Kubernetes name")
    return name


def given_name(metadata: Metadata | CustomMetadata) -> str:
    """Its name; one that no API server would take, escaped. Raises `Malformed` if it has none."""
    try:
        return checked_name(metadata.name)
    except Malformed:
        if not metadata.name:
            raise
        return quoted(metadata.name)


def host_address(text: str, field: str) -> Address:
    """One host address, with or without its full prefix length."""
    try:
        address = parse(text)
    except ValueError as error:
        raise Malformed(f"{field} {quoted(text)} is not an IP address") from error
    if "/" in address:
        raise Malformed(f"{field} {quoted(text)} is a prefix, not the address of one host")
    return address


def instant(text: str | None) -> str:
    """An instant as the API server prints it, so that later ones are greater; else nothing."""
    return text if text and _INSTANT.fullmatch(text) else ""


def quoted(text: str) -> str:
    """Foreign text for a message: escaped and of bounded length."""
    return repr(text) if len(text) <= _SHOWN else repr(text[:_SHOWN]) + "..."
