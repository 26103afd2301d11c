"""Immutable, hashable label sets. Equal sets are usually the same object, so that selector
results can be remembered per set: pods of one Deployment differ in name, not in labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final


class Labels(Mapping[str, str]):
    """A frozen mapping from label key to value."""

    __slots__ = ("_hash", "_pairs")

    def __init__(self, pairs: Mapping[str, str] | None = None) -> None:
        self._pairs: Final[dict[str, str]] = dict(pairs or {})
        self._hash: Final[int] = hash(frozenset(self._pairs.items()))

    def __getitem__(self, key: str) -> str:
        return self._pairs[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, Labels):
            return self._hash == other._hash and self._pairs == other._pairs
        return NotImplemented

    def __repr__(self) -> str:
        return f"Labels({self._pairs!r})"


NO_LABELS: Final = Labels()
