"""The state's ConfigMap as a watch tells it, so that who looks again and again asks nobody.

While the watch is broken, or has not begun, nothing is known here and everybody asks the API
server itself. A write of ours counts at once, before the watch tells of it.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog

from fmgsync import redaction
from fmgsync.kube.changes import Began, Interrupted, Listed, Removed, Synced, Upserted
from fmgsync.kube.client import ApiSession
from fmgsync.kube.listing import Garbled, Scope
from fmgsync.kube.requests import CONFIGMAPS, Version
from fmgsync.kube.stopping import Stop
from fmgsync.kube.watch import Watch

_log = structlog.get_logger(__name__)


class Metadata(msgspec.Struct, frozen=True):
    """What is kept of an object's metadata."""

    resource_version: Version = msgspec.field(name="resourceVersion")
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class Content(msgspec.Struct, frozen=True):
    """The parts of a ConfigMap that are ours to keep; binary values are base64."""

    metadata: Metadata
    data: dict[str, str] | None = None
    packed: dict[str, str] | None = msgspec.field(name="binaryData", default=None)


@dataclass(frozen=True, slots=True)
class Known:
    """What the ConfigMap holds; `content` is None where there is none."""

    content: Content | None


class Following:
    """Follows one ConfigMap on a thread of its own, between `start` and `stop`."""

    def __init__(self, session: ApiSession, namespace: str, name: str) -> None:
        self._session: Final = session
        self._scope: Final = Scope(namespace, fields=f"metadata.name={name}")
        self._stop: Final = Stop()
        self._lock: Final = threading.Lock()
        self._sure = False
        self._content: Content | None = None
        self._listed: Content | None = None
        self._is_garbled = False
        self._thread = threading.Thread(target=self._run, name="state", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End soon; nothing is known from now on."""
        self._stop.set()
        with self._lock:
            self._sure = False

    def known(self) -> Known | None:
        """What it holds now; None where that must be asked."""
        with self._lock:
            return Known(self._content) if self._sure else None

    def note(self, content: Content | None) -> None:
        """What an answer to us said; a state older than what is known changes nothing."""
        with self._lock:
            self._take(content)

    def _take(self, content: Content | None) -> None:
        ours, theirs = _number(self._content), _number(content)
        if ours is None or theirs is None or theirs >= ours:
            self._content = content

    def _run(self) -> None:
        rng = random.Random()  # noqa: S311  # spreads requests, guards nothing
        watch = Watch(
            self._session,
            CONFIGMAPS,
            Content,
            self._scope,
            stop=self._stop,
            rng=rng,
            relist_s=0.0,  # one object: read it again rather than trust what came between
        )
        told = ""
        try:
            for change in watch.changes():
                with self._lock:
                    self._apply(change)
                if isinstance(change, Interrupted) and str(change.error) != told:
                    told = str(change.error)
                    _log.info("the state is not followed", why=told)
        except Exception as error:
            # A defect of ours: without what it tells, the API server is asked as before.
            text = redaction.traceback_text(error)
            _log.error("following the state failed", exception=text)
        finally:
            self.stop()
            self._session.close()

    def _apply(self, change: object) -> None:
        match change:
            case Began():
                self._listed, self._is_garbled = None, False
            case Listed(items, garbled):
                self._listed = items[0] if items else self._listed
                self._is_garbled = self._is_garbled or bool(garbled)
            case Synced():
                # Not compared: after a restore from a backup an older state is the true one.
                self._content, self._listed = self._listed, None
                # What cannot be read is there: that no listing holds it says nothing.
                self._sure = not (self._is_garbled or self._stop.is_set())
            case Upserted(item):
                self._take(item)
            case Removed():
                self._content = self._listed = None
            case Garbled() | Interrupted():
                self._sure, self._is_garbled = False, isinstance(change, Garbled)


def _number(content: Content | None) -> int | None:
    version = content.metadata.resource_version if content is not None else ""
    return int(version) if version.isdigit() else None
