"""Tables of several axes: all combinations are tried, and a few of them in every run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from math import prod
from typing import Any

import pytest


def crossed(*axes: Iterable[Any]) -> list[Any]:
    """Every combination, for `parametrize`. Those are not slow in which the values of the longest
    axis stand once each, in turn with those of the others."""
    sides: list[Sequence[Any]] = [[*axis] for axis in axes]
    sizes = [len(side) for side in sides]
    longest = sizes.index(max(sizes))
    often = set()
    for turn in range(sizes[longest]):
        place, step = [turn] * len(sides), 1
        for axis, size in enumerate(sizes):
            if axis != longest:
                place[axis] = turn // step % size
                step *= size
        often.add(tuple(place))
    assert len(often) < prod(sizes), "nothing is left out: write parametrize alone"
    return [
        pytest.param(
            *(side[at] for side, at in zip(sides, place, strict=True)),
            marks=() if place in often else pytest.mark.slow,
        )
        for place in product(*(range(size) for size in sizes))
    ]
