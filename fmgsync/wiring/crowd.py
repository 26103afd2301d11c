"""Progress of many FortiGates: what is said of each alike is said of a few, and then counted."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Final

FEW: Final = 20
"""Of so many each has its own lines."""
_SHOWN: Final = 3


class Crowd:
    """Says `text` on behalf of FortiGates of these names. Any thread may use it.

    What differs from a line before by the name alone is counted, and the count told as it grows: by
    a tenth of all, and at the end.
    """

    def __init__(self, tell: Callable[[str], None], names: Collection[str]) -> None:
        self._tell = tell
        self._all = len(names)
        longest = sorted(map(re.escape, names), key=len, reverse=True)
        self._name = re.compile(rf"(?<![\w.-])(?:{'|'.join(longest)})(?![\w-])")
        self._lock = threading.Lock()
        self._of: defaultdict[str, set[str]] = defaultdict(set)
        self._shown: set[str] = set()

    def __call__(self, text: str) -> None:
        """Tell it, count it, or tell the count."""
        found = self._name.search(text)
        if found is None:
            self._tell(text)
            return
        with self._lock:
            told = self._told(text, found.group())
        if told:
            self._tell(told)

    def _told(self, text: str, name: str) -> str:
        alike = self._name.sub("…", text)
        names = self._of[alike]
        if name in names:
            return text if text in self._shown else ""
        names.add(name)
        if len(names) <= _SHOWN:
            self._shown.add(text)
            return text
        if len(names) == self._all or len(names) % (self._all // 10) == 0:
            return f"{len(names)} of {self._all}: {alike}"
        return ""


def folded(tell: Callable[[str], None], names: Collection[str]) -> Callable[[str], None]:
    """The same where they are few."""
    return Crowd(tell, names) if len(names) > FEW else tell
