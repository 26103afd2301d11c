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
        self._units: Sequence[Asker] = ()
        self._adoms: Sequence[Asker] = ()
        self._clock: Clock | None = None
        self._units_at: float | None = None
        self._adoms_at: float | None = None
        self._at_once = 1

    def learn_from(
        self, units: Sequence[Asker], adoms: Sequence[Asker], clock: Clock, *, at_once: int
    ) -> None:
        """Ask these before a write; each notes what it hears."""
        self._units, self._adoms = tuple(units), tuple(adoms)
        self._clock, self._at_once = clock, at_once

    def knows(self, name: str) -> bool:
        """Whether a unit has answered under this name."""
        with self._lock:
            return any(name in names for names in self._names.values())

    def note(self, serial: str, name: str) -> None:
        """This unit has answered under this name."""
        if serial:
            with self._lock:
                self._names.setdefault(serial, set()).add(name)

    def claim(self, serial: str, name: str) -> None:
        """The same; raises if it has under another."""
        self.note(serial, name)
        if serial:
            self._refuse_direct(name)

    def note_managed(self, ref: TargetRef, devices: Mapping[str, str]) -> None:
        """The serial numbers behind an ADOM, and the device that each belongs to."""
        with self._lock:
            self._managed[ref] = dict(devices)

    def check(self, ref: TargetRef) -> None:
        """Raises if what is about to be written is written under another name as well.

        Who does not answer cannot be compared, and is not written either; the others go on.
        """
        self._learn(units=True)
        self._refuse(ref)

    def compare(self, ref: TargetRef) -> None:
        """The same for who only tells, after everything was read: of the FortiGates without a
        FortiManager none is asked again."""
        self._learn(units=False)
        self._refuse(ref)

    def _refuse(self, ref: TargetRef) -> None:
        if ref.kind is TargetKind.FORTIGATE:
            self._refuse_direct(ref.unit)
        else:
            self._refuse_managed(ref)

    def _learn(self, *, units: bool) -> None:
        if self._clock is None:
            return
        with self._learning:
            now = self._clock.steady()
            askers: list[Asker] = []
            if not _counts(self._adoms_at, now):
                self._adoms_at = now
                askers += self._adoms
            if units and not _counts(self._units_at, now):
                self._units_at = now
                askers += self._units
            if askers:
                with ThreadPoolExecutor(self._at_once, thread_name_prefix="serials") as workers:
                    list(workers.map(self._ask, askers))

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


def _counts(asked_at: float | None, now: float) -> bool:
    return asked_at is not None and now - asked_at < COUNTS_S


def _twice(serial: str, others: Sequence[str], **place: Any) -> errors.TwoNames:
    return errors.TwoNames(
        f"the unit {serial} is {' and '.join(others)} in the configuration as well; nothing is"
        " written under either name",
        **place,
        next_step="give each unit one name, and name it in 'sites' directly or through its"
        " FortiManager; VDOMs are name/vdom",
    )
