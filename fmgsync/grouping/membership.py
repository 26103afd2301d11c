"""Which addresses a rule selects in one cluster, and whether that answer is complete.

A rule needs certain kinds (pods, namespaces, nodes). If one was not read completely, or if what
was read contradicts itself (a pod in a namespace nobody listed), the answer is marked incomplete:
it may add addresses, never remove any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fmgsync.grouping import selectors
from fmgsync.model.address import Address, family
from fmgsync.model.endpoint import ClusterSnapshot, Kind, PodEndpoint
from fmgsync.model.labels import NO_LABELS, Labels
from fmgsync.model.rule import GroupRule, Publish

_NAMESPACE_PREFIX = "pcns."


@dataclass(frozen=True, slots=True)
class ClusterMembers:
    """What one rule selects in one cluster. `because` says why it is not `complete`."""

    addresses: frozenset[Address]
    complete: bool = True
    because: str = ""


class _WithNamespace(Mapping[str, str]):
    """A pod's labels and, under `pcns.`, those of its namespace, as Calico's profiles give them."""

    __slots__ = ("_namespace", "_pod")

    def __init__(self, pod: Labels, namespace: Labels) -> None:
        self._pod = pod
        self._namespace = namespace

    def __getitem__(self, key: str) -> str:
        if key.startswith(_NAMESPACE_PREFIX):
            return self._namespace[key.removeprefix(_NAMESPACE_PREFIX)]
        return self._pod[key]

    def __iter__(self) -> Iterable[str]:  # type: ignore[override]
        yield from self._pod
        for key in self._namespace:
            yield _NAMESPACE_PREFIX + key

    def __len__(self) -> int:
        return len(self._pod) + len(self._namespace)


class PodMatcher:
    """Whether a rule selects a pod; remembers the answer per pair of label sets.

    Pods of one Deployment share their labels, so a cluster of 150,000 pods asks the selector a
    few thousand times.
    """

    def __init__(self, rule: GroupRule) -> None:
        self._select = selectors.parse(rule.select or "")
        self._namespaces = selectors.parse(rule.namespaces)
        self._everywhere = str(self._namespaces) == "all()"
        self._inherits = any(key.startswith(_NAMESPACE_PREFIX) for key in self._select.keys)
        self._known: dict[tuple[Labels, Labels], bool] = {}

    @property
    def needs_namespaces(self) -> bool:
        """Whether the answer depends on namespace labels."""
        return self._inherits or not self._everywhere

    def matches(self, pod: Labels, namespace: Labels) -> bool:
        """`namespace` are the labels of the pod's namespace; NO_LABELS if they do not matter."""
        key = (pod, namespace)
        known = self._known.get(key)
        if known is None:
            known = self._namespaces.matches(namespace) and self._select.matches(
                _WithNamespace(pod, namespace) if self._inherits else pod
            )
            self._known[key] = known
        return known


def members_of(rule: GroupRule, snapshot: ClusterSnapshot) -> ClusterMembers:
    """The addresses `rule` publishes from one cluster, of the rule's families."""
    found, gaps = (
        _node_addresses(rule, snapshot)
        if rule.select_nodes is not None
        else _pod_addresses(rule, snapshot)
    )
    wanted = frozenset(a for a in found if family(a) in rule.families)
    return ClusterMembers(wanted, complete=not gaps, because="; ".join(gaps))


def _node_addresses(
    rule: GroupRule, snapshot: ClusterSnapshot
) -> tuple[Iterable[Address], list[str]]:
    selector = selectors.parse(rule.select_nodes or "")
    found = [a for n in snapshot.nodes if selector.matches(n.labels) for a in n.addresses]
    return found, _unsynced(snapshot, (Kind.NODES,))


def _pod_addresses(
    rule: GroupRule, snapshot: ClusterSnapshot
) -> tuple[Iterable[Address], list[str]]:
    matcher = PodMatcher(rule)
    kinds = [Kind.PODS]
    if matcher.needs_namespaces:
        kinds.append(Kind.NAMESPACES)
    if rule.publish is Publish.NODE:
        kinds.append(Kind.NODES)
    gaps = _unsynced(snapshot, kinds)
    selected, orphans = _selected_pods(matcher, snapshot)
    if orphans and Kind.NAMESPACES in snapshot.synced:
        gaps.append(f"cluster {snapshot.cluster}: namespace {orphans[0]} has pods but was not read")
    if rule.publish is not Publish.NODE:
        return [a for pod in selected for a in pod.addresses], gaps
    addresses, missing = _hosts(selected, snapshot)
    if missing and Kind.NODES in snapshot.synced:
        gaps.append(f"cluster {snapshot.cluster}: node {missing[0]} has pods but was not read")
    return addresses, gaps


def _selected_pods(
    matcher: PodMatcher, snapshot: ClusterSnapshot
) -> tuple[list[PodEndpoint], list[str]]:
    """The selected pods, and the namespaces whose labels were needed but are not there."""
    if not matcher.needs_namespaces:
        return [pod for pod in snapshot.pods if matcher.matches(pod.labels, NO_LABELS)], []
    selected: list[PodEndpoint] = []
    orphans: dict[str, None] = {}
    for pod in snapshot.pods:
        namespace = snapshot.namespaces.get(pod.namespace)
        if namespace is None:
            orphans[pod.namespace] = None
        elif matcher.matches(pod.labels, namespace):
            selected.append(pod)
    return selected, list(orphans)


def _hosts(
    selected: Iterable[PodEndpoint], snapshot: ClusterSnapshot
) -> tuple[list[Address], list[str]]:
    nodes = {node.name: node for node in snapshot.nodes}
    names = dict.fromkeys(pod.node for pod in selected)
    missing = [name for name in names if name not in nodes]
    return [a for name in names if name in nodes for a in nodes[name].addresses], missing


def _unsynced(snapshot: ClusterSnapshot, kinds: Iterable[Kind]) -> list[str]:
    missing = [kind.value for kind in kinds if kind not in snapshot.synced]
    if not missing:
        return []
    return [f"cluster {snapshot.cluster}: {', '.join(missing)} not read completely"]
