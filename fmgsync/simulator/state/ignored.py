"""What a request says that nobody here listens to: told in the log and counted, never dropped.

A request's members note who asked for them (`Heard`, `Options`); what is left when the answer is
made was ignored. `strict` refuses such a request instead, so that a client's tests notice.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from fmgsync.simulator.codes import MESSAGES, Refusal

_LOG: Final = logging.getLogger(__name__)
_CODES: Final = {"option": -7, "parameter": -8, "field": -8, "member": -10}
"""How `strict` refuses each kind: invalid option, parameter, data."""
_LONG: Final = 120
_DEEP: Final = 8
_KINDS_KEPT: Final = 10_000

PARAMETERS: Final = frozenset(
    (
        "after", "attr", "before", "confirm", "current_adom", "data", "expand datasrc",
        "expand member", "fields",
        "filter", "keep_session_idle", "load assigned", "loadsub", "merge", "meta fields",
        "object member", "object template", "option", "range", "revision note", "scope member",
        "session", "sortings", "sub fetch", "subfetch filter",
        "target", "target start", "token", "url", "used objs",
        "verbose", "workflow",
    )
)  # fmt: skip
"""Members that a param has somewhere; others are refused before anything is done."""


class Heard(dict[str, Any]):
    """Members of an object, and which of them were asked for."""

    def __init__(
        self, members: Mapping[str, Any], *, apart: str | None = None, depth: int = 0
    ) -> None:
        super().__init__(
            (name, value if name == apart else heard(value, depth))
            for name, value in members.items()
        )
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Ask for one member."""
        self.asked.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        self.asked.update(super().keys())
        return super().__iter__()

    def items(self) -> Any:
        """Ask for all members."""
        self.asked.update(super().keys())
        return super().items()

    def but(self, **members: Any) -> Heard:
        """The same with other values; what is asked of it counts as asked of this one."""
        other = Heard({})
        dict.update(other, dict.items(self))
        dict.update(other, members)
        other.asked = self.asked
        return other

    def unheard(self, path: str = "") -> Iterator[str]:
        """Dotted names nobody asked for. An object inside of which nothing was asked for was
        taken as a whole."""
        for name, value in dict.items(self):
            if name not in self.asked:
                yield path + name
                continue
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, Heard) and inner.asked:
                    yield from inner.unheard(f"{path}{name}.")


def heard(value: Any, depth: int = 0) -> Any:
    """A value whose objects, and the objects in its lists, note what was asked of them."""
    if isinstance(value, dict) and depth < _DEEP:
        return value if isinstance(value, Heard) else Heard(value, depth=depth + 1)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [heard(item, depth) for item in value]
    return value


class Options(frozenset[str]):
    """Words of `option`, and which of them were asked for."""

    asked: set[str]

    def __new__(cls, words: Any = ()) -> Options:
        """Nothing was asked yet."""
        made = super().__new__(cls, words)
        made.asked = set()
        return made

    def __contains__(self, word: object) -> bool:
        self.asked.add(str(word))
        return super().__contains__(word)


class Ignored:
    """Counts per (kind, url, name); `follow`, if set, is called when one is met first."""

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.follow: Callable[[str, str, str], None] | None = None

    @property
    def total(self) -> int:
        """How much was ignored so far."""
        return self.counts.total()

    def tell(self, kind: str, url: str, name: str) -> None:
        """Count, and tell at warning when it is met first; `strict` refuses."""
        name, url = name[:_LONG], url[:_LONG]
        if len(self.counts) < _KINDS_KEPT or (kind, url, name) in self.counts:
            self.counts[kind, url, name] += 1
        if self.counts[kind, url, name] <= 1:
            follow = self.follow or _warn
            follow(kind, url, name)
        if self.strict:
            code = _CODES[kind]
            raise Refusal(code, f"{MESSAGES[code]}: {kind} {name!r} is not simulated")


def _warn(kind: str, url: str, name: str) -> None:
    _LOG.warning("ignored: %s %r of %r is not known here", kind, name, url)
