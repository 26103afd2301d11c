"""The kinds a cluster is read for: one row says what an API server calls a kind, how much of it is
asked for, which fields are read, and what becomes of an object.

A new kind is a row here, a converter, and its place in the snapshot (`model.endpoint`). Following a
kind takes the verbs `list` and `watch` on its resource: `doctor` asks for them, and the shipped
roles grant them.

Calico's kinds have two homes: `projectcalico.org/v3`, served by Calico's API server or by native
CRDs, and `crd.projectcalico.org/v1`, the store behind it. The first that is served counts.

No cluster has all network plug-ins. A kind that is `spare` and that a cluster does not serve is
known to have no objects there; one that may not be read is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from fmgsync.kube.listing import EVERYTHING, Scope
from fmgsync.kube.requests import (
    CONFIGMAPS,
    DAEMONSETS,
    ENDPOINT_SLICES,
    GATEWAYS,
    INGRESSES,
    NAMESPACES,
    NODES,
    OLDER_GATEWAYS,
    PODS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Resource,
)
from fmgsync.model.endpoint import Kind
from fmgsync.sources.convert import (
    account,
    destination,
    egress,
    ip_pool,
    namespace,
    network_set,
    node,
    platform,
    pod,
    policy,
    reading,
)
from fmgsync.sources.convert.objects import (
    Account,
    EndpointSlice,
    Gateway,
    GlobalNetworkPolicy,
    GlobalNetworkSet,
    Ingress,
    IPPool,
    Namespace,
    NetworkSet,
    Node,
    PlatformRaw,
    Pod,
    Service,
)
from fmgsync.sources.convert.reading import Raw


@dataclass(frozen=True, slots=True)
class Row:
    """One kind: `name` is what objects call it, `convert` makes of one what it contributes. `only`
    is the one object of that name that is looked at."""

    name: str
    resource: Resource
    item_type: type[Raw]
    convert: Callable[..., Any]
    scope: Scope = EVERYTHING
    older: Resource | None = None
    spare: bool = False
    only: str = ""

    def has_version(self, version: object) -> bool:
        """Whether an object that says so of itself is of this kind."""
        homes = (self.resource, self.older) if self.older else (self.resource,)
        return version in (None, *(each.api_version for each in homes))

    @property
    def groups(self) -> tuple[str, ...]:
        """The API groups in which it may be found."""
        homes = (self.resource, self.older) if self.older else (self.resource,)
        return tuple(dict.fromkeys(each.group for each in homes))

    @property
    def has_homes(self) -> bool:
        """Whether it is found out where, or whether at all, a cluster serves it."""
        return self.older is not None or self.spare

    @property
    def namespaced(self) -> bool:
        """Whether a name is unique in its namespace only."""
        return self.resource.plural not in _OF_THE_CLUSTER


_OF_THE_CLUSTER: Final = (
    "nodes",
    "namespaces",
    "globalnetworkpolicies",
    "stagedglobalnetworkpolicies",
    "globalnetworksets",
    "ippools",
    "felixconfigurations",
    "egressgatewaypolicies",
    "egressips",
    "egresses",
    "ciliumegressgatewaypolicies",
    "subnets",
)
SYSTEM: Final = "kube-system"
"""Where the components that translate addresses stand."""
UNFINISHED: Final = Scope(fields="status.phase!=Succeeded,status.phase!=Failed")
"""Finished pods own no address, and there may be many."""


def _calico(
    kind: Kind,
    name: str,
    convert: Callable[..., Any],
    item_type: type[Raw] = PlatformRaw,
    *,
    spare: bool = False,
) -> Row:
    older = Resource("crd.projectcalico.org", "v1", kind.value)
    home = Resource("projectcalico.org", "v3", kind.value)
    return Row(name, home, item_type, convert, older=older, spare=spare)


def _spare(kind: Kind, name: str, home: str, convert: Callable[..., Any], older: str = "") -> Row:
    """A kind of one network plug-in, at home in this group and version."""
    group, _, version = home.partition("/")
    first = Resource(group, version, kind.value)
    second = Resource(group, older, kind.value) if older else None
    return Row(name, first, PlatformRaw, convert, older=second, spare=True)


def _named(kind: Kind, resource: Resource, convert: Callable[..., Any]) -> Row:
    """One object that tells how a component is set; others of its kind are nobody's business."""
    name = kind.value.partition("/")[2]
    scope = Scope(SYSTEM, fields=f"metadata.name={name}")
    title = "ConfigMap" if resource is CONFIGMAPS else "DaemonSet"
    return Row(title, resource, PlatformRaw, convert, scope, only=name)


KINDS: Final[Mapping[Kind, Row]] = {
    Kind.PODS: Row("Pod", PODS, Pod, pod.endpoint, UNFINISHED),
    Kind.NODES: Row("Node", NODES, Node, node.endpoint),
    Kind.NAMESPACES: Row("Namespace", NAMESPACES, Namespace, namespace.labels),
    Kind.ACCOUNTS: Row("ServiceAccount", SERVICE_ACCOUNTS, Account, account.labels),
    Kind.POLICIES: _calico(
        Kind.POLICIES, "GlobalNetworkPolicy", policy.policy, GlobalNetworkPolicy
    ),
    Kind.STAGED_POLICIES: _calico(
        Kind.STAGED_POLICIES, "StagedGlobalNetworkPolicy", policy.staged, GlobalNetworkPolicy
    ),
    Kind.GLOBAL_SETS: _calico(
        Kind.GLOBAL_SETS, "GlobalNetworkSet", network_set.network_set, GlobalNetworkSet
    ),
    Kind.IP_POOLS: _calico(Kind.IP_POOLS, "IPPool", ip_pool.ip_pool, IPPool, spare=True),
    Kind.NETWORK_SETS: _calico(
        Kind.NETWORK_SETS, "NetworkSet", network_set.network_set, NetworkSet
    ),
    Kind.FELIX: _calico(Kind.FELIX, "FelixConfiguration", platform.felix, spare=True),
    Kind.EGRESS_POLICIES: _calico(
        Kind.EGRESS_POLICIES, "EgressGatewayPolicy", platform.gateway_policy, spare=True
    ),
    Kind.EGRESS_GATEWAYS: _spare(
        Kind.EGRESS_GATEWAYS, "EgressGateway", "operator.tigera.io/v1", platform.gateway
    ),
    Kind.EGRESS_IPS: _spare(Kind.EGRESS_IPS, "EgressIP", "k8s.ovn.org/v1", egress.egress_ip),
    Kind.EGRESSES: _spare(
        Kind.EGRESSES, "Egress", "crd.antrea.io/v1beta1", egress.egress, "v1alpha2"
    ),
    Kind.CILIUM_EGRESSES: _spare(
        Kind.CILIUM_EGRESSES, "CiliumEgressGatewayPolicy", "cilium.io/v2", egress.cilium_egress
    ),
    Kind.SUBNETS: _spare(Kind.SUBNETS, "Subnet", "kubeovn.io/v1", platform.subnet),
    Kind.VPC_EGRESS_GATEWAYS: _spare(
        Kind.VPC_EGRESS_GATEWAYS, "VpcEgressGateway", "kubeovn.io/v1", egress.vpc_egress_gateway
    ),
    Kind.AWS_NODE: _named(Kind.AWS_NODE, DAEMONSETS, platform.environment),
    Kind.MASQ_AGENT: _named(Kind.MASQ_AGENT, CONFIGMAPS, platform.masq_agent),
    Kind.AZURE_MASQ_AGENT: _named(Kind.AZURE_MASQ_AGENT, CONFIGMAPS, platform.masq_agent),
    Kind.CILIUM_CONFIG: _named(Kind.CILIUM_CONFIG, CONFIGMAPS, platform.config_map),
    Kind.SERVICES: Row("Service", SERVICES, Service, destination.service),
    Kind.ENDPOINT_SLICES: Row(
        "EndpointSlice", ENDPOINT_SLICES, EndpointSlice, destination.endpoint_slice
    ),
    Kind.GATEWAYS: Row("Gateway", GATEWAYS, Gateway, destination.gateway, older=OLDER_GATEWAYS),
    Kind.INGRESSES: Row("Ingress", INGRESSES, Ingress, destination.ingress),
}
"""Kinds that a configuration describes have no row here: `row` makes it."""


@lru_cache(maxsize=1 << 10)
def row(kind: Kind) -> Row:
    """How a kind is read."""
    if kind.description is None:
        return KINDS[kind]
    resource, name, _ = kind.description
    convert = destination.of(kind)
    return Row(name, Resource(*resource), reading.described(kind), convert)


def listed(kinds: Iterable[Kind]) -> tuple[Kind, ...]:
    """These kinds in the order in which they are read and told."""
    wanted = frozenset(kinds)
    further = sorted(kind for kind in wanted if kind.description is not None)
    return (*(kind for kind in Kind if kind in wanted), *further)


BY_NAME: Final[Mapping[str, tuple[Kind, ...]]] = {
    name: tuple(kind for kind, row in KINDS.items() if row.name == name)
    for name in {row.name for row in KINDS.values()}
}
"""What objects call themselves -> the kinds that are made of them."""
