"""YAML that others wrote, as plain data: bounded before anything is built of it.

libyaml reads it event by event, so what is nested too deep, too much, or repeated by aliases beyond
reason is refused as soon as that shows, in time that grows with the text alone. Every way in which
it can be no YAML is one error, `yaml.YAMLError`. Who needs positions, or keys told twice, takes
`yamllines`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    NodeEvent,
    StreamEndEvent,
)

MAX_DEPTH: Final = 64
"""Collections inside collections; people write fewer than ten."""
TOO_DEEP: Final = f"nested more than {MAX_DEPTH} levels deep"
MAX_ALIASED_NODES: Final = 100_000
"""Nodes that aliases may add by repetition; without a bound, nine lines make a billion."""
MAX_NODES: Final = 200_000
"""What is built in a few seconds."""


class Excessive(yaml.MarkedYAMLError):
    """More than anybody means to write."""


def why(error: yaml.YAMLError) -> str:
    """In words that quote nothing: what is too much is YAML all the same."""
    return f"it is refused: {error.problem}" if isinstance(error, Excessive) else "it is no YAML"


def load(
    text: str | bytes,
    loader: Any = yaml.CSafeLoader,
    *,
    most: int = MAX_NODES,
    repeated: int = MAX_ALIASED_NODES,
) -> Any:
    """The one document. Raises YAMLError."""
    found = load_all(text, loader, most=most, repeated=repeated)
    if len(found) > 1:
        raise yaml.YAMLError("more than one document")
    return found[0] if found else None


def load_all(
    text: str | bytes,
    loader: Any = yaml.CSafeLoader,
    *,
    most: int = MAX_NODES,
    repeated: int = MAX_ALIASED_NODES,
) -> list[Any]:
    """All documents, of a loader that is a safe one. Raises YAMLError."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    _bound(raw, _Count(most, repeated))
    try:
        return list(yaml.load_all(raw, Loader=loader))
    except (ValueError, RecursionError, OverflowError) as error:
        # A date that no calendar has, a number with too many digits, a value that holds itself.
        raise yaml.YAMLError("a value that cannot be read") from error


def _bound(raw: bytes, count: _Count) -> None:
    parser = yaml.CSafeLoader(raw)
    try:
        while not isinstance(event := parser.get_event(), StreamEndEvent):
            count.take(event)
    finally:
        parser.dispose()


@dataclass(slots=True)
class _Open:
    """A collection that has not ended."""

    anchor: str | None
    size: int = 1
    height: int = 1


class _Count:
    """How deep and how much it is so far, with what aliases repeat."""

    def __init__(self, most: int, repeated: int) -> None:
        self._most, self._most_repeated = most, repeated
        self._nodes = self._repeated = 0
        self._open: list[_Open] = []
        self._sizes: dict[str, tuple[int, int]] = {}

    def take(self, event: Any) -> None:
        """One more event. Raises Excessive."""
        if isinstance(event, CollectionEndEvent):
            ended = self._open.pop()
            if ended.anchor is not None:
                self._sizes[ended.anchor] = ended.size, ended.height
            self._holds(event, ended.size, ended.height)
        elif isinstance(event, CollectionStartEvent):
            self._node(event)
            self._holds(event, 0, 1)
            self._open.append(_Open(event.anchor))
        elif isinstance(event, AliasEvent):
            self._node(event)
            self._repeat(event)
        elif isinstance(event, NodeEvent):
            self._node(event)
            self._holds(event, 1, 0)

    def _node(self, event: Any) -> None:
        self._nodes += 1
        if self._nodes > self._most:
            raise _excessive("too many values", event)

    def _repeat(self, event: Any) -> None:
        if any(each.anchor == event.anchor for each in self._open):
            raise _excessive("a value that holds itself", event)
        size, height = self._sizes.get(event.anchor, (1, 0))
        self._repeated += size
        if self._repeated > self._most_repeated:
            raise _excessive(f"aliases repeat more than {self._most_repeated} values", event)
        self._holds(event, size, height)

    def _holds(self, event: Any, size: int, height: int) -> None:
        """Its innermost collection has so many more, so high."""
        if len(self._open) + height > MAX_DEPTH:
            raise _excessive(TOO_DEEP, event)
        if self._open:
            inner = self._open[-1]
            inner.size += size
            inner.height = max(inner.height, height + 1)


def _excessive(what: str, event: Any) -> Excessive:
    return Excessive(None, None, what, event.start_mark)
