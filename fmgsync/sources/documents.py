"""From the events of a JSON or YAML parser to Kubernetes objects, one at a time.

The elements of a list's `items` are handed out as they end and are not kept, so a dump of 50,000
pods needs the memory of one pod. Depth is bounded; a YAML alias stands for the very object its
anchor named, never for a copy, so nested aliases cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

MAX_DEPTH: Final = 200  # validation schemas of custom resources reach about 60
MAX_ANCHORS: Final = 100_000

Event = tuple[str, Any]
"""ijson's basic events (`start_map`, `map_key`, `end_map`, `start_array`, `end_array`, `string`
and so on, with their value), and for YAML `anchor` before the value it names, and `alias`."""


class Unreadable(ValueError):
    """Well-formed JSON or YAML that is not what kubectl prints; the text says why."""


@dataclass(frozen=True, slots=True)
class Item:
    """One element of a list's `items`.

    `list_kind` and `list_version` are those of the list, if they came before the item.
    """

    index: int
    content: Any
    list_kind: Any
    list_version: Any


@dataclass(frozen=True, slots=True)
class Document:
    """One whole document; if `is_list`, without its `items`, of which there were `count`."""

    content: Any
    is_list: bool
    count: int


def read(events: Iterable[Event]) -> Iterator[Item | Document]:
    """All items and documents; a list's items come before the list. Raises `Unreadable`."""
    builder = _Builder()
    for event, content in events:
        if event == "map_key":
            builder.key = content
        elif event == "start_map":
            builder.open({})
        elif event == "start_array":
            builder.open([])
        elif event == "anchor":
            builder.anchor = content
        else:
            if event in ("end_map", "end_array"):
                content = builder.close()
            elif event == "alias":
                content = builder.aliased(content)
            elif builder.anchor is not None:
                builder.name(builder.take_anchor(), content)
            done = builder.place(content)
            if done is not None:
                yield done


@dataclass(slots=True)
class _Frame:
    """A container that has not ended: the key it will stand under, the anchor that names it."""

    container: dict[str, Any] | list[Any]
    key: str
    anchor: str | None


class _Builder:
    """The containers that are open, and what they will be placed in."""

    def __init__(self) -> None:
        self.key = ""
        self.anchor: str | None = None
        self._frames: Final[list[_Frame]] = []
        self._anchored: Final[dict[str, Any]] = {}
        self._count = 0

    def open(self, container: dict[str, Any] | list[Any]) -> None:
        if len(self._frames) >= MAX_DEPTH:
            raise Unreadable(f"it is nested deeper than {MAX_DEPTH} levels")
        if not self._frames and isinstance(container, list):
            raise Unreadable("it is a bare list: keep the List around it, as kubectl prints it")
        self._frames.append(_Frame(container, self.key, self.take_anchor()))

    def close(self) -> dict[str, Any] | list[Any]:
        frame = self._frames.pop()
        self.key = frame.key
        if frame.anchor is not None:
            self.name(frame.anchor, frame.container)
        return frame.container

    def place(self, content: Any) -> Item | Document | None:
        """Put a finished value where it belongs, or hand it out."""
        frames = self._frames
        if not frames:
            return self._document(content)
        container = frames[-1].container
        if isinstance(container, dict):
            container[self.key] = content
        elif len(frames) == 2 and frames[1].key == "items":
            return self._item(frames[0].container, content)
        else:
            container.append(content)
        return None

    def take_anchor(self) -> str | None:
        anchor, self.anchor = self.anchor, None
        return anchor

    def name(self, anchor: str | None, content: Any) -> None:
        if anchor is None:
            return
        if len(self._anchored) >= MAX_ANCHORS:
            raise Unreadable(f"it has more than {MAX_ANCHORS} anchors")
        self._anchored[anchor] = content

    def aliased(self, anchor: str) -> Any:
        if anchor not in self._anchored:
            raise Unreadable("an alias has no anchor before it")
        return self._anchored[anchor]

    def _item(self, head: Any, content: Any) -> Item:
        self._count += 1
        return Item(self._count - 1, content, head.get("kind"), head.get("apiVersion"))

    def _document(self, content: Any) -> Document:
        is_list = isinstance(content, dict) and "items" in content
        done = Document(content, is_list, self._count)
        self._count = 0
        self._anchored.clear()
        return done
