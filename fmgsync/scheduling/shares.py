"""Which replica works on which ADOM: the same answer on every replica that sees the same others.

Rendezvous hashing with a bound: each ADOM goes to the replica with the highest hash for it that
still has room, and nobody gets more than its even share. When a replica comes or goes, little
else moves (Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

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


def shares_of(
    adoms: Collection[TargetRef],
    alive: Mapping[str, Collection[str]],
    holder: Callable[[TargetRef], str],
) -> Mapping[TargetRef, str]:
    """The replica for each ADOM. `alive` says what each cannot reach, `holder` who has it now.

    Only what its replica cannot reach moves to another. What nobody reaches stays where it is:
    to hand it around would help nobody.
    """
    found = dict(shares(adoms, tuple(alive)))
    astray = {ref for ref, who in found.items() if ref.unit in alive[who]}
    for name in sorted({ref.unit for ref in astray}):
        refs = {ref for ref in astray if ref.unit == name}
        fit = [who for who, out_of_reach in alive.items() if name not in out_of_reach]
        if fit:
            found |= shares(refs, fit)
        else:
            found |= {ref: now for ref in refs if (now := holder(ref)) in alive}
    return found


def _weight(adom: TargetRef, replica: str) -> bytes:
    return hashlib.sha256(f"{adom}\0{replica}".encode()).digest()
