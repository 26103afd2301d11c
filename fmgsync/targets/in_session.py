"""Sessions of a target: inside `with` all calls share one, outside each call has its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, Self, TypeVar


class Session(Protocol):
    """A connection that is opened, counts its requests, and is given back."""

    requests: int

    def open(self) -> None:
        """Connect."""

    def close(self) -> None:
        """Give it back, whatever happened."""


AnySession = TypeVar("AnySession", bound=Session)


class InSession(Generic[AnySession]):
    """Holds the session of a target; not to be used by two threads at a time."""

    def __init__(self, open_session: Callable[[], AnySession]) -> None:
        self._open_session = open_session
        self._shared: AnySession | None = None
        self._requests_before = 0

    @property
    def requests(self) -> int:
        """HTTP requests of all its sessions so far."""
        return self._requests_before + (self._shared.requests if self._shared else 0)

    def __enter__(self) -> Self:
        self._shared = self._open_session()
        try:
            self._shared.open()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        self._end()

    def _end(self) -> None:
        session = self._shared
        if session is not None:
            session.close()
            self._requests_before += session.requests
            self._shared = None

    @contextmanager
    def _session(self) -> Iterator[AnySession]:
        """The shared session, or one of its own for this call."""
        if self._shared is not None:
            yield self._shared
            return
        with self:
            assert self._shared is not None  # noqa: S101
            yield self._shared
