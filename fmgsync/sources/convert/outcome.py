"""One object of any kind: what it contributes, and under which name."""

from __future__ import annotations

from fmgsync.model.endpoint import Kind, NodeEndpoint, PodEndpoint
from fmgsync.model.labels import Labels
from fmgsync.sources.convert import namespace, node, pod
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import Namespace, Node, Pod, quoted

Raw = Pod | Node | Namespace

Outcome = PodEndpoint | NodeEndpoint | Labels | None
"""What an object contributes; None for a pod that owns no address."""


def outcome(raw: Raw, pool: LabelPool) -> Outcome:
    """The endpoint, or the namespace's labels. Raises `Malformed`."""
    if isinstance(raw, Pod):
        return pod.endpoint(raw, pool)
    if isinstance(raw, Node):
        return node.endpoint(raw, pool)
    return namespace.labels(raw, pool)


def key(raw: Raw) -> str:
    """`NAMESPACE/NAME` of a pod, the name of the others."""
    return key_of(raw.metadata.namespace if isinstance(raw, Pod) else "", raw.metadata.name)


def key_of(space: str, name: str) -> str:
    """The same from its parts."""
    return f"{space}/{name}" if space else name


def place(kind: Kind, key: str) -> str:
    """`pods default/web-7`, for problems; escaped if somebody chose a hostile name."""
    shown = key if key.isprintable() and len(key) <= 320 else quoted(key)
    return f"{kind} {shown}"
