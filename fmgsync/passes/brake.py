"""What people decide about everything at once: stop, and start again."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from fmgsync import errors
from fmgsync.audit import Audit
from fmgsync.model.stop import Stop
from fmgsync.model.target import TargetRef
from fmgsync.state.rollouts import Rollouts
from fmgsync.state.stops import Stops


@dataclass(frozen=True, slots=True)
class Stopped:
    """The stop that stands, whether it is of now, and what is being installed by ADOM."""

    stop: Stop
    is_new: bool
    under_way: Mapping[TargetRef, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Brake:
    """One installation's stops, and the audit of who stops and starts. `refs` are its ADOMs."""

    stops: Stops
    rollouts: Rollouts
    audit: Audit
    refs: Collection[TargetRef]
    who: str
    reason: str
    now: float
    needs_reason: bool = False

    def stop(self, fortimanager: str, adom: str) -> Stopped:
        """It takes effect first: an audit that cannot be kept must not let a write through."""
        scope = self._scope(fortimanager, adom)
        wanted = Stop(*scope, self.who, self.reason, self.now)
        standing = self.stops.stop(wanted)
        is_new = standing == wanted
        if is_new:
            try:
                self._record("stop", standing)
            except errors.StateError as error:
                step = f"it is stopped, but that is in no audit; {error.next_step or 'mend that'}"
                raise errors.StateError(error.message, where=error.where, next_step=step) from error
        return Stopped(standing, is_new, self._under_way(standing))

    def start(self, fortimanager: str, adom: str) -> tuple[tuple[Stop, ...], tuple[Stop, ...]]:
        """What is lifted, and what still stands. It is in the audit before it takes effect.

        Raises UsageError for a part that only a wider stop keeps.
        """
        scope = self._scope(fortimanager, adom)
        standing = self.stops.all()
        lifted = [stop for stop in standing if stop.within(*scope)]
        wider = [stop for stop in standing if scope != ("", "") and _is_wider(stop, scope)]
        if not lifted and wider:
            raise errors.UsageError(
                str(wider[0]), next_step="lift that stop: 'fmgsync start', with its scope or none"
            )
        for stop in lifted:
            self._record("start", stop)
        gone = self.stops.start(*scope) if lifted else ()
        return gone, self.stops.all()

    def _record(self, event: str, stop: Stop) -> None:
        self.audit.record(
            event,
            fortimanager=stop.unit or "*",
            adom=stop.domain or "*",
            what=str(stop) if event == "start" else stop.place,
        )
        self.audit.keep_head()

    def _under_way(self, stop: Stop) -> dict[TargetRef, tuple[str, ...]]:
        found: dict[TargetRef, tuple[str, ...]] = {}
        for ref in sorted(ref for ref in self.refs if stop.covers(ref)):
            record = self.rollouts.read(ref)
            if record is not None and record.ledger.running:
                found[ref] = tuple(attempt.device for attempt in record.ledger.running)
        return found

    def _scope(self, fortimanager: str, adom: str) -> tuple[str, str]:
        units = sorted({ref.unit for ref in self.refs})
        if fortimanager and fortimanager not in units:
            raise _unknown("FortiManager", fortimanager, units)
        if not adom:
            return fortimanager, ""
        found = [
            ref
            for ref in self.refs
            if adom in (str(ref), ref.domain) and fortimanager in ("", ref.unit)
        ]
        if not found:
            raise _unknown("ADOM", adom, sorted(map(str, self.refs)))
        if len(found) > 1:
            names = " or ".join(sorted(map(str, found)))
            raise errors.UsageError(f"ADOM {adom!r}: which one?", next_step=f"name {names}")
        return found[0].unit, found[0].domain


def _is_wider(stop: Stop, scope: tuple[str, str]) -> bool:
    return stop.scope != scope and Stop(*scope, "", "", 0.0).within(*stop.scope)


def _unknown(what: str, name: str, known: list[str]) -> errors.UsageError:
    near = difflib.get_close_matches(name, known, n=1)
    step = f"did you mean {near[0]!r}?" if near else f"name one of: {', '.join(known)}"
    return errors.UsageError(f"there is no {what} {name!r} in the configuration", next_step=step)
