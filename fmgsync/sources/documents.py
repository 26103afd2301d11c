"""From the events of a YAML parser to Kubernetes objects, one at a time.

The elements of a list's `items` are handed out as they end and are not kept, so a dump of 50,000
pods needs the memory of one pod. Depth is bounded; a YAML alias stands for the very object its
anchor named, never for a copy, so nested aliases cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from fmgsync.sources.convert.parsed import ClosedList, ClosedMap, is_null

MAX_DEPTH: Final = 200  # validation schemas of custom resources reach about 60
MAX_ANCHORS: Final = 100_000

Event = tuple[str, Any]
"""`start_document`, `start_map`, `map_key`, `end_map`, `start_array`, `end_array`, `string`, each
with its value (of a start: whether it is in flow style, and so has a closing bracket); `anchor`
before the value it names, `alias`; `end_document`, with whether anything but the end of the text
says that it has ended."""


class Unreadable(ValueError):
    """Well-formed JSON or YAML that is not what kubectl prints; the text says why."""


@dataclass(frozen=True, slots=True)
class Item:
    """One element of a list's `items`: as it was parsed, or its JSON text.

    `list_kind` and `list_version` are those of the list, if they came before the item.
    """

    index: int
    content: Any
    list_kind: Any
    list_version: Any


@dataclass(frozen=True, slots=True)
class Document:
    """One whole document; if `is_list`, without its `items`, of which there were `count`.

    `proven` says that something shows that nothing of it is missing: a dump may be cut off.
    `last` is the key whose value the end of the text may have shortened, if there is one.
    """

    content: Any
    is_list: bool
    count: int
    proven: bool
    last: str = ""


def read(events: Iterable[Event]) -> Iterator[Item | Document]:
    """All items and documents; a list's items come before the list. Raises `Unreadable`."""
    builder = _Builder()
    for event, content in events:
        if event == "map_key":
            builder.key = content
        elif event == "start_map":
            builder.open(ClosedMap() if content else {}, closed=content)
        elif event == "start_array":
            builder.open(ClosedList() if content else [], closed=content)
        elif event == "anchor":
            builder.anchor = content
        elif event == "end_document":
            yield builder.document(proven=content)
        elif event != "start_document":
            if event in ("end_map", "end_array"):
                content = builder.close()
            elif event == "alias":
                content = builder.aliased(content)
            elif builder.anchor is not None:
                builder.name(builder.take_anchor(), content)
            item = builder.place(content)
            if item is not None:
                yield item


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
        self._root: Any = None
        self._closed = False

    def open(self, container: dict[str, Any] | list[Any], *, closed: bool) -> None:
        if len(self._frames) >= MAX_DEPTH:
            raise Unreadable(f"it is nested deeper than {MAX_DEPTH} levels")
        if not self._frames and isinstance(container, list):
            raise Unreadable("it is a bare list: keep the List around it, as kubectl prints it")
        if not self._frames or (len(self._frames) == 1 and self.key == "items"):
            self._closed = closed or (self._closed and bool(self._frames))
        self._frames.append(_Frame(container, self.key, self.take_anchor()))

    def close(self) -> dict[str, Any] | list[Any]:
        frame = self._frames.pop()
        self.key = frame.key
        if frame.anchor is not None:
            self.name(frame.anchor, frame.container)
        return frame.container

    def place(self, content: Any) -> Item | None:
        """Put a finished value where it belongs, or hand it out."""
        frames = self._frames
        if not frames:
            self._root = content
            return None
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

    def document(self, *, proven: bool) -> Document:
        """What has ended. A key after `items` shows that all of them were there."""
        content, count = self._root, self._count
        items = content.get("items", 0) if isinstance(content, dict) else 0
        is_list = isinstance(items, list) or is_null(items)
        ended = proven or self._closed or not isinstance(content, dict)
        last = "" if ended else next(reversed(content), "")
        whole = proven or self._closed or (is_list and last != "items")
        self._count, self._root, self._closed = 0, None, False
        self._anchored.clear()
        return Document(content, is_list, count, whole, last)
