"""Who has to be asked for serial numbers before anything is written: all that `sites` names."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from fmgsync.clock import Clock
from fmgsync.model.target import TargetKind, TargetRef
from fmgsync.planning import sites
from fmgsync.settings import rules
from fmgsync.targets.fortigate.identities import Asker, Identities
from fmgsync.targets.fortimanager.target import FortiManagerAdom
from fmgsync.wiring.fortigates import FortiGates

if TYPE_CHECKING:
    from fmgsync.settings.schema import Config


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
    askers: list[Asker] = [partial(direct.ask_serial, ref) for ref in units.values()]
    askers += [partial(_ask_adom, config, adom_of, ref) for ref in adoms]
    identities.learn_from(askers, clock, at_once=config.reconcile.units_at_once)


def _ask_adom(
    config: Config,
    adom_of: Callable[[TargetRef], FortiManagerAdom],
    ref: TargetRef,
    identities: Identities,
) -> None:
    """Note the serial numbers of the FortiGates that `sites` means in an ADOM. The session is one
    of its own: that of the pass may be in use."""
    with adom_of(ref) as target:
        resolved = sites.resolve(rules.sites(config), target.read_topology())
        used = {place.device for site in resolved for place in site.targets}
        found = target.read_serials()
    identities.note_managed(ref, {serial: name for serial, name in found.items() if name in used})
