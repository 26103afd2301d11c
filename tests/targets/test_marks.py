"""Whose mark an object bears, looked for where it may still be."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from fmgsync.model.address import Family
from fmgsync.model.preview import Marked
from fmgsync.model.state import ObjectKey
from fmgsync.planning import diff
from fmgsync.planning.sharding import Limits
from fmgsync.targets.fortimanager import marks, reads
from fmgsync.targets.protocol import Marks, Question
from tests.targets.conftest import OWNER, REF, Start, Unit, seed
from tests.targets.installing import WEB, add_policy, install, policy
from tests.targets.wanted import ONE, desired, reconcile

V4 = Family.IPV4
GONE = (V4, "prod_10.1.0.5")
SHARD = (V4, "web.1")
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


def write_in_shards(unit: Unit, addresses: str) -> None:
    """Our group on the first FortiGate, two addresses in each of its parts."""
    adom, groups = unit.adom(), {"web": {ONE: addresses}}
    observed = adom.look(Question(objects=["web"])).objects()
    adom.write(diff.make_plan(desired(groups), observed, limits=Limits(members=2)))


def fail_to_push(unit: Unit) -> None:
    """The copy stage goes through, the push does not."""
    with unit.simulator.world.lock:
        unit.simulator.world.switches.unreachable_install_fails = True
        unit.simulator.world.devices["fgt-1"].online = False
    install(unit, ONE)
    with unit.simulator.world.lock:
        unit.simulator.world.devices["fgt-1"].online = True


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
    fail_to_push(unit)
    (ours,) = read(unit, [GONE, STAYS], [GONE])
    assert ("firewall address", GONE) in ours.copied[ONE]


@pytest.mark.parametrize("copied", [True, False], ids=["in the copy", "on the device alone"])
def test_a_shard_is_known_by_our_group_that_holds_it(start: Start, *, copied: bool) -> None:
    """Where it has a mapping the device has no comment of it: that is of its own value."""
    unit = start(seed())
    write_in_shards(unit, "10.1.0.5 10.1.0.6 10.1.0.7")
    add_policy(unit, policy("web"))
    install(unit, ONE)
    write_in_shards(unit, "10.1.0.5")
    if not copied:
        fail_to_push(unit)
    (ours,) = read(unit, [SHARD], [SHARD])
    assert ("firewall addrgrp", SHARD) in ours.copied[ONE]


def test_a_shards_name_proves_nothing(start: Start) -> None:
    """One that our group does not hold may be anybody's, and so may that of somebody's group."""
    unit = installed(start)
    device = unit.simulator.fortigate("fgt-1")
    for name in ("web.1", "theirs.1"):
        device.drift("firewall addrgrp", name, member=("prod_10.1.0.5",))
    device.drift("firewall addrgrp", "theirs", member=("theirs.1",))
    device.retrieve()
    gone = [SHARD, (V4, "theirs.1")]
    assert all(not one.copied for one in read(unit, gone, gone))


def test_who_does_not_answer_proves_nothing(start: Start) -> None:
    unit = start(seed())
    assert read(unit, [GONE], [GONE]) == []
