"""Every replica computes the same, even shares, and little moves when one comes or goes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmgsync.model.target import TargetRef
from fmgsync.scheduling.shares import shares, shares_of

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


def test_replicas_of_two_versions_agree() -> None:
    """While they are replaced one by one, both work: the answer is the same for ever."""
    refs = [TargetRef("hq", f"adom-{n}") for n in range(8)]
    found = shares(refs, ["a", "b", "c"])
    assert "".join(found[each] for each in refs) == "ababbacc"


REF, LAB = TargetRef("hq", "prod"), TargetRef("lab", "prod")


@pytest.mark.parametrize(
    ("alive", "holder", "found"),
    [
        ({"a": (), "b": ()}, "", {"hq": "a", "lab": "b"}),
        # Who cannot reach a unit gives its ADOMs away, and nobody else's move.
        ({"a": ("hq",), "b": ()}, "", {"hq": "b", "lab": "b"}),
        ({"a": (), "b": ("hq",)}, "", {"hq": "a", "lab": "b"}),
        # What nobody reaches stays where it is, unless that one is gone.
        ({"a": ("hq",), "b": ("hq",)}, "b", {"hq": "b", "lab": "b"}),
        ({"a": ("hq",), "b": ("hq",)}, "gone", {"hq": "a", "lab": "b"}),
        ({}, "a", {}),
    ],
)
def test_what_a_replica_cannot_reach_goes_to_one_that_can(
    alive: dict[str, tuple[str, ...]], holder: str, found: dict[str, str]
) -> None:
    told = shares_of([REF, LAB], alive, lambda ref: holder if ref == REF else "")
    assert {ref.unit: who for ref, who in told.items()} == found


def test_nobody_there_nobody_works() -> None:
    assert shares([TargetRef("hq", "prod")], []) == {}
