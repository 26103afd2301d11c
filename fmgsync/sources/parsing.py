"""Bytes of JSON or YAML in, parser events out, with the place of every fault.

JSON goes through ijson, YAML through libyaml's event parser: neither ever holds the whole input.
Plain YAML scalars are read as YAML 1.2 does: `on`, `12:30` and dates stay text, as Kubernetes
needs them. UTF-16, which PowerShell's `>` writes, is understood.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import ijson
import yaml

from fmgsync.errors import ManifestError
from fmgsync.sources.documents import Event

CHUNK: Final = 16 * 1024
MAX_OBJECT_BYTES: Final = 8 * 1024 * 1024
"""An API server accepts objects of up to 3 MiB; as indented text they may be somewhat longer."""

_PLAIN: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_AGAIN: Final = "make the dump again; nothing is changed because of one that cannot be read"
_CARET: Final = 40  # the column under which yajl's messages point at the fault


class Source:
    """A binary stream that knows how far it was read, and refuses an endless object."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name: Final = name
        self._stream: Final = stream
        self._ahead = stream.read(CHUNK).removeprefix(codecs.BOM_UTF8)
        self._decoder = _decoder(self._ahead)
        self._piece = b""
        self._lines_before = 0
        self._bytes_before = 0
        self._unbroken = 0
        if self._decoder is not None:
            self._ahead = self._utf8(self._ahead)
        self.start: Final = self._ahead.lstrip()

    def read(self, size: int = CHUNK, /) -> bytes:
        """At most `size` bytes of UTF-8; none only at the end."""
        if size == 0:
            return b""  # ijson asks so whether this is text or bytes
        self._lines_before += self._piece.count(b"\n")
        self._bytes_before += len(self._piece)
        if not self._ahead:
            self._ahead = self._utf8(self._stream.read(CHUNK))
        self._piece, self._ahead = self._ahead[:size], self._ahead[size:]
        self._unbroken += len(self._piece)
        if self._unbroken > MAX_OBJECT_BYTES:
            limit = MAX_OBJECT_BYTES // 1024 // 1024
            raise self.fault(f"an object is longer than {limit} MiB: no API server printed it")
        return self._piece

    def object_ended(self) -> None:
        """An object was complete: the next one may be as long again."""
        self._unbroken = 0

    def fault(self, message: str, place: str | None = None) -> ManifestError:
        """The error at `place`, by default as far as was read."""
        where = place or self.place(len(self._piece))
        return ManifestError(message, where=f"{self.name}, {where}", next_step=_AGAIN)

    def place(self, offset: int) -> str:
        """Line and byte of an offset into the piece last read."""
        line = self._lines_before + self._piece.count(b"\n", 0, offset) + 1
        return f"line {line}, byte {self._bytes_before + offset}"

    def find(self, excerpt: bytes) -> int:
        """Where the excerpt, in which line breaks became blanks, lies in the piece last read."""
        return self._piece.replace(b"\n", b" ").replace(b"\r", b" ").find(excerpt)

    def _utf8(self, raw: bytes) -> bytes:
        if self._decoder is None:
            return raw
        try:
            return self._decoder.decode(raw, final=not raw).encode()
        except UnicodeError as error:
            raise self.fault("it begins as UTF-16 text but does not go on so") from error


def _decoder(start: bytes) -> codecs.IncrementalDecoder | None:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return codecs.getincrementaldecoder("utf-16")()
    return None


def events(source: Source) -> Iterator[Event]:
    """All events of all documents. Raises `ManifestError`."""
    if not source.start:
        raise ManifestError(
            "it is empty: kubectl printed nothing",
            where=source.name,
            next_step="see what kubectl complained of, and make the dump again",
        )
    return _json_events(source) if source.start.startswith(b"{") else _yaml_events(source)


def _json_events(source: Source) -> Iterator[Event]:
    try:
        # use_float also bounds integers to 64 bits: ijson's C code mishandles a longer one.
        yield from ijson.basic_parse(source, buf_size=CHUNK, multiple_values=True, use_float=True)
    except ijson.JSONError as error:
        raise _json_fault(source, str(error)) from error
    except (ValueError, ArithmeticError) as error:  # a number that Python refuses
        raise source.fault("it is not JSON") from error


def _json_fault(source: Source, complaint: str) -> ManifestError:
    if "premature EOF" in complaint:
        return source.fault("it is cut off: the JSON text ends too early")
    reason, _, rest = complaint.partition("\n")
    excerpt = rest.partition("\n")[0]
    found = source.find(excerpt.strip().encode())
    if not excerpt.strip() or found < 0:
        return source.fault("it is not JSON: a fault lies shortly before this place")
    offset = found + _CARET - (len(excerpt) - len(excerpt.lstrip()))
    kind = reason.partition(": ")[2] or reason
    return source.fault(f"it is not JSON: {kind}", source.place(offset))


def _yaml_events(source: Source) -> Iterator[Event]:
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
    """libyaml's events as ijson names them: mapping keys told apart from values."""

    def __init__(self, source: Source, parser: yaml.CSafeLoader) -> None:
        self._source: Final = source
        self._parser: Final = parser
        self._key_next: Final[list[bool | None]] = []  # per open container; None in a sequence

    def events(self) -> Iterator[Event]:
        read = self._parser.get_event
        while not isinstance(event := read(), yaml.StreamEndEvent):
            if isinstance(event, yaml.ScalarEvent):
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
        yield ("start_map" if is_map else "start_array"), None

    def _at_key(self) -> bool:
        return bool(self._key_next) and self._key_next[-1] is True

    def _value_ended(self) -> None:
        if self._key_next and self._key_next[-1] is False:
            self._key_next[-1] = True


def _anchor(event: yaml.NodeEvent) -> Iterator[Event]:
    if event.anchor is not None:
        yield "anchor", event.anchor


def _scalar(event: yaml.ScalarEvent) -> Any:
    """The scalar's value; a number as a float, since no number is ever looked at."""
    text: str = event.value
    if not event.implicit[0] or event.tag is not None:
        return text
    if text in _PLAIN:
        return _PLAIN[text]
    return float(text) if _NUMBER.fullmatch(text) else text
