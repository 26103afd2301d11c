"""Is everything as it must be? Connects to every cluster and FortiManager, and writes nothing.

What is wrong stops fmgsync and is a failure; what others could do past it is a warning. Each comes
with its fix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fmgsync import errors, zones
from fmgsync.clock import Clock
from fmgsync.model import diagnosis
from fmgsync.model.diagnosis import Diagnosis, Level
from fmgsync.model.endpoint import ClusterSnapshot
from fmgsync.state.stops import Stops

if TYPE_CHECKING:
    from fmgsync.kube.client import ApiSession, Tls
    from fmgsync.kube.requests import Request, Resource


@dataclass(frozen=True, slots=True)
class TargetToCheck:
    """Where groups are written, by its name, and what it says of itself when it is asked."""

    name: str
    check: Callable[[Clock], Iterator[Diagnosis]]


@dataclass(frozen=True, slots=True)
class MemoryToCheck:
    """What is remembered of one ADOM: `read` tells which times in it lie ahead."""

    name: str
    read: Callable[[], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Home:
    """Where a kind is served; one that is `spare` need not be there at all."""

    first: Resource
    older: Resource | None = None
    spare: bool = False


@dataclass(frozen=True, slots=True)
class ClusterToCheck:
    """A cluster: a dump to read, or an API server to ask what is allowed.

    `homes` are kinds to be followed that it may have in one of two places, or not at all.
    """

    name: str
    read: Callable[[], ClusterSnapshot] | None = None
    session: Callable[[], ApiSession] | None = None
    wanted: tuple[Request, ...] = ()
    homes: tuple[Home, ...] = ()


def check_time_zones(clock: Clock) -> Iterator[Diagnosis]:
    """Which data says when the clocks of a window's time zone change."""
    used = zones.in_use()
    text = f"data {used}"
    if others := zones.passed_over():
        text += f"; older or without a version, and not used: {', '.join(map(str, others))}"
    this_year = datetime.fromtimestamp(clock.now(), UTC).year
    old = used.age_key[0] < this_year - 1
    fix = "update the tzdata package, of Python or of the host: clocks may have changed" * old
    level = Level.WARNING if old else Level.OK
    yield Diagnosis("this computer", "time zones", level, text, fix)


def check_state(memories: Iterable[MemoryToCheck]) -> Iterator[Diagnosis]:
    """Whether what is remembered can be read, and which times in it lie ahead."""
    for memory in memories:
        where = f"what is remembered of {memory.name}"
        try:
            ahead = memory.read()
        except errors.FmgsyncError as error:
            yield diagnosis.failed(where, "state", error)
            continue
        for sentence in ahead:
            fix = "set the clock right of the computer that wrote it; it is put right by itself"
            yield Diagnosis(where, "state", Level.WARNING, sentence, fix)
        if not ahead:
            yield Diagnosis(where, "state", Level.OK, "read; no time in it lies ahead")


def check_left(left: Callable[[], Iterable[str]]) -> Iterator[Diagnosis]:
    """Whether anything was begun where no site leads any more."""
    where = "this installation"
    fix = "put its sites back until a run has ended that; else see to it by hand"
    try:
        for sentence in left():
            yield Diagnosis(where, "left open", Level.WARNING, sentence, fix)
    except errors.StateError as error:
        yield diagnosis.failed(where, "left open", error)


def check_lease(leased: bool) -> Iterator[Diagnosis]:
    """Whether a second fmgsync of this owner is kept away."""
    where = "this installation"
    if leased:
        yield Diagnosis(where, "lease", Level.OK, "one works at a time on each ADOM or fleet")
        return
    text = "no lease is configured: nothing keeps a second fmgsync with this owner away"
    fix = "see to it that one works at a time, or set lease: {namespace: fmgsync}"
    yield Diagnosis(where, "lease", Level.WARNING, text, fix)


def check_stops(stops: Stops) -> Iterator[Diagnosis]:
    """Whether a person keeps everything, or a part, from being written."""
    where = stops.where()
    try:
        standing = stops.all()
    except errors.StateError as error:
        yield diagnosis.failed(where, "stops", error)
        return
    for stop in standing:
        text = f"{stop}; nothing is written or installed there"
        yield Diagnosis(where, "stops", Level.WARNING, text, "'fmgsync start' lets it go on")
    if not standing:
        yield Diagnosis(where, "stops", Level.OK, "nothing is stopped")


def check_cluster(cluster: ClusterToCheck, clock: Clock) -> Iterator[Diagnosis]:
    """Whether it can be read, and what no role allows."""
    where = f"cluster {cluster.name}"
    try:
        if cluster.session is not None:
            yield from _ask_api(where, cluster.session(), cluster, clock)
        elif cluster.read is not None:
            yield from _dump(where, cluster.read())
        else:
            yield Diagnosis(where, "source", Level.OK, "standard input; not read here")
    except errors.FmgsyncError as error:
        yield diagnosis.failed(where, "connection", error)


def _ask_api(
    where: str, session: ApiSession, cluster: ClusterToCheck, clock: Clock
) -> Iterator[Diagnosis]:
    from fmgsync.kube import discovery, rights
    from fmgsync.kube.requests import Request

    wanted = list(cluster.wanted)
    try:
        major, minor = session.version()
        yield Diagnosis(where, "connection", Level.OK, f"Kubernetes {major}.{minor}")
        yield from judge_tls(where, session.tls(), clock.now())
        for kind in cluster.homes:
            try:
                home = discovery.served(session, kind.first, kind.older, spare=kind.spare)
            except errors.SourceNotFound as error:
                if kind.spare:
                    continue
                text = f"it has no {kind.first.plural}"
                yield Diagnosis(where, "kinds", Level.FAILURE, text, error.next_step or "")
            else:
                wanted += [Request("list", home), Request("watch", home)]
        missing = rights.missing(session, wanted)
    finally:
        session.close()
    for request in missing:
        text = f"may not {request.verb} {request.resource.plural}"
        yield Diagnosis(where, "rights", Level.FAILURE, text, f"grant {request.rule()}")
    if not missing:
        yield Diagnosis(where, "rights", Level.OK, "everything needed is allowed")


def judge_tls(where: str, tls: Tls, now: float) -> Iterator[Diagnosis]:
    """Who we talk to, and for how long both certificates are good."""
    if not tls.verified:
        fix = "remove insecure-skip-tls-verify from the kubeconfig and name its authority"
        yield Diagnosis(where, "certificate", Level.WARNING, "is not verified", fix)
    shown = ((tls.server, "certificate", "API server's"), (tls.client, "own certificate", "user's"))
    for encoded, check, whose in shown:
        if encoded is not None:
            yield diagnosis.expiry(where, check, certificate_end(encoded), now, whose)


def certificate_end(encoded: bytes) -> datetime:
    """When a certificate, PEM or DER, ends."""
    from cryptography import x509

    pem = b"-----BEGIN" in encoded
    load = x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate
    return load(encoded).not_valid_after_utc


def _dump(where: str, found: ClusterSnapshot) -> Iterator[Diagnosis]:
    for problem in found.problems:
        text = f"{problem.where}: {problem.message}"
        yield Diagnosis(where, "dump", Level.WARNING, text, "write the dump again")
    if not found.problems:
        yield Diagnosis(where, "dump", Level.OK, "read")
