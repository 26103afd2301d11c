"""Documents as the keys of one ConfigMap: what replicas and the command line share.

Every write names the version it replaces, so of two writers at once one is refused, reads again
and repeats its change. While the API server cannot be asked there is no answer, and an error
instead of a guess.
"""

from __future__ import annotations

import base64
import random
import zlib
from typing import Any, Final

import msgspec

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.kube.client import ApiSession
from fmgsync.kube.requests import CONFIGMAPS, Request, Verb
from fmgsync.state.documents import Change

NAME: Final = "fmgsync-state"
"""The ConfigMap's name; the roles in `config/rbac` allow no other."""

MOST_BYTES: Final = 1024 * 1024
"""What a ConfigMap can hold. Public source: the Kubernetes documentation, "ConfigMaps"."""

_PLAIN_BYTES: Final = 16 * 1024
_UNPACKED_MOST: Final = 64 * MOST_BYTES
_TRIES: Final = 12
_PAUSE_S: Final = 0.05
_LABELS: Final = {"app.kubernetes.io/name": "fmgsync", "app.kubernetes.io/managed-by": "fmgsync"}


class _Metadata(msgspec.Struct, frozen=True):
    version: str = msgspec.field(name="resourceVersion", default="")
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class _Content(msgspec.Struct, frozen=True):
    """The parts of a ConfigMap that are ours to keep; binary values are base64."""

    metadata: _Metadata = _Metadata()
    data: dict[str, str] | None = None
    packed: dict[str, str] | None = msgspec.field(name="binaryData", default=None)


class ConfigMap:
    """The documents of the installations in one namespace. Safe to share between threads.

    A document is the key `NAME.json`, as text; a large one is `NAME.json.z`, packed by zlib.
    """

    def __init__(self, session: ApiSession, namespace: str, *, clock: Clock) -> None:
        self._session = session
        self._namespace = namespace
        self._clock = clock
        self._chance = random.Random()  # noqa: S311 - spreads retries, guards nothing

    def where(self, name: str) -> str:
        """The ConfigMap and the key in it."""
        return f"{self._place}, key {_key(name)}"

    def read(self, name: str) -> str | None:
        """The text of a document; None if there is no ConfigMap or no such key."""
        found = self._read()
        return None if found is None else self._text(found, name)

    def update(self, name: str, change: Change) -> None:
        """Read, change and replace; again when somebody else's write came between."""
        for turn in range(_TRIES):
            found = self._read()
            before = None if found is None else self._text(found, name)
            text = change(before)
            if text == before:
                return
            try:
                self._write(name, text, found)
                return
            except errors.SourceConflict:
                self._clock.sleep(self._chance.uniform(0, _PAUSE_S * (turn + 1)))
            except errors.SourceNotFound as error:
                if found is None:
                    raise self._no_namespace(error) from error
                # Deleted since it was read: what it held is lost, and read as such.
            except errors.SourceUnavailable as error:
                self._settle(name, text, error)
                return
            except errors.SourceError as error:
                raise self._failed("written", error) from error
        raise errors.StateError(
            f"others wrote it {_TRIES} times while this was tried",
            where=self._place,
            next_step="try again; if it goes on, see who writes it so often",
        )

    def _settle(self, name: str, text: str, lost: errors.SourceError) -> None:
        """The answer to a write got lost: it counts if the document is what was written."""
        try:
            found = self._read()
        except errors.StateError:
            found = None
        if found is None or self._text(found, name) != text:
            raise self._failed("written", lost) from lost

    @property
    def _place(self) -> str:
        return f"ConfigMap {self._namespace}/{NAME}"

    def _read(self) -> _Content | None:
        request = Request("get", CONFIGMAPS, self._namespace, NAME)
        try:
            return msgspec.json.decode(self._session.send(request), type=_Content)
        except errors.SourceNotFound:
            return None
        except errors.SourceError as error:
            raise self._failed("read", error) from error
        except (msgspec.MsgspecError, ValueError) as error:
            raise errors.StateError(
                f"the answer is no ConfigMap: {error}",
                where=self._place,
                next_step="see whether a proxy changes what the API server answers",
            ) from error

    def _write(self, name: str, text: str, found: _Content | None) -> None:
        data = dict((found and found.data) or {})
        packed = dict((found and found.packed) or {})
        data.pop(_key(name), None)
        packed.pop(_packed_key(name), None)
        if len(text) <= _PLAIN_BYTES:
            data[_key(name)] = text
        else:
            packed[_packed_key(name)] = base64.b64encode(zlib.compress(text.encode())).decode()
        self._refuse_too_large(name, data, packed)
        metadata: dict[str, Any] = {"name": NAME, "namespace": self._namespace}
        known = (found.metadata.labels if found is not None else None) or {}
        metadata["labels"] = {**known, **_LABELS}
        if found is not None and found.metadata.annotations:
            metadata["annotations"] = found.metadata.annotations
        verb: Verb = "create"
        if found is not None:
            verb, metadata["resourceVersion"] = "update", found.metadata.version
        content = {
            "apiVersion": CONFIGMAPS.api_version,
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": data,
            "binaryData": packed,
        }
        own = NAME if verb == "update" else ""
        body = msgspec.json.encode(content)
        self._session.send(Request(verb, CONFIGMAPS, self._namespace, own, body=body))

    def _refuse_too_large(self, name: str, data: dict[str, str], packed: dict[str, str]) -> None:
        sizes = {key: len(value.encode()) for key, value in data.items()}
        sizes |= {key: len(value) * 3 // 4 for key, value in packed.items()}
        if sum(sizes.values()) <= MOST_BYTES:
            return
        largest = max(sizes, key=lambda key: sizes[key])
        raise errors.StateError(
            f"it would hold {sum(sizes.values())} bytes and can hold {MOST_BYTES}; most of it is"
            f" {largest} ({sizes[largest]} bytes)",
            where=self.where(name),
            next_step="nothing is written without it: shorten guard.period, or divide the ADOMs"
            " among installations in namespaces of their own",
        )

    def _text(self, found: _Content, name: str) -> str | None:
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
