"""Which replica works on which ADOM: the same answer on every replica that sees the same others.

Rendezvous hashing with a bound: each ADOM goes to the replica with the highest hash for it that
still has room, and nobody gets more than its even share. When a replica comes or goes, little
else moves (Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from fmgsync.model.target import TargetRef


def shares(adoms: Iterable[TargetRef], replicas: Collection[str]) -> Mapping[TargetRef, str]:
    """The replica for each ADOM; empty without replicas."""
    ordered = sorted(adoms)
    if not replicas:
        return {}
    room = -(-len(ordered) // len(replicas))
    load: Counter[str] = Counter()
    found: dict[TargetRef, str] = {}
    for adom in ordered:
        free = [replica for replica in replicas if load[replica] < room]
        chosen = max(free, key=lambda replica: (_weight(adom, replica), replica))
        load[chosen] += 1
        found[adom] = chosen
    return found


def _weight(adom: TargetRef, replica: str) -> bytes:
    return hashlib.sha256(f"{adom}\0{replica}".encode()).digest()
