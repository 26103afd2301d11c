"""What runs: endpoints (pods and nodes with addresses) and the snapshot of one cluster."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from fmgsync.model.address import Address
from fmgsync.model.labels import Labels

_NO_NAMESPACES: Mapping[str, Labels] = MappingProxyType({})


class Kind(enum.StrEnum):
    """The kinds of Kubernetes objects a cluster is read for."""

    PODS = "pods"
    NODES = "nodes"
    NAMESPACES = "namespaces"


@dataclass(frozen=True, slots=True)
class PodEndpoint:
    """A pod that owns addresses (Calico's workload endpoint; never a host-network pod).

    `labels` are the pod's own plus those Calico adds to every pod: `projectcalico.org/namespace`,
    `.../orchestrator`, `.../serviceaccount`. `node` is the node it is bound to. A pod that is
    scheduled but has no address yet is an endpoint with empty `addresses`: in `publish: node` its
    node already counts.
    """

    namespace: str
    name: str
    labels: Labels
    addresses: tuple[Address, ...]
    node: str


@dataclass(frozen=True, slots=True)
class NodeEndpoint:
    """A node and its InternalIP addresses, both families."""

    name: str
    labels: Labels
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class SourceProblem:
    """Something in a source that could not be used: where (`pods default/web-7`) and why."""

    where: str
    message: str


@dataclass(frozen=True, slots=True)
class ClusterSnapshot:
    """One consistent copy of what a cluster runs.

    `synced` holds the kinds that were read completely. A rule that needs a kind outside it must
    not remove anything that this cluster contributed. A kind with an unreadable object is not
    synced. `problems` says why.
    """

    cluster: str
    synced: frozenset[Kind]
    pods: tuple[PodEndpoint, ...] = ()
    nodes: tuple[NodeEndpoint, ...] = ()
    namespaces: Mapping[str, Labels] = field(default_factory=lambda: _NO_NAMESPACES)
    problems: tuple[SourceProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterDifference:
    """What became different in one cluster since the last look: pairs of before and after.

    None before is new, None after is gone. `synced` and `problems` are those of now.
    """

    cluster: str
    synced: frozenset[Kind]
    pods: tuple[tuple[PodEndpoint | None, PodEndpoint | None], ...] = ()
    nodes: tuple[tuple[NodeEndpoint | None, NodeEndpoint | None], ...] = ()
    namespaces: tuple[tuple[str, Labels | None, Labels | None], ...] = ()
    problems: tuple[SourceProblem, ...] = ()
