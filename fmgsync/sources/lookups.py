"""Whether a pod has an address, asked of the API server when somebody wants to know.

Where only the pods that rules select are followed, this is how an address is recognised that
another workload has by now. A field selector names one address, so each is a request of its own:
answered from the server's watch cache, remembered, and asked again at growing intervals while the
address stays free. What could not be asked counts as not known, which is what False means here.
The API server compares with a pod's first address, so the second family of a pod is not found.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import Final

import structlog

from fmgsync.clock import Clock
from fmgsync.errors import SourceError
from fmgsync.kube import listing
from fmgsync.kube.client import ApiSession
from fmgsync.kube.listing import Scope
from fmgsync.model.address import Address
from fmgsync.model.endpoint import Kind, PodEndpoint
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import Malformed, Pod
from fmgsync.sources.convert.pod import endpoint
from fmgsync.sources.kinds import KINDS

_FIRST_S: Final = 60.0
_LONGEST_S: Final = 300.0
_FORGOTTEN_S: Final = 3600.0
_MOST_A_MINUTE: Final = 50
_MINUTE_S: Final = 60.0
_AFTER_FAILURE_S: Final = 30.0
"""So long a server that did not answer is left alone: a pass must not wait for each address."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was found, when, and for how long that is good enough."""

    runs: bool
    at: float
    lasts_s: float


class Lookups:
    """Asks one cluster. Any thread may; one question at a time."""

    def __init__(self, session: ApiSession, *, clock: Clock) -> None:
        self._session: Final = session
        self._clock: Final = clock
        self._lock: Final = threading.Lock()
        self._known: dict[Address, _Answer] = {}
        self._asked_at: deque[float] = deque()
        self._failed_at: float | None = None

    def runs(self, address: Address) -> bool:
        """Whether a running pod is known to have the address."""
        with self._lock:
            now = self._clock.steady()
            known = self._known.get(address)
            if known is not None and now < known.at + known.lasts_s:
                return known.runs
            if (found := self._find(address, now)) is not None:
                runs = any(not pod.host_network for pod in found)
                known = self._remember(address, known, runs, now)
            return known is not None and known.runs

    def find(self, address: Address, *, spare: int = 0) -> tuple[PodEndpoint, ...] | None:
        """The pods that have the address now, also as their node's; None if it cannot be asked.

        So many questions of this minute are left for what is more urgent.
        """
        with self._lock:
            return self._find(address, self._clock.steady(), spare)

    def _find(self, address: Address, now: float, spare: int = 0) -> tuple[PodEndpoint, ...] | None:
        if not self._may_ask(now, spare):
            return None
        self._asked_at.append(now)
        self._forget(now)
        return self._ask(address, now)

    def _may_ask(self, now: float, spare: int) -> bool:
        while self._asked_at and self._asked_at[0] <= now - _MINUTE_S:
            self._asked_at.popleft()
        left_alone = self._failed_at is not None and now < self._failed_at + _AFTER_FAILURE_S
        return not left_alone and len(self._asked_at) < _MOST_A_MINUTE - spare

    def _forget(self, now: float) -> None:
        """Nobody wants to know any more what was not asked for so long."""
        old = now - _FORGOTTEN_S
        self._known = {address: one for address, one in self._known.items() if one.at > old}

    def _remember(
        self, address: Address, before: _Answer | None, runs: bool, now: float
    ) -> _Answer:
        free = before is not None and not before.runs and not runs
        lasts_s = min(before.lasts_s * 2, _LONGEST_S) if before is not None and free else _FIRST_S
        answer = self._known[address] = _Answer(runs, now, lasts_s)
        return answer

    def _ask(self, address: Address, now: float) -> tuple[PodEndpoint, ...] | None:
        resource, scope = KINDS[Kind.PODS].resource, KINDS[Kind.PODS].scope
        wanted = Scope(fields=f"{scope.fields},status.podIP={address}")
        try:
            found = listing.cached(self._session, resource, Pod, wanted)
        except SourceError as error:
            if self._failed_at is None:
                _log.warning(
                    "addresses cannot be looked up", cluster=self._session.cluster, why=str(error)
                )
            self._failed_at = now
            return None
        if self._failed_at is not None:
            _log.info("addresses can be looked up again", cluster=self._session.cluster)
            self._failed_at = None
        return tuple(filter(None, (_with(pod, address) for pod in found.items)))


def _with(pod: Pod, address: Address) -> PodEndpoint | None:
    """Not a pod that has released its address; one in its node's network stands for the node."""
    try:
        found = endpoint(pod, LabelPool())
    except Malformed:
        return None
    if found is not None and found.host_network:
        return replace(found, addresses=(address,))
    return found if found is not None and address in found.addresses else None
