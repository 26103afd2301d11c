"""The blast radius counts grants on devices, whatever objects carry them."""

from __future__ import annotations

import pytest

from fmgsync.model.state import DesiredGroup, ObservedGroup
from fmgsync.planning import diff, radius
from fmgsync.planning.guard import Gate, Limits
from fmgsync.planning.sharding import Limits as Sizes
from tests.planning.estates import EAST, WEST, adom, desired, group, own, shared, wanted

FREE = Gate(Limits(max_removed_share=1.0, max_added_share=100.0), now=0.0)
THREE = {f"10.1.0.{n}" for n in range(3)}

CASES: dict[str, tuple[DesiredGroup, list[ObservedGroup], tuple[int, int, int]]] = {
    "one mapping": (wanted("web", {EAST: THREE}), [], (1, 3, 0)),
    "two devices": (wanted("web", {EAST: THREE, WEST: THREE}), [], (2, 6, 0)),
    "a shared value reaches all its devices": (shared("web", THREE), [], (2, 6, 0)),
    "a value that was in a mapping stays on that device": (
        shared("web", THREE),
        [group("web", {EAST: THREE})],
        (1, 3, 0),
    ),
    "a shared value that becomes mappings": (
        wanted("web", {EAST: THREE, WEST: {"10.1.0.0"}}),
        [group("web", members=tuple(f"prod_{text}" for text in sorted(THREE)))],
        (1, 0, 2),
    ),
    "addresses that go": (
        wanted("web", {EAST: {"10.1.0.0"}}),
        [group("web", {EAST: THREE})],
        (1, 0, 2),
    ),
    "what people have put there goes, whatever its name is": (
        wanted("web", {EAST: THREE}),
        [group("web", {EAST: {*THREE, "dmz_none", "legacy", "none", "prod_none"}})],
        (1, 0, 2),
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("limit", [2, 600], ids=["sharded", "plain"])
def test_grants_are_counted_where_they_reach(case: str, limit: int) -> None:
    """Also in shards, which are parts of one group."""
    goal, standing, (devices, added, removed) = CASES[case]
    have = adom(*(own(text) for text in sorted(THREE)), *standing)
    plan = diff.make_plan(desired(goal), have, gate=FREE, limits=Sizes(members=limit))
    found = radius.blast_radius([plan])
    assert (found.changes, found.groups) == (len(plan.changes), 1)
    assert (found.devices, found.added, found.removed) == (devices, added, removed)
