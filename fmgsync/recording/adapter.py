"""Records at the one place where only a unit's exchanges pass: the session's own transport.

Patching the HTTP library, as vcrpy does, would catch whatever else the process says meanwhile,
Kubernetes tokens included. An adapter mounted on one session sees that session alone, and notes
only what goes to the hosts it was made for. What is noted stays in memory until it is scrubbed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import requests
import requests.adapters

from fmgsync.recording.cassette import Exchange, Headers

_HTTPS: Final = 443
MOST_BYTES: Final = 256 * 1024 * 1024
"""What one recording keeps in memory: a controller may run for days."""


class Unit(Protocol):
    """What a recording must know of a FortiManager or FortiGate."""

    @property
    def host(self) -> str:
        """`host[:port]`."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Passwords and keys that must appear nowhere."""


class Recording:
    """All sessions of one recording. `adapter(unit)` makes the transport of the next session.

    Raw exchanges hold secrets: they are for `scrub` alone.
    """

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        self._room = most_bytes
        self._units: dict[tuple[str, tuple[str, ...]], Unit] = {}
        self._tapes: list[list[Exchange]] = []
        self._lock = threading.Lock()
        self._count = 0
        self._step = ""
        self.unanswered = 0
        """Requests that got no answer, or none that arrived whole."""
        self.left_out = 0
        """Exchanges that came after the recording was full."""

    def adapter(self, unit: Unit) -> requests.adapters.HTTPAdapter:
        """A transport for one session with one unit, to be mounted for `https://`."""
        tape: list[Exchange] = []
        with self._lock:
            self._tapes.append(tape)
            self._units[unit.host, unit.secrets] = unit
        return _RecordingAdapter(self, tape, unit.host)

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units recorded so far; one twice if its secrets changed meanwhile."""
        with self._lock:
            return tuple(self._units.values())

    @property
    def tapes(self) -> list[tuple[Exchange, ...]]:
        """What was said so far, one tape per session that said anything."""
        with self._lock:
            return [tuple(tape) for tape in self._tapes if tape]

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Name what is being asked; exchanges bear the name. For one flow at a time."""
        before, self._step = self._step, name
        try:
            yield
        finally:
            self._step = before

    def begin(self, tape: Sequence[Exchange]) -> tuple[int, int]:
        """The number of a request among all sessions, given out when it is sent, and how many of
        its own session were answered before."""
        with self._lock:
            self._count += 1
            return self._count, len(tape)

    def lost(self) -> None:
        """Count a request without an answer."""
        with self._lock:
            self.unanswered += 1

    def note(
        self,
        tape: list[Exchange],
        begun: tuple[int, int],
        request: requests.PreparedRequest,
        response: requests.Response,
    ) -> None:
        """Keep one exchange."""
        exchange = Exchange(
            uri=request.url or "",
            method=request.method or "",
            request_headers=_headers(request.headers),
            request_body=_bytes(request.body),
            status=response.status_code,
            reason=response.reason or "",
            response_headers=_headers(response.headers),
            response_body=response.content,
            order=begun[0],
            step=self._step,
        )
        size = len(exchange.request_body) + len(exchange.response_body)
        with self._lock:
            if size > self._room:
                self._room = 0  # what comes later would be a recording with holes
                self.left_out += 1
                return
            self._room -= size
            if begun[1] != len(tape):
                exchange = replace(exchange, after=begun[1])
            tape.append(exchange)


class _RecordingAdapter(requests.adapters.HTTPAdapter):
    """The ordinary transport, which also takes notes."""

    def __init__(self, recording: Recording, tape: list[Exchange], host: str) -> None:
        super().__init__()
        self._recording = recording
        self._tape = tape
        self._place = _place(f"https://{host}")

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        """Send, and note request and answer if they are this unit's."""
        if _place(request.url or "") != self._place:
            return super().send(request, *args, **options)
        begun = self._recording.begin(self._tape)
        try:
            response = super().send(request, *args, **options)
            response.content  # noqa: B018 - read here, so that a broken answer is not half noted
        except BaseException:
            self._recording.lost()
            raise
        self._recording.note(self._tape, begun, request, response)
        return response


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    try:
        return (parts.hostname or "").casefold(), parts.port or _HTTPS
    except ValueError:
        return "", 0


def _headers(headers: Any) -> Headers:
    return tuple((str(name), str(value)) for name, value in headers.items())


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body or b"")
