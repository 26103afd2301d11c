"""Taking away all that an owner wrote: groups are deleted, or emptied where somebody uses them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from fmgsync.model import naming
from fmgsync.model.adom import Package
from fmgsync.model.change import AdomPlan, Finding
from fmgsync.model.state import DesiredAdom, ObjectKey, ObservedAdom
from fmgsync.planning import diff, sharding, usage
from fmgsync.planning.usage import Usage

USED = "still-used"
STAYS = "left-alone"


@dataclass(frozen=True, slots=True)
class Cleanup:
    """What is taken away, by which policies groups are still used, and what is left alone."""

    plan: AdomPlan
    used: tuple[Finding, ...] = ()
    left: tuple[Finding, ...] = ()


def make(
    owner: str,
    observed: ObservedAdom,
    packages: Iterable[Package],
    used: Usage,
    limits: sharding.Limits,
) -> Cleanup:
    """A plan without any rule. What was taken over is not ours to delete, and a group is not
    emptied where that would open traffic, or nobody can tell."""
    left = dict(_left(observed, used))
    held = {key: group for key, group in observed.groups.items() if key not in left}
    names = {(key[0], name) for key in left for name in observed.groups[key].named()}
    ours = replace(
        observed,
        groups={
            key: group if key in held else replace(group, owned=False)
            for key, group in observed.groups.items()
        },
        addresses={
            key: replace(one, owned=one.owned and key not in names)
            for key, one in observed.addresses.items()
        },
    )
    # What is left alone is as somebody else's: it holds what it holds.
    plan = diff.make_plan(DesiredAdom(observed.ref, owner, ()), ours, used=used.used, limits=limits)
    wanted = {key for key, group in held.items() if group.owned}
    return Cleanup(
        plan,
        tuple(_users(wanted, packages, observed)),
        tuple(Finding(STAYS, name, why, is_error=True) for (_, name), why in sorted(left.items())),
    )


def _left(observed: ObservedAdom, used: Usage) -> Iterator[tuple[ObjectKey, str]]:
    for key, group in observed.groups.items():
        if not group.owned:
            continue
        if naming.taken_over(group.comment) is not None:
            yield key, "it was taken over: give it back with 'fmgsync adopt --release'"
        elif key in used.widening:
            yield key, f"{used.widening[key]}: empty would be open there; change the policy first"
        elif key in used.unknown:
            yield key, f"{used.unknown[key]}: what empty means there is not known"


def _users(
    wanted: Iterable[ObjectKey], packages: Iterable[Package], observed: ObservedAdom
) -> Iterator[Finding]:
    inside: Mapping[ObjectKey, frozenset[ObjectKey]] = usage.contents(observed)
    found: defaultdict[ObjectKey, set[str]] = defaultdict(set)
    for package in packages:
        for policy in package.policies:
            for key in usage.reachable(policy.positive | policy.negated, inside):
                found[key].add(policy.within(package.path))
    for key in sorted(wanted):
        if found[key]:
            where = "; ".join(sorted(found[key]))
            yield Finding(USED, key[1], f"emptied and kept, since it is used in {where}")
