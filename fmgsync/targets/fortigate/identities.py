"""Which FortiGate goes by which name: one for all units of a configuration.

Two names for one unit would be two plans that undo each other. Serial numbers tell, and all of them
are learned before the first write: else one of the two would be written before the other is read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.model.target import TargetKind, TargetRef

COUNTS_S = 600.0
"""So long what a FortiManager has counts as it was told, and whoever did not answer is not asked
again because of others' writes."""

Asker = Callable[["Identities"], None]

_log = structlog.get_logger(__name__)


class Identities:
    """Knows serial numbers as units and FortiManagers tell them. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._learning = threading.Lock()
        self._names: dict[str, set[str]] = {}
        self._managed: dict[TargetRef, Mapping[str, str]] = {}
        self._askers: Sequence[Asker] = ()
        self._learn_from: Clock | None = None
        self._learned_at: float | None = None
        self._at_once = 1

    def learn_from(self, askers: Sequence[Asker], clock: Clock, *, at_once: int) -> None:
        """Ask these before a write; each notes what it hears."""
        self._askers, self._learn_from, self._at_once = tuple(askers), clock, at_once

    def knows(self, name: str) -> bool:
        """Whether a unit has answered under this name."""
        with self._lock:
            return any(name in names for names in self._names.values())

    def claim(self, serial: str, name: str) -> None:
        """This unit has answered under this name; raises if it has under another."""
        if not serial:
            return
        with self._lock:
            self._names.setdefault(serial, set()).add(name)
        self._refuse_direct(name)

    def note_managed(self, ref: TargetRef, devices: Mapping[str, str]) -> None:
        """The serial numbers behind an ADOM, and the device that each belongs to."""
        with self._lock:
            self._managed[ref] = dict(devices)

    def check(self, ref: TargetRef) -> None:
        """Raises if what is about to be written is written under another name as well.

        Who does not answer cannot be compared, and is not written either; the others go on.
        """
        self._learn()
        if ref.kind is TargetKind.FORTIGATE:
            self._refuse_direct(ref.unit)
        else:
            self._refuse_managed(ref)

    def _learn(self) -> None:
        clock = self._learn_from
        if clock is None:
            return
        with self._learning:
            now = clock.now()
            if self._learned_at is not None and 0 <= now - self._learned_at < COUNTS_S:
                return
            with ThreadPoolExecutor(self._at_once, thread_name_prefix="serials") as workers:
                list(workers.map(self._ask, self._askers))
            self._learned_at = now

    def _ask(self, asker: Asker) -> None:
        try:
            asker(self)
        except errors.TwoNames:
            pass  # Each of the two is refused when its turn comes.
        except errors.TargetError as error:
            _log.warning("serial numbers not compared", why=str(error))

    def _refuse_direct(self, name: str) -> None:
        with self._lock:
            for serial, names in self._names.items():
                others = [repr(other) for other in sorted(names - {name})]
                through = [
                    f"device {devices[serial]!r} of {ref.title}"
                    for ref, devices in sorted(self._managed.items())
                    if serial in devices
                ]
                if name in names and (others or through):
                    raise _twice(serial, [*others, *through], fortigate=name)

    def _refuse_managed(self, ref: TargetRef) -> None:
        with self._lock:
            for serial, device in self._managed.get(ref, {}).items():
                if names := sorted(self._names.get(serial, ())):
                    told = [f"FortiGate {name!r} without a FortiManager" for name in names]
                    raise _twice(serial, told, **ref.named, device=device)


def _twice(serial: str, others: Sequence[str], **place: Any) -> errors.TwoNames:
    return errors.TwoNames(
        f"the unit {serial} is {' and '.join(others)} in the configuration as well; nothing is"
        " written under either name",
        **place,
        next_step="give each unit one name, and name it in 'sites' directly or through its"
        " FortiManager; VDOMs are name/vdom",
    )
