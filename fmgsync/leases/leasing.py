"""Builds the Leases of `ownership` in Kubernetes, and finds out which replicas are there."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

import structlog

from fmgsync import errors, redaction
from fmgsync.clock import Clock, steady_seconds
from fmgsync.kube import listing
from fmgsync.kube.client import Access, ApiSession
from fmgsync.kube.lease import Lease, Record
from fmgsync.kube.listing import Scope
from fmgsync.kube.requests import LEASES, Request
from fmgsync.leases.ownership import DURATION_S, UNREACHABLE, HeldLease, Leases
from fmgsync.model.target import TargetRef

_log = structlog.get_logger(__name__)

WAIT_S = 15.0
"""Long enough for the Lease of a replica that is gone to run out."""

CONNECT_S = 2.0
ANSWER_S = 3.0

FORGET_S = 300.0
"""A replica's Lease that was not renewed for so long is removed: its process is gone."""


def replica_name() -> str:
    """Unique to this process: a restarted pod is another replica."""
    host = re.sub(r"[^a-z0-9-]", "-", socket.gethostname().lower()).strip("-") or "replica"
    return f"{host[:40]}-{os.getpid()}-{secrets.token_hex(4)}"


def lease_name(owner: str, ref: TargetRef) -> str:
    """A valid object name for any ADOM name, readable where it can be, and never shared by two."""
    readable = re.sub(r"[^a-z0-9]+", "-", f"{ref.unit}-{ref.domain}".lower()).strip("-")
    digest = hashlib.sha256(f"{ref.unit}\0{ref.domain}".encode()).hexdigest()[:8]
    return f"fmgsync-{owner}-{readable[:60].strip('-')}-{digest}"


def make_leases(access: Access, namespace: str, owner: str, replica: str) -> Leases:
    """The Leases of one replica. Nothing is asked yet."""
    # Waits well below the duration: a request that hangs must not outlive what it renews.
    session = ApiSession("lease", access, connect_s=CONNECT_S, answer_s=ANSWER_S)

    def lease(name: str) -> Lease:
        return Lease(session, namespace, name, replica, duration_s=DURATION_S)

    prefix = f"fmgsync-{owner}-replica-"
    known: dict[str, Lease] = {}

    def of(ref: TargetRef) -> Lease:
        name = lease_name(owner, ref)
        return known.setdefault(name, lease(name))

    replicas = Replicas(session, namespace, prefix, known)
    return Leases(lease(prefix + replica), of, replicas.alive, session.close)


class Replicas:
    """Which replicas renew their Lease, by our own clock: a new version is a sign of life.

    `leases` (by name) are shown what the same listing says of them.
    """

    def __init__(
        self,
        session: ApiSession,
        namespace: str,
        prefix: str,
        leases: Mapping[str, Lease],
        *,
        steady: Callable[[], float] = steady_seconds,
    ) -> None:
        self._session = session
        self._namespace = namespace
        self._prefix = prefix
        self._leases = leases
        self._steady = steady
        self._seen: dict[str, tuple[str, float]] = {}

    def alive(self) -> Mapping[str, Collection[str]]:
        """The names of replicas seen to be alive, each with what it says it cannot reach."""
        rows = listing.whole(self._session, LEASES, Record, Scope(self._namespace))
        now = self._steady()
        for row in rows:
            if (lease := self._leases.get(row.metadata.name)) is not None:
                lease.saw(row)
        found = {name: row for row in rows if (name := row.metadata.name).startswith(self._prefix)}
        before, self._seen = self._seen, {}
        names: dict[str, Collection[str]] = {}
        for name, row in found.items():
            version = row.metadata.resource_version
            known = before.get(name)
            at = known[1] if known is not None and known[0] == version else now
            self._seen[name] = (version, at)
            if row.spec.holder and now - at < DURATION_S:
                told = (row.metadata.annotations or {}).get(UNREACHABLE, "")
                names[name.removeprefix(self._prefix)] = frozenset(told.split())
            elif now - at > FORGET_S:
                self._forget(name)
        return names

    def _forget(self, name: str) -> None:
        try:
            self._session.send(Request("delete", LEASES, self._namespace, name))
        except errors.SourceError:
            return  # another replica was faster, or may not: it is tried again next time


@contextmanager
def held_for(ref: TargetRef, lease: HeldLease, *, clock: Clock) -> Iterator[None]:
    """Hold an ADOM's Lease for the length of a block, renewed all the while.

    Raises LockHeld naming the replica that works on the ADOM, if it still does after the wait.
    """
    ends_at = clock.steady() + WAIT_S
    while not lease.try_hold():
        if clock.steady() >= ends_at:
            raise errors.LockHeld(
                f"replica {lease.other_holder or 'unknown'} holds the Lease {lease.name}",
                **ref.named,
                next_step="that replica does the work; stop 'fmgsync run' first to do it by hand",
            )
        clock.sleep(1.0)
    over = threading.Event()

    def renew() -> None:
        while not over.wait(DURATION_S / 3):
            try:
                lease.try_hold()
            except errors.SourceError:
                continue  # what is held ends by itself, and every write asks first
            except Exception as error:
                text = redaction.traceback_text(error)
                _log.error("lease not renewed", **ref.named, exception=text)

    thread = threading.Thread(target=renew, name=f"lease-{ref}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(DURATION_S)
        with suppress(errors.SourceError):
            lease.release()


class SharedLeases:
    """Leases for as long as anybody in this process needs them: targets of one fleet share theirs,
    and whoever has done with it first must not give it back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, tuple[int, ExitStack]] = {}

    @contextmanager
    def held(self, ref: TargetRef, lease: HeldLease) -> Iterator[None]:
        """Hold the Lease for the length of a block."""
        with self._lock:
            count, stack = self._open.get(lease.name, (0, ExitStack()))
            if not count:
                stack.enter_context(held_for(ref, lease, clock=self._clock))
            self._open[lease.name] = count + 1, stack
        try:
            yield
        finally:
            with self._lock:
                count, stack = self._open.pop(lease.name)
                if count > 1:
                    self._open[lease.name] = count - 1, stack
                else:
                    stack.close()
