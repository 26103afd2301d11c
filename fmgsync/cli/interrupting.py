"""Ctrl-C while FortiManager works: the first one asks for an orderly end, the second leaves."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether somebody wants this to end."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._asked = False

    def asked(self) -> bool:
        """Whether nothing more may be started."""
        return self._asked

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM for as long as this lasts."""
        before = {
            number: signal.signal(number, self._take) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            # Leaving closes the session, and with it the lock: say what that means.
            self._tell(
                "left: an install task may still be running on FortiManager, and without its"
                " workspace lock it fails; the next run finds out what became of it"
            )
            raise KeyboardInterrupt
        self._asked = True
        self._tell(
            "stopping: nothing more is started; what is being pushed is watched to its end"
            " (Ctrl-C again leaves at once)"
        )
