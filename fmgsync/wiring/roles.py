"""What a cluster must grant to whoever reads it: one ClusterRole, derived from the rules in use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from fmgsync.grouping import policies
from fmgsync.kube.requests import Resource
from fmgsync.model.endpoint import POLICY_KINDS, Kind
from fmgsync.settings import calico_objects, rules
from fmgsync.settings.schema import Config
from fmgsync.sources.kinds import listed, row

Manifest: TypeAlias = Mapping[str, Any]

NAME: Final = "fmgsync-reader"
COMPAT_NAME: Final = "fmgsync-calico-compat"
_FOLLOWING: Final = ("list", "watch")
_LABELS: Final = {
    "app.kubernetes.io/name": "fmgsync",
    "app.kubernetes.io/component": "controller",
}


def reader(config: Config, cluster: str) -> Manifest:
    """The role for one cluster of a configuration, as `config/rbac/reader` has it."""
    kinds = policies.kinds_to_read(rules.rule_set(config), cluster)
    if _has_compat(config, cluster):  # whatever it says, its groups are those of policies
        kinds |= {Kind.POLICIES, Kind.ACCOUNTS}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": NAME, "labels": dict(_LABELS)},
        "rules": [*granting(kinds)],
    }


def _has_compat(config: Config, cluster: str) -> bool:
    return config.calico_compat is not None and config.calico_compat.cluster == cluster


def compat(config: Config, cluster: str) -> Manifest | None:
    """What lets `calicoCompat` be read, in the old controller's namespace; None if it is not."""
    if config.calico_compat is None or not _has_compat(config, cluster):
        return None
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {
            "name": COMPAT_NAME,
            "namespace": config.calico_compat.namespace,
            "labels": dict(_LABELS),
        },
        "rules": [
            {
                "apiGroups": [resource.group],
                "resources": [resource.plural],
                **({"resourceNames": [*names]} if names else {}),
                "verbs": ["get"],
            }
            for resource, names in calico_objects.READ
        ],
    }


def granting(kinds: Iterable[Kind]) -> tuple[Manifest, ...]:
    """The rules that let these kinds be followed.

    A kind with two homes may be read in both: which of them a cluster has is found out when it is
    read. Of some kinds only objects of one name may be read: a list that asks for a name is allowed
    by it. Public source: the Kubernetes documentation, "Using RBAC Authorization", `resourceNames`.
    """
    wanted = frozenset(kinds)
    homes: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    named: defaultdict[Resource, list[str]] = defaultdict(list)
    for kind in listed(wanted):
        plural = row(kind).resource.plural
        if row(kind).only:
            named[row(kind).resource].append(row(kind).only)
        elif plural not in homes[row(kind).groups]:
            homes[row(kind).groups].append(plural)
    found = [_rule(groups, plurals, _FOLLOWING) for groups, plurals in homes.items()]
    found += [
        {**_rule((resource.group,), [resource.plural], _FOLLOWING), "resourceNames": names}
        for resource, names in named.items()
    ]
    if tiered := [f"tier.{kind}" for kind in Kind if kind in wanted & POLICY_KINDS]:
        # Calico's API server asks for these as well, tier by tier. Public source: the Calico
        # documentation, "Configure RBAC for tiered policies".
        found.append(_rule(("projectcalico.org",), tiered, ("get", *_FOLLOWING)))
        found.append(_rule(("projectcalico.org",), ["tiers"], ("get",)))
    return tuple(found)


def _rule(groups: Iterable[str], plurals: Iterable[str], verbs: Iterable[str]) -> Manifest:
    return {"apiGroups": [*groups], "resources": [*plurals], "verbs": [*verbs]}
