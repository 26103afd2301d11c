"""What clients asked, for tests: methods, urls and codes, never data and never a secret."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

_WRITING: Final = frozenset(
    (
        *("add", "set", "update", "replace", "delete", "clone", "move", "unset"),
        *("POST", "PUT", "DELETE"),
    )
)
_QUIET_EXEC: Final = (
    "sys/login",
    "sys/logout",
    "sys/proxy/json",
    "cache/",
    "securityconsole/preview/result",
    "securityconsole/install/summary",
    "sys/task/result",
)
"""What an exec may do without changing a configuration, a lock or a device."""
KEPT: Final = 200_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One request: its number, instant, method, urls with their status codes, and the user.

    `device`: the FortiGate whose own REST API was asked, empty for FortiManager's; the code is
    the HTTP status then.
    """

    number: int
    at: float
    method: str
    urls: tuple[str, ...]
    codes: tuple[int, ...]
    user: str
    device: str = ""

    @classmethod
    def made(
        cls,
        at: float,
        method: str,
        params: Sequence[Any],
        result: Sequence[Mapping[str, Any]],
        user: str,
    ) -> Entry:
        """From a request's params and their results; the number is given by the log."""
        urls = tuple(str(element["url"])[:500] for element in result)
        codes = tuple(int(element["status"]["code"]) for element in result)
        return cls(0, at, method[:20], urls, codes, user)

    @property
    def writing(self) -> bool:
        """Whether it could have changed configuration, locks, tasks or devices."""
        if self.method in _WRITING:
            return True
        if self.method != "exec":
            return False
        return not all(url.strip("/").startswith(_QUIET_EXEC) for url in self.urls)

    @property
    def install(self) -> bool:
        """Whether it asked for an install (or its preview)."""
        return self.method == "exec" and any("securityconsole/" in url for url in self.urls)

    @property
    def locking(self) -> bool:
        """Whether it asked for a workspace lock."""
        return self.method == "exec" and any("/workspace/lock" in url for url in self.urls)


class RequestLog:
    """The last requests, oldest first. Safe to read while the server runs.

    `follow`, if set, is called with each request as it is answered.
    """

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._number = 0
        self._lock = threading.Lock()
        self.follow: Callable[[Entry], None] | None = None

    def add(self, entry: Entry) -> None:
        """Append, with the next number."""
        with self._lock:
            self._number += 1
            numbered = replace(entry, number=self._number)
            self._entries.append(numbered)
        if self.follow is not None:
            self.follow(numbered)

    def mark(self) -> int:
        """Where the log stands now; give it to the questions below."""
        with self._lock:
            return self._number

    def since(self, mark: int = 0) -> list[Entry]:
        """Requests after the mark."""
        with self._lock:
            return [entry for entry in self._entries if entry.number > mark]

    def writing(self, since: int = 0) -> list[Entry]:
        """Requests after the mark that could have changed anything."""
        return [entry for entry in self.since(since) if entry.writing]

    def installs(self, since: int = 0) -> list[Entry]:
        """Requests after the mark to the security console."""
        return [entry for entry in self.since(since) if entry.install and entry.writing]

    def locks(self, since: int = 0) -> list[Entry]:
        """Lock requests after the mark."""
        return [entry for entry in self.since(since) if entry.locking]

    def __len__(self) -> int:
        with self._lock:
            return self._number
