"""Which kind an object of a dump is of, by what it calls itself and, for some, by its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from fmgsync.model.endpoint import Kind
from fmgsync.sources.kinds import BY_NAME, KINDS, SYSTEM, Row, row

WITH_NAMES: Final = frozenset(row.name for row in KINDS.values() if row.only)
"""What objects call themselves of which only some are looked at."""


def candidates(version: Any, title: Any, wanted: frozenset[Kind]) -> tuple[Kind, ...]:
    """The wanted kinds that objects which call themselves so may be of."""
    if not isinstance(title, str) or not isinstance(version, str | None):
        return ()
    return _candidates(version, title, wanted)


@lru_cache(maxsize=1 << 10)
def _candidates(version: str | None, title: str, wanted: frozenset[Kind]) -> tuple[Kind, ...]:
    found = BY_NAME.get(title, ())
    described = (each for each in wanted if each.description and row(each).name == title)
    return tuple(
        each for each in (*found, *described) if each in wanted and row(each).has_version(version)
    )


def known(kinds: Iterable[Kind], content: Mapping[str, Any]) -> tuple[Kind, ...]:
    """Those of these kinds that an object is of: one, or one that a configuration describes
    besides."""

    def fits(only: str) -> bool:
        return _metadata(content).get("name") == only and is_of_system(content)

    return tuple(each for each in kinds if not row(each).only or fits(row(each).only))


def is_of_system(content: Mapping[str, Any]) -> bool:
    """Whether it stands where the cluster's own components do."""
    return _metadata(content).get("namespace") == SYSTEM


def is_lacking(kind: Row, served: set[str]) -> bool:
    """Whether a cluster that serves these API groups has no such kind."""
    homes = [kind.resource, *([kind.older] if kind.older else [])]
    return kind.spare and not served.intersection(each.group for each in homes)


def _metadata(content: Mapping[str, Any]) -> Mapping[str, Any]:
    found = content.get("metadata")
    return found if isinstance(found, dict) else {}
