"""What roles and their bindings allow, as the API server's RBAC authorizer reads them.

Public source: Kubernetes documentation, "Using RBAC Authorization".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests.deployment.places import Manifest


@dataclass(frozen=True, order=True)
class Ask:
    """One request in the words of authorisation; a namespace of "" is the whole cluster."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, order=True)
class Grant:
    """One verb on one resource, in a namespace or (`""`) everywhere, of one name or (`""`) all."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""

    def allows(self, ask: Ask) -> bool:
        """Whether the request may be made."""
        if (self.verb, self.group, self.resource) != (ask.verb, ask.group, ask.resource):
            return False
        # The name of an object that is created is not known to the authorizer.
        named = not self.name or (self.name == ask.name and self.verb != "create")
        return named and self.namespace in ("", ask.namespace)


def asked(cluster: KubernetesSimulator) -> set[Ask]:
    """What fmgsync has asked of a simulated API server."""
    return {
        Ask(
            each.verb,
            each.group,
            f"{each.resource}/{each.part}" if each.part else each.resource,
            each.namespace,
            each.name,
        )
        for each in cluster.requests
        if each.agent == "fmgsync"
    }


def granted(objects: Iterable[Manifest], account: str) -> frozenset[Grant]:
    """Everything the bindings among these objects give to a service account `namespace/name`."""
    objects = tuple(objects)
    roles = {_key(each): each for each in objects if each["kind"] in ("Role", "ClusterRole")}
    found: set[Grant] = set()
    for binding in objects:
        if binding["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        who = {f"{each['namespace']}/{each['name']}" for each in binding["subjects"]}
        if account in who:
            reference = binding["roleRef"]
            place = binding["metadata"].get("namespace", "")
            in_role = place if reference["kind"] == "Role" else ""
            role = roles[reference["kind"], in_role, reference["name"]]
            found |= set(_grants(role, place))
    return frozenset(found)


def _key(role: Manifest) -> tuple[str, str, str]:
    metadata = role["metadata"]
    return role["kind"], metadata.get("namespace", ""), metadata["name"]


def _grants(role: Manifest, namespace: str) -> Iterable[Grant]:
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    for name in rule.get("resourceNames", [""]):
                        yield Grant(verb, group, resource, namespace, name)
