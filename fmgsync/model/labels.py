"""Immutable, hashable label sets. Equal sets are usually the same object, so that selector
results can be remembered per set: pods of one Deployment differ in name, not in labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeVar, overload

T = TypeVar("T")


class Labels(Mapping[str, str]):
    """A frozen mapping from label key to value."""

    __slots__ = ("_hash", "_pairs")

    def __init__(self, pairs: Mapping[str, str] | None = None) -> None:
        self._pairs: Final[dict[str, str]] = dict(pairs or {})
        self._hash: Final[int] = hash(frozenset(self._pairs.items()))

    def __getitem__(self, key: str) -> str:
        return self._pairs[key]

    # Selectors ask for absent keys all the time; Mapping's own versions raise and catch for each.
    def __contains__(self, key: object) -> bool:
        return key in self._pairs

    @overload
    def get(self, key: str, default: None = None, /) -> str | None: ...
    @overload
    def get(self, key: str, default: str, /) -> str: ...
    @overload
    def get(self, key: str, default: T, /) -> str | T: ...
    def get(self, key: str, default: object = None, /) -> object:
        """The value of a key, or `default`."""
        return self._pairs.get(key, default)

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
