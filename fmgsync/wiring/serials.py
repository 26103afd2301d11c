"""Serial numbers: who is asked for them before anything is written, and what is remembered of
them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from fmgsync import errors
from fmgsync.audit import Audit
from fmgsync.clock import Clock
from fmgsync.model.target import TargetKind, TargetRef
from fmgsync.planning import sites
from fmgsync.settings import rules
from fmgsync.state.units import Units
from fmgsync.targets.fortigate import high_availability
from fmgsync.targets.fortigate.identities import Identities
from fmgsync.targets.fortigate.session import Session
from fmgsync.targets.fortimanager.target import FortiManagerAdom
from fmgsync.targets.protocol import DEVICES
from fmgsync.wiring.fortigates import FortiGates

if TYPE_CHECKING:
    from fmgsync.settings.schema import Config


class Recognition:
    """Holds who answers under a FortiGate's name against who did when the state was made."""

    def __init__(self, units: Units, audit: Audit, tell: Callable[[str], None]) -> None:
        self._units = units
        self._audit = audit
        self._tell = tell
        self._seen: dict[str, str] = {}

    def __call__(self, name: str, session: Session, vdom: str) -> None:
        """Another unit's state begins anew, and the pass that found it with it: raises OtherUnit
        where something could be written. Where a cluster may have failed over, it goes on."""
        serial = session.serial
        if not serial or self._seen.get(name) == serial:
            return
        before, remember = self._units.serial(name), self._audit.is_kept
        if before not in ("", serial) and _is_failover(before, session, vdom):
            if remember:
                self._units.follow(name, serial)
            self._seen[name] = serial
            return
        told = self._units.bind(name, serial, remember=remember, kind="FortiGate")
        self._seen[name] = serial
        if told is None:
            return
        self._tell(told)
        if remember:
            raise errors.OtherUnit(
                f"{told}; {before} was known",
                fortigate=name,
                vdom=vdom,
                next_step="nothing was written; it is read again, and planned anew",
            )


def _is_failover(before: str, session: Session, vdom: str) -> bool:
    """Whether who answers now and who did `before` are units of one cluster: where the
    configuration names those, it counts; else it may be, unless the unit says that it is alone."""
    if session.access.serials:
        return not session.access.is_another(before)
    return not high_availability.stands_alone(session, vdom)


def learn(
    identities: Identities,
    config: Config,
    direct: FortiGates,
    adom_of: Callable[[TargetRef], FortiManagerAdom],
    clock: Clock,
) -> None:
    """Nobody is asked where there is nothing to compare."""
    refs = sorted({site.adom for site in rules.sites(config)})
    units = {ref.unit: ref for ref in refs if ref.kind is TargetKind.FORTIGATE}
    adoms = [ref for ref in refs if ref.kind is TargetKind.FORTIMANAGER]
    if not units or len(units) + len(adoms) < 2:
        return
    identities.learn_from(
        [partial(direct.ask_serial, ref) for ref in units.values()],
        [partial(_ask_adom, config, adom_of, ref) for ref in adoms],
        clock,
        at_once=config.reconcile.units_at_once,
    )


def _ask_adom(
    config: Config,
    adom_of: Callable[[TargetRef], FortiManagerAdom],
    ref: TargetRef,
    identities: Identities,
) -> None:
    """Note the serial numbers of the FortiGates that `sites` means in an ADOM. The session is one
    of its own: that of the pass may be in use."""
    with adom_of(ref) as target:
        seen = target.look(DEVICES).around()
        resolved = sites.resolve(rules.sites(config), seen.topology)
        used = {place.device for site in resolved for place in site.targets}
        found = target.read_serials()
    identities.note_managed(ref, {serial: name for serial, name in found.items() if name in used})
