"""Watches: the changes of one kind as lines of JSON, with bookmarks, time-outs and 410."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, Final

from fmgsync.simulator.kubernetes import options
from fmgsync.simulator.kubernetes.faults import Faults
from fmgsync.simulator.kubernetes.paging import selected
from fmgsync.simulator.kubernetes.refusals import ApiRefusal, expired, too_large
from fmgsync.simulator.kubernetes.resources import Target
from fmgsync.simulator.kubernetes.store import Change, Store

_LONGEST_S: Final = 1800
_LAST_BOOKMARK_S: Final = 2.0  # before the time-out the server sends one more
_SHORT_S: Final = 5  # seen: a watch of five seconds ends without one
_TICK_S: Final = 0.5  # how long a closed connection may go unnoticed

_EMPTY: Final[dict[str, dict[str, Any]]] = {"pods": {"spec": {"containers": None}, "status": {}}}


class Watch:
    """One open watch; `lines` runs until its time is over or `ended` says so."""

    def __init__(
        self,
        store: Store,
        faults: Faults,
        target: Target,
        query: Mapping[str, str],
        *,
        bookmark_interval_s: float,
        ended: Callable[[], bool],
    ) -> None:
        self._store: Final = store
        self._faults: Final = faults
        self._target: Final = target
        self._matches: Final = selected(target.resource, query)
        options.check_watch(query, initial_events=faults.initial_events)
        self._bookmarks: Final = options.flag(query, "allowWatchBookmarks") or False
        self._initial: Final = options.flag(query, "sendInitialEvents")
        self._asked: Final = options.revision(query, watch=True)
        lasts_s = options.number(query, "timeoutSeconds")
        self._lasts_s: Final = lasts_s if lasts_s > 0 else _LONGEST_S
        self._bookmark_interval_s: Final = bookmark_interval_s
        self._ended: Final = ended
        self._began = 0
        self.was_cut = False

    def lines(self) -> Iterator[bytes]:
        """The events, each a line; empty ones now and then, to notice a closed connection."""
        plural = self._target.resource.plural
        for line in self._lines():
            self.was_cut = bool(line) and self._faults.take("cut", plural)
            if self.was_cut or (line and self._faults.take("cut orderly", plural)):
                yield line[: len(line) // 2]
                return
            yield line

    def _lines(self) -> Iterator[bytes]:
        end = time.monotonic() + self._lasts_s
        sent = yield from self._beginning()
        self._began = sent or 0
        bookmark_at = self._next_bookmark(end)
        while sent is not None and not self._ended():
            now = time.monotonic()
            if now >= end:
                return
            if now >= bookmark_at and not self._silent(sent):
                yield self._bookmark(sent)
                bookmark_at = self._next_bookmark(end)
            self._wait(sent, min(end, bookmark_at) - now)
            yield b""
            if not self._ended():
                sent = yield from self._news(sent)

    def _beginning(self) -> Generator[bytes, None, int | None]:
        """What comes before the news; returns the revision after which the news begin."""
        with self._store.changed:
            floor, asked = self._store.floor, self._asked
            revision, objects = self._store.all_of(self._target.resource, self._target.namespace)
        if asked and not self._initial:
            if asked < floor:
                yield self._too_old(asked)
                return None
            return asked
        if self._initial is False:
            return revision
        if asked > revision:
            yield _error(too_large(asked, revision))
            return None
        for each in objects:
            if self._matches(each.content):
                yield _line("ADDED", each.typed_body())
        if self._initial and self._bookmarks:
            yield self._bookmark(revision, ends_initial=True)
        return revision

    def _news(self, sent: int) -> Generator[bytes, None, int | None]:
        """What changed since; returns the revision up to which everything was sent."""
        if self._silent(sent):
            return sent
        with self._store.changed:
            floor, revision = self._store.floor, self._store.revision
            changes = self._store.since(self._target.resource, sent)
        if sent < floor:
            yield self._too_old(sent)
            return None
        for change in changes:
            yield from self._told(change)
        return max(sent, revision)

    def _told(self, change: Change) -> Iterator[bytes]:
        if change.tells_revision:
            if self._bookmarks:
                yield self._bookmark(change.revision)
            return
        line, plural = self._event(change), self._target.resource.plural
        if line is None:
            return
        twice = self._faults.take("repeat", plural)
        late = self._bookmarks and self._faults.take("late bookmark", plural)
        yield from [line] * (1 + twice)
        if late:
            yield self._bookmark(self._began)

    def _event(self, change: Change) -> bytes | None:
        """The change as this watch's selector sees it: matching no more is a deletion."""
        before = change.before if self._concerns(change.before) else None
        after = change.after if self._concerns(change.after) else None
        if after is not None:
            return _line("ADDED" if before is None else "MODIFIED", after.typed_body())
        if before is None:
            return None
        # Like the watch cache: the object as it was last seen, with the revision of the change.
        content = {
            "kind": before.resource.kind,
            "apiVersion": before.resource.api_version,
            **before.content,
            "metadata": {
                **before.content["metadata"],
                "resourceVersion": str(change.revision),
            },
        }
        return _line("DELETED", json.dumps(content).encode())

    def _concerns(self, state: Any) -> bool:
        namespace = self._target.namespace
        return (
            state is not None
            and (not namespace or state.namespace == namespace)
            and (not self._target.name or state.name == self._target.name)
            and self._matches(state.content)
        )

    def _bookmark(self, revision: int, *, ends_initial: bool = False) -> bytes:
        resource = self._target.resource
        metadata: dict[str, Any] = {"resourceVersion": str(revision)}
        parts = _EMPTY.get(resource.plural, {})
        if ends_initial:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
            parts = {"spec": {}, "status": {}} | parts
        else:
            metadata["creationTimestamp"] = None
        content = {
            "kind": resource.kind,
            "apiVersion": resource.api_version,
            "metadata": metadata,
            **parts,
        }
        return _line("BOOKMARK", json.dumps(content).encode())

    def _too_old(self, asked: int) -> bytes:
        """Etcd and the watch cache before it have words of their own for the same thing."""
        if self._store.compacted:
            return _error(expired("The resourceVersion for the provided watch is too old."))
        return _error(expired(f"too old resource version: {asked} ({self._store.floor})"))

    def _next_bookmark(self, end: float) -> float:
        if not self._bookmarks:
            return end
        now, last = time.monotonic(), end - _LAST_BOOKMARK_S
        if now >= last or self._lasts_s <= _SHORT_S:
            last = end
        return min(now + self._bookmark_interval_s, last)

    def _wait(self, sent: int, at_most_s: float) -> None:
        with self._store.changed:
            if self._silent(sent) or not self._store.since(self._target.resource, sent):
                self._store.changed.wait(min(max(at_most_s, 0.0), _TICK_S))

    def _silent(self, sent: int) -> bool:
        """A fault, or the client began at a version that is yet to come and is not told so.

        Seen on kube-apiserver 1.36.2 after etcd was restored: 200, no event, no bookmark.
        """
        ahead = sent > self._store.revision
        return ahead or self._faults.stalled(self._target.resource.plural)


def _error(refusal: ApiRefusal) -> bytes:
    return _line("ERROR", json.dumps(refusal.status()).encode())


def _line(kind: str, content: bytes) -> bytes:
    return b'{"type":"%s","object":%s}\n' % (kind.encode(), content)
