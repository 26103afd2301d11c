"""Documents as the keys of one ConfigMap: what replicas and the command line share.

Every write names the version it replaces, so of two writers at once one is refused, reads again
and repeats its change. While the API server cannot be asked there is no answer, and an error
instead of a guess.
"""

from __future__ import annotations

import base64
import random
import threading
import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec
import structlog

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.kube.client import ApiSession
from fmgsync.kube.requests import CONFIGMAPS, Request, Verb
from fmgsync.state.documents import Change, Wish
from fmgsync.state.following import Content, Following

_log = structlog.get_logger(__name__)

NAME: Final = "fmgsync-state"
"""The ConfigMap's name; the roles in `config/rbac` allow no other."""

MOST_BYTES: Final = 1024 * 1024
"""What a ConfigMap can hold. Public source: the Kubernetes documentation, "ConfigMaps"."""

_PLAIN_BYTES: Final = 16 * 1024
_UNPACKED_MOST: Final = 64 * MOST_BYTES
_TRIES: Final = 12
LATER_S = 5.0
"""So long a change that nobody waits for stays unwritten at most."""
_PAUSE_S: Final = 0.05
_LABELS: Final = {"app.kubernetes.io/name": "fmgsync", "app.kubernetes.io/managed-by": "fmgsync"}


class ConfigMap:
    """The documents of the installations in one namespace. Safe to share between threads.

    A document is the key `NAME.json`, as text; a large one is `NAME.json.z`, packed by zlib.
    Threads that want something changed at the same time share one write. Between `follow` and
    `stop` reading asks nobody, and changes nobody waits for go with the next write.
    """

    def __init__(self, session: ApiSession, namespace: str, *, clock: Clock) -> None:
        self._session = session
        self._namespace = namespace
        self._clock = clock
        self._chance = random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._following: Following | None = None
        self._wishes: list[Wish] = []
        self._serving: list[Wish] = []
        self._queue = threading.Lock()
        self._writing = threading.Lock()
        self._wrote = False  # since the last flush
        self._later: threading.Timer | None = None

    def where(self, name: str) -> str:
        """The ConfigMap and the key in it."""
        return f"{self._place}, key {_key(name)}"

    def follow(self) -> None:
        """Let a watch tell what it holds, on a thread of its own."""
        self._following = Following(self._session.another(), self._namespace, NAME)
        self._following.start()

    def stop(self) -> None:
        """Write what is left, and follow no more."""
        self._write_left()
        if self._following is not None:
            self._following.stop()
            self._following = None

    def read(self, name: str) -> str | None:
        """The text of a document; None if there is no ConfigMap or no such key."""
        if not self._is_owed(name):
            return self._text_of(name)
        with self._writing:  # what is being written is in neither place
            text = self._text_of(name)
            for one in list(self._wishes):
                with suppress(Exception):  # it is told where it is written
                    text = one.change(text) if one.name == name and one.patient else text
        return text

    def _is_owed(self, name: str) -> bool:
        """Whether a change that nobody waited for is not written yet, or is being written."""
        with self._queue:
            return any(one.name == name and one.patient for one in self._serving + self._wishes)

    def _text_of(self, name: str) -> str | None:
        return None if (found := self._read()) is None else self._text(found, name)

    def update(self, name: str, change: Change) -> None:
        """Read, change and replace; again when somebody else's write came between."""
        self._grant(Wish(name, change))

    def update_soon(self, name: str, change: Change) -> None:
        """The same with the next write, or when it is flushed, or a few seconds later."""
        if self._following is None:
            self.update(name, change)
            return
        with self._queue:
            self._wishes.append(Wish(name, change, patient=True))
            if self._later is None:
                self._later = threading.Timer(LATER_S, self._write_left)
                self._later.daemon = True
                self._later.start()

    def flush(self) -> None:
        """Write what nobody waited for; where something was written since the last flush, later.

        So a pass costs one write at most besides those that had to be made before it went on.
        """
        with self._queue:
            wrote, self._wrote = self._wrote, False
        if not wrote:
            self._write_left()

    def _write_left(self) -> None:
        """Where that fails it is kept for the next time, and said."""
        with self._writing:
            with self._queue:
                if self._later is not None:
                    self._later.cancel()
                    self._later = None
            if self._write_waiting():
                self._wrote = False

    def _grant(self, wish: Wish) -> None:
        """Whoever is first writes for all who came meanwhile."""
        with self._queue:
            self._wishes.append(wish)
        with self._writing:
            if not wish.done:
                self._write_waiting()
        if wish.error is not None:
            raise wish.error

    def _write_waiting(self) -> bool:
        """Whether there was anything; it is `_serving` until it is written, or waits again."""
        with self._queue:
            torn = [one for one in self._serving if one.patient and not one.done]
            wishes, self._wishes = torn + self._wishes, []
            self._serving = wishes
        if not wishes:
            return False
        self._serve(wishes)
        failed = [one for one in wishes if one.patient and one.error is not None]
        for one in failed:
            _log.warning("not remembered yet", where=self.where(one.name), why=str(one.error))
        again = [one for one in failed if isinstance(one.error, errors.StateError)]
        with self._queue:
            self._wishes[:0] = [Wish(one.name, one.change, patient=True) for one in again]
            self._serving = []
        return True

    def _serve(self, wishes: list[Wish]) -> None:
        """Make all these changes by one write; each on its own if together they cannot be."""
        try:
            self._make(wishes)
        except errors.StateError as error:
            if len(wishes) > 1 and not error.retryable:
                for one in wishes:
                    if not one.done:
                        self._serve([one])
                return
            for one in wishes:
                one.error = one.error or error
        for one in wishes:
            one.done = True

    def _make(self, wishes: list[Wish]) -> None:
        found = self._read()
        for turn in range(_TRIES):
            before, after = self._changed(found, wishes)
            if before == after:
                return
            try:
                self._write(after, found)
                return
            except errors.SourceConflict:
                self._clock.sleep(self._chance.uniform(0, _PAUSE_S * (turn + 1)))
            except errors.SourceNotFound as error:
                if found is None:
                    raise self._no_namespace(error) from error
                # Deleted since it was read: what it held is lost, and read as such.
            except errors.SourceUnavailable as error:
                self._settle(after, error)
                return
            except errors.SourceError as error:
                raise self._failed("written", error) from error
            found = self._ask()
        raise errors.StateError(
            f"others wrote it {_TRIES} times while this was tried",
            where=self._place,
            next_step="try again; if it goes on, see who writes it so often",
        )

    def _changed(
        self, found: Content | None, wishes: list[Wish]
    ) -> tuple[dict[str, str | None], dict[str, str | None]]:
        """The documents these wishes are about, before and after; one that cannot be is left."""
        before: dict[str, str | None] = {}
        after: dict[str, str | None] = {}
        for one in wishes:
            try:
                if one.name not in before:
                    text = None if found is None else self._text(found, one.name)
                    before[one.name] = after[one.name] = text
                after[one.name] = one.change(after[one.name])
                one.error = None
            except Exception as error:
                one.error = error
        return before, after

    def _settle(self, wanted: dict[str, str | None], lost: errors.SourceError) -> None:
        """The answer to a write got lost: it counts if the documents are what was written."""
        try:
            found = self._ask()
        except errors.StateError:
            found = None
        if found is None or any(self._text(found, name) != text for name, text in wanted.items()):
            raise self._failed("written", lost) from lost

    @property
    def _place(self) -> str:
        return f"ConfigMap {self._namespace}/{NAME}"

    def _read(self) -> Content | None:
        known = self._following.known() if self._following is not None else None
        return known.content if known is not None else self._ask()

    def _ask(self) -> Content | None:
        found = self._asked()
        self._note(found)
        return found

    def _note(self, content: Content | None) -> None:
        if self._following is not None:
            self._following.note(content)

    def _asked(self) -> Content | None:
        request = Request("get", CONFIGMAPS, self._namespace, NAME)
        try:
            return self._session.one(request, Content)
        except errors.SourceNotFound:
            return None
        except errors.SourceError as error:
            raise self._failed("read", error) from error

    def _write(self, texts: Mapping[str, str | None], found: Content | None) -> None:
        data = dict((found and found.data) or {})
        packed = dict((found and found.packed) or {})
        for name, text in texts.items():
            data.pop(_key(name), None)
            packed.pop(_packed_key(name), None)
            if text is not None and len(text) <= _PLAIN_BYTES:
                data[_key(name)] = text
            elif text is not None:
                packed[_packed_key(name)] = base64.b64encode(zlib.compress(text.encode())).decode()
        self._refuse_too_large(data, packed)
        metadata: dict[str, Any] = {"name": NAME, "namespace": self._namespace}
        known = (found.metadata.labels if found is not None else None) or {}
        metadata["labels"] = {**known, **_LABELS}
        if found is not None and found.metadata.annotations:
            metadata["annotations"] = found.metadata.annotations
        verb: Verb = "create"
        if found is not None:
            verb, metadata["resourceVersion"] = "update", found.metadata.resource_version
        content = {
            "apiVersion": CONFIGMAPS.api_version,
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": data,
            "binaryData": packed,
        }
        own = NAME if verb == "update" else ""
        self._wrote = True
        body = msgspec.json.encode(content)
        request = Request(verb, CONFIGMAPS, self._namespace, own, body=body)
        self._note(self._session.one(request, Content))

    def _refuse_too_large(self, data: dict[str, str], packed: dict[str, str]) -> None:
        sizes = {key: len(value.encode()) for key, value in data.items()}
        sizes |= {key: len(value) * 3 // 4 for key, value in packed.items()}
        if sum(sizes.values()) <= MOST_BYTES:
            return
        largest = max(sizes, key=lambda key: sizes[key])
        raise errors.StateError(
            f"it would hold {sum(sizes.values())} bytes and can hold {MOST_BYTES}; most of it is"
            f" {largest} ({sizes[largest]} bytes)",
            where=f"{self._place}, key {largest}",
            next_step="nothing is written without it: shorten guard.period, or divide the ADOMs"
            " among installations in namespaces of their own",
        )

    def _text(self, found: Content, name: str) -> str | None:
        plain = (found.data or {}).get(_key(name))
        packed = (found.packed or {}).get(_packed_key(name))
        if packed is None:
            return plain
        try:
            unpacker = zlib.decompressobj()
            raw = unpacker.decompress(base64.b64decode(packed, validate=True), _UNPACKED_MOST)
            if not unpacker.eof:
                raise ValueError("it ends too early or is too large")
            return raw.decode()
        except (ValueError, zlib.error) as error:
            raise errors.StateError(
                f"it is damaged: {error}",
                where=f"{self._place}, key {_packed_key(name)}",
                next_step="remove this key: what it held then counts as lost, which is safe",
            ) from error

    def _failed(self, verb: str, error: errors.SourceError) -> errors.StateError:
        self._session.close()  # so that a renewed token or address is found the next time
        kind = errors.StateUnavailable if error.retryable else errors.StateError
        step = error.next_step or "see that the API server can be reached"
        why = error.message if error.where is None else f"{error.where}: {error.message}"
        return kind(f"cannot be {verb}: {why}", where=self._place, next_step=step)

    def _no_namespace(self, error: errors.SourceError) -> errors.StateError:
        return errors.StateError(
            f"cannot be made: {error.message}",
            where=self._place,
            next_step=f"kubectl create namespace {self._namespace}, or name another in 'lease'",
        )


def _key(name: str) -> str:
    return f"{name}.json"


def _packed_key(name: str) -> str:
    return f"{name}.json.z"
