"""YAML in, parser events out: libyaml reads it, and never holds the whole input.

What stands without quotes is told apart (`Plain`): Kubernetes' schema says what it is, not its
looks. `on`, `12:30`, `4e12345` and dates are labels as any other text is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import yaml

from fmgsync.sources.convert.parsed import Plain
from fmgsync.sources.documents import Event
from fmgsync.sources.source import Source


def events(source: Source) -> Iterator[Event]:
    """All events of all documents. Raises `ManifestError`."""
    try:
        yield from _Flattened(source, yaml.CSafeLoader(source)).events()
    except yaml.MarkedYAMLError as error:
        raise source.fault(f"it is not YAML: {error.problem}", _place(error)) from error
    except yaml.YAMLError as error:  # bytes that are no text
        raise source.fault("it is not YAML: it holds bytes that are no UTF-8 text") from error


def _place(error: yaml.MarkedYAMLError) -> str | None:
    mark = error.problem_mark
    return None if mark is None else f"line {mark.line + 1}, column {mark.column + 1}"


class _Flattened:
    """libyaml's events with mapping keys told apart from values, and what proves an end."""

    def __init__(self, source: Source, parser: yaml.CSafeLoader) -> None:
        self._source: Final = source
        self._parser: Final = parser
        self._key_next: Final[list[bool | None]] = []  # per open container; None in a sequence

    def events(self) -> Iterator[Event]:
        read = self._parser.get_event
        ended: yaml.DocumentEndEvent | None = None
        while not isinstance(event := read(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                if ended is not None:
                    yield "end_document", True
                    ended = None
                yield "start_document", None
            elif isinstance(event, yaml.DocumentEndEvent):
                ended = event
            elif isinstance(event, yaml.ScalarEvent):
                if self._at_key():
                    self._key_next[-1] = False
                    yield "map_key", event.value
                else:
                    yield from _anchor(event)
                    yield "string", _scalar(event)
                    self._value_ended()
            elif isinstance(event, yaml.NodeEvent):
                yield from self._node(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._key_next.pop()
                is_map = isinstance(event, yaml.MappingEndEvent)
                yield ("end_map" if is_map else "end_array"), None
                self._value_ended()
        if ended is not None:
            # Only `...` says that no more was to come.
            yield "end_document", bool(ended.explicit)

    def _node(self, event: yaml.NodeEvent) -> Iterator[Event]:
        if self._at_key():
            raise self._source.fault("a mapping has a key that is no text")
        if isinstance(event, yaml.AliasEvent):
            yield "alias", event.anchor
            self._value_ended()
            return
        yield from _anchor(event)
        is_map = isinstance(event, yaml.MappingStartEvent)
        self._key_next.append(True if is_map else None)
        yield ("start_map" if is_map else "start_array"), bool(getattr(event, "flow_style", False))

    def _at_key(self) -> bool:
        return bool(self._key_next) and self._key_next[-1] is True

    def _value_ended(self) -> None:
        if self._key_next and self._key_next[-1] is False:
            self._key_next[-1] = True


def _anchor(event: yaml.NodeEvent) -> Iterator[Event]:
    if event.anchor is not None:
        yield "anchor", event.anchor


def _scalar(event: yaml.ScalarEvent) -> str:
    text: str = event.value
    return text if not event.implicit[0] or event.tag is not None else Plain(text)
