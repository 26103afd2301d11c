"""Every replica computes the same, even shares, and little moves when one comes or goes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fmgsync.model.target import TargetRef
from fmgsync.scheduling.shares import shares

adoms = st.sets(st.integers(0, 200), max_size=60).map(
    lambda ns: [TargetRef("hq", str(n)) for n in ns]
)
replicas = st.sets(st.text("abcdef", min_size=1, max_size=4), min_size=1, max_size=8)


@given(adoms, replicas)
def test_shares_are_even_and_complete(refs: list[TargetRef], names: set[str]) -> None:
    found = shares(refs, names)
    assert set(found) == set(refs)
    counts = Counter(found.values())
    assert all(count <= -(-len(refs) // len(names)) for count in counts.values())


@given(adoms, replicas)
def test_the_order_in_which_replicas_are_seen_does_not_matter(
    refs: list[TargetRef], names: set[str]
) -> None:
    assert shares(refs, sorted(names)) == shares(list(reversed(refs)), sorted(names, reverse=True))


def test_little_moves_when_a_replica_leaves() -> None:
    """Of 100 ADOMs on four replicas, those of the three that stay move seldom."""
    refs = [TargetRef("hq", f"adom-{n}") for n in range(100)]
    before = shares(refs, ["a", "b", "c", "d"])
    after = shares(refs, ["a", "b", "c"])
    moved = [ref for ref in refs if before[ref] != "d" and before[ref] != after[ref]]
    assert len(moved) < 25


def test_nobody_there_nobody_works() -> None:
    assert shares([TargetRef("hq", "prod")], []) == {}
