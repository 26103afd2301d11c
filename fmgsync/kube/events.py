"""Kubernetes Events: what happened, told on the object it concerns, for `kubectl describe`.

Events are a courtesy. One that cannot be written is logged and forgotten; nothing waits for it.
The same thing said again raises the count of the event that is there, and not too often.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog

from fmgsync import redaction
from fmgsync.errors import SourceConflict, SourceError, SourceForbidden, SourceNotFound
from fmgsync.kube.client import ApiSession
from fmgsync.kube.requests import EVENTS, Request, Verb
from fmgsync.untrusted import shortened

_log = structlog.get_logger()

_COMPONENT: Final = "fmgsync"
_LONGEST_MESSAGE: Final = 1024  # bytes, of the API (kubernetes/api events/v1, "note")
_WIDEST: Final = 4  # bytes of a character
_LONGEST_NAME: Final = 253
_REMEMBERED: Final = 1000
_REPEAT_S: Final = 300.0
_DENIED_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class About:
    """The object an event concerns; a cluster-wide one (a namespace) has no `namespace`."""

    kind: str
    name: str
    namespace: str = ""
    api_version: str = "v1"
    uid: str = ""

    def reference(self) -> dict[str, str]:
        """As an event carries it."""
        return {
            "kind": self.kind,
            "apiVersion": self.api_version,
            "name": self.name,
            **({"namespace": self.namespace} if self.namespace else {}),
            **({"uid": self.uid} if self.uid else {}),
        }


class _Counted(msgspec.Struct, frozen=True):
    count: int | None = None


class EventWriter:
    """Writes events. Use it from one thread, with a session whose waits are short."""

    def __init__(
        self,
        session: ApiSession,
        *,
        instance: str,
        wall: Callable[[], float] = time.time,
        repeat_s: float = _REPEAT_S,
    ) -> None:
        self._session: Final = session
        self._instance: Final = instance
        self._wall: Final = wall
        self._repeat_s: Final = repeat_s
        self._written_at: Final[OrderedDict[str, float]] = OrderedDict()
        self._denied_at: Final[dict[str, float]] = {}

    def warning(self, about: About, reason: str, message: str) -> bool:
        """Somebody should look at this; `reason` is one CamelCase word.

        False if the API server does not answer: it is better left alone for a while.
        """
        text = _printable(message)
        name = _name(about, reason, text)
        now = self._wall()
        written_at = self._written_at.get(name)
        if written_at is not None and now - written_at < self._repeat_s:
            return True
        if now - self._denied_at.get(_space(about), -_DENIED_S) < _DENIED_S:
            return True
        self._written_at[name] = now
        self._written_at.move_to_end(name)
        if len(self._written_at) > _REMEMBERED:
            self._written_at.popitem(last=False)
        try:
            self._create_or_repeat(about, name, reason, text, _timestamp(now))
        except SourceForbidden as error:
            # No role, or a namespace that is going away: told once, tried again much later.
            log = _log.debug if self._denied_at else _log.warning
            log("events are not permitted", namespace=_space(about), why=str(error))
            self._denied_at[_space(about)] = now
        except SourceError as error:
            _log.warning("event not written", reason=reason, about=about.name, why=str(error))
            self._session.close()
            return not error.retryable
        return True

    def _create_or_repeat(self, about: About, name: str, reason: str, text: str, now: str) -> None:
        content = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": _space(about)},
            "involvedObject": about.reference(),
            "type": "Warning",
            "reason": reason,
            "message": text,
            "source": {"component": _COMPONENT},
            "reportingComponent": _COMPONENT,
            "reportingInstance": self._instance,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            self._send("create", about, "", content)
        except SourceConflict:  # said before, by us, another replica, or before a restart
            self._repeat(about, name, now)

    def _repeat(self, about: About, name: str, now: str) -> None:
        request = Request("get", EVENTS, _space(about), name)
        try:
            count = self._session.one(request, _Counted).count or 0
            again = {"count": count + 1, "lastTimestamp": now}
            self._send("patch", about, name, again)
        except SourceNotFound:
            self._written_at.pop(name, None)  # it ran out in this moment; say it afresh next time

    def _send(self, verb: Verb, about: About, name: str, content: dict[str, Any]) -> None:
        kind = "application/merge-patch+json" if verb == "patch" else "application/json"
        body = msgspec.json.encode(content)
        self._session.send(Request(verb, EVENTS, _space(about), name, body=body, content_type=kind))


def _space(about: About) -> str:
    """Where the event lives: beside its object; those of cluster-wide objects in `default`."""
    return about.namespace or "default"


def _name(about: About, reason: str, text: str) -> str:
    """The same for the same thing said, so that it is found again after a restart."""
    said = "\0".join((*about.reference().values(), "Warning", reason, text))
    digest = hashlib.sha256(said.encode()).hexdigest()[:16]
    return f"{about.name[: _LONGEST_NAME - 17]}.{digest}"


def _printable(message: str) -> str:
    text = "".join(char if char.isprintable() else " " for char in redaction.hide(message))
    return shortened(text, _LONGEST_MESSAGE if text.isascii() else _LONGEST_MESSAGE // _WIDEST)


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
