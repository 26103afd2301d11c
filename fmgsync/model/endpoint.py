"""What runs (pods, nodes, network sets) and what others connect to: the snapshot of one cluster."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from fmgsync.model.address import Address
from fmgsync.model.destination import Destination
from fmgsync.model.labels import Labels, Notes
from fmgsync.model.platform import PlatformObject
from fmgsync.model.policy import Policy

_NO_LABEL_SETS: Mapping[str, Labels] = MappingProxyType({})


class Kind(enum.StrEnum):
    """The kinds of Kubernetes objects a cluster is read for.

    Those that a configuration describes itself are not among the members: each is made of its
    description (`described`), and compares by it.
    """

    PODS = "pods"
    NODES = "nodes"
    NAMESPACES = "namespaces"
    ACCOUNTS = "serviceaccounts"
    POLICIES = "globalnetworkpolicies"
    STAGED_POLICIES = "stagedglobalnetworkpolicies"
    GLOBAL_SETS = "globalnetworksets"
    NETWORK_SETS = "networksets"
    IP_POOLS = "ippools"
    FELIX = "felixconfigurations"
    EGRESS_GATEWAYS = "egressgateways"
    EGRESS_POLICIES = "egressgatewaypolicies"
    EGRESS_IPS = "egressips"
    EGRESSES = "egresses"
    CILIUM_EGRESSES = "ciliumegressgatewaypolicies"
    SUBNETS = "subnets"
    VPC_EGRESS_GATEWAYS = "vpc-egress-gateways"
    AWS_NODE = "daemonsets/aws-node"
    MASQ_AGENT = "configmaps/ip-masq-agent"
    AZURE_MASQ_AGENT = "configmaps/azure-ip-masq-agent-config"
    CILIUM_CONFIG = "configmaps/cilium-config"
    SERVICES = "services"
    ENDPOINT_SLICES = "endpointslices"
    GATEWAYS = "gateways"
    INGRESSES = "ingresses"

    @classmethod
    def _missing_(cls, value: object) -> Kind | None:
        """A kind that a configuration describes: five words or more."""
        if not isinstance(value, str) or len(value.split(" ")) < _WORDS:
            return None
        made = str.__new__(cls, value)
        made._name_ = made._value_ = value
        return made

    @classmethod
    def described(cls, resource: tuple[str, str, str], name: str, paths: Iterable[str]) -> Kind:
        """The objects of a resource (group, version, plural) that call themselves `name`, with
        addresses at these JSONPaths."""
        group, version, plural = resource
        return cls(" ".join((plural, group or "-", version, name, *sorted(paths))))

    @property
    def description(self) -> tuple[tuple[str, str, str], str, tuple[str, ...]] | None:
        """What it was made of; None of a kind that needs no description."""
        words = self.value.split(" ")
        if len(words) < _WORDS:
            return None
        plural, group, version, name, *paths = words
        return (group.removeprefix("-"), version, plural), name, tuple(paths)

    @property
    def is_destination(self) -> bool:
        """Whether its objects are what others connect to."""
        return self in DESTINATION_KINDS or self.description is not None

    def __str__(self) -> str:
        """As RBAC rules and problems name it."""
        plural, *more = self.value.split(" ")
        return ".".join(filter(None, (plural, more[0].removeprefix("-") if more else "")))

    def __format__(self, spec: str) -> str:
        """The same."""
        return format(str(self), spec)


_WORDS = 5

ALWAYS: frozenset[Kind] = frozenset({Kind.PODS, Kind.NODES, Kind.NAMESPACES})
"""What every cluster has, and is read for whatever the rules are."""
DESTINATION_KINDS: frozenset[Kind] = frozenset(
    {Kind.SERVICES, Kind.ENDPOINT_SLICES, Kind.GATEWAYS, Kind.INGRESSES}
)
"""What others connect to, of what needs no description."""
POLICY_KINDS: frozenset[Kind] = frozenset({Kind.POLICIES, Kind.STAGED_POLICIES})
"""What rules come from; the other kinds are what rules select among."""
EGRESS_KINDS: frozenset[Kind] = frozenset(
    {
        Kind.IP_POOLS,
        Kind.FELIX,
        Kind.EGRESS_GATEWAYS,
        Kind.EGRESS_POLICIES,
        Kind.EGRESS_IPS,
        Kind.EGRESSES,
        Kind.CILIUM_EGRESSES,
        Kind.SUBNETS,
        Kind.VPC_EGRESS_GATEWAYS,
    }
)
"""What gives pods other addresses on their way out."""
SEEN_KINDS: frozenset[Kind] = EGRESS_KINDS | {
    Kind.AWS_NODE,
    Kind.MASQ_AGENT,
    Kind.AZURE_MASQ_AGENT,
    Kind.CILIUM_CONFIG,
}
"""What says which address of a pod a firewall sees, beside pods, nodes and namespaces."""
PLATFORM_KINDS: tuple[Kind, ...] = tuple(sorted(SEEN_KINDS - {Kind.IP_POOLS}))
"""Those of them whose objects are `platform.PlatformObject`."""


Network = tuple[str, tuple[Address, ...]]
"""A further network of a pod, `namespace/name`, and the addresses it says it has there."""


PodKey = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class PodEndpoint:
    """A scheduled pod (Calico's workload endpoint), or one in its node's network.

    `labels` are the pod's own plus those Calico adds to every pod: `projectcalico.org/namespace`,
    `.../orchestrator`, `.../serviceaccount`. `addresses` are those the cluster's own components
    say it has. Without any, as long as it waits for one or because it is in its node's network
    (`host_network`), its node still counts. `claimed` and `networks` are what only annotations
    say, which whoever may edit the pod writes. `terminating`, `lost` (phase Unknown) and `started`
    (RFC 3339 in UTC, empty if not known) tell which of two pods with one address has it by now.
    `doubt` says why its addresses are not, or not all, known. `account` is its service account.
    `notes` are its annotations about the way out, which whoever may edit the pod writes.
    """

    namespace: str
    name: str
    labels: Labels
    addresses: tuple[Address, ...]
    node: str
    claimed: tuple[Address, ...] = ()
    networks: tuple[Network, ...] = ()
    host_network: bool = False
    terminating: bool = False
    lost: bool = False
    started: str = ""
    doubt: str = ""
    account: str = ""
    notes: Notes = ()

    @property
    def key(self) -> PodKey:
        """What no other pod of the cluster has."""
        return self.namespace, self.name

    @property
    def claims(self) -> frozenset[Address]:
        """The addresses that only annotations say it has."""
        further = (address for _, addresses in self.networks for address in addresses)
        return frozenset((*self.claimed, *further)).difference(self.addresses)

    @property
    def stakes(self) -> frozenset[Address]:
        """The addresses that it has, or says it has."""
        return (
            self.claims.union(self.addresses)
            if self.networks
            else frozenset(self.addresses or self.claimed)
        )


@dataclass(frozen=True, slots=True)
class NodeEndpoint:
    """A node and its InternalIP addresses, both families.

    `ranges` are the prefixes its pods get their addresses from, `started` when it was registered,
    `doubt` why its addresses are not all known. `marks` are the network plug-ins and clouds that
    have written on it. `others` are further addresses by what tells them
    (`ExternalIP`, `annotation:NAME`), for rules that ask for those.
    """

    name: str
    labels: Labels
    addresses: tuple[Address, ...]
    ranges: tuple[Address, ...] = ()
    started: str = ""
    doubt: str = ""
    marks: frozenset[str] = frozenset()
    others: tuple[tuple[str, Address], ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkSet:
    """A Calico network set: addresses and prefixes that somebody has given labels.

    Without a namespace it is one of the whole cluster. `doubt` says why its addresses are not all
    known.
    """

    namespace: str
    name: str
    labels: Labels
    addresses: tuple[Address, ...]
    doubt: str = ""

    @property
    def key(self) -> PodKey:
        """What no other set of the cluster has."""
        return self.namespace, self.name

    @property
    def place(self) -> str:
        """For messages."""
        space = f"{self.namespace}/" if self.namespace else ""
        return f"network set {space}{self.name}"


@dataclass(frozen=True, slots=True)
class IPPool:
    """A range that Calico gives pods their addresses from, if it does that for `workloads` at all.

    `nat`: outside of Calico's ranges others see the node's address instead. `disabled`: it gives
    out no more addresses, and may stand for a range elsewhere. `doubt` says why its range is not
    known.
    """

    name: str
    labels: Labels
    cidr: Address
    nat: bool = False
    workloads: bool = True
    doubt: str = ""
    disabled: bool = False

    @property
    def key(self) -> str:
        """What no other pool of the cluster has."""
        return self.name


@dataclass(frozen=True, slots=True)
class SourceProblem:
    """Something in a source that could not be used: where (`pods default/web-7`) and why."""

    where: str
    message: str


@dataclass(frozen=True, slots=True)
class ClusterSnapshot:
    """One consistent copy of what a cluster runs.

    `synced` holds the kinds that were read completely. A rule that needs a kind outside it must
    not remove anything that this cluster contributed. An object that is only partly readable is
    among the others, and says itself what is not known of it. `problems` names all of it.
    `accounts` are the labels of service accounts by `namespace/name`.
    """

    cluster: str
    synced: frozenset[Kind]
    pods: tuple[PodEndpoint, ...] = ()
    nodes: tuple[NodeEndpoint, ...] = ()
    namespaces: Mapping[str, Labels] = field(default_factory=lambda: _NO_LABEL_SETS)
    problems: tuple[SourceProblem, ...] = ()
    accounts: Mapping[str, Labels] = field(default_factory=lambda: _NO_LABEL_SETS)
    network_sets: tuple[NetworkSet, ...] = ()
    policies: tuple[Policy, ...] = ()
    ip_pools: tuple[IPPool, ...] = ()
    platform: tuple[PlatformObject, ...] = ()
    destinations: tuple[Destination, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterDifference:
    """What became different in one cluster since the last look: pairs of before and after.

    None before is new, None after is gone. `synced` and `problems` are those of now. `strangers`
    are pods that no rule selects, known only because they have the address of one among `pods`.
    """

    cluster: str
    synced: frozenset[Kind]
    pods: tuple[tuple[PodEndpoint | None, PodEndpoint | None], ...] = ()
    nodes: tuple[tuple[NodeEndpoint | None, NodeEndpoint | None], ...] = ()
    namespaces: tuple[tuple[str, Labels | None, Labels | None], ...] = ()
    problems: tuple[SourceProblem, ...] = ()
    strangers: tuple[tuple[PodEndpoint | None, PodEndpoint | None], ...] = ()
    accounts: tuple[tuple[str, Labels | None, Labels | None], ...] = ()
    network_sets: tuple[tuple[NetworkSet | None, NetworkSet | None], ...] = ()
    policies: tuple[tuple[Policy | None, Policy | None], ...] = ()
    ip_pools: tuple[tuple[IPPool | None, IPPool | None], ...] = ()
    platform: tuple[tuple[PlatformObject | None, PlatformObject | None], ...] = ()
    destinations: tuple[tuple[Destination | None, Destination | None], ...] = ()


def whole(snapshot: ClusterSnapshot) -> ClusterDifference:
    """A snapshot as the difference from nothing."""
    return ClusterDifference(
        snapshot.cluster,
        snapshot.synced,
        tuple((None, pod) for pod in snapshot.pods),
        tuple((None, node) for node in snapshot.nodes),
        tuple((name, None, labels) for name, labels in snapshot.namespaces.items()),
        snapshot.problems,
        accounts=tuple((key, None, labels) for key, labels in snapshot.accounts.items()),
        network_sets=tuple((None, each) for each in snapshot.network_sets),
        policies=tuple((None, each) for each in snapshot.policies),
        ip_pools=tuple((None, each) for each in snapshot.ip_pools),
        platform=tuple((None, each) for each in snapshot.platform),
        destinations=tuple((None, each) for each in snapshot.destinations),
    )
