"""The kinds a cluster is read for: one row says what an API server calls a kind, how much of it is
asked for, which fields are read, and what becomes of an object.

A new kind is a row here, a converter, and its place in the snapshot (`model.endpoint`). Following a
kind takes the verbs `list` and `watch` on its resource: `doctor` asks for them, and the shipped
roles grant them.

Calico's kinds have two homes: `projectcalico.org/v3`, served by Calico's API server or by native
CRDs, and `crd.projectcalico.org/v1`, the store behind it. The first that is served counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fmgsync.kube.listing import EVERYTHING, Scope
from fmgsync.kube.requests import NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS, Resource
from fmgsync.model.endpoint import Kind
from fmgsync.sources.convert import account, ip_pool, namespace, network_set, node, pod, policy
from fmgsync.sources.convert.objects import (
    Account,
    GlobalNetworkPolicy,
    GlobalNetworkSet,
    IPPool,
    Namespace,
    NetworkSet,
    Node,
    Pod,
    StagedGlobalNetworkPolicy,
)
from fmgsync.sources.convert.reading import Raw


@dataclass(frozen=True, slots=True)
class Row:
    """One kind: `name` is what objects call it, `convert` makes of one what it contributes."""

    name: str
    resource: Resource
    item_type: type[Raw]
    convert: Callable[..., Any]
    scope: Scope = EVERYTHING
    older: Resource | None = None

    def has_version(self, version: object) -> bool:
        """Whether an object that says so of itself is of this kind."""
        homes = (self.resource, self.older) if self.older else (self.resource,)
        return version in (None, *(each.api_version for each in homes))

    @property
    def namespaced(self) -> bool:
        """Whether a name is unique in its namespace only."""
        return self.resource.plural in ("pods", "serviceaccounts", "networksets")


UNFINISHED: Final = Scope(fields="status.phase!=Succeeded,status.phase!=Failed")
"""Finished pods own no address, and there may be many."""


def _calico(kind: Kind, item_type: type[Raw], convert: Callable[..., Any]) -> Row:
    return Row(
        item_type.__name__,
        Resource("projectcalico.org", "v3", kind.value),
        item_type,
        convert,
        older=Resource("crd.projectcalico.org", "v1", kind.value),
    )


KINDS: Final[Mapping[Kind, Row]] = {
    Kind.PODS: Row("Pod", PODS, Pod, pod.endpoint, UNFINISHED),
    Kind.NODES: Row("Node", NODES, Node, node.endpoint),
    Kind.NAMESPACES: Row("Namespace", NAMESPACES, Namespace, namespace.labels),
    Kind.ACCOUNTS: Row("ServiceAccount", SERVICE_ACCOUNTS, Account, account.labels),
    Kind.POLICIES: _calico(Kind.POLICIES, GlobalNetworkPolicy, policy.policy),
    Kind.STAGED_POLICIES: _calico(Kind.STAGED_POLICIES, StagedGlobalNetworkPolicy, policy.staged),
    Kind.GLOBAL_SETS: _calico(Kind.GLOBAL_SETS, GlobalNetworkSet, network_set.network_set),
    Kind.IP_POOLS: _calico(Kind.IP_POOLS, IPPool, ip_pool.ip_pool),
    Kind.NETWORK_SETS: _calico(Kind.NETWORK_SETS, NetworkSet, network_set.network_set),
}
BY_NAME: Final[Mapping[str, Kind]] = {row.name: kind for kind, row in KINDS.items()}
