"""A Calico IPPool: where pods get their addresses from, and whether they leave the cluster as they
are.

Public source: the Calico reference, "IP pool". A pool that is disabled gives out no more addresses;
those it has given stay.
"""

from __future__ import annotations

from fmgsync.model import address
from fmgsync.model.address import Address
from fmgsync.model.endpoint import IPPool
from fmgsync.sources.convert import objects
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import NO_FLAWS, Flaws, given_name, quoted

_WORKLOAD = "Workload"


def ip_pool(raw: objects.IPPool, pool: LabelPool, flaws: Flaws = NO_FLAWS) -> IPPool:
    """The pool; one whose range cannot be read says so. Raises `Malformed` if it has no name."""
    doubts, cidr = [flaws.doubt], Address("")
    try:
        cidr = address.parse(raw.spec.cidr or "")
    except ValueError:
        doubts.append(f"spec.cidr {quoted(raw.spec.cidr or '')} is no prefix")
    uses = raw.spec.uses
    return IPPool(
        given_name(raw.metadata),
        pool.labels(raw.metadata.labels or {}, flaws.labels),
        cidr,
        nat=bool(raw.spec.nat),
        workloads=not uses or _WORKLOAD in uses,
        doubt="; ".join(filter(None, doubts)),
        disabled=bool(raw.spec.disabled),
    )
