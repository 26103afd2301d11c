"""A namespace is its labels, with the two that name it."""

from __future__ import annotations

from fmgsync.model.labels import Labels, namespace_names
from fmgsync.sources.convert import notes
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import NO_FLAWS, Flaws, Namespace, given_name


def labels(namespace: Namespace, pool: LabelPool, flaws: Flaws = NO_FLAWS) -> Labels:
    """The labels a namespace selector sees. Raises `Malformed` if it cannot be named.

    `kubernetes.io/metadata.name` is set here too: dumps of old servers lack it.
    """
    name = given_name(namespace.metadata)
    pairs = {**(namespace.metadata.labels or {}), **namespace_names(name)}
    return pool.labels(
        pairs,
        flaws.labels.difference(namespace_names(name)),
        notes.of(namespace.metadata, flaws.doubt),
    )
