"""Ends threads that wait or read, from another thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import urllib3


class Stop:
    """Says "stop" to any number of threads, and wakes those that wait or read."""

    def __init__(self) -> None:
        self._said: Final = threading.Event()
        self._lock: Final = threading.Lock()
        self._reading: Final[set[urllib3.response.BaseHTTPResponse]] = set()

    def set(self) -> None:
        """Say it. What a thread is reading ends with an error, which `reading` swallows."""
        with self._lock:
            self._said.set()
            reading = list(self._reading)
        for response in reading:
            # It may have come to its end in this very moment.
            with suppress(OSError, ValueError, RuntimeError):
                response.shutdown()

    def is_set(self) -> bool:
        """True once it was said."""
        return self._said.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait that long or until it is said; True if it was."""
        return self._said.wait(seconds)

    @contextmanager
    def reading(self, response: urllib3.response.BaseHTTPResponse) -> Iterator[None]:
        """While inside, `set` cuts the response off; its errors then mean nothing."""
        with self._lock:
            self._reading.add(response)
        try:
            yield
        except Exception:
            if not self._said.is_set():
                raise
        finally:
            with self._lock:
                self._reading.discard(response)
