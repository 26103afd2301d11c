"""One kind of one cluster, followed for ever: list, watch, resume, list again when told to.

What a watch may do that surprises (measured against kube-apiserver): an expired version is told
in a line of a successful answer, and normal after every restart of the API server; a connection
may die without a word, so each silence is bounded; bookmarks move the version forward in quiet
times. Public source: the Kubernetes API concepts, "Efficient detection of changes".

A cluster restored from a backup goes back to older versions. A watch from a version that is yet to
come is answered 200 and then with silence, and what happens before that version is never told (seen
on kube-apiserver 1.36.2). So before a watch is resumed the server's version is asked for. That may
have passed ours by then, so everything is listed anew after an outage that was long enough for it,
and from time to time.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

import msgspec
import urllib3

from fmgsync.errors import (
    SourceBusy,
    SourceError,
    SourceExpired,
    SourceForbidden,
    SourceRefused,
    SourceRewound,
    SourceUnavailable,
)
from fmgsync.kube import failures, listing
from fmgsync.kube.backoff import Backoff
from fmgsync.kube.changes import (
    Began,
    Change,
    Heard,
    Interrupted,
    Listed,
    Removed,
    Synced,
    Upserted,
    Watchable,
)
from fmgsync.kube.client import ApiSession
from fmgsync.kube.lines import Bookmark, Failure, LineDecoder, Undecodable, lines
from fmgsync.kube.listing import EVERYTHING, Garbled, Scope
from fmgsync.kube.requests import Request, Resource
from fmgsync.kube.stopping import Stop

_BATCH: Final = 500
_SHORTEST_S: Final = 1.0
_OUTAGE_S: Final = 10.0
"""In so long a cluster may have been restored from a backup, and its version have passed ours."""
_SILENCE_S: Final = 90.0
"""A watch that is heard has told something by then: the server sends bookmarks every minute."""
_STREAMS_LISTS_FROM: Final = (1, 27)  # older servers ignore the wish without a word


T = TypeVar("T", bound=Watchable)


class _Anything(msgspec.Struct):
    """An object of which nothing is looked at."""


class _InitialEventsUnknown(Exception):  # not an error
    """The server does not list through a watch."""


class Watch(Generic[T]):
    """Follows one kind until it is told to stop.

    `lasts_s` is how long one watch request lasts (up to half as long again, so that many do not
    end together), `margin_s` how much longer a silence is borne before the connection counts as
    dead. A watch that would be resumed `relist_s` after a listing is not: all is listed anew.
    """

    def __init__(
        self,
        session: ApiSession,
        resource: Resource,
        item_type: type[T],
        scope: Scope = EVERYTHING,
        *,
        stop: Stop,
        rng: random.Random,
        backoff: Backoff | None = None,
        lasts_s: float = 120.0,
        margin_s: float = 15.0,
        relist_s: float = math.inf,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session: Final = session
        self._resource: Final = resource
        self._item_type: Final = item_type
        self._scope: Final = scope
        self._stop: Final = stop
        self._rng: Final = rng
        self._backoff: Final = backoff or Backoff(rng)
        self._lasts_s: Final = lasts_s
        self._margin_s: Final = margin_s
        self._relist_s: Final = relist_s
        self._monotonic: Final = monotonic
        self._decoder: Final = LineDecoder(item_type)
        self._version = ""  # empty: list first
        self._listed_at = -math.inf
        self._resumes = False  # a watch ended: what came after it is not known
        self._heard_at = -math.inf
        self._lost_at: float | None = None
        self._streams_lists: bool | None = None  # None: not yet known

    @property
    def version(self) -> str:
        """The version up to which everything was told; empty before the first listing."""
        return self._version

    def changes(self) -> Iterator[Change[T]]:
        """Everything that happens, from a first complete listing on."""
        while not self._stop.is_set():
            try:
                if not self._version or (self._resumes and self._is_old()):
                    yield from self._list()
                    continue
                if self._resumes:
                    self._refuse_older_server()
                    continue
                yield from self._watch(initial=False)
            except _InitialEventsUnknown:
                self._streams_lists = False
            except SourceExpired:
                # Normal after a restart or compaction. Relist, but not all watches at once.
                self._version = ""
                self._stop.wait(self._backoff.next_s())
            except SourceError as error:
                if self._stop.is_set():
                    return
                self._lose()
                yield Interrupted(error)
                if isinstance(error, SourceRewound):
                    continue
                self._session.close()
                at_least_s = error.retry_after_s if isinstance(error, SourceBusy) else 0.0
                self._stop.wait(self._backoff.next_s(at_least_s))

    def _list(self) -> Iterator[Change[T]]:
        if self._streams_lists is None:
            self._streams_lists = self._can_stream_lists()
        if self._streams_lists:
            yield Began()
            yield from self._watch(initial=True)
            return
        pages = listing.pages(self._session, self._resource, self._item_type, self._scope)
        for page in pages:
            if self._stop.is_set():
                return
            if page.starts:
                yield Began()
            yield Listed(page.items, page.garbled)
            if page.ends:
                self._version, self._listed_at = page.version, self._monotonic()
                self._resumes = False
                self._hear()
                yield Synced()

    def _is_old(self) -> bool:
        return self._monotonic() - self._listed_at >= self._relist_s

    def _lose(self) -> None:
        """Note since when nothing is heard: now, unless the watch had fallen silent before."""
        now = self._monotonic()
        if self._lost_at is None:
            self._lost_at = self._heard_at if now - self._heard_at > _SILENCE_S else now

    def _hear(self) -> None:
        self._heard_at, self._lost_at = self._monotonic(), None

    def _refuse_older_server(self) -> None:
        """Raises SourceRewound, and forgets our version, if the server has not come so far.

        It is forgotten as well after an outage in which the server may have passed it again.

        Asked without a version of ours, so that no cache answers that is behind; and without
        selectors, since only the list's own version is wanted.
        """
        bare = Scope(namespace=self._scope.namespace)
        page = next(listing.pages(self._session, self._resource, _Anything, bare, page_size=1))
        now, ours = page.version, self._version
        if _is_before(now, ours):
            self._version = ""
            raise SourceRewound(
                f"its revision went back from {ours} to {now}: it was restored from a backup, and"
                " everything is listed anew",
                where=f"{self._session.where}, {self._resource.plural}",
            )
        if self._lost_at is not None and self._monotonic() - self._lost_at > _OUTAGE_S:
            self._version = ""
        self._resumes = False

    def _can_stream_lists(self) -> bool:
        try:
            return self._session.version() >= _STREAMS_LISTS_FROM
        except (SourceForbidden, SourceRefused):
            return False

    def _watch(self, *, initial: bool) -> Iterator[Change[T]]:
        """One watch request; with `initial` it begins with all that is there."""
        self._resumes = True
        request, silence_s = self._request(initial=initial)
        try:
            with (
                self._session.stream(request, silence_s=silence_s) as response,
                self._stop.reading(response),
            ):
                events = self._decoded(request, response)
                if initial:
                    yield from self._initial(request, events)
                else:
                    self._hear()
                    yield Heard()
                yield from self._news(events)
        except SourceRefused as error:
            if initial and error.code in (400, 422):
                raise _InitialEventsUnknown from error
            raise

    def _request(self, *, initial: bool) -> tuple[Request, float]:
        lasts_s = self._lasts_s * self._rng.uniform(1.0, 1.5)
        query = {
            **self._scope.query(),
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(max(1, round(lasts_s))),
        }
        if initial:
            query |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        else:
            query["resourceVersion"] = self._version
        request = Request("watch", self._resource, self._scope.namespace, query=query)
        return request, lasts_s + self._margin_s

    def _initial(
        self, request: Request, events: Iterator[Upserted[T] | Removed[T] | Garbled | Bookmark]
    ) -> Iterator[Change[T]]:
        items: list[T] = []
        for event in events:
            match event:
                case Upserted(item):
                    items.append(item)
                case Removed() | Garbled():  # what happens meanwhile is told in its order
                    yield Listed(tuple(items))
                    items = []
                    yield event
                case Bookmark(version, ends_initial):
                    yield Listed(tuple(items))
                    if not ends_initial:
                        raise _InitialEventsUnknown
                    self._version, self._listed_at = version, self._monotonic()
                    self._hear()
                    yield Synced()
                    return
            if len(items) >= _BATCH:
                yield Listed(tuple(items))
                items = []
        if not self._stop.is_set():
            raise self._garbage(request, "the listing has no end")

    def _news(
        self, events: Iterator[Upserted[T] | Removed[T] | Garbled | Bookmark]
    ) -> Iterator[Change[T]]:
        started, heard = self._monotonic(), False
        for event in events:
            heard = True
            self._hear()
            match event:
                case Bookmark(version, _):
                    if not _is_before(version, self._version):  # what was told is not asked again
                        self._version = version or self._version
                case Garbled(version=version):
                    self._version = version or self._version
                case Upserted(item) | Removed(item):
                    self._version = item.metadata.resource_version or self._version
            yield Heard() if isinstance(event, Bookmark) else event
        if heard or self._monotonic() - started >= _SHORTEST_S:
            self._backoff.reset()
        else:
            # It ended at once and without a word: a proxy perhaps. Do not ask for ever so.
            self._stop.wait(self._backoff.next_s())

    def _decoded(
        self, request: Request, response: urllib3.response.BaseHTTPResponse
    ) -> Iterator[Upserted[T] | Removed[T] | Garbled | Bookmark]:
        """The lines that arrive, until the stream ends or somebody stops us."""
        if self._stop.is_set():
            return
        try:
            for line in lines(response):
                found = self._decoder.decode(line)
                if isinstance(found, Failure):
                    code = found.status.code or 500
                    raise failures.by_status(self._session.where, request, code, found.status)
                yield found
                if self._stop.is_set():
                    return
        except Undecodable as error:
            raise self._garbage(request, str(error)) from error

    def _garbage(self, request: Request, why: str) -> SourceUnavailable:
        """The error; going on from the same version would meet the same line again."""
        self._version = ""
        return failures.garbage(self._session.where, request, why)


def _is_before(one: str, other: str) -> bool:
    """Whether it is known to be: only numbers can be compared."""
    return one.isdigit() and other.isdigit() and int(one) < int(other)
