"""What can happen to one request of a process: it dies there, or the way there is not as it was."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Any, Protocol

import requests
from requests.adapters import HTTPAdapter

SILENCE_S = 60.0
PAGE = b"<!DOCTYPE html><html><head><title>Login</title></head><body>Please log in</body></html>"

SIGNALS: dict[str, signal.Signals] = {
    "SIGKILL before": signal.SIGKILL,
    "SIGKILL after": signal.SIGKILL,
    "SIGTERM": signal.SIGTERM,
    "Ctrl-C": signal.SIGINT,
}
ON_THE_WAY = (
    "HTML",
    "empty",
    "twice",
    "silence before",
    "silence after",
)
"""Faults that this transport makes; the others are the simulator's."""


@dataclass(frozen=True)
class Trouble:
    """What happens, and at which request, counted from 1."""

    kind: str
    at: int


class Counts(Protocol):
    """A clock, and the number of each request."""

    def count(self) -> int:
        """The number of the next request."""

    def sleep(self, seconds: float) -> None:
        """Time passes."""


class Troubled(HTTPAdapter):
    """A transport that counts, and makes the trouble that is its own when the number comes."""

    def __init__(self, page: Counts, trouble: Trouble | None) -> None:
        super().__init__()
        self._page, self._trouble = page, trouble

    def send(self, *arguments: Any, **options: Any) -> Any:
        number, trouble = self._page.count(), self._trouble
        if trouble is None or number != trouble.at:
            return super().send(*arguments, **options)
        kind = trouble.kind
        if kind in SIGNALS:
            if kind.endswith("after"):
                super().send(*arguments, **options)
            os.kill(os.getpid(), SIGNALS[kind])
            return super().send(*arguments, **options)
        if kind.startswith("silence"):
            return self._silent(arguments, options, heard=kind.endswith("after"))
        answer = super().send(*arguments, **options)
        if kind == "twice":
            return super().send(*arguments, **options)
        if kind in ("HTML", "empty"):
            answer.status_code = 200
            answer.headers["Content-Type"] = "text/html"
            answer._content = PAGE if kind == "HTML" else b""
        return answer

    def _silent(self, arguments: Any, options: Any, *, heard: bool) -> Any:
        """A minute without an answer; who does not wait that long hangs up."""
        limit = options["timeout"]
        limit_s = limit[1] if isinstance(limit, tuple) else limit
        if not heard and limit_s <= SILENCE_S:
            self._page.sleep(limit_s)
            raise requests.ReadTimeout("no answer")
        answer = super().send(*arguments, **options)
        self._page.sleep(min(SILENCE_S, limit_s))
        if limit_s <= SILENCE_S:
            raise requests.ReadTimeout("no answer in time")
        return answer
