"""A namespace is its labels, with the two that name it."""

from __future__ import annotations

from fmgsync.model.labels import Labels
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import Namespace, checked_name


def labels(namespace: Namespace, pool: LabelPool) -> Labels:
    """The labels a namespace selector sees. Raises `Malformed`.

    `projectcalico.org/name` is Calico's, `kubernetes.io/metadata.name` the API server's own; it
    is set here too, since dumps of old servers lack it.
    """
    name = checked_name(namespace.metadata.name)
    pairs = dict(namespace.metadata.labels or {})
    pairs["projectcalico.org/name"] = name
    pairs["kubernetes.io/metadata.name"] = name
    return pool.labels(pairs)
