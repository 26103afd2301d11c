"""How `publish` and the keys that say more of it must fit together, in one group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fmgsync.settings.refusing import shown
from fmgsync.yamllines import Plain

_OBJECT: Final = "object"
DESTINATIONS: Final = ("service", "endpointSlice", "gateway", "ingress", _OBJECT)
"""What is selected instead of pods."""
_SEEN: Final = ("auto", "egressGateway")
_OF_PODS: Final = ("network", "networkSets", "fromGlobalNetworkPolicies")
_OF_SERVICES: Final = ("clusterIP", "externalIP", "loadBalancer")
_KNOWN: Final = {
    "Service": "service",
    "EndpointSlice": "endpointSlice",
    "Gateway": "gateway",
    "Ingress": "ingress",
}
_BUILT_IN: Final = {
    "Pod": "v1",
    "Node": "v1",
    "Namespace": "v1",
    "Service": "v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "Ingress": "networking.k8s.io/v1",
    "Gateway": "gateway.networking.k8s.io/v1",
}

Told = tuple[str, str, str]
"""A key of the group, what is wrong with it, and what to do."""


def plural(kind: str) -> str:
    """What a resource is called by custom, if nobody says otherwise."""
    name = kind.lower()
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("s", "x", "ch", "sh")) else f"{name}s"


def problems(entry: dict[str, Plain]) -> Iterator[Told]:
    """What does not fit."""
    publish = entry.get("publish", "pod")
    if publish in DESTINATIONS:
        yield from _of_destinations(entry, str(publish))
    elif entry.get(_OBJECT) is not None:
        yield _OBJECT, f"goes with publish: {_OBJECT} only", f"write publish: {_OBJECT}"
    if entry.get("towards") and publish not in _SEEN:
        told = "matters only where it is found out what a firewall sees"
        yield "towards", told, "remove it, or write publish: auto"
    nodes = entry.get("selectNodes") is not None or publish == "node"
    for key in ("addresses", "within"):
        if entry.get(key) and not nodes and publish not in DESTINATIONS:
            yield (
                key,
                "is about the addresses of nodes, Services and the like",
                "write publish: node or service, or for all groups allowedRanges of the cluster",
            )
    yield from _roles(entry, str(publish), nodes=nodes)


def _of_destinations(entry: dict[str, Plain], publish: str) -> Iterator[Told]:
    for key in _OF_PODS:
        if entry.get(key):
            yield key, f"is about pods, and publish: {publish} selects none", "remove it"
    described = entry.get(_OBJECT)
    if publish == _OBJECT and described is None:
        yield (
            "publish",
            "nothing says which objects",
            "add object: {apiVersion: ..., kind: ..., addresses: [.status.address]}",
        )
    elif publish != _OBJECT and described is not None:
        yield _OBJECT, f"goes with publish: {_OBJECT} only", "remove it"
    elif isinstance(described, dict):
        kind = described.get("kind")
        if kind == "Secret" and described.get("apiVersion") == "v1":
            yield (
                _OBJECT,
                "what a Secret holds is never read for members, nor shown",
                "name objects of a kind that holds no secrets",
            )
        if isinstance(kind, str) and described.get("apiVersion") == _BUILT_IN.get(kind):
            instead = f"write publish: {_KNOWN[kind]}" if kind in _KNOWN else "use select"
            yield _OBJECT, f"{shown(kind)} needs no description", instead


def _roles(entry: dict[str, Plain], publish: str, *, nodes: bool) -> Iterator[Told]:
    words = entry.get("addresses")
    for word in words if isinstance(words, list) else ():
        of_services = word in _OF_SERVICES
        if not isinstance(word, str) or (of_services if publish == "service" else False):
            continue
        if publish == "service" or (nodes and of_services):
            what = "a Service" if publish == "service" else "a node"
            yield "addresses", f"{shown(word)} is no address of {what}", "see the reference"
        elif publish in DESTINATIONS:
            yield "addresses", f"publish: {publish} has one kind of addresses", "remove it"
            return
