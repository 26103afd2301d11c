"""Lists, in pages, decoded by msgspec into whatever few fields the caller's type has.

The caller's type says what is looked at, so this package knows neither pods nor nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec

from fmgsync.errors import SourceExpired
from fmgsync.kube import failures
from fmgsync.kube.client import ApiSession
from fmgsync.kube.requests import Request, Resource, Version

T = TypeVar("T")

PAGE: Final = 500
_RESTARTS: Final = 3  # of a list whose remaining pages expired


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects of a kind: by namespace, label selector, field selector; all by default."""

    namespace: str = ""
    labels: str = ""
    fields: str = ""

    def query(self) -> dict[str, str]:
        """As a request carries it."""
        asked = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {key: text for key, text in asked.items() if text}


EVERYTHING: Final = Scope()


@dataclass(frozen=True, slots=True)
class Garbled:
    """An object whose fields have types they cannot have; `reason` says which.

    `content` is the object itself, for who can do with less. In a watch `version` is its place in
    the series, and `gone` says that it was removed.
    """

    namespace: str
    name: str
    reason: str
    version: str = ""
    gone: bool = False
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some objects of a list. `starts` marks the first page, `ends` the last.

    A second first page means that the list had to be begun again: forget the pages before.
    """

    items: tuple[T, ...]
    garbled: tuple[Garbled, ...]
    version: str
    starts: bool
    ends: bool


class _Metadata(msgspec.Struct, frozen=True, gc=False):
    resource_version: Version = msgspec.field(name="resourceVersion")
    next_token: str = msgspec.field(name="continue", default="")


class _RawList(msgspec.Struct, frozen=True):
    """What every API server gives of a list."""

    kind: Annotated[str, msgspec.Meta(pattern="List$")]
    metadata: _Metadata
    items: list[msgspec.Raw] | None


class _Identity(msgspec.Struct, frozen=True, gc=False):
    name: str = ""
    namespace: str = ""


class _Identified(msgspec.Struct, frozen=True, gc=False):
    metadata: _Identity = _Identity()


def pages(
    session: ApiSession,
    resource: Resource,
    item_type: type[T],
    scope: Scope = EVERYTHING,
    *,
    page_size: int = PAGE,
) -> Iterator[Page[T]]:
    """The list, page by page, all of one moment. Raises `SourceError`."""
    for _ in range(_RESTARTS):
        try:
            yield from _one_list(session, resource, item_type, scope, page_size)
        except SourceExpired:
            continue  # the moment is forgotten; mixing in a later one could lose objects
        return
    yield from _one_list(session, resource, item_type, scope, page_size)


def cached(session: ApiSession, resource: Resource, item_type: type[T], scope: Scope) -> Page[T]:
    """What the server's watch cache has, perhaps a little old: cheap, for few objects at a time.

    Without a version a server may read every object from etcd, only to compare it with the scope.
    """
    query = {**scope.query(), "resourceVersion": "0"}
    request = Request("list", resource, scope.namespace, query=query)
    page, _ = _decoded_page(session, request, msgspec.json.Decoder(item_type), starts=True)
    return page


def whole(
    session: ApiSession, resource: Resource, item_type: type[T], scope: Scope = EVERYTHING
) -> tuple[T, ...]:
    """All of the list, for few objects. Raises `SourceError`, also where one is garbled."""
    found: list[T] = []
    for page in pages(session, resource, item_type, scope):
        if page.garbled:
            request = Request("list", resource, scope.namespace)
            raise failures.garbage(session.where, request, page.garbled[0].reason)
        found = [*page.items] if page.starts else [*found, *page.items]
    return tuple(found)


def decoded(raw: msgspec.Raw | bytes, decoder: msgspec.json.Decoder[T]) -> T | Garbled:
    """One object, or what is wrong with it. Raises `msgspec.DecodeError` if it is no JSON."""
    try:
        found: T = decoder.decode(raw)
    except msgspec.ValidationError as error:
        identity = _identity(raw)
        return Garbled(identity.namespace, identity.name, str(error), content=bytes(raw))
    return found


def _identity(raw: msgspec.Raw | bytes) -> _Identity:
    try:
        return msgspec.json.decode(raw, type=_Identified).metadata
    except msgspec.ValidationError:
        return _Identity()


def _one_list(
    session: ApiSession, resource: Resource, item_type: type[T], scope: Scope, page_size: int
) -> Iterator[Page[T]]:
    decoder = msgspec.json.Decoder(item_type)
    token, starts = "", True
    while starts or token:
        query: dict[str, Any] = {**scope.query(), "limit": str(page_size)}
        if token:
            query["continue"] = token
        request = Request("list", resource, scope.namespace, query=query)
        page, token = _decoded_page(session, request, decoder, starts=starts)
        yield page
        starts = False


def _decoded_page(
    session: ApiSession, request: Request, decoder: msgspec.json.Decoder[T], *, starts: bool
) -> tuple[Page[T], str]:
    body = session.send(request)
    items: list[T] = []
    garbled: list[Garbled] = []
    try:
        raw = msgspec.json.decode(body, type=_RawList)
        kind = request.resource.kind
        failures.refuse_kind(session.where, request, raw.kind, kind and f"{kind}List")
        for each in raw.items or ():
            found = decoded(each, decoder)
            if isinstance(found, Garbled):
                garbled.append(found)
            else:
                items.append(found)
    except (msgspec.DecodeError, RecursionError) as error:
        raise failures.garbage(session.where, request, str(error)) from error
    token = raw.metadata.next_token
    version = raw.metadata.resource_version
    return Page(tuple(items), tuple(garbled), version, starts=starts, ends=not token), token
