"""What could not be read, told without drowning what else there is to tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from fmgsync.model.endpoint import Kind, SourceProblem
from fmgsync.sources import outcome

_MOST: Final = 20  # of one kind; the rest are counted


def of_objects(kind: Kind, told: Mapping[str, str]) -> list[SourceProblem]:
    """The objects of which something cannot be read, by name."""
    flawed = sorted(each for each in told.items() if each[1])
    return [SourceProblem(outcome.place(kind, key), text) for key, text in flawed]


def shortened(kind: Kind, problems: Iterable[SourceProblem]) -> list[SourceProblem]:
    """The first of them, and how many more there are."""
    listed = list(problems)
    if len(listed) <= _MOST:
        return listed
    return [*listed[:_MOST], SourceProblem(str(kind), f"{len(listed) - _MOST} more like these")]
