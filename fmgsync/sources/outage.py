"""A cluster's outage, told once: however many kinds it takes, however often its reason changes.

Each kind has a watch of its own, and one restart of an API server meets all of them: first the
connection breaks, then it is refused, then roles are not read yet.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

from fmgsync.errors import SourceError, SourceUnavailable
from fmgsync.model.endpoint import Kind

SETTLED_S: Final = 60.0
"""After so long an outage is told a second time if it has turned out to be something else."""

_log = structlog.get_logger(__name__)


class Outage:
    """What is lost of one cluster now; called from the threads of its watches."""

    def __init__(self, cluster: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._cluster: Final = cluster
        self._monotonic: Final = monotonic
        self._lock: Final = threading.Lock()
        self._lost: set[Kind] = set()
        self._told: set[tuple[type[SourceError], Kind | None]] = set()
        self._began = 0.0

    def lost(self, kind: Kind, error: SourceError) -> None:
        """A kind is not followed for now."""
        with self._lock:
            now = self._monotonic()
            if not self._lost:
                self._began = now
            self._lost.add(kind)
            news = self._is_news(kind, error, now)
        tell = _log.warning if news else _log.debug
        tell("cluster lost", cluster=self._cluster, kind=kind, why=str(error))

    def heard(self, kind: Kind) -> None:
        """A kind is followed."""
        with self._lock:
            if kind not in self._lost:
                return
            self._lost.discard(kind)
            if self._lost:
                return
            self._told.clear()
            lasted_s = self._monotonic() - self._began
        _log.info("cluster back", cluster=self._cluster, after_s=round(lasted_s, 1))

    def _is_news(self, kind: Kind, error: SourceError, now: float) -> bool:
        """A server that is not there is one thing for all kinds; a missing right is one for each.

        While a server comes back it refuses what it will grant a second later.
        """
        away = (SourceUnavailable, None)
        what = away if isinstance(error, SourceUnavailable) else (type(error), kind)
        if what in self._told or (away in self._told and now - self._began < SETTLED_S):
            return False
        self._told.add(what)
        return True
