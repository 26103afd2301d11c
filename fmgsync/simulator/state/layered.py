"""A dictionary over a shared one: a thousand FortiGates with one package hold it once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Layered(Generic[K, V]):
    """Reads fall through to `below`, which nobody changes any more; writes stay here.

    Values are never None: None marks what is gone.
    """

    __slots__ = ("_below", "_own")

    def __init__(self, below: Mapping[K, V] | None = None) -> None:
        self._below: Mapping[K, V] = below if below is not None else {}
        self._own: dict[K, V | None] = {}

    def get(self, key: K) -> V | None:
        """The value, None when there is none."""
        if key in self._own:
            return self._own[key]
        return self._below.get(key)

    def __setitem__(self, key: K, value: V) -> None:
        self._own[key] = value

    def drop(self, key: K) -> None:
        """Remove; absent keys are no error."""
        if key in self._below:
            self._own[key] = None
        else:
            self._own.pop(key, None)

    def __contains__(self, key: K) -> bool:
        return self.get(key) is not None

    def items(self) -> Iterator[tuple[K, V]]:
        """All that is there, in no particular order."""
        for key, value in self._below.items():
            found = self._own.get(key, value)
            if found is not None:
                yield key, found
        for key, own in self._own.items():
            if own is not None and key not in self._below:
                yield key, own

    def __iter__(self) -> Iterator[K]:
        return iter([key for key, _ in self.items()])

    def __len__(self) -> int:
        return sum(1 for _ in self.items())
