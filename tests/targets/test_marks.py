"""Whose mark an object bears, looked for where it may still be."""

from __future__ import annotations

from collections.abc import Collection

from fmgsync.model.address import Family
from fmgsync.model.preview import Marked
from fmgsync.model.state import ObjectKey
from fmgsync.targets.fortimanager import marks, reads
from fmgsync.targets.protocol import Marks
from tests.targets.conftest import OWNER, REF, Start, Unit, seed
from tests.targets.installing import WEB, add_policy, install, policy
from tests.targets.wanted import ONE, reconcile

V4 = Family.IPV4
GONE = (V4, "prod_10.1.0.5")
STAYS = (V4, "web")


def installed(start: Start) -> Unit:
    """Our group and its addresses are on the first FortiGate."""
    unit = start(seed())
    reconcile(unit.adom(), WEB)
    add_policy(unit, policy("web"))
    install(unit, ONE)
    return unit


def read(unit: Unit, keys: Collection[ObjectKey], gone: Collection[ObjectKey]) -> list[Marked]:
    with unit.session() as session:
        return list(reads.run(session, marks.reading(session, REF, Marks(keys, gone, [ONE]))))


def test_what_is_gone_from_the_adom_has_its_mark_in_the_devices_copy(start: Start) -> None:
    unit = installed(start)
    reconcile(unit.adom(), {"web": {ONE: "10.1.0.6"}})
    (ours,) = read(unit, [GONE, STAYS], [GONE])
    assert ours.owner == OWNER
    assert GONE not in ours.adom.addresses
    assert ours.adom.groups[STAYS].owned
    assert ("firewall address", GONE) in ours.copied[ONE]


def test_after_an_install_that_failed_only_the_device_has_it(start: Start) -> None:
    unit = installed(start)
    reconcile(unit.adom(), {"web": {ONE: "10.1.0.6"}})
    # The copy stage went through, the push did not.
    with unit.simulator.world.lock:
        unit.simulator.world.switches.unreachable_install_fails = True
        unit.simulator.world.devices["fgt-1"].online = False
    install(unit, ONE)
    with unit.simulator.world.lock:
        unit.simulator.world.devices["fgt-1"].online = True
    (ours,) = read(unit, [GONE, STAYS], [GONE])
    assert ("firewall address", GONE) in ours.copied[ONE]


def test_who_does_not_answer_proves_nothing(start: Start) -> None:
    unit = start(seed())
    assert read(unit, [GONE], [GONE]) == []
