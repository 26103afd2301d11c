"""Which addresses of followed pods other pods have as well, from one look at all pods of a cluster.

Where only what rules can select is followed, nothing tells of a second pod with an address of one
that runs on. So all pods are counted at the beginning and then about once a minute, by name and
address alone and from the server's watch cache: what `kubectl get pods -A -o wide` asks for. A
large cluster is counted less often, so that no more than a fiftieth of the time goes into it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, TypeAlias

import structlog

from fmgsync.clock import Clock
from fmgsync.errors import SourceError, SourceUnavailable
from fmgsync.kube import listing, tables
from fmgsync.kube.client import ApiSession
from fmgsync.model.address import Address
from fmgsync.model.endpoint import Kind, PodKey
from fmgsync.sources.convert.objects import Malformed, Pod, host_address
from fmgsync.sources.kinds import KINDS, UNFINISHED

Holders: TypeAlias = Mapping[Address, Collection[PodKey]]
"""Addresses, each with the followed pods that have it or claim it."""

EVERY_S = 60.0
_SHARE: Final = 50.0
_AGAIN_S: Final = 5.0
_REFUSED_S: Final = 600.0
_PATIENCE: Final = 6
"""After so many looks that failed, what is followed counts without one."""
_PODS: Final = KINDS[Kind.PODS].resource

_log = structlog.get_logger()


class Census:
    """Counts the pods of one cluster; for one thread.

    `holders` gives what is followed, None before its first listing is complete.
    """

    def __init__(
        self,
        session: ApiSession,
        *,
        holders: Callable[[], Holders | None],
        clock: Clock,
    ) -> None:
        self._session: Final = session
        self._holders: Final = holders
        self._clock: Final = clock
        self._due_at = 0.0
        self._failures = 0
        self._told = ""
        self._free: Holders = {}
        self.counted = False
        """Whether all was counted once, or cannot be."""

    @property
    def due_in_s(self) -> float:
        """How long until it is to be taken again."""
        return max(self._due_at - self._clock.steady(), 0.0)

    def contested(self) -> Holders | None:
        """Who has an address that somebody else has as well; None: not due, or not answered."""
        if self.due_in_s > 0:
            return None
        began = self._clock.steady()
        try:
            if self._holders() is None:
                return None
            names = _names(self._session)
        except SourceError as error:
            self._fail(error)
            return None
        now = self._clock.steady()
        self._due_at = now + max(EVERY_S, _SHARE * (now - began))
        self._failures, self._told, self.counted = 0, "", True
        # Asked for after the count: who came in between is not taken for somebody else.
        found = dict(self._holders() or {})
        contested = {
            address: found.pop(address)
            for address, pods in tuple(found.items())
            if Counter(names.get(address, ())) - Counter(name for _, name in pods)
        }
        self._free = found
        return contested

    def is_free(self, pod: PodKey, address: Address) -> bool:
        """Whether the pod had or claimed it when all were counted, and nobody else had it."""
        return pod in self._free.get(address, ())

    def _fail(self, error: SourceError) -> None:
        self._failures += 1
        away = isinstance(error, SourceUnavailable)
        self._due_at = self._clock.steady() + (_AGAIN_S if away else _REFUSED_S)
        self.counted = self.counted or not away or self._failures >= _PATIENCE
        tell = _log.warning if not self._told else _log.debug
        self._told = str(error)
        tell("pods cannot be counted", cluster=self._session.cluster, why=self._told)


def _names(session: ApiSession) -> Mapping[Address, list[str]]:
    """The names of the pods with each address; one in its node's network has the node's."""
    found = defaultdict(list)
    for name, text in _rows(session):
        try:
            found[host_address(text, "IP")].append(name)
        except Malformed:
            continue  # none yet
    return found


def _rows(session: ApiSession) -> Iterator[tuple[str, ...]]:
    try:
        yield from tables.cached(session, _PODS, UNFINISHED, ("Name", "IP"))
    except tables.NoTable:
        for page in listing.pages(session, _PODS, Pod, UNFINISHED):
            for pod in page.items:
                yield pod.metadata.name, pod.status.pod_ip or ""
