"""Whether a pod has an address, asked of the API server when somebody wants to know.

Where only the pods that rules select are followed, this is how an address is recognised that
another workload has by now. Answers are remembered for a minute, and only so many are asked for
in that time: what could not be asked counts as not known, which is what False means here.
The API server compares with a pod's first address, so the second family of a pod is not found.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

import structlog

from fmgsync.clock import Clock
from fmgsync.errors import SourceError
from fmgsync.kube.client import ApiSession
from fmgsync.kube.listing import Scope, pages
from fmgsync.model.address import Address
from fmgsync.model.endpoint import Kind
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import Malformed, Pod
from fmgsync.sources.convert.pod import endpoint
from fmgsync.sources.live import READINGS

_REMEMBERED_S: Final = 60.0
_MOST: Final = 50

_log = structlog.get_logger()


class Lookups:
    """Asks one cluster. Any thread may; one question at a time."""

    def __init__(self, session: ApiSession, *, clock: Clock) -> None:
        self._session: Final = session
        self._clock: Final = clock
        self._lock: Final = threading.Lock()
        self._known: dict[Address, bool] = {}
        self._asked: deque[tuple[float, Address]] = deque()

    def runs(self, address: Address) -> bool:
        """Whether a running pod is known to have the address."""
        with self._lock:
            self._forget()
            if address not in self._known and len(self._asked) < _MOST:
                self._asked.append((self._clock.now(), address))
                self._known[address] = self._ask(address)
            return self._known.get(address, False)

    def _forget(self) -> None:
        oldest = self._clock.now() - _REMEMBERED_S
        while self._asked and self._asked[0][0] < oldest:
            self._known.pop(self._asked.popleft()[1], None)

    def _ask(self, address: Address) -> bool:
        resource, scope = READINGS[Kind.PODS].resource, READINGS[Kind.PODS].scope
        wanted = Scope(fields=f"{scope.fields},status.podIP={address}")
        try:
            return any(
                _has(pod, address)
                for page in pages(self._session, resource, Pod, wanted)
                for pod in page.items
            )
        except SourceError as error:
            _log.debug("address not looked up", cluster=self._session.cluster, why=str(error))
            return False


def _has(pod: Pod, address: Address) -> bool:
    """Not a pod in its node's network, nor one that has released its address."""
    try:
        found = endpoint(pod, LabelPool())
    except Malformed:
        return False
    return found is not None and address in found.addresses
