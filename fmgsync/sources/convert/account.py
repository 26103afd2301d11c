"""A service account is its labels, with Calico's own that names it."""

from __future__ import annotations

from fmgsync.model.labels import Labels
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import NO_FLAWS, Account, Flaws, checked_name, given_name

NAME = "projectcalico.org/name"


def labels(account: Account, pool: LabelPool, flaws: Flaws = NO_FLAWS) -> Labels:
    """The labels a selector over service accounts sees, as Calico's profiles give them.

    Raises `Malformed` if it cannot be named.
    """
    checked_name(account.metadata.namespace, "metadata.namespace")  # without it, nobody's
    pairs = {**(account.metadata.labels or {}), NAME: given_name(account.metadata)}
    return pool.labels(pairs, flaws.labels - {NAME})
