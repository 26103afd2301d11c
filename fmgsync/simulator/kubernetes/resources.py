"""The kinds this API server serves, and how their urls are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

CORE: Final = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """One row of the API: `pods` of the core group, version v1, kind Pod."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    has_status: bool = False
    finalizes: bool = False  # has the part with which its controller lets it go (namespaces)
    short: tuple[str, ...] = ()
    needs_revision: bool = False  # a PUT without resourceVersion is refused (leases)
    put_creates: bool = False  # a PUT of what does not exist creates it (leases)

    @property
    def parts(self) -> tuple[str, ...]:
        """The sub-resources."""
        return ("status",) * self.has_status + ("finalize",) * self.finalizes

    @property
    def api_version(self) -> str:
        """As objects carry it: `v1`, `coordination.k8s.io/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version


PODS: Final = Resource(CORE, "v1", "pods", "Pod", has_status=True, short=("po",))
NODES: Final = Resource(
    CORE, "v1", "nodes", "Node", namespaced=False, has_status=True, short=("no",)
)
NAMESPACES: Final = Resource(
    CORE,
    "v1",
    "namespaces",
    "Namespace",
    namespaced=False,
    has_status=True,
    finalizes=True,
    short=("ns",),
)
LEASES: Final = Resource(
    "coordination.k8s.io", "v1", "leases", "Lease", needs_revision=True, put_creates=True
)
RESOURCES: Final = (
    PODS,
    NODES,
    NAMESPACES,
    Resource(CORE, "v1", "configmaps", "ConfigMap", short=("cm",)),
    Resource(CORE, "v1", "secrets", "Secret"),
    Resource(CORE, "v1", "serviceaccounts", "ServiceAccount", short=("sa",)),
    Resource("apps", "v1", "deployments", "Deployment", short=("deploy",)),
    Resource("apps", "v1", "daemonsets", "DaemonSet", short=("ds",)),
    Resource(CORE, "v1", "events", "Event", short=("ev",)),
    LEASES,
    Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", short=("netpol",)),
    Resource(CORE, "v1", "services", "Service", has_status=True, short=("svc",)),
    Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
    Resource("networking.k8s.io", "v1", "ingresses", "Ingress", has_status=True, short=("ing",)),
)


def calico(api_version: str) -> tuple[Resource, ...]:
    """Calico's kinds in one of their homes: `projectcalico.org/v3`, or the store behind it."""
    group, version = api_version.split("/")
    kinds = (
        ("GlobalNetworkPolicy", False),
        ("StagedGlobalNetworkPolicy", False),
        ("GlobalNetworkSet", False),
        ("NetworkSet", True),
        ("IPPool", False),
        ("FelixConfiguration", False),
        ("EgressGatewayPolicy", False),
    )
    return tuple(
        Resource(group, version, _plural(kind), kind, namespaced=namespaced)
        for kind, namespaced in kinds
    )


def defined(api_version: str, kind: str, *, namespaced: bool = True) -> Resource:
    """A kind that somebody defines (a custom resource)."""
    group, version = api_version.split("/")
    return Resource(group, version, _plural(kind), kind, namespaced=namespaced)


EGRESS: Final = (
    Resource("operator.tigera.io", "v1", "egressgateways", "EgressGateway"),
    Resource("k8s.ovn.org", "v1", "egressips", "EgressIP", namespaced=False),
    Resource("crd.antrea.io", "v1beta1", "egresses", "Egress", namespaced=False),
    Resource(
        "cilium.io",
        "v2",
        "ciliumegressgatewaypolicies",
        "CiliumEgressGatewayPolicy",
        namespaced=False,
    ),
    Resource("kubeovn.io", "v1", "subnets", "Subnet", namespaced=False),
    Resource("kubeovn.io", "v1", "vpc-egress-gateways", "VpcEgressGateway"),
)
"""The kinds by which network plug-ins give pods other addresses on their way out."""


def _plural(kind: str) -> str:
    name = kind.lower()
    if name.endswith("y") and name[-2] not in "aeiou":
        return f"{name.removesuffix('y')}ies"
    return f"{name}es" if name.endswith("s") else f"{name}s"


@dataclass(frozen=True, slots=True)
class Target:
    """What a url names: a resource, and in it a namespace, an object, a part of the object."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    part: str = ""


def target(path: str, served: Iterable[Resource] = RESOURCES) -> Target | None:
    """What the path of a url names, or None if there is no such thing here."""
    served = tuple(served)
    words = [unquote(word) for word in path.strip("/").split("/")]
    if words[:1] == ["api"] and len(words) > 2:
        group, version, rest = CORE, words[1], words[2:]
    elif words[:1] == ["apis"] and len(words) > 3:
        group, version, rest = words[1], words[2], words[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and _named(served, group, version, rest[2]):
        namespace, rest = rest[1], rest[2:]
    resource = _named(served, group, version, rest[0])
    if resource is None or len(rest) > 3 or (namespace and not resource.namespaced):
        return None
    return Target(resource, namespace, *rest[1:])


def _named(served: Iterable[Resource], group: str, version: str, plural: str) -> Resource | None:
    for each in served:
        if (each.group, each.version, each.plural) == (group, version, plural):
            return each
    return None


def discovery(path: str, served: Iterable[Resource] = RESOURCES) -> dict[str, Any] | None:
    """The answers by which clients find out what is served."""
    served, words = tuple(served), path.strip("/").split("/")
    groups = sorted({(each.group, each.version) for each in served if each.group})
    if words == ["version"]:
        return {"major": "1", "minor": "36", "gitVersion": "v1.36.0+fmgsync-simulator"}
    if words == ["api"]:
        return {"kind": "APIVersions", "versions": ["v1"]}
    if words == ["apis"]:
        return {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [_group(group, version) for group, version in groups],
        }
    if words == ["api", "v1"]:
        return _resource_list(served, CORE, "v1")
    if len(words) == 3 and words[0] == "apis" and (words[1], words[2]) in groups:
        return _resource_list(served, words[1], words[2])
    return None


def _group(group: str, version: str) -> dict[str, Any]:
    served = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [served], "preferredVersion": served}


def _resource_list(all_served: Iterable[Resource], group: str, version: str) -> dict[str, Any]:
    served = [each for each in all_served if (each.group, each.version) == (group, version)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": [
            {
                "name": f"{each.plural}{part and '/'}{part}",
                "singularName": each.kind.lower(),
                "namespaced": each.namespaced,
                "kind": each.kind,
                **({"shortNames": list(each.short)} if each.short and not part else {}),
                "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
            }
            for each in served
            for part in ("", *each.parts)
        ],
    }
