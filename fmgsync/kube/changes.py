"""What following one kind of one cluster yields.

Between `Began` and `Synced` everything belongs to the new listing; at all other times to what is
known already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from fmgsync.errors import SourceError
from fmgsync.kube.listing import Garbled


class _Versioned(Protocol):
    @property
    def resource_version(self) -> str: ...


class Watchable(Protocol):
    """What a followed type must have: where it stands in the series of versions."""

    @property
    def metadata(self) -> _Versioned:
        """The object's."""


T = TypeVar("T", bound=Watchable)


@dataclass(frozen=True, slots=True)
class Began:
    """A complete listing begins; what was known stays valid until `Synced`."""


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """Part of a complete listing."""

    items: tuple[T, ...]
    garbled: tuple[Garbled, ...] = ()


@dataclass(frozen=True, slots=True)
class Synced:
    """The listing is complete: what was not in it is gone."""


@dataclass(frozen=True, slots=True)
class Upserted(Generic[T]):
    """An object is new or changed."""

    item: T


@dataclass(frozen=True, slots=True)
class Removed(Generic[T]):
    """An object is gone, or no longer in scope; this is its last state."""

    item: T


@dataclass(frozen=True, slots=True)
class Heard:
    """The server is there and has nothing new."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The server is not followed for now; what is known stays, and it will be tried again."""

    error: SourceError


Change = Began | Listed[T] | Synced | Upserted[T] | Removed[T] | Garbled | Heard | Interrupted
