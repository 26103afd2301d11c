"""A Calico network set: addresses and prefixes under the labels that somebody gave them.

Public source: projectcalico/calico, `api/pkg/apis/projectcalico/v3/{global,}networkset.go`. Domain
names (`allowedEgressDomains`) are not addresses and are passed over.
"""

from __future__ import annotations

from sys import intern

from fmgsync.model import address
from fmgsync.model.address import Address
from fmgsync.model.endpoint import NetworkSet
from fmgsync.sources.convert import objects
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import NO_FLAWS, Flaws, given_name, quoted

_NAMESPACE = "projectcalico.org/namespace"


def network_set(
    raw: objects.NetworkSet | objects.GlobalNetworkSet, pool: LabelPool, flaws: Flaws = NO_FLAWS
) -> NetworkSet:
    """The set; an entry that is no address or prefix is a doubt. Raises `Malformed` if it cannot
    be named."""
    doubts = [flaws.doubt]
    found: set[Address] = set()
    for text in raw.spec.nets or ():
        try:
            found.add(address.parse(text))
        except ValueError:
            doubts.append(f"spec.nets holds {quoted(text)}, which is no address or prefix")
    space = raw.metadata.namespace if isinstance(raw, objects.NetworkSet) else ""
    pairs = dict(raw.metadata.labels or {})
    if space:
        pairs[_NAMESPACE] = space
    return NetworkSet(
        intern(space),
        given_name(raw.metadata),
        pool.labels(pairs, flaws.labels),
        tuple(sorted(found, key=address.sort_key)),
        "; ".join(filter(None, doubts)),
    )
