"""The lines of a watch, decoded: objects into the caller's type, the rest into what it means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec
import urllib3

from fmgsync.kube.changes import Removed, Upserted, Watchable
from fmgsync.kube.failures import Status
from fmgsync.kube.listing import Garbled

_LONGEST_LINE: Final = 16 * 1024 * 1024
_OBJECT_TYPES: Final = ("ADDED", "MODIFIED", "DELETED")
_INITIAL_END: Final = "k8s.io/initial-events-end"

T = TypeVar("T", bound=Watchable)


class Undecodable(ValueError):
    """A line that no API server writes."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """The version has moved on; `ends_initial` if the initial listing is complete with it."""

    version: str
    ends_initial: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """The watch cannot go on; the server says why."""

    status: Status


class _Metadata(msgspec.Struct, frozen=True):
    resource_version: str = msgspec.field(name="resourceVersion", default="")
    name: str = ""
    namespace: str = ""
    annotations: Any = None


class _Bare(msgspec.Struct, frozen=True):
    metadata: _Metadata = _Metadata()


class _Event(msgspec.Struct, Generic[T], frozen=True, gc=False):
    type: str
    object: T


class _BareEvent(msgspec.Struct, frozen=True):
    type: str
    object: _Bare


class _ErrorEvent(msgspec.Struct, frozen=True):
    object: Status


class _RawEvent(msgspec.Struct, frozen=True):
    object: msgspec.Raw


class LineDecoder(Generic[T]):
    """Decodes lines whose objects are of one type."""

    def __init__(self, item_type: type[T]) -> None:
        self._decoder: Final = msgspec.json.Decoder(_Event[item_type])  # type: ignore[valid-type]

    def decode(self, line: bytes) -> Upserted[T] | Removed[T] | Garbled | Bookmark | Failure:
        """What the line says. Raises `Undecodable`."""
        try:
            event: _Event[T] = self._decoder.decode(line)
        except msgspec.ValidationError as error:
            return _unusual(line, str(error))
        except (msgspec.DecodeError, RecursionError) as error:
            raise Undecodable(str(error)) from error
        if event.type == "DELETED":
            return Removed(event.object)
        if event.type in _OBJECT_TYPES:
            return Upserted(event.object)
        return _unusual(line, f"an event of type {event.type!r}")


def _unusual(line: bytes, why: str) -> Garbled | Bookmark | Failure:
    """Not an object, or one whose fields have types they cannot have."""
    try:
        event = msgspec.json.decode(line, type=_BareEvent)
        if event.type == "ERROR":
            return Failure(msgspec.json.decode(line, type=_ErrorEvent).object)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Undecodable(why) from error
    metadata = event.object.metadata
    if event.type == "BOOKMARK":
        marks = metadata.annotations if isinstance(metadata.annotations, dict) else {}
        return Bookmark(metadata.resource_version, marks.get(_INITIAL_END) == "true")
    if event.type not in _OBJECT_TYPES:
        raise Undecodable(why)
    gone = event.type == "DELETED"
    content = bytes(msgspec.json.decode(line, type=_RawEvent).object)
    return Garbled(metadata.namespace, metadata.name, why, metadata.resource_version, gone, content)


def lines(response: urllib3.response.BaseHTTPResponse) -> Iterator[bytes]:
    """Each complete line as it arrives. Raises `Undecodable` for one without end.

    A last line that was cut off is dropped: the next watch tells it again.
    """
    rest = b""
    while piece := response.read1(65536, decode_content=False):
        *complete, rest = (rest + piece).split(b"\n")
        yield from (line for line in complete if line.strip())
        if len(rest) > _LONGEST_LINE:
            raise Undecodable("a line without end")
