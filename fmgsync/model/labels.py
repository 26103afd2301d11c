"""Immutable, hashable label sets. Equal sets are usually the same object, so that selector
results can be remembered per set: pods of one Deployment differ in name, not in labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias, TypeVar, overload

T = TypeVar("T")

Notes: TypeAlias = "tuple[tuple[str, str], ...]"
"""Annotations that matter, by key."""


ANY_KEY: Final = frozenset({"*"})
"""Nothing is known of keys that are not there; `*` cannot stand in a key."""


class Labels(Mapping[str, str]):
    """A frozen mapping from label key to value.

    `unknown` are the keys of which cannot be said whether they are there, and with which value.
    `notes` are annotations beside the labels, which no selector sees.
    """

    __slots__ = ("_hash", "_pairs", "notes", "unknown")

    def __init__(
        self,
        pairs: Mapping[str, str] | None = None,
        unknown: frozenset[str] = frozenset(),
        notes: Notes = (),
    ) -> None:
        self._pairs: Final[dict[str, str]] = dict(pairs or {})
        self.unknown: Final = unknown
        self.notes: Final = notes
        self._hash: Final[int] = hash((frozenset(self._pairs.items()), unknown, notes))

    def doubts(self, key: str) -> bool:
        """Whether nothing can be said of the key."""
        return key in self.unknown or (self.unknown == ANY_KEY and key not in self._pairs)

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
            return (
                self._hash == other._hash
                and self._pairs == other._pairs
                and self.unknown == other.unknown
                and self.notes == other.notes
            )
        return NotImplemented

    def __repr__(self) -> str:
        unknown = f", unknown={sorted(self.unknown)!r}" if self.unknown else ""
        return f"Labels({self._pairs!r}{unknown})"


def unread_namespace(name: str) -> Labels:
    """The labels of a namespace that was not read: its name is known, nothing else."""
    return Labels(namespace_names(name), ANY_KEY)


def unread_account(name: str) -> Labels:
    """The labels of a service account that was not read."""
    return Labels({"projectcalico.org/name": name}, ANY_KEY)


def namespace_names(name: str) -> dict[str, str]:
    """The labels that name a namespace: Calico's, and the API server's own (since 1.21)."""
    return {"projectcalico.org/name": name, "kubernetes.io/metadata.name": name}


NO_LABELS: Final = Labels()
