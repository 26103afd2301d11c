"""The kinds a cluster is read for: one row says what an API server calls a kind, how much of it is
asked for, which fields are read, and what becomes of an object.

A new kind is a row here, a converter, and its place in the snapshot (`model.endpoint`). Following a
kind takes the verbs `list` and `watch` on its resource: `doctor` asks for them, and the shipped
roles grant them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fmgsync.kube.listing import EVERYTHING, Scope
from fmgsync.kube.requests import NAMESPACES, NODES, PODS, Resource
from fmgsync.model.endpoint import Kind
from fmgsync.sources.convert import namespace, node, pod
from fmgsync.sources.convert.objects import Namespace, Node, Pod
from fmgsync.sources.convert.reading import Raw


@dataclass(frozen=True, slots=True)
class Row:
    """One kind: `name` is what objects call it, `convert` makes of one what it contributes."""

    name: str
    resource: Resource
    item_type: type[Raw]
    convert: Callable[..., Any]
    scope: Scope = EVERYTHING


UNFINISHED: Final = Scope(fields="status.phase!=Succeeded,status.phase!=Failed")
"""Finished pods own no address, and there may be many."""

KINDS: Final[Mapping[Kind, Row]] = {
    Kind.PODS: Row("Pod", PODS, Pod, pod.endpoint, UNFINISHED),
    Kind.NODES: Row("Node", NODES, Node, node.endpoint),
    Kind.NAMESPACES: Row("Namespace", NAMESPACES, Namespace, namespace.labels),
}
BY_NAME: Final[Mapping[str, Kind]] = {row.name: kind for kind, row in KINDS.items()}
