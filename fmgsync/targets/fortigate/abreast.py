"""Several requests to one unit at a time, as many as it is to have connections.

The threads are made when there is something to do abreast: most passes over a unit that is as it
should be never need one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")


class Abreast:
    """Work on many items, `width` of them at a time. Usable again after it was closed."""

    def __init__(self, name: str, width: int) -> None:
        self._name = name
        self._width = width
        self._workers: ThreadPoolExecutor | None = None

    def each(self, work: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
        """All results in order. After an error nothing new is begun, what is under way ends, and
        the first error is raised."""
        if len(items) < 2 or self._width < 2:
            return [work(item) for item in items]
        if self._workers is None:
            self._workers = ThreadPoolExecutor(self._width, thread_name_prefix=self._name)
        return _finished(self._workers, work, items)

    def close(self) -> None:
        """What is under way ends, nothing else is begun."""
        if self._workers is not None:
            self._workers.shutdown(cancel_futures=True)
            self._workers = None


def _finished(
    workers: ThreadPoolExecutor, work: Callable[[_T], _R], items: Sequence[_T]
) -> list[_R]:
    stopped = threading.Event()

    def one(item: _T) -> _R | None:
        if stopped.is_set():
            return None
        try:
            return work(item)
        except BaseException:
            stopped.set()
            raise

    futures = [workers.submit(one, item) for item in items]
    try:
        problems = [error for future in futures if (error := future.exception()) is not None]
    finally:
        stopped.set()
    if problems:
        raise problems[0]
    return [future.result() for future in futures]  # type: ignore[misc]
