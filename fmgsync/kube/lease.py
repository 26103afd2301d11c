"""A Lease: at most one holder at a time, and the holder knows when it no longer may act.

How it stays safe without trusting anybody's clock:

- Time is measured, never compared. A lease ends for its holder a duration after the moment
  *before* the last successful write was sent, and for everybody else a duration after the moment
  they first *saw* that write. The second is never earlier than the first.
- Every write names the version it replaces, so the API server lets one of two rivals win.
- A write whose outcome is unknown prolongs nothing; what it did is found out by reading.

Left over are clocks that run at different speeds, and requests under way when the lease ends: for
both the holder asks `holds` with a margin. Who deletes a Lease by hand lets a second holder in.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from fmgsync.clock import steady_seconds
from fmgsync.errors import SourceConflict, SourceNotFound, SourceRefused
from fmgsync.kube.client import ApiSession
from fmgsync.kube.requests import LEASES, Request, Verb, Version

_TICK: Final = timedelta(microseconds=1)


class _Spec(msgspec.Struct, frozen=True, omit_defaults=True):
    holder: str | None = msgspec.field(name="holderIdentity", default=None)
    duration_s: int | None = msgspec.field(name="leaseDurationSeconds", default=None)
    acquired_at: str | None = msgspec.field(name="acquireTime", default=None)
    renewed_at: str | None = msgspec.field(name="renewTime", default=None)
    transitions: int | None = msgspec.field(name="leaseTransitions", default=None)


class _Metadata(msgspec.Struct, frozen=True):
    name: str
    resource_version: Version = msgspec.field(name="resourceVersion")
    annotations: dict[str, str] | None = None


class Record(msgspec.Struct, frozen=True):
    """What is looked at of a Lease."""

    metadata: _Metadata
    spec: _Spec = _Spec()


@dataclass(frozen=True, slots=True)
class _Seen:
    """A state of the Lease, and when this version of it was first seen."""

    record: Record
    at: float

    @property
    def version(self) -> str:
        return self.record.metadata.resource_version


class Lease:
    """One replica's view of one Lease. Safe to share between threads.

    `holder` must be unique to this process, not only to this pod: a restarted process is another
    holder. Requests block as long as the session's waits allow, so give it a session with waits
    well below `duration_s`.
    """

    def __init__(
        self,
        session: ApiSession,
        namespace: str,
        name: str,
        holder: str,
        *,
        duration_s: int = 10,
        steady: Callable[[], float] = steady_seconds,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.holder: Final = holder
        self.name: Final = name
        self._session: Final = session
        self._namespace: Final = namespace
        self._duration_s: Final = duration_s
        self._steady: Final = steady
        self._wall: Final = wall
        self._requests: Final = threading.Lock()  # one request of ours at a time
        self._state: Final = threading.Lock()
        self._ends_at: float | None = None
        self._seen: _Seen | None = None
        self._annotations: Mapping[str, str] = {}

    def annotate(self, annotations: Mapping[str, str]) -> None:
        """What the object says besides, from the next write on."""
        with self._state:
            self._annotations = dict(annotations)

    def holds(self, margin_s: float = 0.0) -> bool:
        """Whether this replica may act, and may for `margin_s` seconds more. Asks nobody."""
        with self._state:
            return self._ends_at is not None and self._steady() + margin_s < self._ends_at

    @property
    def term(self) -> int:
        """How often the Lease changed hands, as last seen: grows with every new holder."""
        with self._state:
            return 0 if self._seen is None else self._seen.record.spec.transitions or 0

    @property
    def other_holder(self) -> str:
        """Who else holds it, as last seen; empty if nobody does or this replica does."""
        with self._state:
            seen = None if self._seen is None else self._seen.record.spec.holder
        return "" if seen in (None, self.holder) else str(seen)

    def saw(self, record: Record) -> None:
        """A look at the Lease that came with a listing.

        Whoever looks all the time has waited already when a holder goes away.
        """
        if not self.holds():
            self._note(record)

    def try_hold(self) -> bool:
        """Acquire the Lease if it is free or has run out, renew it if it is ours: one try.

        Call it about three times per duration. True if this replica holds it now. Raises
        `SourceError` when the API server cannot be asked; what is held then still ends in time.
        """
        with self._requests:
            try:
                if self.holds():
                    return self._renew()
                return self._acquire(self._read())
            except SourceConflict:
                return self._after_conflict()
            except SourceNotFound:
                # Not there yet, or deleted by hand; a rival may be creating it as well.
                self._forget()
                return self._create()

    def release(self) -> None:
        """Give it up, so that others need not wait. Does nothing if another has it already."""
        with self._requests:
            with self._state:
                self._ends_at = None
                seen = self._seen
            if seen is None or seen.record.spec.holder != self.holder:
                return
            spec = msgspec.structs.replace(seen.record.spec, holder="", duration_s=1)
            with contextlib.suppress(SourceRefused):  # another has it by now, or it is gone
                self._write("update", spec, seen.version)

    def remove(self) -> None:
        """Give it up and take the object away. Does nothing if another has it already."""
        with self._requests:
            with self._state:
                self._ends_at = None
                seen, self._seen = self._seen, None
            if seen is None or seen.record.spec.holder != self.holder:
                return
            only = {"preconditions": {"resourceVersion": seen.version}}
            with contextlib.suppress(SourceRefused):  # another has it by now, or it is gone
                self._session.send(self._request("delete", msgspec.json.encode(only)))

    def _read(self) -> _Seen:
        return self._note(self._session.one(self._request("get"), Record))

    def _acquire(self, seen: _Seen) -> bool:
        spec = seen.record.spec
        free = not spec.holder or spec.holder == self.holder
        lasts_s = spec.duration_s or self._duration_s
        if not free and self._steady() < seen.at + lasts_s:
            return False
        return self._take(seen)

    def _renew(self) -> bool:
        with self._state:
            seen = self._seen
        return self._take(seen if seen is not None else self._read())

    def _after_conflict(self) -> bool:
        """Somebody wrote meanwhile: perhaps we did, with an answer that got lost."""
        seen = self._read()
        if seen.record.spec.holder != self.holder:
            self._forget()
            return False
        try:
            return self._take(seen)
        except SourceConflict:
            self._forget()
            return False

    def _take(self, seen: _Seen) -> bool:
        spec = seen.record.spec
        now = self._timestamp(after=spec.renewed_at)
        same = spec.holder == self.holder
        wanted = _Spec(
            holder=self.holder,
            duration_s=self._duration_s,
            acquired_at=spec.acquired_at if same else now,
            renewed_at=now,
            transitions=(spec.transitions or 0) + (0 if same else 1),
        )
        return self._hold("update", wanted, seen.version)

    def _create(self) -> bool:
        now = self._timestamp(after=None)
        wanted = _Spec(self.holder, self._duration_s, now, now, 1)
        try:
            return self._hold("create", wanted, "")
        except SourceConflict:
            return False

    def _hold(self, verb: Verb, spec: _Spec, version: str) -> bool:
        sent_at = self._steady()
        self._note(self._write(verb, spec, version))
        with self._state:
            self._ends_at = sent_at + self._duration_s
        return self.holds()

    def _write(self, verb: Verb, spec: _Spec, version: str) -> Record:
        metadata: dict[str, Any] = {"name": self.name, "namespace": self._namespace}
        if self._annotations:
            metadata["annotations"] = self._annotations
        if version:
            metadata["resourceVersion"] = version
        content = {
            "apiVersion": LEASES.api_version,
            "kind": "Lease",
            "metadata": metadata,
            "spec": spec,
        }
        request = self._request(verb, msgspec.json.encode(content))
        return self._session.one(request, Record)

    def _request(self, verb: Verb, body: bytes | None = None) -> Request:
        name = "" if verb == "create" else self.name
        return Request(verb, LEASES, self._namespace, name, body=body)

    def _note(self, record: Record) -> _Seen:
        """Remember a state; the same version keeps the moment when it was first seen."""
        seen = _Seen(record, self._steady())
        with self._state:
            if self._seen is None or self._seen.version != seen.version:
                self._seen = seen
            return self._seen

    def _forget(self) -> None:
        with self._state:
            self._ends_at = None

    def _timestamp(self, *, after: str | None) -> str:
        """The wall clock, for people; always later than the last one.

        A write that changes nothing makes no new version, and rivals would see no sign of life.
        """
        now = datetime.fromtimestamp(self._wall(), UTC)
        if after is not None:
            with contextlib.suppress(ValueError, OverflowError, TypeError):  # not our way to write
                now = max(now, datetime.fromisoformat(after) + _TICK)
        return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
