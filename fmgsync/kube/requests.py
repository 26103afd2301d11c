"""What is asked of an API server: kinds, and requests in the words of its authorisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Final, Literal
from urllib.parse import quote, urlencode

import msgspec

Verb = Literal["get", "list", "watch", "create", "update", "patch", "delete"]

Version = Annotated[str, msgspec.Meta(min_length=1)]
"""The `resourceVersion` that every API server gives: JSON without it is no object, and no list."""

_METHODS: Final[Mapping[Verb, str]] = {
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
}
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object, as urls and RBAC rules name it; the core group is the empty string.

    `kind` is what objects call it, where that is known for sure: an answer of another is refused.
    """

    group: str
    version: str
    plural: str
    kind: str = field(default="", compare=False)

    @property
    def api_version(self) -> str:
        """As objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version


PODS: Final = Resource("", "v1", "pods", "Pod")
NODES: Final = Resource("", "v1", "nodes", "Node")
NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace")
SERVICE_ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")
SERVICES: Final = Resource("", "v1", "services", "Service")
ENDPOINT_SLICES: Final = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
INGRESSES: Final = Resource("networking.k8s.io", "v1", "ingresses", "Ingress")
GATEWAYS: Final = Resource("gateway.networking.k8s.io", "v1", "gateways", "Gateway")
OLDER_GATEWAYS: Final = Resource("gateway.networking.k8s.io", "v1beta1", "gateways", "Gateway")
SECRETS: Final = Resource("", "v1", "secrets", "Secret")
DEPLOYMENTS: Final = Resource("apps", "v1", "deployments", "Deployment")
DAEMONSETS: Final = Resource("apps", "v1", "daemonsets", "DaemonSet")
CONFIGMAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
EVENTS: Final = Resource("", "v1", "events", "Event")
LEASES: Final = Resource("coordination.k8s.io", "v1", "leases", "Lease")
SERVER_VERSION: Final = Resource("", "", "version")
"""Not an object, but asked for in the same way."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; without a namespace it concerns the whole cluster."""

    verb: Verb
    resource: Resource
    namespace: str = ""
    name: str = ""
    part: str = ""
    query: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    body: bytes | None = None
    content_type: str = "application/json"
    accept: str = "application/json"

    @property
    def method(self) -> str:
        """Of HTTP."""
        return _METHODS[self.verb]

    @property
    def url(self) -> str:
        """Path and query, escaped."""
        resource = self.resource
        if resource is SERVER_VERSION:
            return "/version"
        words = ["apis", resource.group] if resource.group else ["api"]
        words.append(resource.version)
        if self.namespace:
            words += ["namespaces", self.namespace]
        words += [resource.plural, self.name, self.part]
        path = "".join(f"/{quote(word, safe='')}" for word in words if word)
        return f"{path}?{urlencode(self.query)}" if self.query else path

    def rule(self) -> str:
        """The RBAC rule that would allow it; who may list should be able to watch as well."""
        verbs = '"list", "watch"' if self.verb in ("list", "watch") else f'"{self.verb}"'
        plural = f"{self.resource.plural}/{self.part}" if self.part else self.resource.plural
        role = f"a Role in namespace {self.namespace}" if self.namespace else "a ClusterRole"
        return (
            f'{role} with {{apiGroups: ["{self.resource.group}"], resources: ["{plural}"], '
            f"verbs: [{verbs}]}}"
        )
