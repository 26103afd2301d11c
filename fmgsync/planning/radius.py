"""The blast radius: how much of the estate a plan touches, in grants and not in objects.

A grant is one address in one group on one device VDOM. The own value of a shared group is a grant
on every device that the group is meant for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fmgsync.model.change import AdomPlan
from fmgsync.model.memory import Move
from fmgsync.model.state import DesiredAdom, ObservedAdom
from fmgsync.model.target import AdomRef, DeviceVdom


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """Groups and devices touched, grants that come and go, over all ADOMs looked at."""

    changes: int
    groups: frozenset[tuple[AdomRef, str]]
    devices: frozenset[tuple[str, str]]
    added: int
    removed: int


def blast_radius(plans: Iterable[tuple[AdomPlan, DesiredAdom, ObservedAdom]]) -> BlastRadius:
    """What all these plans touch; what waits for a human is no part of it."""
    changes = added = removed = 0
    groups: set[tuple[AdomRef, str]] = set()
    devices: set[tuple[str, str]] = set()
    for plan, desired, observed in plans:
        changes += len(plan.changes)
        for move, places in _placed(plan, desired, observed):
            groups.add((plan.ref, move.name))
            devices.update((plan.ref.fortimanager, place.device) for place in places)
            added += len(places) * len(move.added)
            removed += len(places) * len(move.removed)
    return BlastRadius(changes, frozenset(groups), frozenset(devices), added, removed)


def _placed(
    plan: AdomPlan, desired: DesiredAdom, observed: ObservedAdom
) -> Iterator[tuple[Move, frozenset[DeviceVdom]]]:
    """Each move with the device VDOMs it concerns: of an own value, those without a mapping."""
    shared = {(group.family, group.name): group.places for group in desired.groups if group.places}
    everywhere = frozenset(
        place for group in desired.groups for place in (*group.mappings, *group.places)
    )
    for move in plan.moves:
        key = (move.family, move.name)
        if move.place is not None:
            yield move, frozenset({move.place})
            continue
        # Where a mapping stands, what changes is told by a move of its own.
        standing = observed.groups.get(key)
        yield move, shared.get(key, everywhere).difference(standing.mappings if standing else ())
